//! Debts given up, and taken back when a late payer comes. The rest of what is owed goes from the receivable to bad
//! debts, its tax with it: tax that was invoiced is owed to the state whether or not the customer pays. Nothing is
//! deleted; giving up and taking back are entries of their own.
//!
//! What a customer was taken over with may have no invoice; it is given up as a whole.

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;
use serde::Serialize;
use serde_json::json;

use super::{
    InvoiceError, change,
    rules::{self, MAX_REASON, State},
    settled,
    store::{self, Kept, NewWriteOff},
};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    customers::{self, Customer},
    db::Tx,
    events::{self, BusinessEvent},
    http::{access::Scope, form::Check},
    ids::{self, CustomerId, EntryId, InvoiceId, SiteId, WriteOffId},
    ledger::{
        self, LedgerError,
        allocation::{Settlement, Share},
        draft::{Fact, Source},
    },
    money::{Currency, Money},
    settings,
};

/// A debt given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct WriteOff {
    pub id: WriteOffId,
    pub customer_id: CustomerId,
    /// None: what the customer was taken over with, which has no invoice.
    pub invoice_id: Option<InvoiceId>,
    pub amount: Money,
    pub reason: String,
    pub entry_id: EntryId,
    /// Who gave it up.
    pub who: String,
    pub created_at: DateTime<Utc>,
    /// None while it holds.
    pub reversed_at: Option<DateTime<Utc>>,
    pub reverse_reason: String,
}

impl WriteOff {
    /// Whether it was not taken back.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.reversed_at.is_none()
    }
}

/// What a customer owes without an invoice, and what of it was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Loose {
    pub remaining: Money,
    /// What of it is given up.
    pub written_off: Money,
    /// The latest first; also those taken back.
    pub write_offs: Vec<WriteOff>,
}

/// What is done with a debt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    GiveUp,
    TakeBack,
}

/// Gives up the rest of an invoice.
///
/// # Errors
/// [`InvoiceError::NothingOwed`] when there is none; the others.
pub async fn write_off(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    id: InvoiceId,
    reason: &str,
) -> Result<(), InvoiceError> {
    of_invoice(app, (scope, actor), id, (Act::GiveUp, reason)).await
}

/// Takes back that an invoice was given up: its rest is owed again.
///
/// # Errors
/// [`InvoiceError::NotWrittenOff`]; the others.
pub async fn reinstate(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    id: InvoiceId,
    reason: &str,
) -> Result<(), InvoiceError> {
    of_invoice(app, (scope, actor), id, (Act::TakeBack, reason)).await
}

async fn of_invoice(
    app: &App,
    (scope, actor): (&Scope, &Actor),
    id: InvoiceId,
    (act, reason): (Act, &str),
) -> Result<(), InvoiceError> {
    let reason = given(reason)?;
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    change::hold(&*tx).await?;
    let invoice = store::find(&*tx, scope, id).await?.ok_or(InvoiceError::NotFound)?;
    let row = change::locked(&*tx, id).await?;
    let (customer_id, number) = (row.customer, row.number.clone());
    let (amount, moment, action, event) = match act {
        Act::GiveUp => {
            let amount = give_up(&*tx, now, actor, &row, &reason).await?;
            let reason = reason.clone();
            let event = BusinessEvent::InvoiceWrittenOff { invoice_id: id, customer_id, number, amount, reason };
            (amount, "invoice-written-off", "invoice.write_off", event)
        }
        Act::TakeBack => {
            let amount = reopen(&*tx, now, actor, &row, &reason).await?;
            let reason = reason.clone();
            let event = BusinessEvent::InvoiceReinstated { invoice_id: id, customer_id, number, amount, reason };
            (amount, "invoice-reinstated", "invoice.reinstate", event)
        }
    };
    events::record(&*tx, now, Some(row.site), &event).await?;
    let detail = json!({ "number": row.number, "amount": amount.to_string(), "reason": reason });
    let entry = customers::Entry { what: moment, detail, link: format!("/invoices/{id}") };
    customers::note(&*tx, now, actor, row.customer, entry).await?;
    let detail = json!({ "number": invoice.head.number, "amount": amount, "reason": reason });
    change::record(&tx, now, actor, (action, &invoice), detail).await?;
    tx.commit().await?;
    Ok(())
}

fn given(reason: &str) -> Result<String, InvoiceError> {
    let mut check = Check::default();
    let reason = check.required("reason", reason, MAX_REASON);
    reason.ok_or_else(|| InvoiceError::Refused(check.into_errors()))
}

/// Books what is left of an invoice as a bad debt, and answers how much that was.
async fn give_up(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    row: &Kept,
    reason: &str,
) -> Result<Money, InvoiceError> {
    match row.state {
        State::Draft => return Err(InvoiceError::IsDraft),
        State::Void => return Err(InvoiceError::IsVoid),
        State::Paid => return Err(InvoiceError::NothingOwed),
        State::Uncollectible => return Err(InvoiceError::IsWrittenOff),
        State::Open | State::PartiallyPaid => {}
    }
    let left = ledger::remaining(tx, &[row.id]).await?.get(&row.id).copied().unwrap_or(0);
    let amount = Money::new(left, row.total.currency());
    let (customer, site, invoice) = (row.customer, row.site, Some(row.id));
    let entry = book(tx, now, actor, (customer, site, Share { invoice, amount }, &row.number)).await?;
    let new = NewWriteOff { customer, site, invoice, amount, reason, entry };
    store::insert_write_off(tx, now, actor, &new).await?;
    // A payment taken back may have left something of an invoice that was given up before.
    store::set_written_off(tx, row.id, row.written_off.plus(amount).map_err(rules::Fault::from)?).await?;
    settled(tx, now, actor, &[row.id]).await?;
    Ok(amount)
}

/// Takes back what was given up of an invoice, and answers how much that was.
async fn reopen(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    row: &Kept,
    reason: &str,
) -> Result<Money, InvoiceError> {
    if !row.is_given_up() {
        return Err(InvoiceError::NotWrittenOff);
    }
    take_back(tx, now, actor, (&store::write_offs(tx, row.id).await?, reason)).await?;
    store::set_written_off(tx, row.id, Money::new(0, row.written_off.currency())).await?;
    settled(tx, now, actor, &[row.id]).await?;
    Ok(row.written_off)
}

async fn book(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    (customer, site, share, memo): (CustomerId, SiteId, Share, &str),
) -> Result<EntryId, InvoiceError> {
    // It may happen again: each time is a fact of its own.
    let source = Source::new("write_off", ids::ulid(now.timestamp_millis()));
    let fact = Fact { source, occurred_at: now, site: Some(site), memo: memo.to_owned() };
    let settlement = Settlement { rest: Money::new(0, share.amount.currency()), shares: vec![share] };
    let draft = ledger::rules::write_off(fact, customer, &settlement).map_err(LedgerError::from)?;
    Ok(ledger::post(tx, now, actor, &draft).await?.entry)
}

/// Reverses those that hold.
async fn take_back(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    (of, reason): (&[WriteOff], &str),
) -> Result<(), InvoiceError> {
    let mut reversed = Vec::new();
    for write_off in of.iter().filter(|write_off| write_off.holds()) {
        ledger::reverse(tx, now, actor, write_off.entry_id, reason).await?;
        reversed.push(write_off.id);
    }
    store::set_reversed(tx, now, &reversed, reason).await?;
    Ok(())
}

/// What a customer owes without an invoice.
///
/// # Errors
/// The database's.
pub async fn loose_of(db: &impl ConnectionTrait, customer: CustomerId) -> Result<Loose, InvoiceError> {
    let settings = settings::load(db).await?;
    let currency = Currency::parse(&settings.currency).unwrap_or(Currency::IDR);
    let write_offs = store::loose_write_offs(db, customer).await?;
    let held = write_offs.iter().filter(|write_off| write_off.holds() && write_off.amount.currency() == currency);
    let written_off = held.map(|write_off| write_off.amount).try_fold(Money::new(0, currency), Money::plus);
    Ok(Loose {
        remaining: ledger::remaining_loose(db, customer, currency).await?,
        written_off: written_off.map_err(rules::Fault::from)?,
        write_offs,
    })
}

/// Gives up what is left of what a customer was taken over with.
///
/// # Errors
/// [`InvoiceError::NothingOwed`] when there is none; the others.
pub async fn write_off_loose(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    id: CustomerId,
    reason: &str,
) -> Result<(), InvoiceError> {
    of_opening(app, (scope, actor), id, (Act::GiveUp, reason)).await
}

/// Takes back that what a customer was taken over with was given up.
///
/// # Errors
/// [`InvoiceError::NotWrittenOff`]; the others.
pub async fn reinstate_loose(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    id: CustomerId,
    reason: &str,
) -> Result<(), InvoiceError> {
    of_opening(app, (scope, actor), id, (Act::TakeBack, reason)).await
}

async fn of_opening(
    app: &App,
    (scope, actor): (&Scope, &Actor),
    id: CustomerId,
    (act, reason): (Act, &str),
) -> Result<(), InvoiceError> {
    let reason = given(reason)?;
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    change::hold(&*tx).await?;
    let customer = owner(&tx, app, scope, id).await?;
    let (loose, site) = (loose_of(&*tx, id).await?, customer.site_id);
    let (amount, moment, action) = match act {
        Act::GiveUp => {
            let amount = loose.remaining;
            if amount.minor() <= 0 {
                return Err(InvoiceError::NothingOwed);
            }
            let entry = book(&*tx, now, actor, (id, site, Share { invoice: None, amount }, &reason)).await?;
            let new = NewWriteOff { customer: id, site, invoice: None, amount, reason: &reason, entry };
            store::insert_write_off(&*tx, now, actor, &new).await?;
            (amount, "opening-written-off", "customer.write_off")
        }
        Act::TakeBack => {
            if !loose.write_offs.iter().any(WriteOff::holds) {
                return Err(InvoiceError::NotWrittenOff);
            }
            take_back(&*tx, now, actor, (&loose.write_offs, &reason)).await?;
            (loose.written_off, "opening-reinstated", "customer.reinstate")
        }
    };
    let detail = json!({ "amount": amount.to_string(), "reason": reason });
    let entry = customers::Entry { what: moment, detail, link: format!("/customers/{id}/statement") };
    customers::note(&*tx, now, actor, id, entry).await?;
    let event = BusinessEvent::CustomerChanged { customer_id: id, number: customer.number };
    events::record(&*tx, now, Some(site), &event).await?;
    let detail = json!({ "amount": amount, "reason": reason });
    let deed = Deed { action, object: format!("customer/{id}"), site: Some(site), detail };
    audit::record(&*tx, now, actor, deed).await?;
    tx.commit().await?;
    Ok(())
}

/// Whose debt it is, while nobody else settles anything of his.
async fn owner(tx: &Tx, app: &App, scope: &Scope, id: CustomerId) -> Result<Customer, InvoiceError> {
    let customer = customers::find(&**tx, &app.keys, scope, id).await?.ok_or(InvoiceError::NotFound)?;
    let currency = Currency::parse(&settings::load(&**tx).await?.currency).unwrap_or(Currency::IDR);
    ledger::lock(&**tx, id, currency).await?;
    Ok(customer)
}
