//! What other features' events say to customers.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::{Draft, Template, Value, Vars};
use crate::{
    app::App,
    events::{BusinessEvent, Happened},
    ids::InvoiceId,
    invoices,
    jobs::Job,
    ledger,
};

/// Writes the messages that events call for.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tell {
    happened: Vec<Happened>,
}

/// The job for what concerns customers among these events; none when nothing does.
#[must_use]
pub fn to(happened: &[Happened]) -> Option<Tell> {
    let happened: Vec<Happened> = happened.iter().filter(|happened| concerns(&happened.event)).cloned().collect();
    (!happened.is_empty()).then_some(Tell { happened })
}

fn concerns(event: &BusinessEvent) -> bool {
    matches!(
        event,
        BusinessEvent::CustomerCreated { .. }
            | BusinessEvent::InvoiceIssued { .. }
            | BusinessEvent::InvoiceSettled { .. }
            | BusinessEvent::InvoiceVoided { .. }
    )
}

impl Job for Tell {
    const KIND: &'static str = "notifications.tell";

    async fn run(self, app: &App) -> anyhow::Result<String> {
        let tx = app.db.begin().await?;
        let mut drafts: Vec<Draft> = self.happened.iter().filter_map(welcome).collect();
        let issued: Vec<Draft> = self.happened.iter().filter_map(issued).collect();
        let ids: Vec<InvoiceId> = issued.iter().filter_map(|draft| draft.invoice).collect();
        let left = ledger::remaining(&*tx, &ids).await.context("reading what is owed")?;
        let is_owed = |draft: &Draft| draft.invoice.and_then(|id| left.get(&id)).is_some_and(|left| *left > 0);
        // What was paid before anybody was told needs no request.
        drafts.extend(issued.into_iter().filter(is_owed));
        let count = super::queue(&*tx, app.clock.now(), &drafts).await.context("writing messages")?;
        let over: Vec<InvoiceId> = self.happened.iter().filter_map(over).collect();
        super::settled(&*tx, &over).await.context("dropping messages")?;
        tx.commit().await.context("committing messages")?;
        if count > 0 || !over.is_empty() {
            app.live.send("messages", None);
        }
        Ok(format!("{count} messages"))
    }
}

/// To who comes in by the form; those of a list have been customers before.
fn welcome(happened: &Happened) -> Option<Draft> {
    let BusinessEvent::CustomerCreated { customer_id, .. } = happened.event else { return None };
    Some(Draft {
        dedupe: format!("customer/{customer_id}/{}", Template::Welcome.as_str()),
        customer: customer_id,
        site: happened.site?,
        invoice: None,
        subscription: None,
        template: Template::Welcome,
        vars: Vars::new(),
        not_before: None,
    })
}

/// To who owes something new. Debts taken over are old news.
fn issued(happened: &Happened) -> Option<Draft> {
    let BusinessEvent::InvoiceIssued { invoice_id, customer_id, ref number, ref kind, total, due_on } = happened.event
    else {
        return None;
    };
    let vars = Vars::from([
        ("invoice", Value::Text(number.clone())),
        ("amount", Value::Money(total)),
        ("due", Value::Day(due_on)),
    ]);
    (kind != invoices::Kind::Opening.as_str()).then_some(Draft {
        dedupe: format!("invoice/{invoice_id}/{}", Template::InvoiceIssued.as_str()),
        customer: customer_id,
        site: happened.site?,
        invoice: Some(invoice_id),
        subscription: None,
        template: Template::InvoiceIssued,
        vars,
        not_before: None,
    })
}

/// An invoice of which nothing is asked for any more.
fn over(happened: &Happened) -> Option<InvoiceId> {
    let (BusinessEvent::InvoiceSettled { invoice_id, .. } | BusinessEvent::InvoiceVoided { invoice_id, .. }) =
        happened.event
    else {
        return None;
    };
    Some(invoice_id)
}
