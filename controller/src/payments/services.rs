//! What follows when money moved: states of invoices, and the services that hang on them.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};

use super::{
    PaymentError,
    rules::{self, Earned},
};
use crate::{
    app::App,
    audit::Actor,
    db::Tx,
    ids::{InvoiceId, SubscriptionId},
    invoices::{self, Kind, Open, Settled},
    ledger::{aging::local_day, allocation::Settlement},
    money::Money,
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
    settlement: &Settlement,
    reopening: Reopening<'_>,
) -> Result<bool, PaymentError> {
    let settled = settled(tx, app, (now, actor), &super::invoices_of(settlement)).await?;
    let mut services = subscriptions::by_ids(&**tx, &services_of(&settled)).await?;
    services.retain(|service| matches!(service.state, State::Grace | State::Isolated) && !service.is_held);
    // They are all of the customer who paid.
    let Some(customer) = services.first().map(|service| service.customer_id) else { return Ok(false) };
    let open = invoices::open_of(&**tx, customer).await?;
    let mut is_promised = false;
    for service in &services {
        let runs = service.promise_until.filter(|until| *until > now);
        let debts = debts(service, (&open, &settled), settlement, now);
        let until = match (rules::earned(&debts, reopening.percent, runs.is_some()), runs) {
            (Earned::Nothing, _) => continue,
            (Earned::Kept, Some(until)) => until,
            (Earned::Kept | Earned::Anew, _) => rules::promised_until(now, service.zone(), reopening.days),
        };
        subscriptions::promise_in(tx, app, (now, actor), service.id, (reopening.receipt, until)).await?;
        is_promised = true;
    }
    Ok(is_promised)
}

/// What is due of a service, and what was before this payment. Of those not due yet nothing is asked.
fn debts(
    service: &Subscription,
    (open, settled): (&[Open], &[Settled]),
    settlement: &Settlement,
    now: DateTime<Utc>,
) -> Vec<rules::Debt> {
    let today = local_day(now, service.zone());
    let paid: HashMap<Option<InvoiceId>, i64> =
        settlement.shares.iter().map(|share| (share.invoice, share.amount.minor())).collect();
    let debt = |id: InvoiceId, total: Money, left: Money| rules::Debt {
        total: total.minor(),
        before: left.minor().saturating_add(paid.get(&Some(id)).copied().unwrap_or(0)),
        after: left.minor(),
    };
    let is_due = |of: Option<SubscriptionId>, kind: Kind, due_on: NaiveDate| {
        of == Some(service.id) && kind.is_of_service() && due_on < today
    };
    let open = open.iter().filter(|open| is_due(open.subscription_id, open.kind, open.due_on));
    let done = settled.iter().filter(|done| done.remaining.minor() == 0);
    let done = done.filter(|done| is_due(done.subscription, done.kind, done.due_on));
    let open = open.map(|open| debt(open.id, open.total, open.remaining));
    open.chain(done.map(|done| debt(done.id, done.total, done.remaining))).collect()
}

/// Invoices and services follow the ledger. Answers the services that were touched.
pub(super) async fn followed(
    tx: &Tx,
    app: &App,
    at: (DateTime<Utc>, &Actor),
    invoices: &[InvoiceId],
) -> Result<Vec<SubscriptionId>, PaymentError> {
    Ok(services_of(&settled(tx, app, at, invoices).await?))
}

async fn settled(
    tx: &Tx,
    app: &App,
    (now, actor): (DateTime<Utc>, &Actor),
    invoices: &[InvoiceId],
) -> Result<Vec<Settled>, PaymentError> {
    if invoices.is_empty() {
        return Ok(Vec::new());
    }
    let settled = invoices::settled(&**tx, now, actor, invoices).await?;
    let services = services_of(&settled);
    if !services.is_empty() {
        subscriptions::invoices_changed(tx, app, now, actor, &services).await?;
    }
    Ok(settled)
}

fn services_of(settled: &[Settled]) -> Vec<SubscriptionId> {
    let services: BTreeSet<SubscriptionId> = settled.iter().filter_map(|each| each.subscription).collect();
    services.into_iter().collect()
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
