//! Invoices: what customers are asked to pay, made once each, numbered without gaps, booked when issued. What is settled
//! of them stands in the ledger; their state is derived from it and kept beside for lists.
//!
//! Features above make them with [`propose`] in their own transaction, and call [`settled`] after money moved. Order
//! within a transaction: [`propose`] and [`issue`] first (they take numbers, then lock customers), payments after, the
//! audit entry last. [`propose`], [`issue`] and [`settled`] write no audit entry: the act is the caller's.

pub mod aging;
pub(crate) mod api;
mod approve;
mod billed;
mod change;
mod export;
mod faults;
mod kept;
mod make;
mod manual;
pub(crate) mod pages;
mod proof;
mod reports_api;
pub(crate) mod routes;
pub mod rules;
mod service;
mod settle;
pub mod statement;
mod store;
#[cfg(test)]
mod tests;
mod write_off;
mod write_off_api;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

pub use approve::{Approved, approve, approve_all};
pub use billed::{Billed, BilledLine, Pause, billed_of, postpone, redate};
pub use change::{Crediting, credit, credit_in, void, void_in};
pub use kept::{KeptSums, sums};
pub use make::{issue, propose};
pub use manual::{ManualForm, ManualLine, create};
pub use proof::prove;
pub use rules::{Issue, Kind, LineKind, State};
pub use service::{OfService, Unpaid, services_of, totals_on, unpaid_of};
pub use settle::{Open, Settled, open_of, settled};
pub use store::Tab;
pub use write_off::{Loose, WriteOff, loose_of, reinstate, reinstate_loose, write_off, write_off_loose};

use crate::{
    customers,
    db::paging::{BadCursor, PageOf, Paged},
    http::{access::Scope, form::FormErrors},
    ids::{AddonId, AdminId, CreditNoteId, CustomerId, EntryId, InvoiceId, PackageId, SiteId, SubscriptionId},
    ledger::LedgerError,
    money::Money,
};

/// Customers a search looks at.
const MAX_FOUND: u64 = 100;

/// An invoice that shall be there: made once, whoever proposes it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// What it is for: `sub/12/2026-12-01`, `sub/12/change/3`, `sub/12/final`, `manual/<form id>`.
    pub proposal: String,
    pub customer: CustomerId,
    pub site: SiteId,
    pub subscription: Option<SubscriptionId>,
    pub kind: Kind,
    /// First day, and the day after the last.
    pub period: Option<(NaiveDate, NaiveDate)>,
    /// The last day to pay.
    pub due_on: NaiveDate,
    pub lines: Vec<NewLine>,
    pub notes: String,
}

/// A line to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLine {
    pub kind: LineKind,
    pub text: String,
    pub quantity: i32,
    pub unit_price: Money,
    /// Negative only for discounts and what is given back.
    pub amount: Money,
    pub cost: Money,
    /// Whether PPN is on it, when the operator collects any. A discount's is that of what it is off.
    pub is_taxed: bool,
    pub package: Option<PackageId>,
    pub addon: Option<AddonId>,
    pub from: Option<NaiveDate>,
    pub until: Option<NaiveDate>,
}

/// An invoice that was proposed or issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub id: InvoiceId,
    pub proposal: String,
    /// Drafts have none.
    pub number: Option<String>,
    pub customer: CustomerId,
    pub site: SiteId,
    pub subscription: Option<SubscriptionId>,
    pub kind: Kind,
    pub period: Option<(NaiveDate, NaiveDate)>,
    pub due_on: NaiveDate,
    pub total: Money,
    pub state: State,
    /// Whether this call made or issued it.
    pub is_new: bool,
}

/// An invoice in full.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Invoice {
    #[serde(flatten)]
    pub head: Head,
    pub notes: String,
    pub tax_label: String,
    pub entry_id: Option<EntryId>,
    pub void_reason: String,
    pub voided_at: Option<DateTime<Utc>>,
    pub created_by: Option<AdminId>,
    /// Of its pay page.
    #[serde(skip)]
    pub token: String,
    pub lines: Vec<Line>,
    pub credit_notes: Vec<CreditNote>,
    /// Also those taken back.
    pub write_offs: Vec<WriteOff>,
    /// Of what is settled: what was given up.
    pub written_off: Money,
    /// The rest of what is settled: payments, credit and credit notes.
    pub paid: Money,
}

/// What receipts say of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brief {
    /// Empty for drafts.
    pub number: String,
    /// Its first line.
    pub what: String,
    /// The days it is for; the second is the day after the last.
    pub period: Option<(NaiveDate, NaiveDate)>,
}

/// What lists show of an invoice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Head {
    pub id: InvoiceId,
    pub number: Option<String>,
    pub customer_id: CustomerId,
    pub customer_number: String,
    pub customer_name: String,
    pub site_id: SiteId,
    pub subscription_id: Option<SubscriptionId>,
    pub kind: Kind,
    pub period_from: Option<NaiveDate>,
    /// The day after the last.
    pub period_until: Option<NaiveDate>,
    pub state: State,
    pub net: Money,
    pub tax: Money,
    pub total: Money,
    pub settled: Money,
    pub remaining: Money,
    /// Its first line.
    pub what: String,
    pub issued_on: Option<NaiveDate>,
    pub issued_at: Option<DateTime<Utc>>,
    pub due_on: NaiveDate,
    pub paid_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

/// A line of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    pub kind: LineKind,
    pub text: String,
    pub quantity: i32,
    pub unit_price: Money,
    pub amount: Money,
    #[serde(skip)]
    pub cost: Money,
    pub is_taxed: bool,
    pub package_id: Option<PackageId>,
    pub addon_id: Option<AddonId>,
    pub from_day: Option<NaiveDate>,
    pub until_day: Option<NaiveDate>,
}

/// What was taken back of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CreditNote {
    pub id: CreditNoteId,
    pub number: String,
    pub invoice_id: InvoiceId,
    pub customer_id: CustomerId,
    pub net: Money,
    pub tax: Money,
    pub amount: Money,
    /// What became balance.
    pub to_credit: Money,
    pub reason: String,
    pub entry_id: EntryId,
    pub created_at: DateTime<Utc>,
}

/// Which invoices are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub tab: Tab,
    pub site: Option<SiteId>,
    pub customer: Option<CustomerId>,
    pub subscription: Option<SubscriptionId>,
    pub search: Option<Search>,
    /// Due within these days: the first, and the day after the last.
    pub due: Option<(NaiveDate, NaiveDate)>,
}

/// What somebody looks for: invoices of these customers, or of this number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    pub customers: Vec<CustomerId>,
    pub number: String,
}

/// What invoices of a filter sum up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sum {
    pub count: i64,
    pub total: Money,
    pub remaining: Money,
}

/// Why something is not done with an invoice.
#[derive(Debug, thiserror::Error)]
pub enum InvoiceError {
    #[error("no such invoice")]
    NotFound,
    #[error("refused fields")]
    Refused(FormErrors),
    #[error("not an invoice")]
    Rule(#[from] rules::Fault),
    /// The setting of its numbers cannot number anything.
    #[error("the format of numbers is not one")]
    Format(#[source] crate::ledger::numbers::FormatError),
    #[error("it is void")]
    IsVoid,
    /// Drafts are issued or dropped, never credited.
    #[error("it is not issued")]
    IsDraft,
    /// It can be credited further, but no longer be voided.
    #[error("it has credit notes")]
    HasCreditNotes,
    /// What was given up is no money that could be given back.
    #[error("it is written off")]
    IsWrittenOff,
    #[error("it is not written off")]
    NotWrittenOff,
    /// Only what is owed can be given up.
    #[error("nothing of it is owed")]
    NothingOwed,
    #[error("the ledger refuses")]
    Ledger(#[from] LedgerError),
    #[error("database")]
    Db(#[from] DbErr),
}

/// An invoice the caller may see, with its lines and credit notes.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, scope: &Scope, id: InvoiceId) -> Result<Option<Invoice>, DbErr> {
    store::find(db, scope, id).await
}

/// Invoices the caller may see. What is to be paid comes with the oldest due first, what is over with the latest.
///
/// # Errors
/// The database's; a foreign cursor.
pub async fn list(
    db: &impl ConnectionTrait,
    scope: &Scope,
    now: DateTime<Utc>,
    filter: &Filter,
    page: &PageOf,
) -> Result<Result<Paged<Head>, BadCursor>, DbErr> {
    let after = match rules::Key::of(page) {
        Ok(after) => after,
        Err(bad) => return Ok(Err(bad)),
    };
    let sites = crate::sites::all(db, scope).await?;
    let wanted = store::Wanted::new(scope, &sites, now, filter);
    let rows = store::list(db, &wanted, after, page.limit() + 1).await?;
    Ok(Ok(page.cut(rows, |head| rules::Key { due_on: head.due_on, id: head.id }.text())))
}

/// What a search means: customers who have all its words, and the invoice of that number. True beside it when more
/// customers have them than are looked at.
///
/// # Errors
/// The database's.
pub async fn search(db: &impl ConnectionTrait, scope: &Scope, q: &str) -> Result<(Search, bool), DbErr> {
    let customers = customers::matching(db, scope, q, MAX_FOUND + 1).await?;
    let is_cut = customers.len() > usize::try_from(MAX_FOUND).unwrap_or(usize::MAX);
    Ok((Search { customers, number: q.to_uppercase() }, is_cut))
}

/// Numbers and first lines of invoices, whoever may see them: for receipts.
///
/// # Errors
/// The database's.
pub async fn briefs(db: &impl ConnectionTrait, invoices: &[InvoiceId]) -> Result<BTreeMap<InvoiceId, Brief>, DbErr> {
    store::briefs(db, invoices).await
}

/// The customers of invoices that the caller may see and whose number begins so.
///
/// # Errors
/// The database's.
pub async fn customers_of_number(
    db: &impl ConnectionTrait,
    scope: &Scope,
    number: &str,
    limit: u64,
) -> Result<Vec<CustomerId>, DbErr> {
    store::customers_of_number(db, scope, number, limit).await
}
