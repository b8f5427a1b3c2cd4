//! `/api/v1/invoices/{id}/write_off`, `/reinstate`, and the same of what a customer was taken over with.

use axum::{
    Router as Routes,
    extract::{Path, State as Of},
    routing::post,
};
use utoipa::OpenApi;

use super::{
    Invoice, Loose, WriteOff,
    api::{Voiding, found},
};
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
    ids::{CustomerId, InvoiceId},
};

pub(super) fn routes() -> Routes<App> {
    Routes::new()
        .route("/invoices/{id}/write_off", post(write_off))
        .route("/invoices/{id}/reinstate", post(reinstate))
        .route("/customers/{id}/write_off", post(write_off_loose))
        .route("/customers/{id}/reinstate", post(reinstate_loose))
}

/// Their part of the document.
pub(super) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(
        paths(write_off, reinstate, write_off_loose, reinstate_loose),
        components(schemas(WriteOff, Loose, Voiding))
    )]
    struct Part;
    Part::openapi()
}

#[utoipa::path(post, path = "/invoices/{id}/write_off", tag = "invoices", params(("id" = i64, Path)),
    request_body = Voiding, responses(
    (status = 200, description = "The invoice; what was left of it is booked as a bad debt, and its service follows"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such invoice"),
    (status = 409, body = Problem, description = "nothing of it is owed: a draft, paid, void, or written off already"),
    (status = 422, body = Problem, description = "no reason"),
))]
async fn write_off(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<InvoiceId>,
    Json(why): Json<Voiding>,
) -> Result<Json<Invoice>, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    super::write_off(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &why.reason).await?;
    Ok(Json(found(&app, &caller, id).await?))
}

#[utoipa::path(post, path = "/invoices/{id}/reinstate", tag = "invoices", params(("id" = i64, Path)),
    request_body = Voiding, responses(
    (status = 200, description = "The invoice; what was given up of it is owed again"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such invoice"),
    (status = 409, body = Problem, description = "it is not written off"),
    (status = 422, body = Problem, description = "no reason"),
))]
async fn reinstate(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<InvoiceId>,
    Json(why): Json<Voiding>,
) -> Result<Json<Invoice>, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    super::reinstate(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &why.reason).await?;
    Ok(Json(found(&app, &caller, id).await?))
}

#[utoipa::path(post, path = "/customers/{id}/write_off", tag = "customers", params(("id" = i64, Path)),
    request_body = Voiding, responses(
    (status = 200, body = Loose, description = "What the customer was taken over with; what was left of it is a bad debt"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such customer"),
    (status = 409, body = Problem, description = "nothing of it is owed"),
    (status = 422, body = Problem, description = "no reason"),
))]
async fn write_off_loose(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
    Json(why): Json<Voiding>,
) -> Result<Json<Loose>, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    super::write_off_loose(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &why.reason).await?;
    Ok(Json(super::loose_of(app.db.read(), id).await?))
}

#[utoipa::path(post, path = "/customers/{id}/reinstate", tag = "customers", params(("id" = i64, Path)),
    request_body = Voiding, responses(
    (status = 200, body = Loose, description = "What the customer was taken over with; what was given up of it is owed again"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such customer"),
    (status = 409, body = Problem, description = "nothing of it is written off"),
    (status = 422, body = Problem, description = "no reason"),
))]
async fn reinstate_loose(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
    Json(why): Json<Voiding>,
) -> Result<Json<Loose>, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    super::reinstate_loose(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &why.reason).await?;
    Ok(Json(super::loose_of(app.db.read(), id).await?))
}
