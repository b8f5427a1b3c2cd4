//! `/api/v1/settings`.

use axum::{Router as Routes, extract::State, routing::get};

use super::Settings;
use crate::{
    app::App,
    audit::Actor,
    http::{access::Permission, api::Json, error::AppError, session::Signed, view::View},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/settings", get(show).put(change))
}

async fn show(State(app): State<App>, Signed(caller): Signed) -> Result<Json<Settings>, AppError> {
    caller.allow_everywhere(Permission::SettingsManage)?;
    Ok(Json(super::load(app.db.read()).await?))
}

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
