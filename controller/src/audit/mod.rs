//! The audit log: who did what, append-only, each entry carrying the hash of the one before.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod routes;
mod store;

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::{
    db::paging::{PageOf, Paged},
    http::session::Caller,
    ids::{AdminId, SiteId},
};

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// `None`: hiji itself, or an agent.
    pub admin: Option<AdminId>,
    pub name: String,
    pub ip: String,
}

impl Actor {
    /// A signed-in caller.
    #[must_use]
    pub fn of(caller: &Caller, ip: IpAddr) -> Self {
        Self { admin: Some(caller.admin_id), name: caller.name.clone(), ip: ip.to_string() }
    }

    /// hiji itself.
    #[must_use]
    pub fn system(name: &str) -> Self {
        Self { admin: None, name: name.to_owned(), ip: String::new() }
    }
}

/// What was done. `action` is `noun.verb`, `object` names the thing: `router/7`.
#[derive(Debug, Clone)]
pub struct Deed<'a> {
    pub action: &'a str,
    pub object: String,
    pub site: Option<SiteId>,
    /// What changed; never a secret, a phone number or a name of a customer.
    pub detail: serde_json::Value,
}

/// An entry as listed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    pub id: i64,
    pub at: DateTime<Utc>,
    pub actor: String,
    pub action: String,
    pub object: String,
    pub site_id: Option<SiteId>,
    pub detail: serde_json::Value,
    pub ip: String,
}

/// Which entries are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Entries of these sites only; `None` = all, also those of no site.
    pub sites: Option<Vec<SiteId>>,
    /// Part of the actor, the action or the object.
    pub q: String,
}

/// The chain is broken at an entry: it, or one before it, was changed or removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the audit log is broken at entry {id}")]
pub struct Broken {
    pub id: i64,
}

/// Writes an entry in the caller's transaction.
///
/// # Errors
/// The database's.
pub async fn record(tx: &impl ConnectionTrait, now: DateTime<Utc>, actor: &Actor, deed: Deed<'_>) -> Result<(), DbErr> {
    store::append(tx, now, actor, deed).await
}

/// Entries, newest first.
///
/// # Errors
/// The database's.
pub async fn list(db: &impl ConnectionTrait, filter: &Filter, page: &PageOf) -> Result<Paged<Entry>, DbErr> {
    store::list(db, filter, page).await
}

/// Proves the whole chain; the number of entries.
///
/// # Errors
/// The database's, or where it is broken.
pub async fn prove(db: &impl ConnectionTrait) -> Result<Result<u64, Broken>, DbErr> {
    store::prove(db).await
}

/// The hash that chains an entry to the one before.
fn chain(prev: &str, at: DateTime<Utc>, words: [&str; 4], detail: &serde_json::Value) -> String {
    let mut hasher = Sha256::new();
    for part in [prev, &at.timestamp_millis().to_string()].into_iter().chain(words).chain([&*detail.to_string()]) {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hiji_shared::signed::hex(&hasher.finalize())
}
