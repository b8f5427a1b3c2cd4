//! Routers and their agents: enrolment, presence, wanted state and its proof, the mirror.
//!
//! What a router shall be is a set of objects ([`want`]), each with a revision of that router. The agent says how far
//! it has them; [`push`] sends the rest. No message is needed to survive: both sides compare and continue.

pub(crate) mod api;
pub mod auth;
pub mod config;
pub mod detail;
pub mod enroll;
mod faults;
pub mod hooks;
pub mod isolation;
pub mod jobs;
pub(crate) mod pages;
pub mod push;
pub(crate) mod routes;
pub mod rules;
pub mod script;
pub mod store;
pub mod uplink;
pub mod wake;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use hiji_shared::{
    agent_id::AgentId,
    capability::Capability,
    command::Op,
    desired::{Object, Rev},
    device::{Kind, RouterFacts, RouterUser, Service},
};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use crate::{
    app::App,
    audit::{self, Actor, Deed},
    db::{
        Tx,
        paging::{PageOf, Paged},
    },
    events::{self, BusinessEvent},
    http::access::Scope,
    ids::{self, RouterId, SiteId},
};

pub(crate) use pages::sample_router;
pub use rules::{Presence, SyncState};
pub use store::{CommandRow as Asked, ObjectState, Place, ProfileState};

/// Longest name of a router, characters.
pub const MAX_NAME: usize = 60;

/// A router as pages and API show it.
#[derive(Debug, Clone, Serialize)]
pub struct Router {
    pub id: RouterId,
    pub site_id: SiteId,
    pub name: String,
    pub presence: Presence,
    /// Since when it is so.
    pub since: Option<DateTime<Utc>>,
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Does the router's API answer its agent?
    pub reach: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reach_error: String,
    pub facts: RouterFacts,
    pub facts_at: Option<DateTime<Utc>>,
    pub desired_rev: i64,
    /// How far the agent has it.
    pub observed_rev: i64,
    pub agent: Option<Agent>,
    pub created_at: DateTime<Utc>,
}

/// The agent of a router.
#[derive(Debug, Clone, Serialize)]
pub struct Agent {
    pub id: AgentId,
    pub state: AgentState,
    pub version: String,
    /// What it said of its router when it enrolled, for the admin who approves.
    pub fingerprint: serde_json::Value,
    pub enrolled_at: DateTime<Utc>,
    pub approved_at: Option<DateTime<Utc>>,
    /// Its last alert, empty when there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub alert: String,
}

/// Where an agent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// Enrolled, waits for an admin.
    Waiting,
    Approved,
    /// Replaced or thrown out: the broker refuses it.
    Revoked,
}

impl AgentState {
    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Revoked => "revoked",
        }
    }

    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "approved" => Self::Approved,
            "waiting" => Self::Waiting,
            _ => Self::Revoked,
        }
    }
}

/// Why an operation on a router is refused.
#[derive(Debug, thiserror::Error)]
pub enum RouterError {
    #[error("no such router")]
    NotFound,
    #[error("no such site")]
    NoSuchSite,
    #[error("the name is empty or too long")]
    BadName,
    #[error("the site has a router of that name")]
    NameTaken,
    #[error("no agent waits for approval")]
    NothingToApprove,
    #[error("database")]
    Db(#[from] DbErr),
}

/// Adds a router to a site.
///
/// # Errors
/// [`RouterError::NoSuchSite`], [`RouterError::BadName`], [`RouterError::NameTaken`], the database's.
pub async fn add(app: &App, scope: &Scope, actor: &Actor, site: SiteId, name: &str) -> Result<RouterId, RouterError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(RouterError::BadName);
    }
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    crate::sites::find(&*tx, scope, site).await?.ok_or(RouterError::NoSuchSite)?;
    let id = store::insert(&*tx, now, site, name).await?;
    let detail = serde_json::json!({ "name": name });
    let deed = Deed { action: "router.add", object: format!("router/{id}"), site: Some(site), detail };
    audit::record(&*tx, now, actor, deed).await?;
    tx.commit().await?;
    app.live.send("routers", Some(site));
    Ok(id)
}

/// A router the caller may see.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, scope: &Scope, id: RouterId) -> Result<Option<Router>, DbErr> {
    store::find(db, scope, id).await
}

/// Routers, by site and name.
///
/// # Errors
/// The database's.
pub async fn list(
    db: &impl ConnectionTrait,
    scope: &Scope,
    site: Option<SiteId>,
    page: &PageOf,
) -> Result<Paged<Router>, DbErr> {
    store::list(db, scope, site, page).await
}

/// Where the routers are that the caller may see, by site and name.
///
/// # Errors
/// The database's.
pub async fn places(db: &impl ConnectionTrait, scope: &Scope) -> Result<Vec<Place>, DbErr> {
    store::places(db, scope).await
}

/// Lets a waiting agent in; an agent it replaces is thrown out.
///
/// # Errors
/// [`RouterError::NotFound`], [`RouterError::NothingToApprove`], the database's.
pub async fn approve(app: &App, scope: &Scope, actor: &Actor, id: RouterId) -> Result<Router, RouterError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let router = store::find(&*tx, scope, id).await?.ok_or(RouterError::NotFound)?;
    let waiting = store::waiting_agent(&*tx, id).await?.ok_or(RouterError::NothingToApprove)?;
    approve_in(&tx, now, actor, &router, &waiting).await?;
    tx.commit().await?;
    app.wakes.wake();
    store::find(app.db.read(), scope, id).await?.ok_or(RouterError::NotFound)
}

/// The approval itself, in the caller's transaction.
pub(crate) async fn approve_in(
    tx: &Tx,
    now: DateTime<Utc>,
    actor: &Actor,
    router: &Router,
    agent: &AgentId,
) -> Result<(), RouterError> {
    for old in store::approved_agents(&**tx, router.id).await? {
        store::set_agent_state(&**tx, &old, AgentState::Revoked, None).await?;
        let job = jobs::Revoke { agent: old };
        crate::jobs::enqueue(&**tx, now, &job, crate::jobs::When::default()).await?;
    }
    store::set_agent_state(&**tx, agent, AgentState::Approved, Some(now)).await?;
    let grant = jobs::Grant { agent: agent.clone() };
    crate::jobs::enqueue(&**tx, now, &grant, crate::jobs::When::default()).await?;
    events::record(&**tx, now, Some(router.site_id), &BusinessEvent::RouterApproved { router_id: router.id }).await?;
    let deed = Deed {
        action: "router.approve",
        object: format!("router/{}", router.id),
        site: Some(router.site_id),
        detail: serde_json::json!({ "agent": agent }),
    };
    audit::record(&**tx, now, actor, deed).await?;
    Ok(())
}

/// Something a router shall have.
#[derive(Debug, Clone)]
pub struct Want {
    pub object: Object,
}

/// Records what a router shall have, in the caller's transaction: one new revision an object, in the order given.
/// After the commit call `app.wakes.wake()`. The range of revisions is `(from, to]`.
///
/// # Errors
/// The database's.
pub async fn want(
    tx: &Tx,
    app: &App,
    router: RouterId,
    requested_by: &Actor,
    mut objects: Vec<Want>,
) -> Result<(Rev, Rev), DbErr> {
    hooks::carry_over(tx, router, &mut objects).await?;
    want_as_said(tx, app, router, requested_by, objects).await
}

/// The same, with nothing carried over from what was wanted before.
async fn want_as_said(
    tx: &Tx,
    app: &App,
    router: RouterId,
    requested_by: &Actor,
    objects: Vec<Want>,
) -> Result<(Rev, Rev), DbErr> {
    let now = app.clock.now();
    let count = i64::try_from(objects.len()).unwrap_or(i64::MAX);
    let to = store::bump_rev(&**tx, router, count).await?;
    let from = to - count;
    store::put_desired(&**tx, &app.keys, now, router, from, objects).await?;
    let command = store::NewCommand {
        id: ids::ulid(now.timestamp_millis()),
        router,
        op: "desired.put",
        args: serde_json::json!({}),
        from_rev: from,
        to_rev: to,
        requested_by: requested_by.name.clone(),
        expires_at: now + crate::clock::seconds(rules::DESIRED_EXPIRES_SECS),
    };
    store::insert_command(&**tx, now, command).await?;
    Ok((from.unsigned_abs(), to.unsigned_abs()))
}

/// Asks something of a router's agent once. The id names it in the list of commands.
///
/// # Errors
/// [`RouterError::NotFound`], the database's.
pub async fn ask(app: &App, scope: &Scope, actor: &Actor, id: RouterId, op: &Op) -> Result<String, RouterError> {
    let tx = app.db.begin().await?;
    let command_id = ask_in(&tx, app, (scope, actor), id, op).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok(command_id)
}

/// The same in the caller's transaction; after the commit call `app.wakes.wake()`.
///
/// # Errors
/// [`RouterError::NotFound`], the database's.
pub async fn ask_in(
    tx: &Tx,
    app: &App,
    (scope, actor): (&Scope, &Actor),
    id: RouterId,
    op: &Op,
) -> Result<String, RouterError> {
    let now = app.clock.now();
    let router = store::find(&**tx, scope, id).await?.ok_or(RouterError::NotFound)?;
    let command = store::NewCommand {
        id: ids::ulid(now.timestamp_millis()),
        router: id,
        op: op.name(),
        args: serde_json::to_value(op).map_err(|error| DbErr::Custom(error.to_string()))?,
        from_rev: 0,
        to_rev: 0,
        requested_by: actor.name.clone(),
        expires_at: now + crate::clock::seconds(rules::COMMAND_EXPIRES_SECS),
    };
    let command_id = command.id.clone();
    store::insert_command(&**tx, now, command).await?;
    let deed = Deed {
        action: "router.command",
        object: format!("router/{id}"),
        site: Some(router.site_id),
        detail: serde_json::json!({ "op": op.name(), "command": command_id }),
    };
    audit::record(&**tx, now, actor, deed).await?;
    Ok(command_id)
}

/// A mirrored profile, as packages offer it.
#[derive(Debug, Clone, Serialize)]
pub struct MirroredProfile {
    pub router_id: RouterId,
    pub service: Service,
    pub name: String,
    pub rate_limit: String,
    pub shared_users: u32,
    /// PPP: the router's own address, or the pool it comes from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub local_address: String,
    /// The pool of the users' addresses.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address_pool: String,
    /// Carries hiji's marker.
    pub marked: bool,
}

/// Profiles of routers the caller may see; `marked_only` = those with hiji's mark.
///
/// # Errors
/// The database's.
pub async fn profiles(
    db: &impl ConnectionTrait,
    scope: &Scope,
    router: Option<RouterId>,
    marked_only: bool,
) -> Result<Vec<MirroredProfile>, DbErr> {
    store::profiles(db, scope, router, marked_only).await
}

/// How a profile stands on these routers, in their order.
///
/// # Errors
/// The database's.
pub async fn profile_states(
    db: &impl ConnectionTrait,
    routers: &[RouterId],
    kind: Kind,
    name: &str,
) -> Result<Vec<ProfileState>, DbErr> {
    store::profile_states(db, routers, kind, name).await
}

/// Which of these names the router has already, as a user of that kind, or shall have.
///
/// # Errors
/// The database's.
pub async fn taken_names(
    db: &impl ConnectionTrait,
    router: RouterId,
    kind: Kind,
    names: &[String],
) -> Result<Vec<String>, DbErr> {
    store::taken_names(db, router, kind, names).await
}

/// Users of these names that a router has and nobody here wants there. Whose they are their comments tell.
///
/// # Errors
/// The database's.
pub async fn users_found(
    db: &impl ConnectionTrait,
    router: RouterId,
    kind: Kind,
    names: &[String],
) -> Result<Vec<RouterUser>, DbErr> {
    store::users_found(db, router, kind, names).await
}

/// Whether the agent of a router can do something. Where there is none yet, the one that comes will be able to.
///
/// # Errors
/// The database's.
pub async fn agent_can(db: &impl ConnectionTrait, router: RouterId, what: Capability) -> Result<bool, DbErr> {
    store::agent_can(db, router, what).await
}

/// An object a router shall have, and how far that is.
///
/// # Errors
/// The database's.
pub async fn object_state(
    db: &impl ConnectionTrait,
    router: RouterId,
    kind: Kind,
    name: &str,
) -> Result<Option<ObjectState>, DbErr> {
    store::object_state(db, router, kind, name).await
}

/// What the router said when it refused objects of these names, by name.
///
/// # Errors
/// The database's.
pub async fn refusals(
    db: &impl ConnectionTrait,
    router: RouterId,
    kind: Kind,
    names: &[String],
) -> Result<HashMap<String, String>, DbErr> {
    store::refusals(db, router, kind, names).await
}

/// Which of these names are proven to be gone, as wanted.
///
/// # Errors
/// The database's.
pub async fn proven_gone(
    db: &impl ConnectionTrait,
    router: RouterId,
    kind: Kind,
    names: &[String],
) -> Result<Vec<String>, DbErr> {
    store::wanted_gone(db, router, kind, names, true).await
}

/// Which of these names are wanted to be gone, proven or not.
///
/// # Errors
/// The database's.
pub async fn wanted_gone(
    db: &impl ConnectionTrait,
    router: RouterId,
    kind: Kind,
    names: &[String],
) -> Result<Vec<String>, DbErr> {
    store::wanted_gone(db, router, kind, names, false).await
}

/// What became of something that was asked of a router's agent.
///
/// # Errors
/// The database's.
pub async fn asked(db: &impl ConnectionTrait, router: RouterId, id: &str) -> Result<Option<Asked>, DbErr> {
    store::command(db, router, id).await
}

/// Nobody is connected to a broker that just started; who is will say so.
///
/// # Errors
/// The database's.
pub async fn all_offline(tx: &Tx, now: DateTime<Utc>) -> Result<(), DbErr> {
    store::all_offline(&**tx, now).await
}
