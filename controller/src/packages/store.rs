//! Queries of packages and of where they are sold.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use hiji_shared::device::Service;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait as _, Select,
    sea_query::{Expr, SelectStatement},
};

use super::{
    Cycle, Draft, Filter, FirstPeriod, OnExpiry, Package, PackageError, Place, SellBy, SoldAs, Terms, Validity, rules,
};
use crate::{
    db::{
        self,
        entity::{
            package::{ActiveModel, Column, Entity, Model},
            package_router, router,
        },
        paging::{PageOf, Paged},
    },
    http::{access::Scope, form::FieldError},
    ids::{PackageId, RouterId},
    money::{Currency, Money},
};

/// Rows of one INSERT.
const CHUNK: usize = 200;

/// The columns of a draft that may change. The price does not: another one is a row of its own.
fn fields(draft: &Draft) -> ActiveModel {
    let (validity, terms) = (draft.validity, &draft.terms);
    let (after, at) = match validity.activate_before {
        None => (None, None),
        Some(SellBy::After(secs)) => (Some(secs), None),
        Some(SellBy::At(at)) => (None, Some(at)),
    };
    ActiveModel {
        name: Set(draft.name.clone()),
        service: Set(draft.service.as_str().to_owned()),
        profile: Set(draft.profile.clone()),
        limit_bytes: Set(draft.limit_bytes),
        mac_lock: Set(draft.mac_lock),
        rate_limit: Set(draft.rate_limit.clone()),
        shared_users: Set(i32::try_from(draft.shared_users).unwrap_or(i32::MAX)),
        online_secs: Set(validity.online_secs),
        active_secs: Set(validity.active_secs),
        activate_before_secs: Set(after),
        activate_before: Set(at),
        sold_as: Set(draft.sold_as.as_str().to_owned()),
        cycle: Set(terms.cycle.name()),
        is_prepaid: Set(terms.is_prepaid),
        bill_day: Set(terms.bill_day),
        due_days: Set(terms.due_days),
        grace_days: Set(terms.grace_days),
        on_expiry: Set(terms.on_expiry.as_str().to_owned()),
        first_period: Set(terms.first_period.as_str().to_owned()),
        setup_fee: Set(terms.setup_fee.minor()),
        is_taxed: Set(terms.is_taxed),
        local_address: Set(terms.local_address.clone()),
        address_pool: Set(terms.address_pool.clone()),
        ..Default::default()
    }
}

pub(super) async fn insert(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    draft: &Draft,
) -> Result<PackageId, PackageError> {
    let row = ActiveModel {
        currency: Set(draft.price.currency().code().to_owned()),
        price: Set(draft.price.minor()),
        cost: Set(draft.cost.minor()),
        created_at: Set(now),
        archived_at: Set(None),
        ..fields(draft)
    };
    let inserted = Entity::insert(row).exec(tx).await.map_err(taken)?;
    Ok(PackageId(inserted.last_insert_id))
}

pub(super) async fn update(tx: &impl ConnectionTrait, id: PackageId, draft: &Draft) -> Result<(), PackageError> {
    let done = Entity::update_many().set(fields(draft)).filter(Column::Id.eq(id.0)).exec(tx).await;
    done.map(|_| ()).map_err(taken)
}

pub(super) async fn set_archived(
    tx: &impl ConnectionTrait,
    id: PackageId,
    at: Option<DateTime<Utc>>,
) -> Result<(), DbErr> {
    let row = ActiveModel { archived_at: Set(at), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(id.0)).exec(tx).await.map(|_| ())
}

fn taken(error: DbErr) -> PackageError {
    if db::violates(&error, "name") {
        PackageError::field("name", FieldError::new("taken"))
    } else {
        PackageError::Db(error)
    }
}

pub(super) async fn set_places(tx: &impl ConnectionTrait, id: PackageId, places: &[Place]) -> Result<(), DbErr> {
    package_router::Entity::delete_many().filter(package_router::Column::PackageId.eq(id.0)).exec(tx).await?;
    for chunk in places.chunks(CHUNK) {
        let rows = chunk.iter().map(|place| package_router::ActiveModel {
            package_id: Set(id.0),
            router_id: Set(place.router.0),
            create_profile: Set(place.made),
        });
        package_router::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Every router a package is sold on, also those of other sites.
pub(super) async fn places(db: &impl ConnectionTrait, id: PackageId) -> Result<Vec<Place>, DbErr> {
    let rows = package_router::Entity::find().filter(package_router::Column::PackageId.eq(id.0)).all(db).await?;
    Ok(rows.into_iter().map(|row| Place { router: RouterId(row.router_id), made: row.create_profile }).collect())
}

/// Routers of a scope, as a subquery.
fn routers_of(scope: &Scope) -> SelectStatement {
    let mut query = router::Entity::find().select_only().column(router::Column::Id);
    if let Scope::Sites(sites) = scope {
        query = query.filter(router::Column::SiteId.is_in(sites.iter().map(|site| site.0)));
    }
    query.into_query()
}

/// Packages sold on the given routers, or sold nowhere, those no longer offered too.
fn scoped(scope: &Scope) -> Select<Entity> {
    let query = Entity::find();
    if *scope == Scope::All {
        return query;
    }
    let sold = package_router::Entity::find().select_only().column(package_router::Column::PackageId);
    let here = sold.clone().filter(package_router::Column::RouterId.in_subquery(routers_of(scope)));
    query.filter(Column::Id.in_subquery(here.into_query()).or(Column::Id.not_in_subquery(sold.into_query())))
}

pub(super) async fn find(db: &impl ConnectionTrait, scope: &Scope, id: PackageId) -> Result<Option<Package>, DbErr> {
    let Some(row) = scoped(scope).filter(Column::Id.eq(id.0)).one(db).await? else { return Ok(None) };
    Ok(with_routers(db, scope, vec![row]).await?.pop())
}

pub(super) async fn list(
    db: &impl ConnectionTrait,
    scope: &Scope,
    filter: &Filter,
    page: &PageOf,
) -> Result<Paged<Package>, DbErr> {
    let mut query = scoped(scope).order_by_asc(Column::Name).limit(page.limit() + 1);
    let archived = Column::ArchivedAt.is_not_null();
    query = query.filter(if filter.archived { archived } else { Column::ArchivedAt.is_null() });
    if let Some(after) = page.after() {
        query = query.filter(Column::Name.gt(after));
    }
    if let Some(service) = filter.service {
        query = query.filter(Column::Service.eq(service.as_str()));
    }
    if let Some(sold_as) = filter.sold_as {
        query = query.filter(Column::SoldAs.eq(sold_as.as_str()));
    }
    if let Some(router) = filter.router {
        let sold = package_router::Entity::find()
            .select_only()
            .column(package_router::Column::PackageId)
            .filter(package_router::Column::RouterId.eq(router.0));
        query = query.filter(Column::Id.in_subquery(sold.into_query()));
    }
    if !filter.q.is_empty() {
        // LIKE is case-blind on SQLite only.
        let name = Expr::expr(sea_orm::sea_query::Func::lower(Expr::col(Column::Name)));
        query = query.filter(name.like(format!("%{}%", filter.q.to_lowercase())));
    }
    let page = page.cut(query.all(db).await?, |row| row.name.clone());
    Ok(Paged { items: with_routers(db, scope, page.items).await?, next_cursor: page.next_cursor })
}

/// Is any package of a kind offered?
pub(super) async fn has_any(db: &impl ConnectionTrait, scope: &Scope, sold_as: SoldAs) -> Result<bool, DbErr> {
    let query = scoped(scope).select_only().column(Column::Id).filter(Column::SoldAs.eq(sold_as.as_str()));
    let found: Option<i64> = query.filter(Column::ArchivedAt.is_null()).limit(1).into_tuple().one(db).await?;
    Ok(found.is_some())
}

/// Packages of a kind that are offered, by name.
pub(super) async fn names(
    db: &impl ConnectionTrait,
    scope: &Scope,
    sold_as: SoldAs,
    limit: u64,
) -> Result<Vec<(i64, String)>, DbErr> {
    scoped(scope)
        .select_only()
        .columns([Column::Id, Column::Name])
        .filter(Column::SoldAs.eq(sold_as.as_str()))
        .filter(Column::ArchivedAt.is_null())
        .order_by_asc(Column::Name)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await
}

/// Joins packages with the routers of the scope they are sold on: one query for all.
async fn with_routers(db: &impl ConnectionTrait, scope: &Scope, rows: Vec<Model>) -> Result<Vec<Package>, DbErr> {
    let mut query = package_router::Entity::find()
        .filter(package_router::Column::PackageId.is_in(rows.iter().map(|row| row.id)))
        .order_by_asc(package_router::Column::RouterId);
    if *scope != Scope::All {
        query = query.filter(package_router::Column::RouterId.in_subquery(routers_of(scope)));
    }
    let mut sold: BTreeMap<i64, Vec<package_router::Model>> = BTreeMap::new();
    for row in query.all(db).await? {
        sold.entry(row.package_id).or_default().push(row);
    }
    let join = |row: Model| {
        let sold = sold.remove(&row.id).unwrap_or_default();
        package_of(row, &sold)
    };
    Ok(rows.into_iter().map(join).collect())
}

fn package_of(row: Model, sold: &[package_router::Model]) -> Package {
    let currency = Currency::parse(&row.currency).unwrap_or(Currency::IDR);
    let after = row.activate_before_secs.map(SellBy::After);
    let service = rules::service(&row.service).unwrap_or(Service::Hotspot);
    let usual = Terms::usual(service, currency);
    let terms = Terms {
        cycle: Cycle::parse(&row.cycle).unwrap_or(usual.cycle),
        is_prepaid: row.is_prepaid,
        bill_day: row.bill_day,
        due_days: row.due_days,
        grace_days: row.grace_days,
        on_expiry: OnExpiry::parse(&row.on_expiry).unwrap_or(usual.on_expiry),
        first_period: FirstPeriod::parse(&row.first_period).unwrap_or(usual.first_period),
        setup_fee: Money::new(row.setup_fee, currency),
        is_taxed: row.is_taxed,
        local_address: row.local_address,
        address_pool: row.address_pool,
    };
    Package {
        id: PackageId(row.id),
        name: row.name,
        service,
        profile: row.profile,
        price: Money::new(row.price, currency),
        cost: Some(Money::new(row.cost, currency)),
        rate_limit: row.rate_limit,
        shared_users: row.shared_users,
        limit_bytes: row.limit_bytes,
        mac_lock: row.mac_lock,
        validity: Validity {
            online_secs: row.online_secs,
            active_secs: row.active_secs,
            activate_before: after.or(row.activate_before.map(SellBy::At)),
        },
        sold_as: SoldAs::parse(&row.sold_as).unwrap_or(SoldAs::usual(service)),
        terms,
        router_ids: sold.iter().map(|row| RouterId(row.router_id)).collect(),
        made_on: sold.iter().filter(|row| row.create_profile).map(|row| RouterId(row.router_id)).collect(),
        created_at: row.created_at,
        archived_at: row.archived_at,
    }
}

/// Profiles that packages are bound to.
pub(super) async fn used_profiles(db: &impl ConnectionTrait) -> Result<BTreeSet<(String, Service)>, DbErr> {
    let rows: Vec<(String, String)> = Entity::find()
        .select_only()
        .column(Column::Profile)
        .column(Column::Service)
        .filter(Column::ArchivedAt.is_null())
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().filter_map(|(name, service)| Some((name, rules::service(&service)?))).collect())
}
