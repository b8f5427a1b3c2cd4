//! The ledger: every business fact as a double entry that is never changed. Features above draft entries with the
//! functions of [`rules`] and [`post`] them in their own transaction; corrections are reversals.
//!
//! Order within a transaction, so that two never wait for each other: [`next_number`] first, then [`lock`] and [`post`]
//! by ascending customer, the audit entry last.
//!
//! What it leaves out: documents. It knows ids of customers and invoices, not due dates or states; what they are called
//! only its pages look up.

pub mod aging;
pub mod allocation;
pub(crate) mod api;
pub mod chart;
pub mod draft;
mod faults;
pub mod jobs;
mod many;
pub mod numbers;
pub(crate) mod pages;
mod proof;
pub(crate) mod routes;
pub mod rules;
mod store;
pub mod tax;
#[cfg(test)]
mod tests;
mod vouchers;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

pub use many::{post, post_many};
pub use proof::{Difference, Proof, last_proof, prove, prove_and_keep};
pub use vouchers::{VoucherFact, voucher_sold, vouchers_unsold, vouchers_used};

use crate::{
    app::App,
    audit::{self, Actor, Deed},
    db::paging::{BadCursor, PageOf, Paged},
    ids::{AccountId, AdminId, CustomerId, EntryId, InvoiceId, SiteId},
    money::{Currency, Money},
};
use aging::Debt;
use chart::AccountKind;
use draft::{Effect, Fact, Kind, Posting, RuleError, Source};

/// An entry with its postings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: EntryId,
    pub kind: Kind,
    pub source: Source,
    pub occurred_at: DateTime<Utc>,
    pub recorded_at: DateTime<Utc>,
    pub memo: String,
    pub actor_id: Option<AdminId>,
    pub actor: String,
    pub site: Option<SiteId>,
    pub reverses: Option<EntryId>,
    pub reversed_by: Option<EntryId>,
    pub postings: Vec<Posting>,
}

/// An entry as listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct EntryLine {
    pub id: EntryId,
    pub occurred_at: DateTime<Utc>,
    pub kind: Kind,
    pub source_type: String,
    pub source_id: String,
    pub memo: String,
    /// None: hiji itself.
    pub actor_id: Option<AdminId>,
    pub actor: String,
    pub site_id: Option<SiteId>,
    /// The sum of its debits.
    pub amount: Option<Money>,
    pub reverses: Option<EntryId>,
    pub reversed_by: Option<EntryId>,
}

/// An account with its balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Account {
    pub id: AccountId,
    #[schema(example = "1200")]
    pub code: &'static str,
    pub kind: AccountKind,
    /// Which drawer, bank or gateway: `shift/7`; empty when the account is not parted.
    pub sub: String,
    pub debit: Money,
    pub credit: Money,
    /// Debit less credit of assets and expenses, credit less debit of the others.
    pub balance: Money,
}

/// What a customer owes, and what he has paid ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Balance {
    pub receivable: Money,
    pub credit: Money,
}

/// A line of a customer's statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct StatementLine {
    pub entry: EntryId,
    pub at: DateTime<Utc>,
    pub kind: Kind,
    pub source_type: String,
    pub source_id: String,
    pub memo: String,
    /// By how much it changed what he owes.
    pub receivable: Money,
    /// By how much it changed his credit.
    pub credit: Money,
    /// What he owes less his credit, after it.
    pub balance: Money,
}

/// What an entry settled of an invoice; given back: negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettlementLine {
    pub entry: EntryId,
    pub at: DateTime<Utc>,
    pub kind: Kind,
    pub source_type: String,
    pub source_id: String,
    pub memo: String,
    pub actor_id: Option<AdminId>,
    pub actor: String,
    pub amount: Money,
}

/// What is owed of a debt at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    pub customer: CustomerId,
    /// None = a debt that has none.
    pub invoice: Option<InvoiceId>,
    pub minor: i64,
}

/// From an instant until before another; either may be open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}

/// Which entries are wanted. `q` is a document's type or number, or a part of the memo.
#[derive(Debug, Clone, Default)]
pub struct JournalFilter {
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    pub account: Option<AccountId>,
    pub customer: Option<CustomerId>,
    pub kind: Option<Kind>,
    pub q: String,
}

/// A place in lists by date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct After {
    at: DateTime<Utc>,
    entry: EntryId,
}

impl After {
    fn key(at: DateTime<Utc>, entry: EntryId) -> String {
        format!("{}.{entry}", at.timestamp_millis())
    }

    fn of(page: &PageOf) -> Result<Option<Self>, BadCursor> {
        let Some(text) = page.after() else { return Ok(None) };
        let (millis, entry) = text.split_once('.').ok_or(BadCursor)?;
        let millis = millis.parse().map_err(|_not_ours| BadCursor)?;
        let entry = EntryId(entry.parse().map_err(|_not_ours| BadCursor)?);
        Ok(Some(Self { at: DateTime::from_timestamp_millis(millis).ok_or(BadCursor)?, entry }))
    }
}

/// An entry that stands in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posted {
    pub entry: EntryId,
    /// The source had booked it before; nothing was changed.
    pub repeated: bool,
}

/// Why the ledger refuses.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("not an entry")]
    Rule(#[from] RuleError),
    #[error("entry {0} of the same source says something else")]
    OtherContent(EntryId),
    #[error("customer {0} has not so much credit")]
    NoCredit(CustomerId),
    #[error("more is settled than customer {0} owes")]
    OverSettled(CustomerId),
    #[error("no such entry")]
    NotFound,
    #[error("entries of this kind are reversed where their document is")]
    NotByHand,
    #[error("it is reversed already")]
    Reversed,
    #[error("a reversal is not reversed; the fact is booked again")]
    IsReversal,
    #[error("a reason must be given")]
    NoReason,
    #[error("database")]
    Db(#[from] DbErr),
}

/// Takes an entry back by its exact inverse, once: a second call answers the first reversal.
///
/// # Errors
/// [`LedgerError::NotFound`], [`LedgerError::IsReversal`], or as [`post`].
pub async fn reverse(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    entry: EntryId,
    reason: &str,
) -> Result<Posted, LedgerError> {
    let found = store::find(tx, entry).await?.ok_or(LedgerError::NotFound)?;
    if found.kind == Kind::Reversal {
        return Err(LedgerError::IsReversal);
    }
    let source = rules::reversal_source(entry);
    let fact = Fact { source, occurred_at: now, site: found.site, memo: reason.to_owned() };
    let draft = rules::reversal(fact, entry, found.kind, &found.postings)?;
    post(tx, now, actor, &draft).await
}

/// Takes an entry back from the journal: only kinds that have no document of their own, with a reason, into the audit
/// log.
///
/// # Errors
/// [`LedgerError::NotByHand`], [`LedgerError::Reversed`], [`LedgerError::NoReason`], or as [`reverse`].
pub async fn reverse_by_hand(app: &App, actor: &Actor, entry: EntryId, reason: &str) -> Result<EntryId, LedgerError> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(LedgerError::NoReason);
    }
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let found = store::find(&*tx, entry).await?.ok_or(LedgerError::NotFound)?;
    if !found.kind.by_hand() {
        return Err(LedgerError::NotByHand);
    }
    let posted = reverse(&*tx, now, actor, entry, reason).await?;
    if posted.repeated {
        return Err(LedgerError::Reversed);
    }
    let detail = serde_json::json!({ "kind": found.kind, "reversal": posted.entry });
    let deed = Deed { action: "ledger.reverse", object: format!("entry/{entry}"), site: found.site, detail };
    audit::record(&*tx, now, actor, deed).await?;
    tx.commit().await?;
    Ok(posted.entry)
}

/// The next number of a series in a period (`numbers::NumberFormat::period`), without gaps: it is given only if the
/// transaction commits, and others wait for that.
///
/// # Errors
/// The database's.
pub async fn next_number(tx: &impl ConnectionTrait, series: &str, period: &str) -> Result<i64, DbErr> {
    reserve_numbers(tx, series, period, 1).await
}

/// The first of the next `count` numbers of a series, as [`next_number`] gives one. Of none it is the number that would
/// be next; the series is held all the same.
///
/// # Errors
/// The database's.
pub async fn reserve_numbers(tx: &impl ConnectionTrait, series: &str, period: &str, count: i64) -> Result<i64, DbErr> {
    Ok(store::reserve(tx, series, period, count).await? - count + 1)
}

/// A customer's balance, which nobody else changes until the transaction ends. Take it before deciding what a payment
/// settles.
///
/// # Errors
/// The database's.
pub async fn lock(tx: &impl ConnectionTrait, customer: CustomerId, currency: Currency) -> Result<Balance, DbErr> {
    store::shift(tx, customer, currency, Effect::default()).await
}

/// A customer's balance.
///
/// # Errors
/// The database's.
pub async fn balance(db: &impl ConnectionTrait, customer: CustomerId, currency: Currency) -> Result<Balance, DbErr> {
    store::balance(db, customer, currency).await
}

/// The balances of some customers; those without any are not in it.
///
/// # Errors
/// The database's.
pub async fn balances(
    db: &impl ConnectionTrait,
    customers: &[CustomerId],
    currency: Currency,
) -> Result<BTreeMap<CustomerId, Balance>, DbErr> {
    store::balances(db, customers, currency).await
}

/// What a customer owed and had after an entry: a receipt printed again says what it said the first time.
///
/// # Errors
/// The database's.
pub async fn balance_after(
    db: &impl ConnectionTrait,
    customer: CustomerId,
    currency: Currency,
    entry: EntryId,
) -> Result<Balance, DbErr> {
    store::balance_after(db, customer, currency, entry).await
}

/// What was left of invoices after an entry, in minor units.
///
/// # Errors
/// The database's.
pub async fn remaining_after(
    db: &impl ConnectionTrait,
    invoices: &[InvoiceId],
    entry: EntryId,
) -> Result<BTreeMap<InvoiceId, i64>, DbErr> {
    store::owed_after(db, invoices, entry).await
}

/// What is left of invoices, in minor units; those never booked are not in it.
///
/// # Errors
/// The database's.
pub async fn remaining(db: &impl ConnectionTrait, invoices: &[InvoiceId]) -> Result<BTreeMap<InvoiceId, i64>, DbErr> {
    Ok(store::owed_of_invoices(db, invoices).await?.into_iter().collect())
}

/// What is left of a customer's debts without an invoice: those he was taken over with.
///
/// # Errors
/// The database's.
pub async fn remaining_loose(
    db: &impl ConnectionTrait,
    customer: CustomerId,
    currency: Currency,
) -> Result<Money, DbErr> {
    Ok(Money::new(store::owed_loose(db, customer, currency).await?, currency))
}

/// The debts of invoices for `aging::aging`, each with the customer who owes it; the caller knows the due days.
///
/// # Errors
/// The database's.
pub async fn debts(
    db: &impl ConnectionTrait,
    currency: Currency,
    due: &BTreeMap<InvoiceId, NaiveDate>,
) -> Result<Vec<(CustomerId, Debt)>, DbErr> {
    let ids: Vec<InvoiceId> = due.keys().copied().collect();
    let postings = store::debt_postings(db, currency, Some(&ids)).await?;
    let due_on = |invoice: Option<InvoiceId>, made_at: DateTime<Utc>| {
        invoice.and_then(|invoice| due.get(&invoice).copied()).unwrap_or_else(|| made_at.date_naive())
    };
    Ok(grouped(postings, currency, due_on))
}

/// The debts without an invoice, due on the day they were booked.
///
/// # Errors
/// The database's.
pub async fn loose_debts(
    db: &impl ConnectionTrait,
    currency: Currency,
    zone: Tz,
) -> Result<Vec<(CustomerId, Debt)>, DbErr> {
    let postings = store::debt_postings(db, currency, None).await?;
    Ok(grouped(postings, currency, |_, made_at| aging::local_day(made_at, zone)))
}

/// The first posting of a debt makes it, the later ones settle it.
fn grouped(
    postings: Vec<store::DebtPosting>,
    currency: Currency,
    due_on: impl Fn(Option<InvoiceId>, DateTime<Utc>) -> NaiveDate,
) -> Vec<(CustomerId, Debt)> {
    let mut found: BTreeMap<(CustomerId, Option<InvoiceId>), Debt> = BTreeMap::new();
    for (invoice, customer, at, minor) in postings {
        if let Some(debt) = found.get_mut(&(customer, invoice)) {
            debt.settled.push((at, Money::new(-minor, currency)));
        } else {
            let total = Money::new(minor, currency);
            let debt = Debt { due_on: due_on(invoice, at), made_at: at, total, settled: Vec::new() };
            found.insert((customer, invoice), debt);
        }
    }
    found.into_iter().map(|((customer, _), debt)| (customer, debt)).collect()
}

/// Every account with its balance, by number.
///
/// # Errors
/// The database's.
pub async fn accounts(db: &impl ConnectionTrait) -> Result<Vec<Account>, DbErr> {
    store::accounts(db).await
}

/// One account with its balance.
///
/// # Errors
/// The database's.
pub async fn account(db: &impl ConnectionTrait, id: AccountId) -> Result<Option<Account>, DbErr> {
    store::account(db, id).await
}

/// An entry with its postings.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, id: EntryId) -> Result<Option<Entry>, DbErr> {
    store::find(db, id).await
}

/// What the customers and invoices of postings are called.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) customers: HashMap<CustomerId, String>,
    pub(crate) invoices: HashMap<InvoiceId, String>,
}

/// The names around postings.
///
/// # Errors
/// The database's.
pub(crate) async fn names(db: &impl ConnectionTrait, postings: &[Posting]) -> Result<Names, DbErr> {
    let customers: BTreeSet<CustomerId> = postings.iter().filter_map(|posting| posting.customer).collect();
    let invoices: BTreeSet<InvoiceId> = postings.iter().filter_map(|posting| posting.invoice).collect();
    Ok(Names {
        customers: store::of_customers(db, &Vec::from_iter(customers)).await?,
        invoices: store::of_invoices(db, &Vec::from_iter(invoices)).await?,
    })
}

/// What a customer is called, by number and name.
///
/// # Errors
/// The database's.
pub(crate) async fn customer_name(db: &impl ConnectionTrait, id: CustomerId) -> Result<Option<String>, DbErr> {
    Ok(store::of_customers(db, &[id]).await?.remove(&id))
}

/// The number of the last entry; it grows whenever money is booked.
///
/// # Errors
/// The database's.
pub async fn last_entry(db: &impl ConnectionTrait) -> Result<i64, DbErr> {
    store::last_entry(db).await
}

/// The journal, newest first.
///
/// # Errors
/// The database's; a foreign cursor.
pub async fn journal(
    db: &impl ConnectionTrait,
    filter: &JournalFilter,
    page: &PageOf,
) -> Result<Result<Paged<EntryLine>, BadCursor>, DbErr> {
    let after = match After::of(page) {
        Ok(after) => after,
        Err(bad) => return Ok(Err(bad)),
    };
    let rows = store::journal(db, filter, after, page).await?;
    let mut page = page.cut(rows, |line| After::key(line.occurred_at, line.id));
    store::with_marks(db, &mut page.items).await?;
    Ok(Ok(page))
}

/// What happened with a customer's money, newest first, with the balance after each entry.
///
/// # Errors
/// The database's; a foreign cursor.
pub async fn statement(
    db: &impl ConnectionTrait,
    customer: CustomerId,
    currency: Currency,
    page: &PageOf,
) -> Result<Result<Paged<StatementLine>, BadCursor>, DbErr> {
    statement_within(db, (customer, currency), Span::default(), page).await
}

/// The same of a span of time.
///
/// # Errors
/// The database's; a foreign cursor.
pub async fn statement_within(
    db: &impl ConnectionTrait,
    of: (CustomerId, Currency),
    span: Span,
    page: &PageOf,
) -> Result<Result<Paged<StatementLine>, BadCursor>, DbErr> {
    let after = match After::of(page) {
        Ok(after) => after,
        Err(bad) => return Ok(Err(bad)),
    };
    let rows = store::statement(db, of, span, after, page).await?;
    Ok(Ok(page.cut(rows, |line| After::key(line.at, line.entry))))
}

/// What a customer owed, less his credit, before an instant.
///
/// # Errors
/// The database's.
pub async fn balance_before(
    db: &impl ConnectionTrait,
    customer: CustomerId,
    currency: Currency,
    before: DateTime<Utc>,
) -> Result<Money, DbErr> {
    Ok(Money::new(store::balance_before(db, customer, currency, before).await?, currency))
}

/// What was settled of an invoice, in the order it happened.
///
/// # Errors
/// The database's.
pub async fn settlements(db: &impl ConnectionTrait, invoice: InvoiceId) -> Result<Vec<SettlementLine>, DbErr> {
    store::settlements(db, invoice).await
}

/// Everything that was owed before an instant, of all customers: a walk of the whole account.
///
/// # Errors
/// The database's.
pub async fn owed_before(
    db: &impl ConnectionTrait,
    currency: Currency,
    before: DateTime<Utc>,
) -> Result<Vec<Owed>, DbErr> {
    store::owed_before(db, currency, before).await
}

/// What customers had paid ahead before an instant; who had nothing is not in it.
///
/// # Errors
/// The database's.
pub async fn credits_before(
    db: &impl ConnectionTrait,
    customers: &[CustomerId],
    currency: Currency,
    before: DateTime<Utc>,
) -> Result<BTreeMap<CustomerId, Money>, DbErr> {
    store::credits_before(db, customers, currency, before).await
}
