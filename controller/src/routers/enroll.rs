//! Enrolment: a one-time token buys an agent its credentials, and an admin's approval opens the broker to it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use chrono::{DateTime, Utc};
use hiji_shared::{
    agent_id::AgentId,
    enroll::{EnrollRequest, EnrollResponse},
    signed,
};
use sea_orm::DbErr;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{Router, RouterError, approve_in, rules, script, store};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    clock,
    http::access::Scope,
    ids::{self, RouterId},
};

/// Where a sealed agent secret is kept.
pub(crate) const SECRET_PLACE: &str = "agent.secret";
const MAX_TOKEN: usize = 100;
const MAX_WORD: usize = 120;

/// What the admin is shown once.
#[derive(Debug, Clone, Serialize)]
pub struct Enrollment {
    pub token: String,
    pub expires_at: DateTime<Utc>,
    /// RouterOS commands to paste.
    pub script: String,
    /// Environment of an agent on a box beside the router.
    pub environment: String,
}

/// Why an agent is not let in.
#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
    #[error("the token is unknown, used or over")]
    BadToken,
    #[error("the request is not of the expected shape: {0}")]
    BadRequest(&'static str),
    #[error("database")]
    Db(#[from] DbErr),
    #[error("the agent's secret cannot be opened")]
    Sealed,
}

/// Makes a new one-time token for a router; earlier unused ones are void.
///
/// # Errors
/// [`RouterError::NotFound`], the database's.
pub async fn open(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    id: RouterId,
    auto_approve: bool,
) -> Result<Enrollment, RouterError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let router = store::find(&*tx, scope, id).await?.ok_or(RouterError::NotFound)?;
    let token = B64.encode(ids::random::<24>());
    let expires_at = now + clock::seconds(rules::ENROLLMENT_SECS);
    store::void_enrollments(&*tx, id, now).await?;
    let enrollment = store::NewEnrollment {
        router: id,
        token_hash: hash(&token),
        auto_approve,
        created_by: actor.admin,
        expires_at,
    };
    store::insert_enrollment(&*tx, now, enrollment).await?;
    let detail = serde_json::json!({ "auto_approve": auto_approve });
    let deed = Deed { action: "router.enrollment", object: format!("router/{id}"), site: Some(router.site_id), detail };
    audit::record(&*tx, now, actor, deed).await?;
    tx.commit().await?;
    let agent = script::Script { controller_url: &app.config.public_url, token: &token, password: &ids::token() };
    Ok(Enrollment { script: agent.routeros(), environment: agent.environment(), token, expires_at })
}

/// An agent's one HTTP call. With the same token and nonce it answers the same again.
///
/// # Errors
/// [`EnrollError`].
pub async fn enroll(app: &App, request: &EnrollRequest, ip: &str) -> Result<EnrollResponse, EnrollError> {
    check(request)?;
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let found = store::enrollment_by_token(&*tx, &hash(&request.token)).await?.ok_or(EnrollError::BadToken)?;
    if found.expires_at <= now {
        return Err(EnrollError::BadToken);
    }
    if let Some(agent) = &found.agent_id {
        if found.nonce_hash.as_deref() != Some(&hash(&request.nonce)) {
            return Err(EnrollError::BadToken);
        }
        let (state, sealed) = store::agent_secret(&*tx, agent).await?.ok_or(EnrollError::BadToken)?;
        let secret = app.keys.open(SECRET_PLACE, &sealed).map_err(|_opaque| EnrollError::Sealed)?;
        return Ok(answer(app, agent.clone(), &secret, state == super::AgentState::Approved));
    }
    if found.used_at.is_some() {
        return Err(EnrollError::BadToken);
    }
    let router = store::find(&*tx, &Scope::All, found.router).await?.ok_or(EnrollError::BadToken)?;
    let agent = AgentId::from_random(ids::random());
    let secret = ids::random::<32>();
    let new = store::NewAgent {
        id: agent.clone(),
        router: router.id,
        secret: app.keys.seal(SECRET_PLACE, &secret),
        version: request.version.clone(),
        fingerprint: serde_json::json!({
            "identity": request.identity, "board": request.board, "serial": request.serial,
            "router_version": request.router_version, "ip": ip,
        }),
    };
    store::withdraw_waiting_agents(&*tx, router.id).await?;
    store::insert_agent(&*tx, now, new).await?;
    store::use_enrollment(&*tx, found.id, now, &hash(&request.nonce), &agent).await?;
    announce(&tx, now, &router, &agent, ip).await?;
    if found.auto_approve {
        let actor = Actor { admin: found.created_by, name: "auto-approve".to_owned(), ip: ip.to_owned() };
        approve_in(&tx, now, &actor, &router, &agent).await.map_err(|error| match error {
            RouterError::Db(db) => EnrollError::Db(db),
            RouterError::NotFound
            | RouterError::NoSuchSite
            | RouterError::BadName
            | RouterError::NameTaken
            | RouterError::NothingToApprove => EnrollError::BadToken,
        })?;
    }
    tx.commit().await?;
    app.live.send("routers", Some(router.site_id));
    app.live.send(format!("router-{}", router.id), Some(router.site_id));
    Ok(answer(app, agent, &secret, found.auto_approve))
}

async fn announce(
    tx: &crate::db::Tx,
    now: DateTime<Utc>,
    router: &Router,
    agent: &AgentId,
    ip: &str,
) -> Result<(), DbErr> {
    let actor = Actor { admin: None, name: "agent".to_owned(), ip: ip.to_owned() };
    let deed = Deed {
        action: "agent.enroll",
        object: format!("router/{}", router.id),
        site: Some(router.site_id),
        detail: serde_json::json!({ "agent": agent }),
    };
    audit::record(&**tx, now, &actor, deed).await
}

fn answer(app: &App, agent: AgentId, secret: &[u8], approved: bool) -> EnrollResponse {
    EnrollResponse { agent, secret: signed::hex(secret), mqtt_url: app.mqtt_public_url.clone(), approved }
}

fn check(request: &EnrollRequest) -> Result<(), EnrollError> {
    if request.token.len() > MAX_TOKEN {
        return Err(EnrollError::BadToken);
    }
    let nonce = signed::unhex(&request.nonce).filter(|bytes| bytes.len() == 16);
    nonce.ok_or(EnrollError::BadRequest("nonce must be 32 hex characters"))?;
    let words = [&request.version, &request.identity, &request.board, &request.serial, &request.router_version];
    if words.iter().any(|word| word.len() > MAX_WORD) {
        return Err(EnrollError::BadRequest("a field is longer than 120 bytes"));
    }
    Ok(())
}

/// Tokens are kept as their hash: a stolen database lets nobody in.
fn hash(token: &str) -> String {
    signed::hex(&Sha256::digest(token.as_bytes()))
}
