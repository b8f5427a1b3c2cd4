//! The voucher_batch table.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, PaginatorTrait as _,
    QueryFilter, QueryOrder, QuerySelect, Select, sea_query::Expr,
};

use super::{
    super::{Batch, BatchFilter, Failure, MAX_FAILURES, Origin, Progress, Status, Stock, life, rules::Draft},
    names::{Names, Needed},
};
use crate::{
    db::{
        entity::{
            voucher,
            voucher_batch::{ActiveModel, Column, Entity, Model},
        },
        paging::{PageOf, Paged},
    },
    http::access::Scope,
    ids::{AdminId, BatchId, PackageId, RouterId, SellerId, SiteId, VoucherId},
    money::{Currency, Money},
};

/// What a new batch is beside its draft.
#[derive(Debug)]
pub(in super::super) struct NewBatch {
    pub(in super::super) number: String,
    pub(in super::super) origin: Origin,
    pub(in super::super) form_id: String,
    pub(in super::super) site: SiteId,
    pub(in super::super) router: RouterId,
    pub(in super::super) package: PackageId,
    pub(in super::super) profile: String,
    pub(in super::super) created_by: Option<AdminId>,
    pub(in super::super) now: DateTime<Utc>,
}

pub(in super::super) async fn insert_batch(
    tx: &impl ConnectionTrait,
    new: &NewBatch,
    draft: &Draft,
) -> Result<BatchId, DbErr> {
    let row = ActiveModel {
        number: Set(new.number.clone()),
        origin: Set(new.origin.as_str().to_owned()),
        site_id: Set(new.site.0),
        router_id: Set(new.router.0),
        package_id: Set(new.package.0),
        form_id: Set(new.form_id.clone()),
        profile: Set(new.profile.clone()),
        count: Set(i32::try_from(draft.count).unwrap_or(i32::MAX)),
        applied: Set(0),
        failed: Set(0),
        prefix: Set(draft.look.prefix.clone()),
        code_length: Set(i32::try_from(draft.look.length).unwrap_or(i32::MAX)),
        charset: Set(draft.look.charset.as_str().to_owned()),
        mode: Set(draft.mode.as_str().to_owned()),
        mac_lock: Set(draft.mac_lock),
        server: Set(draft.server.clone()),
        note: Set(draft.note.clone()),
        currency: Set(draft.price.currency().code().to_owned()),
        price: Set(draft.price.minor()),
        cost: Set(draft.cost.minor()),
        net_price: Set(draft.net_price.minor()),
        seller_id: Set(draft.seller.map(|seller| seller.0)),
        online_secs: Set(draft.online_secs),
        active_secs: Set(draft.active_secs),
        limit_bytes: Set(draft.limit_bytes),
        activate_before: Set(draft.activate_before),
        created_by: Set(new.created_by.map(|admin| admin.0)),
        created_at: Set(new.now),
        ..Default::default()
    };
    Ok(BatchId(Entity::insert(row).exec(tx).await?.last_insert_id))
}

/// The newest batch somebody made at a form, for his next one to begin with.
pub(in super::super) async fn last_batch(
    db: &impl ConnectionTrait,
    scope: &Scope,
    admin: AdminId,
) -> Result<Option<Batch>, DbErr> {
    let query = scoped(scope)
        .filter(Column::CreatedBy.eq(admin.0))
        .filter(Column::Origin.eq(Origin::Batch.as_str()))
        .order_by_desc(Column::Id);
    let Some(row) = query.one(db).await? else { return Ok(None) };
    Ok(with_names(db, vec![row]).await?.pop())
}

/// Batches whose number begins with a day's letters; none is ever deleted.
pub(in super::super) async fn batches_of_day(db: &impl ConnectionTrait, day: &str) -> Result<u64, DbErr> {
    Entity::find().filter(Column::Number.starts_with(day)).count(db).await
}

fn scoped(scope: &Scope) -> Select<Entity> {
    match scope {
        Scope::All => Entity::find(),
        Scope::Sites(sites) => Entity::find().filter(Column::SiteId.is_in(sites.iter().map(|site| site.0))),
    }
}

pub(in super::super) async fn batch(
    db: &impl ConnectionTrait,
    scope: &Scope,
    id: BatchId,
) -> Result<Option<Batch>, DbErr> {
    let Some(row) = scoped(scope).filter(Column::Id.eq(id.0)).one(db).await? else { return Ok(None) };
    Ok(with_names(db, vec![row]).await?.pop())
}

pub(in super::super) async fn batches_by_ids(
    db: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[BatchId],
) -> Result<Vec<Batch>, DbErr> {
    let rows = scoped(scope).filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(db).await?;
    with_names(db, rows).await
}

pub(in super::super) async fn batch_of_form(
    db: &impl ConnectionTrait,
    scope: &Scope,
    form_id: &str,
) -> Result<Option<Batch>, DbErr> {
    let Some(row) = scoped(scope).filter(Column::FormId.eq(form_id)).one(db).await? else { return Ok(None) };
    Ok(with_names(db, vec![row]).await?.pop())
}

pub(in super::super) async fn batches(
    db: &impl ConnectionTrait,
    scope: &Scope,
    filter: &BatchFilter,
    page: &PageOf,
) -> Result<Paged<Batch>, DbErr> {
    let mut query = scoped(scope).order_by_desc(Column::Id).limit(page.limit() + 1);
    if let Ok(Some(after)) = page.after_id() {
        query = query.filter(Column::Id.lt(after));
    }
    if let Some(router) = filter.router {
        query = query.filter(Column::RouterId.eq(router.0));
    }
    if filter.is_stock {
        // In words that `ix_voucher_batch_stock_only` is found by; those of `Origin`.
        query = query.filter(Expr::cust("origin IN ('batch', 'import')"));
    }
    if !filter.q.is_empty() {
        query = query.filter(Column::Number.contains(&filter.q).or(Column::Note.contains(&filter.q)));
    }
    let page = page.cut(query.all(db).await?, |row| row.id.to_string());
    Ok(Paged { items: with_names(db, page.items).await?, next_cursor: page.next_cursor })
}

async fn with_names(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<Vec<Batch>, DbErr> {
    let needed = Needed {
        routers: rows.iter().map(|row| row.router_id).collect(),
        sites: rows.iter().map(|row| row.site_id).collect(),
        packages: rows.iter().map(|row| row.package_id).collect(),
        sellers: rows.iter().filter_map(|row| row.seller_id).collect(),
        ..Needed::default()
    };
    let names = Names::load(db, needed).await?;
    Ok(rows.into_iter().map(|row| batch_of(row, &names)).collect())
}

fn batch_of(row: Model, names: &Names) -> Batch {
    let currency = Currency::parse(&row.currency).unwrap_or(Currency::IDR);
    Batch {
        id: BatchId(row.id),
        number: row.number,
        site_id: SiteId(row.site_id),
        router_id: RouterId(row.router_id),
        router: names.router(row.router_id),
        timezone: names.zone(row.site_id),
        package_id: PackageId(row.package_id),
        package: names.package(row.package_id),
        profile: row.profile,
        count: row.count,
        prefix: row.prefix,
        length: row.code_length,
        charset: row.charset,
        mode: row.mode,
        mac_lock: row.mac_lock,
        server: row.server,
        note: row.note,
        price: Money::new(row.price, currency),
        cost: Some(Money::new(row.cost, currency)),
        net_price: Money::new(row.net_price, currency),
        seller_id: row.seller_id.map(SellerId),
        seller: row.seller_id.map(|seller| names.seller(seller)).unwrap_or_default(),
        online_secs: row.online_secs,
        active_secs: row.active_secs,
        limit_bytes: row.limit_bytes,
        activate_before: row.activate_before,
        state: life::batch_state(row.count, row.applied, row.failed),
        progress: Progress { wanted: row.count, applied: row.applied, failed: row.failed },
        printed: row.printed,
        created_at: row.created_at,
    }
}

pub(in super::super) async fn failures(db: &impl ConnectionTrait, batch: BatchId) -> Result<Vec<Failure>, DbErr> {
    let rows: Vec<(i64, String, String)> = voucher::Entity::find()
        .select_only()
        .columns([voucher::Column::Id, voucher::Column::Code, voucher::Column::Failure])
        .filter(voucher::Column::BatchId.eq(batch.0))
        .filter(voucher::Column::Status.eq(Status::Draft.as_str()))
        .filter(voucher::Column::Failure.ne(""))
        .order_by_asc(voucher::Column::Id)
        .limit(MAX_FAILURES)
        .into_tuple()
        .all(db)
        .await?;
    let failure = |(id, code, reason)| Failure { voucher_id: VoucherId(id), code, reason, message: String::new() };
    Ok(rows.into_iter().map(failure).collect())
}

/// Answered by the index `ix_voucher_batch_stock` alone.
pub(in super::super) async fn stocks(
    db: &impl ConnectionTrait,
    batches: &[BatchId],
) -> Result<HashMap<BatchId, Stock>, DbErr> {
    let rows: Vec<(i64, String, i64, i64)> = stock_query(batches).into_tuple().all(db).await?;
    let mut stocks: HashMap<BatchId, Stock> = HashMap::new();
    for (batch, status, count, sold) in rows {
        let status = Status::parse(&status).unwrap_or(Status::Draft);
        stocks.entry(BatchId(batch)).or_default().add(status, count, sold);
    }
    Ok(stocks)
}

fn stock_query(batches: &[BatchId]) -> Select<voucher::Entity> {
    use voucher::Column as V;
    voucher::Entity::find()
        .select_only()
        .columns([V::BatchId, V::Status])
        .column_as(V::BatchId.count(), "n")
        .column_as(V::SoldAt.count(), "sold")
        .filter(V::BatchId.is_in(batches.iter().map(|batch| batch.0)))
        .group_by(V::BatchId)
        .group_by(V::Status)
}

#[cfg(test)]
mod tests {
    use sea_orm::{DbBackend, QueryTrait as _, Statement};

    use super::*;

    #[tokio::test]
    async fn what_is_left_of_batches_is_read_from_an_index_alone() {
        let app = crate::testing::TestApp::sqlite().await;
        let query = stock_query(&[BatchId(1), BatchId(2)]).build(DbBackend::Sqlite).to_string();
        let explain = Statement::from_string(DbBackend::Sqlite, format!("EXPLAIN QUERY PLAN {query}"));
        let rows = app.db.read().query_all_raw(explain).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.try_get("", "detail").unwrap()).collect();
        assert!(plan[0].contains("USING COVERING INDEX ix_voucher_batch_stock"), "{plan:?}");
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:?}");
    }
}
