//! `/api/v1/routers/{id}/isolation`.

use axum::{
    Router as Routes,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};

use super::{Fields, Isolation, Preview, Standing};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        api::{Json, openapi::Problem},
        error::AppError,
        session::Signed,
        view::View,
    },
    ids::RouterId,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/routers/{id}/isolation", get(show).put(apply).delete(remove))
        .route("/routers/{id}/isolation/preview", post(preview))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(show, preview, apply, remove))]
    struct Part;
    Part::openapi()
}

/// What a router shall have. What is left out is empty.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
struct Wished {
    /// PPP profile of isolated customers; empty = none here.
    ppp_profile: String,
    /// Hotspot user profile of isolated members; empty = none here.
    hotspot_profile: String,
    /// Begins with `hiji-isol`.
    pool: String,
    /// `10.254.1.2-10.254.1.254`
    ranges: String,
    local_address: String,
    rate_limit: String,
    /// The address-list of isolated sessions.
    list: String,
    /// `address:port` that http is led to; empty = nowhere.
    page: String,
    /// Hosts that stay reachable.
    allowed: Vec<String>,
    /// Of the preview that was shown; for PUT.
    shown_digest: String,
}

impl Wished {
    fn fields(&self) -> Fields {
        Fields {
            ppp_profile: self.ppp_profile.clone(),
            hotspot_profile: self.hotspot_profile.clone(),
            pool: self.pool.clone(),
            ranges: self.ranges.clone(),
            local_address: self.local_address.clone(),
            rate_limit: self.rate_limit.clone(),
            list: self.list.clone(),
            page: self.page.clone(),
            allowed: self.allowed.join("\n"),
        }
    }
}

#[utoipa::path(get, path = "/routers/{id}/isolation", tag = "routers", params(("id" = i64, Path)), responses(
    (status = 200, description = "What is wanted and proven, the fields proposed or wanted, and how many users have its profiles"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
))]
async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<RouterId>,
) -> Result<Json<Standing>, AppError> {
    caller.allow(Permission::RoutersSee)?;
    Ok(Json(super::standing(app.db.read(), &app, &caller.sites, id).await?))
}

#[utoipa::path(post, path = "/routers/{id}/isolation/preview", tag = "routers", params(("id" = i64, Path)), request_body = Wished, responses(
    (status = 200, description = "The very lines that would be made on the router, and their digest"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn preview(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<RouterId>,
    Json(wished): Json<Wished>,
) -> Result<Json<Preview>, AppError> {
    caller.allow(Permission::RoutersSee)?;
    Ok(Json(super::preview(app.db.read(), &caller.sites, id, &wished.fields()).await?))
}

#[utoipa::path(put, path = "/routers/{id}/isolation", tag = "routers", params(("id" = i64, Path)), request_body = Wished, responses(
    (status = 202, description = "As it is wanted now"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 409, body = Problem, description = "not as things stand: `isolation_not_shown`, `isolation_in_use`, `isolation_old_agent`"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn apply(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
    Json(wished): Json<Wished>,
) -> Result<(StatusCode, Json<Isolation>), AppError> {
    caller.allow(Permission::RoutersManage)?;
    let actor = Actor::of(&caller, view.ip());
    let fields = wished.fields();
    let isolation = super::apply(&app, &caller.sites, &actor, id, (&fields, &wished.shown_digest)).await?;
    Ok((StatusCode::ACCEPTED, Json(isolation)))
}

#[utoipa::path(delete, path = "/routers/{id}/isolation", tag = "routers", params(("id" = i64, Path)), responses(
    (status = 202, description = "On its way to be gone"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 409, body = Problem, description = "`isolation_in_use`: users have its profile"),
))]
async fn remove(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
) -> Result<(StatusCode, Json<Isolation>), AppError> {
    caller.allow(Permission::RoutersManage)?;
    let isolation = super::remove(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    Ok((StatusCode::ACCEPTED, Json(isolation)))
}
