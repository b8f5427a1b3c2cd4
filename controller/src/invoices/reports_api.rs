//! `/api/v1/customers/{id}/statement`, `/api/v1/reports/aging`.

use axum::{
    Router as Routes,
    extract::{Path, State as Of},
    response::{IntoResponse as _, Response},
    routing::get,
};
use axum_extra::extract::Query;
use utoipa::OpenApi;

use super::{
    aging::{self, Row, SiteRow},
    export,
    pages::StatementFields,
    routes::{self as pages, AgingQuery},
    statement::{self, Statement},
};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        api::{
            Json, Listing,
            openapi::{ListParams, Problem},
        },
        error::AppError,
        session::Signed,
        view::View,
    },
    ids::CustomerId,
};

pub(super) fn routes() -> Routes<App> {
    Routes::new().route("/customers/{id}/statement", get(statement)).route("/reports/aging", get(aging))
}

/// Their part of the document.
pub(super) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(statement, aging), components(schemas(Row, SiteRow)))]
    struct Part;
    Part::openapi()
}

#[utoipa::path(get, path = "/customers/{id}/statement", tag = "customers", params(
    ("id" = i64, Path), ("from" = Option<String>, Query, description = "first day, in the zone of the site"),
    ("to" = Option<String>, Query, description = "last day"), ListParams), responses(
    (status = 200, description = "What happened with the customer's money, the latest first, with what he owed before and after"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such customer"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn statement(
    Of(app): Of<App>,
    Signed(caller): Signed,
    listing: Listing,
    Path(id): Path<CustomerId>,
    Query(fields): Query<StatementFields>,
) -> Result<Json<Statement>, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    let customer = pages::customer(&app, &caller, id).await?;
    Ok(Json(statement::read(&app, &customer, fields.between()?, &listing.page).await??))
}

#[utoipa::path(get, path = "/reports/aging", tag = "reports", params(
    ("from" = Option<String>, Query, description = "not looked at: debts are of one day"),
    ("to" = Option<String>, Query, description = "the day at whose end debts are looked at; today unless said"),
    ("site_id" = Option<i64>, Query),
    ("format" = Option<String>, Query, description = "`json` (unless said), `csv` or `xlsx`"), ListParams), responses(
    (status = 200, description = "What customers owe by days overdue, with sums by site"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn aging(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(query): Query<AgingQuery>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    let asked = query.asked()?;
    if !matches!(query.format.as_str(), "" | "json") {
        let format = pages::format_of(&query.format)?;
        return export::aged(&app, (&caller.sites, &Actor::of(&caller, view.ip())), &view, asked, format).await;
    }
    Ok(Json(aging::report(&app, &caller.sites, asked, &listing.page).await??).into_response())
}
