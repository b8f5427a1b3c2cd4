//! `/api/v1/vouchers/{id}/{act}`, `/api/v1/voucher_batches/{id}/{act}`.

use axum::{
    Router as Routes,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use serde::Serialize;
use utoipa::OpenApi;

use super::{Act, ManageError, Order, Tally, fields, fields::Body};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        api::{Json, openapi::Problem},
        error::AppError,
        session::{Caller, Signed},
        view::View,
    },
    ids::{BatchId, VoucherId},
    vouchers::{Batch, Voucher, api, history},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/vouchers/{id}/record", get(record))
        .route("/vouchers/{id}/{act}", post(one))
        .route("/voucher_batches/{id}/{act}", post(batch))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(record, one, batch), components(schemas(Body)))]
    struct Part;
    Part::openapi()
}

/// May the caller do it?
pub(super) fn allow(caller: &Caller, act: &Act) -> Result<(), AppError> {
    caller.allow(match act {
        Act::Void { .. } => Permission::VouchersVoid,
        Act::Block { .. } | Act::Unblock | Act::Extend(_) | Act::Move | Act::Replace => Permission::VouchersManage,
    })
}

/// What became of a batch.
#[derive(Debug, Serialize)]
struct Done {
    #[serde(flatten)]
    tally: Tally,
    batch: Batch,
    /// Of `reissue`: the batches of the new codes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    new_batch_ids: Vec<BatchId>,
}

#[utoipa::path(get, path = "/vouchers/{id}/record", tag = "vouchers", params(("id" = i64, Path)), responses(
    (status = 200, description = "What happened to it, its sessions, what is proven of it on its router, the outcome \
     of the last kick, and its `revision`"),
    (status = 404, body = Problem),
))]
async fn record(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<VoucherId>,
) -> Result<Json<history::Record>, AppError> {
    caller.allow(Permission::VouchersSee)?;
    let voucher = crate::vouchers::find(&app, &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    Ok(Json(history::record(&app, &voucher).await?))
}

#[utoipa::path(post, path = "/vouchers/{id}/{act}", tag = "vouchers", request_body = Body, params(
    ("id" = i64, Path),
    ("act" = String, Path, description = "`block`, `unblock`, `extend`, `void`, `reissue`, `move` (to another device: \
     the next one is bound), `kick` (its answer is in the record)"),
), responses(
    (status = 200, description = "The voucher as it is now"),
    (status = 201, description = "`reissue`: the voucher that took its place"),
    (status = 409, body = Problem, description = "Its state is against it, or somebody was quicker; nothing was done"),
    (status = 422, body = Problem, description = "A field is refused; nothing was done"),
))]
async fn one(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path((id, name)): Path<(VoucherId, String)>,
    Json(body): Json<Body>,
) -> Result<(StatusCode, Json<Voucher>), AppError> {
    let actor = Actor::of(&caller, view.ip());
    let order = Order { scope: &caller.sites, actor: &actor, seen: body.seen };
    let (status, id) = if name == "kick" {
        caller.allow(Permission::VouchersManage)?;
        super::kick(&app, &order, id).await?;
        (StatusCode::OK, id)
    } else {
        let act = body.act(&name, app.clock.now())?;
        allow(&caller, &act)?;
        if act == Act::Replace {
            (StatusCode::CREATED, super::reissue(&app, &order, id).await?)
        } else {
            super::one(&app, &order, id, &act).await?;
            (StatusCode::OK, id)
        }
    };
    let voucher = crate::vouchers::find(&app, &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    Ok((status, Json(api::shown(&caller, voucher))))
}

#[utoipa::path(post, path = "/voucher_batches/{id}/{act}", tag = "vouchers", request_body = Body, params(
    ("id" = i64, Path),
    ("act" = String, Path, description = "`block`, `unblock`, `extend`, `move`, `void`, `reissue` (new codes for \
     those not used, unless `which` says otherwise), `retry` (what the router refused)"),
), responses(
    (status = 200, description = "How many were `touched` and `skipped` and why, the batch, and of `reissue` the batches \
     of the new codes"),
    (status = 409, body = Problem, description = "None of them can be changed so, or somebody was quicker"),
    (status = 422, body = Problem, description = "A field is refused; nothing was done"),
))]
async fn batch(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path((id, name)): Path<(BatchId, String)>,
    Json(body): Json<Body>,
) -> Result<Json<Done>, AppError> {
    let actor = Actor::of(&caller, view.ip());
    let order = Order { scope: &caller.sites, actor: &actor, seen: body.seen };
    let mut new_batch_ids = Vec::new();
    let tally = if name == "retry" {
        caller.allow(Permission::VouchersManage)?;
        let batch = crate::vouchers::batch(app.db.read(), &caller.sites, id).await?.ok_or(ManageError::NotFound)?;
        super::retry(&app, &order, id).await?;
        Tally { touched: usize::try_from(batch.progress.failed).unwrap_or(0), ..Tally::default() }
    } else {
        let act = body.act(&name, app.clock.now())?;
        allow(&caller, &act)?;
        let which = body.which.unwrap_or_else(|| fields::usual(&act));
        if act == Act::Replace {
            let (tally, made) = super::reissue_batch(&app, &order, id, which).await?;
            new_batch_ids = made;
            tally
        } else {
            super::batch(&app, &order, id, &act, which).await?
        }
    };
    let batch = crate::vouchers::batch(app.db.read(), &caller.sites, id).await?.ok_or(ManageError::NotFound)?;
    Ok(Json(Done { tally, batch: api::shown_batch(&caller, batch), new_batch_ids }))
}
