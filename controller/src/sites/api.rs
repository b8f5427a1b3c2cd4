//! `/api/v1/sites`.

use axum::{
    Router as Routes,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use serde::Deserialize;

use super::{Site, SiteForm};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{Json, Listing},
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

/// What is left out stays, or is empty in a new site.
#[derive(Debug, Deserialize)]
struct Fields {
    name: Option<String>,
    #[serde(alias = "time_zone")]
    timezone: Option<String>,
    wifi_name: Option<String>,
    address: Option<String>,
}

impl Fields {
    fn whole(self) -> Result<SiteForm, AppError> {
        Ok(SiteForm {
            name: self.name.ok_or_else(|| FormErrors::of("name", FieldError::new("required")))?,
            timezone: self.timezone.unwrap_or_default(),
            wifi_name: self.wifi_name.unwrap_or_default(),
            address: self.address.unwrap_or_default(),
        })
    }

    fn over(self, site: Site) -> SiteForm {
        SiteForm {
            name: self.name.unwrap_or(site.name),
            timezone: self.timezone.unwrap_or(site.timezone),
            wifi_name: self.wifi_name.unwrap_or(site.wifi_name),
            address: self.address.unwrap_or(site.address),
        }
    }
}

async fn list(State(app): State<App>, Signed(caller): Signed, listing: Listing) -> Result<Json<Paged<Site>>, AppError> {
    caller.allow(Permission::SitesSee)?;
    Ok(Json(super::list(app.db.read(), &caller.sites, &listing.page).await?))
}

async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Json(fields): Json<Fields>,
) -> Result<(StatusCode, Json<Site>), AppError> {
    caller.allow_everywhere(Permission::SitesManage)?;
    let id = super::add(&app, &Actor::of(&caller, view.ip()), fields.whole()?).await?;
    let site = super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    Ok((StatusCode::CREATED, Json(site)))
}

async fn show(State(app): State<App>, Signed(caller): Signed, Path(id): Path<SiteId>) -> Result<Json<Site>, AppError> {
    caller.allow(Permission::SitesSee)?;
    super::find(app.db.read(), &caller.sites, id).await?.map(Json).ok_or(AppError::NotFound)
}

async fn replace(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SiteId>,
    Json(fields): Json<Fields>,
) -> Result<Json<Site>, AppError> {
    caller.allow(Permission::SitesManage)?;
    super::change(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, fields.whole()?).await?;
    super::find(app.db.read(), &caller.sites, id).await?.map(Json).ok_or(AppError::NotFound)
}

async fn change(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SiteId>,
    Json(fields): Json<Fields>,
) -> Result<Json<Site>, AppError> {
    caller.allow(Permission::SitesManage)?;
    let site = super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    super::change(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, fields.over(site)).await?;
    super::find(app.db.read(), &caller.sites, id).await?.map(Json).ok_or(AppError::NotFound)
}
