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

use super::{
    Router,
    detail::{self, Detail, Rows},
    enroll::{self, Enrollment},
    store::{CommandRow, MirrorRow},
};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{Json, Listing, service_of},
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

#[derive(Debug, Deserialize)]
struct NewRouter {
    site_id: i64,
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NewEnrollment {
    auto_approve: bool,
}

#[derive(Debug, Serialize)]
struct Asking {
    command_id: String,
}

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

async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<RouterId>,
) -> Result<Json<Detail>, AppError> {
    caller.allow(Permission::RoutersSee)?;
    detail::detail(app.db.read(), &caller.sites, id).await?.map(Json).ok_or(AppError::NotFound)
}

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

async fn approve(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
) -> Result<Json<Router>, AppError> {
    caller.allow(Permission::RoutersManage)?;
    Ok(Json(super::approve(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?))
}

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
