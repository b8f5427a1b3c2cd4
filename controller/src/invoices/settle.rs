//! What is left of invoices: read for payments, and kept beside them after money moved.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use super::{
    InvoiceError,
    rules::{self, Kind, State},
    store::{self, Kept},
};
use crate::{
    audit::Actor,
    events::{self, BusinessEvent},
    ids::{self, CustomerId, InvoiceId, SiteId, SubscriptionId},
    ledger::{
        self,
        allocation::Settlement,
        draft::{Fact, Source},
    },
    money::Money,
};

/// An invoice of which something is to be paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Open {
    pub id: InvoiceId,
    pub number: String,
    pub site_id: SiteId,
    pub subscription_id: Option<SubscriptionId>,
    pub kind: Kind,
    pub due_on: NaiveDate,
    pub total: Money,
    pub remaining: Money,
}

/// Where an invoice stands after money moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub id: InvoiceId,
    pub number: String,
    pub customer: CustomerId,
    pub site: SiteId,
    pub subscription: Option<SubscriptionId>,
    pub kind: Kind,
    pub due_on: NaiveDate,
    pub total: Money,
    pub remaining: Money,
    pub was: State,
    pub state: State,
}

/// What a customer has to pay, the oldest due first; what is left is the ledger's word. Within a payment take the lock
/// on his balance first.
///
/// # Errors
/// The database's.
pub async fn open_of(db: &impl ConnectionTrait, customer: CustomerId) -> Result<Vec<Open>, DbErr> {
    let mut open = store::open_of(db, customer).await?;
    let ids: Vec<InvoiceId> = open.iter().map(|open| open.id).collect();
    let remaining = ledger::remaining(db, &ids).await?;
    for open in &mut open {
        let left = remaining.get(&open.id).copied().unwrap_or(0);
        open.remaining = Money::new(left, open.total.currency());
    }
    open.retain(|open| open.remaining.minor() > 0);
    Ok(open)
}

/// Brings states and settled sums of invoices in line with the ledger, after money moved in the same transaction. A void
/// invoice owes nothing: what a payment taken back leaves open of it comes from the credit that its voiding gave.
///
/// # Errors
/// [`InvoiceError::Ledger`] when that credit is spent; the transaction must then be given up.
pub async fn settled(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    invoices: &[InvoiceId],
) -> Result<Vec<Settled>, InvoiceError> {
    let kept = store::kept(tx, invoices).await?;
    let remaining = ledger::remaining(tx, invoices).await?;
    let mut found = Vec::with_capacity(kept.len());
    for row in kept.into_iter().filter(|row| row.state != State::Draft) {
        let left = Money::new(remaining.get(&row.id).copied().unwrap_or(0), row.total.currency());
        if row.state == State::Void {
            if left.minor() > 0 {
                take_back(tx, now, actor, &row, left).await?;
            }
            continue;
        }
        found.push(derived(row, left));
    }
    let changed: Vec<&Settled> = found.iter().filter(|each| each.is_changed).map(|each| &each.settled).collect();
    store::set_settled(tx, now, &changed).await?;
    for each in changed.iter().filter(|each| each.state == State::Paid && each.was != State::Paid) {
        let event = BusinessEvent::InvoiceSettled {
            invoice_id: each.id,
            customer_id: each.customer,
            number: each.number.clone(),
            kind: each.kind.as_str().to_owned(),
            total: each.total,
        };
        events::record(tx, now, Some(each.site), &event).await?;
    }
    Ok(found.into_iter().map(|each| each.settled).collect())
}

struct Derived {
    settled: Settled,
    is_changed: bool,
}

fn derived(row: Kept, left: Money) -> Derived {
    let state = rules::state_of(row.total, left, row.is_given_up());
    let is_changed = state != row.state || row.remaining != left;
    let settled = Settled {
        id: row.id,
        number: row.number,
        customer: row.customer,
        site: row.site,
        subscription: row.subscription,
        kind: row.kind,
        due_on: row.due_on,
        total: row.total,
        remaining: left,
        was: row.state,
        state,
    };
    Derived { settled, is_changed }
}

async fn take_back(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    row: &Kept,
    left: Money,
) -> Result<(), InvoiceError> {
    // It may happen again: each time is a fact of its own.
    let id = format!("{}/{}", row.id, ids::ulid(now.timestamp_millis()));
    let source = Source::new("invoice_void", id);
    let fact = Fact { source, occurred_at: now, site: Some(row.site), memo: row.number.clone() };
    let settlement = Settlement::of_invoice(row.id, left);
    let draft = ledger::rules::credit_used(fact, row.customer, &settlement).map_err(ledger::LedgerError::from)?;
    ledger::post(tx, now, actor, &draft).await?;
    Ok(())
}
