//! Pages of vouchers.

use axum::{Router as Routes, extract::State, response::Response, routing::get};
use axum_extra::extract::{Form, Query};
use chrono_tz::Tz;
use serde::Deserialize;

use super::{
    Asked, BatchFilter, Filter, Status, VoucherError,
    api::{shown, shown_batch, with_stock},
    fields::{Fields, typed_in},
    history, manage, offer,
    pages::{BatchPage, ListPage, PreviewPart, VoucherPage},
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
        path::Path,
        session::{Caller, Signed},
        view::View,
    },
    ids::{BatchId, RouterId, VoucherId},
    money::Currency,
    print,
    routers::{self, Presence},
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
    // Fifty sales a day would bury what is sold from; who looks for one finds it.
    let filter = BatchFilter { router: None, is_stock: listing.q.is_empty(), q: listing.q.clone() };
    let page = super::batches(app.db.read(), &caller.sites, &filter, &listing.page).await?;
    let batches = with_stock(app.db.read(), &caller, page.items).await?;
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
    let fields = if asked.is_blank() { offer::first_fields(&app, &caller).await? } else { asked.with_usual() };
    view.page(&offer::page(&app, &caller, FormView::fresh(fields)).await?)
}

async fn preview(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Query(fields): Query<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersMake)?;
    view.page(&PreviewPart { preview: offer::preview(&app, &caller, &fields).await? })
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
    let package = offer::package_of(&app, &caller, &fields).await?;
    let currency = package.map_or(Currency::IDR, |package| package.price.currency());
    let (mut form, unread) = fields.read(zone, currency);
    if !caller.may(Permission::CostsSee) {
        form.cost = None;
        // Nor may it be found out by trying.
        form.confirm_below_cost = true;
    }
    let made = if unread.is_empty() {
        let actor = Actor::of(&caller, view.ip());
        super::add(&app, &Asked { scope: &caller.sites, actor: &actor, form_id: &fields.form_id }, form).await
    } else {
        Err(VoucherError::Refused(offer::with_rules(unread, &form, currency, app.clock.now())))
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
            let form = FormView::again(fields, typed_in(&errors), &form_id);
            view.form_again(&offer::page(&app, &caller, form).await?)
        }
        Err(other) => Err(other.into()),
    }
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
    let failures = super::failures(app.db.read(), &batch).await?;
    let filter = Filter { batch: Some(id), ..Filter::default() };
    let page = super::list(&app, &caller.sites, &filter, &listing.page).await?;
    view.page(&BatchPage {
        totals: batch.totals().filter(|_| caller.may(Permission::CostsSee)),
        price_total: batch.price.times(i64::from(batch.count)).ok(),
        last_print: print::history(app.db.read(), id).await?.into_iter().next(),
        may_sell: caller.may(Permission::VouchersSell),
        stock: super::stocks(app.db.read(), &[id]).await?.remove(&id).unwrap_or_default(),
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
    view.page(&voucher_page(&app, &caller, id).await?)
}

/// The page of a voucher, as the caller may see it.
pub(super) async fn voucher_page(app: &App, caller: &Caller, id: VoucherId) -> Result<VoucherPage, AppError> {
    caller.allow(Permission::VouchersSee)?;
    let mut voucher = super::find(app, &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let now = app.clock.now();
    let left = |until: chrono::DateTime<chrono::Utc>| (until - now).num_seconds().max(0);
    let left_secs = voucher.valid_until.filter(|_| voucher.status == Status::Active).map(left);
    let record = history::record(app, &voucher).await?;
    record.count(&mut voucher);
    Ok(VoucherPage {
        voucher: shown(caller, voucher),
        left_secs,
        record,
        open: String::new(),
        form: FormView::default(),
        may_print: caller.may(Permission::VouchersSell),
        may_manage: caller.may(Permission::VouchersManage),
        may_void: caller.may(Permission::VouchersVoid),
    })
}
