//! Sessions: who is online on which router, and who was.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod routes;
mod store;
pub mod uplink;

use chrono::{DateTime, Utc};
use hiji_shared::device::Service;
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use crate::{
    db::paging::{PageOf, Paged},
    http::access::Scope,
    ids::{RouterId, SiteId},
};

/// Which sessions are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub router: Option<RouterId>,
    pub service: Option<Service>,
    /// Only open ones.
    pub open: bool,
    /// Part of a user name, address or MAC.
    pub q: String,
}

/// A session as listed.
#[derive(Debug, Clone, Serialize)]
pub struct Session {
    pub id: i64,
    pub router_id: RouterId,
    pub service: Service,
    pub username: String,
    pub address: String,
    pub mac: String,
    pub server: String,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub uptime_secs: i64,
    pub bytes_in: i64,
    pub bytes_out: i64,
    pub reason: String,
}

/// What a hotspot user has used, by his sessions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Use {
    pub uptime_secs: i64,
    /// Both ways.
    pub bytes: i64,
    /// One session is open.
    pub is_online: bool,
}

/// What a hotspot user of a router has used.
///
/// # Errors
/// The database's.
pub async fn use_of(db: &impl ConnectionTrait, router: RouterId, user: &str) -> Result<Use, DbErr> {
    store::use_of(db, router, user).await
}

/// Open sessions by service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ActiveCounts {
    pub hotspot: i64,
    pub pppoe: i64,
}

/// Sessions of routers the caller may see, newest first.
///
/// # Errors
/// The database's.
pub async fn list(
    db: &impl ConnectionTrait,
    scope: &Scope,
    filter: &Filter,
    page: &PageOf,
) -> Result<Paged<Session>, DbErr> {
    store::list(db, scope, filter, page).await
}

/// How many are online now, of the sites allowed or of one of them.
///
/// # Errors
/// The database's.
pub async fn active(db: &impl ConnectionTrait, scope: &Scope, site: Option<SiteId>) -> Result<ActiveCounts, DbErr> {
    store::active(db, scope, site).await
}
