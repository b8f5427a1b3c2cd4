//! `/api/v1/voucher_sales`, `/api/v1/routers/{id}/counter`.

use axum::{
    Router as Routes,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{
    Asked, CancelError, Sale, SellError, SetUp,
    pages::Fields,
    routes::{shown, wish},
    rules,
};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{Intent, Json, Listing, openapi::Problem},
        error::AppError,
        form::Check,
        session::{Caller, Signed},
        view::View,
    },
    ids::{BatchId, PackageId, RouterId, SaleId},
    money::Money,
    packages::Package,
    print,
    routers::{self, Presence},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/voucher_sales", get(list).post(sell))
        .route("/voucher_sales/{id}", get(show))
        .route("/voucher_sales/{id}/cancel", post(cancel))
        .route("/routers/{id}/counter", get(counter).put(set_up))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list, sell, show, cancel, counter, set_up))]
    struct Part;
    Part::openapi()
}

impl From<SellError> for AppError {
    fn from(error: SellError) -> Self {
        match error {
            SellError::Refused(errors) => Self::Invalid(errors),
            SellError::Offline => Self::Conflict { code: "router_offline" },
            SellError::Db(error) => error.into(),
        }
    }
}

impl From<CancelError> for AppError {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::NotFound => Self::NotFound,
            CancelError::Stays(stays) => Self::Conflict { code: stays.code() },
            CancelError::Db(error) => error.into(),
        }
    }
}

/// One voucher to one guest.
#[derive(Debug, Deserialize, ToSchema)]
struct SaleFields {
    router_id: RouterId,
    package_id: PackageId,
    /// The guest's number, as people write it.
    #[serde(default)]
    phone: Option<String>,
    /// Sell although the router is away: the voucher works once it is back. Otherwise 409 `router_offline`.
    #[serde(default)]
    although_offline: bool,
}

/// Why a sale is taken back.
#[derive(Debug, Deserialize, ToSchema)]
struct CancelFields {
    /// 1 to 200 characters.
    reason: String,
}

/// A sale with the address that logs the guest in.
#[derive(Debug, Serialize)]
struct WithLogin {
    #[serde(flatten)]
    sale: Sale,
    /// Absent where the router has told neither name nor address of its hotspot.
    #[serde(skip_serializing_if = "Option::is_none")]
    login_url: Option<String>,
}

async fn one(app: &App, caller: &Caller, id: SaleId) -> Result<WithLogin, AppError> {
    let found = super::find(app, &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    if found.admin_id != caller.admin_id && !caller.may(Permission::VouchersManage) {
        return Err(AppError::NotFound);
    }
    let router = routers::find(app.db.read(), &caller.sites, found.voucher.router_id).await?;
    let (code, password) = (&found.voucher.code, found.voucher.password.as_deref());
    let login_url = router.and_then(|router| print::login_url(&router.facts, code, password));
    Ok(WithLogin { sale: shown(caller, found), login_url })
}

#[utoipa::path(get, path = "/voucher_sales", tag = "vouchers", operation_id = "list_voucher_sales", params(
    ("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query),
), responses(
    (status = 200, description = "Sales, newest first: the caller's own, or everybody's for who may manage vouchers"),
    (status = 403, body = Problem, description = "not allowed"),
))]
async fn list(State(app): State<App>, Signed(caller): Signed, listing: Listing) -> Result<Json<Paged<Sale>>, AppError> {
    caller.allow(Permission::VouchersSell)?;
    listing.page.after_id()?;
    let own = (!caller.may(Permission::VouchersManage)).then_some(caller.admin_id);
    let page = super::list(&app, &caller.sites, (own, None), &listing.page).await?;
    Ok(Json(page.map(|sale| shown(&caller, sale))))
}

#[utoipa::path(post, path = "/voucher_sales", tag = "vouchers", operation_id = "sell_voucher",
    request_body = SaleFields, responses(
    (status = 201, description = "The sale with its voucher; `ready` once the router has it"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 409, body = Problem, description = "`router_offline`: nothing was sold"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn sell(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Intent(form_id): Intent,
    Json(fields): Json<SaleFields>,
) -> Result<(StatusCode, Json<WithLogin>), AppError> {
    caller.allow(Permission::VouchersSell)?;
    let posted = Fields {
        router_id: fields.router_id.to_string(),
        package_id: fields.package_id.to_string(),
        phone: fields.phone.unwrap_or_default(),
        offline: if fields.although_offline { "on".to_owned() } else { String::new() },
        ..Fields::default()
    };
    let actor = Actor::of(&caller, view.ip());
    let asked = Asked { scope: &caller.sites, actor: &actor, admin: caller.admin_id, form_id: &form_id };
    let sold = super::sell(&app, &asked, &wish(&posted)?).await?;
    Ok((StatusCode::CREATED, Json(one(&app, &caller, sold.id).await?)))
}

#[utoipa::path(get, path = "/voucher_sales/{id}", tag = "vouchers", operation_id = "show_voucher_sale",
    params(("id" = i64, Path)), responses(
    (status = 200, description = "The sale"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or somebody else's"),
))]
async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<SaleId>,
) -> Result<Json<WithLogin>, AppError> {
    caller.allow(Permission::VouchersSell)?;
    one(&app, &caller, id).await.map(Json)
}

#[utoipa::path(post, path = "/voucher_sales/{id}/cancel", tag = "vouchers", operation_id = "cancel_voucher_sale",
    params(("id" = i64, Path)), request_body = CancelFields, responses(
    (status = 200, description = "The sale, taken back; its voucher is void"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 409, body = Problem, description = "`sale_not_yours`, `sale_cancelled`, `sale_too_old`, `sale_used`"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn cancel(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SaleId>,
    Json(fields): Json<CancelFields>,
) -> Result<Json<WithLogin>, AppError> {
    caller.allow(Permission::VouchersSell)?;
    let mut check = Check::default();
    let Some(reason) = check.required("reason", &fields.reason, rules::MAX_REASON) else {
        return Err(check.into_errors().into());
    };
    let actor = Actor::of(&caller, view.ip());
    let asked = Asked { scope: &caller.sites, actor: &actor, admin: caller.admin_id, form_id: "" };
    super::cancel(&app, &asked, id, &reason).await?;
    one(&app, &caller, id).await.map(Json)
}

/// What a router's counter sells, and from what.
#[derive(Debug, Serialize)]
struct Counter {
    presence: Presence,
    /// From the stock first; otherwise a new voucher for each sale.
    from_stock: bool,
    /// Batches in reserve.
    batch_ids: Vec<BatchId>,
    /// Sold most, first.
    offers: Vec<Offered>,
}

/// A package at the counter.
#[derive(Debug, Serialize)]
struct Offered {
    package_id: PackageId,
    name: String,
    price: Money,
    /// Ready ones in stock, where the counter sells from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    stock: Option<i64>,
}

/// How a router's counter shall sell.
#[derive(Debug, Deserialize, ToSchema)]
struct SetUpFields {
    /// From the stock first; otherwise a new voucher for each sale.
    from_stock: bool,
    /// Batches of the router in reserve, at most 50.
    #[serde(default)]
    #[schema(value_type = Vec<i64>)]
    batch_ids: Vec<BatchId>,
}

#[utoipa::path(get, path = "/routers/{id}/counter", tag = "vouchers", operation_id = "show_counter",
    params(("id" = i64, Path)), responses(
    (status = 200, description = "What the counter of the router offers, and whether it sells from a stock"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
))]
async fn counter(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<RouterId>,
) -> Result<Json<Counter>, AppError> {
    caller.allow(Permission::VouchersSell)?;
    of_router(&app, &caller, id).await.map(Json)
}

async fn of_router(app: &App, caller: &Caller, id: RouterId) -> Result<Counter, AppError> {
    let router = routers::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let SetUp { from_stock, batches } = super::set_up_of(app, id).await?;
    let offered = |(package, stock): (Package, Option<i64>)| Offered {
        package_id: package.id,
        name: package.name,
        price: package.price,
        stock,
    };
    let offers = super::offers(app, &caller.sites, id).await?.into_iter().map(offered).collect();
    Ok(Counter { presence: router.presence, from_stock, batch_ids: batches, offers })
}

#[utoipa::path(put, path = "/routers/{id}/counter", tag = "vouchers", operation_id = "set_up_counter",
    params(("id" = i64, Path)), request_body = SetUpFields, responses(
    (status = 200, description = "The counter as it is now"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 422, body = Problem, description = "a batch is not of the router or has nothing left"),
))]
async fn set_up(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RouterId>,
    Json(fields): Json<SetUpFields>,
) -> Result<Json<Counter>, AppError> {
    caller.allow(Permission::VouchersMake)?;
    routers::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let actor = Actor::of(&caller, view.ip());
    let asked = Asked { scope: &caller.sites, actor: &actor, admin: caller.admin_id, form_id: "" };
    let wanted = SetUp { from_stock: fields.from_stock, batches: fields.batch_ids };
    super::set_up(&app, &asked, id, &wanted).await?;
    of_router(&app, &caller, id).await.map(Json)
}
