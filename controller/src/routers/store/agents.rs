//! Agents and their enrolment tokens.

use chrono::{DateTime, Utc};
use hiji_shared::{agent_id::AgentId, capability::Capability};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

use super::super::AgentState;
use crate::{
    db::entity::{agent, enrollment, router},
    ids::{AdminId, RouterId, SiteId},
};

/// A token to be kept, as its hash.
#[derive(Debug)]
pub(crate) struct NewEnrollment {
    pub router: RouterId,
    pub token_hash: String,
    pub auto_approve: bool,
    pub created_by: Option<AdminId>,
    pub expires_at: DateTime<Utc>,
}

/// A token that was found.
#[derive(Debug)]
pub(crate) struct FoundEnrollment {
    pub id: i64,
    pub router: RouterId,
    pub auto_approve: bool,
    pub created_by: Option<AdminId>,
    pub expires_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
    pub nonce_hash: Option<String>,
    pub agent_id: Option<AgentId>,
}

/// An agent to be kept.
#[derive(Debug)]
pub(crate) struct NewAgent {
    pub id: AgentId,
    pub router: RouterId,
    /// Sealed.
    pub secret: Vec<u8>,
    pub version: String,
    pub fingerprint: serde_json::Value,
}

/// What the inbox and the push need of an agent.
#[derive(Debug, Clone)]
pub(crate) struct AgentRow {
    pub id: AgentId,
    pub router: RouterId,
    pub site: SiteId,
    pub state: AgentState,
    pub online: bool,
    pub conn: i64,
    pub have_rev: i64,
    /// Of the router, not of the agent.
    pub desired_rev: i64,
    /// Sealed.
    pub secret: Vec<u8>,
}

pub(crate) async fn insert_enrollment(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    new: NewEnrollment,
) -> Result<(), DbErr> {
    let row = enrollment::ActiveModel {
        router_id: Set(new.router.0),
        token_hash: Set(new.token_hash),
        auto_approve: Set(new.auto_approve),
        created_by: Set(new.created_by.map(|admin| admin.0)),
        created_at: Set(now),
        expires_at: Set(new.expires_at),
        ..Default::default()
    };
    enrollment::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Ends unused tokens of a router.
pub(crate) async fn void_enrollments(
    tx: &impl ConnectionTrait,
    router: RouterId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    enrollment::Entity::update_many()
        .col_expr(enrollment::Column::ExpiresAt, Expr::value(now))
        .filter(enrollment::Column::RouterId.eq(router.0))
        .filter(enrollment::Column::UsedAt.is_null())
        .filter(enrollment::Column::ExpiresAt.gt(now))
        .exec(tx)
        .await?;
    Ok(())
}

pub(crate) async fn enrollment_by_token(
    db: &impl ConnectionTrait,
    token_hash: &str,
) -> Result<Option<FoundEnrollment>, DbErr> {
    let row = enrollment::Entity::find().filter(enrollment::Column::TokenHash.eq(token_hash)).one(db).await?;
    Ok(row.map(|row| FoundEnrollment {
        id: row.id,
        router: RouterId(row.router_id),
        auto_approve: row.auto_approve,
        created_by: row.created_by.map(AdminId),
        expires_at: row.expires_at,
        used_at: row.used_at,
        nonce_hash: row.nonce_hash,
        agent_id: row.agent_id.and_then(|id| id.parse().ok()),
    }))
}

pub(crate) async fn use_enrollment(
    tx: &impl ConnectionTrait,
    id: i64,
    now: DateTime<Utc>,
    nonce_hash: &str,
    agent: &AgentId,
) -> Result<(), DbErr> {
    enrollment::Entity::update_many()
        .col_expr(enrollment::Column::UsedAt, Expr::value(now))
        .col_expr(enrollment::Column::NonceHash, Expr::value(nonce_hash))
        .col_expr(enrollment::Column::AgentId, Expr::value(agent.as_str()))
        .filter(enrollment::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

pub(crate) async fn insert_agent(tx: &impl ConnectionTrait, now: DateTime<Utc>, new: NewAgent) -> Result<(), DbErr> {
    let row = agent::ActiveModel {
        id: Set(new.id.to_string()),
        router_id: Set(new.router.0),
        secret: Set(new.secret),
        state: Set(AgentState::Waiting.as_str().to_owned()),
        version: Set(new.version),
        caps: Set(serde_json::json!([])),
        fingerprint: Set(new.fingerprint),
        enrolled_at: Set(now),
        approved_at: Set(None),
        online: Set(false),
        online_since: Set(None),
        last_seen_at: Set(None),
        conn: Set(0),
        have_rev: Set(0),
        cseq: Set(0),
        alert: Set(String::new()),
    };
    agent::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// An agent that enrolled again before it was approved replaces its earlier self.
pub(crate) async fn withdraw_waiting_agents(tx: &impl ConnectionTrait, router: RouterId) -> Result<(), DbErr> {
    agent::Entity::update_many()
        .col_expr(agent::Column::State, Expr::value(AgentState::Revoked.as_str()))
        .filter(agent::Column::RouterId.eq(router.0))
        .filter(agent::Column::State.eq(AgentState::Waiting.as_str()))
        .exec(tx)
        .await?;
    Ok(())
}

pub(crate) async fn waiting_agent(db: &impl ConnectionTrait, router: RouterId) -> Result<Option<AgentId>, DbErr> {
    let row = agent::Entity::find()
        .filter(agent::Column::RouterId.eq(router.0))
        .filter(agent::Column::State.eq(AgentState::Waiting.as_str()))
        .order_by_desc(agent::Column::EnrolledAt)
        .one(db)
        .await?;
    Ok(row.and_then(|row| row.id.parse().ok()))
}

pub(crate) async fn approved_agents(db: &impl ConnectionTrait, router: RouterId) -> Result<Vec<AgentId>, DbErr> {
    let rows = agent::Entity::find()
        .filter(agent::Column::RouterId.eq(router.0))
        .filter(agent::Column::State.eq(AgentState::Approved.as_str()))
        .all(db)
        .await?;
    Ok(rows.into_iter().filter_map(|row| row.id.parse().ok()).collect())
}

pub(crate) async fn set_agent_state(
    tx: &impl ConnectionTrait,
    id: &AgentId,
    state: AgentState,
    approved_at: Option<DateTime<Utc>>,
) -> Result<(), DbErr> {
    let mut update = agent::Entity::update_many()
        .col_expr(agent::Column::State, Expr::value(state.as_str()))
        .filter(agent::Column::Id.eq(id.as_str()));
    if let Some(at) = approved_at {
        update = update.col_expr(agent::Column::ApprovedAt, Expr::value(at));
    }
    if state == AgentState::Revoked {
        update = update.col_expr(agent::Column::Online, Expr::value(false));
    }
    update.exec(tx).await?;
    Ok(())
}

pub(crate) async fn agent_secret(
    db: &impl ConnectionTrait,
    id: &AgentId,
) -> Result<Option<(AgentState, Vec<u8>)>, DbErr> {
    let row = agent::Entity::find_by_id(id.to_string()).one(db).await?;
    Ok(row.map(|row| (AgentState::parse(&row.state), row.secret)))
}

/// Agents by id, with their routers: one query for all of a batch.
pub(crate) async fn agents(db: &impl ConnectionTrait, ids: &[AgentId]) -> Result<Vec<AgentRow>, DbErr> {
    let query = agent::Entity::find().filter(agent::Column::Id.is_in(ids.iter().map(AgentId::as_str)));
    joined(db, query.all(db).await?).await
}

/// Approved agents, with their routers.
pub(crate) async fn all_approved(db: &impl ConnectionTrait) -> Result<Vec<AgentRow>, DbErr> {
    let query = agent::Entity::find().filter(agent::Column::State.eq(AgentState::Approved.as_str()));
    joined(db, query.all(db).await?).await
}

async fn joined(db: &impl ConnectionTrait, agents: Vec<agent::Model>) -> Result<Vec<AgentRow>, DbErr> {
    let routers = router::Entity::find()
        .filter(router::Column::Id.is_in(agents.iter().map(|agent| agent.router_id)))
        .all(db)
        .await?;
    let row = |agent: agent::Model| {
        let router = routers.iter().find(|router| router.id == agent.router_id)?;
        Some(AgentRow {
            id: agent.id.parse().ok()?,
            router: RouterId(router.id),
            site: SiteId(router.site_id),
            state: AgentState::parse(&agent.state),
            online: agent.online,
            conn: agent.conn,
            have_rev: agent.have_rev,
            desired_rev: router.desired_rev,
            secret: agent.secret,
        })
    };
    Ok(agents.into_iter().filter_map(row).collect())
}

pub(crate) async fn set_online(
    tx: &impl ConnectionTrait,
    id: &AgentId,
    now: DateTime<Utc>,
    online: bool,
) -> Result<(), DbErr> {
    let mut update = agent::Entity::update_many()
        .col_expr(agent::Column::Online, Expr::value(online))
        .col_expr(agent::Column::LastSeenAt, Expr::value(now))
        .filter(agent::Column::Id.eq(id.as_str()));
    if online {
        update = update.col_expr(agent::Column::OnlineSince, Expr::value(now));
    }
    update.exec(tx).await?;
    Ok(())
}

/// Nobody is connected to a broker that just started; who was until it ended was seen last now.
pub(crate) async fn all_offline(tx: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    agent::Entity::update_many()
        .col_expr(agent::Column::Online, Expr::value(false))
        .col_expr(agent::Column::LastSeenAt, Expr::value(now))
        .filter(agent::Column::Online.eq(true))
        .exec(tx)
        .await?;
    Ok(())
}

/// What hello says of the agent.
pub(crate) async fn set_hello(
    tx: &impl ConnectionTrait,
    id: &AgentId,
    version: &str,
    caps: serde_json::Value,
    conn: i64,
) -> Result<(), DbErr> {
    agent::Entity::update_many()
        .col_expr(agent::Column::Version, Expr::value(version))
        .col_expr(agent::Column::Caps, Expr::value(caps))
        .col_expr(agent::Column::Conn, Expr::value(conn))
        .filter(agent::Column::Id.eq(id.as_str()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Whether the approved agent of a router can do something; one that said nothing of itself yet is a new one.
pub(crate) async fn agent_can(db: &impl ConnectionTrait, router: RouterId, what: Capability) -> Result<bool, DbErr> {
    let caps: Option<serde_json::Value> = agent::Entity::find()
        .select_only()
        .column(agent::Column::Caps)
        .filter(agent::Column::RouterId.eq(router.0))
        .filter(agent::Column::State.eq(AgentState::Approved.as_str()))
        .into_tuple()
        .one(db)
        .await?;
    let caps: Vec<Capability> = caps.and_then(|caps| serde_json::from_value(caps).ok()).unwrap_or_default();
    Ok(caps.is_empty() || caps.contains(&what))
}

pub(crate) async fn set_have_rev(tx: &impl ConnectionTrait, id: &AgentId, have: i64) -> Result<(), DbErr> {
    agent::Entity::update_many()
        .col_expr(agent::Column::HaveRev, Expr::value(have))
        .filter(agent::Column::Id.eq(id.as_str()))
        .exec(tx)
        .await?;
    Ok(())
}

pub(crate) async fn set_alert(tx: &impl ConnectionTrait, id: &AgentId, alert: &str) -> Result<(), DbErr> {
    agent::Entity::update_many()
        .col_expr(agent::Column::Alert, Expr::value(alert))
        .filter(agent::Column::Id.eq(id.as_str()))
        .exec(tx)
        .await?;
    Ok(())
}
