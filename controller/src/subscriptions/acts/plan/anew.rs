//! A package whose periods have another length: days that are invoiced and not served are given back by their value, and
//! periods begin anew, today or when what is paid for is over. Pure.

use chrono::NaiveDate;
use serde_json::json;

use super::{Around, FirstPeriod, Plan, life::give_back, simple};
use crate::{
    money::{Money, MoneyError},
    subscriptions::{
        Addon, State, Subscription, SubscriptionError,
        acts::rules::{self, Offered, When},
        bill::{self, Bill, Terms},
    },
};

pub(super) fn change(
    of: &mut Subscription,
    when: Option<When>,
    to: &Offered,
    around: &Around,
) -> Result<Plan, SubscriptionError> {
    let when = when.unwrap_or_else(|| rules::usual_when(of, to));
    // What has not begun begins with it.
    let when = if of.state == State::Pending { When::Now } else { when };
    let from = rules::renewal_day(of, when, around.today);
    let detail = json!({ "from": of.package, "to": to.name, "day": from.to_string() });
    let mut plan = Plan { from, ..simple(of, "package-changed", detail, around) };
    // Of what never began nothing was served.
    let is_pending = of.state == State::Pending;
    let since = of.started_on.filter(|start| is_pending && *start < from).unwrap_or(from);
    plan.returned = give_back(of, rules::invoiced_from(of, since), around)?;
    if from > around.today && !is_pending {
        rules::take_back(of, from);
        rules::plan_change(of, to.id, Some(from));
        (plan.what, plan.is_now) = ("package-change-planned", false);
        let mut later = of.clone();
        rules::take_package(&mut later, to);
        (later.billed_until, later.covered_until) = (Some(from), Some(from));
        plan.period = first_period(&first_bill(&later, &around.addons, from, around)?, false)?;
        return Ok(plan);
    }
    // Days before it that nobody asked money for are asked for with it.
    let served = if is_pending { Bill::default() } else { served_bill(of, from, around)? };
    rules::take_back(of, since);
    if is_pending {
        of.started_on = Some(from);
    }
    rules::count_from(of, to, from);
    rules::take_package(of, to);
    let addons: Vec<Addon> = around.addons.iter().filter(|addon| !served.addons.contains(&addon.id)).cloned().collect();
    let mut first = first_bill(&Subscription { billed_until: Some(from), ..of.clone() }, &addons, from, around)?;
    give_time(&mut first, around);
    plan.period = first_period(&first, true)?;
    of.billed_until = first.billed_until.or(Some(from));
    plan.last = both(served, first);
    Ok(plan)
}

/// What was served before a day and not invoiced.
fn served_bill(of: &Subscription, until: NaiveDate, around: &Around) -> Result<Bill, MoneyError> {
    let Some(last) = until.pred_opt().filter(|last| of.billed_until.is_some_and(|billed| billed <= *last)) else {
        return Ok(Bill::default());
    };
    let ends_on = Some(of.ends_on.map_or(until, |end| end.min(until)));
    // How long it may be paid is said below.
    let terms = Terms { horizon: last, today: NaiveDate::MIN, rounding: around.choices.rounding };
    let mut served = bill::until(&Subscription { ends_on, ..of.clone() }, &around.addons, None, terms)?;
    give_time(&mut served, around);
    Ok(served)
}

/// The period that begins on a day. It is asked for whatever else is owed.
fn first_bill(of: &Subscription, addons: &[Addon], from: NaiveDate, around: &Around) -> Result<Bill, MoneyError> {
    let terms = Terms { horizon: from, today: around.today, rounding: around.choices.rounding };
    bill::until(&Subscription { covered_until: of.billed_until, ..of.clone() }, addons, None, terms)
}

fn first_period(bill: &Bill, is_now: bool) -> Result<Option<FirstPeriod>, MoneyError> {
    let Some(proposal) = bill.proposals.first() else { return Ok(None) };
    let (Some((from, until)), Some(line)) = (proposal.period, proposal.lines.first()) else { return Ok(None) };
    let none = Money::new(0, line.amount.currency());
    let amount = proposal.lines.iter().try_fold(none, |sum, line| sum.plus(line.amount))?;
    let days = crate::subscriptions::Period { from, until };
    Ok(Some(FirstPeriod { days, amount, due_on: proposal.due_on, is_now }))
}

/// What is asked for on this day may be paid as late as what is asked for between periods.
fn give_time(bill: &mut Bill, around: &Around) {
    let due_on = rules::days_on(around.today, around.choices.due_days);
    for proposal in &mut bill.proposals {
        proposal.due_on = proposal.due_on.max(due_on);
    }
}

fn both(mut served: Bill, first: Bill) -> Bill {
    served.proposals.extend(first.proposals);
    served.addons.extend(first.addons);
    Bill { billed_until: first.billed_until, ..served }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;
    use hiji_shared::device::Service;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        ids::{InvoiceId, PackageId},
        packages::{Cycle, OnExpiry},
        subscriptions::{
            Period, Step,
            acts::{
                Planned,
                plan::{Choices, life::keep},
                quote::{Billed, BilledLine},
            },
            change::Policy,
            periods::Calendar,
            tests::sample,
        },
    };

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn offered(cycle: Cycle, price: i64) -> Offered {
        Offered {
            id: PackageId(2),
            name: "Mingguan".to_owned(),
            service: Service::Pppoe,
            profile: "Mingguan".to_owned(),
            price: Money::idr(price),
            cost: Money::idr(price / 2),
            is_taxed: false,
            on_expiry: OnExpiry::Isolate,
            cycle,
            bill_day: (cycle == Cycle::Monthly).then_some(1),
            is_offered: true,
        }
    }

    fn invoice(id: i64, days: Period, amount: i64, is_paid: bool) -> Billed {
        Billed {
            invoice: InvoiceId(id),
            number: format!("INV-{id}"),
            lines: vec![BilledLine { amount: Money::idr(amount), is_taxed: false, days: Some(days) }],
            total: Money::idr(amount),
            tax: Money::idr(0),
            left: Money::idr(amount),
            is_draft: false,
            is_paid,
            is_given_up: false,
            period: Some(days),
        }
    }

    fn around(today: NaiveDate, billed: Vec<Billed>, offered: Offered) -> Around {
        let policy = Policy { late_shifts: true, isolates_prorated: true };
        Around {
            now: crate::ledger::aging::day_start(today, Tz::Asia__Jakarta),
            today,
            choices: Choices { rounding: 100, change_pays_first: false, promise_max_days: 7, due_days: 3, policy },
            billed,
            taken_over_until: None,
            addons: Vec::new(),
            offered: Some(offered),
            addon: None,
            router: None,
            is_name_free: true,
            is_secret_unknown: false,
            was_promised: false,
            owes: false,
            has_draft: false,
            paid_change: None,
            waiting_change: None,
            is_change_late: false,
        }
    }

    /// December at 165.000, on the first of each month; paid or not.
    fn december(is_paid: bool) -> (Subscription, Vec<Billed>) {
        let days = Period { from: day("2026-12-01"), until: day("2027-01-01") };
        let covered_until = Some(if is_paid { days.until } else { days.from });
        let of = Subscription { billed_until: Some(days.until), covered_until, ..sample() };
        (of, vec![invoice(1, days, 165_000, is_paid)])
    }

    #[test]
    fn periods_of_another_length_begin_today_and_unused_days_are_given_back_by_their_value() {
        for (cycle, price, until, first) in [
            (Cycle::Weeks(1), 50_000, "2026-12-19", 50_000),
            (Cycle::Days(30), 150_000, "2027-01-11", 150_000),
            (Cycle::Days(1), 6_000, "2026-12-13", 6_000),
            (Cycle::Months(3), 450_000, "2027-03-12", 450_000),
        ] {
            let (mut of, billed) = december(true);
            let around = around(day("2026-12-12"), billed, offered(cycle, price));
            let to = around.offered.clone().unwrap();
            let plan = change(&mut of, Some(When::Now), &to, &around).unwrap();
            // 20 of 31 days.
            assert_eq!((plan.returned.total, plan.what, plan.is_now), (Money::idr(106_500), "package-changed", true));
            let period = plan.period.unwrap();
            assert_eq!((period.days.from, period.days.until), (day("2026-12-12"), day(until)), "{cycle:?}");
            assert_eq!((period.amount, period.due_on, period.is_now), (Money::idr(first), day("2026-12-21"), true));
            assert_eq!((of.cycle.clone(), of.bill_day, of.anchor), (cycle.name(), None, Some(day("2026-12-12"))));
            assert_eq!((of.billed_until, of.edition, of.price), (Some(day(until)), 1, Money::idr(price)));
            let [proposal] = plan.last.proposals.as_slice() else { panic!("{:?}", plan.last) };
            assert_eq!(proposal.proposal, "sub/456/2026-12-12/1");
        }
    }

    #[test]
    fn a_fixed_day_begins_with_a_part_of_its_period() {
        let days = Period { from: day("2026-12-10"), until: day("2026-12-17") };
        let (cycle, dates) = ("weeks_1".to_owned(), (Some(days.from), Some(days.until)));
        let mut of = Subscription { cycle, bill_day: None, anchor: dates.0, billed_until: dates.1, ..sample() };
        of.covered_until = dates.1;
        of.price = Money::idr(49_000);
        let billed = vec![invoice(1, days, 49_000, true)];
        let around = around(day("2026-12-12"), billed, offered(Cycle::Monthly, 165_000));
        let plan = change(&mut of, Some(When::Now), &around.offered.clone().unwrap(), &around).unwrap();
        // 5 of 7 days back; 20 of 31 days asked for.
        assert_eq!(plan.returned.total, Money::idr(35_000));
        let period = plan.period.unwrap();
        assert_eq!((period.days.until, period.amount), (day("2027-01-01"), Money::idr(106_500)));
        assert_eq!((of.cycle.as_str(), of.bill_day, of.anchor), ("monthly", Some(1), Some(day("2026-12-01"))));
    }

    #[test]
    fn what_is_not_paid_is_taken_back_and_what_never_was_asked_for_is_asked() {
        // Nothing of December is paid, and it is changed on its first day: the invoice is not needed.
        let (mut of, billed) = december(false);
        let around_ = around(day("2026-12-01"), billed, offered(Cycle::Weeks(1), 50_000));
        let to = around_.offered.clone().unwrap();
        let plan = change(&mut of, Some(When::Now), &to, &around_).unwrap();
        assert!(plan.returned.of_invoices[0].is_whole);
        assert_eq!(plan.last.proposals[0].proposal, "sub/456/2026-12-01/1");
        // Eleven days of December were served and not invoiced.
        let (of, _) = december(true);
        let late = Some(day("2026-12-01"));
        let mut of = Subscription { billed_until: late, covered_until: late, ..of };
        let around_ = around(day("2026-12-12"), Vec::new(), to.clone());
        let plan = change(&mut of, Some(When::Now), &to, &around_).unwrap();
        let totals: Vec<_> = plan.last.proposals.iter().map(|each| (each.period, each.lines[0].amount)).collect();
        let week = Some((day("2026-12-12"), day("2026-12-19")));
        // 165.000 × 11/31.
        let served = (Some((day("2026-12-01"), day("2026-12-12"))), Money::idr(58_500));
        assert_eq!(totals, [served, (week, Money::idr(50_000))]);
        assert_eq!((plan.returned.total, of.edition), (Money::idr(0), 0));
    }

    #[test]
    fn what_never_began_is_given_back_whole_and_begins_today() {
        let days = Period { from: day("2026-12-05"), until: day("2027-01-05") };
        let mut of = Subscription {
            state: State::Pending,
            is_prepaid: true,
            cycle: "anniversary".to_owned(),
            bill_day: None,
            started_on: Some(days.from),
            anchor: Some(days.from),
            billed_until: Some(days.until),
            covered_until: Some(days.from),
            ..sample()
        };
        let around =
            around(day("2026-12-12"), vec![invoice(1, days, 165_000, false)], offered(Cycle::Weeks(1), 50_000));
        let plan = change(&mut of, Some(When::NextPeriod), &around.offered.clone().unwrap(), &around).unwrap();
        assert!(plan.returned.of_invoices[0].is_whole && plan.is_now);
        assert_eq!((of.started_on, of.billed_until), (Some(day("2026-12-12")), Some(day("2026-12-19"))));
    }

    #[test]
    fn with_the_next_period_nothing_paid_is_touched_and_a_plan_can_be_dropped() {
        let (mut of, billed) = december(true);
        let around_ = around(day("2026-12-12"), billed.clone(), offered(Cycle::Weeks(1), 50_000));
        let to = around_.offered.clone().unwrap();
        let plan = change(&mut of, Some(When::NextPeriod), &to, &around_).unwrap();
        assert_eq!((plan.from, plan.returned.total, plan.is_now), (day("2027-01-01"), Money::idr(0), false));
        let period = plan.period.unwrap();
        assert_eq!((period.days.until, period.amount, period.is_now), (day("2027-01-08"), Money::idr(50_000), false));
        assert_eq!((of.cycle.as_str(), of.next_package_from, of.edition), ("monthly", Some(day("2027-01-01")), 0));
        // The nights ahead ask for weeks.
        let mut then = of.clone();
        rules::take_package(&mut then, &to);
        let terms = Terms { horizon: day("2027-01-15"), today: day("2026-12-01"), rounding: 100 };
        let found = bill::until(&of, &[], Some(&then), terms).unwrap();
        let periods: Vec<_> = found.proposals.iter().map(|each| each.period.unwrap().0.to_string()).collect();
        assert_eq!(periods, ["2027-01-01", "2027-01-08", "2027-01-15"]);

        // January is paid ahead: it is served first. February is invoiced and not paid: it is taken back, and asked for
        // once more when the plan is dropped.
        let (january, february) = (day("2027-01-01"), day("2027-02-01"));
        let paid = invoice(2, Period { from: january, until: february }, 165_000, true);
        let open = invoice(3, Period { from: february, until: day("2027-03-01") }, 165_000, false);
        let (mut of, _) = december(true);
        (of.billed_until, of.covered_until) = (Some(day("2027-03-01")), Some(february));
        let around_ = around(day("2026-12-12"), vec![open, paid, billed[0].clone()], to.clone());
        let plan = change(&mut of, Some(When::NextPeriod), &to, &around_).unwrap();
        assert_eq!((plan.from, plan.returned.of_invoices.len()), (february, 1));
        assert!(plan.returned.of_invoices[0].is_whole);
        assert_eq!((of.billed_until, of.edition), (Some(february), 1));
        let dropped = keep(&mut of, Planned::Change, &around_).unwrap();
        assert_eq!(
            (dropped.returned.total, of.billed_until, of.next_package_id),
            (Money::idr(0), Some(february), None)
        );
        let terms = Terms { horizon: february, today: day("2026-12-01"), rounding: 100 };
        assert_eq!(bill::until(&of, &[], None, terms).unwrap().proposals[0].proposal, "sub/456/2027-02-01/1");
    }

    #[test]
    fn days_that_were_given_back_are_not_given_back_twice() {
        let (_, billed) = december(true);
        let week = invoice(2, Period { from: day("2026-12-12"), until: day("2026-12-19") }, 49_000, true);
        let mut of = Subscription {
            cycle: "weeks_1".to_owned(),
            bill_day: None,
            anchor: Some(day("2026-12-12")),
            billed_until: Some(day("2026-12-19")),
            covered_until: Some(day("2026-12-19")),
            edition: 1,
            ..december(true).0
        };
        let around_ = around(day("2026-12-15"), vec![week, billed[0].clone()], offered(Cycle::Days(10), 80_000));
        let plan = change(&mut of, Some(When::Now), &around_.offered.clone().unwrap(), &around_).unwrap();
        // Four days of the week, and none of December: those were given back when the week began.
        assert_eq!((plan.returned.total, plan.returned.of_invoices.len()), (Money::idr(28_000), 1));
        // Also when a pause moved what is left of the week.
        let mut moved =
            Subscription { billed_until: Some(day("2026-12-29")), covered_until: Some(day("2026-12-29")), ..of };
        (moved.cycle, moved.anchor, moved.edition) = ("weeks_1".to_owned(), Some(day("2026-12-29")), 1);
        let around_ = Around { today: day("2026-12-25"), ..around_ };
        let plan = change(&mut moved, Some(When::Now), &around_.offered.clone().unwrap(), &around_).unwrap();
        assert_eq!(plan.returned.total, Money::idr(28_000));
    }

    #[test]
    fn less_a_day_waits_for_the_next_period_unless_said() {
        let (of, _) = december(true);
        assert_eq!(rules::usual_when(&of, &offered(Cycle::Weeks(1), 50_000)), When::Now);
        assert_eq!(rules::usual_when(&of, &offered(Cycle::Weeks(1), 30_000)), When::NextPeriod);
        assert_eq!(rules::usual_when(&of, &offered(Cycle::Months(3), 450_000)), When::NextPeriod);
        assert_eq!(rules::usual_when(&of, &offered(Cycle::Days(30), 165_000)), When::Now);
    }

    fn cycles() -> impl Strategy<Value = Cycle> {
        prop_oneof![
            Just(Cycle::Monthly),
            Just(Cycle::Anniversary),
            (2..13_u16).prop_map(Cycle::Months),
            (1..9_u16).prop_map(Cycle::Weeks),
            (1..60_u16).prop_map(Cycle::Days),
        ]
    }

    proptest! {
        /// Whatever was paid, and whenever it is changed: what is given back is what the unused days cost, rounded once.
        #[test]
        fn nobody_loses_the_value_of_paid_days(
            old in cycles(), new in cycles(), start in 0..800_u64, periods in 1..4_i64, at in 0..200_u64,
            price in 1..3_000_000_i64, dear in 1..3_000_000_i64,
        ) {
            let start = rules::days_on(day("2026-01-01"), i64::try_from(start).unwrap());
            let step = Step::of(old, Some(1));
            let calendar = Calendar::from_start(step, start);
            let mut billed = Vec::new();
            let mut from = start;
            for id in 1..=periods {
                let days = calendar.rest(from);
                billed.insert(0, invoice(id, days, price, true));
                from = days.until;
            }
            let end = from;
            let today = rules::days_on(start, i64::try_from(at).unwrap());
            prop_assume!(today < end);
            let mut of = Subscription {
                cycle: old.name(), bill_day: (old == Cycle::Monthly).then_some(1), is_prepaid: true, price: Money::idr(price),
                started_on: Some(start), anchor: Some(calendar.anchor()), billed_until: Some(end),
                covered_until: Some(end), ..sample()
            };
            let to = offered(new, dear);
            prop_assume!(rules::begins_anew(&of, &to));
            let around = around(today, billed.clone(), to.clone());
            let plan = change(&mut of, Some(When::Now), &to, &around).unwrap();
            let unused = |of: &Billed| {
                let days = of.lines[0].days.unwrap();
                let left = days.within(Period { from: today, until: end }).map_or(0, Period::days);
                i128::from(price) * 1_000_000 * i128::from(left) / i128::from(days.days())
            };
            let exact: i128 = billed.iter().map(unused).sum();
            let off = i128::from(plan.returned.total.minor()) * 1_000_000 - exact;
            prop_assert!(off.abs() <= 50 * 1_000_000 + 10, "{off}");
            // The new period begins today, and the next one where it ends.
            let first = plan.period.unwrap();
            prop_assert_eq!(first.days.from, today);
            prop_assert_eq!(of.billed_until, Some(first.days.until));
            let next = of.calendar().unwrap().rest(first.days.until);
            prop_assert_eq!(of.calendar().unwrap().around(first.days.until).from, next.from);
            prop_assert!(first.amount.minor() <= dear);
            // With the next period nothing that was paid is touched.
            let mut later = Subscription {
                cycle: old.name(), bill_day: (old == Cycle::Monthly).then_some(1), is_prepaid: true, price: Money::idr(price),
                started_on: Some(start), anchor: Some(calendar.anchor()), billed_until: Some(end),
                covered_until: Some(end), ..sample()
            };
            let plan = change(&mut later, Some(When::NextPeriod), &to, &around).unwrap();
            prop_assert_eq!((plan.from, plan.returned.total, later.billed_until), (end, Money::idr(0), Some(end)));
        }
    }
}
