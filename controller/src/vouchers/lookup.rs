//! What guests may know of a voucher: how long it lasts and what it allows. No password, no device, no price.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use super::{Status, store};
use crate::ids::{RouterId, SiteId};

/// Longest code looked up, bytes; a longer one is none of ours.
pub const MAX_CODE: usize = 64;
/// Sites that have the same code; no more are told.
const MAX_FOUND: u64 = 5;

/// A voucher as a guest may know it.
#[derive(Debug, Clone)]
pub struct Looked {
    pub site: SiteId,
    pub router: RouterId,
    pub code: String,
    pub status: Status,
    /// `expired`, `used_up`, `not_activated`, …; empty while it lives.
    pub end_reason: String,
    pub first_login_at: Option<DateTime<Utc>>,
    pub valid_until: Option<DateTime<Utc>>,
    pub active_secs: Option<i64>,
    pub activate_before: Option<DateTime<Utc>>,
    pub online_secs: Option<i64>,
    pub limit_bytes: Option<i64>,
    /// Its use, known when it is over.
    pub uptime_secs: i64,
    pub bytes: i64,
}

/// The vouchers of a code, as typed or in capitals (phones write small letters): of one site, or of all that have it.
///
/// # Errors
/// The database's.
pub async fn by_code(db: &impl ConnectionTrait, code: &str, site: Option<SiteId>) -> Result<Vec<Looked>, DbErr> {
    let ours = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if code.is_empty() || code.len() > MAX_CODE || !ours(code) {
        // The same way as for a code that nobody has.
        return store::by_code(db, "-", site, MAX_FOUND).await.map(|_nobody| Vec::new());
    }
    store::by_code(db, code, site, MAX_FOUND).await
}
