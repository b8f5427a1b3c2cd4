//! `/api/v1/payments`, and what is paid of invoices and by customers; balances paid out are `refunds_api.rs`.

use axum::{
    Router as Routes,
    extract::{Path, State as Of},
    http::StatusCode,
    routing::{get, post},
};
use axum_extra::extract::Query;
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};

use super::{
    Asked, Filter, Found, Kind, Line, Method, Payment, PaymentError, Receipt, Refunding, Renewal, Sum, Take, Taken,
    Using, Wish,
    list_routes::home,
    of_amount,
    pages::Narrow,
    refunds_api,
    renew_api::{self, PayAhead},
};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{
            Intent, Json, Listing,
            openapi::{ListParams, Problem},
        },
        error::AppError,
        form::{FieldError, FormErrors},
        session::{Caller, Signed},
        view::View,
    },
    ids::{CustomerId, InvoiceId, PaymentId},
    invoices,
    ledger::allocation::Choice,
    money::Money,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .merge(renew_api::routes())
        .merge(refunds_api::routes())
        .route("/payments", get(list))
        .route("/payments/sums", get(sums))
        .route("/payments/search", get(search))
        .route("/payments/{id}", get(show))
        .route("/payments/{id}/reverse", post(reverse))
        .route("/invoices/{id}/payments", post(of_invoice))
        .route("/customers/{id}/payments", post(of_customer))
        .route("/customers/{id}/credit/use", post(use_credit))
        .route("/customers/{id}/credit/refund", post(refund))
}

/// Their part of the document.
#[must_use]
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(
        paths(
            list,
            sums,
            search,
            show,
            reverse,
            of_invoice,
            of_customer,
            use_credit,
            refund,
            renew_api::pay,
            renew_api::cost
        ),
        components(schemas(
            Payment, Receipt, Line, Sum, Found, Kind, Method, PayInvoice, Pay, Share, UseCredit, Refund, Reversal,
            PayAhead, Renewal
        ))
    )]
    struct Part;
    let mut document = Part::openapi();
    document.merge(refunds_api::document());
    document
}

/// Money for one invoice; what is more than is left of it becomes balance.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PayInvoice {
    method: Method,
    amount: Money,
    #[serde(default)]
    note: String,
}

/// Money of a customer: for the invoices given, in their order, else the oldest due first.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pay {
    method: Method,
    amount: Money,
    #[serde(default)]
    invoices: Vec<Share>,
    /// What is left becomes balance; false = cash is handed back.
    #[serde(default = "yes")]
    keep_rest: bool,
    #[serde(default)]
    note: String,
}

/// What shall be settled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Share {
    /// null = what the customer was taken over with.
    invoice_id: Option<InvoiceId>,
    #[serde(default)]
    at_most: Option<Money>,
}

/// Balance to be used.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UseCredit {
    #[serde(default)]
    at_most: Option<Money>,
    #[serde(default)]
    invoices: Vec<Share>,
    #[serde(default)]
    note: String,
}

/// Balance to be paid out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refund {
    method: Method,
    amount: Money,
    #[serde(default)]
    note: String,
}

/// Why a payment is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reversal {
    reason: String,
}

fn yes() -> bool {
    true
}

impl From<Share> for Choice {
    fn from(share: Share) -> Self {
        Self { invoice: share.invoice_id, at_most: share.at_most }
    }
}

/// Balance is no method by which money comes.
pub(super) fn of_money(method: Method) -> Result<Method, AppError> {
    let known = Method::of_money(method.as_str());
    known.ok_or_else(|| FormErrors::of("method", FieldError::new("not_offered")).into())
}

pub(super) async fn receipt_of(app: &App, caller: &Caller, id: PaymentId) -> Result<Receipt, AppError> {
    super::receipt(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)
}

pub(super) async fn answer(app: &App, caller: &Caller, taken: Taken) -> Result<(StatusCode, Json<Receipt>), AppError> {
    let status = if taken.again { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(receipt_of(app, caller, taken.id).await?)))
}

#[utoipa::path(get, path = "/payments", tag = "payments", params(
    ("from" = Option<String>, Query, description = "first day, `2026-12-14`, in the zone of the first site"),
    ("to" = Option<String>, Query, description = "last day"),
    ("kind" = Option<String>, Query, description = "`payment`, `credit_used`, `refund`"),
    ("method" = Option<String>, Query, description = "`cash`, `bank_transfer`, `credit`"),
    ("site_id" = Option<i64>, Query), ("customer_id" = Option<i64>, Query),
    ("cashier" = Option<i64>, Query, description = "the admin who took it"), ListParams), responses(
    (status = 200, description = "Payments, the latest first; `q` is the beginning of a receipt's number, or words of a customer: name, number, telephone"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn list(
    Of(app): Of<App>,
    Signed(caller): Signed,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Json<Paged<Payment>>, AppError> {
    page_of(&app, &caller, (&listing, &narrow)).await
}

/// A page of what a list is narrowed to.
pub(super) async fn page_of(
    app: &App,
    caller: &Caller,
    (listing, narrow): (&Listing, &Narrow),
) -> Result<Json<Paged<Payment>>, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    let filter = filter_of(app, caller, (listing, narrow)).await?;
    Ok(Json(super::list(app.db.read(), &caller.sites, &filter, &listing.page).await??))
}

async fn filter_of(app: &App, caller: &Caller, (listing, narrow): (&Listing, &Narrow)) -> Result<Filter, AppError> {
    let (zone, _) = home(app, caller).await?;
    Ok(super::searched(app.db.read(), &caller.sites, narrow.filter(&listing.q, zone)?).await?.0)
}

#[utoipa::path(get, path = "/payments/sums", tag = "payments", params(
    ("from" = Option<String>, Query, description = "first day, `2026-12-14`, in the zone of the first site"),
    ("to" = Option<String>, Query, description = "last day"),
    ("kind" = Option<String>, Query), ("method" = Option<String>, Query), ("site_id" = Option<i64>, Query),
    ("customer_id" = Option<i64>, Query), ("cashier" = Option<i64>, Query), ("q" = Option<String>, Query)), responses(
    (status = 200, body = Vec<Sum>, description = "Their sums by kind, method and currency, without those taken back"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn sums(
    Of(app): Of<App>,
    Signed(caller): Signed,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Json<Vec<Sum>>, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    let filter = filter_of(&app, &caller, (&listing, &narrow)).await?;
    Ok(Json(super::sums(&app, &caller.sites, &filter).await?))
}

#[utoipa::path(get, path = "/payments/search", tag = "payments", params(
    ("q" = String, Query, description = "name, number, telephone, username, or an invoice's number")), responses(
    (status = 200, body = Vec<Found>, description = "Customers who may want to pay, with what they owe"),
    (status = 403, body = Problem, description = "not allowed"),
))]
async fn search(Of(app): Of<App>, Signed(caller): Signed, listing: Listing) -> Result<Json<Vec<Found>>, AppError> {
    caller.allow(Permission::PaymentsTake)?;
    Ok(Json(super::search(&app, &caller.sites, &listing.q).await?))
}

#[utoipa::path(get, path = "/payments/{id}", tag = "payments", params(("id" = i64, Path)), responses(
    (status = 200, body = Receipt, description = "The payment with its receipt"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such payment"),
))]
async fn show(Of(app): Of<App>, Signed(caller): Signed, Path(id): Path<PaymentId>) -> Result<Json<Receipt>, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    Ok(Json(receipt_of(&app, &caller, id).await?))
}

#[utoipa::path(post, path = "/payments/{id}/reverse", tag = "payments", params(("id" = i64, Path)),
    request_body = Reversal, responses(
    (status = 200, body = Receipt, description = "It is taken back; invoices and services are as before it"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such payment"),
    (status = 409, body = Problem, description = "taken back already, or its balance is spent"),
    (status = 422, body = Problem, description = "no reason"),
))]
async fn reverse(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<PaymentId>,
    Json(reversal): Json<Reversal>,
) -> Result<Json<Receipt>, AppError> {
    caller.allow(Permission::PaymentsReverse)?;
    super::reverse(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &reversal.reason).await?;
    Ok(Json(receipt_of(&app, &caller, id).await?))
}

/// Books a wish and answers its receipt.
pub(super) async fn book(
    app: &App,
    (caller, view): (&Caller, &View),
    form_id: &str,
    wish: &Wish,
) -> Result<(StatusCode, Json<Receipt>), AppError> {
    let actor = Actor::of(caller, view.ip());
    let taken = super::book(app, &Asked { scope: &caller.sites, actor: &actor, form_id }, wish).await;
    answer(app, caller, taken.map_err(by_its_name)?).await
}

/// What the page's form calls `given` is `amount` here.
pub(super) fn by_its_name(error: PaymentError) -> AppError {
    let PaymentError::Refused(errors) = error else { return error.into() };
    of_amount(&errors).into()
}

#[utoipa::path(post, path = "/invoices/{id}/payments", tag = "payments", params(("id" = i64, Path)),
    request_body = PayInvoice, responses(
    (status = 201, body = Receipt, description = "The receipt"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such invoice"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn of_invoice(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Intent(form_id): Intent,
    Path(id): Path<InvoiceId>,
    Json(body): Json<PayInvoice>,
) -> Result<(StatusCode, Json<Receipt>), AppError> {
    caller.allow(Permission::PaymentsTake)?;
    let invoice = invoices::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let take = Take {
        customer: invoice.head.customer_id,
        method: of_money(body.method)?,
        given: body.amount,
        choices: vec![Choice { invoice: Some(id), at_most: None }],
        keeps_rest: true,
        note: body.note,
    };
    book(&app, (&caller, &view), &form_id, &Wish::Take(take)).await
}

#[utoipa::path(post, path = "/customers/{id}/payments", tag = "payments", params(("id" = i64, Path)),
    request_body = Pay, responses(
    (status = 201, body = Receipt, description = "The receipt"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such customer"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn of_customer(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Intent(form_id): Intent,
    Path(id): Path<CustomerId>,
    Json(body): Json<Pay>,
) -> Result<(StatusCode, Json<Receipt>), AppError> {
    caller.allow(Permission::PaymentsTake)?;
    let take = Take {
        customer: id,
        method: of_money(body.method)?,
        given: body.amount,
        choices: body.invoices.into_iter().map(Choice::from).collect(),
        keeps_rest: body.keep_rest,
        note: body.note,
    };
    book(&app, (&caller, &view), &form_id, &Wish::Take(take)).await
}

#[utoipa::path(post, path = "/customers/{id}/credit/use", tag = "payments", params(("id" = i64, Path)),
    request_body = UseCredit, responses(
    (status = 201, body = Receipt, description = "What the balance settled"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such customer"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn use_credit(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Intent(form_id): Intent,
    Path(id): Path<CustomerId>,
    Json(body): Json<UseCredit>,
) -> Result<(StatusCode, Json<Receipt>), AppError> {
    caller.allow(Permission::PaymentsTake)?;
    let choices = body.invoices.into_iter().map(Choice::from).collect();
    let using = Using { customer: id, at_most: body.at_most, choices, note: body.note };
    book(&app, (&caller, &view), &form_id, &Wish::UseCredit(using)).await
}

#[utoipa::path(post, path = "/customers/{id}/credit/refund", tag = "payments", params(("id" = i64, Path)),
    request_body = Refund, responses(
    (status = 201, body = Receipt, description = "The balance was paid out"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such customer"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn refund(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Intent(form_id): Intent,
    Path(id): Path<CustomerId>,
    Json(body): Json<Refund>,
) -> Result<(StatusCode, Json<Receipt>), AppError> {
    caller.allow(Permission::PaymentsReverse)?;
    let refunding = Refunding { customer: id, method: of_money(body.method)?, amount: body.amount, note: body.note };
    book(&app, (&caller, &view), &form_id, &Wish::Refund(refunding)).await
}
