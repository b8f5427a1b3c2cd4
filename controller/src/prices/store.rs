//! Queries of the price_rule table.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait as _, QueryFilter,
    QuerySelect,
};

use super::{Effect, MAX_RULES, Rule, rules::Draft};
use crate::{
    db::{
        entity::price_rule::{ActiveModel, Column, Entity, Model},
        paging::{PageOf, Paged},
    },
    ids::{PackageId, RuleId},
    money::{Currency, Money},
};

const FIXED: &str = "fixed";
const PERCENT: &str = "percent";

fn fields(draft: &Draft) -> ActiveModel {
    let (kind, value, currency) = match draft.effect {
        Effect::Fixed { net_price } => (FIXED, net_price.minor(), net_price.currency()),
        Effect::Percent { off_bp } => (PERCENT, off_bp, Currency::IDR),
    };
    ActiveModel {
        package_id: Set(draft.package.map(|package| package.0)),
        level: Set(draft.level.clone()),
        min_count: Set(draft.min_count),
        kind: Set(kind.to_owned()),
        value: Set(value),
        currency: Set(currency.code().to_owned()),
        active: Set(draft.active),
        ..Default::default()
    }
}

pub(super) async fn insert(tx: &impl ConnectionTrait, now: DateTime<Utc>, draft: &Draft) -> Result<RuleId, DbErr> {
    let row = ActiveModel { created_at: Set(now), ..fields(draft) };
    Ok(RuleId(Entity::insert(row).exec(tx).await?.last_insert_id))
}

pub(super) async fn update(tx: &impl ConnectionTrait, id: RuleId, draft: &Draft) -> Result<(), DbErr> {
    Entity::update_many().set(fields(draft)).filter(Column::Id.eq(id.0)).exec(tx).await.map(|_| ())
}

pub(super) async fn delete(tx: &impl ConnectionTrait, id: RuleId) -> Result<(), DbErr> {
    Entity::delete_by_id(id.0).exec(tx).await.map(|_| ())
}

pub(super) async fn count(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    Entity::find().count(db).await
}

pub(super) async fn find(db: &impl ConnectionTrait, id: RuleId) -> Result<Option<Rule>, DbErr> {
    Ok(Entity::find_by_id(id.0).one(db).await?.map(Rule::from))
}

pub(super) async fn list(db: &impl ConnectionTrait, page: &PageOf) -> Result<Paged<Rule>, DbErr> {
    let rows = page.newest(db, Entity::find(), Column::Id).await?;
    Ok(page.cut(rows, |row| row.id.to_string()).map(Rule::from))
}

/// Every rule of a package, or of all packages.
pub(super) async fn of_package(db: &impl ConnectionTrait, package: Option<PackageId>) -> Result<Vec<Rule>, DbErr> {
    let ours = match package {
        None => Column::PackageId.is_null(),
        Some(package) => Column::PackageId.eq(package.0),
    };
    let query = Entity::find().filter(ours).limit(MAX_RULES);
    Ok(query.all(db).await?.into_iter().map(Rule::from).collect())
}

/// Rules in use that may hold for a package.
pub(super) async fn active(db: &impl ConnectionTrait, package: PackageId) -> Result<Vec<Rule>, DbErr> {
    let ours = Condition::any().add(Column::PackageId.is_null()).add(Column::PackageId.eq(package.0));
    let query = Entity::find().filter(Column::Active.eq(true)).filter(ours).limit(MAX_RULES);
    Ok(query.all(db).await?.into_iter().map(Rule::from).collect())
}

impl From<Model> for Rule {
    fn from(row: Model) -> Self {
        let currency = Currency::parse(&row.currency).unwrap_or(Currency::IDR);
        let effect = if row.kind == FIXED {
            Effect::Fixed { net_price: Money::new(row.value, currency) }
        } else {
            Effect::Percent { off_bp: row.value }
        };
        Self {
            id: RuleId(row.id),
            package_id: row.package_id.map(PackageId),
            level: row.level,
            min_count: row.min_count,
            effect,
            active: row.active,
        }
    }
}
