//! Admins: the people who sign in, their roles and sites, and their sessions.
//!
//! A login is a JWT that names a session; the session's row decides on every request, so it can be listed and ended.

pub(crate) mod account_pages;
pub(crate) mod account_routes;
pub mod api;
mod faults;
mod known;
pub(crate) mod manage_api;
pub(crate) mod manage_pages;
pub(crate) mod manage_routes;
pub mod pages;
pub mod password;
pub mod routes;
pub mod rules;
pub mod setup;
mod store;

use std::collections::BTreeSet;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
pub use known::KnownCallers;
use sea_orm::{ConnectionTrait, DbErr};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use crate::{
    app::App,
    audit::{self, Actor, Deed},
    clock,
    http::{
        access::{Permission, Role, Scope, may_grant},
        form::{FieldError, FormErrors},
        locale::Locale,
        session::{Caller, SessionError, Sessions, Verified},
    },
    ids::{self, AdminId, SiteId},
    tokens::SESSION_DAYS,
};

const DAY_SECS: i64 = 86_400;
/// A session is marked as seen at most this often.
const SEEN_SECS: i64 = 60;

/// An admin as listed.
#[derive(Debug, Clone, Serialize)]
pub struct Admin {
    pub id: AdminId,
    pub username: String,
    pub name: String,
    pub role: Role,
    /// Sites he is limited to; empty = all.
    pub site_ids: Vec<SiteId>,
    /// What he may beyond his role.
    #[serde(serialize_with = "names_of")]
    pub grants: Vec<Permission>,
    pub active: bool,
    pub created_at: DateTime<Utc>,
}

/// What an admin shall be.
#[derive(Debug, Clone)]
pub struct AdminForm {
    pub username: String,
    pub name: String,
    pub role: Role,
    /// Empty = all.
    pub site_ids: Vec<SiteId>,
    /// What he may beyond his role.
    pub grants: Vec<Permission>,
    /// `None` keeps the password.
    pub password: Option<SecretString>,
    pub active: bool,
}

fn names_of<S: serde::Serializer>(grants: &[Permission], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(grants.iter().filter_map(|grant| grant.grant_name()))
}

/// A signed-in session as its owner sees it.
#[derive(Debug, Clone, Serialize)]
pub struct Session {
    pub id: String,
    pub created_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub ip: String,
    pub user_agent: String,
}

/// A fresh login.
#[derive(Debug)]
pub struct LoggedIn {
    pub token: String,
    pub expires_at: DateTime<Utc>,
    pub admin: Admin,
}

/// Why a login fails. Unknown user and wrong password look the same.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    #[error("user name or password is wrong")]
    Wrong,
    #[error("too many attempts, wait {wait_secs} s")]
    Throttled { wait_secs: i64 },
    #[error("internal")]
    Internal(#[from] anyhow::Error),
}

/// Why an admin is refused.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("no such admin")]
    NotFound,
    #[error("fields are refused")]
    Refused(FormErrors),
    #[error("the user name is taken")]
    UsernameTaken,
    #[error("the last super admin must stay")]
    LastSuperAdmin,
    #[error("no such site")]
    NoSuchSite,
    #[error("who grants must stand above")]
    NotBelow,
    #[error("the old password is wrong")]
    WrongPassword,
    #[error("internal")]
    Internal(#[from] anyhow::Error),
}

impl From<DbErr> for LoginError {
    fn from(error: DbErr) -> Self {
        Self::Internal(error.into())
    }
}

impl From<DbErr> for AdminError {
    fn from(error: DbErr) -> Self {
        Self::Internal(error.into())
    }
}

/// Signs in. Wrong passwords lock the account for a growing time.
///
/// # Errors
/// [`LoginError`].
pub async fn login(
    app: &App,
    username: &str,
    password: &SecretString,
    ip: &str,
    user_agent: &str,
) -> Result<LoggedIn, LoginError> {
    let now = app.clock.now();
    let found = store::by_username(app.db.read(), username.trim()).await?;
    if let Some(until) = found.as_ref().and_then(|row| row.locked_until).filter(|until| *until > now) {
        return Err(LoginError::Throttled { wait_secs: (until - now).num_seconds().max(1) });
    }
    // An unknown user costs the same time as a wrong password.
    let hash = found.as_ref().map_or_else(|| password::DUMMY.to_owned(), |row| row.password_hash.clone());
    let right = password::verify(password.clone(), hash).await?;
    let Some(row) = found.filter(|row| row.admin.active) else { return Err(LoginError::Wrong) };
    let tx = app.db.begin().await?;
    if !right {
        let failed = row.failed_logins.saturating_add(1);
        let until = rules::lock_secs(failed).map(|secs| now + clock::seconds(secs));
        store::set_failed(&*tx, row.admin.id, failed, until).await?;
        audit_login(&tx, now, &row.admin, ip, "login.failed").await?;
        tx.commit().await?;
        return Err(LoginError::Wrong);
    }
    store::set_failed(&*tx, row.admin.id, 0, None).await?;
    let expires_at = now + clock::seconds(SESSION_DAYS * DAY_SECS);
    let session = ids::token();
    let new = store::NewSession { id: &session, admin: row.admin.id, expires_at, ip, user_agent };
    store::insert_session(&*tx, now, new).await?;
    audit_login(&tx, now, &row.admin, ip, "login").await?;
    tx.commit().await?;
    let token = app.tokens.issue(row.admin.id, &session, now, expires_at).map_err(anyhow::Error::from)?;
    Ok(LoggedIn { token, expires_at, admin: row.admin })
}

async fn audit_login(
    tx: &crate::db::Tx,
    now: DateTime<Utc>,
    admin: &Admin,
    ip: &str,
    action: &str,
) -> Result<(), DbErr> {
    let actor = Actor { admin: Some(admin.id), name: admin.username.clone(), ip: ip.to_owned() };
    let object = format!("admin/{}", admin.id);
    audit::record(&**tx, now, &actor, Deed { action, object, site: None, detail: serde_json::json!({}) }).await
}

/// The sessions of a token's holder.
#[derive(Debug, Clone)]
pub struct AdminSessions(pub App);

impl Sessions for AdminSessions {
    fn verify<'a>(&'a self, token: &'a str) -> Verified<'a> {
        Box::pin(verify(&self.0, token))
    }
}

async fn verify(app: &App, token: &str) -> Result<Caller, SessionError> {
    let now = app.clock.now();
    let claims = app.tokens.read(token, now).map_err(|_bad| SessionError::Invalid)?;
    let epoch = match app.callers.get(&claims.sid, now) {
        Ok(caller) if caller.admin_id == claims.sub => return Ok(caller),
        Ok(_) => return Err(SessionError::Invalid),
        Err(epoch) => epoch,
    };
    let unavailable = |error: DbErr| SessionError::Unavailable(error.into());
    let found = store::session(app.db.read(), &claims.sid, now).await.map_err(unavailable)?;
    let (admin, locale, seen_at) = found.ok_or(SessionError::Invalid)?;
    if admin.id != claims.sub || !admin.active {
        return Err(SessionError::Invalid);
    }
    if (now - seen_at).num_seconds() >= SEEN_SECS {
        let tx = app.db.begin().await.map_err(unavailable)?;
        store::touch_session(&*tx, &claims.sid, now).await.map_err(unavailable)?;
        tx.commit().await.map_err(unavailable)?;
    }
    let caller = Caller {
        admin_id: admin.id,
        name: admin.username,
        role: admin.role,
        grants: admin.grants,
        sites: scope_of(&admin.site_ids),
        session_id: claims.sid,
        locale: Locale::from_tag(&locale),
    };
    app.callers.put(epoch, now, caller.clone());
    Ok(caller)
}

fn scope_of(sites: &[SiteId]) -> Scope {
    if sites.is_empty() { Scope::All } else { Scope::Sites(sites.iter().copied().collect::<BTreeSet<_>>()) }
}

/// Ends one session of its owner. False: there is none.
///
/// # Errors
/// The database's.
pub async fn end_session(app: &App, actor: &Actor, owner: AdminId, id: &str) -> Result<bool, DbErr> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let ended = store::end_session(&*tx, owner, id, now).await?;
    if ended {
        let object = format!("admin/{owner}");
        let deed = Deed { action: "session.end", object, site: None, detail: serde_json::json!({}) };
        audit::record(&*tx, now, actor, deed).await?;
    }
    tx.commit().await?;
    app.callers.forget();
    Ok(ended)
}

/// The open sessions of an admin, newest first.
///
/// # Errors
/// The database's.
pub async fn sessions(app: &App, owner: AdminId) -> Result<Vec<Session>, DbErr> {
    store::sessions(app.db.read(), owner, app.clock.now()).await
}

/// All admins, by user name.
///
/// # Errors
/// The database's.
pub async fn list(db: &impl ConnectionTrait) -> Result<Vec<Admin>, DbErr> {
    store::list(db).await
}

/// One admin.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, id: AdminId) -> Result<Option<Admin>, DbErr> {
    Ok(store::list(db).await?.into_iter().find(|admin| admin.id == id))
}

/// Adds an admin; the form must carry a password.
///
/// # Errors
/// [`AdminError`].
pub async fn add(app: &App, actor: &Actor, form: AdminForm) -> Result<AdminId, AdminError> {
    if let Err(mut errors) = rules::check(&form, true) {
        if store::by_username(app.db.read(), &form.username).await?.is_some() {
            errors.add("username", FieldError::new("taken"));
        }
        return Err(AdminError::Refused(errors));
    }
    let password = form.password.clone().context("a checked form without a password")?;
    let hash = password::hash(password).await?;
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let id = add_in(&tx, now, actor, &form, &hash).await?;
    tx.commit().await?;
    Ok(id)
}

/// Adds a checked admin, in the caller's transaction.
async fn add_in(
    tx: &crate::db::Tx,
    now: DateTime<Utc>,
    actor: &Actor,
    form: &AdminForm,
    hash: &str,
) -> Result<AdminId, AdminError> {
    check_sites(tx, &form.site_ids).await?;
    let id = store::insert(&**tx, now, form, hash).await?;
    store::set_sites(&**tx, id, &form.site_ids).await?;
    store::set_grants(&**tx, now, id, &form.grants).await?;
    record_change(tx, now, actor, "admin.add", id, form).await?;
    Ok(id)
}

/// Changes an admin. A new password or role ends all sessions of that admin.
///
/// # Errors
/// [`AdminError`].
pub async fn change(app: &App, actor: &Actor, id: AdminId, form: AdminForm) -> Result<(), AdminError> {
    rules::check(&form, false).map_err(AdminError::Refused)?;
    let hash = match &form.password {
        Some(password) => Some(password::hash(password.clone()).await?),
        None => None,
    };
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let all = store::list(&*tx).await?;
    let before = all.iter().find(|admin| admin.id == id).ok_or(AdminError::NotFound)?;
    let rules_on = |admin: &&Admin| admin.id != id && admin.active && admin.role == Role::SuperAdmin;
    let stays = form.active && form.role == Role::SuperAdmin && form.site_ids.is_empty();
    if before.role == Role::SuperAdmin && !stays && !all.iter().any(|admin| rules_on(&admin)) {
        return Err(AdminError::LastSuperAdmin);
    }
    check_sites(&tx, &form.site_ids).await?;
    store::update(&*tx, id, &form, hash.as_deref()).await?;
    store::set_sites(&*tx, id, &form.site_ids).await?;
    store::set_grants(&*tx, now, id, &form.grants).await?;
    let ends = hash.is_some() || before.role != form.role || !form.active || before.site_ids != form.site_ids;
    if ends {
        store::end_all_sessions(&*tx, id, now).await?;
    }
    record_change(&tx, now, actor, "admin.change", id, &form).await?;
    tx.commit().await?;
    app.callers.forget();
    Ok(())
}

/// Changes what an admin may beyond his role; his open sessions have it at their next request.
///
/// # Errors
/// [`AdminError::NotFound`], [`AdminError::NotBelow`].
pub async fn grant(app: &App, actor: &Actor, own: Role, id: AdminId, grants: &[Permission]) -> Result<(), AdminError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let admin = find(&*tx, id).await?.ok_or(AdminError::NotFound)?;
    if !may_grant(own, admin.role) {
        return Err(AdminError::NotBelow);
    }
    if admin.grants == grants {
        return Ok(());
    }
    store::set_grants(&*tx, now, id, grants).await?;
    let names = |grants: &[Permission]| grants.iter().filter_map(|grant| grant.grant_name()).collect::<Vec<_>>();
    let detail = serde_json::json!({
        "username": admin.username, "before": names(&admin.grants), "grants": names(grants),
    });
    let deed = Deed { action: "admin.grant", object: format!("admin/{id}"), site: None, detail };
    audit::record(&*tx, now, actor, deed).await?;
    tx.commit().await?;
    app.callers.forget();
    Ok(())
}

/// Changes the caller's own password. The old one must be right; all his other sessions end.
///
/// # Errors
/// [`AdminError`].
pub async fn change_password(
    app: &App,
    caller: &Caller,
    actor: &Actor,
    old: &SecretString,
    new: &SecretString,
) -> Result<(), AdminError> {
    let row = store::by_username(app.db.read(), &caller.name).await?.ok_or(AdminError::NotFound)?;
    let now = app.clock.now();
    if row.locked_until.is_some_and(|until| until > now) {
        return Err(AdminError::WrongPassword);
    }
    if !password::verify(old.clone(), row.password_hash).await? {
        // Counted as at the login: a stolen session shall not guess.
        let failed = row.failed_logins.saturating_add(1);
        let until = rules::lock_secs(failed).map(|secs| now + clock::seconds(secs));
        let tx = app.db.begin().await?;
        store::set_failed(&*tx, row.admin.id, failed, until).await?;
        tx.commit().await?;
        return Err(AdminError::WrongPassword);
    }
    rules::check_password(new).map_err(AdminError::Refused)?;
    let hash = password::hash(new.clone()).await?;
    let tx = app.db.begin().await?;
    store::set_password(&*tx, row.admin.id, &hash).await?;
    store::end_other_sessions(&*tx, row.admin.id, &caller.session_id, now).await?;
    let object = format!("admin/{}", row.admin.id);
    let deed = Deed { action: "admin.password", object, site: None, detail: serde_json::json!({}) };
    audit::record(&*tx, now, actor, deed).await?;
    tx.commit().await?;
    app.callers.forget();
    Ok(())
}

async fn check_sites(tx: &crate::db::Tx, sites: &[SiteId]) -> Result<(), AdminError> {
    for site in sites {
        crate::sites::find(&**tx, &Scope::All, *site).await?.ok_or(AdminError::NoSuchSite)?;
    }
    Ok(())
}

async fn record_change(
    tx: &crate::db::Tx,
    now: DateTime<Utc>,
    actor: &Actor,
    action: &str,
    id: AdminId,
    form: &AdminForm,
) -> Result<(), DbErr> {
    let grants: Vec<&str> = form.grants.iter().filter_map(|grant| grant.grant_name()).collect();
    let detail = serde_json::json!({
        "username": form.username, "role": form.role, "sites": form.site_ids, "active": form.active, "grants": grants,
        "password_changed": form.password.is_some(),
    });
    audit::record(&**tx, now, actor, Deed { action, object: format!("admin/{id}"), site: None, detail }).await
}

/// Makes the first admin if there is none. True: made.
///
/// # Errors
/// [`AdminError`] on a bad name or password.
pub async fn ensure_first(app: &App, username: &str, password: &SecretString) -> Result<bool, AdminError> {
    if !store::list(app.db.read()).await?.is_empty() {
        return Ok(false);
    }
    let form = AdminForm {
        username: username.to_owned(),
        name: username.to_owned(),
        role: Role::SuperAdmin,
        site_ids: Vec::new(),
        grants: Vec::new(),
        password: Some(password.expose_secret().to_owned().into()),
        active: true,
    };
    add(app, &Actor::system("first start"), form).await?;
    Ok(true)
}

/// Deletes sessions that ended long ago.
///
/// # Errors
/// The database's.
pub async fn purge_sessions(tx: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64, DbErr> {
    store::purge_sessions(tx, now - clock::seconds(SESSION_DAYS * DAY_SECS)).await
}
