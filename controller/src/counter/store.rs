//! Queries of sales over the counter, and of how each counter sells.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Alias, Expr, OnConflict},
};

use super::{Row, Totals};
use crate::{
    db::{
        entity::{
            counter_place, counter_router, counter_stock,
            voucher_sale::{ActiveModel, Column, Entity, Model},
        },
        paging::{PageOf, Paged},
    },
    http::access::Scope,
    ids::{AdminId, BatchId, PackageId, RouterId, SaleId, SiteId, VoucherId},
    money::{Currency, Money},
    vouchers::Handed,
};

/// A sale to be kept.
#[derive(Debug)]
pub(super) struct NewSale<'a> {
    pub(super) form_id: &'a str,
    pub(super) router: RouterId,
    pub(super) package: PackageId,
    pub(super) admin: AdminId,
    pub(super) now: DateTime<Utc>,
    pub(super) from_stock: bool,
    pub(super) phone: &'a str,
}

fn row_of(row: Model) -> Row {
    let currency = Currency::parse(&row.currency).unwrap_or(Currency::IDR);
    Row {
        id: SaleId(row.id),
        voucher_id: VoucherId(row.voucher_id),
        router_id: RouterId(row.router_id),
        site_id: SiteId(row.site_id),
        admin_id: AdminId(row.admin_id),
        sold_at: row.sold_at,
        from_stock: row.from_stock,
        phone: row.phone,
        price: Money::new(row.price, currency),
        cost: Money::new(row.cost, currency),
        cancelled_at: row.cancelled_at,
        cancel_reason: row.cancel_reason,
    }
}

fn scoped(scope: &Scope) -> Select<Entity> {
    match scope {
        Scope::All => Entity::find(),
        Scope::Sites(sites) => Entity::find().filter(Column::SiteId.is_in(sites.iter().map(|site| site.0))),
    }
}

pub(super) async fn of_form(tx: &impl ConnectionTrait, form_id: &str) -> Result<Option<SaleId>, DbErr> {
    let id: Option<i64> =
        Entity::find().select_only().column(Column::Id).filter(Column::FormId.eq(form_id)).into_tuple().one(tx).await?;
    Ok(id.map(SaleId))
}

pub(super) async fn insert(tx: &impl ConnectionTrait, new: &NewSale<'_>, handed: &Handed) -> Result<SaleId, DbErr> {
    let row = ActiveModel {
        form_id: Set(new.form_id.to_owned()),
        voucher_id: Set(handed.id.0),
        site_id: Set(handed.site.0),
        router_id: Set(new.router.0),
        package_id: Set(new.package.0),
        admin_id: Set(new.admin.0),
        sold_at: Set(new.now),
        from_stock: Set(new.from_stock),
        phone: Set(new.phone.to_owned()),
        currency: Set(handed.price.currency().code().to_owned()),
        price: Set(handed.price.minor()),
        cost: Set(handed.cost.minor()),
        cancelled_at: Set(None),
        cancel_reason: Set(String::new()),
        ..Default::default()
    };
    Ok(SaleId(Entity::insert(row).exec(tx).await?.last_insert_id))
}

pub(super) async fn find(db: &impl ConnectionTrait, scope: &Scope, id: SaleId) -> Result<Option<Row>, DbErr> {
    Ok(scoped(scope).filter(Column::Id.eq(id.0)).one(db).await?.map(row_of))
}

/// Sales, newest first; of one admin, or of all.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    scope: &Scope,
    (admin, since): (Option<AdminId>, Option<DateTime<Utc>>),
    page: &PageOf,
) -> Result<Paged<Row>, DbErr> {
    let mut query = scoped(scope).order_by_desc(Column::Id).limit(page.limit() + 1);
    if let Some(admin) = admin {
        query = query.filter(Column::AdminId.eq(admin.0));
    }
    if let Some(since) = since {
        query = query.filter(Column::SoldAt.gte(since));
    }
    if let Ok(Some(after)) = page.after_id() {
        query = query.filter(Column::Id.lt(after));
    }
    let page = page.cut(query.all(db).await?, |row| row.id.to_string());
    Ok(page.map(row_of))
}

/// What an admin sold since then and nobody took back: one entry a currency.
pub(super) async fn totals(
    db: &impl ConnectionTrait,
    scope: &Scope,
    admin: AdminId,
    since: DateTime<Utc>,
) -> Result<Vec<Totals>, DbErr> {
    // PostgreSQL sums bigints to numerics.
    let sum = |column: Column| Expr::col(column).sum().cast_as(Alias::new("bigint"));
    let rows: Vec<(String, i64, i64, i64)> = scoped(scope)
        .select_only()
        .column(Column::Currency)
        .column_as(Column::Id.count(), "n")
        .column_as(sum(Column::Price), "revenue")
        .column_as(sum(Column::Cost), "cost")
        .filter(Column::AdminId.eq(admin.0))
        .filter(Column::SoldAt.gte(since))
        .filter(Column::CancelledAt.is_null())
        .group_by(Column::Currency)
        .into_tuple()
        .all(db)
        .await?;
    let totals = |(currency, count, revenue, cost): (String, i64, i64, i64)| {
        let currency = Currency::parse(&currency).unwrap_or(Currency::IDR);
        let (revenue, cost) = (Money::new(revenue, currency), Money::new(cost, currency));
        Totals { count, revenue, profit: revenue.minus(cost).ok() }
    };
    Ok(rows.into_iter().map(totals).collect())
}

/// Times each package was sold on a router, from the first instant and before the second.
pub(super) async fn times_sold(
    db: &impl ConnectionTrait,
    router: RouterId,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<HashMap<PackageId, i64>, DbErr> {
    let rows: Vec<(i64, i64)> = Entity::find()
        .select_only()
        .column(Column::PackageId)
        .column_as(Column::Id.count(), "n")
        .filter(Column::RouterId.eq(router.0))
        .filter(Column::SoldAt.gte(from))
        .filter(Column::SoldAt.lt(until))
        .filter(Column::CancelledAt.is_null())
        .group_by(Column::PackageId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(package, count)| (PackageId(package), count)).collect())
}

/// Marks a sale as taken back; false when it was already.
pub(super) async fn cancel(
    tx: &impl ConnectionTrait,
    id: SaleId,
    now: DateTime<Utc>,
    reason: &str,
) -> Result<bool, DbErr> {
    let done = Entity::update_many()
        .col_expr(Column::CancelledAt, Expr::value(now))
        .col_expr(Column::CancelReason, Expr::value(reason))
        .filter(Column::Id.eq(id.0))
        .filter(Column::CancelledAt.is_null())
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// The router at which an admin sold last.
pub(super) async fn place(db: &impl ConnectionTrait, admin: AdminId) -> Result<Option<RouterId>, DbErr> {
    Ok(counter_place::Entity::find_by_id(admin.0).one(db).await?.map(|row| RouterId(row.router_id)))
}

pub(super) async fn set_place(tx: &impl ConnectionTrait, admin: AdminId, router: RouterId) -> Result<(), DbErr> {
    let row = counter_place::ActiveModel { admin_id: Set(admin.0), router_id: Set(router.0) };
    let moved =
        OnConflict::column(counter_place::Column::AdminId).update_column(counter_place::Column::RouterId).to_owned();
    counter_place::Entity::insert(row).on_conflict(moved).exec_without_returning(tx).await?;
    Ok(())
}

/// Whether a router's counter sells from its stock first.
pub(super) async fn sells_stock(db: &impl ConnectionTrait, router: RouterId) -> Result<bool, DbErr> {
    Ok(counter_router::Entity::find_by_id(router.0).one(db).await?.is_some_and(|row| row.from_stock))
}

/// The batches reserved for a router's counter.
pub(super) async fn reserved(db: &impl ConnectionTrait, router: RouterId) -> Result<Vec<BatchId>, DbErr> {
    let rows = counter_stock::Entity::find().filter(counter_stock::Column::RouterId.eq(router.0)).all(db).await?;
    Ok(rows.into_iter().map(|row| BatchId(row.batch_id)).collect())
}

pub(super) async fn set_up(
    tx: &impl ConnectionTrait,
    router: RouterId,
    from_stock: bool,
    batches: &[BatchId],
) -> Result<(), DbErr> {
    let row = counter_router::ActiveModel { router_id: Set(router.0), from_stock: Set(from_stock) };
    let changed = OnConflict::column(counter_router::Column::RouterId)
        .update_column(counter_router::Column::FromStock)
        .to_owned();
    counter_router::Entity::insert(row).on_conflict(changed).exec_without_returning(tx).await?;
    counter_stock::Entity::delete_many().filter(counter_stock::Column::RouterId.eq(router.0)).exec(tx).await?;
    if !batches.is_empty() {
        let rows =
            batches.iter().map(|batch| counter_stock::ActiveModel { batch_id: Set(batch.0), router_id: Set(router.0) });
        counter_stock::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}
