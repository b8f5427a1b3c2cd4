//! Paying ahead: the next periods are asked for at once, however early. Pure.

use chrono::NaiveDate;
use serde_json::json;

use super::{Around, NextInvoice, Plan, refused, simple};
use crate::{
    http::form::FieldError,
    money::{Money, MoneyError},
    subscriptions::{
        State, Subscription, SubscriptionError,
        acts::rules,
        bill::{self, Bill},
        change::{self, Owed},
    },
};

/// Periods that are asked for ahead at once.
pub const MAX_PERIODS: usize = 12;
/// Days that may be paid ahead: three years.
const MAX_AHEAD_DAYS: i64 = 3 * 366;

pub(super) fn renew(of: &mut Subscription, periods: usize, around: &Around) -> Result<Plan, SubscriptionError> {
    match of.state {
        State::Pending | State::Active | State::Grace | State::Isolated => {}
        State::Paused | State::Ended => return Err(SubscriptionError::WrongState(of.state)),
    }
    if !(1..=MAX_PERIODS).contains(&periods) {
        let max = i64::try_from(MAX_PERIODS).unwrap_or(i64::MAX);
        let error = FieldError::new("out_of_range").arg("min", 1).arg("max", max);
        return Err(SubscriptionError::field("periods", error));
    }
    // Whoever approves it decides what is owed; days behind it are not paid before it.
    if around.has_draft {
        return Err(refused("periods", "renew_draft_waits"));
    }
    let planned = around.offered.as_ref().map(|offered| {
        let mut then = of.clone();
        rules::take_planned(&mut then, offered);
        then
    });
    let bill = bill::ahead(of, &around.addons, planned.as_ref(), (periods, around.today, around.choices.rounding))?;
    let Some(until) = bill.billed_until.filter(|_| bill.proposals.len() == periods) else {
        return Err(refused("periods", "renew_not_beyond"));
    };
    let furthest = rules::days_on(around.today, MAX_AHEAD_DAYS);
    if until > furthest {
        let error = FieldError::new("renew_too_far").arg("until", furthest.to_string());
        return Err(SubscriptionError::field("periods", error));
    }
    let from = of.billed_until.unwrap_or(around.today);
    of.billed_until = Some(until);
    let mut paid = of.clone();
    change::refresh(&mut paid, Owed::default(), around.choices.policy, around.now);
    let detail = json!({ "periods": periods, "until": last(until).to_string() });
    let plan = simple(of, "renewed", detail, around);
    Ok(Plan { from, next: invoices(&bill)?, paid_until: paid.covered_until, last: bill, ..plan })
}

/// The invoices of a bill, as they are shown before they are made; without tax yet.
pub(super) fn invoices(bill: &Bill) -> Result<Vec<NextInvoice>, MoneyError> {
    let mut found = Vec::with_capacity(bill.proposals.len());
    for proposal in &bill.proposals {
        let Some((from, until)) = proposal.period else { continue };
        let lines: Vec<(Money, bool)> = proposal.lines.iter().map(|line| (line.amount, line.is_taxed)).collect();
        let Some((first, rest)) = lines.split_first() else { continue };
        let amount = rest.iter().try_fold(first.0, |sum, (amount, _)| sum.plus(*amount))?;
        found.push(NextInvoice { from, until, due_on: proposal.due_on, amount, lines });
    }
    Ok(found)
}

/// The last day before one.
fn last(day: NaiveDate) -> NaiveDate {
    day.pred_opt().unwrap_or(day)
}
