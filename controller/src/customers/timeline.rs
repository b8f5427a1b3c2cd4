//! What happened with a customer: written once, in the transaction that made it happen, and never changed.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;
use serde_json::Value;

use super::store;
use crate::{
    audit::Actor,
    db::paging::{PageOf, Paged},
    ids::{AdminId, CustomerId},
};

/// Something to be written. Its sentence is the text `moment-<what>`, with the texts and numbers of `detail` as its
/// arguments.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// What, in kebab-case: `created`, `invoice-paid`.
    pub what: &'a str,
    /// An object of texts and whole numbers.
    pub detail: Value,
    /// The page of what it is about; empty = none.
    pub link: String,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moment {
    pub id: i64,
    pub at: DateTime<Utc>,
    /// Who; hiji itself has a name too.
    pub who: String,
    pub admin_id: Option<AdminId>,
    pub what: String,
    pub detail: Value,
    pub link: String,
}

/// Writes into a customer's timeline, in the caller's transaction.
///
/// # Errors
/// The database's.
pub async fn note(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    id: CustomerId,
    entry: Entry<'_>,
) -> Result<(), DbErr> {
    store::insert_event(tx, now, actor, id, entry).await
}

/// Writes into the timelines of many customers.
///
/// # Errors
/// The database's.
pub async fn note_many(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    entries: &[(CustomerId, Entry<'_>)],
) -> Result<(), DbErr> {
    store::insert_events(tx, now, actor, entries).await
}

/// What happened with a customer, the latest first. The caller has found the customer in his scope.
///
/// # Errors
/// The database's.
pub async fn timeline(db: &impl ConnectionTrait, id: CustomerId, page: &PageOf) -> Result<Paged<Moment>, DbErr> {
    store::events(db, id, page).await
}
