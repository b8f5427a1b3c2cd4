//! Month ends, leap days, zones, and what must hold for every calendar.

use chrono::{Datelike as _, NaiveDate};
use chrono_tz::{America::Santiago, Asia, Tz};
use proptest::prelude::*;

use super::rules::{Away, Calendar, Moved, Payment, Period, Step, difference, paid_from, prorated};
use crate::{
    ledger::aging::{day_start, local_day},
    money::{Currency, Money},
};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn step(name: &str) -> Step {
    Step::named(name, None).unwrap()
}

#[test]
fn cycles_are_read_by_their_names() {
    for (name, bill_day, expected) in [
        ("monthly", Some(10), Some(Step::BillDay(10))),
        ("monthly", None, Some(Step::BillDay(1))),
        ("monthly", Some(31), Some(Step::BillDay(28))),
        ("anniversary", Some(7), Some(Step::Months(1))),
        ("months_3", None, Some(Step::Months(3))),
        ("weeks_2", None, Some(Step::Days(14))),
        ("days_30", None, Some(Step::Days(30))),
        ("days_0", None, None),
        ("", None, None),
        ("fortnight", None, None),
    ] {
        assert_eq!(Step::named(name, bill_day), expected, "{name} {bill_day:?}");
    }
}

#[test]
fn months_end_where_they_end_and_come_back_to_their_day() {
    let calendar = Calendar::from_start(step("anniversary"), day("2027-01-31"));
    let found: Vec<String> = (0..5).map(|nth| calendar.boundary(nth).to_string()).collect();
    assert_eq!(found, ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]);
    let leap = Calendar::from_start(step("anniversary"), day("2028-01-30"));
    let found: Vec<String> = (0..3).map(|nth| leap.boundary(nth).to_string()).collect();
    assert_eq!(found, ["2028-01-30", "2028-02-29", "2028-03-30"]);
    let born_on_a_leap_day = Calendar::from_start(step("months_12"), day("2028-02-29"));
    let found: Vec<String> = (0..5).map(|nth| born_on_a_leap_day.boundary(nth).to_string()).collect();
    assert_eq!(found, ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]);
    let quarter = Calendar::from_start(step("months_3"), day("2026-11-30"));
    let found: Vec<String> = (0..3).map(|nth| quarter.boundary(nth).to_string()).collect();
    assert_eq!(found, ["2026-11-30", "2027-02-28", "2027-05-30"]);
}

#[test]
fn the_first_part_ends_on_the_day_of_the_month() {
    for (bill_day, start, anchor, until, part, whole) in [
        (1, "2026-11-24", "2026-11-01", "2026-12-01", 7, 30),
        (1, "2026-12-01", "2026-12-01", "2027-01-01", 31, 31),
        (10, "2026-11-24", "2026-11-10", "2026-12-10", 16, 30),
        (28, "2027-02-27", "2027-01-28", "2027-02-28", 1, 31),
        (28, "2027-02-28", "2027-02-28", "2027-03-28", 28, 28),
        (28, "2028-02-29", "2028-02-28", "2028-03-28", 28, 29),
        (15, "2027-01-03", "2026-12-15", "2027-01-15", 12, 31),
    ] {
        let calendar = Calendar::from_start(Step::BillDay(bill_day), day(start));
        let rest = calendar.rest(day(start));
        let found = (calendar.anchor(), rest.until, rest.days(), calendar.around(day(start)).days());
        assert_eq!(found, (day(anchor), day(until), part, whole), "{bill_day} {start}");
    }
    // Cycles that follow their own beginning have no part.
    for name in ["anniversary", "months_6", "weeks_1", "days_30"] {
        let start = day("2026-11-24");
        let calendar = Calendar::from_start(step(name), start);
        assert_eq!(calendar.rest(start), calendar.around(start), "{name}");
    }
}

#[test]
fn parts_are_priced_as_the_workflows_say() {
    // W2: 24 to 30 November.
    assert_eq!(prorated(Money::idr(165_000), 7, 30, 100), Ok(Money::idr(38_500)));
    // W11: the difference is rounded, not its parts.
    assert_eq!(difference(Money::idr(165_000), Money::idr(225_000), (20, 31), 100), Ok(Money::idr(38_700)));
    assert_eq!(difference(Money::idr(225_000), Money::idr(165_000), (20, 31), 100), Ok(Money::idr(-38_700)));
    assert_eq!(prorated(Money::idr(165_000), 20, 31, 1), Ok(Money::idr(106_452)));
    assert_eq!(prorated(Money::idr(225_000), 20, 31, 1), Ok(Money::idr(145_161)));
}

#[test]
fn halves_are_rounded_up() {
    for (price, days, of, rounding, expected) in [
        (100, 1, 2, 100, 100),
        (99, 1, 2, 100, 0),
        (300, 1, 2, 100, 200),
        (1, 1, 2, 1, 1),
        (1, 1, 3, 1, 0),
        (165_000, 0, 30, 100, 0),
        (165_000, -4, 30, 100, 0),
        (165_000, 31, 30, 100, 165_000),
        (165_050, 30, 30, 100, 165_050),
        (165_000, 1, 0, 100, 165_000),
        (7, 1, 2, 0, 4),
    ] {
        assert_eq!(prorated(Money::idr(price), days, of, rounding), Ok(Money::idr(expected)), "{price} {days}/{of}");
    }
    assert_eq!(difference(Money::idr(200), Money::idr(100), (1, 2), 100), Ok(Money::idr(-100)));
    let usd = Money::new(1, Currency::parse("USD").unwrap());
    assert!(difference(Money::idr(1), usd, (1, 2), 1).is_err());
    assert!(prorated(Money::idr(i64::MAX), i64::MAX - 1, i64::MAX, 100).is_ok());
}

#[test]
fn who_pays_early_or_in_grace_goes_on_where_he_was() {
    let paid = |paid_on: &str, away, late_shifts| Payment {
        covered_until: day("2026-12-10"),
        paid_on: day(paid_on),
        away,
        late_shifts,
    };
    let (there, isolated, not_begun) = (Away::No, Away::Isolated, Away::NotBegun);
    for (cycle, payment, expected) in [
        ("anniversary", paid("2026-11-20", there, true), "2026-12-10"),
        ("anniversary", paid("2026-12-12", there, true), "2026-12-10"),
        ("anniversary", paid("2026-12-20", isolated, true), "2026-12-20"),
        ("anniversary", paid("2026-12-20", isolated, false), "2026-12-10"),
        // Isolated by hand before the time he had paid was over.
        ("days_30", paid("2026-12-01", isolated, true), "2026-12-10"),
        ("monthly", paid("2026-12-20", isolated, true), "2026-12-10"),
        // What never began was not served, whatever the operator chose and whatever the day.
        ("anniversary", paid("2026-12-20", not_begun, false), "2026-12-20"),
        ("monthly", paid("2026-12-20", not_begun, false), "2026-12-20"),
        ("monthly", paid("2026-12-01", not_begun, true), "2026-12-10"),
    ] {
        assert_eq!(paid_from(step(cycle), payment), day(expected), "{cycle} {payment:?}");
    }
}

#[test]
fn what_moves_keeps_its_whole_periods_and_its_days() {
    let moved = |cycle: &str, anchor: &str, start: &str, from: &str| {
        Moved::new(Calendar::new(step(cycle), day(anchor)), day(start), day(from))
    };
    for (found, of, expected) in [
        (moved("anniversary", "2026-11-10", "2026-12-10", "2026-12-20"), "2027-01-10", "2027-01-20"),
        (moved("anniversary", "2026-11-10", "2026-12-10", "2026-12-20"), "2027-03-10", "2027-03-20"),
        // A part of a period, as before a pause.
        (moved("anniversary", "2026-11-10", "2026-12-10", "2026-12-20"), "2027-01-15", "2027-01-25"),
        (moved("anniversary", "2026-11-10", "2027-02-10", "2027-03-10"), "2027-03-11", "2027-04-11"),
        (moved("anniversary", "2026-01-31", "2026-01-31", "2026-02-05"), "2026-03-31", "2026-04-05"),
        (moved("anniversary", "2026-01-31", "2026-01-31", "2026-02-05"), "2026-01-30", "2026-01-30"),
        // Not from a boundary on: by days.
        (moved("anniversary", "2026-03-03", "2026-02-02", "2026-02-12"), "2026-03-03", "2026-03-13"),
        (moved("days_30", "2026-11-10", "2026-11-10", "2026-11-13"), "2027-01-09", "2027-01-12"),
        (moved("monthly", "2026-11-01", "2026-11-24", "2026-12-05"), "2026-12-01", "2026-12-12"),
    ] {
        assert_eq!(found.day(day(of)), day(expected), "{found:?} {of}");
    }
    let found = moved("anniversary", "2026-03-03", "2026-02-02", "2026-02-12");
    assert_eq!(found.calendar().anchor(), day("2026-03-13"));
    let fixed = moved("monthly", "2026-11-01", "2026-11-24", "2026-12-05");
    assert_eq!(fixed.calendar().around(day("2026-12-12")).until, day("2027-01-01"));
}

#[test]
fn a_day_begins_at_midnight_of_the_site_or_as_soon_as_there_is_one() {
    for (zone, date, expected) in [
        (Asia::Jakarta, "2026-12-14", "2026-12-13T17:00:00+00:00"),
        (Asia::Makassar, "2026-12-14", "2026-12-13T16:00:00+00:00"),
        (Asia::Jayapura, "2026-12-14", "2026-12-13T15:00:00+00:00"),
        (Tz::UTC, "2028-02-29", "2028-02-29T00:00:00+00:00"),
        // Clocks go from 24:00 to 01:00: the day begins at one.
        (Santiago, "2026-09-06", "2026-09-06T04:00:00+00:00"),
        // And back from 24:00 to 23:00: midnight is after the second hour.
        (Santiago, "2027-04-04", "2027-04-04T04:00:00+00:00"),
    ] {
        let at = day_start(day(date), zone);
        assert_eq!(at.to_rfc3339(), expected, "{zone} {date}");
        assert_eq!(local_day(at, zone), day(date), "{zone} {date}");
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1u32..=28).prop_map(Step::BillDay),
        (1u16..=24).prop_map(Step::Months),
        (1u16..=366).prop_map(Step::Days),
    ]
}

fn any_day() -> impl Strategy<Value = NaiveDate> {
    (0i64..20_000).prop_map(|days| day("2000-01-01") + chrono::Duration::days(days))
}

proptest! {
    #[test]
    fn periods_tile_the_calendar(step in any_step(), start in any_day(), offset in -800i64..4_000) {
        let calendar = Calendar::from_start(step, start);
        prop_assert!(calendar.anchor() <= start);
        let day = start + chrono::Duration::days(offset);
        let period = calendar.around(day);
        prop_assert!(period.from <= day && day < period.until, "{day} not in {period:?}");
        // The next one begins where this one ends, and the one before ended where it begins.
        prop_assert_eq!(calendar.around(period.until).from, period.until);
        prop_assert_eq!(calendar.around(period.from.pred_opt().unwrap()).until, period.from);
        // Each day of it says the same.
        prop_assert_eq!(calendar.around(period.last()), period);
        prop_assert_eq!(calendar.rest(day).until, period.until);
        if let Step::BillDay(at) = step {
            prop_assert_eq!((period.from.day(), period.until.day()), (at, at));
        }
    }

    #[test]
    fn boundaries_come_from_the_anchor_and_always_forward(step in any_step(), start in any_day(), nth in -100i64..300) {
        let calendar = Calendar::from_start(step, start);
        let (this, next) = (calendar.boundary(nth), calendar.boundary(nth + 1));
        prop_assert!(this < next);
        prop_assert_eq!(calendar.around(this), Period { from: this, until: next });
    }

    #[test]
    fn paying_early_never_loses_time(
        step in any_step(),
        start in any_day(),
        // How long before (or, in grace, after) the end of what is paid each payment comes.
        early in proptest::collection::vec(-5i64..200, 1..12),
        late_shifts in any::<bool>(),
    ) {
        let calendar = Calendar::from_start(step, start);
        let mut covered_until = calendar.rest(start).until;
        let mut bought = 0;
        for ahead in early {
            let paid_on = covered_until - chrono::Duration::days(ahead);
            let from = paid_from(step, Payment { covered_until, paid_on, away: Away::No, late_shifts });
            prop_assert_eq!(from, covered_until);
            let period = calendar.rest(from);
            prop_assert_eq!(period, calendar.around(from));
            bought += period.days();
            covered_until = period.until;
        }
        // Whatever the days of payment were: as much time as was bought, without a gap.
        prop_assert_eq!((covered_until - calendar.rest(start).until).num_days(), bought);
    }

    #[test]
    fn paying_late_never_takes_back_what_was_paid(
        step in any_step(),
        start in any_day(),
        late in -400i64..400,
        late_shifts in any::<bool>(),
    ) {
        let covered_until = Calendar::from_start(step, start).rest(start).until;
        let paid_on = covered_until + chrono::Duration::days(late);
        let from = paid_from(step, Payment { covered_until, paid_on, away: Away::Isolated, late_shifts });
        prop_assert!(from >= covered_until && from <= covered_until.max(paid_on));
    }

    #[test]
    fn parts_cost_no_more_than_the_whole(price in 0i64..2_000_000, days in 0i64..400, of in 1i64..400, exact in any::<bool>()) {
        let rounding = if exact { 1 } else { 100 };
        let part = prorated(Money::idr(price), days, of, rounding).unwrap().minor();
        prop_assert!(part >= 0 && part <= price + rounding);
        let more = prorated(Money::idr(price), days + 1, of, rounding).unwrap().minor();
        prop_assert!(more + rounding >= part);
        if exact {
            let rest = prorated(Money::idr(price), (of - days).max(0), of, 1).unwrap().minor();
            if days <= of {
                prop_assert!((part + rest - price).abs() <= 1);
            }
        }
    }

    #[test]
    fn a_change_and_its_way_back_cost_nothing(old in 0i64..2_000_000, new in 0i64..2_000_000, days in 0i64..40, of in 1i64..40) {
        let there = difference(Money::idr(old), Money::idr(new), (days, of), 100).unwrap().minor();
        let back = difference(Money::idr(new), Money::idr(old), (days, of), 100).unwrap().minor();
        prop_assert_eq!(there, -back);
    }
}
