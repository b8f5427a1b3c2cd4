//! Pages of vouchers.

use axum::{Router as Routes, extract::State, response::Response, routing::get};
use axum_extra::extract::{Form, Query};
use chrono_tz::Tz;
use hiji_shared::device::Service;
use serde::Deserialize;

use super::{
    Asked, BatchFilter, Filter, Status, VoucherError,
    api::{shown, shown_batch},
    fields::Fields,
    history, manage,
    pages::{BatchPage, ListPage, NewPage, Preview, PreviewPart, VoucherPage, charsets},
    rules,
};
use crate::{
    app::App,
    audit::Actor,
    db::paging::{MAX_LIMIT, PageOf},
    http::{
        access::Permission,
        api::Listing,
        error::AppError,
        form::{Choice, FormErrors, FormView},
        locale::Arg,
        path::Path,
        session::{Caller, Signed},
        view::View,
    },
    ids::{BatchId, RouterId, VoucherId},
    money::{Currency, Money},
    packages::{self, Package},
    print,
    routers::{self, Place, Presence},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/vouchers", get(list).post(add))
        .route("/vouchers/new", get(add_form))
        .route("/vouchers/new/preview", get(preview))
        .route("/vouchers/batches/{id}", get(batch))
        .route("/vouchers/codes/{id}", get(show))
        .merge(manage::routes::routes())
}

async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersSee)?;
    listing.page.after_id()?;
    let filter = BatchFilter { router: None, q: listing.q.clone() };
    let page = super::batches(app.db.read(), &caller.sites, &filter, &listing.page).await?;
    let batches = page.items.into_iter().map(|batch| shown_batch(&caller, batch)).collect();
    let may_sell = caller.may(Permission::VouchersMake);
    let (next, is_later) = (page.next_cursor, listing.is_later);
    let may_import = caller.may(Permission::VouchersImport);
    view.page(&ListPage { batches, q: listing.q, next, is_later, may_sell, may_import })
}

async fn add_form(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Query(asked): Query<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersMake)?;
    let Fields { router_id, package_id, .. } = asked;
    let fields = Fields { router_id, package_id, ..Fields::fresh() };
    view.page(&new_page(&app, &caller, FormView::fresh(fields)).await?)
}

async fn new_page(app: &App, caller: &Caller, mut form: FormView<Fields>) -> Result<NewPage, AppError> {
    let places = routers::places(app.db.read(), &caller.sites).await?;
    let packages = package_choices(app, caller, &places).await?;
    let routers = router_choices(&places);
    // Where there is only one it need not be chosen.
    if let ([only], true) = (routers.as_slice(), form.values.router_id.is_empty()) {
        form.values.router_id.clone_from(&only.value);
    }
    let preview = previewed(app, caller, &form.values).await?;
    Ok(NewPage {
        form,
        routers,
        packages,
        charsets: charsets(),
        preview,
        sees_costs: caller.may(Permission::CostsSee),
        may_add_package: caller.may(Permission::PackagesManage),
        prints: print::preference(app.db.read(), caller.admin_id).await?.opens,
    })
}

/// Hotspot packages with their price, and where they are sold when there are several places.
async fn package_choices(app: &App, caller: &Caller, places: &[Place]) -> Result<Vec<Choice>, AppError> {
    let filter = packages::Filter { service: Some(Service::Hotspot), ..packages::Filter::default() };
    let page = PageOf::new(Some(MAX_LIMIT), None)?;
    let packages = packages::list(app.db.read(), &caller.sites, &filter, &page).await?.items;
    let label = |package: &Package| {
        let sold = |place: &&Place| package.router_ids.contains(&place.id);
        let names: Vec<&str> = places.iter().filter(sold).map(|place| place.name.as_str()).collect();
        if places.len() > 1 {
            format!("{} · {} ({})", package.name, package.price, names.join(", "))
        } else {
            format!("{} · {}", package.name, package.price)
        }
    };
    Ok(packages
        .iter()
        .filter(|package| !package.router_ids.is_empty())
        .map(|each| Choice::new(each.id, label(each)))
        .collect())
}

fn router_choices(places: &[Place]) -> Vec<Choice> {
    places.iter().map(|place| Choice::new(place.id, format!("{} · {}", place.site, place.name))).collect()
}

async fn package_of(app: &App, caller: &Caller, fields: &Fields) -> Result<Option<Package>, AppError> {
    match fields.package() {
        Some(id) => Ok(packages::find(app.db.read(), &caller.sites, id).await?),
        None => Ok(None),
    }
}

async fn previewed(app: &App, caller: &Caller, fields: &Fields) -> Result<Preview, AppError> {
    let codes = fields.look().map(|look| super::sample_codes(&look)).unwrap_or_default();
    let Some(package) = package_of(app, caller, fields).await? else {
        return Ok(Preview { codes, ..Preview::default() });
    };
    let (form, unread) = fields.read(Tz::UTC, package.price.currency());
    let readable = unread.iter().all(|(field, _)| field != "count");
    let count = if readable { form.count.clamp(0, rules::MAX_COUNT) } else { 0 };
    let price = form.price.unwrap_or(package.price);
    let cost = form.cost.or(package.cost).unwrap_or_else(|| Money::new(0, price.currency()));
    let totals = rules::totals(count, price, cost).ok();
    let sees_costs = caller.may(Permission::CostsSee);
    Ok(Preview {
        count,
        price: Some(price),
        cost_total: totals.filter(|_| sees_costs).map(|(bought, _, _)| bought),
        price_total: totals.map(|(_, sold, _)| sold),
        profit_total: totals.filter(|_| sees_costs).map(|(_, _, left)| left),
        codes,
    })
}

async fn preview(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Query(fields): Query<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersMake)?;
    view.page(&PreviewPart { preview: previewed(&app, &caller, &fields).await? })
}

/// The zone of a router's site.
async fn zone_of(app: &App, caller: &Caller, router: Option<RouterId>) -> Result<Tz, AppError> {
    let places = routers::places(app.db.read(), &caller.sites).await?;
    let zone = places.iter().find(|place| Some(place.id) == router).and_then(|place| place.timezone.parse().ok());
    Ok(zone.unwrap_or(Tz::UTC))
}

/// Where a sale goes when its form went to a tab of its own (a browser without JavaScript).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AndThen {
    then: String,
}

async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Query(and): Query<AndThen>,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersMake)?;
    let zone = zone_of(&app, &caller, fields.router()).await?;
    let package = package_of(&app, &caller, &fields).await?;
    let currency = package.map_or(Currency::IDR, |package| package.price.currency());
    let (mut form, unread) = fields.read(zone, currency);
    if !caller.may(Permission::CostsSee) {
        form.cost = None;
    }
    let made = if unread.is_empty() {
        let actor = Actor::of(&caller, view.ip());
        super::add(&app, &Asked { scope: &caller.sites, actor: &actor, form_id: &fields.form_id }, form).await
    } else {
        Err(VoucherError::Refused(with_rules(unread, &form, currency, &app)))
    };
    match made {
        Ok(batch) => {
            if and.then == "print" {
                return Ok(view.go(&format!("/vouchers/print/after/{}", fields.form_id)));
            }
            let to = format!("/vouchers/batches/{}", batch.id);
            Ok(view.go_saying(&to, "done-batch-made", [("number", Arg::from(batch.number))]))
        }
        Err(VoucherError::Refused(errors)) => {
            let form_id = fields.form_id.clone();
            view.form_again(&new_page(&app, &caller, FormView::again(fields, errors, &form_id)).await?)
        }
        Err(other) => Err(other.into()),
    }
}

/// What cannot be read, and what the rules say of the rest, in one breath.
fn with_rules(mut errors: FormErrors, form: &rules::BatchForm, currency: Currency, app: &App) -> FormErrors {
    let free = Money::new(0, currency);
    let terms = rules::Terms { price: free, cost: free, online_secs: None, active_secs: None, activate_before: None };
    if let Err(others) = rules::check(form, &terms, app.clock.now()) {
        others.iter().for_each(|(field, error)| errors.add(field, error.clone()));
    }
    errors
}

async fn batch(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<BatchId>,
    listing: Listing,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersSee)?;
    listing.page.after_id()?;
    let batch = super::batch(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let router = routers::find(app.db.read(), &caller.sites, batch.router_id).await?;
    let failures = if batch.progress.failed > 0 { super::failures(app.db.read(), id).await? } else { Vec::new() };
    let filter = Filter { batch: Some(id), ..Filter::default() };
    let page = super::list(&app, &caller.sites, &filter, &listing.page).await?;
    view.page(&BatchPage {
        price_total: batch.price.times(i64::from(batch.count)).ok(),
        last_print: print::history(app.db.read(), id).await?.into_iter().next(),
        may_sell: caller.may(Permission::VouchersSell),
        statuses: super::statuses_of(app.db.read(), id).await?,
        may_manage: caller.may(Permission::VouchersManage),
        may_void: caller.may(Permission::VouchersVoid),
        batch: shown_batch(&caller, batch),
        presence: router.map_or(Presence::New, |router| router.presence),
        failures,
        vouchers: page.items.into_iter().map(|voucher| shown(&caller, voucher)).collect(),
        next: page.next_cursor,
        is_later: listing.is_later,
    })
}

async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<VoucherId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersSee)?;
    let voucher = super::find(&app, &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let now = app.clock.now();
    let left = |until: chrono::DateTime<chrono::Utc>| (until - now).num_seconds().max(0);
    let left_secs = voucher.valid_until.filter(|_| voucher.status == Status::Active).map(left);
    let record = history::record(&app, &voucher).await?;
    let (may_manage, may_void) = (caller.may(Permission::VouchersManage), caller.may(Permission::VouchersVoid));
    view.page(&VoucherPage { voucher: shown(&caller, voucher), left_secs, record, may_manage, may_void })
}
