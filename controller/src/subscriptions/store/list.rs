//! Lists of subscriptions: filters, search, counts by state.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait as _, ExprTrait as _, QueryFilter, QueryOrder, QuerySelect,
    Select, sea_query::Expr,
};

use super::{
    super::{Filter, State, Subscription, rules},
    rows::complete,
};
use crate::{
    customers,
    db::{
        entity::{
            subscription::{Column, Entity},
            subscription_event,
        },
        kept::Version,
    },
    http::access::Scope,
};

pub(in super::super) async fn list(
    db: &impl ConnectionTrait,
    scope: &Scope,
    filter: &Filter,
    (after, limit): (Option<i64>, u64),
) -> Result<Vec<Subscription>, DbErr> {
    let states: Vec<&str> = if filter.states.is_empty() {
        State::ALL.into_iter().filter(|state| *state != State::Ended).map(State::as_str).collect()
    } else {
        filter.states.iter().map(|state| state.as_str()).collect()
    };
    let query = narrowed(scope, filter).filter(Column::State.is_in(states));
    let Some(mut query) = searched(db, query, &filter.q).await? else { return Ok(Vec::new()) };
    if let Some(after) = after {
        query = query.filter(Column::Id.lt(after));
    }
    complete(db, query.order_by_desc(Column::Id).limit(limit).all(db).await?).await
}

pub(in super::super) async fn counts(
    db: &impl ConnectionTrait,
    scope: &Scope,
    filter: &Filter,
) -> Result<Vec<(State, i64)>, DbErr> {
    let Some(query) = searched(db, narrowed(scope, filter), &filter.q).await? else { return Ok(Vec::new()) };
    let rows: Vec<(String, i64)> = query
        .select_only()
        .column(Column::State)
        .column_as(Expr::col(Column::Id).count(), "found")
        .group_by(Column::State)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().filter_map(|(state, count)| Some((State::parse(&state)?, count))).collect())
}

/// Grows whenever a service comes or its state changes: its history is written with it.
pub(in super::super) async fn version(db: &impl ConnectionTrait) -> Result<Version, DbErr> {
    let services = Entity::find().select_only().column_as(Column::Id.max(), "last");
    let history = subscription_event::Entity::find()
        .select_only()
        .column_as(subscription_event::Column::Id.max(), "last")
        .into_tuple::<Option<i64>>();
    let services = services.into_tuple::<Option<i64>>().one(db).await?.flatten().unwrap_or(0);
    Ok((services, history.one(db).await?.flatten().unwrap_or(0), 0))
}

fn narrowed(scope: &Scope, filter: &Filter) -> Select<Entity> {
    let mut query = match scope.only(filter.site) {
        Scope::All => Entity::find(),
        Scope::Sites(sites) => Entity::find().filter(Column::SiteId.is_in(sites.iter().map(|site| site.0))),
    };
    if let Some(customer) = filter.customer {
        query = query.filter(Column::CustomerId.eq(customer.0));
    }
    if let Some(router) = filter.router {
        query = query.filter(Column::RouterId.eq(router.0));
    }
    if let Some(package) = filter.package {
        query = query.filter(Column::PackageId.eq(package.0));
    }
    if let Some(service) = filter.service {
        query = query.filter(Column::Service.eq(service.as_str()));
    }
    query
}

/// Narrowed to what a search asks for: a number or a username, else words of customers; nothing when none has them.
async fn searched(db: &impl ConnectionTrait, query: Select<Entity>, q: &str) -> Result<Option<Select<Entity>>, DbErr> {
    let q = q.trim();
    if q.is_empty() {
        return Ok(Some(query));
    }
    let own = Column::Username.eq(q);
    let own = match rules::as_number(q) {
        Some(number) => own.or(Column::Number.eq(number)),
        None => own,
    };
    let ids: Vec<i64> =
        query.clone().select_only().column(Column::Id).filter(own).limit(2).into_tuple().all(db).await?;
    if !ids.is_empty() {
        return Ok(Some(query.filter(Column::Id.is_in(ids))));
    }
    customers::found_by(db, q, query, Column::CustomerId).await
}
