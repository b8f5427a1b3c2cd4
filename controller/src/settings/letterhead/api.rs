//! `/api/v1/settings/logo`.

use axum::{Router as Routes, body::Bytes, extract::State, routing::put};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

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
    Routes::new().route("/settings/logo", put(set).delete(remove))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(set, remove), components(schemas(CompanyLogo)))]
    struct Part;
    Part::openapi()
}

/// Where the logo is.
#[derive(Debug, Serialize, ToSchema)]
struct CompanyLogo {
    #[schema(example = "/company/logo/9f86d081884c7d65")]
    logo: Option<String>,
}

async fn stands(app: &App) -> Result<Json<CompanyLogo>, AppError> {
    Ok(Json(CompanyLogo { logo: super::logo_address(app.db.read()).await? }))
}

#[utoipa::path(put, path = "/settings/logo", tag = "settings",
    request_body(content = Vec<u8>, content_type = "application/octet-stream",
        description = "PNG, JPEG or WebP, at most 256 KiB and 2,000 pixels a side"), responses(
    (status = 200, body = CompanyLogo, description = "The address of the logo that invoices, statements and receipts carry"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 422, body = Problem, description = "`logo`: too large, or no such picture"),
))]
async fn set(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    file: Bytes,
) -> Result<Json<CompanyLogo>, AppError> {
    caller.allow_everywhere(Permission::SettingsManage)?;
    super::set_logo(&app, &Actor::of(&caller, view.ip()), Some(file.to_vec())).await?;
    stands(&app).await
}

#[utoipa::path(delete, path = "/settings/logo", tag = "settings", responses(
    (status = 200, body = CompanyLogo, description = "There is no logo"),
    (status = 403, body = Problem, description = "not allowed"),
))]
async fn remove(State(app): State<App>, Signed(caller): Signed, view: View) -> Result<Json<CompanyLogo>, AppError> {
    caller.allow_everywhere(Permission::SettingsManage)?;
    super::set_logo(&app, &Actor::of(&caller, view.ip()), None).await?;
    stands(&app).await
}
