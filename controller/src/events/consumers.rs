//! The one list of who reacts to business events, and the task that hands them out after the commit.
//!
//! Each pending event goes to live pages and to the public stream (MQTT, CloudEvents), then gets its place `hseq` in
//! the stream. A crash between publishing and recording the place publishes again with the same CloudEvents id: readers
//! dedupe by id, and gaps show in `hseq`.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Context as _;
use hiji_shared::topic::Topic;

use super::{BusinessEvent, Recorded, store};
use crate::{app::App, ids::SiteId};

/// Events handled in one go.
const BATCH: u64 = 500;
/// Looks without being woken this often: another controller may have recorded something.
const IDLE: Duration = Duration::from_secs(1);

/// Hands out events until the app stops.
pub async fn run(app: App) {
    loop {
        let woken = app.db.committed();
        match drain(&app).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!("business events could not be handed out: {error:#}"),
        }
        let _elapsed = tokio::time::timeout(IDLE, woken).await;
    }
}

/// Hands out one batch; true when there may be more.
async fn drain(app: &App) -> anyhow::Result<bool> {
    let pending = store::pending(app.db.read(), BATCH).await.context("reading pending events")?;
    if pending.is_empty() {
        return Ok(false);
    }
    let mut hseq = store::last_hseq(app.db.read()).await.context("reading the stream's end")?;
    let mut changed = BTreeSet::new();
    for recorded in &pending {
        hseq += 1;
        if let Some(event) = recorded.event() {
            changed.extend(live_topics(&event).into_iter().map(|topic| (topic, recorded.site)));
        }
        publish(app, recorded, hseq).await;
    }
    let tx = app.db.begin().await?;
    let first = hseq - i64::try_from(pending.len()).unwrap_or(0);
    for (at, recorded) in (first + 1..).zip(&pending) {
        store::publish(&*tx, recorded.id, at).await?;
    }
    tx.commit().await?;
    for (topic, site) in changed {
        app.live.send(topic, site);
    }
    Ok(pending.len() == usize::try_from(BATCH).unwrap_or(usize::MAX))
}

/// Which parts of which pages an event changes.
fn live_topics(event: &BusinessEvent) -> Vec<String> {
    let batch = |id| format!("batch-{id}");
    let router = |id| format!("router-{id}");
    match event {
        BusinessEvent::RouterOnline { router_id }
        | BusinessEvent::RouterOffline { router_id, .. }
        | BusinessEvent::RouterApproved { router_id }
        | BusinessEvent::RouterIsolation { router_id, .. } => {
            vec!["dashboard".to_owned(), "routers".to_owned(), router(router_id)]
        }
        BusinessEvent::BatchCreated { batch_id, .. } | BusinessEvent::BatchProgress { batch_id, .. } => {
            vec![batch(batch_id), "batches".to_owned()]
        }
        BusinessEvent::VoucherActivated { batch_id, .. }
        | BusinessEvent::VoucherEnded { batch_id, .. }
        | BusinessEvent::VoucherChanged { batch_id, .. }
        | BusinessEvent::BatchChanged { batch_id, .. } => {
            vec!["dashboard".to_owned(), "vouchers".to_owned(), batch(batch_id)]
        }
        BusinessEvent::VoucherSold { batch_id, .. } => {
            vec!["counter".to_owned(), "batches".to_owned(), batch(batch_id)]
        }
        BusinessEvent::SaleCancelled { .. } => vec!["counter".to_owned(), "vouchers".to_owned()],
        BusinessEvent::SessionsChanged { router_id, .. } => {
            vec!["dashboard".to_owned(), "sessions".to_owned(), router(router_id)]
        }
        BusinessEvent::PackageChanged { .. }
        | BusinessEvent::AddonChanged { .. }
        | BusinessEvent::TaxRatesChanged { .. } => vec!["packages".to_owned()],
        BusinessEvent::CustomerCreated { customer_id, .. }
        | BusinessEvent::CustomerChanged { customer_id, .. }
        | BusinessEvent::CustomerDeleted { customer_id, .. }
        | BusinessEvent::CustomerRestored { customer_id, .. } => {
            vec![format!("customer-{customer_id}"), "customers".to_owned()]
        }
        BusinessEvent::CustomersImported { import_id, .. } => {
            vec![format!("customer-import-{import_id}"), "customers".to_owned()]
        }
        BusinessEvent::InvoiceIssued { customer_id, invoice_id, .. }
        | BusinessEvent::InvoiceSettled { customer_id, invoice_id, .. }
        | BusinessEvent::InvoiceVoided { customer_id, invoice_id, .. }
        | BusinessEvent::InvoiceCredited { customer_id, invoice_id, .. } => {
            vec![format!("invoice-{invoice_id}"), format!("customer-{customer_id}"), "invoices".to_owned()]
        }
        BusinessEvent::SubscriptionCreated { subscription_id, customer_id, .. }
        | BusinessEvent::SubscriptionChanged { subscription_id, customer_id, .. }
        | BusinessEvent::SubscriptionSuspended { subscription_id, customer_id, .. }
        | BusinessEvent::SubscriptionRestored { subscription_id, customer_id, .. }
        | BusinessEvent::SubscriptionEnded { subscription_id, customer_id, .. } => vec![
            format!("subscription-{subscription_id}"),
            "subscriptions".to_owned(),
            format!("customer-{customer_id}"),
        ],
    }
}

async fn publish(app: &App, recorded: &Recorded, hseq: i64) {
    let Some(SiteId(site)) = recorded.site else { return };
    let topic = Topic::Event { site: site.to_string(), class: recorded.class.clone(), event: recorded.name.clone() };
    let body = recorded.cloud_event(hseq);
    if let Err(error) = app.bus.publish(&topic, body.to_string().into_bytes(), false).await {
        tracing::debug!(hseq, "event not on the stream, readers fetch it from the history: {error}");
    }
}
