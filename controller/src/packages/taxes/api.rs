//! `/api/v1/tax_rates`.

use axum::{
    Router as Routes,
    extract::State,
    http::StatusCode,
    routing::{delete, get},
};
use serde::Serialize;
use utoipa::OpenApi;

use super::{Rate, TaxRateForm, rules};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{Json, openapi::Problem},
        error::AppError,
        path::Path,
        session::Signed,
        view::View,
    },
    ids::TaxRateId,
    packages::prices::PriceState,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/tax_rates", get(list).post(add)).route("/tax_rates/{id}", delete(withdraw))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list, add, withdraw), components(schemas(TaxRateForm)))]
    struct Part;
    Part::openapi()
}

/// A rate, and where it stands today.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    rate: Rate,
    state: PriceState,
}

async fn all(app: &App) -> Result<Vec<Shown>, AppError> {
    let rates = super::list(app.db.read()).await?;
    let today = super::today(app.db.read(), app.clock.now()).await?;
    Ok(rates.iter().map(|rate| Shown { rate: rate.clone(), state: rules::state(rate, &rates, today) }).collect())
}

#[utoipa::path(get, path = "/tax_rates", tag = "packages", operation_id = "tax_rates",
    responses((status = 200, description = "Rates of PPN, newest first; `state` says which is in force")))]
async fn list(State(app): State<App>, Signed(caller): Signed) -> Result<Json<Paged<Shown>>, AppError> {
    caller.allow(Permission::PackagesSee)?;
    Ok(Json(Paged { items: all(&app).await?, next_cursor: None }))
}

#[utoipa::path(post, path = "/tax_rates", tag = "packages", operation_id = "tax_rate_add",
    request_body = TaxRateForm,
    responses((status = 201, description = "The rate"), (status = 422, body = Problem)))]
async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Json(form): Json<TaxRateForm>,
) -> Result<(StatusCode, Json<Shown>), AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    let id = super::add(&app, &Actor::of(&caller, view.ip()), &form).await?;
    let made = all(&app).await?.into_iter().find(|shown| shown.rate.id == id).ok_or(AppError::NotFound)?;
    Ok((StatusCode::CREATED, Json(made)))
}

#[utoipa::path(delete, path = "/tax_rates/{id}", tag = "packages", operation_id = "tax_rate_withdraw",
    params(("id" = i64, Path)), responses(
    (status = 204, description = "Withdrawn"),
    (status = 404, body = Problem),
    (status = 422, body = Problem, description = "It has begun: it stays"),
))]
async fn withdraw(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<TaxRateId>,
) -> Result<StatusCode, AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    super::withdraw(&app, &Actor::of(&caller, view.ip()), id).await?;
    Ok(StatusCode::NO_CONTENT)
}
