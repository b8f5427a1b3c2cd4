//! Payments: money of customers taken over the counter or seen on the bank account, balance that settles invoices or is
//! paid out, and taking any of it back. Each is one transaction: receipt, ledger, invoices, services, events.
//!
//! What a payment settles is the ledger's; states of invoices and services follow from it. Money of gateways and shifts
//! of cashiers come later; until then cash lies in the drawer of those who keep no shift.

pub(crate) mod api;
mod credit;
mod export;
pub mod jobs;
mod list_routes;
pub(crate) mod pages;
mod proof;
mod receipt;
mod refunds_api;
mod renew;
mod renew_api;
pub(crate) mod renew_pages;
mod renew_routes;
mod reverse;
pub(crate) mod routes;
pub mod rules;
mod search;
mod services;
mod store;
mod take;
mod taken;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    audit::Actor,
    customers,
    db::paging::{BadCursor, PageOf, Paged},
    http::{
        access::Scope,
        error::AppError,
        form::{FieldError, FormErrors},
    },
    ids::{AdminId, CustomerId, EntryId, InvoiceId, PaymentId, SiteId},
    invoices::InvoiceError,
    ledger::{LedgerError, draft::RuleError},
    money::Money,
    subscriptions::SubscriptionError,
};

pub use credit::{Refunding, Using, refund_credit, use_credit, use_credit_in};
pub use proof::prove;
pub use receipt::{Line, Receipt, receipt};
pub use renew::{Renewal, Renewing, renew, renewal};
pub use reverse::reverse;
pub use rules::{Kind, Method};
pub use search::{Found, search};
pub use take::{Take, Taken, preview, take};
pub use taken::{KeptTakings, Takings, sums, taken};

/// Whose numbers receipts have.
const SERIES: &str = "receipt";

/// Who acts, and the id of the wish: the same wish twice is done once.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub scope: &'a Scope,
    pub actor: &'a Actor,
    pub form_id: &'a str,
}

/// What is wanted at the counter.
#[derive(Debug, Clone)]
pub enum Wish {
    Take(Take),
    UseCredit(Using),
    Refund(Refunding),
}

/// Books a wish, once a form.
///
/// # Errors
/// Those of [`take()`], [`use_credit`] and [`refund_credit`].
pub async fn book(app: &App, asked: &Asked<'_>, wish: &Wish) -> Result<Taken, PaymentError> {
    match wish {
        Wish::Take(wanted) => take(app, asked, wanted).await,
        Wish::UseCredit(wanted) => use_credit(app, asked, wanted).await,
        Wish::Refund(wanted) => refund_credit(app, asked, wanted).await,
    }
}

/// Faults under the name that forms and API give to what was handed over, when it is no payment's.
fn of_amount(errors: &FormErrors) -> FormErrors {
    let mut named = FormErrors::default();
    for (field, error) in errors.iter() {
        named.add(if field == "given" { "amount" } else { field }, error.clone());
    }
    named
}

/// A payment as pages and API show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Payment {
    pub id: PaymentId,
    /// Of its receipt.
    pub number: String,
    pub kind: Kind,
    pub method: Method,
    pub customer_id: CustomerId,
    pub customer_number: String,
    pub customer: String,
    pub site_id: SiteId,
    pub site: String,
    /// Zone of the site.
    pub timezone: String,
    /// What was booked.
    pub amount: Money,
    /// What was handed over.
    pub given: Money,
    /// What was handed back.
    pub change: Money,
    /// What became balance.
    pub to_credit: Money,
    /// A service was opened again on the promise of the rest.
    pub is_promised: bool,
    pub entry_id: EntryId,
    pub received_at: DateTime<Utc>,
    pub note: String,
    pub reversed_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reverse_reason: String,
    /// Times its receipt was printed.
    pub printed: i32,
    pub taken_by: Option<AdminId>,
    /// The cashier; hiji itself has a name too.
    pub cashier: String,
}

/// Customers a search looks at.
const MAX_FOUND: u64 = 200;

/// Which payments are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Received within these instants: the first, and the one after the last.
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    pub kind: Option<Kind>,
    pub method: Option<Method>,
    pub site: Option<SiteId>,
    pub customer: Option<CustomerId>,
    pub cashier: Option<AdminId>,
    /// What somebody looks for: the beginning of a receipt's number, or words of a customer.
    pub q: String,
    /// The customers who have its words, once they were looked up by [`searched`].
    pub found: Vec<CustomerId>,
}

/// What payments of a filter sum up to, without those taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Sum {
    pub kind: Kind,
    pub method: Method,
    pub count: i64,
    pub amount: Money,
}

/// Why something is not done with a payment.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    #[error("no such customer or payment")]
    NotFound,
    #[error("refused fields")]
    Refused(FormErrors),
    #[error("it was taken back already")]
    Reversed,
    /// What became balance was used or paid out since.
    #[error("its balance is spent")]
    CreditSpent,
    #[error("the ledger refuses")]
    Ledger(#[source] LedgerError),
    #[error("an invoice cannot follow")]
    Invoice(#[source] InvoiceError),
    #[error("a service cannot follow")]
    Service(#[source] SubscriptionError),
    #[error("database")]
    Db(#[from] DbErr),
}

impl PaymentError {
    fn field(field: &str, code: &str) -> Self {
        Self::Refused(FormErrors::of(field, FieldError::new(code)))
    }
}

impl From<FormErrors> for PaymentError {
    fn from(errors: FormErrors) -> Self {
        Self::Refused(errors)
    }
}

impl From<LedgerError> for PaymentError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Db(error) => Self::Db(error),
            LedgerError::NoCredit(_) => Self::CreditSpent,
            LedgerError::Reversed => Self::Reversed,
            other @ (LedgerError::Rule(_)
            | LedgerError::OtherContent(_)
            | LedgerError::OverSettled(_)
            | LedgerError::NotFound
            | LedgerError::NotByHand
            | LedgerError::IsReversal
            | LedgerError::NoReason) => Self::Ledger(other),
        }
    }
}

impl From<RuleError> for PaymentError {
    fn from(error: RuleError) -> Self {
        Self::Ledger(error.into())
    }
}

impl From<InvoiceError> for PaymentError {
    fn from(error: InvoiceError) -> Self {
        match error {
            InvoiceError::Db(error) => Self::Db(error),
            InvoiceError::Ledger(error) => error.into(),
            other @ (InvoiceError::NotFound
            | InvoiceError::Refused(_)
            | InvoiceError::Rule(_)
            | InvoiceError::Format(_)
            | InvoiceError::IsVoid
            | InvoiceError::IsDraft
            | InvoiceError::HasCreditNotes
            | InvoiceError::IsWrittenOff
            | InvoiceError::NotWrittenOff
            | InvoiceError::NothingOwed) => Self::Invoice(other),
        }
    }
}

impl From<SubscriptionError> for PaymentError {
    fn from(error: SubscriptionError) -> Self {
        match error {
            SubscriptionError::Db(error) => Self::Db(error),
            SubscriptionError::Invoice(error) => error.into(),
            other @ (SubscriptionError::NotFound
            | SubscriptionError::Refused(_)
            | SubscriptionError::WrongState(_)
            | SubscriptionError::Changed
            | SubscriptionError::NotPrepared
            | SubscriptionError::Money(_)) => Self::Service(other),
        }
    }
}

impl From<PaymentError> for AppError {
    fn from(error: PaymentError) -> Self {
        match error {
            PaymentError::NotFound => Self::NotFound,
            PaymentError::Refused(errors) => Self::Invalid(errors),
            PaymentError::Reversed => Self::Conflict { code: "payment_reversed" },
            PaymentError::CreditSpent => Self::Conflict { code: "credit_spent" },
            PaymentError::Ledger(error) => error.into(),
            PaymentError::Invoice(error) => Self::Internal(error.into()),
            PaymentError::Service(error) => Self::Internal(error.into()),
            PaymentError::Db(error) => error.into(),
        }
    }
}

/// A payment the caller may see.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, scope: &Scope, id: PaymentId) -> Result<Option<Payment>, DbErr> {
    store::find(db, scope, id).await
}

/// Payments the caller may see, the latest first.
///
/// # Errors
/// The database's; a foreign cursor.
pub async fn list(
    db: &impl ConnectionTrait,
    scope: &Scope,
    filter: &Filter,
    page: &PageOf,
) -> Result<Result<Paged<Payment>, BadCursor>, DbErr> {
    let after = match store::After::of(page) {
        Ok(after) => after,
        Err(bad) => return Ok(Err(bad)),
    };
    let rows = store::list(db, scope, filter, (after, page.limit() + 1)).await?;
    Ok(Ok(page.cut(rows, store::After::key)))
}

/// A filter with the customers that its search means. True beside it when more customers have its words than are looked at.
///
/// # Errors
/// The database's.
pub async fn searched(db: &impl ConnectionTrait, scope: &Scope, filter: Filter) -> Result<(Filter, bool), DbErr> {
    let found = customers::matching(db, scope, filter.q.trim(), MAX_FOUND + 1).await?;
    let is_cut = found.len() > usize::try_from(MAX_FOUND).unwrap_or(usize::MAX);
    Ok((Filter { found, ..filter }, is_cut))
}

/// Counts a print of a receipt, and answers the how many-th it is.
///
/// # Errors
/// [`PaymentError::NotFound`], the database's.
pub async fn printed(app: &App, scope: &Scope, id: PaymentId) -> Result<i32, PaymentError> {
    let tx = app.db.begin().await?;
    let payment = store::find(&*tx, scope, id).await?.ok_or(PaymentError::NotFound)?;
    store::count_print(&*tx, payment.id).await?;
    tx.commit().await?;
    Ok(payment.printed + 1)
}

/// The invoices that shares name.
fn invoices_of(settlement: &crate::ledger::allocation::Settlement) -> Vec<InvoiceId> {
    settlement.shares.iter().filter_map(|share| share.invoice).collect()
}
