//! `/api/v1/voucher_batches` and `/api/v1/vouchers`.

use axum::{Router as Routes, extract::State, http::StatusCode, routing::get};
use axum_extra::extract::Query;
use sea_orm::{ConnectionTrait, DbErr};
use serde::{Deserialize, Serialize};
use utoipa::OpenApi;

use super::{Asked, Batch, BatchFilter, BatchForm, Failure, Stock, Voucher, VoucherError, manage, pages::WithStock};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{Intent, Json, Listing, openapi::Problem},
        error::AppError,
        form::Check,
        path::Path,
        session::{Caller, Signed},
        view::View,
    },
    ids::{BatchId, RouterId, VoucherId},
    packages,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/voucher_batches", get(batches).post(add))
        .route("/voucher_batches/{id}", get(batch))
        .route("/vouchers/{id}", get(show))
        .merge(manage::api::routes())
}

/// Their part of the document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(batches, add, batch, show), components(schemas(BatchForm)))]
    struct Part;
    let mut part = Part::openapi();
    part.merge(manage::api::document());
    part
}

impl From<VoucherError> for AppError {
    fn from(error: VoucherError) -> Self {
        match error {
            VoucherError::Refused(errors) => Self::Invalid(errors),
            VoucherError::Db(error) => error.into(),
        }
    }
}

/// The batch as the caller may see it.
pub(super) fn shown_batch(caller: &Caller, batch: Batch) -> Batch {
    if caller.may(Permission::CostsSee) { batch } else { batch.without_cost() }
}

/// The voucher as the caller may see it.
pub(super) fn shown(caller: &Caller, voucher: Voucher) -> Voucher {
    let voucher = if caller.may(Permission::CostsSee) { voucher } else { voucher.without_cost() };
    if caller.may(Permission::VouchersSell) { voucher } else { voucher.without_password() }
}

/// Batches as the caller may see them, with what is left of each.
pub(super) async fn with_stock(
    db: &impl ConnectionTrait,
    caller: &Caller,
    batches: Vec<Batch>,
) -> Result<Vec<WithStock>, DbErr> {
    let ids: Vec<BatchId> = batches.iter().map(|batch| batch.id).collect();
    let mut stocks = super::stocks(db, &ids).await?;
    let with = |batch: Batch| {
        let stock = stocks.remove(&batch.id).unwrap_or_default();
        WithStock { batch: shown_batch(caller, batch), stock }
    };
    Ok(batches.into_iter().map(with).collect())
}

/// A batch with what the router would not have of it.
#[derive(Debug, Serialize)]
struct WithFailures {
    #[serde(flatten)]
    batch: Batch,
    stock: Stock,
    /// The first hundred.
    failures: Vec<Failure>,
}

async fn with_failures(app: &App, caller: &Caller, batch: Batch) -> Result<Json<WithFailures>, AppError> {
    let failures = super::failures(app.db.read(), &batch).await?;
    let stock = super::stocks(app.db.read(), &[batch.id]).await?.remove(&batch.id).unwrap_or_default();
    Ok(Json(WithFailures { batch: shown_batch(caller, batch), stock, failures }))
}

#[derive(Debug, Default, Deserialize)]
struct OfRouter {
    #[serde(default)]
    router_id: String,
    #[serde(default)]
    stock: bool,
}

#[utoipa::path(get, path = "/voucher_batches", tag = "vouchers", params(
    ("router_id" = Option<i64>, Query), ("q" = Option<String>, Query, description = "part of the number or note"),
    ("stock" = Option<bool>, Query, description = "true: without single vouchers of the counter and new codes for old ones"),
    ("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query),
), responses((status = 200, description = "Batches, newest first; `stock` says how many of each \
    are `left` to sell, `sold` over the counter and unused, `active`, `over`, `blocked`, `void`, `waiting`")))]
async fn batches(
    State(app): State<App>,
    Signed(caller): Signed,
    listing: Listing,
    Query(asked): Query<OfRouter>,
) -> Result<Json<Paged<WithStock>>, AppError> {
    caller.allow(Permission::VouchersSee)?;
    listing.page.after_id()?;
    let mut check = Check::default();
    let router = Some(&asked.router_id).filter(|text| !text.is_empty());
    let router = router.and_then(|text| check.id("router_id", text)).map(RouterId);
    if !check.is_clean() {
        return Err(check.into_errors().into());
    }
    let filter = BatchFilter { router, is_stock: asked.stock, q: listing.q };
    let page = super::batches(app.db.read(), &caller.sites, &filter, &listing.page).await?;
    let items = with_stock(app.db.read(), &caller, page.items).await?;
    Ok(Json(Paged { items, next_cursor: page.next_cursor }))
}

#[utoipa::path(post, path = "/voucher_batches", tag = "vouchers", request_body = BatchForm, responses(
    (status = 202, description = "The batch; its vouchers are on their way to the router, see `progress`"),
    (status = 422, body = Problem, description = "Nothing was made"),
))]
async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Intent(form_id): Intent,
    Json(mut form): Json<BatchForm>,
) -> Result<(StatusCode, Json<WithFailures>), AppError> {
    caller.allow(Permission::VouchersMake)?;
    if form.cost.is_some() && !caller.may(Permission::CostsSee) {
        return Err(packages::no_cost().into());
    }
    // Whoever may not see costs must not find them out by trying either.
    form.confirm_below_cost |= !caller.may(Permission::CostsSee);
    let actor = Actor::of(&caller, view.ip());
    let asked = Asked { scope: &caller.sites, actor: &actor, form_id: &form_id };
    let batch = super::add(&app, &asked, form).await?;
    Ok((StatusCode::ACCEPTED, with_failures(&app, &caller, batch).await?))
}

#[utoipa::path(get, path = "/voucher_batches/{id}", tag = "vouchers", params(("id" = i64, Path)), responses(
    (status = 200, description = "The batch, its progress, its `stock`, and what the router would not have"),
    (status = 404, body = Problem),
))]
async fn batch(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<BatchId>,
) -> Result<Json<WithFailures>, AppError> {
    caller.allow(Permission::VouchersSee)?;
    let batch = super::batch(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    with_failures(&app, &caller, batch).await
}

#[utoipa::path(get, path = "/vouchers/{id}", tag = "vouchers", params(("id" = i64, Path)), responses(
    (status = 200, description = "The voucher"), (status = 404, body = Problem),
))]
async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<VoucherId>,
) -> Result<Json<Voucher>, AppError> {
    caller.allow(Permission::VouchersSee)?;
    let voucher = super::find(&app, &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    Ok(Json(shown(&caller, voucher)))
}
