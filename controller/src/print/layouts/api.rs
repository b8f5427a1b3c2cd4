//! `/api/v1/print_layouts`.

use axum::{
    Router as Routes,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, put},
};
use serde::Serialize;
use utoipa::OpenApi;

use super::{Layout, LayoutForm};
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
    ids::LayoutId,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/print_layouts", get(list).post(add))
        .route("/print_layouts/{id}", get(show).put(change).delete(remove))
        .route("/print_layouts/{id}/logo", put(set_logo).delete(remove_logo))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list, add, show, change, remove, set_logo, remove_logo), components(schemas(LayoutForm)))]
    struct Part;
    Part::openapi()
}

/// There are few: the list is whole.
#[derive(Debug, Serialize)]
struct Layouts {
    items: Vec<Layout>,
}

#[utoipa::path(get, path = "/print_layouts", tag = "print", responses(
    (status = 200, description = "Layouts for the sites of the caller, and those for every site"),
))]
async fn list(State(app): State<App>, Signed(caller): Signed) -> Result<Json<Layouts>, AppError> {
    caller.allow(Permission::VouchersSell)?;
    Ok(Json(Layouts { items: super::list(app.db.read(), &caller.sites).await? }))
}

#[utoipa::path(post, path = "/print_layouts", tag = "print", request_body = LayoutForm, responses(
    (status = 201, description = "The layout"),
    (status = 422, body = Problem, description = "a field is refused; nothing was made"),
))]
async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Json(form): Json<LayoutForm>,
) -> Result<(StatusCode, Json<Layout>), AppError> {
    caller.allow(Permission::SettingsManage)?;
    let layout = super::add(&app, &caller.sites, &Actor::of(&caller, view.ip()), form).await?;
    Ok((StatusCode::CREATED, Json(layout)))
}

#[utoipa::path(get, path = "/print_layouts/{id}", tag = "print", params(("id" = i64, Path)), responses(
    (status = 200, description = "The layout"), (status = 404, body = Problem, description = "no such layout"),
))]
async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<LayoutId>,
) -> Result<Json<Layout>, AppError> {
    caller.allow(Permission::VouchersSell)?;
    Ok(Json(super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?))
}

#[utoipa::path(put, path = "/print_layouts/{id}", tag = "print", params(("id" = i64, Path)),
    request_body = LayoutForm, responses(
    (status = 200, description = "The layout"), (status = 404, body = Problem, description = "no such layout"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn change(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<LayoutId>,
    Json(form): Json<LayoutForm>,
) -> Result<Json<Layout>, AppError> {
    caller.allow(Permission::SettingsManage)?;
    Ok(Json(super::change(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, form).await?))
}

#[utoipa::path(delete, path = "/print_layouts/{id}", tag = "print", params(("id" = i64, Path)), responses(
    (status = 204, description = "Gone"), (status = 404, body = Problem, description = "no such layout"),
))]
async fn remove(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<LayoutId>,
) -> Result<StatusCode, AppError> {
    caller.allow(Permission::SettingsManage)?;
    super::remove(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(put, path = "/print_layouts/{id}/logo", tag = "print", params(("id" = i64, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream",
        description = "PNG, JPEG or WebP, at most 256 KiB and 2,000 pixels a side"), responses(
    (status = 200, description = "The layout with the address of its logo"),
    (status = 404, body = Problem, description = "no such layout"),
    (status = 422, body = Problem, description = "`logo`: too large, or no such picture"),
))]
async fn set_logo(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<LayoutId>,
    file: Bytes,
) -> Result<Json<Layout>, AppError> {
    caller.allow(Permission::SettingsManage)?;
    let actor = Actor::of(&caller, view.ip());
    Ok(Json(super::set_logo(&app, &caller.sites, &actor, id, Some(file.to_vec())).await?))
}

#[utoipa::path(delete, path = "/print_layouts/{id}/logo", tag = "print", params(("id" = i64, Path)), responses(
    (status = 200, description = "The layout without a logo"),
    (status = 404, body = Problem, description = "no such layout"),
))]
async fn remove_logo(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<LayoutId>,
) -> Result<Json<Layout>, AppError> {
    caller.allow(Permission::SettingsManage)?;
    let actor = Actor::of(&caller, view.ip());
    Ok(Json(super::set_logo(&app, &caller.sites, &actor, id, None).await?))
}
