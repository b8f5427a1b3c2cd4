//! The page of a package's prices.

use std::collections::HashMap;

use axum::{
    Router as Routes,
    extract::State,
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::Form;
use chrono_tz::Tz;

use super::{
    PriceState,
    pages::{Fields, PricesPage, Row},
};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        error::AppError,
        form::{Choice, FormView},
        locale::Arg,
        path::Path,
        session::{Caller, Signed},
        view::View,
    },
    ids::{PackageId, PriceId},
    packages::{self, At, Package},
    routers::{self, Place},
    sites,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/packages/{id}/prices", get(show).post(add))
        .route("/packages/{id}/prices/{price_id}/withdraw", post(withdraw))
}

async fn package_of(app: &App, caller: &Caller, id: PackageId) -> Result<Package, AppError> {
    let at = At::everywhere(app.clock.now());
    packages::find(app.db.read(), &caller.sites, id, at).await?.ok_or(AppError::NotFound)
}

async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<PackageId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PackagesSee)?;
    let package = package_of(&app, &caller, id).await?;
    view.page(&page(&app, &caller, package, FormView::fresh(Fields::default())).await?)
}

async fn page(app: &App, caller: &Caller, package: Package, form: FormView<Fields>) -> Result<PricesPage, AppError> {
    let sees_costs = caller.may(Permission::CostsSee);
    let home = sites::home_zone(app.db.read(), &caller.sites).await?;
    let places = routers::places(app.db.read(), &caller.sites).await?;
    let at: HashMap<_, &Place> = places.iter().map(|place| (place.id, place)).collect();
    let prices = super::history(app.db.read(), &caller.sites, package.id, app.clock.now()).await?;
    let row = |price: super::Price| {
        let price = if sees_costs { price } else { price.without_cost() };
        let place = price.router_id.and_then(|router| at.get(&router));
        let name = place.map(|place| place.name.clone()).unwrap_or_default();
        Row::new(price, name, place.map_or_else(|| home.clone(), |place| place.timezone.clone()))
    };
    // Routers it is sold on come with their names; others would have a price nobody asks for.
    let sold = |place: &&Place| package.router_ids.contains(&place.id);
    let routers = places.iter().filter(sold).map(|place| Choice::new(place.id, place.name.clone())).collect();
    let (first, first_cost) = packages::first_price(app.db.read(), package.id).await?.ok_or(AppError::NotFound)?;
    let begun = |price: &super::Price| price.router_id.is_none() && price.state != PriceState::Future;
    let first_state = if prices.iter().any(begun) { PriceState::Past } else { PriceState::InForce };
    Ok(PricesPage {
        id: package.id,
        first_state,
        is_subscription: package.sold_as == packages::SoldAs::Subscription,
        prices: prices.into_iter().map(row).collect(),
        first,
        first_cost: Some(first_cost).filter(|_| sees_costs),
        created_at: package.created_at,
        routers,
        currency_sign: package.price.currency().sign().to_owned(),
        timezone: home,
        sees_costs,
        may_manage: caller.may(Permission::PackagesManage),
        name: package.name,
        form,
    })
}

async fn zone_of(app: &App, caller: &Caller, fields: &Fields) -> Result<Tz, AppError> {
    let places = routers::places(app.db.read(), &caller.sites).await?;
    let chosen = places.iter().find(|place| place.id.to_string() == fields.router_id.trim());
    let name = match chosen {
        Some(place) => place.timezone.clone(),
        None => sites::home_zone(app.db.read(), &caller.sites).await?,
    };
    Ok(name.parse().unwrap_or(Tz::UTC))
}

async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<PackageId>,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PackagesManage)?;
    let package = package_of(&app, &caller, id).await?;
    let zone = zone_of(&app, &caller, &fields).await?;
    let read = fields.read(package.price.currency(), zone, app.clock.now());
    let done = match read {
        Err(errors) => Err(packages::PackageError::Refused(errors)),
        Ok(form) if form.cost.is_some() && !caller.may(Permission::CostsSee) => {
            Err(packages::PackageError::Refused(packages::no_cost()))
        }
        Ok(form) => super::add(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &form).await,
    };
    match done {
        Ok(_) => {
            let name = Arg::from(package.name);
            Ok(view.go_saying(&format!("/packages/{id}/prices"), "done-price-added", [("name", name)]))
        }
        Err(packages::PackageError::Refused(errors)) => {
            let form_id = fields.form_id.clone();
            view.form_again(&page(&app, &caller, package, FormView::again(fields, errors, &form_id)).await?)
        }
        Err(other) => Err(other.into()),
    }
}

async fn withdraw(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path((id, price)): Path<(PackageId, PriceId)>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PackagesManage)?;
    super::withdraw(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, price).await?;
    Ok(view.go_saying(&format!("/packages/{id}/prices"), "done-price-withdrawn", []))
}
