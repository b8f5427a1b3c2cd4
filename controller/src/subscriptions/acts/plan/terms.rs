//! Other terms of a service that runs, and its package's present price: what is invoiced stays as it is, the next invoice
//! follows. Pure.

use serde_json::{Value, json};

use super::{Around, NextInvoice, Plan, refused, renew::invoices, simple};
use crate::{
    http::form::{Check, FieldError},
    packages::{
        Cycle, OnExpiry,
        rules::{MAX_BILL_DAY, MAX_DUE_DAYS, MAX_GRACE_DAYS},
    },
    subscriptions::{Step, Subscription, SubscriptionError, acts::rules, bill},
};

/// Invoices that are shown of new terms: the days up to the first of its periods, and that.
const SHOWN: usize = 2;

/// What may be agreed anew; what is `None` stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terms {
    /// Of the same length: what a period costs stays.
    pub cycle: Option<Cycle>,
    /// 1 to 28, of the cycle on a day of the month.
    pub bill_day: Option<i64>,
    pub is_prepaid: Option<bool>,
    pub due_days: Option<i64>,
    pub grace_days: Option<i64>,
    pub on_expiry: Option<OnExpiry>,
}

/// Periods are counted anew from the first day that is not invoiced: days up to the new day of the month are a part of a
/// period. The rest holds at once.
pub(super) fn terms(of: &mut Subscription, wanted: &Terms, around: &Around) -> Result<Plan, SubscriptionError> {
    rules::living(of)?;
    let before = of.clone();
    let mut check = Check::default();
    let mut within = |field: &str, number: Option<i64>, now: i32, (min, max): (i64, i64)| {
        let Some(number) = number else { return now };
        if !(min..=max).contains(&number) {
            check.refuse(field, FieldError::new("out_of_range").arg("min", min).arg("max", max));
        }
        i32::try_from(number).unwrap_or(now)
    };
    let bill_day = within("bill_day", wanted.bill_day, of.bill_day.unwrap_or(1), (1, MAX_BILL_DAY));
    of.due_days = within("due_days", wanted.due_days, of.due_days, (0, MAX_DUE_DAYS));
    of.grace_days = within("grace_days", wanted.grace_days, of.grace_days, (0, MAX_GRACE_DAYS));
    if !check.is_clean() {
        return Err(SubscriptionError::Refused(check.into_errors()));
    }
    of.is_prepaid = wanted.is_prepaid.unwrap_or(of.is_prepaid);
    of.on_expiry = wanted.on_expiry.unwrap_or(of.on_expiry);
    count_anew(of, wanted.cycle, bill_day, around)?;
    let changed = changed(&before, of);
    if changed.is_empty() {
        return Err(refused("", "nothing_changed"));
    }
    let names: Vec<&str> = changed.iter().map(|(name, ..)| *name).collect();
    let mut detail = json!({ "fields": names.join(", ") });
    if let Some(fields) = detail.as_object_mut() {
        let side = |is_new: bool| -> Value {
            changed.iter().map(|(name, was, is)| ((*name).to_owned(), json!(if is_new { is } else { was }))).collect()
        };
        fields.insert("was".to_owned(), side(false));
        fields.insert("is".to_owned(), side(true));
    }
    let counts_anew = (&before.cycle, before.bill_day) != (&of.cycle, of.bill_day);
    let from = of.billed_until.filter(|_| counts_anew).map_or(around.today, |day| day.max(around.today));
    let next = shown(of, None, around)?;
    Ok(Plan { from, is_now: from == around.today, next, ..simple(of, "terms-changed", detail, around) })
}

fn count_anew(
    of: &mut Subscription,
    wanted: Option<Cycle>,
    bill_day: i32,
    around: &Around,
) -> Result<(), SubscriptionError> {
    let Some(was) = Cycle::parse(&of.cycle) else { return Ok(()) };
    let cycle = wanted.unwrap_or(was);
    let bill_day = (cycle == Cycle::Monthly).then_some(bill_day);
    if (cycle, bill_day) == (was, of.bill_day) {
        return Ok(());
    }
    if !rules::same_length(was, cycle) {
        return Err(refused("cycle", "terms_other_length"));
    }
    if of.next_package_id.is_some() {
        return Err(refused("cycle", "change_is_planned"));
    }
    let from = of.billed_until.or(of.started_on).unwrap_or(around.today);
    of.cycle = cycle.name();
    of.bill_day = bill_day;
    of.anchor = Some(Step::of(cycle, bill_day).anchor(from));
    Ok(())
}

/// What is another than before: its name, and what it was and is.
fn changed(before: &Subscription, of: &Subscription) -> Vec<(&'static str, String, String)> {
    let day = |of: &Subscription| of.bill_day.map(|day| day.to_string()).unwrap_or_default();
    let all = [
        ("cycle", before.cycle.clone(), of.cycle.clone()),
        ("bill_day", day(before), day(of)),
        ("is_prepaid", before.is_prepaid.to_string(), of.is_prepaid.to_string()),
        ("due_days", before.due_days.to_string(), of.due_days.to_string()),
        ("grace_days", before.grace_days.to_string(), of.grace_days.to_string()),
        ("on_expiry", before.on_expiry.as_str().to_owned(), of.on_expiry.as_str().to_owned()),
    ];
    all.into_iter().filter(|(_, was, is)| was != is).collect()
}

/// The next invoices, as they will be; none where service ends before.
fn shown(
    of: &Subscription,
    planned: Option<&Subscription>,
    around: &Around,
) -> Result<Vec<NextInvoice>, SubscriptionError> {
    Ok(invoices(&bill::ahead(of, &around.addons, planned, (SHOWN, around.today, around.choices.rounding))?)?)
}

/// Takes what the package costs by now, from the first day that is not invoiced on.
pub(super) fn take_price(of: &mut Subscription, around: &Around) -> Result<Plan, SubscriptionError> {
    rules::living(of)?;
    let Some(to) = &around.offered else { return Err(refused("", "package_not_sold_there")) };
    if of.next_package_id.is_some() {
        return Err(refused("", "change_is_planned"));
    }
    if to.price.currency() != of.price.currency() {
        return Err(refused("", "currency"));
    }
    if (to.price, to.is_taxed) == (of.price, of.is_taxed) {
        return Err(refused("", "price_same"));
    }
    if of.discount.as_ref().is_some_and(|discount| discount.amount.minor() > to.price.minor()) {
        return Err(refused("", "package_below_discount"));
    }
    let from = of.billed_until.map_or(around.today, |day| day.max(around.today));
    let detail = json!({ "was": of.price.to_string(), "is": to.price.to_string(), "day": from.to_string() });
    let mut then = of.clone();
    rules::take_price(&mut then, to);
    if from > around.today {
        rules::plan_change(of, to.id, Some(from));
        let next = shown(of, Some(&then), around)?;
        return Ok(Plan { from, is_now: false, next, ..simple(of, "price-planned", detail, around) });
    }
    *of = then;
    let next = shown(of, None, around)?;
    Ok(Plan { from, next, ..simple(of, "price-taken", detail, around) })
}
