//! What other features' events do to subscriptions: an invoice that is void, credited or given up is no longer owed, one
//! that is taken up again is; the period of a void one can be invoiced anew, one that waited for approval may be due later,
//! a customer's own days of grace move what falls due.

use std::collections::BTreeSet;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::{hold, invoices_changed, store};
use crate::{
    app::App,
    audit::Actor,
    events::{BusinessEvent, Happened},
    ids::{CustomerId, InvoiceId, SubscriptionId},
    invoices,
    jobs::{Job, Said},
};

/// Subscriptions brought in line in one transaction.
const CHUNK: usize = 200;

/// Brings the subscriptions of customers in line with what is owed and agreed now.
#[derive(Debug, Serialize, Deserialize)]
pub struct Follow {
    customers: BTreeSet<CustomerId>,
    /// Invoices that are void now.
    #[serde(default)]
    void: Vec<InvoiceId>,
}

/// The job for what concerns subscriptions among these events; none when nothing does.
#[must_use]
pub fn to(happened: &[Happened]) -> Option<Follow> {
    let customers: BTreeSet<CustomerId> = happened.iter().filter_map(|happened| concerns(&happened.event)).collect();
    let void = happened.iter().filter_map(|happened| voided(&happened.event)).collect();
    (!customers.is_empty()).then_some(Follow { customers, void })
}

fn voided(event: &BusinessEvent) -> Option<InvoiceId> {
    if let BusinessEvent::InvoiceVoided { invoice_id, .. } = event { Some(*invoice_id) } else { None }
}

fn concerns(event: &BusinessEvent) -> Option<CustomerId> {
    if let BusinessEvent::InvoiceIssued { customer_id, waited: true, .. }
    | BusinessEvent::InvoiceVoided { customer_id, .. }
    | BusinessEvent::InvoiceCredited { customer_id, .. }
    | BusinessEvent::InvoiceWrittenOff { customer_id, .. }
    | BusinessEvent::InvoiceReinstated { customer_id, .. }
    | BusinessEvent::CustomerChanged { customer_id, .. } = event
    {
        Some(*customer_id)
    } else {
        None
    }
}

impl Job for Follow {
    const KIND: &'static str = "subscriptions.follow";

    async fn run(self, app: &App) -> anyhow::Result<Said> {
        bill_anew(app, &self.void).await?;
        let customers: Vec<CustomerId> = self.customers.into_iter().collect();
        let ids =
            store::open_of_customers(app.db.read(), &customers).await.context("reading whose services they are")?;
        let mut moved = 0;
        for chunk in ids.chunks(CHUNK) {
            let tx = app.db.begin().await?;
            let followed = invoices_changed(&tx, app, app.clock.now(), &Actor::system(Self::KIND), chunk).await?;
            tx.commit().await.context("committing subscriptions")?;
            moved += followed.iter().filter(|each| each.was != each.state).count();
        }
        if !ids.is_empty() {
            app.wakes.wake();
        }
        Ok(Said::new("services_followed").count("count", ids.len()).count("moved", moved))
    }
}

/// The period of a void invoice is not invoiced any more, when it is the last that was: the next run does so, with what is
/// agreed by then. What was invoiced after it stays.
async fn bill_anew(app: &App, void: &[InvoiceId]) -> anyhow::Result<()> {
    if void.is_empty() {
        return Ok(());
    }
    let tx = app.db.begin().await?;
    hold(&*tx).await?;
    let mut services = invoices::services_of(&*tx, void).await.context("reading invoices")?;
    // The latest first: of several that are void each gives its period back.
    services.sort_by_key(|service| std::cmp::Reverse(service.period));
    let ids: Vec<SubscriptionId> = services.iter().map(|service| service.subscription).collect();
    for held in store::hold(&*tx, &app.keys, &ids).await.context("reading services")? {
        let of = held.subscription;
        let mut billed = of.billed_until;
        let periods = services.iter().filter(|service| service.subscription == of.id && service.is_void);
        for (from, until) in periods.filter_map(|service| service.period) {
            if billed == Some(until) {
                billed = Some(from);
            }
        }
        if billed != of.billed_until {
            store::set_billed_until(&*tx, of.id, billed).await?;
        }
    }
    tx.commit().await.context("committing services")
}
