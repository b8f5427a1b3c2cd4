//! What the feature of subscriptions asks of invoices: which are not paid, and what one would come to.

use chrono::NaiveDate;
use sea_orm::{ConnectionTrait, DbErr};

use super::{
    InvoiceError, make,
    rules::{self, Kind, State, Totals},
    store,
};
use crate::{ids::SubscriptionId, money::Money, settings};

/// An invoice of a subscription that is not paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unpaid {
    pub subscription: SubscriptionId,
    pub kind: Kind,
    /// [`State::Draft`], [`State::Open`] or [`State::PartiallyPaid`].
    pub state: State,
    pub period_from: Option<NaiveDate>,
    /// The last day to pay.
    pub due_on: NaiveDate,
}

/// The invoices of subscriptions that are not paid and that service hangs on, drafts too; in no order.
///
/// # Errors
/// The database's.
pub async fn unpaid_of(db: &impl ConnectionTrait, subscriptions: &[SubscriptionId]) -> Result<Vec<Unpaid>, DbErr> {
    store::unpaid_of(db, subscriptions).await
}

/// What lines (amount, whether it is taxed) come to on a day.
///
/// # Errors
/// [`InvoiceError`].
pub async fn totals_on(
    db: &impl ConnectionTrait,
    lines: &[(Money, bool)],
    day: NaiveDate,
) -> Result<Totals, InvoiceError> {
    let is_taxable = settings::load(db).await?.is_taxable;
    let rates = make::rates(db, is_taxable).await?;
    Ok(rules::totals(lines, rules::rate_of(is_taxable, &rates, day))?)
}
