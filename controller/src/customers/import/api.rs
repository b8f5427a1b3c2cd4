//! `/api/v1/customers/imports`.

use axum::{
    Router as Routes,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State as Of},
    http::StatusCode,
    routing::{get, post},
};
use axum_extra::extract::Query;
use serde::Deserialize;
use utoipa::OpenApi;

use super::{Import, Line, routes::found};
use crate::{
    app::App,
    audit::Actor,
    customers::Asked,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{Intent, Json, Listing, openapi::Problem},
        error::AppError,
        form::{FieldError, FormErrors},
        limit::MAX_UPLOAD_BYTES,
        session::Signed,
        view::View,
    },
    ids::{CustomerImportId, SiteId},
    tables::File,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/customers/imports", get(list).post(upload).layer(DefaultBodyLimit::max(MAX_UPLOAD_BYTES)))
        .route("/customers/imports/{id}", get(show))
        .route("/customers/imports/{id}/lines", get(lines))
        .route("/customers/imports/{id}/commit", post(commit))
}

/// Their part of the document.
#[must_use]
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list, upload, show, lines, commit))]
    struct Part;
    Part::openapi()
}

#[utoipa::path(get, path = "/customers/imports", tag = "customers", params(
    ("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query),
), responses((status = 200, description = "Lists of customers, newest first")))]
async fn list(Of(app): Of<App>, Signed(caller): Signed, listing: Listing) -> Result<Json<Paged<Import>>, AppError> {
    caller.allow(Permission::CustomersImport)?;
    Ok(Json(super::list(app.db.read(), &caller.sites, &listing.page).await?))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asks {
    site_id: String,
    file_name: String,
}

#[utoipa::path(post, path = "/customers/imports", tag = "customers", params(
    ("site_id" = i64, Query), ("file_name" = Option<String>, Query),
), request_body(content = Vec<u8>, content_type = "application/octet-stream",
    description = "the file itself, CSV or XLSX; what it is, is found out"), responses(
    (status = 201, description = "The list, checked and not yet taken"), (status = 413, body = Problem),
    (status = 422, body = Problem),
))]
async fn upload(
    Of(app): Of<App>,
    (Signed(caller), view): (Signed, View),
    Intent(form_id): Intent,
    Query(asks): Query<Asks>,
    body: Bytes,
) -> Result<(StatusCode, Json<Import>), AppError> {
    caller.allow(Permission::CustomersImport)?;
    let site = asks.site_id.parse().ok().filter(|id| *id > 0).map(SiteId);
    let Some(site) = site else { return Err(FormErrors::of("site_id", FieldError::new("required")).into()) };
    if body.is_empty() {
        return Err(FormErrors::of("file", FieldError::new("required")).into());
    }
    let actor = Actor::of(&caller, view.ip());
    let asked = Asked { scope: &caller.sites, actor: &actor, form_id: &form_id };
    let id = super::upload(&app, &asked, site, File { name: asks.file_name, bytes: body.to_vec() }).await?;
    Ok((StatusCode::CREATED, Json(found(&app, &caller, id).await?)))
}

#[utoipa::path(get, path = "/customers/imports/{id}", tag = "customers", params(("id" = i64, Path)), responses(
    (status = 200, description = "The list and how far it is"), (status = 404, body = Problem),
))]
async fn show(
    Of(app): Of<App>,
    Signed(caller): Signed,
    Path(id): Path<CustomerImportId>,
) -> Result<Json<Import>, AppError> {
    caller.allow(Permission::CustomersImport)?;
    Ok(Json(found(&app, &caller, id).await?))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Which {
    only: String,
}

#[utoipa::path(get, path = "/customers/imports/{id}/lines", tag = "customers", params(
    ("id" = i64, Path), ("only" = Option<String>, Query, description = "`bad`: those with errors"),
    ("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query),
), responses((status = 200, description = "Its lines with what is wrong"), (status = 404, body = Problem)))]
async fn lines(
    Of(app): Of<App>,
    Signed(caller): Signed,
    (Path(id), listing): (Path<CustomerImportId>, Listing),
    Query(which): Query<Which>,
) -> Result<Json<Paged<Line>>, AppError> {
    caller.allow(Permission::CustomersImport)?;
    let import = found(&app, &caller, id).await?;
    Ok(Json(super::lines(&app, import.id, which.only == "bad", &listing.page).await?))
}

#[utoipa::path(post, path = "/customers/imports/{id}/commit", tag = "customers", params(("id" = i64, Path)), responses(
    (status = 202, description = "A job takes its good lines, all or none"), (status = 404, body = Problem),
    (status = 422, body = Problem),
))]
async fn commit(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerImportId>,
) -> Result<(StatusCode, Json<Import>), AppError> {
    caller.allow(Permission::CustomersImport)?;
    super::commit(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    Ok((StatusCode::ACCEPTED, Json(found(&app, &caller, id).await?)))
}
