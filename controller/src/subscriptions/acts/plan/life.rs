//! Pauses and ends: what is given back for days that were invoiced, and what is asked for those that were not. Pure.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::{
    Around, Plan,
    package::{Side, reckon_change},
    simple,
};
use crate::{
    invoices,
    money::{Money, MoneyError},
    subscriptions::{
        Period, State, Subscription, SubscriptionError,
        acts::{
            Planned,
            quote::{self, Before, Returned},
            rules::{self, Paying},
        },
        bill::{self, Bill, Terms},
    },
};

/// What of a period is charged again and again, for days that no invoice names.
fn standing_price(of: &Subscription) -> Result<Money, MoneyError> {
    of.discount.as_ref().map_or(Ok(of.price), |discount| of.price.minus(discount.amount))
}

pub(super) fn pause(
    of: &mut Subscription,
    days: (NaiveDate, Option<NaiveDate>),
    reason: &str,
    around: &Around,
) -> Result<Plan, SubscriptionError> {
    let was = of.state;
    rules::plan_pause(of, days, around.today)?;
    let from = of.paused_from.unwrap_or(days.0);
    let detail = json!({ "from": from.to_string(), "until": of.paused_until.map(|day| last(day).to_string()).unwrap_or_default(), "reason": reason });
    let mut plan = Plan { from, ..simple(of, "pause-planned", detail, around) };
    if was == State::Paused {
        plan.what = "pause-changed";
    } else if rules::pause_is_due(of, around.today) {
        rules::begin_pause(of, around.today);
        plan.what = "paused";
    } else {
        plan.is_now = false;
    }
    // What comes back when it is over, if it is over as planned.
    if let (Some(until), true) = (of.paused_until, of.state != State::Ended) {
        let mut later = of.clone();
        later.state = State::Paused;
        foresee(&mut later, until, around, &mut plan)?;
    }
    Ok(plan)
}

/// What the end of a pause will give back: shown, not booked.
fn foresee(
    later: &mut Subscription,
    until: NaiveDate,
    around: &Around,
    plan: &mut Plan,
) -> Result<(), SubscriptionError> {
    let before = later.clone();
    let paused = rules::resume(later, until)?;
    plan.moved_days = paused.moved_days;
    plan.returned = give_back(&before, paused.given_back, around)?;
    plan.is_foreseen = true;
    Ok(())
}

/// What is given back for days that were invoiced.
pub(super) fn give_back(
    of: &Subscription,
    days: Option<Period>,
    around: &Around,
) -> Result<Returned, SubscriptionError> {
    let (Some(days), Some(calendar), Some(end)) = (days, of.calendar(), of.billed_until) else {
        return Ok(Returned::nothing(of.price));
    };
    let before = Before { until: around.taken_over_until, price: standing_price(of)? };
    Ok(quote::unused(&around.billed, (days, end), (calendar, before), around.choices.rounding)?)
}

pub(super) fn begin_pause(of: &mut Subscription, around: &Around) -> Plan {
    rules::begin_pause(of, around.today);
    let detail = json!({ "from": around.today.to_string(), "until": of.paused_until.map(|day| last(day).to_string()).unwrap_or_default(), "reason": "" });
    simple(of, "paused", detail, around)
}

/// Ends the pause today, or forgets one that has not begun.
pub(super) fn resume(of: &mut Subscription, around: &Around) -> Result<Plan, SubscriptionError> {
    if of.state != State::Paused {
        rules::forget_pause(of)?;
        return Ok(simple(of, "pause-dropped", json!({}), around));
    }
    let before = of.clone();
    let paused = rules::resume(of, around.today)?;
    let returned = give_back(&before, paused.given_back, around)?;
    let detail = json!({
        "days": paused.days.days(), "moved": paused.moved_days, "returned": returned.total.to_string(),
    });
    Ok(Plan {
        returned,
        moved_days: paused.moved_days,
        paused: Some(paused.days).filter(|days| days.days() > 0),
        ..simple(of, "resumed", detail, around)
    })
}

pub(super) fn end(
    of: &mut Subscription,
    on: NaiveDate,
    (reason, equipment, is_credited): (&str, &str, bool),
    around: &Around,
) -> Result<Plan, SubscriptionError> {
    rules::plan_end(of, on, reason, around.today)?;
    let detail = json!({
        "day": last(on).to_string(), "reason": reason, "equipment": equipment, "credited": i64::from(is_credited),
    });
    if on <= around.today {
        return finish_end(of, on, (is_credited, detail), around);
    }
    // Shown as it will be, booked on its day.
    let mut later = of.clone();
    let shown = finish_end(&mut later, on, (is_credited, Value::Null), around)?;
    Ok(Plan {
        from: on,
        is_now: false,
        owed: shown.owed,
        returned: shown.returned,
        is_foreseen: true,
        ..simple(of, "end-planned", detail, around)
    })
}

pub(super) fn finish_end(
    of: &mut Subscription,
    on: NaiveDate,
    (is_credited, detail): (bool, Value),
    around: &Around,
) -> Result<Plan, SubscriptionError> {
    of.ends_on = Some(on);
    let unused = rules::unused_at(of, on).filter(|_| is_credited || of.state == State::Pending);
    let returned = give_back(of, unused, around)?;
    let last = if of.state == State::Pending { Bill::default() } else { last_bill(of, on, around)? };
    let drops = around.waiting_change.filter(|_| rules::waits_for_payment(of));
    rules::end(of, on, around.now);
    Ok(Plan { owed: total(&last)?, last, returned, drops, from: on, ..simple(of, "ended", detail, around) })
}

/// What was served and not invoiced, and what is asked for once and was not yet.
fn last_bill(of: &Subscription, on: NaiveDate, around: &Around) -> Result<Bill, MoneyError> {
    // How long it may be paid is said below.
    let terms = Terms { horizon: on, today: NaiveDate::MIN, rounding: around.choices.rounding };
    let mut last = bill::until(of, &around.addons, None, terms)?;
    last.settle_once(of, &around.addons, around.today)?;
    for proposal in &mut last.proposals {
        proposal.kind = invoices::Kind::Final;
        proposal.due_on = proposal.due_on.max(rules::days_on(around.today, around.choices.due_days));
    }
    Ok(last)
}

fn total(bill: &Bill) -> Result<Option<Money>, MoneyError> {
    let mut amounts = bill.proposals.iter().flat_map(|proposal| proposal.lines.iter().map(|line| line.amount));
    let Some(first) = amounts.next() else { return Ok(None) };
    amounts.try_fold(first, Money::plus).map(Some)
}

/// The last day before one.
fn last(day: NaiveDate) -> NaiveDate {
    day.pred_opt().unwrap_or(day)
}

/// Takes back what is planned.
pub(super) fn keep(of: &mut Subscription, planned: Planned, around: &Around) -> Result<Plan, SubscriptionError> {
    let nothing = Err(SubscriptionError::WrongState(of.state));
    match planned {
        Planned::Pause if of.state == State::Paused || of.paused_from.is_none() => nothing,
        Planned::Pause => {
            rules::forget_pause(of)?;
            Ok(simple(of, "pause-dropped", json!({}), around))
        }
        Planned::End if of.state == State::Ended || of.ends_on.is_none() => nothing,
        Planned::End => {
            of.ends_on = None;
            of.end_reason.clear();
            Ok(simple(of, "end-dropped", json!({}), around))
        }
        Planned::Change if of.next_package_id.is_none() => nothing,
        Planned::Change => {
            let drops = around.waiting_change.filter(|_| rules::waits_for_payment(of));
            let from = of.next_package_from;
            rules::forget_change(of);
            let mut plan = Plan { drops, ..simple(of, "package-change-dropped", json!({}), around) };
            // What was reckoned when it was planned is reckoned back.
            if let (Some(from), Some(to)) = (from, &around.offered) {
                plan.from = from;
                // The same package was planned for its price; its periods stay as they are.
                if to.id != of.package_id && rules::begins_anew(of, to) {
                    plan.returned = give_back(of, rules::invoiced_from(of, from), around)?;
                    rules::take_back(of, from);
                    return Ok(plan);
                }
                reckon_change(Side::to(to), Side::of(of), (of, Paying::NextInvoice), around, &mut plan)?;
            }
            Ok(plan)
        }
    }
}
