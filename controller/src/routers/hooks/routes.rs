//! Pages of profiles' scripts, and what is pressed there.

use axum::{
    Router as Routes,
    extract::{Path, State},
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::{Form, Query};
use hiji_shared::device::Service;
use serde::Deserialize;

use super::{Wish, pages::ProfilePage};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission, api::service_of, error::AppError, form::Check, locale::Arg, session::Signed, view::View,
    },
    ids::RouterId,
    routers::routes::head,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/routers/{id}/profile", get(show).post(act))
        .route("/routers/{id}/hooks", post(all))
        .route("/routers/{id}/hooks/test", post(test))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fields {
    service: String,
    name: String,
    /// `install`, `mark` or `remove`.
    act: String,
    beside_mikhmon: String,
}

impl Fields {
    fn service(&self) -> Result<Service, AppError> {
        Ok(service_of(Some(&self.service))?.unwrap_or(Service::Hotspot))
    }

    /// What is pressed, or looked at before it is.
    fn act(&self) -> (&'static str, Wish) {
        let beside_mikhmon = Check::ticked(&self.beside_mikhmon);
        match self.act.as_str() {
            "remove" => ("remove", Wish::default()),
            "mark" => ("mark", Wish { mark: true, hooks: false, beside_mikhmon }),
            _ => ("install", Wish { mark: true, hooks: true, beside_mikhmon }),
        }
    }
}

async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
    Query(fields): Query<Fields>,
) -> Result<Response, AppError> {
    let head = head(&app, &caller, id, "profiles").await?;
    let of = (fields.service()?, fields.name.as_str());
    let (mut act, mut wish) = fields.act();
    let mut preview = super::preview(app.db.read(), &caller.sites, id, of, wish).await?;
    // Without a choice: what is likely wanted next.
    if fields.act.is_empty() && preview.hooks.calls {
        (act, wish) = ("remove", Wish::default());
        preview = super::preview(app.db.read(), &caller.sites, id, of, wish).await?;
    }
    view.page(&ProfilePage::new(head, preview, act, caller.may(Permission::PackagesManage)))
}

async fn act(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::RoutersManage)?;
    let service = fields.service()?;
    let (act, wish) = fields.act();
    let actor = Actor::of(&caller, view.ip());
    super::wish(&app, &caller.sites, &actor, id, (service, &fields.name), wish).await?;
    let done = if act == "remove" { "done-hooks-removed" } else { "done-hooks-wanted" };
    Ok(view.go_saying(&format!("/routers/{id}/profiles"), done, []))
}

#[derive(Debug, Deserialize)]
struct AllFields {
    #[serde(default)]
    act: String,
}

async fn all(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
    Form(fields): Form<AllFields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::RoutersManage)?;
    let on = fields.act != "remove";
    let many = super::wish_all(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, on).await?;
    let count = |list: usize| Arg::from(i64::try_from(list).unwrap_or(i64::MAX));
    let said = [("changed", count(many.changed.len())), ("skipped", count(many.skipped.len()))];
    Ok(view.go_saying(&format!("/routers/{id}/profiles"), "done-hooks-all", said))
}

async fn test(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::RoutersManage)?;
    super::test(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    Ok(view.go_saying(&format!("/routers/{id}/profiles"), "done-hook-test", []))
}
