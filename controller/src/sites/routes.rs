//! Pages of sites.

use axum::{
    Router as Routes,
    extract::{Path, State},
    response::Response,
    routing::get,
};
use axum_extra::extract::Form;

use super::{
    COMMON_ZONES,
    pages::{Fields, ListPage, form_page},
};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        api::Listing,
        error::AppError,
        form::FormView,
        locale::Arg,
        session::{Caller, Signed},
        view::View,
    },
    ids::SiteId,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/sites", get(list).post(add))
        .route("/sites/new", get(add_form))
        .route("/sites/{id}", get(change_form).post(change))
}

fn may_add(caller: &Caller) -> bool {
    caller.allow_everywhere(Permission::SitesManage).is_ok()
}

async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
) -> Result<Response, AppError> {
    caller.allow(Permission::SitesSee)?;
    let page = super::list(app.db.read(), &caller.sites, &listing.page).await?;
    let may_add = may_add(&caller);
    view.page(&ListPage { sites: page.items, next: page.next_cursor, is_later: listing.is_later, may_add })
}

async fn add_form(Signed(caller): Signed, view: View) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::SitesManage)?;
    let values = Fields { timezone: COMMON_ZONES[0].to_owned(), ..Fields::default() };
    view.page(&form_page(None, FormView::fresh(values), true))
}

async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::SitesManage)?;
    let name = fields.name.trim().to_owned();
    match super::add(&app, &Actor::of(&caller, view.ip()), fields.clone().into()).await.map_err(AppError::from) {
        Ok(_) => Ok(view.go_saying("/sites", "done-site-added", [("name", Arg::from(name))])),
        Err(AppError::Invalid(errors)) => {
            let form = FormView::again(fields, errors, "");
            view.form_again(&form_page(None, form, true))
        }
        Err(other) => Err(other),
    }
}

async fn change_form(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SiteId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SitesSee)?;
    let site = super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let may_change = caller.may(Permission::SitesManage);
    view.page(&form_page(Some(id), FormView::fresh(site.into()), may_change))
}

async fn change(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SiteId>,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SitesManage)?;
    let actor = Actor::of(&caller, view.ip());
    match super::change(&app, &caller.sites, &actor, id, fields.clone().into()).await.map_err(AppError::from) {
        Ok(()) => Ok(view.go_saying("/sites", "done-saved", [])),
        Err(AppError::Invalid(errors)) => {
            let form = FormView::again(fields, errors, "");
            view.form_again(&form_page(Some(id), form, true))
        }
        Err(other) => Err(other),
    }
}
