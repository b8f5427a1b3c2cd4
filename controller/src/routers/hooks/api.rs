//! `/api/v1/routers/{id}/hooks` and `/api/v1/routers/{id}/profiles/{name}/hooks`.

use axum::{
    Router as Routes,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use axum_extra::extract::Query;
use hiji_shared::device::Service;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{Many, Preview, ProfileHooks, Wish};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        api::{Json, openapi::Problem, service_of},
        error::AppError,
        session::Signed,
        view::View,
    },
    ids::RouterId,
    routers::store::CommandRow,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/routers/{id}/hooks", get(list).post(wish_all))
        .route("/routers/{id}/hooks/test", post(test))
        .route("/routers/{id}/profiles/{name}/hooks", get(preview).put(wish).delete(remove))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list, wish_all, test, preview, wish, remove))]
    struct Part;
    Part::openapi()
}

#[derive(Debug, Serialize)]
struct Hooks {
    /// Where the router reaches the agent; empty = the agent has no hook.
    hook_url: String,
    profiles: Vec<ProfileHooks>,
    /// The last self-test; its message is the time in ms, or the router's own words.
    last_test: Option<CommandRow>,
}

#[derive(Debug, Deserialize)]
struct Asked {
    service: Option<String>,
    #[serde(default = "yes")]
    mark: bool,
    #[serde(default = "yes")]
    hooks: bool,
    #[serde(default)]
    beside_mikhmon: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize, ToSchema)]
struct Wished {
    /// `hotspot` (when left out) or `pppoe`.
    #[serde(default)]
    service: Option<String>,
    /// The profile carries the marker.
    #[serde(default = "yes")]
    mark: bool,
    /// Its scripts call the agent's hook.
    #[serde(default = "yes")]
    hooks: bool,
    /// Mikhmon's script may get hiji's block beside its own lines.
    #[serde(default)]
    beside_mikhmon: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
struct All {
    /// In every marked profile, or in none.
    hooks: bool,
}

#[derive(Debug, Serialize)]
struct Asking {
    command_id: String,
}

fn service(text: Option<&str>) -> Result<Service, AppError> {
    Ok(service_of(text)?.unwrap_or(Service::Hotspot))
}

#[utoipa::path(get, path = "/routers/{id}/hooks", tag = "routers", params(("id" = i64, Path)), responses(
    (status = 200, description = "Every profile with what hiji has in its scripts, and the last self-test"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
))]
async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<RouterId>,
) -> Result<Json<Hooks>, AppError> {
    caller.allow(Permission::RoutersSee)?;
    let router = crate::routers::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let profiles = super::list(app.db.read(), &caller.sites, id).await?;
    let last_test = super::last_test(app.db.read(), id).await?;
    Ok(Json(Hooks { hook_url: router.facts.hook_url, profiles, last_test }))
}

#[utoipa::path(post, path = "/routers/{id}/hooks", tag = "routers", params(("id" = i64, Path)), request_body = All, responses(
    (status = 202, description = "Which profiles change, and which are left as they are and why"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
))]
async fn wish_all(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
    Json(all): Json<All>,
) -> Result<(StatusCode, Json<Many>), AppError> {
    caller.allow(Permission::RoutersManage)?;
    let many = super::wish_all(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, all.hooks).await?;
    Ok((StatusCode::ACCEPTED, Json(many)))
}

#[utoipa::path(post, path = "/routers/{id}/hooks/test", tag = "routers", params(("id" = i64, Path)), responses(
    (status = 202, description = "Asked; the outcome is `last_test` of the hooks"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
))]
async fn test(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
) -> Result<(StatusCode, Json<Asking>), AppError> {
    caller.allow(Permission::RoutersManage)?;
    let command_id = super::test(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    Ok((StatusCode::ACCEPTED, Json(Asking { command_id })))
}

#[utoipa::path(get, path = "/routers/{id}/profiles/{name}/hooks", tag = "routers", params(("id" = i64, Path), ("name" = String, Path),
    ("service" = Option<String>, Query, description = "`hotspot` (when left out) or `pppoe`"),
    ("mark" = Option<bool>, Query, description = "as wished; true when left out"),
    ("hooks" = Option<bool>, Query, description = "as wished; true when left out"),
    ("beside_mikhmon" = Option<bool>, Query, description = "as wished")), responses(
    (status = 200, description = "What that wish would do: scripts and comment before and after, without the hook's token"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn preview(
    State(app): State<App>,
    Signed(caller): Signed,
    Path((id, name)): Path<(RouterId, String)>,
    Query(asked): Query<Asked>,
) -> Result<Json<Preview>, AppError> {
    caller.allow(Permission::RoutersSee)?;
    let service = service(asked.service.as_deref())?;
    let wish = Wish { mark: asked.mark, hooks: asked.hooks, beside_mikhmon: asked.beside_mikhmon };
    Ok(Json(super::preview(app.db.read(), &caller.sites, id, (service, &name), wish).await?))
}

#[utoipa::path(put, path = "/routers/{id}/profiles/{name}/hooks", tag = "routers", params(("id" = i64, Path), ("name" = String, Path)), request_body = Wished, responses(
    (status = 202, description = "The profile as it is wanted now"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 409, body = Problem, description = "not as things stand: `hook_off`, `script_mikhmon`"),
    (status = 422, body = Problem, description = "a field is refused, or `script_too_long`"),
))]
async fn wish(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path((id, name)): Path<(RouterId, String)>,
    Json(wished): Json<Wished>,
) -> Result<(StatusCode, Json<ProfileHooks>), AppError> {
    caller.allow(Permission::RoutersManage)?;
    let service = service(wished.service.as_deref())?;
    let wish = Wish { mark: wished.mark, hooks: wished.hooks, beside_mikhmon: wished.beside_mikhmon };
    let actor = Actor::of(&caller, view.ip());
    let hooks = super::wish(&app, &caller.sites, &actor, id, (service, &name), wish).await?;
    Ok((StatusCode::ACCEPTED, Json(hooks)))
}

#[derive(Debug, Deserialize)]
struct Of {
    service: Option<String>,
}

#[utoipa::path(delete, path = "/routers/{id}/profiles/{name}/hooks", tag = "routers", params(("id" = i64, Path), ("name" = String, Path),
    ("service" = Option<String>, Query, description = "`hotspot` (when left out) or `pppoe`")), responses(
    (status = 202, description = "The profile as it is wanted now: as the admin had it"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
))]
async fn remove(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path((id, name)): Path<(RouterId, String)>,
    Query(of): Query<Of>,
) -> Result<(StatusCode, Json<ProfileHooks>), AppError> {
    caller.allow(Permission::RoutersManage)?;
    let service = service(of.service.as_deref())?;
    let actor = Actor::of(&caller, view.ip());
    let hooks = super::wish(&app, &caller.sites, &actor, id, (service, &name), Wish::default()).await?;
    Ok((StatusCode::ACCEPTED, Json(hooks)))
}
