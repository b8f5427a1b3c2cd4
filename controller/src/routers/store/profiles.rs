//! How one profile stands on several routers: what is wanted, what is proven, what was seen.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use hiji_shared::{
    capability::Capability,
    device::{Kind, RouterProfile, Row},
};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use serde::Serialize;

use super::{
    super::AgentState,
    desired::{DELIVERED, VERIFIED, WANTED},
};
use crate::{
    db::entity::{agent, desired_object, mirror_row},
    ids::RouterId,
};

/// How a profile stands on one router.
#[derive(Debug, Clone, Serialize)]
pub struct ProfileState {
    pub router_id: RouterId,
    /// `wanted`, `delivered`, `verified`, `failed`; nothing where hiji does not make it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// The router's own words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<DateTime<Utc>>,
    /// As the router showed it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<RouterProfile>,
    /// Whether the agent there can set local address and pool; an older one leaves them alone.
    pub sets_addresses: bool,
}

/// The states of a profile on these routers, in their order: three queries for all of them.
pub(crate) async fn profile_states(
    db: &impl ConnectionTrait,
    routers: &[RouterId],
    kind: Kind,
    name: &str,
) -> Result<Vec<ProfileState>, DbErr> {
    let ids: Vec<i64> = routers.iter().map(|router| router.0).collect();
    let wanted = desired_object::Entity::find()
        .filter(desired_object::Column::RouterId.is_in(ids.iter().copied()))
        .filter(desired_object::Column::Kind.eq(kind.as_str()))
        .filter(desired_object::Column::Name.eq(name))
        .filter(desired_object::Column::Gone.eq(false))
        .all(db)
        .await?;
    let seen = mirror_row::Entity::find()
        .filter(mirror_row::Column::RouterId.is_in(ids.iter().copied()))
        .filter(mirror_row::Column::Kind.eq(kind.as_str()))
        .filter(mirror_row::Column::Name.eq(name))
        .all(db)
        .await?;
    let agents: Vec<(i64, i64, serde_json::Value)> = agent::Entity::find()
        .select_only()
        .columns([agent::Column::RouterId, agent::Column::HaveRev, agent::Column::Caps])
        .filter(agent::Column::RouterId.is_in(ids))
        .filter(agent::Column::State.eq(AgentState::Approved.as_str()))
        .into_tuple()
        .all(db)
        .await?;
    let mut wanted: HashMap<i64, _> = wanted.into_iter().map(|row| (row.router_id, row)).collect();
    let mut seen: HashMap<i64, _> = seen.into_iter().map(|row| (row.router_id, row)).collect();
    let agents: HashMap<i64, _> = agents.into_iter().map(|(router, have, caps)| (router, (have, caps))).collect();
    let state = |router: &RouterId| {
        let agent = agents.get(&router.0);
        let row = wanted.remove(&router.0).filter(|row| row.doc["scripts_only"] != true);
        let caps: Vec<Capability> =
            agent.and_then(|(_, caps)| serde_json::from_value(caps.clone()).ok()).unwrap_or_default();
        let (status, code, message, verified_at) = match row {
            None => (None, String::new(), String::new(), None),
            Some(row) => {
                let delivered = row.status == WANTED && agent.is_some_and(|(have, _)| *have >= row.rev);
                let status = if delivered { DELIVERED.to_owned() } else { row.status };
                let verified_at = row.proven_at.filter(|_| status == VERIFIED);
                (Some(status), row.code, row.message, verified_at)
            }
        };
        let seen = seen.remove(&router.0).and_then(|row| match Row::from_json(kind, row.doc) {
            Ok(Row::Profile(profile)) => Some(profile),
            Ok(Row::User(_)) | Err(_) => None,
        });
        let sets_addresses = caps.contains(&Capability::ProfileAddresses);
        ProfileState { router_id: *router, status, code, message, verified_at, seen, sets_addresses }
    };
    Ok(routers.iter().map(state).collect())
}
