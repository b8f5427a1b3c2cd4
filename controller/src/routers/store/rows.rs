//! The router table, joined with the agent that speaks for it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hiji_shared::device::RouterFacts;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect, Select, sea_query::Expr,
};
use serde::Serialize;

use super::super::{Agent, AgentState, Presence, Router, RouterError, rules};
use crate::{
    db::{
        self,
        entity::{agent, router, site},
        paging::{PageOf, Paged},
    },
    http::access::Scope,
    ids::{RouterId, SiteId},
};

/// Most routers named in one list.
const MAX_PLACES: u64 = 5_000;

pub(crate) async fn insert(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    site: SiteId,
    name: &str,
) -> Result<RouterId, RouterError> {
    let row = router::ActiveModel {
        site_id: Set(site.0),
        name: Set(name.to_owned()),
        desired_rev: Set(0),
        facts: Set(serde_json::json!({})),
        reach: Set(false),
        reach_error: Set(String::new()),
        created_at: Set(now),
        ..Default::default()
    };
    match router::Entity::insert(row).exec(tx).await {
        Ok(inserted) => Ok(RouterId(inserted.last_insert_id)),
        Err(error) if db::violates(&error, "name") => Err(RouterError::NameTaken),
        Err(error) => Err(RouterError::Db(error)),
    }
}

/// Routers in a scope; foreign ones do not exist.
fn scoped(scope: &Scope) -> Select<router::Entity> {
    let query = router::Entity::find().filter(router::Column::ArchivedAt.is_null());
    match scope {
        Scope::All => query,
        Scope::Sites(sites) => query.filter(router::Column::SiteId.is_in(sites.iter().map(|site| site.0))),
    }
}

pub(crate) async fn find(db: &impl ConnectionTrait, scope: &Scope, id: RouterId) -> Result<Option<Router>, DbErr> {
    let Some(row) = scoped(scope).filter(router::Column::Id.eq(id.0)).one(db).await? else { return Ok(None) };
    Ok(with_agents(db, vec![row]).await?.pop())
}

pub(crate) async fn list(
    db: &impl ConnectionTrait,
    scope: &Scope,
    site: Option<SiteId>,
    page: &PageOf,
) -> Result<Paged<Router>, DbErr> {
    let mut query = scoped(scope).order_by_asc(router::Column::Id).limit(page.limit() + 1);
    if let Some(site) = site {
        query = query.filter(router::Column::SiteId.eq(site.0));
    }
    if let Ok(Some(after)) = page.after_id() {
        query = query.filter(router::Column::Id.gt(after));
    }
    let page = page.cut(query.all(db).await?, |row| row.id.to_string());
    Ok(Paged { items: with_agents(db, page.items).await?, next_cursor: page.next_cursor })
}

/// Where a router is: for lists of what happens on routers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    pub id: RouterId,
    pub name: String,
    pub site_id: SiteId,
    pub site: String,
    /// IANA name of the site's zone.
    pub timezone: String,
}

/// The places of the routers in a scope, by site and name.
pub(crate) async fn places(db: &impl ConnectionTrait, scope: &Scope) -> Result<Vec<Place>, DbErr> {
    let sites: Vec<(i64, String, String)> = site::Entity::find()
        .select_only()
        .columns([site::Column::Id, site::Column::Name, site::Column::Timezone])
        .into_tuple()
        .all(db)
        .await?;
    let sites: BTreeMap<i64, (String, String)> = sites.into_iter().map(|(id, name, zone)| (id, (name, zone))).collect();
    let routers: Vec<(i64, i64, String)> = scoped(scope)
        .select_only()
        .columns([router::Column::Id, router::Column::SiteId, router::Column::Name])
        .limit(MAX_PLACES)
        .into_tuple()
        .all(db)
        .await?;
    let place = |(id, site_id, name): (i64, i64, String)| {
        let (site, timezone) = sites.get(&site_id)?.clone();
        Some(Place { id: RouterId(id), name, site_id: SiteId(site_id), site, timezone })
    };
    let mut places: Vec<Place> = routers.into_iter().filter_map(place).collect();
    places.sort_by(|a, b| (&a.site, &a.name).cmp(&(&b.site, &b.name)));
    Ok(places)
}

/// Joins each router with its newest agent that is not revoked: one query for all.
async fn with_agents(db: &impl ConnectionTrait, rows: Vec<router::Model>) -> Result<Vec<Router>, DbErr> {
    let agents = agent::Entity::find()
        .filter(agent::Column::RouterId.is_in(rows.iter().map(|row| row.id)))
        .filter(agent::Column::State.ne(AgentState::Revoked.as_str()))
        .order_by_asc(agent::Column::EnrolledAt)
        .all(db)
        .await?;
    let join = |row: router::Model| {
        let mut own: Vec<&agent::Model> = agents.iter().filter(|agent| agent.router_id == row.id).collect();
        // The approved one speaks for the router; a newer waiting one shows only when there is no other.
        own.sort_by_key(|agent| (agent.state == AgentState::Approved.as_str(), agent.enrolled_at));
        router_of(row, own.pop())
    };
    Ok(rows.into_iter().map(join).collect())
}

/// The agent of a router that waits for an admin, also beside an approved one that it is to replace.
pub(crate) async fn agent_in_waiting(db: &impl ConnectionTrait, id: RouterId) -> Result<Option<Agent>, DbErr> {
    let row = agent::Entity::find()
        .filter(agent::Column::RouterId.eq(id.0))
        .filter(agent::Column::State.eq(AgentState::Waiting.as_str()))
        .order_by_desc(agent::Column::EnrolledAt)
        .one(db)
        .await?;
    Ok(row.as_ref().and_then(agent_of))
}

fn router_of(row: router::Model, agent: Option<&agent::Model>) -> Router {
    let state = agent.map(|agent| (AgentState::parse(&agent.state), agent.online));
    let presence = rules::presence(state, row.reach);
    Router {
        id: RouterId(row.id),
        site_id: SiteId(row.site_id),
        name: row.name,
        presence,
        since: if presence == Presence::RouterDown {
            row.reach_at
        } else {
            agent.and_then(|agent| if agent.online { agent.online_since } else { agent.last_seen_at })
        },
        last_seen_at: agent.and_then(|agent| agent.last_seen_at),
        reach: row.reach,
        reach_error: row.reach_error,
        facts: serde_json::from_value::<RouterFacts>(row.facts).unwrap_or_default(),
        facts_at: row.facts_at,
        desired_rev: row.desired_rev,
        observed_rev: agent.map_or(0, |agent| agent.have_rev),
        created_at: row.created_at,
        agent: agent.and_then(agent_of),
    }
}

fn agent_of(row: &agent::Model) -> Option<Agent> {
    Some(Agent {
        id: row.id.parse().ok()?,
        state: AgentState::parse(&row.state),
        version: row.version.clone(),
        fingerprint: row.fingerprint.clone(),
        enrolled_at: row.enrolled_at,
        approved_at: row.approved_at,
        alert: row.alert.clone(),
    })
}

/// Raises the router's revision by `count`; the new one. On PostgreSQL this also makes writers of one router wait for
/// each other, so revisions become visible in order.
pub(crate) async fn bump_rev(tx: &impl ConnectionTrait, id: RouterId, count: i64) -> Result<i64, DbErr> {
    let rows = router::Entity::update_many()
        .col_expr(router::Column::DesiredRev, Expr::col(router::Column::DesiredRev).add(count))
        .filter(router::Column::Id.eq(id.0))
        .exec_with_returning(tx)
        .await?;
    rows.first().map(|row| row.desired_rev).ok_or_else(|| DbErr::RecordNotFound(format!("router {id}")))
}

pub(crate) async fn set_facts(
    tx: &impl ConnectionTrait,
    id: RouterId,
    at: DateTime<Utc>,
    facts: &RouterFacts,
) -> Result<(), DbErr> {
    router::Entity::update_many()
        .col_expr(router::Column::Facts, Expr::value(serde_json::to_value(facts).unwrap_or_default()))
        .col_expr(router::Column::FactsAt, Expr::value(at))
        .filter(router::Column::Id.eq(id.0))
        .exec(tx)
        .await?;
    Ok(())
}

pub(crate) async fn set_reach(
    tx: &impl ConnectionTrait,
    id: RouterId,
    at: DateTime<Utc>,
    reach: Result<(), &str>,
) -> Result<(), DbErr> {
    router::Entity::update_many()
        .col_expr(router::Column::Reach, Expr::value(reach.is_ok()))
        .col_expr(router::Column::ReachError, Expr::value(reach.err().unwrap_or_default()))
        .col_expr(router::Column::ReachAt, Expr::value(at))
        .filter(router::Column::Id.eq(id.0))
        .exec(tx)
        .await?;
    Ok(())
}
