//! What was asked for services, for those who take some of it back: invoices by subscription, with their days and what is
//! left of them. And last days to pay that a pause moves on.

use std::collections::HashMap;

use chrono::NaiveDate;
use sea_orm::{ConnectionTrait, DbErr};

use super::{
    rules::{Kind, State},
    store,
};
use crate::{
    ids::{InvoiceId, SubscriptionId},
    money::Money,
};

/// An invoice of a service that is not void.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Billed {
    pub id: InvoiceId,
    /// Drafts have none.
    pub number: Option<String>,
    pub kind: Kind,
    pub state: State,
    pub period: Option<(NaiveDate, NaiveDate)>,
    pub due_on: NaiveDate,
    pub total: Money,
    pub tax: Money,
    /// Of payments, credit and credit notes, and what was given up.
    pub settled: Money,
    /// Of credit notes.
    pub credited: Money,
    /// Something of it is given up: nothing is given back of it.
    pub is_given_up: bool,
    pub lines: Vec<BilledLine>,
}

/// A line of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BilledLine {
    pub kind: super::LineKind,
    pub amount: Money,
    pub is_taxed: bool,
    /// The first day and the day after the last.
    pub days: Option<(NaiveDate, NaiveDate)>,
}

/// A stretch of days in which a service was not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    pub service: SubscriptionId,
    pub from: NaiveDate,
    pub days: u64,
    /// Its periods move on too.
    pub moves_periods: bool,
}

/// Invoices of services that ask for days after one of them, newest first.
///
/// # Errors
/// The database's.
pub async fn billed_of(
    db: &impl ConnectionTrait,
    services: &[SubscriptionId],
    after: NaiveDate,
) -> Result<HashMap<SubscriptionId, Vec<Billed>>, DbErr> {
    store::billed_of(db, services, after).await
}

/// Moves on what is not paid of paused services: last days to pay that lie in the pause or behind it, and periods where
/// they move with it.
///
/// # Errors
/// The database's.
pub async fn postpone(tx: &impl ConnectionTrait, pauses: &[Pause]) -> Result<(), DbErr> {
    store::postpone(tx, pauses).await
}

/// Gives the periods of a service that are not paid other days, and last days to pay with them: `dates` answers the first
/// day, the day after the last and the last day to pay of a period as it was.
///
/// # Errors
/// The database's.
pub async fn redate(
    tx: &impl ConnectionTrait,
    service: SubscriptionId,
    dates: impl Fn((NaiveDate, NaiveDate)) -> (NaiveDate, NaiveDate, NaiveDate),
) -> Result<(), DbErr> {
    store::redate(tx, service, dates).await
}
