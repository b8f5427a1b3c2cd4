//! The counter: one tap sells one voucher, made for the sale or taken from a stock that is reserved for it.
//!
//! A sale is one transaction: the voucher, what its router shall have, the row of the sale, audit and event. The same
//! form sells once. Prices stand in the sale as they were.

pub mod api;
pub(crate) mod pages;
pub(crate) mod routes;
pub mod rules;
mod share;
mod store;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use sea_orm::DbErr;
use serde::Serialize;

use crate::{
    app::App,
    audit::{self, Actor, Deed},
    db::{
        self, Tx,
        paging::{MAX_LIMIT, PageOf, Paged},
    },
    events::{self, BusinessEvent},
    http::{
        access::Scope,
        form::{FieldError, FormErrors},
    },
    ids::{AdminId, BatchId, PackageId, RouterId, SaleId, SiteId, VoucherId},
    money::Money,
    packages::{self, Package, SoldAs},
    phone::Phone,
    routers::{self, Presence, Router},
    sites,
    vouchers::{self, BatchForm, Handed, Origin, Voucher, VoucherError},
};

pub use rules::Stays;

/// What was sold in these days orders the buttons.
const POPULAR_DAYS: i64 = 30;
/// Batches that one counter may have in reserve.
pub const MAX_RESERVED: usize = 50;

/// What is sold to whom.
#[derive(Debug, Clone)]
pub struct Wish {
    pub router: RouterId,
    pub package: PackageId,
    /// The guest's number, if he gave one.
    pub phone: Option<Phone>,
    /// The seller knows that the router is away and the voucher will work later.
    pub knows_offline: bool,
}

/// Who sells, and the id of the tap.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub scope: &'a Scope,
    pub actor: &'a Actor,
    pub admin: AdminId,
    pub form_id: &'a str,
}

/// What a tap did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sold {
    pub id: SaleId,
    /// The same tap sold it before.
    pub again: bool,
}

/// A sale as stored.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) id: SaleId,
    pub(crate) voucher_id: VoucherId,
    pub(crate) router_id: RouterId,
    pub(crate) site_id: SiteId,
    pub(crate) admin_id: AdminId,
    pub(crate) sold_at: DateTime<Utc>,
    pub(crate) from_stock: bool,
    pub(crate) phone: String,
    pub(crate) price: Money,
    pub(crate) cost: Money,
    pub(crate) cancelled_at: Option<DateTime<Utc>>,
    pub(crate) cancel_reason: String,
}

/// A sale with its voucher as it stands now.
#[derive(Debug, Clone, Serialize)]
pub struct Sale {
    pub id: SaleId,
    pub sold_at: DateTime<Utc>,
    pub admin_id: AdminId,
    /// Taken from the stock rather than made for it.
    pub from_stock: bool,
    /// As it was at the sale.
    pub price: Money,
    /// Not for everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// The guest's number, E.164; empty when there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub phone: String,
    pub cancelled_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cancel_reason: String,
    pub voucher: Voucher,
}

/// What somebody sold, in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Totals {
    pub count: i64,
    pub revenue: Money,
    /// Not for everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profit: Option<Money>,
}

/// How a router's counter sells.
#[derive(Debug, Clone, Default)]
pub struct SetUp {
    /// From the stock first; otherwise a new voucher for each sale.
    pub from_stock: bool,
    /// Batches in reserve.
    pub batches: Vec<BatchId>,
}

/// Why nothing is sold.
#[derive(Debug, thiserror::Error)]
pub enum SellError {
    #[error("refused fields")]
    Refused(FormErrors),
    /// The router is away and the seller did not say that he knows.
    #[error("the router is offline")]
    Offline,
    #[error("database")]
    Db(#[from] DbErr),
}

/// Why a sale is not taken back.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    #[error("no such sale")]
    NotFound,
    #[error("{0:?}")]
    Stays(Stays),
    #[error("database")]
    Db(#[from] DbErr),
}

impl From<VoucherError> for SellError {
    fn from(error: VoucherError) -> Self {
        match error {
            VoucherError::Refused(errors) => Self::Refused(errors),
            VoucherError::Db(error) => Self::Db(error),
        }
    }
}

impl SellError {
    fn field(field: &str, code: &str) -> Self {
        Self::Refused(FormErrors::of(field, FieldError::new(code)))
    }
}

/// Sells one voucher.
///
/// # Errors
/// [`SellError`]; then nothing was made or sold.
pub async fn sell(app: &App, asked: &Asked<'_>, wish: &Wish) -> Result<Sold, SellError> {
    // The same form with another package is another sale; and nobody finds another's.
    let form_id = format!("{}.{}.{}", asked.form_id, asked.admin, wish.package);
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    // Held to the commit: of two equal taps the second finds the first one's sale, and no two get one voucher.
    db::one_at_a_time(&*tx, db::Guard::BatchNumbers).await?;
    if let Some(id) = store::of_form(&*tx, &form_id).await? {
        return Ok(Sold { id, again: true });
    }
    let router = routers::find(&*tx, asked.scope, wish.router).await?;
    let router = router.ok_or_else(|| SellError::field("router_id", "no_such_router"))?;
    let handed = match from_stock(&tx, &router, (wish.package, asked.admin), now).await? {
        Some(handed) => (handed, true),
        None => (make(&tx, app, asked, (&router, wish), &form_id).await?, false),
    };
    let (handed, from_stock) = handed;
    let new = store::NewSale {
        form_id: &form_id,
        router: router.id,
        package: wish.package,
        admin: asked.admin,
        now,
        from_stock,
        phone: wish.phone.as_ref().map_or("", Phone::as_str),
    };
    let id = store::insert(&*tx, &new, &handed).await?;
    store::set_place(&*tx, asked.admin, router.id).await?;
    vouchers::book_sale(&tx, now, asked.actor, handed.id).await?;
    let detail = serde_json::json!({
        "sale_id": id, "router_id": router.id, "package_id": wish.package, "price": handed.price,
        "from_stock": from_stock,
    });
    let object = format!("voucher/{}", handed.id);
    let deed = Deed { action: "voucher.sell", object, site: Some(handed.site), detail };
    audit::record(&*tx, now, asked.actor, deed).await?;
    let event = BusinessEvent::VoucherSold { voucher_id: handed.id, batch_id: handed.batch, router_id: router.id };
    events::record(&*tx, now, Some(handed.site), &event).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok(Sold { id, again: false })
}

async fn from_stock(
    tx: &Tx,
    router: &Router,
    (package, admin): (PackageId, AdminId),
    now: DateTime<Utc>,
) -> Result<Option<Handed>, DbErr> {
    if !store::sells_stock(&**tx, router.id).await? {
        return Ok(None);
    }
    let reserved = store::reserved(&**tx, router.id).await?;
    vouchers::sell_stock(tx, &reserved, package, admin, now).await
}

async fn make(
    tx: &Tx,
    app: &App,
    asked: &Asked<'_>,
    (router, wish): (&Router, &Wish),
    form_id: &str,
) -> Result<Handed, SellError> {
    if router.presence != Presence::Online && !wish.knows_offline {
        return Err(SellError::Offline);
    }
    let one = BatchForm::one(router.id, wish.package);
    let by = vouchers::Asked { scope: asked.scope, actor: asked.actor, form_id };
    let batch = vouchers::add_in(tx, app, &by, &one, Origin::Sale).await?;
    let handed = vouchers::sell_made(tx, batch, asked.admin, app.clock.now()).await?;
    handed.ok_or_else(|| SellError::Db(DbErr::RecordNotFound(format!("the voucher of batch {batch}"))))
}

/// Takes a sale back: the voucher becomes void and leaves the router.
///
/// # Errors
/// [`CancelError`].
pub async fn cancel(app: &App, asked: &Asked<'_>, id: SaleId, reason: &str) -> Result<(), CancelError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let row = store::find(&*tx, asked.scope, id).await?.ok_or(CancelError::NotFound)?;
    let voucher = vouchers::status_of(&*tx, row.voucher_id).await?.ok_or(CancelError::NotFound)?;
    let is_cancelled = row.cancelled_at.is_some();
    let undo = rules::Undo { seller: row.admin_id, sold_at: row.sold_at, is_cancelled, status: voucher };
    rules::may_cancel(undo, asked.admin, now).map_err(CancelError::Stays)?;
    if !vouchers::take_back(&tx, app, asked.actor, (row.router_id, row.voucher_id), reason).await? {
        return Err(CancelError::Stays(Stays::Used));
    }
    if !store::cancel(&*tx, id, now, reason).await? {
        return Err(CancelError::Stays(Stays::Cancelled));
    }
    let object = format!("voucher/{}", row.voucher_id);
    let detail = serde_json::json!({ "sale_id": id, "price": row.price, "reason": reason });
    let deed = Deed { action: "voucher.sale_cancel", object, site: Some(row.site_id), detail };
    audit::record(&*tx, now, asked.actor, deed).await?;
    let event = BusinessEvent::SaleCancelled { voucher_id: row.voucher_id, router_id: row.router_id };
    events::record(&*tx, now, Some(row.site_id), &event).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok(())
}

/// One sale the caller may see.
///
/// # Errors
/// The database's.
pub async fn find(app: &App, scope: &Scope, id: SaleId) -> Result<Option<Sale>, DbErr> {
    let Some(row) = store::find(app.db.read(), scope, id).await? else { return Ok(None) };
    Ok(with_vouchers(app, scope, vec![row]).await?.pop())
}

/// Sales the caller may see, newest first: of one seller or of all, since then or ever.
///
/// # Errors
/// The database's.
pub async fn list(
    app: &App,
    scope: &Scope,
    narrowed: (Option<AdminId>, Option<DateTime<Utc>>),
    page: &PageOf,
) -> Result<Paged<Sale>, DbErr> {
    let rows = store::list(app.db.read(), scope, narrowed, page).await?;
    Ok(Paged { items: with_vouchers(app, scope, rows.items).await?, next_cursor: rows.next_cursor })
}

async fn with_vouchers(app: &App, scope: &Scope, rows: Vec<Row>) -> Result<Vec<Sale>, DbErr> {
    let ids: Vec<VoucherId> = rows.iter().map(|row| row.voucher_id).collect();
    let found = vouchers::by_ids(app, scope, &ids).await?;
    let mut vouchers: HashMap<VoucherId, Voucher> = found.into_iter().map(|each| (each.id, each)).collect();
    let sale = |row: Row| {
        Some(Sale {
            id: row.id,
            sold_at: row.sold_at,
            admin_id: row.admin_id,
            from_stock: row.from_stock,
            price: row.price,
            cost: Some(row.cost),
            phone: row.phone,
            cancelled_at: row.cancelled_at,
            cancel_reason: row.cancel_reason,
            voucher: vouchers.remove(&row.voucher_id)?,
        })
    };
    Ok(rows.into_iter().filter_map(sale).collect())
}

/// What an admin sold since then.
///
/// # Errors
/// The database's.
pub async fn totals(app: &App, scope: &Scope, admin: AdminId, since: DateTime<Utc>) -> Result<Vec<Totals>, DbErr> {
    store::totals(app.db.read(), scope, admin, since).await
}

/// The voucher packages sold on a router, those sold most in front, with what the counter has of each in stock. Sales of
/// today do not move them: a button stays where a thumb found it.
///
/// # Errors
/// The database's.
pub async fn offers(app: &App, scope: &Scope, router: RouterId) -> Result<Vec<(Package, Option<i64>)>, DbErr> {
    let (db, now) = (app.db.read(), app.clock.now());
    let filter =
        packages::Filter { sold_as: Some(SoldAs::Voucher), router: Some(router), ..packages::Filter::default() };
    let page = PageOf::new(Some(MAX_LIMIT), None).unwrap_or_default();
    let at = packages::At::on(router, now);
    let mut packages = packages::list(db, scope, &filter, &page, at).await?.items;
    let today = rules::midnight(now, zone_of(app, scope, router).await?);
    let sold = store::times_sold(db, router, (today - Duration::days(POPULAR_DAYS), today)).await?;
    rules::arrange(&mut packages, &sold);
    if !store::sells_stock(db, router).await? {
        return Ok(packages.into_iter().map(|package| (package, None)).collect());
    }
    let reserved = store::reserved(db, router).await?;
    let stock: HashMap<PackageId, i64> = vouchers::stock(db, &reserved, now).await?.into_iter().collect();
    let with = |package: Package| {
        let left = stock.get(&package.id).copied().unwrap_or(0);
        (package, Some(left))
    };
    Ok(packages.into_iter().map(with).collect())
}

/// The zone of a router's site.
async fn zone_of(app: &App, scope: &Scope, router: RouterId) -> Result<Tz, DbErr> {
    let db = app.db.read();
    let Some(router) = routers::find(db, scope, router).await? else { return Ok(Tz::UTC) };
    Ok(sites::find(db, scope, router.site_id).await?.map_or(Tz::UTC, |site| site.zone()))
}

/// The router at which an admin sold last.
///
/// # Errors
/// The database's.
pub async fn place(app: &App, admin: AdminId) -> Result<Option<RouterId>, DbErr> {
    store::place(app.db.read(), admin).await
}

/// Remembers the router of an admin.
///
/// # Errors
/// The database's.
pub async fn set_place(app: &App, admin: AdminId, router: RouterId) -> Result<(), DbErr> {
    let tx = app.db.begin().await?;
    store::set_place(&*tx, admin, router).await?;
    tx.commit().await
}

/// How a router's counter sells.
///
/// # Errors
/// The database's.
pub async fn set_up_of(app: &App, router: RouterId) -> Result<SetUp, DbErr> {
    let from_stock = store::sells_stock(app.db.read(), router).await?;
    Ok(SetUp { from_stock, batches: store::reserved(app.db.read(), router).await? })
}

/// Changes how a router's counter sells. Batches must be of the router and have something left.
///
/// # Errors
/// [`SellError::Refused`], the database's.
pub async fn set_up(app: &App, asked: &Asked<'_>, router: RouterId, set_up: &SetUp) -> Result<(), SellError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let found = routers::find(&*tx, asked.scope, router).await?;
    let found = found.ok_or_else(|| SellError::field("router_id", "no_such_router"))?;
    let limit = u64::try_from(MAX_RESERVED).unwrap_or(u64::MAX);
    let mut known: HashSet<BatchId> =
        vouchers::unsold(&*tx, router, limit).await?.into_iter().map(|each| each.0).collect();
    known.extend(store::reserved(&*tx, router).await?);
    let mut batches = set_up.batches.clone();
    batches.sort_unstable();
    batches.dedup();
    if batches.len() > MAX_RESERVED || batches.iter().any(|batch| !known.contains(batch)) {
        return Err(SellError::field("batch_ids", "not_offered"));
    }
    store::set_up(&*tx, router, set_up.from_stock, &batches).await?;
    let detail = serde_json::json!({ "from_stock": set_up.from_stock, "batch_ids": batches });
    let object = format!("router/{router}");
    let deed = Deed { action: "counter.set_up", object, site: Some(found.site_id), detail };
    audit::record(&*tx, now, asked.actor, deed).await?;
    tx.commit().await?;
    Ok(())
}
