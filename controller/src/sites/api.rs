//! `/api/v1/sites`.

use axum::{
    Router as Routes,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};

use super::{Site, SiteForm};
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
        form::{FieldError, FormErrors},
        session::Signed,
        view::View,
    },
    ids::SiteId,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/sites", get(list).post(add)).route("/sites/{id}", get(show).put(replace).patch(change))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list, add, show, replace, change))]
    struct Part;
    Part::openapi()
}

/// What is left out stays, or is empty in a new site.
#[derive(Debug, Deserialize, ToSchema)]
struct SiteFields {
    name: Option<String>,
    #[serde(alias = "time_zone")]
    timezone: Option<String>,
    wifi_name: Option<String>,
    address: Option<String>,
    /// Days that vouchers which are over stay on the routers, switched off: 0 = removed at once, null = for ever.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i32>)]
    cleanup_days: Option<Option<i32>>,
    /// The hour of the site's day at which the nightly run begins, 0 to 23.
    run_hour: Option<i32>,
}

/// A field that was given, be it null.
fn given<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Option<i32>>, D::Error> {
    Option::deserialize(value).map(Some)
}

impl SiteFields {
    fn whole(self) -> Result<SiteForm, AppError> {
        Ok(SiteForm {
            name: self.name.ok_or_else(|| FormErrors::of("name", FieldError::new("required")))?,
            timezone: self.timezone.unwrap_or_default(),
            wifi_name: self.wifi_name.unwrap_or_default(),
            address: self.address.unwrap_or_default(),
            cleanup_days: self.cleanup_days.unwrap_or(Some(0)),
            run_hour: self.run_hour.unwrap_or_default(),
        })
    }

    fn over(self, site: Site) -> SiteForm {
        SiteForm {
            name: self.name.unwrap_or(site.name),
            timezone: self.timezone.unwrap_or(site.timezone),
            wifi_name: self.wifi_name.unwrap_or(site.wifi_name),
            address: self.address.unwrap_or(site.address),
            cleanup_days: self.cleanup_days.unwrap_or(site.cleanup_days),
            run_hour: self.run_hour.unwrap_or(site.run_hour),
        }
    }
}

#[utoipa::path(get, path = "/sites", tag = "sites", params(ListParams), responses(
    (status = 200, description = "Sites, by name"),
    (status = 403, body = Problem, description = "not allowed"),
))]
async fn list(State(app): State<App>, Signed(caller): Signed, listing: Listing) -> Result<Json<Paged<Site>>, AppError> {
    caller.allow(Permission::SitesSee)?;
    Ok(Json(super::list(app.db.read(), &caller.sites, &listing.page).await?))
}

#[utoipa::path(post, path = "/sites", tag = "sites", request_body = SiteFields, responses(
    (status = 201, description = "The site"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Json(fields): Json<SiteFields>,
) -> Result<(StatusCode, Json<Site>), AppError> {
    caller.allow_everywhere(Permission::SitesManage)?;
    let id = super::add(&app, &Actor::of(&caller, view.ip()), fields.whole()?).await?;
    let site = super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    Ok((StatusCode::CREATED, Json(site)))
}

#[utoipa::path(get, path = "/sites/{id}", tag = "sites", params(("id" = i64, Path)), responses(
    (status = 200, description = "The site"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
))]
async fn show(State(app): State<App>, Signed(caller): Signed, Path(id): Path<SiteId>) -> Result<Json<Site>, AppError> {
    caller.allow(Permission::SitesSee)?;
    super::find(app.db.read(), &caller.sites, id).await?.map(Json).ok_or(AppError::NotFound)
}

#[utoipa::path(put, path = "/sites/{id}", tag = "sites", params(("id" = i64, Path)), request_body = SiteFields, responses(
    (status = 200, description = "The site"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn replace(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SiteId>,
    Json(fields): Json<SiteFields>,
) -> Result<Json<Site>, AppError> {
    caller.allow(Permission::SitesManage)?;
    super::change(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, fields.whole()?).await?;
    super::find(app.db.read(), &caller.sites, id).await?.map(Json).ok_or(AppError::NotFound)
}

#[utoipa::path(patch, path = "/sites/{id}", tag = "sites", params(("id" = i64, Path)), request_body = SiteFields, responses(
    (status = 200, description = "The site"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn change(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SiteId>,
    Json(fields): Json<SiteFields>,
) -> Result<Json<Site>, AppError> {
    caller.allow(Permission::SitesManage)?;
    let site = super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    super::change(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, fields.over(site)).await?;
    super::find(app.db.read(), &caller.sites, id).await?.map(Json).ok_or(AppError::NotFound)
}
