//! `/api/v1/packages`.

use axum::{
    Router as Routes,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use axum_extra::extract::Query;
use serde::Deserialize;
use utoipa::OpenApi;

use super::{Filter, Package, PackageError, PackageForm, rules};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{Json, Listing, openapi::Problem},
        error::AppError,
        form::{Check, FieldError, FormErrors},
        session::{Caller, Signed},
        view::View,
    },
    ids::{PackageId, RouterId},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/packages", get(list).post(add)).route("/packages/{id}", get(show).put(change))
}

/// Their part of the document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list, add, show, change), components(schemas(PackageForm)))]
    struct Part;
    Part::openapi()
}

impl From<PackageError> for AppError {
    fn from(error: PackageError) -> Self {
        match error {
            PackageError::NotFound => Self::NotFound,
            PackageError::Refused(errors) => Self::Invalid(errors),
            PackageError::Db(error) => error.into(),
        }
    }
}

/// The package as the caller may see it.
pub(super) fn shown(caller: &Caller, package: Package) -> Package {
    if caller.may(Permission::CostsSee) { package } else { package.without_cost() }
}

#[derive(Debug, Deserialize)]
struct Asked {
    service: Option<String>,
    router_id: Option<String>,
}

impl Asked {
    fn filter(self, q: String) -> Result<Filter, AppError> {
        let mut check = Check::default();
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let service = given(self.service).and_then(|text| check.choice("service", &text, rules::service));
        let router = given(self.router_id).and_then(|text| check.id("router_id", &text)).map(RouterId);
        if check.is_clean() { Ok(Filter { service, router, q }) } else { Err(check.into_errors().into()) }
    }
}

#[utoipa::path(get, path = "/packages", tag = "packages", params(
    ("service" = Option<String>, Query, description = "`hotspot` or `pppoe`"),
    ("router_id" = Option<i64>, Query, description = "sold on this router"),
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
    let page = super::list(app.db.read(), &caller.sites, &filter, &listing.page).await?;
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
    let draft = rules::check(&form)?;
    let id = super::add(&app, &caller.sites, &Actor::of(&caller, view.ip()), draft).await?;
    let package = super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
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
    let package = super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
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
    let draft = rules::check(&form)?;
    super::change(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, draft).await?;
    let package = super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    Ok(Json(shown(&caller, package)))
}

/// The refusal of a purchase price from somebody who may not see any.
pub(crate) fn no_cost() -> FormErrors {
    FormErrors::of("cost", FieldError::new("not_allowed"))
}
