//! Pages of packages.

use axum::{
    Router as Routes,
    extract::State,
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::{Form, Query};
use serde::Deserialize;

use super::{
    At, Filter, Found, Package, PackageError, SoldAs, addons,
    api::{priced, shown},
    fields::Fields,
    pages::{FormPage, ListPage, MAX_FOUND, PlaceRow, Row},
    prices,
    proof::{self, Verdict},
    rules, taxes,
};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        api::Listing,
        error::AppError,
        form::{Check, Choice, FormView},
        locale::Arg,
        path::Path,
        session::{Caller, Signed},
        view::View,
    },
    ids::PackageId,
    money::Currency,
    routers::{self, Place},
    settings,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/packages", get(list).post(add))
        .route("/packages/new", get(add_form))
        .route("/packages/{id}", get(change_form).post(change))
        .route("/packages/{id}/archive", post(archive))
        .route("/packages/{id}/restore", post(restore))
        .route("/packages/{id}/retry", post(retry))
        .merge(prices::routes::routes())
        .merge(addons::routes::routes())
        .merge(taxes::routes::routes())
}

fn router_choices(places: &[Place]) -> Vec<Choice> {
    places.iter().map(|place| Choice::new(place.id, format!("{} · {}", place.site, place.name))).collect()
}

async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(shelf): Query<Shelf>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PackagesSee)?;
    let archived = Check::ticked(&shelf.archived);
    let sold_as = match SoldAs::parse(&shelf.sold_as) {
        Some(sold_as) => sold_as,
        None => super::mostly(app.db.read(), &caller.sites).await?,
    };
    let filter = Filter { q: listing.q.clone(), sold_as: Some(sold_as), archived, ..Filter::default() };
    let at = At::everywhere(app.clock.now());
    let page = super::list(app.db.read(), &caller.sites, &filter, &listing.page, at).await?;
    let names = router_choices(&routers::places(app.db.read(), &caller.sites).await?);
    let may_manage = caller.may(Permission::PackagesManage);
    let first = may_manage && !archived && listing.q.is_empty() && !listing.is_later;
    let mut found = if first { super::found_profiles(app.db.read(), &caller.sites).await? } else { Vec::new() };
    found.retain(|found| found.may_be(sold_as));
    found.truncate(MAX_FOUND);
    let packages = page.items.into_iter().map(|package| Row::new(shown(&caller, package), &names)).collect();
    let (next, is_later) = (page.next_cursor, listing.is_later);
    view.page(&ListPage { sold_as, packages, found, q: listing.q, next, is_later, archived, may_manage })
}

/// Which packages: of which kind, and those offered or those no longer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Shelf {
    sold_as: String,
    archived: String,
}

/// Of which kind a new package is, and of which profile it is made.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Prefill {
    profile: String,
    service: String,
    sold_as: String,
}

impl Prefill {
    fn sold_as(&self) -> SoldAs {
        let usual = || rules::service(&self.service).map_or(SoldAs::Voucher, SoldAs::usual);
        SoldAs::parse(&self.sold_as).unwrap_or_else(usual)
    }
}

async fn add_form(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Query(prefill): Query<Prefill>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PackagesManage)?;
    let found = super::found_profiles(app.db.read(), &caller.sites).await?;
    let wanted = |found: &&Found| found.name == prefill.profile && found.service.as_str() == prefill.service;
    let sold_as = prefill.sold_as();
    let of_found = |found: &Found| Fields::of_found(found, sold_as);
    let mut fields = found.iter().find(wanted).map_or_else(|| Fields::fresh(sold_as), of_found);
    if let ([], [only]) = (&*fields.router_ids, &*routers::places(app.db.read(), &caller.sites).await?) {
        // Where else should it be sold?
        fields.router_ids = vec![only.id.to_string()];
    }
    view.page(&form_page(&app, &caller, None, FormView::fresh(fields)).await?)
}

async fn form_page(
    app: &App,
    caller: &Caller,
    package: Option<&Package>,
    form: FormView<Fields>,
) -> Result<FormPage, AppError> {
    let places = routers::places(app.db.read(), &caller.sites).await?;
    let standing = match package {
        Some(package) => proof::standing(app.db.read(), package).await?,
        None => Vec::new(),
    };
    let mut profiles = routers::profiles(app.db.read(), &caller.sites, None, false).await?;
    profiles.sort_by(|a, b| b.marked.cmp(&a.marked).then_with(|| a.name.cmp(&b.name)));
    let mut profiles: Vec<String> = profiles.into_iter().map(|profile| profile.name).collect();
    profiles.dedup();
    profiles.truncate(MAX_FOUND);
    let currency = match package {
        Some(package) => package.price.currency(),
        None => currency(app).await?,
    };
    let typed = form.values.sold_as().unwrap_or(SoldAs::Voucher);
    Ok(FormPage {
        id: package.map(|package| package.id),
        sold_as: package.map_or(typed, |package| package.sold_as),
        form,
        routers: router_choices(&places),
        refused: standing.iter().any(|each| each.verdict == Verdict::Refused),
        places: standing.into_iter().map(|each| PlaceRow::new(each, &places)).collect(),
        profiles,
        currency_sign: currency.sign().to_owned(),
        archived: package.is_some_and(|package| package.archived_at.is_some()),
        sees_costs: caller.may(Permission::CostsSee),
        no_tax: !taxes::is_collected(app.db.read(), app.clock.now()).await?,
    })
}

async fn currency(app: &App) -> Result<Currency, AppError> {
    Ok(Currency::parse(&settings::load(app.db.read()).await?.currency).unwrap_or(Currency::IDR))
}

async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PackagesManage)?;
    let done = match fields.draft(currency(&app).await?) {
        Ok(draft) => {
            let draft = priced(&caller, draft, false, None)?;
            super::add(&app, &caller.sites, &Actor::of(&caller, view.ip()), draft).await.map(|_| ())
        }
        Err(errors) => Err(PackageError::Refused(errors)),
    };
    answer(&app, &caller, &view, (None, fields), done).await
}

async fn change_form(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<PackageId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PackagesManage)?;
    let package = shown(&caller, found(&app, &caller, id).await?);
    view.page(&form_page(&app, &caller, Some(&package), FormView::fresh(Fields::of(&package))).await?)
}

async fn change(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<PackageId>,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PackagesManage)?;
    let package = found(&app, &caller, id).await?;
    let done = match fields.draft(package.price.currency()) {
        Ok(draft) => {
            let draft = priced(&caller, draft, false, package.cost)?;
            super::change(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, draft).await
        }
        Err(errors) => Err(PackageError::Refused(errors)),
    };
    answer(&app, &caller, &view, (Some(&package), fields), done).await
}

async fn archive(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<PackageId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PackagesManage)?;
    let package = found(&app, &caller, id).await?;
    super::archive(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, true).await?;
    Ok(view.go_saying(&shelf(package.sold_as), "done-package-archived", [("name", Arg::from(package.name))]))
}

async fn retry(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<PackageId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PackagesManage)?;
    let count = proof::retry(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    let count = Arg::from(i64::try_from(count).unwrap_or(i64::MAX));
    Ok(view.go_saying(&format!("/packages/{id}"), "done-package-retried", [("count", count)]))
}

async fn restore(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<PackageId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::PackagesManage)?;
    let package = found(&app, &caller, id).await?;
    super::archive(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, false).await?;
    Ok(view.go_saying(&shelf(package.sold_as), "done-package-restored", [("name", Arg::from(package.name))]))
}

/// The list of a kind.
fn shelf(sold_as: SoldAs) -> String {
    format!("/packages?sold_as={}", sold_as.as_str())
}

/// A package with what it costs now where routers have no price of their own.
async fn found(app: &App, caller: &Caller, id: PackageId) -> Result<Package, AppError> {
    let at = At::everywhere(app.clock.now());
    super::find(app.db.read(), &caller.sites, id, at).await?.ok_or(AppError::NotFound)
}

/// Back to the list, or the form again with what is wrong.
async fn answer(
    app: &App,
    caller: &Caller,
    view: &View,
    (package, fields): (Option<&Package>, Fields),
    done: Result<(), PackageError>,
) -> Result<Response, AppError> {
    match done {
        Ok(()) => {
            let name = Arg::from(fields.name.trim());
            let kind = fields.sold_as().unwrap_or(SoldAs::Voucher);
            let said = if fields.router_ids.is_empty() { "done-package-not-sold" } else { "done-package-saved" };
            Ok(view.go_saying(&shelf(kind), said, [("name", name)]))
        }
        Err(PackageError::Refused(errors)) => {
            let form_id = fields.form_id.clone();
            view.form_again(&form_page(app, caller, package, FormView::again(fields, errors, &form_id)).await?)
        }
        Err(other) => Err(other.into()),
    }
}
