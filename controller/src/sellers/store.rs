//! Queries of the seller table.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QueryOrder, QuerySelect,
    Select,
    sea_query::{Expr, Func},
};

use super::{Draft, Filter, Seller, SellerError};
use crate::{
    db::{
        self,
        entity::seller::{ActiveModel, Column, Entity, Model},
        paging::{PageOf, Paged},
    },
    http::{
        access::Scope,
        form::{FieldError, FormErrors},
    },
    ids::{AdminId, SellerId, SiteId},
    phone,
};

/// Most levels offered in a form.
const MAX_LEVELS: u64 = 100;

fn fields(draft: &Draft) -> ActiveModel {
    ActiveModel {
        site_id: Set(draft.site.0),
        name: Set(draft.name.clone()),
        phone: Set(draft.phone.clone()),
        level: Set(draft.level.clone()),
        note: Set(draft.note.clone()),
        admin_id: Set(draft.admin.map(|admin| admin.0)),
        ..Default::default()
    }
}

pub(super) async fn insert(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    draft: &Draft,
) -> Result<SellerId, SellerError> {
    let row = ActiveModel { created_at: Set(now), archived_at: Set(None), ..fields(draft) };
    let inserted = Entity::insert(row).exec(tx).await.map_err(taken)?;
    Ok(SellerId(inserted.last_insert_id))
}

pub(super) async fn update(tx: &impl ConnectionTrait, id: SellerId, draft: &Draft) -> Result<(), SellerError> {
    let done = Entity::update_many().set(fields(draft)).filter(Column::Id.eq(id.0)).exec(tx).await;
    done.map(|_| ()).map_err(taken)
}

pub(super) async fn set_archived(
    tx: &impl ConnectionTrait,
    id: SellerId,
    at: Option<DateTime<Utc>>,
) -> Result<(), DbErr> {
    let row = ActiveModel { archived_at: Set(at), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(id.0)).exec(tx).await.map(|_| ())
}

fn taken(error: DbErr) -> SellerError {
    if db::violates(&error, "seller") {
        SellerError::Refused(FormErrors::of("name", FieldError::new("taken")))
    } else {
        SellerError::Db(error)
    }
}

fn scoped(scope: &Scope) -> Select<Entity> {
    match scope {
        Scope::All => Entity::find(),
        Scope::Sites(sites) => Entity::find().filter(Column::SiteId.is_in(sites.iter().map(|site| site.0))),
    }
}

pub(super) async fn find(db: &impl ConnectionTrait, scope: &Scope, id: SellerId) -> Result<Option<Seller>, DbErr> {
    Ok(scoped(scope).filter(Column::Id.eq(id.0)).one(db).await?.map(Seller::from))
}

pub(super) async fn of_admin(db: &impl ConnectionTrait, site: SiteId, admin: AdminId) -> Result<Option<Seller>, DbErr> {
    let query = Entity::find()
        .filter(Column::SiteId.eq(site.0))
        .filter(Column::AdminId.eq(admin.0))
        .filter(Column::ArchivedAt.is_null())
        .order_by_asc(Column::Id);
    Ok(query.one(db).await?.map(Seller::from))
}

pub(super) async fn list(
    db: &impl ConnectionTrait,
    scope: &Scope,
    filter: &Filter,
    page: &PageOf,
) -> Result<Paged<Seller>, DbErr> {
    let mut query = scoped(scope).order_by_asc(Column::Name).order_by_asc(Column::Id).limit(page.limit() + 1);
    let archived = Column::ArchivedAt.is_not_null();
    query = query.filter(if filter.archived { archived } else { Column::ArchivedAt.is_null() });
    if let Some(site) = filter.site {
        query = query.filter(Column::SiteId.eq(site.0));
    }
    if !filter.q.is_empty() {
        // LIKE is case-blind on SQLite only.
        let name = Expr::expr(Func::lower(Expr::col(Column::Name))).like(format!("%{}%", filter.q.to_lowercase()));
        let mut meant = Condition::any().add(name);
        if let Some(begins) = phone::beginning(&filter.q) {
            meant = meant.add(Column::Phone.starts_with(begins));
        }
        query = query.filter(meant);
    }
    // Names are unique at a site only.
    if let Some((id, name)) = page.after().and_then(|after| after.split_once(':')) {
        let id: i64 = id.parse().unwrap_or(0);
        let same = Condition::all().add(Column::Name.eq(name)).add(Column::Id.gt(id));
        query = query.filter(Condition::any().add(Column::Name.gt(name)).add(same));
    }
    let page = page.cut(query.all(db).await?, |row| format!("{}:{}", row.id, row.name));
    Ok(page.map(Seller::from))
}

pub(super) async fn names(db: &impl ConnectionTrait, scope: &Scope, limit: u64) -> Result<Vec<(i64, String)>, DbErr> {
    scoped(scope)
        .select_only()
        .columns([Column::Id, Column::Name])
        .filter(Column::ArchivedAt.is_null())
        .order_by_asc(Column::Name)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await
}

pub(super) async fn levels(db: &impl ConnectionTrait, scope: &Scope) -> Result<Vec<String>, DbErr> {
    scoped(scope)
        .select_only()
        .column(Column::Level)
        .distinct()
        .filter(Column::Level.ne(""))
        .order_by_asc(Column::Level)
        .limit(MAX_LEVELS)
        .into_tuple()
        .all(db)
        .await
}

impl From<Model> for Seller {
    fn from(row: Model) -> Self {
        Self {
            id: SellerId(row.id),
            site_id: SiteId(row.site_id),
            name: row.name,
            phone: row.phone,
            level: row.level,
            note: row.note,
            admin_id: row.admin_id.map(AdminId),
            created_at: row.created_at,
            archived_at: row.archived_at,
        }
    }
}
