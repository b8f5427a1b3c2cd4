//! The one list of who reacts to business events, and the task that hands them out after the commit.
//!
//! Each pending event goes to live pages and to the public stream (MQTT, CloudEvents), then gets its place `hseq` in
//! the stream. A crash between publishing and recording the place publishes again with the same CloudEvents id: readers
//! dedupe by id, and gaps show in `hseq`.
//!
//! Features that react do so by a job, enqueued in the transaction that records the places: an event is reacted to once,
//! whatever crashes and however many controllers there are.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Context as _;
use hiji_shared::topic::Topic;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use super::{BusinessEvent, Happened, Recorded, store};
use crate::{
    app::App,
    db::{self, Guard},
    ids::SiteId,
    jobs::{self, Job, When},
    notifications, subscriptions,
};

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
pub(crate) async fn drain(app: &App) -> anyhow::Result<bool> {
    let pending = store::pending(app.db.read(), BATCH).await.context("reading pending events")?;
    if pending.is_empty() {
        return Ok(false);
    }
    let end = store::last_hseq(app.db.read()).await.context("reading the stream's end")?;
    let mut changed = BTreeSet::new();
    let mut happened = Vec::with_capacity(pending.len());
    for (hseq, recorded) in (end + 1..).zip(&pending) {
        publish(app, recorded, hseq).await;
        let Some(event) = recorded.event() else { continue };
        changed.extend(live_topics(&event).into_iter().map(|topic| (topic, recorded.site)));
        happened.push(Happened { id: recorded.id, at: recorded.at, site: recorded.site, event });
    }
    let tx = app.db.begin().await?;
    db::one_at_a_time(&*tx, Guard::EventStream).await?;
    if store::last_hseq(&*tx).await? != end {
        // Another controller was quicker: what it left is looked at anew.
        return Ok(true);
    }
    for (hseq, recorded) in (end + 1..).zip(&pending) {
        store::publish(&*tx, recorded.id, hseq).await?;
    }
    react(&*tx, app.clock.now(), &happened).await.context("enqueuing reactions")?;
    tx.commit().await?;
    for (topic, site) in changed {
        app.live.send(topic, site);
    }
    Ok(pending.len() == usize::try_from(BATCH).unwrap_or(usize::MAX))
}

/// Enqueues the jobs of those who react. A feature that does adds its line; its `react.rs` picks what concerns it.
async fn react(tx: &impl ConnectionTrait, now: DateTime<Utc>, happened: &[Happened]) -> Result<(), DbErr> {
    enqueue(tx, now, happened, subscriptions::react::to(happened)).await?;
    enqueue(tx, now, happened, notifications::react::to(happened)).await
}

async fn enqueue<J: Job>(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    happened: &[Happened],
    job: Option<J>,
) -> Result<(), DbErr> {
    let (Some(job), Some(first)) = (job, happened.first()) else { return Ok(()) };
    let when = When { at: None, dedupe: Some(format!("{}@event-{}", J::KIND, first.id)) };
    jobs::enqueue(tx, now, &job, when).await.map(|_is_new| ())
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
        | BusinessEvent::InvoiceCredited { customer_id, invoice_id, .. }
        | BusinessEvent::InvoiceWrittenOff { customer_id, invoice_id, .. }
        | BusinessEvent::InvoiceReinstated { customer_id, invoice_id, .. } => {
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
        BusinessEvent::MessageDropped { .. } => vec!["messages".to_owned()],
        BusinessEvent::MessageSent { customer_id, .. } => {
            vec!["messages".to_owned(), format!("customer-{customer_id}")]
        }
        BusinessEvent::BillingRunStarted { run_id, .. } | BusinessEvent::BillingRunFinished { run_id, .. } => {
            vec!["billing".to_owned(), format!("run-{run_id}")]
        }
        BusinessEvent::IsolationPlanHeld { plan_id, .. } | BusinessEvent::IsolationPlanChanged { plan_id, .. } => {
            vec!["billing".to_owned(), format!("plan-{plan_id}")]
        }
        BusinessEvent::PaymentReceived { customer_id, .. } | BusinessEvent::PaymentReversed { customer_id, .. } => {
            vec![format!("customer-{customer_id}"), "payments".to_owned(), "invoices".to_owned()]
        }
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
