//! What follows when money moved: states of invoices, and the services that hang on them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{PaymentError, rules};
use crate::{
    app::App,
    audit::Actor,
    db::Tx,
    ids::{InvoiceId, SubscriptionId},
    invoices::{self, Open},
    ledger::aging::local_day,
    subscriptions::{self, State, Subscription},
};

/// When a part of what is due opens a service again, and for how long the rest may wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reopening<'a> {
    pub(super) percent: i32,
    pub(super) days: i32,
    /// The number of the payment's receipt.
    pub(super) receipt: &'a str,
}

/// Invoices and services follow what was paid; a service of which enough was paid is open on the promise of the rest.
/// Answers whether there is one.
pub(super) async fn paid(
    tx: &Tx,
    app: &App,
    (now, actor): (DateTime<Utc>, &Actor),
    invoices: &[InvoiceId],
    reopening: Reopening<'_>,
) -> Result<bool, PaymentError> {
    let touched = followed(tx, app, (now, actor), invoices).await?;
    let mut services = subscriptions::by_ids(&**tx, &touched).await?;
    services.retain(|service| matches!(service.state, State::Grace | State::Isolated) && !service.is_held);
    // They are all of the customer who paid.
    let Some(customer) = services.first().map(|service| service.customer_id) else { return Ok(false) };
    let open = invoices::open_of(&**tx, customer).await?;
    services.retain(|service| rules::is_share_enough(overdue(service, &open, now), reopening.percent));
    for service in &services {
        let until = rules::promised_until(now, service.zone(), reopening.days);
        subscriptions::promise_in(tx, app, (now, actor), service.id, (reopening.receipt, until)).await?;
    }
    Ok(!services.is_empty())
}

/// What is due of a service: of each invoice the total and what is left. Of those not due yet nothing is asked.
fn overdue<'a>(
    service: &'a Subscription,
    open: &'a [Open],
    now: DateTime<Utc>,
) -> impl Iterator<Item = (crate::money::Money, crate::money::Money)> + 'a {
    let today = local_day(now, service.zone());
    open.iter()
        .filter(move |open| open.subscription_id == Some(service.id) && open.kind.is_of_service())
        .filter(move |open| open.due_on < today)
        .map(|open| (open.total, open.remaining))
}

/// Invoices and services follow the ledger. Answers the services that were touched.
pub(super) async fn followed(
    tx: &Tx,
    app: &App,
    (now, actor): (DateTime<Utc>, &Actor),
    invoices: &[InvoiceId],
) -> Result<Vec<SubscriptionId>, PaymentError> {
    if invoices.is_empty() {
        return Ok(Vec::new());
    }
    let settled = invoices::settled(&**tx, now, actor, invoices).await?;
    let services: BTreeSet<SubscriptionId> = settled.iter().filter_map(|each| each.subscription).collect();
    let services: Vec<SubscriptionId> = services.into_iter().collect();
    if !services.is_empty() {
        subscriptions::invoices_changed(tx, app, now, actor, &services).await?;
    }
    Ok(services)
}

/// Takes promises back that a payment had brought, which is taken back itself; what others promised stays.
pub(super) async fn promise_no_more(
    tx: &Tx,
    app: &App,
    (now, actor): (DateTime<Utc>, &Actor),
    services: &[SubscriptionId],
    receipt: &str,
) -> Result<(), PaymentError> {
    for service in services {
        subscriptions::forget_promise_in(tx, app, (now, actor), *service, receipt).await?;
    }
    Ok(())
}
