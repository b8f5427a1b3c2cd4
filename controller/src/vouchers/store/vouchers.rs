//! The voucher table: new rows, lists, figures.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Alias, Expr},
};

use super::{
    super::{Figures, PASSWORD_PLACE, Status, Voucher, rules::Draft, search::VoucherLine, wanted::Login},
    CHUNK, IN, LineRow, NewBatch,
    names::{Names, Needed},
};
use crate::{
    db::entity::voucher::{ActiveModel, Column, Entity, Model},
    http::access::Scope,
    ids::{BatchId, PackageId, RouterId, SellerId, SiteId, VoucherId},
    money::{Currency, Money},
    sealed::Keys,
};

pub(in super::super) async fn insert_vouchers(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    batch: BatchId,
    new: &NewBatch,
    (draft, logins): (&Draft, &[Login]),
) -> Result<(), DbErr> {
    let mut number = 0;
    for chunk in logins.chunks(CHUNK) {
        let rows = chunk.iter().map(|login| {
            number += 1;
            ActiveModel {
                batch_id: Set(batch.0),
                site_id: Set(new.site.0),
                router_id: Set(new.router.0),
                package_id: Set(new.package.0),
                number: Set(number),
                code: Set(login.code.clone()),
                password: Set(login.password.as_ref().map(|text| keys.seal(PASSWORD_PLACE, text.as_bytes()))),
                status: Set(Status::Draft.as_str().to_owned()),
                currency: Set(draft.price.currency().code().to_owned()),
                price: Set(draft.price.minor()),
                cost: Set(draft.cost.minor()),
                net_price: Set(draft.net_price.minor()),
                seller_id: Set(draft.seller.map(|seller| seller.0)),
                limit_bytes: Set(draft.limit_bytes),
                online_secs: Set(draft.online_secs),
                active_secs: Set(draft.active_secs),
                activate_before: Set(draft.activate_before),
                first_login_at: Set(None),
                valid_until: Set(None),
                ended_at: Set(None),
                end_reason: Set(String::new()),
                mac: Set(String::new()),
                address: Set(String::new()),
                uptime_secs: Set(0),
                bytes_in: Set(0),
                bytes_out: Set(0),
                failure: Set(String::new()),
                estimated: Set(false),
                created_at: Set(new.now),
                ..Default::default()
            }
        });
        Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Notes of vouchers of a batch, by code.
pub(in super::super) async fn set_notes(
    tx: &impl ConnectionTrait,
    batch: BatchId,
    notes: &[(String, String)],
) -> Result<(), DbErr> {
    for (code, note) in notes {
        Entity::update_many()
            .col_expr(Column::Note, Expr::value(note.as_str()))
            .filter(Column::BatchId.eq(batch.0))
            .filter(Column::Code.eq(code))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Which of these codes the site has already.
pub(in super::super) async fn taken_codes(
    db: &impl ConnectionTrait,
    site: SiteId,
    codes: &[String],
) -> Result<Vec<String>, DbErr> {
    let mut taken = Vec::new();
    for chunk in codes.chunks(IN) {
        let rows: Vec<String> = Entity::find()
            .select_only()
            .column(Column::Code)
            .filter(Column::SiteId.eq(site.0))
            .filter(Column::Code.is_in(chunk))
            .into_tuple()
            .all(db)
            .await?;
        taken.extend(rows);
    }
    Ok(taken)
}

fn scoped(scope: &Scope) -> Select<Entity> {
    match scope {
        Scope::All => Entity::find(),
        Scope::Sites(sites) => Entity::find().filter(Column::SiteId.is_in(sites.iter().map(|site| site.0))),
    }
}

pub(in super::super) async fn find(
    db: &impl ConnectionTrait,
    keys: &Keys,
    scope: &Scope,
    id: VoucherId,
) -> Result<Option<Voucher>, DbErr> {
    let Some(row) = scoped(scope).filter(Column::Id.eq(id.0)).one(db).await? else { return Ok(None) };
    Ok(with_names(db, keys, vec![row]).await?.pop())
}

/// Vouchers of some sites by their first login, latest first. Site by site, as the index has them.
pub(in super::super) async fn last_activated(
    db: &impl ConnectionTrait,
    keys: &Keys,
    sites: &[SiteId],
    limit: u64,
) -> Result<Vec<Voucher>, DbErr> {
    let mut rows = Vec::new();
    for site in sites {
        let query = Entity::find()
            .filter(Column::SiteId.eq(site.0))
            .filter(Column::FirstLoginAt.is_not_null())
            .order_by_desc(Column::FirstLoginAt)
            .limit(limit);
        rows.extend(query.all(db).await?);
    }
    rows.sort_by_key(|row| std::cmp::Reverse((row.first_login_at, row.id)));
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    with_names(db, keys, rows).await
}

pub(in super::super) async fn with_names(
    db: &impl ConnectionTrait,
    keys: &Keys,
    rows: Vec<Model>,
) -> Result<Vec<Voucher>, DbErr> {
    let needed = Needed {
        routers: rows.iter().map(|row| row.router_id).collect(),
        sites: rows.iter().map(|row| row.site_id).collect(),
        packages: rows.iter().map(|row| row.package_id).collect(),
        batches: rows.iter().map(|row| row.batch_id).collect(),
        sellers: rows.iter().filter_map(|row| row.seller_id).collect(),
    };
    let names = Names::load(db, needed).await?;
    rows.into_iter().map(|row| voucher_of(row, keys, &names)).collect()
}

/// Lines with the names they show.
pub(in super::super) async fn lines_with_names(
    db: &impl ConnectionTrait,
    keys: &Keys,
    rows: Vec<LineRow>,
) -> Result<Vec<VoucherLine>, DbErr> {
    let needed = Needed {
        routers: rows.iter().map(|row| row.router_id).collect(),
        sites: rows.iter().map(|row| row.site_id).collect(),
        packages: rows.iter().map(|row| row.package_id).collect(),
        sellers: rows.iter().filter_map(|row| row.seller_id).collect(),
        ..Needed::default()
    };
    let names = Names::load(db, needed).await?;
    let line = |row: LineRow| {
        Ok(VoucherLine {
            password: row.password.as_deref().map(|sealed| opened(keys, row.id, sealed)).transpose()?,
            id: VoucherId(row.id),
            code: row.code,
            status: Status::parse(&row.status).unwrap_or(Status::Draft),
            failure: row.failure,
            router_id: RouterId(row.router_id),
            router: names.router(row.router_id),
            timezone: names.zone(row.site_id),
            package: names.package(row.package_id),
            seller: row.seller_id.map(|seller| names.seller(seller)),
            mac: row.mac,
            valid_until: row.valid_until,
            ended_at: row.ended_at,
            sold_at: row.sold_at,
        })
    };
    rows.into_iter().map(line).collect()
}

fn voucher_of(row: Model, keys: &Keys, names: &Names) -> Result<Voucher, DbErr> {
    let currency = Currency::parse(&row.currency).unwrap_or(Currency::IDR);
    let password = row.password.as_deref().map(|sealed| opened(keys, row.id, sealed)).transpose()?;
    Ok(Voucher {
        id: VoucherId(row.id),
        code: row.code,
        note: row.note,
        password,
        status: Status::parse(&row.status).unwrap_or(Status::Draft),
        batch_id: BatchId(row.batch_id),
        batch: names.batch(row.batch_id),
        number: row.number,
        site_id: SiteId(row.site_id),
        router_id: RouterId(row.router_id),
        router: names.router(row.router_id),
        timezone: names.zone(row.site_id),
        package_id: PackageId(row.package_id),
        package: names.package(row.package_id),
        price: Money::new(row.price, currency),
        cost: Some(Money::new(row.cost, currency)),
        sold_at: row.sold_at,
        online_secs: row.online_secs,
        active_secs: row.active_secs,
        limit_bytes: row.limit_bytes,
        activate_before: row.activate_before,
        blocked_at: row.blocked_at,
        block_reason: row.block_reason,
        replaces_id: row.replaces_id.map(VoucherId),
        replaced_by_id: row.replaced_by_id.map(VoucherId),
        removed_at: row.removed_at,
        net_price: Money::new(row.net_price, currency),
        seller_id: row.seller_id.map(SellerId),
        seller: row.seller_id.map(|seller| names.seller(seller)).unwrap_or_default(),
        first_login_at: row.first_login_at,
        valid_until: row.valid_until,
        ended_at: row.ended_at,
        end_reason: row.end_reason,
        mac: row.mac,
        address: row.address,
        uptime_secs: row.uptime_secs,
        bytes_in: row.bytes_in,
        bytes_out: row.bytes_out,
        failure: row.failure,
        estimated: row.estimated,
        created_at: row.created_at,
    })
}

/// The password of a voucher.
pub(in super::super) fn opened(keys: &Keys, id: i64, sealed: &[u8]) -> Result<String, DbErr> {
    let damaged = |error: &dyn std::fmt::Display| DbErr::Custom(format!("password of voucher {id}: {error}"));
    let bytes = keys.open(PASSWORD_PLACE, sealed).map_err(|error| damaged(&error))?;
    String::from_utf8(bytes).map_err(|error| damaged(&error))
}

pub(in super::super) async fn activated_between(
    db: &impl ConnectionTrait,
    scope: &Scope,
    site: Option<SiteId>,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<Figures>, DbErr> {
    let mut query = scoped(scope).filter(Column::FirstLoginAt.gte(from)).filter(Column::FirstLoginAt.lt(to));
    if let Some(site) = site {
        query = query.filter(Column::SiteId.eq(site.0));
    }
    // PostgreSQL sums bigints to numerics.
    let sum = |column: Column| Expr::col(column).sum().cast_as(Alias::new("bigint"));
    let rows: Vec<(String, i64, i64, i64)> = query
        .select_only()
        .column(Column::Currency)
        .column_as(Column::Id.count(), "n")
        .column_as(sum(Column::NetPrice), "revenue")
        .column_as(sum(Column::Cost), "cost")
        .group_by(Column::Currency)
        .into_tuple()
        .all(db)
        .await?;
    let figures = |(currency, count, revenue, cost): (String, i64, i64, i64)| {
        let currency = Currency::parse(&currency).unwrap_or(Currency::IDR);
        Figures { count, revenue: Money::new(revenue, currency), cost: Money::new(cost, currency) }
    };
    Ok(rows.into_iter().map(figures).collect())
}
