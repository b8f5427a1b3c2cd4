//! `/api/v1/packages/{id}/prices`.

use axum::{
    Router as Routes,
    extract::State,
    http::StatusCode,
    routing::{delete, get},
};
use utoipa::OpenApi;

use super::{Price, PriceForm, PriceState};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{Json, openapi::Problem},
        error::AppError,
        path::Path,
        session::{Caller, Signed},
        view::View,
    },
    ids::{PackageId, PriceId},
    packages::{self, At},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/packages/{id}/prices", get(list).post(add))
        .route("/packages/{id}/prices/{price_id}", delete(withdraw))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list, add, withdraw), components(schemas(PriceForm, PriceState)))]
    struct Part;
    Part::openapi()
}

fn shown(caller: &Caller, price: Price) -> Price {
    if caller.may(Permission::CostsSee) { price } else { price.without_cost() }
}

#[utoipa::path(get, path = "/packages/{id}/prices", tag = "packages", operation_id = "package_prices",
    params(("id" = i64, Path)), responses(
    (status = 200, description = "Prices of the package, newest first; `state` says which is in force"),
    (status = 404, body = Problem),
))]
async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<PackageId>,
) -> Result<Json<Paged<Price>>, AppError> {
    caller.allow(Permission::PackagesSee)?;
    let now = app.clock.now();
    packages::find(app.db.read(), &caller.sites, id, At::everywhere(now)).await?.ok_or(AppError::NotFound)?;
    let prices = super::history(app.db.read(), &caller.sites, id, now).await?;
    let items = prices.into_iter().map(|price| shown(&caller, price)).collect();
    Ok(Json(Paged { items, next_cursor: None }))
}

#[utoipa::path(post, path = "/packages/{id}/prices", tag = "packages", operation_id = "package_price_add",
    params(("id" = i64, Path)), request_body = PriceForm, responses(
    (status = 201, description = "The price"), (status = 404, body = Problem), (status = 422, body = Problem),
))]
async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<PackageId>,
    Json(form): Json<PriceForm>,
) -> Result<(StatusCode, Json<Price>), AppError> {
    caller.allow(Permission::PackagesManage)?;
    if form.cost.is_some() && !caller.may(Permission::CostsSee) {
        return Err(packages::no_cost().into());
    }
    let made = super::add(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &form).await?;
    let prices = super::history(app.db.read(), &caller.sites, id, app.clock.now()).await?;
    let price = prices.into_iter().find(|price| price.id == made).ok_or(AppError::NotFound)?;
    Ok((StatusCode::CREATED, Json(shown(&caller, price))))
}

#[utoipa::path(delete, path = "/packages/{id}/prices/{price_id}", tag = "packages",
    operation_id = "package_price_withdraw", params(("id" = i64, Path), ("price_id" = i64, Path)), responses(
    (status = 204, description = "Withdrawn"),
    (status = 404, body = Problem),
    (status = 422, body = Problem, description = "It has begun: it stays"),
))]
async fn withdraw(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path((id, price)): Path<(PackageId, PriceId)>,
) -> Result<StatusCode, AppError> {
    caller.allow(Permission::PackagesManage)?;
    super::withdraw(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, price).await?;
    Ok(StatusCode::NO_CONTENT)
}
