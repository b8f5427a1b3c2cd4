//! `/api/v1/refunds`: balances that were paid out. They are payments of their kind, and are taken back as those.

use axum::{
    Router as Routes,
    extract::{Path, State as Of},
    http::StatusCode,
    routing::get,
};
use axum_extra::extract::Query;
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};

use super::{
    Kind, Method, Payment, Receipt, Refunding, Wish,
    api::{book, of_money, page_of, receipt_of},
    pages::Narrow,
};
use crate::{
    app::App,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{
            Intent, Json, Listing,
            openapi::{ListParams, Problem},
        },
        error::AppError,
        session::Signed,
        view::View,
    },
    ids::{CustomerId, PaymentId},
    money::Money,
};

pub(super) fn routes() -> Routes<App> {
    Routes::new().route("/refunds", get(list).post(create)).route("/refunds/{id}", get(show))
}

/// Their part of the document.
#[must_use]
pub(super) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list, create, show), components(schemas(NewRefund)))]
    struct Part;
    Part::openapi()
}

/// Balance to be paid out to its customer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRefund {
    customer_id: CustomerId,
    method: Method,
    amount: Money,
    #[serde(default)]
    note: String,
}

#[utoipa::path(get, path = "/refunds", tag = "payments", params(
    ("from" = Option<String>, Query, description = "first day, `2026-12-14`, in the zone of the first site"),
    ("to" = Option<String>, Query, description = "last day"),
    ("method" = Option<String>, Query, description = "`cash`, `bank_transfer`"),
    ("site_id" = Option<i64>, Query), ("customer_id" = Option<i64>, Query),
    ("cashier" = Option<i64>, Query, description = "the admin who paid it out"), ListParams), responses(
    (status = 200, description = "Refunds, the latest first; `q` is the beginning of a receipt's number, or words of a customer"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn list(
    Of(app): Of<App>,
    Signed(caller): Signed,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Json<Paged<Payment>>, AppError> {
    let narrow = Narrow { kind: Kind::Refund.as_str().to_owned(), ..narrow };
    page_of(&app, &caller, (&listing, &narrow)).await
}

#[utoipa::path(post, path = "/refunds", tag = "payments", request_body = NewRefund, responses(
    (status = 201, body = Receipt, description = "The balance was paid out"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such customer"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn create(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Intent(form_id): Intent,
    Json(new): Json<NewRefund>,
) -> Result<(StatusCode, Json<Receipt>), AppError> {
    caller.allow(Permission::PaymentsReverse)?;
    let refunding =
        Refunding { customer: new.customer_id, method: of_money(new.method)?, amount: new.amount, note: new.note };
    book(&app, (&caller, &view), &form_id, &Wish::Refund(refunding)).await
}

#[utoipa::path(get, path = "/refunds/{id}", tag = "payments", params(("id" = i64, Path)), responses(
    (status = 200, body = Receipt, description = "The refund with its receipt"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such refund"),
))]
async fn show(Of(app): Of<App>, Signed(caller): Signed, Path(id): Path<PaymentId>) -> Result<Json<Receipt>, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    let receipt = receipt_of(&app, &caller, id).await?;
    if receipt.payment.kind == Kind::Refund { Ok(Json(receipt)) } else { Err(AppError::NotFound) }
}
