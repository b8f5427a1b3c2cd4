//! `/api/v1/auth`, `/api/v1/me`.

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::{delete, get, post},
};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::routes::user_agent;
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::{Role, Scope},
        api::{Json, openapi::Problem},
        error::AppError,
        limit::PerAddress,
        session::{Caller, Signed},
        view::View,
    },
};

/// The resources of this feature.
pub fn routes() -> Router<App> {
    let limit = PerAddress::logins();
    let login = move |state, view, headers, body| login(limit.clone(), state, view, headers, body);
    Router::new()
        .route("/auth/login", post(login))
        .route("/auth/logout", post(logout))
        .route("/me", get(me))
        .route("/me/sessions", get(sessions))
        .route("/me/sessions/{id}", delete(end_session))
}

/// Their part of the document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(login, logout, me, sessions, end_session))]
    struct Part;
    Part::openapi()
}

/// A login.
#[derive(Deserialize, ToSchema)]
struct Credentials {
    username: String,
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// Code of the second factor, for admins who have one.
    #[serde(default)]
    #[expect(dead_code, reason = "part of the contract; no admin has a second factor yet")]
    totp: Option<String>,
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
struct User {
    id: i64,
    /// User name.
    name: String,
    /// `super_admin`, `admin`, `operator`, `cashier` or `viewer`.
    role: Role,
    /// Sites the user is limited to; `null` is all of them.
    site_ids: Option<Vec<i64>>,
}

/// A fresh login.
#[derive(Serialize, ToSchema)]
struct LoggedIn {
    /// For `Authorization: Bearer`.
    token: String,
    expires_at: DateTime<Utc>,
    user: User,
}

/// A signed-in session.
#[derive(Debug, Serialize, ToSchema)]
struct Session {
    id: String,
    created_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    ip: String,
    user_agent: String,
    /// Whether this request came by it.
    current: bool,
}

impl User {
    fn of(caller: &Caller) -> Self {
        let site_ids = match &caller.sites {
            Scope::All => None,
            Scope::Sites(sites) => Some(sites.iter().map(|site| site.0).collect()),
        };
        Self { id: caller.admin_id.0, name: caller.name.clone(), role: caller.role, site_ids }
    }
}

#[utoipa::path(post, path = "/auth/login", tag = "auth", request_body = Credentials, security(()), responses(
    (status = 200, body = LoggedIn, description = "Signed in"),
    (status = 401, body = Problem, description = "`bad_credentials`"),
    (status = 429, body = Problem, description = "`too_many`: wait as `Retry-After` says"),
))]
async fn login(
    limit: PerAddress,
    State(app): State<App>,
    view: View,
    headers: HeaderMap,
    Json(body): Json<Credentials>,
) -> Result<Json<LoggedIn>, AppError> {
    limit.check(view.ip())?;
    let (ip, agent) = (view.ip().to_string(), user_agent(&headers));
    let login = super::login(&app, &body.username, &body.password, &ip, &agent).await?;
    let site_ids = Some(login.admin.site_ids.iter().map(|site| site.0).collect::<Vec<_>>());
    let user = User {
        id: login.admin.id.0,
        name: login.admin.username,
        role: login.admin.role,
        site_ids: site_ids.filter(|sites| !sites.is_empty()),
    };
    Ok(Json(LoggedIn { token: login.token, expires_at: login.expires_at, user }))
}

#[utoipa::path(post, path = "/auth/logout", tag = "auth", responses((status = 204, description = "Ended"), (status = 401, body = Problem, description = "Not signed in")))]
async fn logout(State(app): State<App>, view: View, Signed(caller): Signed) -> Result<StatusCode, AppError> {
    super::end_session(&app, &Actor::of(&caller, view.ip()), caller.admin_id, &caller.session_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/me", tag = "auth", responses((status = 200, body = User, description = "Who is signed in"), (status = 401, body = Problem, description = "Not signed in")))]
async fn me(Signed(caller): Signed) -> Json<User> {
    Json(User::of(&caller))
}

#[utoipa::path(get, path = "/me/sessions", tag = "auth", responses(
    (status = 200, body = Paged<Session>, description = "Open sessions, newest first"), (status = 401, body = Problem, description = "Not signed in"),
))]
async fn sessions(State(app): State<App>, Signed(caller): Signed) -> Result<Json<Paged<Session>>, AppError> {
    let open = super::sessions(&app, caller.admin_id).await?;
    let shown = |session: super::Session| Session {
        current: session.id == caller.session_id,
        id: session.id,
        created_at: session.created_at,
        last_seen_at: session.last_seen_at,
        expires_at: session.expires_at,
        ip: session.ip,
        user_agent: session.user_agent,
    };
    Ok(Json(Paged { items: open.into_iter().map(shown).collect(), next_cursor: None }))
}

#[utoipa::path(delete, path = "/me/sessions/{id}", tag = "auth", params(("id" = String, Path)), responses(
    (status = 204, description = "Ended"), (status = 401, body = Problem, description = "Not signed in"), (status = 404, body = Problem, description = "No such session of the caller"),
))]
async fn end_session(
    State(app): State<App>,
    view: View,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Result<StatusCode, AppError> {
    let ended = super::end_session(&app, &Actor::of(&caller, view.ip()), caller.admin_id, &id).await?;
    if ended { Ok(StatusCode::NO_CONTENT) } else { Err(AppError::NotFound) }
}
