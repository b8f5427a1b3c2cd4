//! Queries of the addon table.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, PaginatorTrait as _, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, Func},
};

use super::{Addon, AddonKind, Draft, Filter};
use crate::{
    db::{
        self,
        entity::addon::{ActiveModel, Column, Entity, Model},
        paging::{PageOf, Paged},
    },
    http::form::FieldError,
    ids::AddonId,
    money::{Currency, Money},
    packages::PackageError,
};

fn fields(draft: &Draft) -> ActiveModel {
    ActiveModel {
        name: Set(draft.name.clone()),
        kind: Set(draft.kind.as_str().to_owned()),
        price: Set(draft.price.minor()),
        cost: Set(draft.cost.minor()),
        is_taxed: Set(draft.is_taxed),
        ..Default::default()
    }
}

pub(super) async fn insert(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    draft: &Draft,
) -> Result<AddonId, PackageError> {
    let row = ActiveModel {
        currency: Set(draft.price.currency().code().to_owned()),
        created_at: Set(now),
        archived_at: Set(None),
        ..fields(draft)
    };
    let inserted = Entity::insert(row).exec(tx).await.map_err(taken)?;
    Ok(AddonId(inserted.last_insert_id))
}

pub(super) async fn update(tx: &impl ConnectionTrait, id: AddonId, draft: &Draft) -> Result<(), PackageError> {
    let done = Entity::update_many().set(fields(draft)).filter(Column::Id.eq(id.0)).exec(tx).await;
    done.map(|_| ()).map_err(taken)
}

fn taken(error: DbErr) -> PackageError {
    if db::violates(&error, "name") {
        PackageError::field("name", FieldError::new("taken"))
    } else {
        PackageError::Db(error)
    }
}

pub(super) async fn set_archived(
    tx: &impl ConnectionTrait,
    id: AddonId,
    at: Option<DateTime<Utc>>,
) -> Result<(), DbErr> {
    let row = ActiveModel { archived_at: Set(at), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(id.0)).exec(tx).await.map(|_| ())
}

/// How many are offered.
pub(super) async fn offered(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    Entity::find().filter(Column::ArchivedAt.is_null()).count(db).await
}

pub(super) async fn find(db: &impl ConnectionTrait, id: AddonId) -> Result<Option<Addon>, DbErr> {
    Ok(Entity::find_by_id(id.0).one(db).await?.map(Addon::from))
}

pub(super) async fn list(db: &impl ConnectionTrait, filter: &Filter, page: &PageOf) -> Result<Paged<Addon>, DbErr> {
    let archived = Column::ArchivedAt.is_not_null();
    let mut query = Entity::find()
        .filter(if filter.archived { archived } else { Column::ArchivedAt.is_null() })
        .order_by_asc(Column::Name)
        .limit(page.limit() + 1);
    if let Some(after) = page.after() {
        query = query.filter(Column::Name.gt(after));
    }
    if !filter.q.is_empty() {
        // LIKE is case-blind on SQLite only.
        let name = Expr::expr(Func::lower(Expr::col(Column::Name)));
        query = query.filter(name.like(format!("%{}%", filter.q.to_lowercase())));
    }
    Ok(page.cut(query.all(db).await?, |row| row.name.clone()).map(Addon::from))
}

impl From<Model> for Addon {
    fn from(row: Model) -> Self {
        let currency = Currency::parse(&row.currency).unwrap_or(Currency::IDR);
        Self {
            id: AddonId(row.id),
            name: row.name,
            kind: AddonKind::parse(&row.kind).unwrap_or(AddonKind::OneOff),
            price: Money::new(row.price, currency),
            cost: Some(Money::new(row.cost, currency)),
            is_taxed: row.is_taxed,
            created_at: row.created_at,
            archived_at: row.archived_at,
        }
    }
}
