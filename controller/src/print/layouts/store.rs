//! Queries of the print_layout table.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Select, sea_query::Expr,
};

use super::{Layout, LayoutError, LayoutForm};
use crate::{
    db::{
        self,
        entity::print_layout::{ActiveModel, Column, Entity},
    },
    http::access::Scope,
    ids::{LayoutId, SiteId},
    print::{format::Family, layout},
};

/// More layouts than anybody chooses from.
const MAX_LAYOUTS: u64 = 200;

/// A layout without the bytes of its logo: id, name, site, family, document, kind of the logo, default, times.
type Row = (i64, String, Option<i64>, String, sea_orm::JsonValue, String, bool, DateTime<Utc>, DateTime<Utc>);

fn scoped(scope: &Scope) -> Select<Entity> {
    match scope {
        Scope::All => Entity::find(),
        // Those for every site are everybody's to use.
        Scope::Sites(sites) => Entity::find().filter(
            Condition::any().add(Column::SiteId.is_null()).add(Column::SiteId.is_in(sites.iter().map(|site| site.0))),
        ),
    }
}

fn plain(query: Select<Entity>) -> Select<Entity> {
    query.select_only().columns([
        Column::Id,
        Column::Name,
        Column::SiteId,
        Column::Family,
        Column::Document,
        Column::LogoKind,
        Column::IsDefault,
        Column::CreatedAt,
        Column::UpdatedAt,
    ])
}

fn layout_of(row: Row) -> Result<Layout, DbErr> {
    let (id, name, site, family, document, logo_kind, is_default, created_at, updated_at) = row;
    let family = Family::parse(&family).ok_or_else(|| DbErr::Custom(format!("layout {id}: family {family}")))?;
    let document =
        serde_json::from_value(document).map_err(|error| DbErr::Custom(format!("layout {id} is damaged: {error}")))?;
    // The address changes with the file.
    let logo = (!logo_kind.is_empty()).then(|| {
        let word = layout::hash(format!("{id} {updated_at}").as_bytes());
        format!("/print/logo/{id}/{word}")
    });
    Ok(Layout {
        id: LayoutId(id),
        name,
        site_id: site.map(SiteId),
        family,
        document,
        logo,
        is_default,
        created_at,
        updated_at,
    })
}

pub(super) async fn list(db: &impl ConnectionTrait, scope: &Scope) -> Result<Vec<Layout>, DbErr> {
    let query = plain(scoped(scope)).order_by_asc(Column::Family).order_by_asc(Column::Name).limit(MAX_LAYOUTS);
    query.into_tuple::<Row>().all(db).await?.into_iter().map(layout_of).collect()
}

pub(super) async fn find(db: &impl ConnectionTrait, scope: &Scope, id: LayoutId) -> Result<Option<Layout>, DbErr> {
    let row = plain(scoped(scope)).filter(Column::Id.eq(id.0)).into_tuple::<Row>().one(db).await?;
    row.map(layout_of).transpose()
}

/// The default of a site's family: its own, else that of every site.
pub(super) async fn default(db: &impl ConnectionTrait, site: SiteId, family: Family) -> Result<Option<Layout>, DbErr> {
    let of_site = Condition::any().add(Column::SiteId.eq(site.0)).add(Column::SiteId.is_null());
    let rows = plain(Entity::find())
        .filter(Column::Family.eq(family.as_str()))
        .filter(Column::IsDefault.eq(true))
        .filter(of_site)
        .order_by_asc(Column::Id)
        .into_tuple::<Row>()
        .all(db)
        .await?;
    let mut layouts = rows.into_iter().map(layout_of).collect::<Result<Vec<_>, _>>()?;
    layouts.sort_by_key(|layout| layout.site_id.is_none());
    Ok(layouts.into_iter().next())
}

/// The bytes of a logo and their kind. For everybody: it stands on every voucher.
pub(super) async fn logo(db: &impl ConnectionTrait, id: LayoutId) -> Result<Option<(Vec<u8>, String)>, DbErr> {
    let row = Entity::find_by_id(id.0).one(db).await?;
    Ok(row.and_then(|row| row.logo.map(|bytes| (bytes, row.logo_kind))))
}

pub(super) async fn insert(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    form: &LayoutForm,
) -> Result<LayoutId, LayoutError> {
    let row = ActiveModel {
        name: Set(form.name.clone()),
        site_id: Set(form.site_id.map(|id| id.0)),
        family: Set(form.family.as_str().to_owned()),
        document: Set(json_of(form)?),
        logo: Set(None),
        logo_kind: Set(String::new()),
        is_default: Set(form.is_default),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    let inserted = Entity::insert(row).exec(tx).await.map_err(taken)?;
    Ok(LayoutId(inserted.last_insert_id))
}

pub(super) async fn update(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    id: LayoutId,
    form: &LayoutForm,
) -> Result<(), LayoutError> {
    let row = ActiveModel {
        name: Set(form.name.clone()),
        site_id: Set(form.site_id.map(|id| id.0)),
        family: Set(form.family.as_str().to_owned()),
        document: Set(json_of(form)?),
        is_default: Set(form.is_default),
        updated_at: Set(now),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::Id.eq(id.0)).exec(tx).await.map_err(taken)?;
    Ok(())
}

pub(super) async fn set_logo(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    id: LayoutId,
    logo: Option<(Vec<u8>, &str)>,
) -> Result<(), DbErr> {
    let (bytes, kind) = logo.map_or((None, ""), |(bytes, kind)| (Some(bytes), kind));
    let row =
        ActiveModel { logo: Set(bytes), logo_kind: Set(kind.to_owned()), updated_at: Set(now), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(id.0)).exec(tx).await?;
    Ok(())
}

/// Where one becomes the default, the others of its site and family no longer are.
pub(super) async fn only_default(tx: &impl ConnectionTrait, id: LayoutId, form: &LayoutForm) -> Result<(), DbErr> {
    let of_site = match form.site_id {
        Some(site) => Column::SiteId.eq(site.0),
        None => Column::SiteId.is_null(),
    };
    Entity::update_many()
        .col_expr(Column::IsDefault, Expr::value(false))
        .filter(Column::Family.eq(form.family.as_str()))
        .filter(of_site)
        .filter(Column::Id.ne(id.0))
        .exec(tx)
        .await?;
    Ok(())
}

pub(super) async fn delete(tx: &impl ConnectionTrait, id: LayoutId) -> Result<(), DbErr> {
    Entity::delete_by_id(id.0).exec(tx).await?;
    Ok(())
}

fn json_of(form: &LayoutForm) -> Result<sea_orm::JsonValue, DbErr> {
    serde_json::to_value(&form.document).map_err(|error| DbErr::Custom(error.to_string()))
}

fn taken(error: DbErr) -> LayoutError {
    if db::violates(&error, "name") { LayoutError::NameTaken } else { LayoutError::Db(error) }
}
