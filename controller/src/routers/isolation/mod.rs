//! What a router needs to isolate customers: proposed, shown line by line, wanted when an admin says so, proven by the
//! agent, and removable. Who is isolated is not decided here: that is the profile of a wanted user.
//!
//! The lines shown and the lines made come from one function ([`hiji_shared::isolation::plan`]); what is applied must
//! be what was shown, so applying takes the digest of the shown lines.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod routes;
pub mod rules;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hiji_shared::{
    desired::Object,
    device::{Kind, Service},
    isolation::{self, DesiredIsolation, Line, Menu, Release},
};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use super::{
    Router, Want,
    store::{self, IsolationRow, NewIsolation},
};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    db::Tx,
    events::{self, BusinessEvent},
    http::{access::Scope, form::FormErrors},
    ids::RouterId,
};

pub use rules::{Fields, IsolationState};

/// What an agent calls the ability.
const ABILITY: &str = "isolation";

/// What a router has to isolate customers, and how far that is.
#[derive(Debug, Clone, Serialize)]
pub struct Isolation {
    pub router_id: RouterId,
    /// The PPP profile of isolated customers; empty = none here.
    pub ppp_profile: String,
    /// The hotspot user profile of isolated members; empty = none here.
    pub hotspot_profile: String,
    pub pool: String,
    pub ranges: String,
    pub local_address: String,
    pub rate_limit: String,
    /// The address-list isolated sessions stand in.
    pub list: String,
    pub page: String,
    pub allowed: Vec<String>,
    pub state: IsolationState,
    /// Why the router refuses.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// The router's own words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    pub set_at: DateTime<Utc>,
    pub verified_at: Option<DateTime<Utc>>,
}

impl Isolation {
    /// The profile of isolated users of a service, if this router isolates them.
    #[must_use]
    pub fn profile(&self, service: Service) -> Option<&str> {
        let profile = match service {
            Service::Pppoe => &self.ppp_profile,
            Service::Hotspot => &self.hotspot_profile,
        };
        (!profile.is_empty()).then_some(profile)
    }

    fn spec(&self) -> DesiredIsolation {
        DesiredIsolation {
            gone: false,
            ppp_profile: self.ppp_profile.clone(),
            hotspot_profile: self.hotspot_profile.clone(),
            pool: self.pool.clone(),
            ranges: self.ranges.clone(),
            local_address: self.local_address.clone(),
            rate_limit: self.rate_limit.clone(),
            list: self.list.clone(),
            page: self.page.clone(),
            allowed: self.allowed.clone(),
        }
    }
}

impl From<IsolationRow> for Isolation {
    fn from(row: IsolationRow) -> Self {
        let spec = row.spec;
        Self {
            router_id: row.router,
            ppp_profile: spec.ppp_profile,
            hotspot_profile: spec.hotspot_profile,
            pool: spec.pool,
            ranges: spec.ranges,
            local_address: spec.local_address,
            rate_limit: spec.rate_limit,
            list: spec.list,
            page: spec.page,
            allowed: spec.allowed,
            state: rules::state(row.is_wanted, row.status.as_deref()),
            code: row.code,
            message: row.message,
            set_at: row.set_at,
            verified_at: row.verified_at,
        }
    }
}

/// What would be made on a router.
#[derive(Debug, Clone, Serialize)]
pub struct Preview {
    /// The router's version that the lines are for.
    pub version: String,
    pub lines: Vec<ShownLine>,
    /// To be sent along when it is applied.
    pub digest: String,
}

/// A line as an admin would type it.
#[derive(Debug, Clone, Serialize)]
pub struct ShownLine {
    pub menu: Menu,
    pub text: String,
    /// It is placed before every rule of the admin's in its chain.
    pub is_first: bool,
}

/// What is wanted of a router's isolation, and what would be if an admin says no more.
#[derive(Debug, Clone, Serialize)]
pub struct Standing {
    /// Nothing while nothing was ever wanted, or all of it is proven to be gone.
    pub isolation: Option<Isolation>,
    /// What is proposed, or wanted now.
    pub fields: Fields,
    /// Users that have one of its profiles.
    pub users: u64,
}

/// Why isolation is refused.
#[derive(Debug, thiserror::Error)]
pub enum IsolationError {
    #[error("no such router, or nothing is wanted of it")]
    NotFound,
    #[error("fields are wrong")]
    Fields(FormErrors),
    #[error("the lines are not those that were shown")]
    NotShown,
    #[error("{users} users have its profile")]
    InUse { users: u64 },
    #[error("the agent is too old for it")]
    OldAgent,
    #[error("database")]
    Db(#[from] DbErr),
}

/// What a router has to isolate customers; nothing while it is not wanted.
///
/// # Errors
/// The database's.
pub async fn of(db: &impl ConnectionTrait, router: RouterId) -> Result<Option<Isolation>, DbErr> {
    Ok(store::isolation(db, router).await?.filter(|row| row.is_wanted).map(Isolation::from))
}

/// The same of every router that has it wanted.
///
/// # Errors
/// The database's.
pub async fn all(db: &impl ConnectionTrait) -> Result<BTreeMap<RouterId, Isolation>, DbErr> {
    let rows = store::isolations(db).await?;
    Ok(rows.into_iter().map(|row| (row.router, Isolation::from(row))).collect())
}

/// How a router the caller may see stands, and what is proposed for it.
///
/// # Errors
/// [`IsolationError::NotFound`], the database's.
pub async fn standing(
    db: &impl ConnectionTrait,
    app: &App,
    scope: &Scope,
    id: RouterId,
) -> Result<Standing, IsolationError> {
    let router = store::find(db, scope, id).await?.ok_or(IsolationError::NotFound)?;
    let row = store::isolation(db, id).await?;
    let isolation = row.map(Isolation::from).filter(|isolation| isolation.state != IsolationState::Removed);
    let spec = match &isolation {
        Some(isolation) => isolation.spec(),
        None => proposal(db, app, &router).await?,
    };
    let users = match &isolation {
        Some(isolation) => users_of(db, id, &isolation.spec()).await?,
        None => 0,
    };
    Ok(Standing { isolation, fields: Fields::from(&spec), users })
}

async fn proposal(db: &impl ConnectionTrait, app: &App, router: &Router) -> Result<DesiredIsolation, DbErr> {
    let profiles = store::mirrored_profiles(db, router.id, None).await?;
    let around = store::isolations_around(db, router.id, router.site_id).await?;
    let public_host = rules::host_of(&app.config.public_url);
    Ok(rules::propose(rules::Known {
        number: router.id.0,
        facts: &router.facts,
        profiles: &profiles,
        around: &around,
        public_host,
    }))
}

async fn users_of(db: &impl ConnectionTrait, id: RouterId, spec: &DesiredIsolation) -> Result<u64, DbErr> {
    let ppp = store::users_with_profile(db, id, Kind::PppSecret, &spec.ppp_profile).await?;
    let hotspot = store::users_with_profile(db, id, Kind::HotspotUser, &spec.hotspot_profile).await?;
    Ok(ppp.saturating_add(hotspot))
}

/// What would be made on a router the caller may see.
///
/// # Errors
/// [`IsolationError::NotFound`], [`IsolationError::Fields`], the database's.
pub async fn preview(
    db: &impl ConnectionTrait,
    scope: &Scope,
    id: RouterId,
    fields: &Fields,
) -> Result<Preview, IsolationError> {
    let router = store::find(db, scope, id).await?.ok_or(IsolationError::NotFound)?;
    let spec = rules::check(fields).map_err(IsolationError::Fields)?;
    Ok(shown(&router, &spec))
}

fn shown(router: &Router, spec: &DesiredIsolation) -> Preview {
    let release = Release::of(&router.facts.version);
    let lines = isolation::plan(spec, release);
    let digest = isolation::digest(&lines, release);
    let line = |line: &Line| ShownLine { menu: line.menu, text: line.text(release), is_first: line.is_first };
    Preview { version: router.facts.version.clone(), lines: lines.iter().map(line).collect(), digest }
}

/// Wants it so: what was shown, and nothing else.
///
/// # Errors
/// [`IsolationError`].
pub async fn apply(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    id: RouterId,
    (fields, shown_digest): (&Fields, &str),
) -> Result<Isolation, IsolationError> {
    let spec = rules::check(fields).map_err(IsolationError::Fields)?;
    let tx = app.db.begin().await?;
    let router = store::find(&*tx, scope, id).await?.ok_or(IsolationError::NotFound)?;
    let abilities = store::abilities(&*tx, id).await?;
    if abilities
        .and_then(|abilities| abilities.as_array().cloned())
        .is_some_and(|abilities| !abilities.is_empty() && !abilities.iter().any(|ability| ability == ABILITY))
    {
        return Err(IsolationError::OldAgent);
    }
    if shown(&router, &spec).digest != shown_digest {
        return Err(IsolationError::NotShown);
    }
    let before = of(&*tx, id).await?.map(|before| before.spec());
    if let Some(before) = before.filter(|before| !keeps_profiles(before, &spec)) {
        refuse_in_use(&tx, id, &before).await?;
    }
    let isolation = want(&tx, app, (actor, &router), &spec, shown_digest).await?;
    tx.commit().await?;
    told(app, &router);
    Ok(isolation)
}

/// Nobody who is isolated now loses his profile by the change.
fn keeps_profiles(before: &DesiredIsolation, after: &DesiredIsolation) -> bool {
    before.ppp_profile == after.ppp_profile && before.hotspot_profile == after.hotspot_profile
}

async fn refuse_in_use(tx: &Tx, id: RouterId, spec: &DesiredIsolation) -> Result<(), IsolationError> {
    let users = users_of(&**tx, id, spec).await?;
    if users > 0 { Err(IsolationError::InUse { users }) } else { Ok(()) }
}

/// Wants all of it gone.
///
/// # Errors
/// [`IsolationError::NotFound`], [`IsolationError::InUse`], the database's.
pub async fn remove(app: &App, scope: &Scope, actor: &Actor, id: RouterId) -> Result<Isolation, IsolationError> {
    let tx = app.db.begin().await?;
    let router = store::find(&*tx, scope, id).await?.ok_or(IsolationError::NotFound)?;
    let before = of(&*tx, id).await?.ok_or(IsolationError::NotFound)?.spec();
    refuse_in_use(&tx, id, &before).await?;
    let gone = DesiredIsolation { gone: true, ..before };
    let isolation = want(&tx, app, (actor, &router), &gone, "").await?;
    tx.commit().await?;
    told(app, &router);
    Ok(isolation)
}

async fn want(
    tx: &Tx,
    app: &App,
    (actor, router): (&Actor, &Router),
    spec: &DesiredIsolation,
    digest: &str,
) -> Result<Isolation, IsolationError> {
    let at = app.clock.now();
    let new = NewIsolation { router: router.id, spec, digest, by: actor.admin, at };
    store::put_isolation(&**tx, new).await?;
    let object = Object::Isolation(spec.clone());
    super::want(tx, app, router.id, actor, vec![Want { object }]).await?;
    let what = if spec.gone { "removed" } else { "applied" };
    let event = BusinessEvent::RouterIsolation { router_id: router.id, what: what.to_owned() };
    events::record(&**tx, at, Some(router.site_id), &event).await?;
    let action = if spec.gone { "router.isolation_remove" } else { "router.isolation_apply" };
    let detail = serde_json::json!({
        "ppp_profile": spec.ppp_profile, "hotspot_profile": spec.hotspot_profile, "pool": spec.pool,
        "ranges": spec.ranges, "local_address": spec.local_address, "rate_limit": spec.rate_limit, "list": spec.list,
        "page": spec.page, "allowed": spec.allowed, "digest": digest,
    });
    let object = format!("router/{}", router.id);
    audit::record(&**tx, at, actor, Deed { action, object, site: Some(router.site_id), detail }).await?;
    let row = store::isolation(&**tx, router.id).await?.ok_or(IsolationError::NotFound)?;
    Ok(row.into())
}

fn told(app: &App, router: &Router) {
    app.wakes.wake();
    app.live.send(format!("router-{}", router.id), Some(router.site_id));
}
