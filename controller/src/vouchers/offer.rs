//! What the form of a batch offers, and what it would make of what is typed: the packages, servers and sellers that go
//! with the chosen router, and the preview. Nothing is written here.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::{
    fields::Fields,
    make,
    pages::{NewPage, Preview, Sample, charsets},
    rules::{self, BatchForm, Terms},
};
use crate::{
    app::App,
    db::paging::{MAX_LIMIT, PageOf},
    http::{
        access::Permission,
        error::AppError,
        form::{Choice, FormErrors, FormView},
        session::Caller,
    },
    ids::SiteId,
    money::Currency,
    packages::{self, At, Package, SoldAs},
    prices, print,
    routers::{self, Place, Presence, Router},
    sellers::{self, Seller},
};

/// The form, filled in as far as it is.
pub(super) async fn page(app: &App, caller: &Caller, mut form: FormView<Fields>) -> Result<NewPage, AppError> {
    let places = routers::places(app.db.read(), &caller.sites).await?;
    let routers = router_choices(&places);
    // Where there is only one it need not be chosen.
    if let ([only], true) = (routers.as_slice(), form.values.router_id.is_empty()) {
        form.values.router_id.clone_from(&only.value);
    }
    let router = chosen_router(app, caller, &form.values).await?;
    let packages = package_choices(app, caller, &places, router.as_ref()).await?;
    let offered = |value: &String, choices: &[Choice]| choices.iter().any(|choice| choice.value == *value);
    if form.errors.is_empty() && !offered(&form.values.package_id, &packages) {
        form.values.package_id.clear();
    }
    if let ([only], true) = (packages.as_slice(), form.values.package_id.is_empty()) {
        form.values.package_id.clone_from(&only.value);
    }
    let sellers = seller_choices(app, caller, router.as_ref().map(|router| router.site_id)).await?;
    let mut servers = router.map(|router| router.facts.hotspot_servers).unwrap_or_default();
    // One that was typed before stays to be chosen, or the form would change by itself.
    let typed = form.values.server.trim();
    if !servers.is_empty() && !typed.is_empty() && !servers.iter().any(|server| server == typed) {
        servers.push(typed.to_owned());
    }
    let package = package_of(app, caller, &form.values).await?;
    let currency = package.as_ref().map_or(Currency::IDR, |package| package.price.currency());
    let preview = preview(app, caller, &form.values).await?;
    Ok(NewPage {
        form,
        routers,
        packages,
        servers,
        sellers,
        charsets: charsets(),
        currency_sign: currency.sign().to_owned(),
        preview,
        sees_costs: caller.may(Permission::CostsSee),
        may_add_package: caller.may(Permission::PackagesManage),
        prints: print::preference(app.db.read(), caller.admin_id).await?.opens,
    })
}

async fn chosen_router(app: &App, caller: &Caller, fields: &Fields) -> Result<Option<Router>, AppError> {
    match fields.router() {
        Some(id) => Ok(routers::find(app.db.read(), &caller.sites, id).await?),
        None => Ok(None),
    }
}

/// Voucher packages with their price: those of the chosen router, or all with where they are sold.
async fn package_choices(
    app: &App,
    caller: &Caller,
    places: &[Place],
    router: Option<&Router>,
) -> Result<Vec<Choice>, AppError> {
    let router = router.map(|router| router.id);
    let filter = packages::Filter { sold_as: Some(SoldAs::Voucher), router, ..packages::Filter::default() };
    let page = PageOf::new(Some(MAX_LIMIT), None)?;
    let at = At { now: app.clock.now(), router };
    let packages = packages::list(app.db.read(), &caller.sites, &filter, &page, at).await?.items;
    let label = |package: &Package| {
        if router.is_some() || places.len() < 2 {
            return format!("{} · {}", package.name, package.price);
        }
        let sold = |place: &&Place| package.router_ids.contains(&place.id);
        let names: Vec<&str> = places.iter().filter(sold).map(|place| place.name.as_str()).collect();
        format!("{} · {} ({})", package.name, package.price, names.join(", "))
    };
    Ok(packages
        .iter()
        .filter(|package| !package.router_ids.is_empty())
        .map(|each| Choice::new(each.id, label(each)))
        .collect())
}

pub(super) fn router_choices(places: &[Place]) -> Vec<Choice> {
    places.iter().map(|place| Choice::new(place.id, format!("{} · {}", place.site, place.name))).collect()
}

/// Sellers of the router's site.
async fn seller_choices(app: &App, caller: &Caller, site: Option<SiteId>) -> Result<Vec<Choice>, AppError> {
    let Some(site) = site else { return Ok(Vec::new()) };
    let filter = sellers::Filter { site: Some(site), ..sellers::Filter::default() };
    let page = PageOf::new(Some(MAX_LIMIT), None)?;
    let sellers = sellers::list(app.db.read(), &caller.sites, &filter, &page).await?.items;
    let label = |seller: &Seller| {
        if seller.level.is_empty() { seller.name.clone() } else { format!("{} · {}", seller.name, seller.level) }
    };
    Ok(sellers.iter().map(|seller| Choice::new(seller.id, label(seller))).collect())
}

/// The chosen package, with what it costs on the chosen router.
pub(super) async fn package_of(app: &App, caller: &Caller, fields: &Fields) -> Result<Option<Package>, AppError> {
    let at = At { now: app.clock.now(), router: fields.router() };
    match fields.package() {
        Some(id) => Ok(packages::find(app.db.read(), &caller.sites, id, at).await?),
        None => Ok(None),
    }
}

/// What is typed would make this. What cannot be read is as if it were not typed.
pub(super) async fn preview(app: &App, caller: &Caller, fields: &Fields) -> Result<Preview, AppError> {
    let router = chosen_router(app, caller, fields).await?;
    let mode = rules::Mode::parse(&fields.mode).unwrap_or(rules::Mode::Same);
    let samples = fields.look().map(|look| super::sample_codes(&look, mode)).unwrap_or_default();
    let blank = Preview {
        samples: samples.into_iter().map(|(code, password)| Sample { code, password }).collect(),
        waits_for: router
            .as_ref()
            .filter(|router| router.presence != Presence::Online)
            .map(|router| router.name.clone()),
        ..Preview::default()
    };
    let sold_here = |package: &Package| router.as_ref().is_none_or(|router| package.router_ids.contains(&router.id));
    let Some(package) = package_of(app, caller, fields).await?.filter(sold_here) else { return Ok(blank) };
    let sees_costs = caller.may(Permission::CostsSee);
    let (mut form, unread) = fields.read(Tz::UTC, package.price.currency());
    form.cost = form.cost.filter(|_| sees_costs);
    let readable = unread.iter().all(|(field, _)| field != "count");
    let count = if readable { form.count.clamp(0, rules::MAX_COUNT) } else { 0 };
    let terms = chosen_terms(&form, &make::terms(&package, app.clock.now()));
    let seller = match form.seller_id {
        Some(id) => sellers::find(app.db.read(), &caller.sites, id).await?,
        None => None,
    };
    let net_price = prices::net_price(app.db.read(), seller.as_ref(), (package.id, count), terms.price).await?;
    let totals = rules::totals(count, terms.price, net_price, terms.cost).ok();
    Ok(Preview {
        count,
        price: Some(terms.price),
        net_price: seller.is_some().then_some(net_price),
        // Whoever may not see costs must not find them out by trying prices.
        below_cost: sees_costs && net_price.minor() < terms.cost.minor(),
        cost_total: totals.filter(|_| sees_costs).map(|totals| totals.cost),
        price_total: totals.map(|totals| totals.price),
        net_total: totals.filter(|_| seller.is_some()).map(|totals| totals.net),
        profit_total: totals.filter(|_| sees_costs).map(|totals| totals.profit),
        online_secs: terms.online_secs,
        active_secs: terms.active_secs,
        limit_bytes: terms.limit_bytes,
        ..blank
    })
}

/// The terms of the package, where the form says no others.
fn chosen_terms(form: &BatchForm, usual: &Terms) -> Terms {
    let chosen = |said: Option<i64>, usual: Option<i64>| said.or(usual).filter(|limit| *limit != 0);
    let currency = usual.price.currency();
    Terms {
        price: form.price.filter(|price| price.currency() == currency).unwrap_or(usual.price),
        cost: form.cost.filter(|cost| cost.currency() == currency).unwrap_or(usual.cost),
        online_secs: chosen(form.online_secs, usual.online_secs),
        active_secs: chosen(form.active_secs, usual.active_secs),
        limit_bytes: chosen(form.limit_bytes, usual.limit_bytes),
        ..*usual
    }
}

/// What somebody's form begins with: his last batch, the seller he is.
pub(super) async fn first_fields(app: &App, caller: &Caller) -> Result<Fields, AppError> {
    let last = super::last_batch(app.db.read(), &caller.sites, caller.admin_id).await?;
    let mut fields = last.as_ref().map_or_else(Fields::fresh, Fields::like);
    if let (Some(last), true) = (&last, fields.seller_id.is_empty())
        && let Some(seller) = sellers::of_admin(app.db.read(), last.site_id, caller.admin_id).await?
    {
        fields.seller_id = seller.id.to_string();
    }
    Ok(fields)
}

/// What cannot be read, and what the rules say of the rest, in one breath.
pub(super) fn with_rules(
    mut errors: FormErrors,
    form: &BatchForm,
    currency: Currency,
    now: DateTime<Utc>,
) -> FormErrors {
    if let Err(others) = rules::check(form, &Terms::none(currency), now) {
        others.iter().for_each(|(field, error)| errors.add(field, error.clone()));
    }
    errors
}
