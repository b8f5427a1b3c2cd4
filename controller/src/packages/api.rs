//! `/api/v1/packages`.

use axum::{
    Router as Routes,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use axum_extra::extract::Query;
use serde::{Deserialize, Serialize};
use utoipa::OpenApi;

use super::{
    At, Filter, Found, Package, PackageError, PackageForm, SoldAs, addons, prices,
    proof::{self, Standing},
    rules, taxes,
};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{Json, Listing, openapi::Problem},
        error::AppError,
        form::{Check, FieldError, FormErrors},
        path::Path,
        session::{Caller, Signed},
        view::View,
    },
    ids::{PackageId, RouterId},
    money::Money,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/packages", get(list).post(add))
        .route("/packages/found_profiles", get(found_profiles))
        .route("/packages/{id}", get(show).put(change))
        .route("/packages/{id}/archive", post(archive))
        .route("/packages/{id}/restore", post(restore))
        .route("/packages/{id}/routers", get(standing))
        .route("/packages/{id}/retry", post(retry))
        .merge(prices::api::routes())
        .merge(addons::api::routes())
        .merge(taxes::api::routes())
}

/// Their part of the document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(
        paths(list, add, show, change, archive, restore, standing, retry, found_profiles),
        components(schemas(PackageForm))
    )]
    struct Part;
    let mut part = Part::openapi();
    part.merge(prices::api::document());
    part.merge(addons::api::document());
    part.merge(taxes::api::document());
    part
}

impl From<PackageError> for AppError {
    fn from(error: PackageError) -> Self {
        match error {
            PackageError::NotFound => Self::NotFound,
            PackageError::Refused(errors) => Self::Invalid(errors),
            PackageError::PriceBegun => Self::Invalid(prices::begun()),
            PackageError::Db(error) => error.into(),
        }
    }
}

/// The package as the caller may see it.
pub(super) fn shown(caller: &Caller, package: Package) -> Package {
    if caller.may(Permission::CostsSee) { package } else { package.without_cost() }
}

async fn found(app: &App, caller: &Caller, id: PackageId) -> Result<Package, AppError> {
    let at = At::everywhere(app.clock.now());
    super::find(app.db.read(), &caller.sites, id, at).await?.ok_or(AppError::NotFound)
}

/// The draft with the cost it had before, from somebody who may not see costs.
pub(super) fn priced(
    caller: &Caller,
    draft: rules::Draft,
    says_cost: bool,
    before: Option<Money>,
) -> Result<rules::Draft, FormErrors> {
    if caller.may(Permission::CostsSee) {
        return Ok(draft);
    }
    if says_cost {
        return Err(no_cost());
    }
    let cost = before.unwrap_or_else(|| Money::new(0, draft.price.currency()));
    Ok(rules::Draft { cost, ..draft })
}

#[derive(Debug, Deserialize)]
struct Asked {
    service: Option<String>,
    sold_as: Option<String>,
    router_id: Option<String>,
    archived: Option<String>,
}

impl Asked {
    fn filter(self, q: String) -> Result<Filter, AppError> {
        let mut check = Check::default();
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let service = given(self.service).and_then(|text| check.choice("service", &text, rules::service));
        let sold_as = given(self.sold_as).and_then(|text| check.choice("sold_as", &text, SoldAs::parse));
        let router = given(self.router_id).and_then(|text| check.id("router_id", &text)).map(RouterId);
        let archived = given(self.archived).is_some_and(|text| Check::ticked(&text));
        if check.is_clean() {
            Ok(Filter { service, sold_as, router, archived, q })
        } else {
            Err(check.into_errors().into())
        }
    }
}

#[utoipa::path(get, path = "/packages", tag = "packages", params(
    ("service" = Option<String>, Query, description = "`hotspot` or `pppoe`"),
    ("sold_as" = Option<String>, Query, description = "`voucher` or `subscription`"),
    ("router_id" = Option<i64>, Query, description = "sold on this router, at its price"),
    ("archived" = Option<bool>, Query, description = "those no longer offered"),
    ("q" = Option<String>, Query), ("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query),
), responses((status = 200, description = "Packages, by name")))]
async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    listing: Listing,
    Query(asked): Query<Asked>,
) -> Result<Json<Paged<Package>>, AppError> {
    caller.allow(Permission::PackagesSee)?;
    let filter = asked.filter(listing.q)?;
    let at = At { now: app.clock.now(), router: filter.router };
    let page = super::list(app.db.read(), &caller.sites, &filter, &listing.page, at).await?;
    Ok(Json(page.map(|package| shown(&caller, package))))
}

#[utoipa::path(post, path = "/packages", tag = "packages", request_body = PackageForm, responses(
    (status = 201, description = "The package"),
    (status = 422, body = Problem),
))]
async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Json(form): Json<PackageForm>,
) -> Result<(StatusCode, Json<Package>), AppError> {
    caller.allow(Permission::PackagesManage)?;
    let draft = priced(&caller, rules::check(&form)?, form.cost.is_some(), None)?;
    let id = super::add(&app, &caller.sites, &Actor::of(&caller, view.ip()), draft).await?;
    let package = found(&app, &caller, id).await?;
    Ok((StatusCode::CREATED, Json(shown(&caller, package))))
}

#[utoipa::path(get, path = "/packages/{id}", tag = "packages", params(("id" = i64, Path)), responses(
    (status = 200, description = "The package"), (status = 404, body = Problem),
))]
async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<PackageId>,
) -> Result<Json<Package>, AppError> {
    caller.allow(Permission::PackagesSee)?;
    let package = found(&app, &caller, id).await?;
    Ok(Json(shown(&caller, package)))
}

#[utoipa::path(put, path = "/packages/{id}", tag = "packages", params(("id" = i64, Path)),
    request_body = PackageForm, responses(
    (status = 200, description = "The package"), (status = 404, body = Problem), (status = 422, body = Problem),
))]
async fn change(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<PackageId>,
    Json(form): Json<PackageForm>,
) -> Result<Json<Package>, AppError> {
    caller.allow(Permission::PackagesManage)?;
    let before = found(&app, &caller, id).await?;
    let form = PackageForm { sold_as: form.sold_as.or_else(|| Some(before.sold_as.as_str().to_owned())), ..form };
    let draft = priced(&caller, rules::check(&form)?, form.cost.is_some(), before.cost)?;
    super::change(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, draft).await?;
    let package = found(&app, &caller, id).await?;
    Ok(Json(shown(&caller, package)))
}

#[utoipa::path(post, path = "/packages/{id}/archive", tag = "packages", operation_id = "package_archive",
    params(("id" = i64, Path)), responses(
    (status = 200, description = "The package, no longer offered"), (status = 404, body = Problem),
))]
async fn archive(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<PackageId>,
) -> Result<Json<Package>, AppError> {
    caller.allow(Permission::PackagesManage)?;
    super::archive(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, true).await?;
    Ok(Json(shown(&caller, found(&app, &caller, id).await?)))
}

#[utoipa::path(post, path = "/packages/{id}/restore", tag = "packages", operation_id = "package_restore",
    params(("id" = i64, Path)), responses(
    (status = 200, description = "The package, offered again"), (status = 404, body = Problem),
))]
async fn restore(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<PackageId>,
) -> Result<Json<Package>, AppError> {
    caller.allow(Permission::PackagesManage)?;
    super::archive(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, false).await?;
    Ok(Json(shown(&caller, found(&app, &caller, id).await?)))
}

#[utoipa::path(get, path = "/packages/{id}/routers", tag = "packages", operation_id = "package_routers",
    params(("id" = i64, Path)), responses(
    (status = 200, description = "How its profile stands on each router it is sold on: `verdict` is `proven`, `waiting`, `refused`, `no_addresses`, `bound`, `other_speed` or `missing`"),
    (status = 404, body = Problem),
))]
async fn standing(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<PackageId>,
) -> Result<Json<Paged<Standing>>, AppError> {
    caller.allow(Permission::PackagesSee)?;
    let package = found(&app, &caller, id).await?;
    Ok(Json(Paged { items: proof::standing(app.db.read(), &package).await?, next_cursor: None }))
}

#[utoipa::path(get, path = "/packages/found_profiles", tag = "packages", operation_id = "found_profiles", responses(
    (status = 200, description = "Profiles on routers that no package is bound to, those with hiji's mark first"),
))]
async fn found_profiles(State(app): State<App>, Signed(caller): Signed) -> Result<Json<Paged<Found>>, AppError> {
    caller.allow(Permission::PackagesSee)?;
    let items = super::found_profiles(app.db.read(), &caller.sites).await?;
    Ok(Json(Paged { items, next_cursor: None }))
}

/// How many routers were asked again.
#[derive(Debug, Serialize)]
struct Retried {
    count: usize,
}

#[utoipa::path(post, path = "/packages/{id}/retry", tag = "packages", operation_id = "package_retry",
    params(("id" = i64, Path)), responses(
    (status = 200, description = "Routers that refused its profile are asked again: `count` of them"),
    (status = 404, body = Problem),
))]
async fn retry(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<PackageId>,
) -> Result<Json<Retried>, AppError> {
    caller.allow(Permission::PackagesManage)?;
    let count = proof::retry(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    Ok(Json(Retried { count }))
}

/// The refusal of a purchase price from somebody who may not see any.
pub(crate) fn no_cost() -> FormErrors {
    FormErrors::of("cost", FieldError::new("not_allowed"))
}
