//! `/api/v1/audit`.

use axum::{Router as Routes, extract::State, routing::get};
use utoipa::OpenApi;

use super::{Entry, Filter};
use crate::{
    app::App,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{
            Json, Listing,
            openapi::{ListParams, Problem},
        },
        error::AppError,
        session::Signed,
    },
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/audit", get(list))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list))]
    struct Part;
    Part::openapi()
}

#[utoipa::path(get, path = "/audit", tag = "audit", params(ListParams), responses(
    (status = 200, description = "Entries, newest first"),
    (status = 403, body = Problem, description = "not allowed"),
))]
async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    listing: Listing,
) -> Result<Json<Paged<Entry>>, AppError> {
    caller.allow(Permission::AuditSee)?;
    listing.page.after_id()?;
    let filter = Filter { sites: caller.sites.site_ids(), q: listing.q };
    Ok(Json(super::list(app.db.read(), &filter, &listing.page).await?))
}
