//! Queries of dated prices.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, PaginatorTrait as _, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Alias, Expr, ExprTrait as _, Order, OverStatement as _, Query, WindowStatement},
};

use super::{MAX_PRICES, Price, PriceState, Standing, rules};
use crate::{
    audit::Actor,
    db::entity::{
        package_price::{ActiveModel, Column, Entity, Model},
        router,
    },
    http::access::Scope,
    ids::{PackageId, PriceId, RouterId},
    money::{Currency, Money},
    packages::At,
};

pub(super) async fn insert(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    (package, from): (PackageId, DateTime<Utc>),
    standing: Standing,
) -> Result<PriceId, DbErr> {
    let row = ActiveModel {
        package_id: Set(package.0),
        router_id: Set(standing.router.map(|router| router.0)),
        valid_from: Set(from),
        currency: Set(standing.price.currency().code().to_owned()),
        price: Set(standing.price.minor()),
        cost: Set(standing.cost.minor()),
        created_by: Set(actor.admin.map(|admin| admin.0)),
        created_by_name: Set(actor.name.clone()),
        created_at: Set(now),
        ..Default::default()
    };
    Ok(PriceId(Entity::insert(row).exec(tx).await?.last_insert_id))
}

pub(super) async fn delete(tx: &impl ConnectionTrait, id: PriceId) -> Result<(), DbErr> {
    Entity::delete_by_id(id.0).exec(tx).await.map(|_| ())
}

pub(super) async fn count(db: &impl ConnectionTrait, package: PackageId) -> Result<u64, DbErr> {
    Entity::find().filter(Column::PackageId.eq(package.0)).count(db).await
}

/// The price of a place that begins at an instant, if one does.
pub(super) async fn beginning(
    tx: &impl ConnectionTrait,
    package: PackageId,
    (router, from): (Option<RouterId>, DateTime<Utc>),
) -> Result<Option<Money>, DbErr> {
    let place = match router {
        None => Column::RouterId.is_null(),
        Some(router) => Column::RouterId.eq(router.0),
    };
    let query = Entity::find().filter(Column::PackageId.eq(package.0)).filter(place).filter(Column::ValidFrom.eq(from));
    let row = query.one(tx).await?;
    Ok(row.map(|row| Money::new(row.price, Currency::parse(&row.currency).unwrap_or(Currency::IDR))))
}

pub(super) async fn history(
    db: &impl ConnectionTrait,
    scope: &Scope,
    package: PackageId,
    now: DateTime<Utc>,
) -> Result<Vec<Price>, DbErr> {
    let mut query = Entity::find()
        .filter(Column::PackageId.eq(package.0))
        .order_by_desc(Column::ValidFrom)
        .order_by_desc(Column::Id)
        .limit(MAX_PRICES);
    if let Scope::Sites(sites) = scope {
        let ours = Query::select()
            .column(router::Column::Id)
            .from(router::Entity)
            .and_where(router::Column::SiteId.is_in(sites.iter().map(|site| site.0)))
            .to_owned();
        let seen = Condition::any().add(Column::RouterId.is_null()).add(Column::RouterId.in_subquery(ours));
        query = query.filter(seen);
    }
    let rows = query.all(db).await?;
    let places: Vec<_> = rows.iter().map(|row| (row.router_id.map(RouterId), row.valid_from)).collect();
    let states = rules::states(&places, now);
    Ok(rows.into_iter().zip(states).map(|(row, state)| price_of(row, state)).collect())
}

fn price_of(row: Model, state: PriceState) -> Price {
    let currency = Currency::parse(&row.currency).unwrap_or(Currency::IDR);
    Price {
        id: PriceId(row.id),
        router_id: row.router_id.map(RouterId),
        valid_from: row.valid_from,
        state,
        price: Money::new(row.price, currency),
        cost: Some(Money::new(row.cost, currency)),
        created_by: row.created_by_name,
        created_at: row.created_at,
    }
}

#[derive(Debug, FromQueryResult)]
struct Newest {
    package_id: i64,
    router_id: Option<i64>,
    currency: String,
    price: i64,
    cost: i64,
}

/// The newest price of each package that has begun: of everywhere, and of the router when one is asked for.
pub(super) async fn newest(
    db: &impl ConnectionTrait,
    packages: &[i64],
    at: At,
) -> Result<HashMap<i64, Vec<Standing>>, DbErr> {
    if packages.is_empty() {
        return Ok(HashMap::new());
    }
    let mut place = Condition::any().add(Column::RouterId.is_null());
    if let Some(router) = at.router {
        place = place.add(Column::RouterId.eq(router.0));
    }
    let mut window = WindowStatement::new();
    window
        .add_partition_by(Expr::col(Column::PackageId))
        .add_partition_by(Expr::col(Column::RouterId))
        .order_by(Column::ValidFrom, Order::Desc)
        .order_by(Column::Id, Order::Desc);
    // SeaORM has no words for "the newest of each".
    let ranked = Query::select()
        .columns([Column::PackageId, Column::RouterId, Column::Currency, Column::Price, Column::Cost])
        .expr_window_as(Expr::cust("ROW_NUMBER()"), window, Alias::new("place"))
        .from(Entity)
        .and_where(Column::PackageId.is_in(packages.iter().copied()))
        .and_where(Column::ValidFrom.lte(at.now))
        .cond_where(place)
        .to_owned();
    let first = Query::select()
        .columns([Column::PackageId, Column::RouterId, Column::Currency, Column::Price, Column::Cost])
        .from_subquery(ranked, Alias::new("ranked"))
        .and_where(Expr::col(Alias::new("place")).eq(1))
        .to_owned();
    let rows = Newest::find_by_statement(db.get_database_backend().build(&first)).all(db).await?;
    let mut newest: HashMap<i64, Vec<Standing>> = HashMap::new();
    for row in rows {
        let currency = Currency::parse(&row.currency).unwrap_or(Currency::IDR);
        newest.entry(row.package_id).or_default().push(Standing {
            router: row.router_id.map(RouterId),
            price: Money::new(row.price, currency),
            cost: Money::new(row.cost, currency),
        });
    }
    Ok(newest)
}
