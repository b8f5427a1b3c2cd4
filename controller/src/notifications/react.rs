//! What other features' events say to customers.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context as _;
use sea_orm::{ConnectionTrait, DbErr};
use serde::{Deserialize, Serialize};

use super::{Draft, Template, Value, Vars};
use crate::{
    app::App,
    db,
    events::{BusinessEvent, Happened},
    ids::{CustomerId, InvoiceId, SubscriptionId},
    invoices,
    jobs::{Job, Said},
    ledger,
    money::{Currency, Money},
    payments,
    subscriptions::{self, State, Subscription},
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
            | BusinessEvent::InvoiceWrittenOff { .. }
            | BusinessEvent::PaymentReceived { .. }
            | BusinessEvent::PaymentReversed { .. }
            | BusinessEvent::SubscriptionSuspended { .. }
            | BusinessEvent::SubscriptionRestored { .. }
    )
}

/// What messages need beside their events, read once for all of them.
struct Known {
    /// What is left of invoices.
    left: BTreeMap<InvoiceId, i64>,
    services: HashMap<SubscriptionId, Subscription>,
    /// What customers owe in all.
    owed: HashMap<(CustomerId, Currency), Money>,
}

impl Job for Tell {
    const KIND: &'static str = "notifications.tell";

    async fn run(self, app: &App) -> anyhow::Result<Said> {
        let now = app.clock.now();
        let tx = app.db.begin().await?;
        // What one job reads as owed and writes, another that knows of the payment finds and drops.
        db::one_at_a_time(&*tx, db::Guard::Messages).await.context("waiting for other messages")?;
        let known = self.known(&*tx).await.context("reading what messages are about")?;
        // In the order in which it happened: what was isolated and opened again since is told once.
        for (customer, subscription) in self.happened.iter().filter_map(restored) {
            super::withdraw(&*tx, customer, subscription, Template::Isolated).await.context("dropping messages")?;
        }
        let drafts: Vec<Draft> = self.happened.iter().filter_map(|happened| known.draft(happened)).collect();
        let count = super::queue(&*tx, now, &drafts).await.context("writing messages")?;
        let over: Vec<InvoiceId> = self.happened.iter().filter_map(over).collect();
        super::settled(&*tx, &over).await.context("dropping messages")?;
        tx.commit().await.context("committing messages")?;
        app.live.send("messages", None);
        Ok(Said::new("messages_written").count("count", count))
    }
}

impl Tell {
    async fn known(&self, db: &impl ConnectionTrait) -> Result<Known, DbErr> {
        let (mut issued, mut services) = (Vec::new(), Vec::new());
        let mut payers: HashMap<Currency, Vec<CustomerId>> = HashMap::new();
        for Happened { event, .. } in &self.happened {
            if let BusinessEvent::InvoiceIssued { invoice_id, .. } = event {
                issued.push(*invoice_id);
            }
            if let BusinessEvent::PaymentReceived { customer_id, amount, .. } = event {
                payers.entry(amount.currency()).or_default().push(*customer_id);
            }
            if let BusinessEvent::SubscriptionSuspended { subscription_id, .. }
            | BusinessEvent::SubscriptionRestored { subscription_id, .. } = event
            {
                services.push(*subscription_id);
            }
        }
        let services = subscriptions::by_ids(db, &services).await?;
        for of in &services {
            payers.entry(of.price.currency()).or_default().push(of.customer_id);
        }
        let mut owed = HashMap::new();
        for (currency, customers) in payers {
            let balances = ledger::balances(db, &customers, currency).await?;
            owed.extend(balances.into_iter().map(|(id, balance)| ((id, currency), balance.receivable)));
        }
        let left = ledger::remaining(db, &issued).await?;
        Ok(Known { left, services: services.into_iter().map(|of| (of.id, of)).collect(), owed })
    }
}

impl Known {
    fn draft(&self, happened: &Happened) -> Option<Draft> {
        welcome(happened)
            .or_else(|| self.issued(happened))
            .or_else(|| self.received(happened))
            .or_else(|| reversed(happened))
            .or_else(|| self.moved(happened))
    }

    fn owed(&self, customer: CustomerId, currency: Currency) -> Money {
        self.owed.get(&(customer, currency)).copied().unwrap_or(Money::new(0, currency))
    }

    /// To who owes something new. Debts taken over are old news, and what was paid before anybody was told needs no
    /// request.
    fn issued(&self, happened: &Happened) -> Option<Draft> {
        let BusinessEvent::InvoiceIssued { invoice_id, customer_id, ref number, ref kind, total, due_on, .. } =
            happened.event
        else {
            return None;
        };
        let is_owed = self.left.get(&invoice_id).is_some_and(|left| *left > 0);
        if !is_owed || kind == invoices::Kind::Opening.as_str() {
            return None;
        }
        let vars = Vars::from([
            ("invoice", Value::Text(number.clone())),
            ("amount", Value::Money(total)),
            ("due", Value::Day(due_on)),
        ]);
        let about = format!("invoice/{invoice_id}");
        let draft = said(happened, customer_id, (&about, Template::InvoiceIssued), vars)?;
        Some(Draft { invoice: Some(invoice_id), ..draft })
    }

    /// To who paid, or whose balance did.
    fn received(&self, happened: &Happened) -> Option<Draft> {
        let BusinessEvent::PaymentReceived { payment_id, customer_id, ref number, ref kind, amount, .. } =
            happened.event
        else {
            return None;
        };
        let template = match payments::Kind::parse(kind)? {
            payments::Kind::Payment => Template::PaymentReceived,
            payments::Kind::CreditUsed => Template::BalanceUsed,
            // He was handed it.
            payments::Kind::Refund => return None,
        };
        let vars = Vars::from([
            ("receipt", Value::Text(number.clone())),
            ("amount", Value::Money(amount)),
            ("owed", Value::Money(self.owed(customer_id, amount.currency()))),
        ]);
        said(happened, customer_id, (&format!("payment/{payment_id}"), template), vars)
    }

    /// To whose service was taken away, if it still is, or given back.
    fn moved(&self, happened: &Happened) -> Option<Draft> {
        let (id, template) = if let BusinessEvent::SubscriptionSuspended { subscription_id, .. } = happened.event {
            (subscription_id, Template::Isolated)
        } else {
            (restored(happened)?.1, Template::Restored)
        };
        let of = self.services.get(&id)?;
        if (template == Template::Isolated) != (of.state == State::Isolated) {
            return None;
        }
        let mut vars = Vars::from([("service", Value::Text(of.username.clone()))]);
        if template == Template::Isolated {
            vars.insert("amount", Value::Money(self.owed(of.customer_id, of.price.currency())));
        }
        // It may happen again, and is then said again.
        let about = format!("subscription/{id}/{}", happened.id);
        let draft = said(happened, of.customer_id, (&about, template), vars)?;
        Some(Draft { subscription: Some(id), ..draft })
    }
}

fn said(happened: &Happened, customer: CustomerId, (about, template): (&str, Template), vars: Vars) -> Option<Draft> {
    Some(Draft {
        dedupe: format!("{about}/{}", template.as_str()),
        customer,
        site: happened.site?,
        invoice: None,
        subscription: None,
        template,
        vars,
        not_before: None,
    })
}

/// To who comes in by the form; those of a list have been customers before.
fn welcome(happened: &Happened) -> Option<Draft> {
    let BusinessEvent::CustomerCreated { customer_id, .. } = happened.event else { return None };
    said(happened, customer_id, (&format!("customer/{customer_id}"), Template::Welcome), Vars::new())
}

/// To whose payment was taken back.
fn reversed(happened: &Happened) -> Option<Draft> {
    let BusinessEvent::PaymentReversed { payment_id, customer_id, ref number, amount, ref reason, .. } = happened.event
    else {
        return None;
    };
    let vars = Vars::from([
        ("receipt", Value::Text(number.clone())),
        ("amount", Value::Money(amount)),
        ("reason", Value::Text(reason.clone())),
    ]);
    said(happened, customer_id, (&format!("payment/{payment_id}"), Template::PaymentReversed), vars)
}

fn restored(happened: &Happened) -> Option<(CustomerId, SubscriptionId)> {
    let BusinessEvent::SubscriptionRestored { subscription_id, customer_id, .. } = happened.event else { return None };
    Some((customer_id, subscription_id))
}

/// An invoice of which nothing is asked for any more.
fn over(happened: &Happened) -> Option<InvoiceId> {
    let (BusinessEvent::InvoiceSettled { invoice_id, .. }
    | BusinessEvent::InvoiceVoided { invoice_id, .. }
    | BusinessEvent::InvoiceWrittenOff { invoice_id, .. }) = happened.event
    else {
        return None;
    };
    Some(invoice_id)
}
