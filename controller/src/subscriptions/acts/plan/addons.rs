//! Add-ons that begin and end, by their days. Pure.

use chrono::NaiveDate;
use serde_json::json;

use super::{AddonChange, Around, Asked, AskedFor, Plan, package::charge, refused, simple};
use crate::{
    money::Money,
    subscriptions::{
        Addon, Subscription, SubscriptionError,
        acts::{
            quote,
            rules::{self, Paying},
        },
        bill,
    },
};

pub(super) fn add_addon(
    of: &mut Subscription,
    (quantity, from, paying): (i32, NaiveDate, Paying),
    around: &Around,
) -> Result<Plan, SubscriptionError> {
    rules::living(of)?;
    let Some(addon) = &around.addon else { return Err(refused("addon_id", "not_offered")) };
    if addon.price.currency() != of.price.currency() {
        return Err(refused("addon_id", "currency"));
    }
    rules::within_a_year("from", from, around.today)?;
    let lives = |known: &&Addon| known.addon_id == Some(addon.id) && known.until.is_none_or(|until| until > from);
    if !addon.is_one_off && around.addons.iter().any(|known| !known.is_one_off && lives(&known)) {
        return Err(refused("addon_id", "addon_twice"));
    }
    let whole = addon.price.times(i64::from(quantity))?;
    let (amount, days) = if addon.is_one_off {
        (whole, None)
    } else {
        // What is invoiced already has to be asked for apart.
        match (rules::invoiced_from(of, from), of.calendar()) {
            (Some(days), Some(calendar)) => {
                let of_period = bill::of_period(whole, calendar.step(), around.choices.rounding)?;
                (quote::price_of(calendar, days, of_period, around.choices.rounding)?, Some(days))
            }
            _ => (Money::new(0, whole.currency()), None),
        }
    };
    let detail = json!({ "name": addon.name, "quantity": quantity, "day": from.to_string() });
    let is_billed = addon.is_one_off && amount.minor() > 0 && paying == Paying::Now;
    let line = Asked {
        what: AskedFor::Addon,
        amount,
        is_taxed: addon.is_taxed,
        days,
        cost: Some(addon.cost),
        quantity,
        addon: Some(addon.id),
        name: addon.name.clone(),
    };
    let charge = charge(vec![line], amount, paying, around);
    // A one-off one is its own row until an invoice takes it.
    let asks = amount.minor() > 0 && (!addon.is_one_off || is_billed);
    let begins = AddonChange::Begins { addon: addon.clone(), quantity, from, is_billed };
    Ok(Plan {
        from,
        charge: Some(charge).filter(|_| asks),
        addon: Some(begins),
        ..simple(of, "addon-added", detail, around)
    })
}

pub(super) fn end_addon(
    of: &mut Subscription,
    row: i64,
    on: NaiveDate,
    around: &Around,
) -> Result<Plan, SubscriptionError> {
    rules::living(of)?;
    let Some(addon) = around.addons.iter().find(|addon| addon.id == row) else {
        return Err(refused("row", "not_offered"));
    };
    let is_over = addon.until.is_some_and(|until| until <= around.today) || addon.billed_at.is_some();
    if is_over {
        return Err(refused("row", "addon_is_over"));
    }
    rules::within_a_year("until", on, around.today)?;
    let on = on.max(addon.from);
    let whole = addon.price.times(i64::from(addon.quantity))?;
    let mut plan = Plan {
        from: on,
        addon: Some(AddonChange::Ends { row, until: on }),
        ..simple(of, "addon-ended", json!({ "name": addon.name, "day": on.to_string() }), around)
    };
    if let (false, Some(days), Some(calendar)) = (addon.is_one_off, rules::invoiced_from(of, on), of.calendar()) {
        let of_period = bill::of_period(whole, calendar.step(), around.choices.rounding)?;
        let amount = quote::price_of(calendar, days, of_period, around.choices.rounding)?;
        plan.returned = quote::from_newest(&around.billed, amount, addon.is_taxed)?;
    }
    Ok(plan)
}
