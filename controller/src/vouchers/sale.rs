//! What selling over the counter does to vouchers: one is marked as sold, as it was made or from the stock; an unused one
//! is taken back. All within the caller's transaction. Who sold what at which till is `counter`'s.

use chrono::{DateTime, Utc};
use hiji_shared::{desired::Object, device::Kind};
use sea_orm::{ConnectionTrait, DbErr};

use super::{Voucher, books, store};
use crate::{
    app::App,
    audit::Actor,
    db::Tx,
    http::access::Scope,
    ids::{AdminId, BatchId, PackageId, RouterId, SiteId, VoucherId},
    money::Money,
    routers::{self, Want},
};

/// Candidates looked at before the stock counts as sold out: others may be faster.
const TRIES: u64 = 20;

/// A voucher as it is handed over.
#[derive(Debug, Clone)]
pub struct Handed {
    pub id: VoucherId,
    pub batch: BatchId,
    pub site: SiteId,
    pub price: Money,
    pub cost: Money,
}

/// Marks the one voucher of a fresh batch as sold. Nothing: the batch has none.
///
/// # Errors
/// The database's.
pub async fn sell_made(tx: &Tx, batch: BatchId, by: AdminId, now: DateTime<Utc>) -> Result<Option<Handed>, DbErr> {
    let Some(handed) = store::first_of_batch(&**tx, batch).await? else { return Ok(None) };
    Ok(store::mark_sold(&**tx, handed.id, by, now).await?.then_some(handed))
}

/// Sells the oldest ready one of some batches. Nothing: they have none left.
///
/// # Errors
/// The database's.
pub async fn sell_stock(
    tx: &Tx,
    batches: &[BatchId],
    package: PackageId,
    by: AdminId,
    now: DateTime<Utc>,
) -> Result<Option<Handed>, DbErr> {
    if batches.is_empty() {
        return Ok(None);
    }
    for handed in store::oldest_ready(&**tx, batches, package, (now, TRIES)).await? {
        if store::mark_sold(&**tx, handed.id, by, now).await? {
            return Ok(Some(handed));
        }
    }
    Ok(None)
}

/// Books a voucher as sold, once it is marked so: income and cost as the operator's setting says.
///
/// # Errors
/// The database's.
pub async fn book_sale(tx: &Tx, now: DateTime<Utc>, actor: &Actor, id: VoucherId) -> Result<(), DbErr> {
    books::sold(tx, now, actor, id).await
}

/// Takes a sold voucher back that nobody has used: it is void and leaves the router, its sale is booked back, and its
/// history says who did that and why. False: it was used, or is void. After the commit `app.wakes` is to be woken.
///
/// # Errors
/// The database's.
pub async fn take_back(
    tx: &Tx,
    app: &App,
    actor: &Actor,
    (router, id): (RouterId, VoucherId),
    reason: &str,
) -> Result<bool, DbErr> {
    let now = app.clock.now();
    let Some((batch, code)) = store::void_unused(&**tx, id, now).await? else { return Ok(false) };
    let cause = store::Cause { what: "void", actor: &actor.name, reason };
    let detail = serde_json::json!({ "reason": reason });
    store::note(&**tx, now, cause, vec![store::Note { voucher: id, batch, detail }]).await?;
    let gone = Want { object: Object::Gone { kind: Kind::HotspotUser, name: code } };
    routers::want(tx, app, router, actor, vec![gone]).await?;
    books::taken_back(tx, now, actor, &[id], reason).await?;
    Ok(true)
}

/// Ready vouchers of some batches that nobody bought, by package.
///
/// # Errors
/// The database's.
pub async fn stock(
    db: &impl ConnectionTrait,
    batches: &[BatchId],
    now: DateTime<Utc>,
) -> Result<Vec<(PackageId, i64)>, DbErr> {
    if batches.is_empty() { Ok(Vec::new()) } else { store::stock(db, batches, now).await }
}

/// Newest batches of a router that have ready vouchers nobody bought, with their number.
///
/// # Errors
/// The database's.
pub async fn unsold(db: &impl ConnectionTrait, router: RouterId, limit: u64) -> Result<Vec<(BatchId, i64)>, DbErr> {
    store::unsold(db, router, limit).await
}

/// Vouchers by their ids, of those the caller may see; in no order.
///
/// # Errors
/// The database's.
pub async fn by_ids(app: &App, scope: &Scope, ids: &[VoucherId]) -> Result<Vec<Voucher>, DbErr> {
    if ids.is_empty() { Ok(Vec::new()) } else { store::by_ids(app.db.read(), &app.keys, scope, ids).await }
}
