//! Pages of the counter.

use axum::{
    Router as Routes,
    extract::{Path, State},
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::{Form, Query};
use chrono::Duration;
use serde::Deserialize;

use super::{
    Asked, CancelError, Sale, SellError, SetUp, Totals, Wish,
    pages::{CancelFields, CounterPage, Fields, Offer, Reserve, SalePage, SetUpFields, SetUpPage},
    rules, share,
};
use crate::{
    app::App,
    audit::Actor,
    db::paging::PageOf,
    http::{
        access::Permission,
        error::AppError,
        form::{Check, Choice, FieldError, FormErrors, FormView, percent_encoded},
        locale::Arg,
        session::{Caller, Signed},
        view::View,
    },
    ids::{BatchId, PackageId, RouterId, SaleId},
    phone::Phone,
    print, qr,
    routers::{self, Place, Presence, Router},
    vouchers,
};

/// Sales of today that the page lists.
const TODAY: u64 = 50;
/// Longest phone number as typed.
const MAX_PHONE: usize = 40;

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/counter", get(counter).post(sell))
        .route("/counter/place", post(choose))
        .route("/counter/setup", get(set_up_form).post(set_up))
        .route("/counter/sales/{id}", get(sale))
        .route("/counter/sales/{id}/cancel", post(cancel))
}

#[derive(Debug, Default, Deserialize)]
struct AtRouter {
    router_id: Option<RouterId>,
}

async fn counter(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Query(at): Query<AtRouter>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersSell)?;
    let form = FormView::fresh(Fields::default());
    view.page(&counter_page(&app, &caller, at.router_id, form).await?)
}

/// The router asked for, else the one the caller sold at last, else the first.
async fn place_of(
    app: &App,
    caller: &Caller,
    places: &[Place],
    asked: Option<RouterId>,
) -> Result<Option<Place>, AppError> {
    let last = match asked {
        Some(asked) => Some(asked),
        None => super::place(app, caller.admin_id).await?,
    };
    let found = places.iter().find(|place| Some(place.id) == last).or_else(|| places.first());
    Ok(found.cloned())
}

async fn counter_page(
    app: &App,
    caller: &Caller,
    asked: Option<RouterId>,
    mut form: FormView<Fields>,
) -> Result<CounterPage, AppError> {
    let places = routers::places(app.db.read(), &caller.sites).await?;
    let place = place_of(app, caller, &places, asked).await?;
    let (mut offers, mut presence) = (Vec::new(), Presence::New);
    let timezone = match &place {
        Some(place) => {
            let found = super::offers(app, &caller.sites, place.id).await?;
            offers = found.iter().enumerate().map(|(at, (package, stock))| Offer::new(at, package, *stock)).collect();
            let router = routers::find(app.db.read(), &caller.sites, place.id).await?;
            presence = router.map_or(Presence::New, |router| router.presence);
            form.values.router_id = place.id.to_string();
            place.timezone.clone()
        }
        None => crate::sites::home_zone(app.db.read(), &caller.sites).await?,
    };
    let since = rules::midnight(app.clock.now(), timezone.parse().unwrap_or(chrono_tz::UTC));
    let page = PageOf::new(Some(TODAY), None)?;
    let sales = super::list(app, &caller.sites, (Some(caller.admin_id), Some(since)), &page).await?.items;
    let sees_costs = caller.may(Permission::CostsSee);
    let totals = super::totals(app, &caller.sites, caller.admin_id, since).await?;
    Ok(CounterPage {
        routers: places.iter().map(|each| Choice::new(each.id, format!("{} · {}", each.site, each.name))).collect(),
        router_id: place.as_ref().map(|place| place.id),
        router: place.map(|place| place.name).unwrap_or_default(),
        presence,
        offers,
        form,
        confirm: None,
        totals: totals.into_iter().map(|each| Totals { profit: each.profit.filter(|_| sees_costs), ..each }).collect(),
        sales: sales.into_iter().map(|sale| shown(caller, sale)).collect(),
        timezone,
        may_set_up: caller.may(Permission::VouchersMake),
    })
}

/// The sale as the caller may see it.
pub(super) fn shown(caller: &Caller, sale: Sale) -> Sale {
    if caller.may(Permission::CostsSee) {
        return sale;
    }
    Sale { cost: None, voucher: sale.voucher.without_cost(), ..sale }
}

/// What was tapped, as a wish.
pub(super) fn wish(posted: &Fields) -> Result<Wish, FormErrors> {
    let mut check = Check::default();
    let router = check.id("router_id", &posted.router_id).map(RouterId);
    let package = check.id("package_id", &posted.package_id).map(PackageId);
    let typed = check.optional("phone", &posted.phone, MAX_PHONE).filter(|text| !text.is_empty());
    let phone = typed.map(|text| Phone::parse(&text)).transpose();
    let phone = phone.unwrap_or_else(|bad| {
        check.refuse("phone", FieldError::new(bad.code()));
        None
    });
    match (router, package) {
        (Some(router), Some(package)) if check.is_clean() => {
            Ok(Wish { router, package, phone, knows_offline: Check::ticked(&posted.offline) })
        }
        _ => Err(check.into_errors()),
    }
}

async fn sell(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Form(posted): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersSell)?;
    let actor = Actor::of(&caller, view.ip());
    // A form without its id is its own tap.
    let form_id = FormView::again((), FormErrors::default(), &posted.form_id).form_id;
    let asked = Asked { scope: &caller.sites, actor: &actor, admin: caller.admin_id, form_id: &form_id };
    let sold = match wish(&posted) {
        Ok(wish) => super::sell(&app, &asked, &wish).await,
        Err(errors) => Err(SellError::Refused(errors)),
    };
    let router = posted.router_id.parse().ok().map(RouterId);
    match sold {
        Ok(sold) => {
            let again = if sold.again { "?again=1" } else { "" };
            Ok(view.go(&format!("/counter/sales/{}{again}", sold.id)))
        }
        Err(SellError::Refused(errors)) => {
            let form = FormView::again(posted, errors, &form_id);
            view.form_again(&counter_page(&app, &caller, router, form).await?)
        }
        Err(SellError::Offline) => {
            let package = posted.package_id.clone();
            let form = FormView::again(posted, FormErrors::default(), &form_id);
            let mut page = counter_page(&app, &caller, router, form).await?;
            page.confirm = page.offers.iter().find(|offer| offer.id.to_string() == package).cloned();
            view.form_again(&page)
        }
        Err(SellError::Db(error)) => Err(error.into()),
    }
}

async fn choose(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Form(at): Form<AtRouter>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersSell)?;
    let id = at.router_id.ok_or(AppError::NotFound)?;
    routers::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    super::set_place(&app, caller.admin_id, id).await?;
    Ok(view.go("/counter"))
}

#[derive(Debug, Default, Deserialize)]
struct Again {
    #[serde(default)]
    again: String,
}

async fn sale(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SaleId>,
    Query(Again { again }): Query<Again>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersSell)?;
    let form = FormView::fresh(CancelFields::default());
    view.page(&SalePage { again: !again.is_empty(), ..sale_page(&app, &caller, &view, id, form).await? })
}

async fn sale_page(
    app: &App,
    caller: &Caller,
    view: &View,
    id: SaleId,
    form: FormView<CancelFields>,
) -> Result<SalePage, AppError> {
    let found = super::find(app, &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    // Others' sales are theirs, but for those who look after vouchers.
    if found.admin_id != caller.admin_id && !caller.may(Permission::VouchersManage) {
        return Err(AppError::NotFound);
    }
    let sale = shown(caller, found);
    let batch = vouchers::batch(app.db.read(), &caller.sites, sale.voucher.batch_id).await?;
    let batch = batch.ok_or(AppError::NotFound)?.without_cost();
    let router = routers::find(app.db.read(), &caller.sites, sale.voucher.router_id).await?;
    let login = |router: &Router| print::login_url(&router.facts, &sale.voucher.code, sale.voucher.password.as_deref());
    let url = router.as_ref().and_then(login);
    let brand = app.brand.name();
    let status_url = format!("{}/v?code={}", app.config.public_url, percent_encoded(&sale.voucher.code));
    let around = share::Around { brand: &brand, batch: &batch, login_url: url.as_deref(), status_url: &status_url };
    let whatsapp = share::link(view.texts(), view.locale(), &sale, &around);
    let status = sale.voucher.status;
    let is_cancelled = sale.cancelled_at.is_some();
    let undo = rules::Undo { seller: sale.admin_id, sold_at: sale.sold_at, is_cancelled, status };
    Ok(SalePage {
        whatsapp,
        presence: router.map_or(Presence::New, |router| router.presence),
        again: false,
        qr: url.filter(|_| !is_cancelled).and_then(|url| qr::svg(&url).ok()),
        may_cancel: rules::may_cancel(undo, caller.admin_id, app.clock.now()).is_ok(),
        cancel_until: sale.sold_at + Duration::minutes(rules::CANCEL_MINUTES),
        sale,
        batch,
        form,
    })
}

async fn cancel(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SaleId>,
    Form(posted): Form<CancelFields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersSell)?;
    let mut check = Check::default();
    let Some(reason) = check.required("reason", &posted.reason, rules::MAX_REASON) else {
        let form = FormView::again(posted, check.into_errors(), "");
        return view.form_again(&sale_page(&app, &caller, &view, id, form).await?);
    };
    let actor = Actor::of(&caller, view.ip());
    let asked = Asked { scope: &caller.sites, actor: &actor, admin: caller.admin_id, form_id: "" };
    match super::cancel(&app, &asked, id, &reason).await {
        Ok(()) => Ok(view.go_saying("/counter", "done-sale-cancelled", [("reason", Arg::from(reason))])),
        Err(CancelError::Stays(stays)) => {
            let errors = FormErrors::of("", FieldError::new(stays.code()));
            let form = FormView::again(posted, errors, "");
            view.form_again(&sale_page(&app, &caller, &view, id, form).await?)
        }
        Err(CancelError::NotFound) => Err(AppError::NotFound),
        Err(CancelError::Db(error)) => Err(error.into()),
    }
}

async fn set_up_form(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Query(at): Query<AtRouter>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersMake)?;
    let places = routers::places(app.db.read(), &caller.sites).await?;
    let place = place_of(&app, &caller, &places, at.router_id).await?;
    let values = match &place {
        None => SetUpFields::default(),
        Some(place) => {
            let SetUp { from_stock, batches } = super::set_up_of(&app, place.id).await?;
            SetUpFields {
                router_id: place.id.to_string(),
                from_stock: if from_stock { "on".to_owned() } else { String::new() },
                batch_ids: batches.iter().map(ToString::to_string).collect(),
            }
        }
    };
    view.page(&set_up_page(&app, &caller, &places, FormView::fresh(values)).await?)
}

async fn set_up_page(
    app: &App,
    caller: &Caller,
    places: &[Place],
    form: FormView<SetUpFields>,
) -> Result<SetUpPage, AppError> {
    let router_id = form.values.router_id.parse().ok().map(RouterId);
    let mut batches = Vec::new();
    if let Some(router) = router_id.filter(|id| places.iter().any(|place| place.id == *id)) {
        let limit = u64::try_from(super::MAX_RESERVED).unwrap_or(u64::MAX);
        let unsold = vouchers::unsold(app.db.read(), router, limit).await?;
        let ids: Vec<BatchId> = unsold.iter().map(|(id, _)| *id).collect();
        let found = vouchers::batches_by_ids(app.db.read(), &caller.sites, &ids).await?;
        let reserve = |(id, left): (BatchId, i64)| {
            let batch = found.iter().find(|batch| batch.id == id)?;
            let (number, package, note) = (batch.number.clone(), batch.package.clone(), batch.note.clone());
            Some(Reserve { id, number, package, note, left })
        };
        batches = unsold.into_iter().filter_map(reserve).collect();
    }
    let routers = places.iter().map(|each| Choice::new(each.id, format!("{} · {}", each.site, each.name))).collect();
    Ok(SetUpPage { routers, router_id, form, batches })
}

async fn set_up(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Form(posted): Form<SetUpFields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersMake)?;
    let mut check = Check::default();
    let router = check.id("router_id", &posted.router_id).map(RouterId);
    let batches: Option<Vec<BatchId>> =
        posted.batch_ids.iter().map(|id| check.id("batch_ids", id).map(BatchId)).collect();
    let actor = Actor::of(&caller, view.ip());
    let asked = Asked { scope: &caller.sites, actor: &actor, admin: caller.admin_id, form_id: "" };
    let done = match (router, batches) {
        (Some(router), Some(batches)) => {
            let wanted = SetUp { from_stock: Check::ticked(&posted.from_stock), batches };
            super::set_up(&app, &asked, router, &wanted).await
        }
        _ => Err(SellError::Refused(check.into_errors())),
    };
    match done {
        Ok(()) => Ok(view.go_saying("/counter", "done-saved", [])),
        Err(SellError::Refused(errors)) => {
            let places = routers::places(app.db.read(), &caller.sites).await?;
            view.form_again(&set_up_page(&app, &caller, &places, FormView::again(posted, errors, "")).await?)
        }
        Err(SellError::Offline) => Err(AppError::Conflict { code: "router_offline" }),
        Err(SellError::Db(error)) => Err(error.into()),
    }
}
