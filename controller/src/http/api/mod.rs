//! The base of `/api/v1`: JSON bodies with named faults, pages of lists, repeated requests that do a thing once, and the
//! OpenAPI document. What the resources are is the features' work (`<feature>/api.rs`).

mod idempotency;
mod json;
pub mod openapi;
mod store;

use axum::extract::FromRequestParts;
use axum_extra::extract::Query;
use chrono::{DateTime, Utc};
use hiji_shared::device::Service;
use sea_orm::{ConnectionTrait, DbErr};
use serde::Deserialize;

pub use idempotency::{Intent, KEEP_HOURS};
pub(crate) use idempotency::{Keeper, once};
pub use json::Json;

use super::{
    error::AppError,
    form::{FieldError, FormErrors},
};
use crate::{
    clock,
    db::paging::{BadCursor, PageOf},
};

/// Characters of a search.
const MAX_SEARCH_CHARS: usize = 100;

impl From<BadCursor> for AppError {
    fn from(_: BadCursor) -> Self {
        FormErrors::of("cursor", FieldError::new("bad_cursor")).into()
    }
}

impl From<DbErr> for AppError {
    /// A database that does not answer is no fault of ours: trying again helps.
    fn from(error: DbErr) -> Self {
        let away = matches!(error, DbErr::ConnectionAcquire(_) | DbErr::Conn(_));
        if away { Self::Unavailable(error.into()) } else { Self::Internal(error.into()) }
    }
}

#[derive(Debug, Deserialize)]
struct RawListing {
    limit: Option<String>,
    cursor: Option<String>,
    q: Option<String>,
}

/// Which part of a list is wanted: `?limit=&cursor=&q=`. For pages and the API alike.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// The page.
    pub page: PageOf,
    /// The search, trimmed; empty when there is none.
    pub q: String,
    /// Whether it is not the first page.
    pub is_later: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Listing {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, state: &S) -> Result<Self, AppError> {
        let Query(raw) =
            Query::<RawListing>::from_request_parts(parts, state).await.map_err(|_unreadable| AppError::Malformed)?;
        let limit = match raw.limit.as_deref().filter(|limit| !limit.is_empty()) {
            None => None,
            Some(text) => {
                Some(text.parse().map_err(|_not_a_number| FormErrors::of("limit", FieldError::new("not_a_number")))?)
            }
        };
        let cursor = raw.cursor.as_deref().filter(|cursor| !cursor.is_empty());
        let q: String = raw.q.unwrap_or_default().trim().chars().take(MAX_SEARCH_CHARS).collect();
        Ok(Self { page: PageOf::new(limit, cursor)?, q, is_later: cursor.is_some() })
    }
}

/// The service a query names; empty is both.
///
/// # Errors
/// [`AppError::Invalid`] for another text.
pub fn service_of(text: Option<&str>) -> Result<Option<Service>, AppError> {
    match text.unwrap_or_default() {
        "" => Ok(None),
        "hotspot" => Ok(Some(Service::Hotspot)),
        "pppoe" => Ok(Some(Service::Pppoe)),
        _ => Err(FormErrors::of("service", FieldError::new("not_offered")).into()),
    }
}

/// Forgets answers kept for repeated requests for longer than they are promised.
///
/// # Errors
/// The database's.
pub async fn purge_idempotency_keys(tx: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64, DbErr> {
    store::purge(tx, now - clock::seconds(KEEP_HOURS * 3600)).await
}
