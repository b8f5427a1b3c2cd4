//! Queries of vouchers that go over the counter.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QueryOrder, QuerySelect,
    Select, sea_query::Expr,
};

use super::{
    super::{Origin, Status, Voucher, sale::Handed},
    life, vouchers,
};
use crate::{
    db::entity::{
        voucher::{Column, Entity},
        voucher_batch,
    },
    http::access::Scope,
    ids::{AdminId, BatchId, PackageId, RouterId, SiteId, VoucherId},
    money::{Currency, Money},
    sealed::Keys,
};

/// Why a voucher that was taken back is over.
const VOIDED: &str = "voided";

type HandedRow = (i64, i64, i64, String, i64, i64);

fn handed(query: Select<Entity>) -> Select<Entity> {
    query.select_only().columns([
        Column::Id,
        Column::BatchId,
        Column::SiteId,
        Column::Currency,
        Column::Price,
        Column::Cost,
    ])
}

fn handed_of((id, batch, site, currency, price, cost): HandedRow) -> Handed {
    let currency = Currency::parse(&currency).unwrap_or(Currency::IDR);
    Handed {
        id: VoucherId(id),
        batch: BatchId(batch),
        site: SiteId(site),
        price: Money::new(price, currency),
        cost: Money::new(cost, currency),
    }
}

/// Ready, sold to nobody, and to be activated still.
fn for_sale(now: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(Column::Status.eq(Status::Ready.as_str()))
        .add(Column::SoldAt.is_null())
        .add(Column::SellerId.is_null())
        .add(Column::ActivateBefore.is_null().or(Column::ActivateBefore.gt(now)))
}

pub(in super::super) async fn first_of_batch(
    tx: &impl ConnectionTrait,
    batch: BatchId,
) -> Result<Option<Handed>, DbErr> {
    let query = Entity::find().filter(Column::BatchId.eq(batch.0)).order_by_asc(Column::Id);
    let row: Option<HandedRow> = handed(query).into_tuple().one(tx).await?;
    Ok(row.map(handed_of))
}

pub(in super::super) async fn oldest_ready(
    tx: &impl ConnectionTrait,
    batches: &[BatchId],
    package: PackageId,
    (now, limit): (DateTime<Utc>, u64),
) -> Result<Vec<Handed>, DbErr> {
    let query = Entity::find()
        .filter(Column::BatchId.is_in(batches.iter().map(|batch| batch.0)))
        .filter(Column::PackageId.eq(package.0))
        .filter(for_sale(now))
        .order_by_asc(Column::Id)
        .limit(limit);
    let rows: Vec<HandedRow> = handed(query).into_tuple().all(tx).await?;
    Ok(rows.into_iter().map(handed_of).collect())
}

/// Marks one as sold, if nobody was faster.
pub(in super::super) async fn mark_sold(
    tx: &impl ConnectionTrait,
    id: VoucherId,
    by: AdminId,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let done = Entity::update_many()
        .col_expr(Column::SoldAt, Expr::value(now))
        .col_expr(Column::SoldBy, Expr::value(by.0))
        .filter(Column::Id.eq(id.0))
        .filter(Column::SoldAt.is_null())
        .filter(Column::Status.is_in([Status::Draft, Status::Ready].map(Status::as_str)))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Makes an unused one void; its batch and code, or nothing when it was used meanwhile.
pub(in super::super) async fn void_unused(
    tx: &impl ConnectionTrait,
    id: VoucherId,
    now: DateTime<Utc>,
) -> Result<Option<(BatchId, String)>, DbErr> {
    let before: Option<(i64, String, String, String)> = Entity::find_by_id(id.0)
        .select_only()
        .columns([Column::BatchId, Column::Code, Column::Status, Column::Failure])
        .into_tuple()
        .one(tx)
        .await?;
    let Some((batch, code, status, failure)) = before else { return Ok(None) };
    let done = Entity::update_many()
        .col_expr(Column::Status, Expr::value(Status::Void.as_str()))
        .col_expr(Column::EndedAt, Expr::value(now))
        .col_expr(Column::EndReason, Expr::value(VOIDED))
        .col_expr(Column::Failure, Expr::value(""))
        .filter(Column::Id.eq(id.0))
        .filter(Column::Status.eq(&status))
        .filter(Column::Status.is_in([Status::Draft, Status::Ready].map(Status::as_str)))
        .filter(Column::FirstLoginAt.is_null())
        .exec(tx)
        .await?;
    if done.rows_affected == 0 {
        return Ok(None);
    }
    // A batch counts what is no longer on its way.
    if status == Status::Draft.as_str() {
        life::count(tx, BatchId(batch), (1, if failure.is_empty() { 0 } else { -1 })).await?;
    }
    Ok(Some((BatchId(batch), code)))
}

pub(in super::super) async fn stock(
    db: &impl ConnectionTrait,
    batches: &[BatchId],
    now: DateTime<Utc>,
) -> Result<Vec<(PackageId, i64)>, DbErr> {
    let rows: Vec<(i64, i64)> = Entity::find()
        .select_only()
        .column(Column::PackageId)
        .column_as(Column::Id.count(), "n")
        .filter(Column::BatchId.is_in(batches.iter().map(|batch| batch.0)))
        .filter(for_sale(now))
        .group_by(Column::PackageId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(package, count)| (PackageId(package), count)).collect())
}

pub(in super::super) async fn unsold(
    db: &impl ConnectionTrait,
    router: RouterId,
    limit: u64,
) -> Result<Vec<(BatchId, i64)>, DbErr> {
    // What was made for a sale is sold already; only batches of several are stock.
    let renewed = Condition::all()
        .add(voucher_batch::Column::Origin.eq(Origin::Reissue.as_str()))
        .add(voucher_batch::Column::Count.gt(1));
    let made = [Origin::Batch, Origin::Import].map(Origin::as_str);
    let several = voucher_batch::Entity::find()
        .select_only()
        .column(voucher_batch::Column::Id)
        .filter(voucher_batch::Column::RouterId.eq(router.0))
        .filter(Condition::any().add(voucher_batch::Column::Origin.is_in(made)).add(renewed));
    let rows: Vec<(i64, i64)> = Entity::find()
        .select_only()
        .column(Column::BatchId)
        .column_as(Column::Id.count(), "n")
        .filter(Column::BatchId.in_subquery(sea_orm::QueryTrait::into_query(several)))
        .filter(Column::Status.eq(Status::Ready.as_str()))
        .filter(Column::SoldAt.is_null())
        .filter(Column::SellerId.is_null())
        .group_by(Column::BatchId)
        .order_by_desc(Column::BatchId)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(batch, count)| (BatchId(batch), count)).collect())
}

pub(in super::super) async fn by_ids(
    db: &impl ConnectionTrait,
    keys: &Keys,
    scope: &Scope,
    ids: &[VoucherId],
) -> Result<Vec<Voucher>, DbErr> {
    let mut query = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0)));
    if let Some(sites) = scope.site_ids() {
        query = query.filter(Column::SiteId.is_in(sites.iter().map(|site| site.0)));
    }
    vouchers::with_names(db, keys, query.all(db).await?).await
}

pub(in super::super) async fn status_of(db: &impl ConnectionTrait, id: VoucherId) -> Result<Option<Status>, DbErr> {
    let status: Option<String> =
        Entity::find_by_id(id.0).select_only().column(Column::Status).into_tuple().one(db).await?;
    Ok(status.map(|status| Status::parse(&status).unwrap_or(Status::Draft)))
}
