//! The rules as tables and properties.

use proptest::prelude::*;

use super::{
    super::rules::{self, Creditable, Fault, Kind, State, totals},
    day,
};
use crate::{ledger::tax::TaxRate, money::Money};

fn ppn(inclusive: bool) -> TaxRate {
    TaxRate {
        valid_from: day("2025-01-01"),
        rate_bps: 1200,
        base_num: 11,
        base_den: 12,
        inclusive,
        label: "PPN 12% × 11/12".to_owned(),
    }
}

fn lines(amounts: &[(i64, bool)]) -> Vec<(Money, bool)> {
    amounts.iter().map(|(amount, is_taxed)| (Money::idr(*amount), *is_taxed)).collect()
}

#[test]
fn lines_sum_up_with_the_tax_on_what_is_taxed() {
    let rate = |inclusive: Option<bool>| inclusive.map(ppn);
    for (amounts, inclusive, net, tax, total) in [
        (&[(165_000, true)][..], None, 165_000, 0, 165_000),
        (&[(165_000, true)], Some(false), 165_000, 18_150, 183_150),
        (&[(150_000, true)], Some(true), 135_135, 14_865, 150_000),
        // W2: seven days and the set-up, of which only the package is taxed.
        (&[(38_500, true), (200_000, false)], Some(false), 238_500, 4_235, 242_735),
        // 0.11 × 50 = 5.5: up. 0.11 × 4 = 0.44: down.
        (&[(50, true)], Some(false), 50, 6, 56),
        (&[(4, true)], Some(false), 4, 0, 4),
        // Once per invoice, not per line: 0.44 + 0.44 + 0.44 = 1.32.
        (&[(4, true), (4, true), (4, true)], Some(false), 12, 1, 13),
        (&[(165_000, true), (-15_000, true)], Some(false), 150_000, 16_500, 166_500),
        (&[(165_000, true), (-165_000, true)], Some(false), 0, 0, 0),
        (&[(100_000, false), (-20_000, true)], Some(false), 80_000, 0, 80_000),
        (&[(0, true)], Some(true), 0, 0, 0),
    ] {
        let rate = rate(inclusive);
        let found = totals(&lines(amounts), rate.as_ref()).unwrap();
        assert_eq!(
            (found.net.minor(), found.tax.minor(), found.total.minor()),
            (net, tax, total),
            "{amounts:?} {inclusive:?}"
        );
        assert_eq!(
            found.tax_label.is_empty(),
            rate.is_none() || amounts.iter().filter(|(_, taxed)| *taxed).map(|(amount, _)| amount).sum::<i64>() <= 0
        );
    }
}

#[test]
fn what_is_no_invoice_is_refused() {
    assert_eq!(totals(&[], None), Err(Fault::Lines));
    assert_eq!(totals(&lines(&[(1, false); 51]), None), Err(Fault::Lines));
    assert_eq!(totals(&lines(&[(100, true), (-101, false)]), None), Err(Fault::Negative));
    assert_eq!(totals(&lines(&[(100_000, true), (-99_999, false)]), Some(&ppn(true))), Err(Fault::Negative));
    assert_eq!(totals(&lines(&[(rules::MAX_TOTAL + 1, false)]), None), Err(Fault::Amount));
    let usd = Money::new(1, crate::money::Currency::parse("USD").unwrap());
    assert_eq!(totals(&[(Money::idr(1), false), (usd, false)], None), Err(Fault::Amount));
}

#[test]
fn a_state_is_what_is_left() {
    for (total, left, is_given_up, state) in [
        (100, 100, false, State::Open),
        (100, 99, false, State::PartiallyPaid),
        (100, 1, false, State::PartiallyPaid),
        (100, 0, false, State::Paid),
        (0, 0, false, State::Paid),
        (100, 0, true, State::Uncollectible),
        // A payment was taken back after the rest was given up.
        (100, 60, true, State::PartiallyPaid),
    ] {
        assert_eq!(rules::state_of(Money::idr(total), Money::idr(left), is_given_up), state, "{total} {left}");
    }
    for kind in Kind::ALL {
        assert_eq!(Kind::parse(kind.as_str()), Some(kind));
    }
    for state in State::ALL {
        assert_eq!(State::parse(state.as_str()), Some(state));
    }
}

#[test]
fn numbers_count_in_the_month_that_is_billed_and_never_in_one_that_is_over() {
    for (issued, from, numbered) in [
        ("2026-11-25", Some("2026-12-01"), "2026-12-01"),
        ("2026-11-24", Some("2026-11-24"), "2026-11-24"),
        ("2026-11-24", Some("2026-09-01"), "2026-11-24"),
        ("2026-11-24", None, "2026-11-24"),
    ] {
        assert_eq!(rules::numbered_by(day(issued), from.map(day)), day(numbered), "{issued} {from:?}");
    }
}

#[test]
fn days_late_begin_after_the_last_day_to_pay() {
    for (due, today, late) in
        [("2026-12-10", "2026-12-10", 0), ("2026-12-10", "2026-12-11", 1), ("2026-12-10", "2026-12-01", 0)]
    {
        assert_eq!(rules::days_late(day(due), day(today)), late);
    }
    assert_eq!(rules::due_on(day("2028-02-28"), 2), day("2028-03-01"));
    for (kind, due, issued, becomes) in [
        (Kind::Period, "2026-12-10", "2026-11-25", "2026-12-10"),
        (Kind::Period, "2026-12-10", "2026-12-12", "2026-12-12"),
        (Kind::Opening, "2026-10-01", "2026-12-12", "2026-10-01"),
    ] {
        assert_eq!(rules::due_when_approved(kind, day(due), day(issued)), day(becomes), "{kind:?} {due} {issued}");
    }
}

#[test]
fn a_credit_settles_the_invoice_first() {
    let of = |remaining| Creditable {
        total: Money::idr(183_150),
        tax: Money::idr(18_150),
        credited: (Money::idr(0), Money::idr(0)),
        remaining: Money::idr(remaining),
    };
    for (remaining, amount, net, tax, off, to_credit) in [
        (183_150, None, 165_000, 18_150, 183_150, 0),
        (0, None, 165_000, 18_150, 0, 183_150),
        (100_000, None, 165_000, 18_150, 100_000, 83_150),
        (183_150, Some(100), 90, 10, 100, 0),
    ] {
        let found = rules::credited(&of(remaining), amount.map(Money::idr)).unwrap();
        let found = (found.net.minor(), found.tax.minor(), found.off.minor(), found.to_credit.minor());
        assert_eq!(found, (net, tax, off, to_credit), "{remaining} {amount:?}");
    }
    for amount in [0, -1, 183_151] {
        assert_eq!(rules::credited(&of(0), Some(Money::idr(amount))), Err(Fault::Credit));
    }
}

proptest! {
    #[test]
    fn net_and_tax_are_the_total_whatever_the_lines(
        amounts in prop::collection::vec((-50_000i64..500_000, any::<bool>()), 1..20),
        inclusive: bool,
    ) {
        if let Ok(found) = totals(&lines(&amounts), Some(&ppn(inclusive))) {
            prop_assert_eq!(found.net.plus(found.tax).unwrap(), found.total);
            prop_assert!(found.net.minor() >= 0 && found.tax.minor() >= 0);
            let sum: i64 = amounts.iter().map(|(amount, _)| amount).sum();
            prop_assert_eq!(if inclusive { found.total.minor() } else { found.net.minor() }, sum);
        }
    }

    #[test]
    fn however_it_is_cut_all_credits_take_back_exactly_the_invoice(
        total in 1i64..1_000_000, tax_bps in 0i64..2_000, cuts in prop::collection::vec(1i64..1_000_000, 0..8),
    ) {
        let tax = Money::idr(total * tax_bps / 10_000);
        let mut of = Creditable {
            total: Money::idr(total), tax, credited: (Money::idr(0), Money::idr(0)), remaining: Money::idr(total),
        };
        for cut in cuts.into_iter().map(Some).chain([None]) {
            let amount = cut.map(Money::idr);
            let Ok(found) = rules::credited(&of, amount) else { continue };
            prop_assert!(found.net.minor() >= 0 && found.tax.minor() >= 0);
            prop_assert_eq!(found.net.plus(found.tax).unwrap(), found.amount);
            prop_assert_eq!(found.off.plus(found.to_credit).unwrap(), found.amount);
            of.credited = (of.credited.0.plus(found.amount).unwrap(), of.credited.1.plus(found.tax).unwrap());
            of.remaining = of.remaining.minus(found.off).unwrap();
        }
        prop_assert_eq!(of.credited, (Money::idr(total), tax));
        prop_assert_eq!(of.remaining.minor(), 0);
    }
}
