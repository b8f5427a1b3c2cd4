//! Queries of what routers need to isolate customers.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hiji_shared::{
    device::Kind,
    isolation::{DesiredIsolation, NAME},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait as _, OnConflict},
};

use crate::{
    db::entity::{
        agent, desired_object, mirror_row, router,
        router_isolation::{ActiveModel, Column, Entity, Model},
    },
    ids::{AdminId, RouterId, SiteId},
};

/// Routers looked at when many are asked for.
const MAX_ROUTERS: u64 = 10_000;

/// What is wanted of a router, and how far it is.
#[derive(Debug, Clone)]
pub(crate) struct IsolationRow {
    pub(crate) router: RouterId,
    pub(crate) is_wanted: bool,
    pub(crate) spec: DesiredIsolation,
    pub(crate) set_at: DateTime<Utc>,
    /// Of the wanted object: `wanted`, `verified`, `failed`; none when it was never sent.
    pub(crate) status: Option<String>,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) verified_at: Option<DateTime<Utc>>,
}

/// What to keep.
#[derive(Debug, Clone)]
pub(crate) struct NewIsolation<'a> {
    pub(crate) router: RouterId,
    pub(crate) spec: &'a DesiredIsolation,
    pub(crate) digest: &'a str,
    pub(crate) by: Option<AdminId>,
    pub(crate) at: DateTime<Utc>,
}

fn spec_of(row: &Model) -> DesiredIsolation {
    DesiredIsolation {
        gone: !row.is_wanted,
        ppp_profile: row.ppp_profile.clone(),
        hotspot_profile: row.hotspot_profile.clone(),
        pool: row.pool.clone(),
        ranges: row.ranges.clone(),
        local_address: row.local_address.clone(),
        rate_limit: row.rate_limit.clone(),
        list: row.list.clone(),
        page: row.page_address.clone(),
        allowed: row.allowed.lines().map(str::to_owned).collect(),
    }
}

fn joined(row: &Model, object: Option<desired_object::Model>) -> IsolationRow {
    let (status, code, message, proven_at, since) = match object {
        Some(object) => (Some(object.status), object.code, object.message, object.proven_at, object.updated_at),
        None => (None, String::new(), String::new(), None, row.set_at),
    };
    IsolationRow {
        router: RouterId(row.router_id),
        is_wanted: row.is_wanted,
        spec: spec_of(row),
        set_at: row.set_at,
        status,
        code,
        message,
        verified_at: proven_at.filter(|at| *at >= since),
    }
}

pub(crate) async fn isolation(db: &impl ConnectionTrait, id: RouterId) -> Result<Option<IsolationRow>, DbErr> {
    let Some(row) = Entity::find_by_id(id.0).one(db).await? else { return Ok(None) };
    let key = (id.0, Kind::Isolation.as_str().to_owned(), NAME.to_owned());
    let object = desired_object::Entity::find_by_id(key).one(db).await?;
    Ok(Some(joined(&row, object)))
}

/// Of every router that has one wanted.
pub(crate) async fn isolations(db: &impl ConnectionTrait) -> Result<Vec<IsolationRow>, DbErr> {
    let rows = Entity::find().filter(Column::IsWanted.eq(true)).limit(MAX_ROUTERS).all(db).await?;
    let objects = desired_object::Entity::find()
        .filter(desired_object::Column::Kind.eq(Kind::Isolation.as_str()))
        .filter(desired_object::Column::RouterId.is_in(rows.iter().map(|row| row.router_id)))
        .all(db)
        .await?;
    let mut objects: BTreeMap<i64, desired_object::Model> =
        objects.into_iter().map(|object| (object.router_id, object)).collect();
    Ok(rows.iter().map(|row| joined(row, objects.remove(&row.router_id))).collect())
}

/// What other routers have wanted, those of the same site first.
pub(crate) async fn isolations_around(
    db: &impl ConnectionTrait,
    id: RouterId,
    site: SiteId,
) -> Result<Vec<DesiredIsolation>, DbErr> {
    let rows = Entity::find()
        .filter(Column::RouterId.ne(id.0))
        .filter(Column::IsWanted.eq(true))
        .order_by_desc(Column::SetAt)
        .limit(MAX_ROUTERS)
        .all(db)
        .await?;
    let here: Vec<i64> = router::Entity::find()
        .select_only()
        .column(router::Column::Id)
        .filter(router::Column::SiteId.eq(site.0))
        .into_tuple()
        .all(db)
        .await?;
    let (mut near, far): (Vec<&Model>, Vec<&Model>) = rows.iter().partition(|row| here.contains(&row.router_id));
    near.extend(far);
    Ok(near.into_iter().map(spec_of).collect())
}

pub(crate) async fn put_isolation(tx: &impl ConnectionTrait, new: NewIsolation<'_>) -> Result<(), DbErr> {
    let NewIsolation { router, spec, digest, by, at } = new;
    let row = ActiveModel {
        router_id: Set(router.0),
        is_wanted: Set(!spec.gone),
        ppp_profile: Set(spec.ppp_profile.clone()),
        hotspot_profile: Set(spec.hotspot_profile.clone()),
        pool: Set(spec.pool.clone()),
        ranges: Set(spec.ranges.clone()),
        local_address: Set(spec.local_address.clone()),
        rate_limit: Set(spec.rate_limit.clone()),
        list: Set(spec.list.clone()),
        page_address: Set(spec.page.clone()),
        allowed: Set(spec.allowed.join("\n")),
        shown_digest: Set(digest.to_owned()),
        set_by: Set(by.map(|admin| admin.0)),
        set_at: Set(at),
    };
    let newer = OnConflict::column(Column::RouterId)
        .update_columns([
            Column::IsWanted,
            Column::PppProfile,
            Column::HotspotProfile,
            Column::Pool,
            Column::Ranges,
            Column::LocalAddress,
            Column::RateLimit,
            Column::List,
            Column::PageAddress,
            Column::Allowed,
            Column::ShownDigest,
            Column::SetBy,
            Column::SetAt,
        ])
        .to_owned();
    Entity::insert(row).on_conflict(newer).exec_without_returning(tx).await?;
    Ok(())
}

/// How many users of a router have a profile, as wanted or as mirrored, whichever is more.
pub(crate) async fn users_with_profile(
    db: &impl ConnectionTrait,
    id: RouterId,
    kind: Kind,
    profile: &str,
) -> Result<u64, DbErr> {
    if profile.is_empty() {
        return Ok(0);
    }
    use desired_object::Column as Wanted;
    let wanted = desired_object::Entity::find()
        .filter(Wanted::RouterId.eq(id.0))
        .filter(Wanted::Kind.eq(kind.as_str()))
        .filter(Wanted::Gone.eq(false))
        // Said alike on SQLite and PostgreSQL.
        .filter(Expr::cust("doc ->> 'profile'").eq(profile))
        .count(db)
        .await?;
    let mirrored = mirror_row::Entity::find()
        .filter(mirror_row::Column::RouterId.eq(id.0))
        .filter(mirror_row::Column::Kind.eq(kind.as_str()))
        .filter(mirror_row::Column::Profile.eq(profile))
        .count(db)
        .await?;
    Ok(Ord::max(wanted, mirrored))
}

/// What the router's agent said it can do; nothing while there is no agent.
pub(crate) async fn abilities(db: &impl ConnectionTrait, id: RouterId) -> Result<Option<serde_json::Value>, DbErr> {
    agent::Entity::find()
        .select_only()
        .column(agent::Column::Caps)
        .filter(agent::Column::RouterId.eq(id.0))
        .filter(agent::Column::State.eq(super::super::AgentState::Approved.as_str()))
        .into_tuple()
        .one(db)
        .await
}
