//! Another package: what of it is asked for now, later, or given back. Pure.

use serde_json::{Value, json};

use super::{Around, Asked, AskedFor, Charge, Plan, anew, refused, simple};
use crate::{
    money::{Money, MoneyError},
    subscriptions::{
        Period, State, Subscription, SubscriptionError,
        acts::{
            quote::{self, Billed, Difference},
            rules::{self, Offered, Paying, When},
        },
    },
};

pub(super) fn change_package(
    of: &mut Subscription,
    (when, paying): (Option<When>, Paying),
    around: &Around,
) -> Result<Plan, SubscriptionError> {
    let Some(to) = &around.offered else { return Err(refused("package_id", "package_not_sold_there")) };
    rules::may_change(of, to)?;
    if rules::begins_anew(of, to) {
        return anew::change(of, when, to, around);
    }
    let when = when.unwrap_or_else(|| When::usual(of.price, to.price));
    // What has not begun begins with it.
    let when = if of.state == State::Pending { When::Now } else { when };
    let from = rules::change_day(of, when, around.today);
    let detail = json!({ "from": of.package, "to": to.name, "day": from.to_string() });
    let mut plan = Plan { from, ..simple(of, "package-changed", detail, around) };
    reckon_change(Side::of(of), Side::to(to), (of, paying), around, &mut plan)?;
    let more = plan.charge.is_some();
    if more && paying == Paying::Now && around.choices.change_pays_first && when == When::Now {
        if let Some(charge) = &mut plan.charge {
            charge.pays_first = true;
        }
        rules::plan_change(of, to.id, None);
        (plan.what, plan.is_now) = ("package-change-waits", false);
    } else if from > around.today && of.state != State::Pending {
        rules::plan_change(of, to.id, Some(from));
        (plan.what, plan.is_now) = ("package-change-planned", false);
    } else {
        rules::take_package(of, to);
    }
    Ok(plan)
}

/// A package on one side of a change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side<'a> {
    name: &'a str,
    price: Money,
    is_taxed: bool,
}

impl<'a> Side<'a> {
    pub(super) fn of(of: &'a Subscription) -> Self {
        Self { name: &of.package, price: of.price, is_taxed: of.is_taxed }
    }

    pub(super) fn to(to: &'a Offered) -> Self {
        Self { name: &to.name, price: to.price, is_taxed: to.is_taxed }
    }
}

/// What the days that are invoiced from the plan's first day on cost more, or less.
pub(super) fn reckon_change(
    old: Side<'_>,
    new: Side<'_>,
    (of, paying): (&Subscription, Paying),
    around: &Around,
    plan: &mut Plan,
) -> Result<(), SubscriptionError> {
    let (Some(days), Some(calendar)) = (rules::invoiced_from(of, plan.from), of.calendar()) else { return Ok(()) };
    let found = quote::change(calendar, days, (old.price, new.price), around.choices.rounding)?;
    let amount = found.amount;
    if amount.minor() > 0 {
        plan.charge = Some(charge(change_lines(old, new, days, &found)?, amount, paying, around));
    } else if amount.minor() < 0 {
        let less = Money::new(amount.minor().saturating_neg(), amount.currency());
        plan.returned = quote::from_newest(&around.billed, less, old.is_taxed)?;
    }
    plan.difference = Some(found);
    Ok(())
}

/// Old days off, new days on.
fn change_lines(old: Side<'_>, new: Side<'_>, days: Period, found: &Difference) -> Result<Vec<Asked>, MoneyError> {
    let none = Money::new(0, found.amount.currency());
    let line = |what: AskedFor, name: &str, amount: Money, is_taxed: bool| Asked {
        days: Some(days),
        ..asked(what, name, amount, is_taxed)
    };
    // The sum is round: what it is rounded by stands with the new package.
    Ok(vec![
        line(AskedFor::OldPackage, old.name, none.minus(found.old)?, old.is_taxed),
        line(AskedFor::NewPackage, new.name, found.amount.plus(found.old)?, new.is_taxed),
    ])
}

/// The package that was planned, on its day or when it is paid.
pub(super) fn take_package(of: &mut Subscription, around: &Around) -> Result<Plan, SubscriptionError> {
    let Some(to) = &around.offered else { return Err(refused("package_id", "package_not_sold_there")) };
    if of.state == State::Ended {
        return Err(SubscriptionError::WrongState(of.state));
    }
    if to.id == of.package_id {
        let detail = json!({
            "was": of.price.to_string(), "is": to.price.to_string(), "day": around.today.to_string(),
        });
        rules::take_price(of, to);
        return Ok(simple(of, "price-taken", detail, around));
    }
    let detail = json!({ "from": of.package, "to": to.name, "day": around.today.to_string() });
    let mut plan = simple(of, "package-changed", detail, around);
    if let Some(paid) = &around.paid_change {
        settle_paid(of, to, paid, around, &mut plan)?;
    }
    rules::take_package(of, to);
    Ok(plan)
}

/// It was paid on another day than it was reckoned for: what that makes is asked for, or given back.
fn settle_paid(
    of: &Subscription,
    to: &Offered,
    paid: &Billed,
    around: &Around,
    plan: &mut Plan,
) -> Result<(), SubscriptionError> {
    let mut reckoned = simple(of, plan.what, Value::Null, around);
    reckon_change(Side::of(of), Side::to(to), (of, Paying::NextInvoice), around, &mut reckoned)?;
    let none = Money::new(0, of.price.currency());
    let due = reckoned.difference.as_ref().map_or(none, |difference| difference.amount);
    let had = paid.lines.iter().try_fold(none, |sum, line| sum.plus(line.amount))?;
    let more = due.minus(had)?;
    if more.minor() > 0 {
        let line = asked(AskedFor::NewPackage, &to.name, more, to.is_taxed);
        plan.charge = Some(charge(vec![line], more, Paying::NextInvoice, around));
    } else if more.minor() < 0 {
        let less = none.minus(more)?;
        plan.returned = quote::from_newest(std::slice::from_ref(paid), less, to.is_taxed)?;
    }
    Ok(())
}

pub(super) fn charge(lines: Vec<Asked>, amount: Money, paying: Paying, around: &Around) -> Charge {
    let due_on = rules::days_on(around.today, around.choices.due_days);
    Charge { lines, amount, paying, pays_first: false, due_on }
}

/// A line for no days in particular.
pub(super) fn asked(what: AskedFor, name: &str, amount: Money, is_taxed: bool) -> Asked {
    Asked { what, amount, is_taxed, days: None, cost: None, quantity: 1, addon: None, name: name.to_owned() }
}
