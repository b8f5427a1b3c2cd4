//! What acts make of a subscription and its money: tables and properties.

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use hiji_shared::device::Service;
use proptest::prelude::*;

use super::{
    super::{Calendar, Discount, Period, State, Step, Subscription, SubscriptionError, tests::sample},
    quote::{self, Before, Billed, BilledLine, Returned},
    rules::{self, Details, Offered, Promising, When},
};
use crate::{
    ids::{InvoiceId, PackageId},
    money::Money,
    packages::{Cycle, OnExpiry},
};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn days(from: &str, until: &str) -> Period {
    Period { from: day(from), until: day(until) }
}

fn first_of_month() -> Calendar {
    Calendar::from_start(Step::BillDay(1), day("2026-11-24"))
}

fn offered(price: i64) -> Offered {
    Offered {
        id: PackageId(2),
        name: "Rumah 20 Mbps".to_owned(),
        service: Service::Pppoe,
        profile: "Rumah-20M".to_owned(),
        price: Money::idr(price),
        cost: Money::idr(120_000),
        is_taxed: false,
        on_expiry: OnExpiry::Isolate,
        cycle: Cycle::Monthly,
        bill_day: Some(1),
        is_offered: true,
    }
}

/// Invoiced until the end of December.
fn december() -> Subscription {
    Subscription { billed_until: Some(day("2027-01-01")), covered_until: Some(day("2027-01-01")), ..sample() }
}

/// The same service, every month from the day it began.
fn anniversary() -> Subscription {
    Subscription {
        cycle: "anniversary".to_owned(),
        bill_day: None,
        is_prepaid: true,
        started_on: Some(day("2026-11-24")),
        anchor: Some(day("2026-11-24")),
        billed_until: Some(day("2026-12-24")),
        covered_until: Some(day("2026-12-24")),
        ..sample()
    }
}

fn invoice(id: i64, asked: Period, amount: i64) -> Billed {
    let line = BilledLine { amount: Money::idr(amount), is_taxed: true, days: Some(asked) };
    Billed {
        invoice: InvoiceId(id),
        number: format!("INV-{id}"),
        lines: vec![line],
        total: Money::idr(amount),
        tax: Money::idr(0),
        left: Money::idr(amount),
        is_draft: false,
        is_paid: true,
        is_given_up: false,
        period: Some(asked),
    }
}

fn never() -> Before {
    Before { until: None, price: Money::idr(165_000) }
}

fn unused(billed: &[Billed], left: Period, calendar: Calendar, before: Before) -> Returned {
    quote::unused(billed, (left, left.until), (calendar, before), 100).unwrap()
}

fn code(error: SubscriptionError) -> String {
    let SubscriptionError::Refused(errors) = error else { return error.to_string() };
    let (field, error) = errors.iter().next().unwrap();
    format!("{field}: {}", error.code())
}

#[test]
fn more_speed_in_the_middle_of_december_costs_what_w11_says() {
    let prices = (Money::idr(165_000), Money::idr(225_000));
    let found = quote::change(first_of_month(), days("2026-12-12", "2027-01-01"), prices, 100).unwrap();
    assert_eq!((found.old, found.new, found.amount), (Money::idr(106_452), Money::idr(145_161), Money::idr(38_700)));
    assert_eq!((found.parts[0].days.days(), found.parts[0].of), (20, 31));
    let exact = quote::change(first_of_month(), days("2026-12-12", "2027-01-01"), prices, 1).unwrap();
    assert_eq!(exact.amount, Money::idr(38_710));
}

#[test]
fn a_change_is_reckoned_by_the_days_of_each_month() {
    let prices = (Money::idr(165_000), Money::idr(225_000));
    for (from, until, amount) in [
        // All of a month, whatever its length: the whole difference.
        ("2027-02-01", "2027-03-01", 60_000),
        ("2028-02-01", "2028-03-01", 60_000),
        // Half of February, with and without a leap day.
        ("2027-02-15", "2027-03-01", 30_000),
        ("2028-02-16", "2028-03-01", 29_000),
        // The last day of January and all of February.
        ("2027-01-31", "2027-03-01", 61_900),
        // Paid for a quarter.
        ("2026-12-12", "2027-03-01", 158_700),
        ("2026-12-31", "2027-01-01", 1_900),
    ] {
        let found = quote::change(first_of_month(), days(from, until), prices, 100).unwrap();
        assert_eq!(found.amount, Money::idr(amount), "{from} – {until}");
    }
}

#[test]
fn a_change_at_the_end_of_a_month_counts_from_the_anchor() {
    let calendar = Calendar::from_start(Step::Months(1), day("2027-01-31"));
    let prices = (Money::idr(100_000), Money::idr(200_000));
    // 28 February to 31 March is one period of 31 days.
    let found = quote::change(calendar, days("2027-03-15", "2027-03-31"), prices, 100).unwrap();
    assert_eq!((found.parts[0].of, found.amount), (31, Money::idr(51_600)));
}

#[test]
fn the_package_may_be_any_that_is_sold_there() {
    let of = december();
    assert!(rules::may_change(&of, &offered(225_000)).is_ok());
    let refused = |of: &Subscription, to: &Offered| code(rules::may_change(of, to).unwrap_err());
    let same = Offered { id: of.package_id, ..offered(225_000) };
    assert_eq!(refused(&of, &same), "package_id: package_same");
    let elsewhere = Offered { is_offered: false, ..offered(225_000) };
    assert_eq!(refused(&of, &elsewhere), "package_id: package_not_sold_there");
    for (cycle, anew) in [(Cycle::Weeks(1), true), (Cycle::Months(3), true), (Cycle::Anniversary, false)] {
        let to = Offered { cycle, ..offered(225_000) };
        assert!(rules::may_change(&of, &to).is_ok());
        assert_eq!(rules::begins_anew(&of, &to), anew, "{cycle:?}");
    }
    let discount = Some(Discount { amount: Money::idr(150_000), reason: "tetangga".to_owned(), until: None });
    let cheap = Subscription { discount, ..december() };
    assert_eq!(refused(&cheap, &offered(100_000)), "package_id: package_below_discount");
    for state in [State::Paused, State::Ended] {
        let of = Subscription { state, ..december() };
        assert!(matches!(rules::may_change(&of, &offered(1)), Err(SubscriptionError::WrongState(_))));
    }
    for (a, b, same) in [
        (Cycle::Months(1), Cycle::Monthly, true),
        (Cycle::Weeks(2), Cycle::Days(14), true),
        (Cycle::Months(3), Cycle::Monthly, false),
        (Cycle::Days(30), Cycle::Monthly, false),
    ] {
        assert_eq!(rules::same_length(a, b), same, "{a:?} {b:?}");
    }
}

#[test]
fn more_is_changed_now_and_less_with_the_next_period() {
    let (of, today) = (december(), day("2026-12-12"));
    assert_eq!(When::usual(Money::idr(165_000), Money::idr(225_000)), When::Now);
    assert_eq!(When::usual(Money::idr(165_000), Money::idr(100_000)), When::NextPeriod);
    assert_eq!(rules::change_day(&of, When::Now, today), today);
    assert_eq!(rules::change_day(&of, When::NextPeriod, today), day("2027-01-01"));
    // Before it was installed.
    let soon = Subscription { started_on: Some(day("2026-12-20")), state: State::Pending, ..december() };
    assert_eq!(rules::change_day(&soon, When::Now, today), day("2026-12-20"));
    // January is invoiced already when less is asked for: it is given back of that invoice.
    let ahead = Subscription { billed_until: Some(day("2027-02-01")), ..december() };
    assert_eq!(rules::invoiced_from(&ahead, day("2027-01-01")), Some(days("2027-01-01", "2027-02-01")));
    assert_eq!(rules::invoiced_from(&of, day("2027-01-01")), None);
}

#[test]
fn a_pause_on_a_fixed_day_is_given_back_on_both_sides() {
    // W11.3: 15 December to 14 January. December was invoiced, January was not.
    let mut of = december();
    rules::plan_pause(&mut of, (day("2026-12-15"), Some(day("2027-01-15"))), day("2026-12-10")).unwrap();
    assert!(!rules::pause_is_due(&of, day("2026-12-14")) && rules::pause_is_due(&of, day("2026-12-15")));
    rules::begin_pause(&mut of, day("2026-12-15"));
    assert_eq!(of.state, State::Paused);
    let paused = rules::resume(&mut of, day("2027-01-15")).unwrap();
    assert_eq!((paused.days.days(), paused.moved_days), (31, 0));
    assert_eq!(paused.given_back, Some(days("2026-12-15", "2027-01-01")));
    assert_eq!((of.state, of.billed_until, of.paused_from), (State::Active, Some(day("2027-01-15")), None));
    let billed = [invoice(1, days("2026-12-01", "2027-01-01"), 165_000)];
    let back = unused(&billed, paused.given_back.unwrap(), first_of_month(), never());
    // 17 of 31 days, and in January 17 of 31 are asked for.
    assert_eq!((back.total, back.of_invoices.len()), (Money::idr(90_500), 1));
}

#[test]
fn a_pause_of_any_other_cycle_moves_what_is_paid() {
    let mut of = anniversary();
    rules::plan_pause(&mut of, (day("2026-12-04"), None), day("2026-12-04")).unwrap();
    rules::begin_pause(&mut of, day("2026-12-04"));
    let paused = rules::resume(&mut of, day("2026-12-14")).unwrap();
    assert_eq!((paused.moved_days, paused.given_back), (10, None));
    assert_eq!((of.covered_until, of.billed_until), (Some(day("2027-01-03")), Some(day("2027-01-03"))));
    assert_eq!(of.calendar().unwrap().around(day("2027-01-10")).from, day("2027-01-03"));
    // What ends then is given back of the invoice that names the days before.
    let billed = [invoice(1, days("2026-11-24", "2026-12-24"), 165_000)];
    let back = unused(&billed, days("2026-12-24", "2027-01-03"), of.calendar().unwrap(), never());
    assert_eq!(back.total, Money::idr(55_000));
}

#[test]
fn a_pause_is_refused_where_it_makes_no_sense() {
    let today = day("2026-12-10");
    let try_pause = |of: &Subscription, from: &str, until: Option<&str>| {
        let mut of = of.clone();
        rules::plan_pause(&mut of, (day(from), until.map(day)), today).map(|()| of).map_err(code)
    };
    assert_eq!(try_pause(&december(), "2026-12-09", None).unwrap_err(), "from: day_out_of_range");
    assert_eq!(try_pause(&december(), "2026-12-15", Some("2026-12-15")).unwrap_err(), "until: day_out_of_range");
    let ending = Subscription { ends_on: Some(day("2026-12-15")), ..december() };
    assert_eq!(try_pause(&ending, "2026-12-15", None).unwrap_err(), "from: pause_after_end");
    for state in [State::Pending, State::Ended] {
        assert!(try_pause(&Subscription { state, ..december() }, "2026-12-15", None).is_err(), "{state:?}");
    }
    // While it lasts its end can be another, its beginning cannot.
    let mut paused = try_pause(&december(), "2026-12-10", Some("2026-12-20")).unwrap();
    rules::begin_pause(&mut paused, today);
    let longer = try_pause(&paused, "2026-12-31", Some("2027-02-01")).unwrap();
    assert_eq!((longer.paused_from, longer.paused_until), (Some(today), Some(day("2027-02-01"))));
    // Forgotten before it begins, not after.
    assert!(rules::forget_pause(&mut paused).is_err());
    assert!(rules::forget_pause(&mut try_pause(&december(), "2026-12-15", None).unwrap()).is_ok());
}

#[test]
fn what_ends_gives_back_what_was_not_served() {
    let mut of = december();
    rules::plan_end(&mut of, day("2026-12-12"), "pindah", day("2026-12-10")).unwrap();
    assert_eq!(rules::unused_at(&of, day("2026-12-12")), Some(days("2026-12-12", "2027-01-01")));
    // A pause ended service already.
    let mut paused = december();
    rules::plan_pause(&mut paused, (day("2026-12-05"), None), day("2026-12-05")).unwrap();
    rules::begin_pause(&mut paused, day("2026-12-05"));
    assert_eq!(rules::unused_at(&paused, day("2026-12-12")), Some(days("2026-12-05", "2027-01-01")));
    // What never began is given back whole.
    let pending = Subscription { state: State::Pending, started_on: Some(day("2026-12-20")), ..december() };
    assert_eq!(rules::unused_at(&pending, day("2026-12-12")), Some(days("2026-12-20", "2027-01-01")));
    rules::end(&mut of, day("2026-12-12"), at("2026-12-12T03:00:00Z"));
    assert_eq!((of.state, of.acts_at, of.ended_at.is_some()), (State::Ended, None, true));
    assert!(rules::plan_end(&mut of, day("2026-12-13"), "", day("2026-12-12")).is_err());
}

#[test]
fn lines_are_given_back_as_they_were_charged() {
    let december = days("2026-12-01", "2027-01-01");
    let line =
        |amount: i64, is_taxed: bool, days: Option<Period>| BilledLine { amount: Money::idr(amount), is_taxed, days };
    // Package, discount, an add-on, and a set-up fee that is nobody's time. 11 % on top of the taxed ones.
    let mut billed = Billed {
        lines: vec![
            line(165_000, true, Some(december)),
            line(-15_000, true, Some(december)),
            line(31_000, false, Some(december)),
            line(200_000, false, None),
        ],
        total: Money::idr(397_500),
        tax: Money::idr(16_500),
        left: Money::idr(397_500),
        ..invoice(1, december, 0)
    };
    let left = days("2026-12-22", "2027-01-01");
    let back = unused(std::slice::from_ref(&billed), left, first_of_month(), never());
    // (150.000 × 1,11 + 31.000) × 10/31
    assert_eq!(back.total, Money::idr(63_700));
    // Whole periods are given back whole, not rounded.
    assert_eq!(unused(std::slice::from_ref(&billed), december, first_of_month(), never()).total, Money::idr(197_500));
    // Never more than is left of it.
    billed.left = Money::idr(50_000);
    assert_eq!(unused(&[billed], left, first_of_month(), never()).total, Money::idr(50_000));
}

#[test]
fn nothing_is_given_back_of_a_debt_that_was_given_up() {
    let (november, december) = (days("2026-11-01", "2026-12-01"), days("2026-12-01", "2027-01-01"));
    let given_up = Billed { is_given_up: true, ..invoice(2, december, 165_000) };
    let paid = invoice(1, november, 165_000);
    let back = unused(&[given_up.clone(), paid.clone()], days("2026-12-11", "2027-01-01"), first_of_month(), never());
    assert_eq!((back.total, back.of_invoices.len()), (Money::idr(0), 0));
    // It bears its share all the same: the one before is not asked for it.
    let back = quote::from_newest(&[given_up, paid], Money::idr(50_000), true).unwrap();
    assert_eq!((back.total, back.loose, back.of_invoices.len()), (Money::idr(0), Money::idr(0), 0));
}

#[test]
fn what_was_paid_before_hiji_knew_him_is_given_back_without_an_invoice() {
    let before = Before { until: Some(day("2027-01-01")), price: Money::idr(165_000) };
    let back = unused(&[], days("2026-12-22", "2027-01-01"), first_of_month(), before);
    assert_eq!((back.loose, back.total), (Money::idr(53_200), Money::idr(53_200)));
    // Days that nobody asked money for are not.
    assert_eq!(unused(&[], days("2026-12-22", "2027-01-01"), first_of_month(), never()).total, Money::idr(0));
}

#[test]
fn less_is_taken_back_from_the_newest_invoices() {
    let billed =
        [invoice(2, days("2027-01-01", "2027-02-01"), 50_000), invoice(1, days("2026-12-01", "2027-01-01"), 165_000)];
    let back = quote::from_newest(&billed, Money::idr(60_000), true).unwrap();
    let each: Vec<_> = back.of_invoices.iter().map(|back| (back.invoice.0, back.amount.minor())).collect();
    assert_eq!((each, back.loose), (vec![(2, 50_000), (1, 10_000)], Money::idr(0)));
    assert_eq!(quote::from_newest(&[], Money::idr(5), true).unwrap().loose, Money::idr(5));
}

#[test]
fn a_promise_opens_until_the_end_of_its_day_once_a_month() {
    let facts = Promising { today: day("2026-12-14"), max_days: 7, was_given: false, owes: true };
    let isolated = Subscription { state: State::Isolated, ..december() };
    let promise = |of: &Subscription, until: &str, facts: Promising| {
        let mut of = of.clone();
        rules::promise(&mut of, day(until), facts).map(|()| of).map_err(code)
    };
    let open = promise(&isolated, "2026-12-16", facts).unwrap();
    // 16 December, 24.00 in Jakarta.
    assert_eq!((open.state, open.promise_until), (State::Grace, Some(at("2026-12-16T17:00:00Z"))));
    for (zone, end) in [("Asia/Jayapura", "2026-12-16T15:00:00Z"), ("America/Santiago", "2026-12-17T03:00:00Z")] {
        let there = Subscription { timezone: zone.to_owned(), ..isolated.clone() };
        assert_eq!(promise(&there, "2026-12-16", facts).unwrap().promise_until, Some(at(end)), "{zone}");
    }
    assert_eq!(promise(&isolated, "2026-12-22", facts).unwrap_err(), "until: day_out_of_range");
    assert_eq!(promise(&isolated, "2026-12-13", facts).unwrap_err(), "until: day_out_of_range");
    let twice = Promising { was_given: true, ..facts };
    assert_eq!(promise(&isolated, "2026-12-16", twice).unwrap_err(), "until: promise_this_month");
    let paid = Promising { owes: false, ..facts };
    assert_eq!(promise(&isolated, "2026-12-16", paid).unwrap_err(), "until: promise_nothing_owed");
    let open = Subscription { state: State::Active, ..isolated.clone() };
    assert_eq!(promise(&open, "2026-12-16", facts).unwrap_err(), "until: promise_nothing_late");
    let held = Subscription { is_held: true, ..isolated };
    assert_eq!(promise(&held, "2026-12-16", facts).unwrap_err(), "until: promise_held");
}

#[test]
fn a_month_is_that_of_the_site() {
    let (from, until) = rules::month_of(day("2026-12-14"), Tz::Asia__Jakarta);
    assert_eq!((from, until), (at("2026-11-30T17:00:00Z"), at("2026-12-31T17:00:00Z")));
}

#[test]
fn details_that_are_the_same_change_nothing() {
    let mut of = december();
    let same = Details { grace_days: Some(3), remote_address: Some("10.20.0.9".to_owned()), ..Details::default() };
    assert_eq!(rules::set_details(&mut of, &same).unwrap(), Vec::<&str>::new());
    let new = Details { grace_days: Some(5), remote_address: Some(String::new()), ..Details::default() };
    assert_eq!(rules::set_details(&mut of, &new).unwrap(), ["grace_days", "remote_address"]);
    let bad = Details { grace_days: Some(31), ..Details::default() };
    assert_eq!(code(rules::set_details(&mut of, &bad).unwrap_err()), "grace_days: out_of_range");
    let bad = Details { remote_address: Some("10.0.0".to_owned()), ..Details::default() };
    assert_eq!(code(rules::set_details(&mut of, &bad).unwrap_err()), "remote_address: bad_static_address");
}

fn steps() -> impl Strategy<Value = (String, Option<i32>)> {
    prop_oneof![
        (1..=28_i32).prop_map(|day| ("monthly".to_owned(), Some(day))),
        Just(("anniversary".to_owned(), None)),
        (2..=12_u16).prop_map(|months| (format!("months_{months}"), None)),
        (1..=60_u16).prop_map(|days| (format!("days_{days}"), None)),
    ]
}

fn later(from: NaiveDate, days: u64) -> NaiveDate {
    from.checked_add_days(Days::new(days)).unwrap()
}

proptest! {
    #[test]
    fn a_pause_never_loses_paid_time(
        (cycle, bill_day) in steps(), start in 0..800_u64, periods in 1..4_i64, from in 0..100_u64, lasts in 0..200_u64,
    ) {
        let start = later(day("2026-01-01"), start);
        let step = Step::named(&cycle, bill_day).unwrap();
        let calendar = Calendar::from_start(step, start);
        let end = calendar.around(calendar.boundary(periods)).from;
        prop_assume!(end > start);
        let mut of = Subscription {
            cycle, bill_day, is_prepaid: true, started_on: Some(start), anchor: Some(calendar.anchor()),
            billed_until: Some(end), covered_until: Some(end), ..sample()
        };
        let from = later(start, from).min(end);
        let on = later(from, lasts);
        rules::plan_pause(&mut of, (from, None), from).unwrap();
        rules::begin_pause(&mut of, from);
        let paused = rules::resume(&mut of, on).unwrap();
        let had = (end - from).num_days();
        let has = (of.covered_until.unwrap() - on).num_days().max(0);
        let given_back = paused.given_back.map_or(0, Period::days);
        prop_assert_eq!(had, has + given_back);
        prop_assert!(of.billed_until >= of.covered_until);
        if given_back == 0 && !step.is_fixed() {
            // Periods go on where this one ends.
            let next = of.billed_until.unwrap();
            prop_assert_eq!(of.calendar().unwrap().around(next).from, next);
        }
    }

    #[test]
    fn paused_days_are_given_back_to_the_rupiah(from in 0..31_u64, lasts in 1..40_u64, price in 1..5_000_000_i64) {
        let december = days("2026-12-01", "2027-01-01");
        let (from, until) = (later(december.from, from), later(december.from, from + lasts));
        let Some(paused) = december.within(Period { from, until }) else { return Ok(()) };
        let back = unused(&[invoice(1, december, price)], paused, first_of_month(), never());
        let exact = i128::from(price) * i128::from(paused.days());
        prop_assert!((i128::from(back.total.minor()) * 31 - exact).abs() <= 31 * 50);
    }

    #[test]
    fn there_and_back_costs_nothing(
        (cycle, bill_day) in steps(), from in 0..800_u64, lasts in 1..400_u64, old in 0..2_000_000_i64, new in 0..2_000_000_i64,
    ) {
        let from = later(day("2026-01-01"), from);
        let calendar = Calendar::from_start(Step::named(&cycle, bill_day).unwrap(), day("2026-01-15"));
        let days = Period { from, until: later(from, lasts) };
        let (old, new) = (Money::idr(old), Money::idr(new));
        let there = quote::change(calendar, days, (old, new), 100).unwrap();
        let back = quote::change(calendar, days, (new, old), 100).unwrap();
        prop_assert_eq!(there.amount.plus(back.amount).unwrap(), Money::idr(0));
        let all: i64 = there.parts.iter().map(|part| part.days.days()).sum();
        prop_assert_eq!(all, days.days());
    }
}
