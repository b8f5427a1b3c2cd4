//! Customers: who buys in his own name, how he is reached, where he lives, and everything that happened with him.
//!
//! Other features write into a customer's timeline by [`note`], and say how many services he has by
//! [`set_open_services`]; they are found by usernames given to [`set_words`]. What is owed stands in the ledger.

pub(crate) mod api;
mod change;
pub(crate) mod export;
pub mod import;
pub mod opening;
pub(crate) mod pages;
pub mod place;
pub(crate) mod routes;
pub mod rules;
mod store;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod tests;
mod timeline;
mod words;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, Select};
use serde::Serialize;

use crate::{
    app::App,
    db::paging::{PageOf, Paged},
    http::{
        access::Scope,
        form::{FieldError, FormErrors},
        locale::Locale,
    },
    ids::{CustomerId, SiteId},
    phone::Phone,
    sealed::Keys,
};

pub use change::{
    Added, Asked, add, add_in, add_phone, audit_added, change, id_number, remember, remove, remove_phone, restore,
};
pub use place::Point;
pub use rules::{CustomerForm, Kind, PhoneForm};
pub use timeline::{Entry, Moment, note, note_many, timeline};
pub use words::number;

/// Where identity numbers are sealed for.
const ID_NUMBER_PLACE: &str = "customer.id_number";
/// Customers told to have a number that was typed.
pub const MAX_SAME: u64 = 5;

/// Whether a customer is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    #[default]
    Active,
    /// Kept with all history, and may come back.
    Deleted,
}

impl State {
    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deleted => "deleted",
        }
    }

    /// The state of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Active, Self::Deleted].into_iter().find(|state| state.as_str() == name)
    }
}

/// A customer as pages and API show him.
#[derive(Debug, Clone, Serialize)]
pub struct Customer {
    pub id: CustomerId,
    pub number: String,
    /// The number in whatever was used before.
    pub reference: String,
    pub site_id: SiteId,
    pub site: String,
    /// Zone of the site.
    pub timezone: String,
    pub kind: Kind,
    pub name: String,
    /// The one that is called first.
    pub phones: Vec<Contact>,
    pub address: String,
    pub point: Option<Point>,
    pub notes: String,
    /// Masked.
    pub id_number: Option<String>,
    pub language: Locale,
    /// Days of grace of all his subscriptions, instead of theirs (0 to 30).
    pub grace_days: Option<i32>,
    pub tags: Vec<String>,
    pub open_services: i32,
    pub state: State,
    pub created_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
    pub delete_reason: String,
}

/// A telephone number of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contact {
    pub id: i64,
    /// E.164.
    pub number: Phone,
    /// As people write it.
    pub shown: String,
    pub label: String,
    pub is_whatsapp: bool,
    pub is_primary: bool,
}

/// Which customers are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub site: Option<SiteId>,
    /// One of his tags.
    pub tag: String,
    pub state: State,
    /// Parts of the name, the address, a number in any spelling.
    pub q: String,
}

/// A customer who has a number already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Same {
    pub id: CustomerId,
    pub number: String,
    pub name: String,
    pub state: State,
    pub phone: String,
}

/// Why something is not done with a customer.
#[derive(Debug, thiserror::Error)]
pub enum CustomerError {
    #[error("no such customer")]
    NotFound,
    #[error("refused fields")]
    Refused(FormErrors),
    /// Nothing is changed of a customer who was deleted.
    #[error("the customer is deleted")]
    Deleted,
    /// He is not.
    #[error("the customer is not deleted")]
    NotDeleted,
    #[error("the customer has open services")]
    OpenServices,
    /// He owes something, or has a balance.
    #[error("the customer's account is not settled")]
    NotSettled,
    #[error("database")]
    Db(#[from] DbErr),
}

impl CustomerError {
    fn field(field: &str, error: FieldError) -> Self {
        Self::Refused(FormErrors::of(field, error))
    }
}

/// Customers the caller may see, newest first.
///
/// # Errors
/// The database's.
pub async fn list(app: &App, scope: &Scope, filter: &Filter, page: &PageOf) -> Result<Paged<Customer>, DbErr> {
    let after = page.after_id().ok().flatten();
    let rows = store::list(app.db.read(), &app.keys, scope, filter, (after, page.limit() + 1)).await?;
    Ok(page.cut(rows, |customer| customer.id.to_string()))
}

/// Active customers the caller may see who have all words of a search, the latest first; none for an empty one.
///
/// # Errors
/// The database's.
pub async fn matching(db: &impl ConnectionTrait, scope: &Scope, q: &str, limit: u64) -> Result<Vec<CustomerId>, DbErr> {
    if q.is_empty() {
        return Ok(Vec::new());
    }
    let filter = Filter { q: q.to_owned(), ..Filter::default() };
    store::ids(db, scope, &filter, limit).await
}

/// A customer the caller may see, deleted or not.
///
/// # Errors
/// The database's.
pub async fn find(
    db: &impl ConnectionTrait,
    keys: &Keys,
    scope: &Scope,
    id: CustomerId,
) -> Result<Option<Customer>, DbErr> {
    store::find(db, keys, scope, id).await
}

/// Customers by their ids, of those the caller may see, deleted or not; in no order.
///
/// # Errors
/// The database's.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    keys: &Keys,
    scope: &Scope,
    ids: &[CustomerId],
) -> Result<Vec<Customer>, DbErr> {
    if ids.is_empty() { Ok(Vec::new()) } else { store::by_ids(db, keys, scope, ids).await }
}

/// Customers the caller may see who have one of these numbers, but for one of them.
///
/// # Errors
/// The database's.
pub async fn with_numbers(
    db: &impl ConnectionTrait,
    scope: &Scope,
    phones: &[Phone],
    but: Option<CustomerId>,
) -> Result<Vec<Same>, DbErr> {
    store::with_numbers(db, scope, phones, but).await
}

/// A query of another feature, narrowed to rows whose customers have all words of a search, the column naming them;
/// nothing when a word is nobody's. The caller's query is scoped.
///
/// # Errors
/// The database's.
pub async fn found_by<E: EntityTrait, C: ColumnTrait>(
    db: &impl ConnectionTrait,
    q: &str,
    query: Select<E>,
    customer: C,
) -> Result<Option<Select<E>>, DbErr> {
    store::found_by(db, q, query, customer).await
}

/// How a customer is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    pub number: String,
    pub name: String,
    pub language: Locale,
    /// The first of his numbers that has WhatsApp.
    pub whatsapp: Option<Phone>,
}

/// How these customers are written to; who was deleted is not in it.
///
/// # Errors
/// The database's.
pub async fn reach(db: &impl ConnectionTrait, ids: &[CustomerId]) -> Result<HashMap<CustomerId, Reach>, DbErr> {
    store::reach(db, ids).await
}

/// Tags that customers the caller may see have, by name.
///
/// # Errors
/// The database's.
pub async fn tags(db: &impl ConnectionTrait, scope: &Scope) -> Result<Vec<String>, DbErr> {
    store::tags(db, scope).await
}

/// Says how many services of a customer are not ended. While there are any he is not deleted.
///
/// # Errors
/// The database's.
pub async fn set_open_services(tx: &impl ConnectionTrait, id: CustomerId, open: i32) -> Result<(), DbErr> {
    store::set_open_services(tx, id, open).await
}

/// Words that another feature finds a customer by, usernames for instance; those it gave before are forgotten.
///
/// # Errors
/// The database's.
pub async fn set_words(tx: &impl ConnectionTrait, id: CustomerId, source: &str, texts: &[&str]) -> Result<(), DbErr> {
    store::replace_terms(tx, id, source, &words::of_texts(texts)).await
}
