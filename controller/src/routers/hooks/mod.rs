//! Hooks and markers of profiles: what hiji would write into a profile's scripts, shown before it is wanted; wanted only
//! when an admin says so; taken out again without a trace.
//!
//! The agent does the writing ([`hiji_shared::script`] on both sides) and keeps it: what was taken out in WinBox comes
//! back as long as it is wanted here.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod routes;
pub mod rules;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hiji_shared::{
    command::Op,
    desired::{DesiredProfile, Marking, Object},
    device::{Kind, RouterProfile, Service},
    script::{self, ScriptError},
};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use super::{
    Router, RouterError, Want, ask,
    store::{self, CommandRow, WantedProfile},
};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    db::Tx,
    http::access::Scope,
    ids::RouterId,
    settings,
};

pub use rules::{Change, HookState, Wish};

/// A profile with what hiji has in its scripts.
#[derive(Debug, Clone, Serialize)]
pub struct ProfileHooks {
    pub service: Service,
    pub name: String,
    /// It carries the marker on the router.
    pub marked: bool,
    /// Its scripts on the router call the hook.
    pub calls: bool,
    /// One of its scripts is Mikhmon's.
    pub mikhmon: bool,
    /// hiji made the profile.
    pub made: bool,
    /// What an admin wished.
    pub wish: Wish,
    pub state: HookState,
    /// Why the agent refuses.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub code: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    pub proven_at: Option<DateTime<Utc>>,
}

/// What a wish would do.
#[derive(Debug, Clone, Serialize)]
pub struct Preview {
    pub hooks: ProfileHooks,
    /// The wish it shows.
    pub wish: Wish,
    /// Scripts and comment before and after; empty when it is refused.
    pub changes: Vec<Change>,
    /// Why it would be refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<&'static str>,
}

/// What became of a wish for many profiles.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Many {
    pub changed: Vec<String>,
    /// Left as they were, and why.
    pub skipped: Vec<Skipped>,
}

/// A profile that was left as it was.
#[derive(Debug, Clone, Serialize)]
pub struct Skipped {
    pub name: String,
    pub code: &'static str,
}

/// Why hooks are refused.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    #[error("no such router or profile")]
    NotFound,
    #[error("the agent has no hook")]
    NoHook,
    #[error("the script cannot take it")]
    Script(#[from] ScriptError),
    #[error("database")]
    Db(#[from] DbErr),
}

impl HookError {
    /// Stable, and the sentence `error-<code>`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::NoHook => "hook_off",
            Self::Script(ScriptError::Mikhmon) => "script_mikhmon",
            Self::Script(ScriptError::TooLong { .. }) => "script_too_long",
            Self::Db(_) => "database",
        }
    }
}

/// The hooks of every profile of a router the caller may see, by name.
///
/// # Errors
/// [`HookError::NotFound`], the database's.
pub async fn list(db: &impl ConnectionTrait, scope: &Scope, id: RouterId) -> Result<Vec<ProfileHooks>, HookError> {
    store::find(db, scope, id).await?.ok_or(HookError::NotFound)?;
    let wanted = wanted(db, id).await?;
    let seen = store::mirrored_profiles(db, id, None).await?;
    Ok(seen.iter().map(|(kind, profile)| shown(*kind, profile, wanted_of(&wanted, *kind, profile))).collect())
}

/// What a wish would do to one profile.
///
/// # Errors
/// [`HookError::NotFound`], the database's. A refusal is part of the answer.
pub async fn preview(
    db: &impl ConnectionTrait,
    scope: &Scope,
    id: RouterId,
    (service, name): (Service, &str),
    wish: Wish,
) -> Result<Preview, HookError> {
    let router = store::find(db, scope, id).await?.ok_or(HookError::NotFound)?;
    let kind = Kind::profile_of(service);
    let seen = one(db, id, kind, name).await?;
    let wanted = wanted(db, id).await?;
    let before = wanted_of(&wanted, kind, &seen);
    let marker = marker(db, service).await?;
    let hooks = shown(kind, &seen, before);
    let planned = plan(&router, &seen, before, wish, (service, &marker));
    let (changes, refused) = match planned {
        Ok((_, changes)) => (changes, None),
        Err(error @ (HookError::NoHook | HookError::Script(_))) => (Vec::new(), Some(error.code())),
        Err(error @ (HookError::NotFound | HookError::Db(_))) => return Err(error),
    };
    Ok(Preview { hooks, wish, changes, refused })
}

/// Wants it so.
///
/// # Errors
/// [`HookError`].
pub async fn wish(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    id: RouterId,
    (service, name): (Service, &str),
    wish: Wish,
) -> Result<ProfileHooks, HookError> {
    let tx = app.db.begin().await?;
    let router = store::find(&*tx, scope, id).await?.ok_or(HookError::NotFound)?;
    let kind = Kind::profile_of(service);
    let seen = one(&*tx, id, kind, name).await?;
    let known = wanted(&*tx, id).await?;
    let marker = marker(&*tx, service).await?;
    let (object, _) = plan(&router, &seen, wanted_of(&known, kind, &seen), wish, (service, &marker))?;
    want(&tx, app, &router, actor, vec![object]).await?;
    let known = wanted(&*tx, id).await?;
    let hooks = shown(kind, &seen, wanted_of(&known, kind, &seen));
    tx.commit().await?;
    told(app, &router);
    Ok(hooks)
}

/// Wants hooks in every marked profile, or takes everything of hiji's out of every profile. What is refused is left as
/// it was.
///
/// # Errors
/// [`HookError::NotFound`], the database's.
pub async fn wish_all(app: &App, scope: &Scope, actor: &Actor, id: RouterId, on: bool) -> Result<Many, HookError> {
    let tx = app.db.begin().await?;
    let router = store::find(&*tx, scope, id).await?.ok_or(HookError::NotFound)?;
    let known = wanted(&*tx, id).await?;
    let (mut many, mut objects) = (Many::default(), Vec::new());
    for (kind, seen) in store::mirrored_profiles(&*tx, id, None).await? {
        let before = wanted_of(&known, kind, &seen);
        let now = shown(kind, &seen, before);
        let concerned = if on { seen.marked } else { now.wish.hooks || now.wish.mark || rules::has_block(&seen) };
        let wish = Wish { mark: on, hooks: on, beside_mikhmon: on && now.wish.beside_mikhmon };
        if !concerned || (now.wish == wish && now.state != HookState::Found) {
            continue;
        }
        let marker = marker(&*tx, kind.service()).await?;
        match plan(&router, &seen, before, wish, (kind.service(), &marker)) {
            Ok((object, _)) => {
                many.changed.push(seen.name);
                objects.push(object);
            }
            Err(error @ (HookError::NoHook | HookError::Script(_))) => {
                many.skipped.push(Skipped { name: seen.name, code: error.code() });
            }
            Err(error @ (HookError::NotFound | HookError::Db(_))) => return Err(error),
        }
    }
    if !objects.is_empty() {
        want(&tx, app, &router, actor, objects).await?;
    }
    tx.commit().await?;
    told(app, &router);
    Ok(many)
}

/// Asks the agent to have its router call the hook. The id names it among the commands.
///
/// # Errors
/// As [`ask`].
pub async fn test(app: &App, scope: &Scope, actor: &Actor, id: RouterId) -> Result<String, RouterError> {
    let command = ask(app, scope, actor, id, &Op::HookTest).await?;
    app.live.send(format!("router-{id}"), None);
    Ok(command)
}

/// The last test and what came of it: its message is the time in ms, or the router's own words.
///
/// # Errors
/// The database's.
pub async fn last_test(db: &impl ConnectionTrait, id: RouterId) -> Result<Option<CommandRow>, DbErr> {
    store::last_command(db, id, Op::HookTest.name()).await
}

/// A package that is changed knows nothing of hooks: what was wished for its profile stays.
pub(super) async fn carry_over(tx: &Tx, router: RouterId, objects: &mut [Want]) -> Result<(), DbErr> {
    let is_made = |want: &Want| matches!(&want.object, Object::Profile(profile) if !profile.scripts_only);
    if !objects.iter().any(is_made) {
        return Ok(());
    }
    let known = wanted(&**tx, router).await?;
    for want in objects {
        let Object::Profile(profile) = &mut want.object else { continue };
        let key = (Kind::profile_of(profile.service), profile.name.clone());
        if let Some(before) = known.get(&key).filter(|_| !profile.scripts_only && !profile.hooks) {
            (profile.hooks, profile.beside_mikhmon) = (before.profile.hooks, before.profile.beside_mikhmon);
        }
    }
    Ok(())
}

type Known = BTreeMap<(Kind, String), WantedProfile>;

async fn wanted(db: &impl ConnectionTrait, id: RouterId) -> Result<Known, DbErr> {
    let rows = store::wanted_profiles(db, id).await?;
    Ok(rows.into_iter().map(|row| ((row.kind, row.profile.name.clone()), row)).collect())
}

fn wanted_of<'a>(known: &'a Known, kind: Kind, seen: &RouterProfile) -> Option<&'a WantedProfile> {
    known.get(&(kind, seen.name.clone()))
}

async fn one(db: &impl ConnectionTrait, id: RouterId, kind: Kind, name: &str) -> Result<RouterProfile, HookError> {
    let found = store::mirrored_profiles(db, id, Some(name)).await?;
    found.into_iter().find(|(of, _)| *of == kind).map(|(_, profile)| profile).ok_or(HookError::NotFound)
}

async fn marker(db: &impl ConnectionTrait, service: Service) -> Result<String, DbErr> {
    let settings = settings::load(db).await?;
    Ok(match service {
        Service::Hotspot => settings.voucher_marker,
        Service::Pppoe => settings.pppoe_marker,
    })
}

fn plan(
    router: &Router,
    seen: &RouterProfile,
    before: Option<&WantedProfile>,
    wish: Wish,
    (service, marker): (Service, &str),
) -> Result<(DesiredProfile, Vec<Change>), HookError> {
    if wish.hooks && router.facts.hook_url.is_empty() {
        return Err(HookError::NoHook);
    }
    let wanted = rules::wished(wish, service, seen, before.map(|before| &before.profile), marker);
    let changes = rules::changes(seen, &wanted, &router.facts.hook_url, &router.facts.version)?;
    Ok((wanted, changes))
}

async fn want(tx: &Tx, app: &App, router: &Router, actor: &Actor, profiles: Vec<DesiredProfile>) -> Result<(), DbErr> {
    let said = |profile: &DesiredProfile| {
        serde_json::json!({
            "service": profile.service, "profile": profile.name, "hooks": profile.hooks, "marking": profile.marking,
            "beside_mikhmon": profile.beside_mikhmon,
        })
    };
    let detail = serde_json::json!({ "profiles": profiles.iter().map(said).collect::<Vec<_>>() });
    let objects = profiles.into_iter().map(|profile| Want { object: Object::Profile(profile) }).collect();
    super::want_as_said(tx, app, router.id, actor, objects).await?;
    let object = format!("router/{}", router.id);
    let deed = Deed { action: "router.hooks", object, site: Some(router.site_id), detail };
    audit::record(&**tx, app.clock.now(), actor, deed).await
}

fn told(app: &App, router: &Router) {
    app.wakes.wake();
    app.live.send(format!("router-{}", router.id), Some(router.site_id));
}

fn shown(kind: Kind, seen: &RouterProfile, wanted: Option<&WantedProfile>) -> ProfileHooks {
    let wish = wanted.map_or_else(Wish::default, |wanted| Wish {
        mark: match wanted.profile.marking {
            Marking::Set => true,
            Marking::Keep => seen.marked,
            Marking::Remove => false,
        },
        hooks: wanted.profile.hooks,
        beside_mikhmon: wanted.profile.beside_mikhmon,
    });
    let failed = wanted.filter(|wanted| wanted.status == "failed");
    ProfileHooks {
        service: kind.service(),
        name: seen.name.clone(),
        marked: seen.marked,
        calls: rules::calls_hook(seen),
        mikhmon: script::is_mikhmon(&seen.script_begin) || script::is_mikhmon(&seen.script_end),
        made: wanted.is_some_and(|wanted| !wanted.profile.scripts_only),
        wish,
        state: rules::state(seen, wanted.map(|wanted| (&wanted.profile, wanted.status.as_str()))),
        code: failed.map(|wanted| wanted.code.clone()).unwrap_or_default(),
        message: failed.map(|wanted| wanted.message.clone()).unwrap_or_default(),
        proven_at: wanted.and_then(|wanted| wanted.proven_at),
    }
}
