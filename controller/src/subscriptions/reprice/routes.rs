//! The page of services with another price than their package's, and the button that lets them take it.

use axum::{
    Router as Routes,
    extract::{Path, State as Of},
    response::Response,
    routing::get,
};
use axum_extra::extract::{Form, Query};
use serde::Deserialize;

use super::{Differing, Which, pages::RepricePage};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        api::Listing,
        error::AppError,
        form::{self, FieldError, FormErrors},
        session::{Caller, Signed},
        view::View,
    },
    ids::PackageId,
    packages::{self, At, Package, SoldAs},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/packages/{id}/subscribers", get(show).post(press))
}

/// Which are shown, and whether it was begun just now.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Narrow {
    which: String,
    running: String,
}

impl Narrow {
    /// Those that go on with the old price unless said.
    pub(super) fn which(&self) -> Result<Which, AppError> {
        if self.which.is_empty() {
            return Ok(Which::Old);
        }
        Which::parse(&self.which).ok_or_else(|| FormErrors::of("which", FieldError::new("not_offered")).into())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pressed {
    form_id: String,
}

/// A package that the caller sees and that is sold as subscriptions.
pub(super) async fn package(app: &App, caller: &Caller, id: PackageId) -> Result<Package, AppError> {
    let at = At::everywhere(app.clock.now());
    let found = packages::find(app.db.read(), &caller.sites, id, at).await?;
    found.filter(|package| package.sold_as == SoldAs::Subscription).ok_or(AppError::NotFound)
}

async fn show(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<PackageId>,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SubscriptionsManage)?;
    let package = package(&app, &caller, id).await?;
    let which = narrow.which()?;
    let page = super::list(&app, &caller.sites, (id, which), &listing.page).await??;
    let counts = super::counts(&app, &caller.sites, id).await?;
    let of = |which: Which| counts.iter().find(|count| count.which == which).map_or(0, |count| count.count);
    let rows = page.items.into_iter();
    view.page(&RepricePage {
        package_id: id,
        package: package.name,
        price: package.price,
        which,
        old: of(Which::Old),
        planned: of(Which::Planned),
        other: of(Which::Other),
        rows: rows.map(|row| Differing { subscription: row.subscription.without_cost(), ..row }).collect(),
        is_running: !narrow.running.is_empty(),
        form_id: form::new_form_id(),
        next: page.next_cursor,
        is_later: listing.is_later,
    })
}

async fn press(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<PackageId>,
    Form(pressed): Form<Pressed>,
) -> Result<Response, AppError> {
    caller.allow(Permission::SubscriptionsManage)?;
    package(&app, &caller, id).await?;
    let actor = Actor::of(&caller, view.ip());
    super::take_all(&app, (&caller.sites, &actor), &pressed.form_id, id).await?;
    Ok(view.go_saying(&format!("/packages/{id}/subscribers?which=planned&running=1"), "done-prices-begun", []))
}
