//! A receipt: what a payment settled, and what was left then. Printed again it says the same.

use chrono::NaiveDate;
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;
use utoipa::ToSchema;

use super::Payment;
use crate::{
    http::access::Scope,
    ids::{InvoiceId, PaymentId},
    invoices, ledger,
    ledger::chart::Code,
    money::Money,
};

/// A payment with what it settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Receipt {
    #[serde(flatten)]
    pub payment: Payment,
    pub lines: Vec<Line>,
    /// What the customer owed after it.
    pub owed: Money,
    /// His balance after it.
    pub credit: Money,
}

/// What was settled of one invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Line {
    /// `None` = what he was taken over with.
    pub invoice_id: Option<InvoiceId>,
    /// Of the invoice; empty without one.
    pub number: String,
    /// What the invoice is for, in its own words.
    pub what: String,
    /// The days it is for.
    pub from: Option<NaiveDate>,
    /// The day after the last.
    pub until: Option<NaiveDate>,
    pub amount: Money,
    /// What was left of it after the payment; nothing is said of debts without an invoice.
    pub remaining: Option<Money>,
}

/// The receipt of a payment the caller may see.
///
/// # Errors
/// The database's.
pub async fn receipt(db: &impl ConnectionTrait, scope: &Scope, id: PaymentId) -> Result<Option<Receipt>, DbErr> {
    let Some(payment) = super::find(db, scope, id).await? else { return Ok(None) };
    let Some(entry) = ledger::find(db, payment.entry_id).await? else { return Ok(None) };
    let settled: Vec<(Option<InvoiceId>, Money)> = entry
        .postings
        .iter()
        .filter(|posting| posting.place.code() == Code::Receivable)
        .map(|posting| (posting.invoice, Money::new(-posting.amount.minor(), posting.amount.currency())))
        .collect();
    let ids: Vec<InvoiceId> = settled.iter().filter_map(|(invoice, _)| *invoice).collect();
    let briefs = invoices::briefs(db, &ids).await?;
    let left = ledger::remaining_after(db, &ids, payment.entry_id).await?;
    let line = |(invoice_id, amount): (Option<InvoiceId>, Money)| {
        let brief = invoice_id.and_then(|id| briefs.get(&id)).cloned();
        let (from, until) = brief.as_ref().and_then(|brief| brief.period).unzip();
        let (number, what) = brief.map(|brief| (brief.number, brief.what)).unwrap_or_default();
        let remaining = invoice_id.and_then(|id| left.get(&id)).map(|left| Money::new(*left, amount.currency()));
        Line { invoice_id, number, what, from, until, amount, remaining }
    };
    let currency = payment.amount.currency();
    let after = ledger::balance_after(db, payment.customer_id, currency, payment.entry_id).await?;
    Ok(Some(Receipt {
        lines: settled.into_iter().map(line).collect(),
        owed: after.receivable,
        credit: after.credit,
        payment,
    }))
}
