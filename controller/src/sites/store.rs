//! Queries of the site table.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::Expr,
};

use super::{Site, SiteError, SiteForm};
use crate::{
    db::{
        self,
        entity::site::{ActiveModel, Column, Entity, Model},
        paging::{PageOf, Paged},
    },
    http::access::Scope,
    ids::SiteId,
};

/// Most sites offered in a form.
const MAX_SITES: u64 = 1_000;

pub(super) async fn insert(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    form: &SiteForm,
) -> Result<SiteId, SiteError> {
    let row = ActiveModel {
        name: Set(form.name.clone()),
        timezone: Set(form.timezone.clone()),
        wifi_name: Set(form.wifi_name.clone()),
        address: Set(form.address.clone()),
        cleanup_days: Set(form.cleanup_days),
        run_hour: Set(form.run_hour),
        created_at: Set(now),
        ..Default::default()
    };
    match Entity::insert(row).exec(tx).await {
        Ok(inserted) => Ok(SiteId(inserted.last_insert_id)),
        Err(error) => Err(taken(error)),
    }
}

pub(super) async fn update(tx: &impl ConnectionTrait, id: SiteId, form: &SiteForm) -> Result<(), SiteError> {
    let updated = Entity::update_many()
        .col_expr(Column::Name, Expr::value(form.name.as_str()))
        .col_expr(Column::Timezone, Expr::value(form.timezone.as_str()))
        .col_expr(Column::WifiName, Expr::value(form.wifi_name.as_str()))
        .col_expr(Column::Address, Expr::value(form.address.as_str()))
        .col_expr(Column::CleanupDays, Expr::value(form.cleanup_days))
        .col_expr(Column::RunHour, Expr::value(form.run_hour))
        .filter(Column::Id.eq(id.0))
        .exec(tx)
        .await;
    updated.map(|_| ()).map_err(taken)
}

fn taken(error: DbErr) -> SiteError {
    if db::violates(&error, "name") { SiteError::NameTaken } else { SiteError::Db(error) }
}

fn scoped(scope: &Scope) -> Select<Entity> {
    match scope {
        Scope::All => Entity::find(),
        Scope::Sites(sites) => Entity::find().filter(Column::Id.is_in(sites.iter().map(|site| site.0))),
    }
}

pub(super) async fn find(db: &impl ConnectionTrait, scope: &Scope, id: SiteId) -> Result<Option<Site>, DbErr> {
    Ok(scoped(scope).filter(Column::Id.eq(id.0)).one(db).await?.map(Site::from))
}

pub(super) async fn list(db: &impl ConnectionTrait, scope: &Scope, page: &PageOf) -> Result<Paged<Site>, DbErr> {
    let mut query = scoped(scope).order_by_asc(Column::Name).limit(page.limit() + 1);
    if let Some(after) = page.after() {
        query = query.filter(Column::Name.gt(after));
    }
    let rows: Vec<Site> = query.all(db).await?.into_iter().map(Site::from).collect();
    Ok(page.cut(rows, |site| site.name.clone()))
}

pub(super) async fn all(db: &impl ConnectionTrait, scope: &Scope) -> Result<Vec<Site>, DbErr> {
    let rows = scoped(scope).order_by_asc(Column::Name).limit(MAX_SITES).all(db).await?;
    Ok(rows.into_iter().map(Site::from).collect())
}

pub(super) async fn first_zone(db: &impl ConnectionTrait, scope: &Scope) -> Result<Option<String>, DbErr> {
    Ok(scoped(scope).order_by_asc(Column::Id).one(db).await?.map(|row| row.timezone))
}

impl From<Model> for Site {
    fn from(row: Model) -> Self {
        let Model { id, name, timezone, wifi_name, address, created_at, cleanup_days, run_hour } = row;
        Self { id: SiteId(id), name, timezone, wifi_name, address, cleanup_days, run_hour, created_at }
    }
}
