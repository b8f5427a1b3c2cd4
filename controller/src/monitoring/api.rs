//! `/api/v1/sessions` and `/api/v1/routers/{id}/sessions`.

use axum::{
    Router as Routes,
    extract::{Path, State},
    routing::get,
};
use axum_extra::extract::Query;
use serde::Deserialize;
use utoipa::OpenApi;

use super::{Filter, Session};
use crate::{
    app::App,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{
            Json, Listing,
            openapi::{ListParams, Problem},
            service_of,
        },
        error::AppError,
        form::Check,
        session::{Caller, Signed},
    },
    ids::{RouterId, SiteId},
    routers,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/sessions", get(list)).route("/routers/{id}/sessions", get(of_router))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list, of_router))]
    struct Part;
    Part::openapi()
}

#[derive(Debug, Deserialize)]
struct Asked {
    router_id: Option<i64>,
    site_id: Option<i64>,
    service: Option<String>,
    #[serde(default)]
    open: String,
}

async fn listed(app: &App, caller: &Caller, listing: Listing, asked: Asked) -> Result<Json<Paged<Session>>, AppError> {
    listing.page.after_id()?;
    let filter = Filter {
        router: asked.router_id.map(RouterId),
        service: service_of(asked.service.as_deref())?,
        open: Check::ticked(&asked.open),
        q: listing.q,
    };
    let scope = caller.sites.only(asked.site_id.map(SiteId));
    Ok(Json(super::list(app.db.read(), &scope, &filter, &listing.page).await?))
}

#[utoipa::path(get, path = "/sessions", tag = "sessions", params(
    ("service" = Option<String>, Query, description = "`hotspot` or `pppoe`; both when left out"), ("open" = Option<String>, Query, description = "1: only open ones"), ("router_id" = Option<i64>, Query, description = "of this router"),
    ("site_id" = Option<i64>, Query, description = "of this site"), ListParams), responses(
    (status = 200, description = "Sessions, newest first"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    listing: Listing,
    Query(asked): Query<Asked>,
) -> Result<Json<Paged<Session>>, AppError> {
    caller.allow(Permission::SessionsSee)?;
    listed(&app, &caller, listing, asked).await
}

#[utoipa::path(get, path = "/routers/{id}/sessions", tag = "sessions", params(("id" = i64, Path), 
    ("service" = Option<String>, Query, description = "`hotspot` or `pppoe`; both when left out"), ("open" = Option<String>, Query, description = "1: only open ones"), ListParams), responses(
    (status = 200, description = "Sessions of a router, newest first"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn of_router(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<RouterId>,
    listing: Listing,
    Query(asked): Query<Asked>,
) -> Result<Json<Paged<Session>>, AppError> {
    caller.allow(Permission::SessionsSee)?;
    routers::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    listed(&app, &caller, listing, Asked { router_id: Some(id.0), ..asked }).await
}
