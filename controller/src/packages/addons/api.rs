//! `/api/v1/addons`.

use axum::{
    Router as Routes,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use axum_extra::extract::Query;
use serde::Deserialize;
use utoipa::OpenApi;

use super::{Addon, AddonForm, Draft, Filter, rules};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{
            Json, Listing,
            openapi::{ListParams, Problem},
        },
        error::AppError,
        form::{Check, FormErrors},
        path::Path,
        session::{Caller, Signed},
        view::View,
    },
    ids::AddonId,
    money::Money,
    packages::no_cost,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/addons", get(list).post(add))
        .route("/addons/{id}", get(show).put(change))
        .route("/addons/{id}/archive", post(archive))
        .route("/addons/{id}/restore", post(restore))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list, add, show, change, archive, restore), components(schemas(AddonForm)))]
    struct Part;
    Part::openapi()
}

/// The add-on as the caller may see it.
pub(super) fn shown(caller: &Caller, addon: Addon) -> Addon {
    if caller.may(Permission::CostsSee) { addon } else { addon.without_cost() }
}

/// The draft with the cost it had before, from somebody who may not see costs.
pub(super) fn priced(
    caller: &Caller,
    draft: Draft,
    says_cost: bool,
    before: Option<Money>,
) -> Result<Draft, FormErrors> {
    if caller.may(Permission::CostsSee) {
        return Ok(draft);
    }
    if says_cost {
        return Err(no_cost());
    }
    let cost = before.unwrap_or_else(|| Money::new(0, draft.price.currency()));
    Ok(Draft { cost, ..draft })
}

async fn found(app: &App, id: AddonId) -> Result<Addon, AppError> {
    super::find(app.db.read(), id).await?.ok_or(AppError::NotFound)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    archived: String,
}

#[utoipa::path(get, path = "/addons", tag = "packages", operation_id = "addons", params(ListParams,
    ("archived" = Option<bool>, Query, description = "those no longer offered"),
), responses((status = 200, description = "Add-ons, by name")))]
async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    listing: Listing,
    Query(asked): Query<Asked>,
) -> Result<Json<Paged<Addon>>, AppError> {
    caller.allow(Permission::PackagesSee)?;
    let filter = Filter { archived: Check::ticked(&asked.archived), q: listing.q };
    let page = super::list(app.db.read(), &filter, &listing.page).await?;
    Ok(Json(page.map(|addon| shown(&caller, addon))))
}

#[utoipa::path(post, path = "/addons", tag = "packages", operation_id = "addon_add", request_body = AddonForm,
    responses((status = 201, description = "The add-on"), (status = 422, body = Problem)))]
async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Json(form): Json<AddonForm>,
) -> Result<(StatusCode, Json<Addon>), AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    let draft = priced(&caller, rules::check(&form)?, form.cost.is_some(), None)?;
    let id = super::add(&app, &Actor::of(&caller, view.ip()), &draft).await?;
    Ok((StatusCode::CREATED, Json(shown(&caller, found(&app, id).await?))))
}

#[utoipa::path(get, path = "/addons/{id}", tag = "packages", operation_id = "addon", params(("id" = i64, Path)),
    responses((status = 200, description = "The add-on"), (status = 404, body = Problem)))]
async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<AddonId>,
) -> Result<Json<Addon>, AppError> {
    caller.allow(Permission::PackagesSee)?;
    Ok(Json(shown(&caller, found(&app, id).await?)))
}

#[utoipa::path(put, path = "/addons/{id}", tag = "packages", operation_id = "addon_change",
    params(("id" = i64, Path)), request_body = AddonForm, responses(
    (status = 200, description = "The add-on; subscriptions that have it keep what they agreed to"),
    (status = 404, body = Problem), (status = 422, body = Problem),
))]
async fn change(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<AddonId>,
    Json(form): Json<AddonForm>,
) -> Result<Json<Addon>, AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    let before = found(&app, id).await?;
    let draft = priced(&caller, rules::check(&form)?, form.cost.is_some(), before.cost)?;
    super::change(&app, &Actor::of(&caller, view.ip()), id, &draft).await?;
    Ok(Json(shown(&caller, found(&app, id).await?)))
}

#[utoipa::path(post, path = "/addons/{id}/archive", tag = "packages", operation_id = "addon_archive",
    params(("id" = i64, Path)), responses(
    (status = 200, description = "The add-on, no longer offered"), (status = 404, body = Problem),
))]
async fn archive(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<AddonId>,
) -> Result<Json<Addon>, AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    super::archive(&app, &Actor::of(&caller, view.ip()), id, true).await?;
    Ok(Json(shown(&caller, found(&app, id).await?)))
}

#[utoipa::path(post, path = "/addons/{id}/restore", tag = "packages", operation_id = "addon_restore",
    params(("id" = i64, Path)), responses(
    (status = 200, description = "The add-on, offered again"), (status = 404, body = Problem),
))]
async fn restore(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<AddonId>,
) -> Result<Json<Addon>, AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    super::archive(&app, &Actor::of(&caller, view.ip()), id, false).await?;
    Ok(Json(shown(&caller, found(&app, id).await?)))
}
