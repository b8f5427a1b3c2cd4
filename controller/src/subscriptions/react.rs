//! What other features' events do to subscriptions: an invoice that is void or credited is no longer owed, a customer's
//! own days of grace move what falls due.

use std::collections::BTreeSet;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::{invoices_changed, store};
use crate::{
    app::App,
    audit::Actor,
    events::{BusinessEvent, Happened},
    ids::CustomerId,
    jobs::Job,
};

/// Subscriptions brought in line in one transaction.
const CHUNK: usize = 200;

/// Brings the subscriptions of customers in line with what is owed and agreed now.
#[derive(Debug, Serialize, Deserialize)]
pub struct Follow {
    customers: BTreeSet<CustomerId>,
}

/// The job for what concerns subscriptions among these events; none when nothing does.
#[must_use]
pub fn to(happened: &[Happened]) -> Option<Follow> {
    let customers: BTreeSet<CustomerId> = happened.iter().filter_map(|happened| concerns(&happened.event)).collect();
    (!customers.is_empty()).then_some(Follow { customers })
}

fn concerns(event: &BusinessEvent) -> Option<CustomerId> {
    if let BusinessEvent::InvoiceVoided { customer_id, .. }
    | BusinessEvent::InvoiceCredited { customer_id, .. }
    | BusinessEvent::CustomerChanged { customer_id, .. } = event
    {
        Some(*customer_id)
    } else {
        None
    }
}

impl Job for Follow {
    const KIND: &'static str = "subscriptions.follow";

    async fn run(self, app: &App) -> anyhow::Result<String> {
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
        Ok(format!("{} looked at, {moved} moved", ids.len()))
    }
}
