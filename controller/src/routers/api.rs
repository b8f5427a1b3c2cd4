//! `/api/v1/routers` and the agents' `/agent/v1/enroll`.

use axum::{
    Router as Routes,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use axum_extra::extract::Query;
use hiji_shared::enroll::{EnrollRequest, EnrollResponse, PATH};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{
    Router,
    detail::{self, Detail, Rows},
    enroll::{self, Enrollment},
    hooks, isolation,
    store::{CommandRow, MirrorRow},
};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{
            Json, Listing,
            openapi::{ListParams, Problem},
            service_of,
        },
        error::AppError,
        session::Signed,
        view::View,
    },
    ids::{RouterId, SiteId},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/routers", get(list).post(add))
        .route("/routers/{id}", get(show))
        .route("/routers/{id}/enrollment", post(open_enrollment))
        .route("/routers/{id}/approve", post(approve))
        .route("/routers/{id}/users", get(users))
        .route("/routers/{id}/profiles", get(profiles))
        .route("/routers/{id}/commands", get(commands))
        .route("/routers/{id}/sync", post(sync))
        .merge(hooks::api::routes())
        .merge(isolation::api::routes())
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list, add, show, open_enrollment, approve, users, profiles, commands, sync))]
    struct Part;
    let mut document = Part::openapi();
    document.merge(hooks::api::document());
    document.merge(isolation::api::document());
    document
}

/// What agents call.
pub(crate) fn agent_routes() -> Routes<App> {
    Routes::new().route(PATH, post(enroll_agent))
}

#[derive(Debug, Deserialize)]
struct Asked {
    site_id: Option<i64>,
    service: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
struct NewRouter {
    site_id: i64,
    name: String,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
struct NewEnrollment {
    auto_approve: bool,
}

#[derive(Debug, Serialize)]
struct Asking {
    command_id: String,
}

#[utoipa::path(get, path = "/routers", tag = "routers", params(("site_id" = Option<i64>, Query, description = "of this site"), ListParams), responses(
    (status = 200, description = "Routers with presence, facts and agent"),
    (status = 403, body = Problem, description = "not allowed"),
))]
async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    listing: Listing,
    Query(asked): Query<Asked>,
) -> Result<Json<Paged<Router>>, AppError> {
    caller.allow(Permission::RoutersSee)?;
    let site = asked.site_id.map(SiteId);
    Ok(Json(super::list(app.db.read(), &caller.sites, site, &listing.page).await?))
}

#[utoipa::path(post, path = "/routers", tag = "routers", request_body = NewRouter, responses(
    (status = 201, description = "The router"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Json(new): Json<NewRouter>,
) -> Result<(StatusCode, Json<Detail>), AppError> {
    caller.allow(Permission::RoutersManage)?;
    let actor = Actor::of(&caller, view.ip());
    let id = super::add(&app, &caller.sites, &actor, SiteId(new.site_id), &new.name).await?;
    let made = detail::detail(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    Ok((StatusCode::CREATED, Json(made)))
}

#[utoipa::path(get, path = "/routers/{id}", tag = "routers", params(("id" = i64, Path)), responses(
    (status = 200, description = "The router with presence, facts, clock skew, revisions, sync state and mirrors"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
))]
async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<RouterId>,
) -> Result<Json<Detail>, AppError> {
    caller.allow(Permission::RoutersSee)?;
    detail::detail(app.db.read(), &caller.sites, id).await?.map(Json).ok_or(AppError::NotFound)
}

#[utoipa::path(post, path = "/routers/{id}/enrollment", tag = "routers", params(("id" = i64, Path)), request_body = Option<NewEnrollment>, responses(
    (status = 201, description = "The token, its end, the RouterOS script and the environment of a Linux agent; shown once"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
))]
async fn open_enrollment(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
    body: Option<Json<NewEnrollment>>,
) -> Result<(StatusCode, Json<Enrollment>), AppError> {
    caller.allow(Permission::RoutersManage)?;
    let Json(new) = body.unwrap_or(Json(NewEnrollment::default()));
    let actor = Actor::of(&caller, view.ip());
    let opened = enroll::open(&app, &caller.sites, &actor, id, new.auto_approve).await?;
    Ok((StatusCode::CREATED, Json(opened)))
}

#[utoipa::path(post, path = "/routers/{id}/approve", tag = "routers", params(("id" = i64, Path)), responses(
    (status = 200, description = "The router"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 409, body = Problem, description = "not as things stand"),
))]
async fn approve(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
) -> Result<Json<Router>, AppError> {
    caller.allow(Permission::RoutersManage)?;
    Ok(Json(super::approve(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?))
}

#[utoipa::path(get, path = "/routers/{id}/users", tag = "routers", params(("id" = i64, Path), 
    ("service" = Option<String>, Query, description = "`hotspot` or `pppoe`; both when left out"), ListParams), responses(
    (status = 200, description = "Mirrored users, by name"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn users(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<RouterId>,
    listing: Listing,
    Query(asked): Query<Asked>,
) -> Result<Json<Paged<MirrorRow>>, AppError> {
    caller.allow(Permission::RoutersSee)?;
    super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let wanted = (Rows::Users, service_of(asked.service.as_deref())?);
    Ok(Json(detail::mirrored(app.db.read(), id, wanted, &listing.q, &listing.page).await?))
}

#[utoipa::path(get, path = "/routers/{id}/profiles", tag = "routers", params(("id" = i64, Path), 
    ("service" = Option<String>, Query, description = "`hotspot` or `pppoe`; both when left out"), ListParams), responses(
    (status = 200, description = "Mirrored profiles, by name"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn profiles(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<RouterId>,
    listing: Listing,
    Query(asked): Query<Asked>,
) -> Result<Json<Paged<MirrorRow>>, AppError> {
    caller.allow(Permission::RoutersSee)?;
    super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let wanted = (Rows::Profiles, service_of(asked.service.as_deref())?);
    Ok(Json(detail::mirrored(app.db.read(), id, wanted, &listing.q, &listing.page).await?))
}

#[utoipa::path(get, path = "/routers/{id}/commands", tag = "routers", params(("id" = i64, Path), ListParams), responses(
    (status = 200, description = "What was asked of the agent, newest first"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
))]
async fn commands(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<RouterId>,
    listing: Listing,
) -> Result<Json<Paged<CommandRow>>, AppError> {
    caller.allow(Permission::RoutersSee)?;
    super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    Ok(Json(detail::commands(app.db.read(), id, &listing.page).await?))
}

#[utoipa::path(post, path = "/routers/{id}/sync", tag = "routers", params(("id" = i64, Path)), responses(
    (status = 202, description = "Asked; `command_id` names it among the commands"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
))]
async fn sync(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
) -> Result<(StatusCode, Json<Asking>), AppError> {
    caller.allow(Permission::RoutersManage)?;
    let command_id = detail::sync(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    Ok((StatusCode::ACCEPTED, Json(Asking { command_id })))
}

async fn enroll_agent(
    State(app): State<App>,
    view: View,
    Json(request): Json<EnrollRequest>,
) -> Result<Json<EnrollResponse>, AppError> {
    Ok(Json(enroll::enroll(&app, &request, &view.ip().to_string()).await?))
}
