//! Queries of services that pay another price than their package's.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
};

use super::Which;
use crate::{
    db::entity::subscription::{Column, Entity},
    http::access::Scope,
    ids::{PackageId, SubscriptionId},
    packages::prices::Present,
    subscriptions::{State, Subscription, store::complete},
};

fn of_package(scope: &Scope, package: PackageId, present: &Present, which: Which) -> Select<Entity> {
    let all = match scope {
        Scope::All => Entity::find(),
        Scope::Sites(sites) => Entity::find().filter(Column::SiteId.is_in(sites.iter().map(|site| site.0))),
    };
    let all = all
        .filter(Column::PackageId.eq(package.0))
        .filter(Column::State.is_in(State::ALL.into_iter().filter(|state| *state != State::Ended).map(State::as_str)))
        .filter(Column::Currency.eq(present.everywhere.currency().code()));
    let own = present.on.keys().map(|router| router.0);
    let elsewhere = Column::RouterId.is_not_in(own).and(Column::Price.ne(present.everywhere.minor()));
    let mut differs = Condition::any().add(elsewhere);
    for (router, price) in &present.on {
        differs = differs.add(Column::RouterId.eq(router.0).and(Column::Price.ne(price.minor())));
    }
    match which {
        Which::Old => all.filter(differs).filter(Column::NextPackageId.is_null()),
        Which::Other => {
            all.filter(differs).filter(Column::NextPackageId.is_not_null()).filter(Column::NextPackageId.ne(package.0))
        }
        Which::Planned => all.filter(Column::NextPackageId.eq(package.0)),
    }
}

pub(super) async fn count(
    db: &impl ConnectionTrait,
    scope: &Scope,
    (package, present): (PackageId, &Present),
    which: Which,
) -> Result<u64, DbErr> {
    of_package(scope, package, present, which).count(db).await
}

/// Those after an id, in the order of their ids.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    scope: &Scope,
    (package, present): (PackageId, &Present),
    which: Which,
    (after, limit): (SubscriptionId, u64),
) -> Result<Vec<Subscription>, DbErr> {
    let query = of_package(scope, package, present, which).filter(Column::Id.gt(after.0));
    complete(db, query.order_by_asc(Column::Id).limit(limit).all(db).await?).await
}
