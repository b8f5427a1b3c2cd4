//! One router looked at closely: whether it is as wanted, how fresh its mirror is, its mirrored rows, what was asked of
//! its agent. Every function answers nothing for a router outside of the scope.

use std::collections::BTreeMap;

use hiji_shared::{
    command::Op,
    device::{Kind, Service},
};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use super::{
    Agent, Router, RouterError, SyncState, ask,
    isolation::{self, Isolation},
    rules,
    store::{self, CommandRow, FailedObject, MirrorRow, MirrorState},
};
use crate::{
    app::App,
    audit::Actor,
    db::paging::{PageOf, Paged},
    http::access::Scope,
    ids::RouterId,
};

/// A router with all that is known of it.
#[derive(Debug, Clone, Serialize)]
pub struct Detail {
    #[serde(flatten)]
    pub router: Router,
    /// Router clock minus the agent's, seconds; `None` = not known.
    pub clock_skew_secs: Option<i64>,
    /// An agent that waits for an admin, also beside one that it is to replace.
    pub waiting_agent: Option<Agent>,
    pub sync: Sync,
    pub mirrors: Vec<MirrorState>,
    /// What it has to isolate customers; nothing while it is not wanted.
    pub isolation: Option<Isolation>,
}

/// Is it as wanted?
#[derive(Debug, Clone, Serialize)]
pub struct Sync {
    pub state: SyncState,
    /// Objects wanted and not proven, proven, refused.
    pub wanted: i64,
    pub verified: i64,
    pub failed: i64,
    /// The refused ones.
    pub failures: Vec<FailedObject>,
}

/// Which mirrored rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    Users,
    Profiles,
}

/// A router with all that is known of it.
///
/// # Errors
/// The database's.
pub async fn detail(db: &impl ConnectionTrait, scope: &Scope, id: RouterId) -> Result<Option<Detail>, DbErr> {
    let Some(router) = store::find(db, scope, id).await? else { return Ok(None) };
    Ok(Some(Detail {
        clock_skew_secs: router.facts.clock_skew_secs,
        waiting_agent: store::agent_in_waiting(db, id).await?,
        sync: sync_of(db, id).await?,
        mirrors: store::mirror_states(db, id).await?,
        isolation: isolation::of(db, id).await?,
        router,
    }))
}

async fn sync_of(db: &impl ConnectionTrait, id: RouterId) -> Result<Sync, DbErr> {
    let counts = store::desired_counts(db, id, None).await?;
    let failures = if counts.failed > 0 { store::failed_objects(db, id).await? } else { Vec::new() };
    Ok(Sync {
        state: rules::sync_state(counts.wanted, counts.failed),
        wanted: counts.wanted,
        verified: counts.verified,
        failed: counts.failed,
        failures,
    })
}

/// The sync states of routers that something is wanted on, for lists.
///
/// # Errors
/// The database's.
pub async fn sync_states(
    db: &impl ConnectionTrait,
    routers: impl IntoIterator<Item = RouterId>,
) -> Result<BTreeMap<RouterId, SyncState>, DbErr> {
    let counts = store::counts_of_routers(db, routers).await?;
    Ok(counts.into_iter().map(|(id, counts)| (id, rules::sync_state(counts.wanted, counts.failed))).collect())
}

/// Mirrored users or profiles by name, of one service or both; `q` is a part of the name or comment.
///
/// # Errors
/// The database's.
pub async fn mirrored(
    db: &impl ConnectionTrait,
    id: RouterId,
    (rows, service): (Rows, Option<Service>),
    q: &str,
    page: &PageOf,
) -> Result<Paged<MirrorRow>, DbErr> {
    let of = match rows {
        Rows::Users => Kind::user_of,
        Rows::Profiles => Kind::profile_of,
    };
    let kinds = match service {
        Some(service) => vec![of(service)],
        None => vec![of(Service::Hotspot), of(Service::Pppoe)],
    };
    store::mirror_rows(db, id, &kinds, q, page).await
}

/// What was asked of the router's agent, newest first.
///
/// # Errors
/// The database's.
pub async fn commands(db: &impl ConnectionTrait, id: RouterId, page: &PageOf) -> Result<Paged<CommandRow>, DbErr> {
    store::commands(db, id, page).await
}

/// Asks the agent to read everything anew and to try again what failed. The id of the first of these commands.
///
/// # Errors
/// [`RouterError::NotFound`], the database's.
pub async fn sync(app: &App, scope: &Scope, actor: &Actor, id: RouterId) -> Result<String, RouterError> {
    let command = ask(app, scope, actor, id, &Op::Snapshot { kind: None }).await?;
    ask(app, scope, actor, id, &Op::DesiredRetry).await?;
    Ok(command)
}
