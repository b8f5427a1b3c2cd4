//! What the feature of subscriptions asks of invoices: which are not paid, and what one would come to.

use chrono::NaiveDate;
use sea_orm::{ConnectionTrait, DbErr};

use super::{
    Head, InvoiceError, make,
    rules::{self, Kind, State, Totals},
    store,
};
use crate::{
    ids::{InvoiceId, SubscriptionId},
    money::Money,
    settings,
};

/// An invoice of a subscription that is not paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unpaid {
    pub subscription: SubscriptionId,
    pub kind: Kind,
    /// [`State::Draft`], [`State::Open`], [`State::PartiallyPaid`]; or [`State::Uncollectible`], when nothing is owed of it
    /// any more without having been paid.
    pub state: State,
    pub period_from: Option<NaiveDate>,
    /// The last day to pay.
    pub due_on: NaiveDate,
}

/// The invoices of subscriptions that are not paid and that service hangs on, drafts and what was given up too; in no
/// order.
///
/// # Errors
/// The database's.
pub async fn unpaid_of(db: &impl ConnectionTrait, subscriptions: &[SubscriptionId]) -> Result<Vec<Unpaid>, DbErr> {
    store::unpaid_of(db, subscriptions).await
}

/// What an invoice is of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfService {
    pub subscription: SubscriptionId,
    pub is_void: bool,
    /// First day, and the day after the last; of those that pay for a period.
    pub period: Option<(NaiveDate, NaiveDate)>,
}

/// The subscriptions of invoices; those that are of none are left out.
///
/// # Errors
/// The database's.
pub async fn services_of(db: &impl ConnectionTrait, invoices: &[InvoiceId]) -> Result<Vec<OfService>, DbErr> {
    store::services_of(db, invoices).await
}

/// Whether a period of a service would be invoiced again by the next night if its invoice were void or dropped: nothing
/// behind it is invoiced.
///
/// # Errors
/// The database's.
pub(super) async fn would_come_again(db: &impl ConnectionTrait, head: &Head) -> Result<bool, DbErr> {
    let is_period = matches!(head.kind, Kind::First | Kind::Period) && head.state != State::Void;
    match (head.subscription_id, head.period_until) {
        (Some(subscription), Some(until)) if is_period => Ok(!store::is_billed_from(db, subscription, until).await?),
        _ => Ok(false),
    }
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
