//! Vouchers: batches, codes and their life.
//!
//! A batch is made whole or not at all: its vouchers, what their router shall have, and the audit entry stand in one
//! transaction. From then on only the router's agent says what is so ([`uplink`]).

mod acts;
pub mod api;
mod books;
pub(crate) mod export;
mod fields;
pub mod history;
pub mod import;
pub mod life;
mod lookup;
mod make;
pub mod manage;
mod offer;
pub(crate) mod pages;
pub(crate) mod routes;
pub mod rules;
mod sale;
pub mod search;
mod store;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod tests;
pub mod uplink;
mod wanted;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use hiji_shared::device::Kind;
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use crate::{
    app::App,
    db::paging::{PageOf, Paged},
    http::{access::Scope, form::FormErrors},
    ids::{AdminId, BatchId, PackageId, RouterId, SellerId, SiteId, VoucherId},
    money::{Money, MoneyError},
    routers,
};

pub use acts::{Act, Extension, Refusal};
pub use life::{Allowance, BatchState, Status, Stock};
pub use lookup::{Looked, MAX_CODE, by_code};
pub use make::{Asked, Origin, add, add_in, sample_codes};
pub use manage::jobs::CleanUp;
pub(crate) use pages::{sample as sample_batch, sample_voucher};
pub use rules::{BatchForm, Charset, Mode};
pub use sale::{Handed, book_sale, by_ids, sell_made, sell_stock, stock, take_back, unsold};
pub use search::{Search, SearchError};

/// Failures told with a batch; the list of vouchers has them all.
pub const MAX_FAILURES: u64 = 100;
/// Where passwords of vouchers are sealed for.
const PASSWORD_PLACE: &str = "voucher.password";

/// How far a batch is on its router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    pub wanted: i32,
    /// Proven on the router.
    pub applied: i32,
    pub failed: i32,
}

/// A batch as pages and API show it.
#[derive(Debug, Clone, Serialize)]
pub struct Batch {
    pub id: BatchId,
    pub number: String,
    pub site_id: SiteId,
    pub router_id: RouterId,
    pub router: String,
    /// Zone of its site.
    pub timezone: String,
    pub package_id: PackageId,
    pub package: String,
    pub profile: String,
    pub count: i32,
    pub prefix: String,
    pub length: i32,
    pub charset: String,
    pub mode: String,
    pub mac_lock: bool,
    pub server: String,
    pub note: String,
    pub price: Money,
    /// Not for everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// What the seller pays of the price; the price where there is none.
    pub net_price: Money,
    pub seller_id: Option<SellerId>,
    /// His name; empty where there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub seller: String,
    pub online_secs: Option<i64>,
    pub active_secs: Option<i64>,
    pub limit_bytes: Option<i64>,
    pub activate_before: Option<DateTime<Utc>>,
    pub state: BatchState,
    pub progress: Progress,
    /// Times it was printed.
    pub printed: i32,
    pub created_at: DateTime<Utc>,
}

/// A voucher that the router would not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    pub voucher_id: VoucherId,
    pub code: String,
    /// `missing_reference`, `bad_value`, …
    pub reason: String,
    /// The router's own words; empty where it said none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// A voucher as pages and API show it.
#[derive(Debug, Clone, Serialize)]
pub struct Voucher {
    pub id: VoucherId,
    pub code: String,
    /// What its list said of it, where codes were imported.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Only of batches whose passwords are their own, and not for everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    pub status: Status,
    pub batch_id: BatchId,
    pub batch: String,
    /// Its place in the batch.
    pub number: i32,
    pub site_id: SiteId,
    pub router_id: RouterId,
    pub router: String,
    pub timezone: String,
    pub package_id: PackageId,
    pub package: String,
    pub price: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// Over the counter, when.
    pub sold_at: Option<DateTime<Utc>>,
    /// Online time and bytes in all, masa aktif from its first login; `None` = no limit.
    pub online_secs: Option<i64>,
    pub active_secs: Option<i64>,
    pub limit_bytes: Option<i64>,
    pub activate_before: Option<DateTime<Utc>>,
    pub blocked_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub block_reason: String,
    /// The voucher whose place it takes, and the one that takes its.
    pub replaces_id: Option<VoucherId>,
    pub replaced_by_id: Option<VoucherId>,
    /// When it was cleaned off the router.
    pub removed_at: Option<DateTime<Utc>>,
    /// What the seller pays of the price; the price where there is none.
    pub net_price: Money,
    pub seller_id: Option<SellerId>,
    /// His name; empty where there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub seller: String,
    pub first_login_at: Option<DateTime<Utc>>,
    pub valid_until: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub end_reason: String,
    pub mac: String,
    pub address: String,
    pub uptime_secs: i64,
    pub bytes_in: i64,
    pub bytes_out: i64,
    /// Why the router would not have it; empty when it did.
    pub failure: String,
    /// The router's clock was doubtful at the first login.
    pub estimated: bool,
    pub created_at: DateTime<Utc>,
}

impl Batch {
    /// What it costs, brings and leaves in all; nothing where the cost is not to be seen.
    #[must_use]
    pub fn totals(&self) -> Option<rules::Totals> {
        rules::totals(i64::from(self.count), self.price, self.net_price, self.cost?).ok()
    }

    /// The batch as somebody sees it who may not see costs.
    #[must_use]
    pub fn without_cost(self) -> Self {
        Self { cost: None, ..self }
    }
}

impl Voucher {
    /// The voucher as somebody sees it who may not see costs.
    #[must_use]
    pub fn without_cost(self) -> Self {
        Self { cost: None, ..self }
    }

    /// The voucher without its password.
    #[must_use]
    pub fn without_password(self) -> Self {
        Self { password: None, ..self }
    }
}

/// Which vouchers are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub batch: Option<BatchId>,
    pub router: Option<RouterId>,
    pub status: Option<Status>,
    /// A code, its beginning, or a part of it, whichever is found first.
    pub q: String,
}

/// Which batches are wanted.
#[derive(Debug, Clone, Default)]
pub struct BatchFilter {
    pub router: Option<RouterId>,
    /// Only those that are sold from: no single voucher of the counter, no new code for an old one.
    pub is_stock: bool,
    /// Part of the number or the note.
    pub q: String,
}

/// Why a batch is not made.
#[derive(Debug, thiserror::Error)]
pub enum VoucherError {
    #[error("refused fields")]
    Refused(FormErrors),
    #[error("database")]
    Db(#[from] DbErr),
}

/// Batches the caller may see, newest first.
///
/// # Errors
/// The database's.
pub async fn batches(
    db: &impl ConnectionTrait,
    scope: &Scope,
    filter: &BatchFilter,
    page: &PageOf,
) -> Result<Paged<Batch>, DbErr> {
    store::batches(db, scope, filter, page).await
}

/// Batches by their ids, of those the caller may see; in no order.
///
/// # Errors
/// The database's.
pub async fn batches_by_ids(db: &impl ConnectionTrait, scope: &Scope, ids: &[BatchId]) -> Result<Vec<Batch>, DbErr> {
    if ids.is_empty() { Ok(Vec::new()) } else { store::batches_by_ids(db, scope, ids).await }
}

/// The newest batch somebody made at the form, for his next one to begin with.
///
/// # Errors
/// The database's.
pub async fn last_batch(db: &impl ConnectionTrait, scope: &Scope, admin: AdminId) -> Result<Option<Batch>, DbErr> {
    store::last_batch(db, scope, admin).await
}

/// One batch the caller may see.
///
/// # Errors
/// The database's.
pub async fn batch(db: &impl ConnectionTrait, scope: &Scope, id: BatchId) -> Result<Option<Batch>, DbErr> {
    store::batch(db, scope, id).await
}

/// The vouchers of a batch that the router would not have, with the reasons; at most [`MAX_FAILURES`].
///
/// # Errors
/// The database's.
pub async fn failures(db: &impl ConnectionTrait, batch: &Batch) -> Result<Vec<Failure>, DbErr> {
    if batch.progress.failed == 0 {
        return Ok(Vec::new());
    }
    let mut failures = store::failures(db, batch.id).await?;
    let codes: Vec<String> = failures.iter().map(|failure| failure.code.clone()).collect();
    let mut said = routers::refusals(db, batch.router_id, Kind::HotspotUser, &codes).await?;
    for failure in &mut failures {
        failure.message = said.remove(&failure.code).unwrap_or_default();
    }
    Ok(failures)
}

/// What is left, sold, used and void of batches: one query, whatever their number.
///
/// # Errors
/// The database's.
pub async fn stocks(db: &impl ConnectionTrait, batches: &[BatchId]) -> Result<HashMap<BatchId, Stock>, DbErr> {
    if batches.is_empty() { Ok(HashMap::new()) } else { store::stocks(db, batches).await }
}

/// Vouchers the caller may see: of a batch in its order, else newest first.
///
/// # Errors
/// The database's.
pub async fn list(app: &App, scope: &Scope, filter: &Filter, page: &PageOf) -> Result<Paged<Voucher>, DbErr> {
    let search = Search {
        batch: filter.batch,
        router: filter.router,
        statuses: filter.status.into_iter().collect(),
        q: filter.q.clone(),
        ..Search::default()
    };
    match search::find(app, scope, &search, page).await {
        Ok(found) => Ok(found.page),
        Err(SearchError::Db(error)) => Err(error),
        Err(SearchError::BadCursor) => Ok(Paged { items: Vec::new(), next_cursor: None }),
    }
}

/// One voucher the caller may see.
///
/// # Errors
/// The database's.
pub async fn find(app: &App, scope: &Scope, id: VoucherId) -> Result<Option<Voucher>, DbErr> {
    store::find(app.db.read(), &app.keys, scope, id).await
}

/// Where a voucher stands.
///
/// # Errors
/// The database's.
pub async fn status_of(db: &impl ConnectionTrait, id: VoucherId) -> Result<Option<Status>, DbErr> {
    store::status_of(db, id).await
}

/// The vouchers of some sites that were used first of late, latest first.
///
/// # Errors
/// The database's.
pub async fn last_activated(app: &App, sites: &[SiteId], limit: u64) -> Result<Vec<Voucher>, DbErr> {
    store::last_activated(app.db.read(), &app.keys, sites, limit).await
}

/// The password of a voucher, from its sealed column. For those who read vouchers in streams.
///
/// # Errors
/// It is damaged, or sealed under another key.
pub(crate) fn password(keys: &crate::sealed::Keys, id: VoucherId, sealed: &[u8]) -> Result<String, DbErr> {
    store::opened(keys, id.0, sealed)
}

/// What activations brought, in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Figures {
    pub count: i64,
    /// What sellers paid: the net prices that the vouchers were made with.
    pub revenue: Money,
    pub cost: Money,
}

impl Figures {
    /// What is left.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn profit(&self) -> Result<Money, MoneyError> {
        self.revenue.minus(self.cost)
    }
}

/// Vouchers first used in `[from, to)`, of the sites allowed or of one of them: one entry a currency.
///
/// # Errors
/// The database's.
pub async fn activated_between(
    db: &impl ConnectionTrait,
    scope: &Scope,
    site: Option<SiteId>,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<Figures>, DbErr> {
    store::activated_between(db, scope, site, (from, to)).await
}
