//! Booking plans: invoices and what is taken back of them first, then the rows with all their traces.
//!
//! Order within the transaction (see `ledger`): numbers of invoices, then of credit notes, customers one after the other;
//! rows and routers after the money, so that where a service stands is derived from what is booked.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{
    plan::{AddonChange, Asked, AskedFor, Charge, Plan},
    quote::{GivenBack, Returned},
    rules::Paying,
    store,
};
use crate::{
    app::App,
    audit::Actor,
    db::Tx,
    ids::{InvoiceId, SubscriptionId},
    invoices::{self, Crediting, InvoiceError, Issue, LineKind, NewLine, Pause, Proposal},
    ledger::{
        self,
        allocation::Settlement,
        draft::{Fact, Source},
    },
    money::Money,
    subscriptions::{
        Subscription, SubscriptionError, change, follow,
        store::{self as rows, Held},
        write::{self, Changed},
    },
};

/// A subscription with what was decided of it.
#[derive(Debug, Clone)]
pub(super) struct Booking {
    pub(super) before: Subscription,
    pub(super) after: Held,
    pub(super) plan: Plan,
    /// Another secret, to be kept.
    pub(super) is_secret_new: bool,
    /// hiji made it: whoever asked for it is shown it once.
    pub(super) is_secret_made: bool,
}

/// Books plans of different subscriptions, in the order of their customers. The answer is the invoice that was made for
/// each that asks for money now.
///
/// # Errors
/// [`SubscriptionError`]; the transaction must then be given up.
pub(super) async fn book(
    tx: &Tx,
    app: &App,
    (now, actor): (DateTime<Utc>, &Actor),
    mut bookings: Vec<Booking>,
) -> Result<HashMap<SubscriptionId, InvoiceId>, SubscriptionError> {
    bookings.sort_by_key(|booking| (booking.before.customer_id, booking.before.id));
    let made = ask(tx, (now, actor), &bookings).await?;
    add_rows(tx, now, &bookings).await?;
    for booking in &bookings {
        if let Some(invoice) = booking.plan.drops {
            invoices::void_in(&**tx, now, actor, invoice, &reason(&booking.before, &booking.plan)).await?;
        }
        let asked = made.get(&booking.before.id).copied().filter(|_| begins_anew(&booking.plan));
        let had = credit(tx, &booking.before, asked).await?;
        take_back(tx, (now, actor), booking).await?;
        if let Some(asked) = asked {
            pay_from_returned(tx, (now, actor), &booking.before, (asked, had)).await?;
        }
    }
    let pauses: Vec<Pause> = bookings.iter().filter_map(pause).collect();
    invoices::postpone(&**tx, &pauses).await?;
    let ids: Vec<SubscriptionId> = bookings.iter().map(|booking| booking.before.id).collect();
    let owed = follow::owed(&**tx, &ids).await?;
    let policy = follow::policy(&**tx).await?;
    let mut changes = Vec::with_capacity(bookings.len());
    let mut gone = Vec::new();
    for Booking { before, mut after, plan, is_secret_new, is_secret_made } in bookings {
        let owed = owed.get(&before.id).copied().unwrap_or_default();
        let moved = change::refresh(&mut after.subscription, owed, policy, now);
        follow::move_on(tx, &mut after.subscription, moved, (policy, now)).await?;
        if plan.ends_service() || before.username != after.subscription.username {
            gone.push(after.subscription.clone());
        }
        if is_secret_new {
            store::set_secret(&**tx, &app.keys, before.id, (&after.password, is_secret_made)).await?;
        }
        let is_told = is_secret_new || before.package_id != after.subscription.package_id;
        changes.push(Changed { is_told, ..Changed::by(before, after, plan.what, plan.detail) });
    }
    write::write(tx, app, (now, actor), changes).await?;
    for of in gone {
        write::tell_customer(tx, &of).await?;
    }
    Ok(made)
}

/// Invoices of what is asked for now: changes, add-ons, the last days.
async fn ask(
    tx: &Tx,
    (now, actor): (DateTime<Utc>, &Actor),
    bookings: &[Booking],
) -> Result<HashMap<SubscriptionId, InvoiceId>, SubscriptionError> {
    let (mut proposals, mut once) = (Vec::new(), Vec::new());
    for Booking { before, plan, .. } in bookings {
        if let Some(charge) = plan.charge.as_ref().filter(|charge| charge.paying == Paying::Now) {
            proposals.push(proposal(before, charge));
        }
        proposals.extend(plan.last.proposals.iter().cloned());
        once.extend(plan.last.addons.iter().copied());
    }
    let made = invoices::propose(&**tx, now, actor, proposals, Issue::Now).await?;
    rows::addons_billed(&**tx, now, &once).await?;
    Ok(made.into_iter().filter_map(|made| Some((made.subscription?, made.id))).collect())
}

fn proposal(of: &Subscription, charge: &Charge) -> Proposal {
    let none = Money::new(0, charge.amount.currency());
    let line = |asked: &Asked| {
        let count = i64::from(asked.quantity.max(1));
        NewLine {
            kind: match asked.what {
                AskedFor::OldPackage | AskedFor::NewPackage => LineKind::Proration,
                AskedFor::Addon => LineKind::Addon,
            },
            text: asked.name.clone(),
            quantity: 1,
            unit_price: asked.amount,
            amount: asked.amount,
            cost: asked.cost.and_then(|cost| cost.times(count).ok()).unwrap_or(none),
            is_taxed: asked.is_taxed,
            package: None,
            addon: asked.addon,
            from: asked.days.map(|days| days.from),
            until: asked.days.map(|days| days.until),
        }
    };
    let days = charge.lines.iter().find_map(|line| line.days);
    Proposal {
        proposal: format!("sub/{}/change/{}", of.id, of.version),
        customer: of.customer_id,
        site: of.site_id,
        subscription: Some(of.id),
        kind: invoices::Kind::Change,
        period: days.map(|days| (days.from, days.until)),
        due_on: charge.due_on,
        lines: charge.lines.iter().map(line).collect(),
        notes: String::new(),
    }
}

/// Rows of add-ons that begin or end, and what the next invoice is to ask for.
async fn add_rows(tx: &Tx, now: DateTime<Utc>, bookings: &[Booking]) -> Result<(), SubscriptionError> {
    let mut new = Vec::new();
    for Booking { before, plan, .. } in bookings {
        match &plan.addon {
            Some(AddonChange::Begins { addon, quantity, from, is_billed }) => new.push(store::Row {
                subscription: before.id,
                addon: Some(addon.id),
                name: addon.name.clone(),
                is_one_off: addon.is_one_off,
                quantity: *quantity,
                price: addon.price.minor(),
                cost: addon.cost.minor(),
                is_taxed: addon.is_taxed,
                from: *from,
                until: None,
                billed_at: is_billed.then_some(now),
            }),
            Some(AddonChange::Ends { row, until }) => store::end_row(&**tx, *row, *until).await?,
            None => {}
        }
        let next = plan.charge.as_ref().filter(|charge| charge.paying == Paying::NextInvoice);
        new.extend(next.and_then(|charge| pending(before, plan, charge)));
    }
    store::insert_rows(&**tx, new).await?;
    Ok(())
}

/// What the next invoice asks for once.
fn pending(of: &Subscription, plan: &Plan, charge: &Charge) -> Option<store::Row> {
    let last = charge.lines.last()?;
    let names: Vec<&str> = charge.lines.iter().map(|line| line.name.as_str()).collect();
    let cost = charge.lines.iter().filter_map(|line| line.cost).map(Money::minor).sum();
    Some(store::Row {
        subscription: of.id,
        addon: last.addon,
        name: names.join(" → "),
        is_one_off: true,
        quantity: 1,
        price: charge.amount.minor(),
        cost,
        is_taxed: last.is_taxed,
        from: last.days.map_or(plan.from, |days| days.from),
        until: last.days.map(|days| days.until),
        billed_at: None,
    })
}

/// Credit notes; an invoice that is wholly taken back and was not paid is voided. What no invoice asked for becomes
/// balance.
async fn take_back(tx: &Tx, (now, actor): (DateTime<Utc>, &Actor), booking: &Booking) -> Result<(), SubscriptionError> {
    let Booking { before, plan, .. } = booking;
    if plan.is_foreseen {
        return Ok(());
    }
    let Returned { of_invoices, loose, .. } = &plan.returned;
    let reason = reason(before, plan);
    for GivenBack { invoice, amount, is_draft, is_whole, .. } in of_invoices {
        if *is_whole {
            invoices::void_in(&**tx, now, actor, *invoice, &reason).await?;
            continue;
        }
        if *is_draft {
            invoices::issue(&**tx, now, actor, &[*invoice]).await?;
        }
        let form_id = format!("sub-{}-{}-{invoice}", before.id, before.version);
        let crediting = Crediting { form_id, invoice: *invoice, amount: Some(*amount), reason: reason.clone() };
        invoices::credit_in(&**tx, now, actor, &crediting).await?;
    }
    if loose.minor() > 0 {
        let source = Source::new("subscription", format!("{}/{}", before.id, before.version));
        let fact = Fact { source, occurred_at: now, site: Some(before.site_id), memo: before.number.clone() };
        let draft = ledger::rules::opening_credit(fact, before.customer_id, *loose)
            .map_err(ledger::LedgerError::from)
            .map_err(InvoiceError::from)?;
        ledger::post(&**tx, now, actor, &draft).await.map_err(InvoiceError::from)?;
    }
    Ok(())
}

/// Whether a period begins now in the place of one that is given back.
fn begins_anew(plan: &Plan) -> bool {
    plan.period.as_ref().is_some_and(|period| period.is_now)
}

/// The customer's balance, where it matters.
async fn credit(tx: &Tx, of: &Subscription, asked: Option<InvoiceId>) -> Result<Money, SubscriptionError> {
    let currency = of.price.currency();
    if asked.is_none() {
        return Ok(Money::new(0, currency));
    }
    Ok(ledger::lock(&**tx, of.customer_id, currency).await?.credit)
}

/// What became balance by giving days back pays the period that begins in their place; what the customer had before is
/// left alone.
async fn pay_from_returned(
    tx: &Tx,
    (now, actor): (DateTime<Utc>, &Actor),
    of: &Subscription,
    (asked, had): (InvoiceId, Money),
) -> Result<(), SubscriptionError> {
    let back = credit(tx, of, Some(asked)).await?.minus(had)?;
    let left = ledger::remaining(&**tx, &[asked]).await?.get(&asked).copied().unwrap_or(0);
    let amount = Money::new(back.minor().min(left), back.currency());
    if amount.minor() <= 0 {
        return Ok(());
    }
    let source = Source::new("subscription_change", format!("{}/{}", of.id, of.version));
    let fact = Fact { source, occurred_at: now, site: Some(of.site_id), memo: of.number.clone() };
    let draft = ledger::rules::credit_used(fact, of.customer_id, &Settlement::of_invoice(asked, amount))
        .map_err(ledger::LedgerError::from)
        .map_err(InvoiceError::from)?;
    ledger::post(&**tx, now, actor, &draft).await.map_err(InvoiceError::from)?;
    invoices::settled(&**tx, now, actor, &[asked]).await?;
    Ok(())
}

/// What a credit note says of itself; read in any language.
fn reason(of: &Subscription, plan: &Plan) -> String {
    let text = format!("{} {}: {}", of.number, of.package, plan.from);
    text.chars().take(invoices::rules::MAX_REASON).collect()
}

fn pause(booking: &Booking) -> Option<Pause> {
    let paused = booking.plan.paused?;
    Some(Pause {
        service: booking.before.id,
        from: paused.from,
        days: u64::try_from(paused.days()).unwrap_or(0),
        moves_periods: booking.plan.moved_days > 0,
    })
}
