//! `/api/v1/settings`.

use axum::{Router as Routes, extract::State, routing::get};
use utoipa::OpenApi;

use super::Settings;
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
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/settings", get(show).put(change))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(show, change))]
    struct Part;
    Part::openapi()
}

#[utoipa::path(get, path = "/settings", tag = "settings", responses(
    (status = 200, description = "The settings"),
    (status = 403, body = Problem, description = "not allowed"),
))]
async fn show(State(app): State<App>, Signed(caller): Signed) -> Result<Json<Settings>, AppError> {
    caller.allow_everywhere(Permission::SettingsManage)?;
    Ok(Json(super::load(app.db.read()).await?))
}

#[utoipa::path(put, path = "/settings", tag = "settings", request_body = Settings, responses(
    (status = 200, description = "The settings"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn change(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Json(settings): Json<Settings>,
) -> Result<Json<Settings>, AppError> {
    caller.allow_everywhere(Permission::SettingsManage)?;
    super::change(&app, &Actor::of(&caller, view.ip()), &settings).await?;
    Ok(Json(settings))
}
