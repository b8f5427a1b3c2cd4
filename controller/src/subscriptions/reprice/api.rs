//! `/api/v1/packages/{id}/subscribers`.

use axum::{
    Router as Routes,
    extract::{Path, State as Of},
    http::StatusCode,
    routing::{get, post},
};
use axum_extra::extract::Query;
use utoipa::OpenApi;

use super::{
    Count, Differing,
    routes::{Narrow, package},
};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{
            Intent, Json, Listing,
            openapi::{ListParams, Problem},
        },
        error::AppError,
        session::Signed,
        view::View,
    },
    ids::PackageId,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/packages/{id}/subscribers", get(list))
        .route("/packages/{id}/subscribers/counts", get(counts))
        .route("/packages/{id}/subscribers/take_price", post(take_price))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list, counts, take_price), components(schemas(Differing, Count)))]
    struct Part;
    Part::openapi()
}

#[utoipa::path(get, path = "/packages/{id}/subscribers", tag = "subscriptions", params(
    ("id" = i64, Path),
    ("which" = Option<String>, Query, description = "`old` (unless said), `planned`, `other`"), ListParams), responses(
    (status = 200, description = "Services that pay another price than their package costs now, by their ids"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such package of subscriptions"),
))]
async fn list(
    Of(app): Of<App>,
    Signed(caller): Signed,
    Path(id): Path<PackageId>,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Json<Paged<Differing>>, AppError> {
    caller.allow(Permission::SubscriptionsManage)?;
    package(&app, &caller, id).await?;
    let page = super::list(&app, &caller.sites, (id, narrow.which()?), &listing.page).await??;
    let sees = caller.may(Permission::CostsSee);
    let seen = |row: Differing| match sees {
        true => row,
        false => Differing { subscription: row.subscription.without_cost(), ..row },
    };
    Ok(Json(Paged { items: page.items.into_iter().map(seen).collect(), next_cursor: page.next_cursor }))
}

#[utoipa::path(get, path = "/packages/{id}/subscribers/counts", tag = "subscriptions", params(("id" = i64, Path)),
    responses(
    (status = 200, body = Vec<Count>, description = "How many services pay another price, and what becomes of them"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such package of subscriptions"),
))]
async fn counts(
    Of(app): Of<App>,
    Signed(caller): Signed,
    Path(id): Path<PackageId>,
) -> Result<Json<Vec<Count>>, AppError> {
    caller.allow(Permission::SubscriptionsManage)?;
    package(&app, &caller, id).await?;
    Ok(Json(super::counts(&app, &caller.sites, id).await?))
}

#[utoipa::path(post, path = "/packages/{id}/subscribers/take_price", tag = "subscriptions",
    params(("id" = i64, Path)), responses(
    (status = 202, description = "Those of the caller's sites that pay another price take the present one with their \
     next period, one after the other"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such package of subscriptions"),
))]
async fn take_price(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Intent(form_id): Intent,
    Path(id): Path<PackageId>,
) -> Result<StatusCode, AppError> {
    caller.allow(Permission::SubscriptionsManage)?;
    package(&app, &caller, id).await?;
    let actor = Actor::of(&caller, view.ip());
    super::take_all(&app, (&caller.sites, &actor), &form_id, id).await?;
    Ok(StatusCode::ACCEPTED)
}
