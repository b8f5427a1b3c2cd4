//! `/api/v1/invoices`; giving up debts is `write_off_api.rs`.

use axum::{
    Router as Routes,
    extract::{Path, State as Of},
    http::StatusCode,
    routing::{get, post},
};
use axum_extra::extract::Query;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{
    CreditNote, Crediting, Filter, Head, Invoice, ManualForm, ManualLine,
    approve::MAX_NAMED,
    routes::Narrow,
    rules::{Kind, LineKind, State},
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
    ids::{CustomerId, InvoiceId, SiteId},
    money::Money,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/invoices", get(list).post(create))
        .route("/invoices/issue", post(issue_many))
        .route("/invoices/{id}", get(show))
        .route("/invoices/{id}/issue", post(issue))
        .route("/invoices/{id}/void", post(void))
        .route("/invoices/{id}/credit", post(credit))
        .merge(super::write_off_api::routes())
        .merge(super::reports_api::routes())
}

/// Their part of the document.
#[must_use]
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(
        paths(list, create, show, issue, issue_many, void, credit),
        components(schemas(
            NewInvoice, Approval, Issued, ManualForm, ManualLine, Voiding, Credit, Kind, State, LineKind
        ))
    )]
    struct Part;
    let mut document = Part::openapi();
    document.merge(super::write_off_api::document());
    document.merge(super::reports_api::document());
    document
}

pub(super) async fn found(app: &App, caller: &Caller, id: InvoiceId) -> Result<Invoice, AppError> {
    super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)
}

#[utoipa::path(get, path = "/invoices", tag = "invoices", params(
    ("tab" = Option<String>, Query, description = "`unpaid` (unless said), `draft`, `overdue`, `today`, `partial`, `paid`, `void`, `uncollectible` or `all`"),
    ("site_id" = Option<i64>, Query), ("customer_id" = Option<i64>, Query), ("subscription_id" = Option<i64>, Query),
    ("month" = Option<String>, Query, description = "due in that month: `2026-12`"), ListParams), responses(
    (status = 200, description = "Invoices; what is to be paid with the oldest due first, what is over with the latest. `q` is a number, or a customer's"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn list(
    Of(app): Of<App>,
    Signed(caller): Signed,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Json<Paged<Head>>, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    let mut filter: Filter = narrow.filter(narrow.month.as_deref().unwrap_or_default().trim())?;
    if !listing.q.is_empty() {
        filter.search = Some(super::search(app.db.read(), &caller.sites, &listing.q).await?.0);
    }
    let page = super::list(app.db.read(), &caller.sites, app.clock.now(), &filter, &listing.page).await??;
    Ok(Json(page))
}

/// An invoice to be made by hand.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
struct NewInvoice {
    customer_id: Option<CustomerId>,
    #[serde(flatten)]
    form: ManualForm,
}

#[utoipa::path(post, path = "/invoices", tag = "invoices", request_body = NewInvoice, responses(
    (status = 201, description = "The invoice, issued unless it shall be a draft"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such customer"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn create(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Intent(form_id): Intent,
    Json(new): Json<NewInvoice>,
) -> Result<(StatusCode, Json<Invoice>), AppError> {
    caller.allow(Permission::InvoicesManage)?;
    let customer = new.customer_id.ok_or_else(|| FormErrors::of("customer_id", FieldError::new("required")))?;
    let actor = Actor::of(&caller, view.ip());
    let id = super::create(&app, (&caller.sites, &actor), customer, &form_id, &new.form).await?;
    Ok((StatusCode::CREATED, Json(found(&app, &caller, id).await?)))
}

#[utoipa::path(get, path = "/invoices/{id}", tag = "invoices", params(("id" = i64, Path)), responses(
    (status = 200, description = "The invoice with its lines and credit notes"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such invoice"),
))]
async fn show(Of(app): Of<App>, Signed(caller): Signed, Path(id): Path<InvoiceId>) -> Result<Json<Invoice>, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    Ok(Json(found(&app, &caller, id).await?))
}

#[utoipa::path(post, path = "/invoices/{id}/issue", tag = "invoices", params(("id" = i64, Path)), responses(
    (status = 200, description = "The invoice; what was issued before stays as it is"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such invoice"),
))]
async fn issue(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<InvoiceId>,
) -> Result<Json<Invoice>, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    found(&app, &caller, id).await?;
    super::approve(&app, &caller.sites, &Actor::of(&caller, view.ip()), &[id]).await?;
    Ok(Json(found(&app, &caller, id).await?))
}

/// Which drafts are approved: those named, or every one of a site, or of all sites.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = InvoiceApproval)]
struct Approval {
    /// At most 500.
    #[serde(default)]
    invoice_ids: Vec<InvoiceId>,
    /// Every draft, of `site_id` if it is given.
    #[serde(default)]
    all: bool,
    #[serde(default)]
    site_id: Option<SiteId>,
}

/// What was approved.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InvoicesIssued)]
struct Issued {
    issued: usize,
    /// More wait than are issued at once: ask again.
    more: bool,
}

#[utoipa::path(post, path = "/invoices/issue", tag = "invoices", request_body = Approval, responses(
    (status = 200, body = Issued, description = "How many drafts became invoices; what was issued before stays as it is"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 422, body = Problem, description = "none or too many are named"),
))]
async fn issue_many(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Json(wanted): Json<Approval>,
) -> Result<Json<Issued>, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    let actor = Actor::of(&caller, view.ip());
    let approved = match (wanted.all, wanted.invoice_ids.len()) {
        (true, 0) => super::approve_all(&app, &caller.sites, &actor, wanted.site_id).await?,
        (false, 1..=MAX_NAMED) => super::approve(&app, &caller.sites, &actor, &wanted.invoice_ids).await?,
        (true, _) => return Err(FormErrors::of("all", FieldError::new("all_or_some")).into()),
        (false, 0) => return Err(FormErrors::of("invoice_ids", FieldError::new("required")).into()),
        (false, _) => return Err(FormErrors::of("invoice_ids", FieldError::new("too_many_chosen")).into()),
    };
    Ok(Json(Issued { issued: approved.issued, more: approved.is_cut }))
}

/// Why an invoice is void, given up or taken up again.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = InvoiceVoiding)]
pub(super) struct Voiding {
    pub(super) reason: String,
}

#[utoipa::path(post, path = "/invoices/{id}/void", tag = "invoices", params(("id" = i64, Path)),
    request_body = Voiding, responses(
    (status = 200, description = "The invoice; it keeps its number, and what was paid of it is the customer's credit"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such invoice"),
    (status = 409, body = Problem, description = "void already, written off, or it has credit notes"),
    (status = 422, body = Problem, description = "no reason"),
))]
async fn void(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<InvoiceId>,
    Json(why): Json<Voiding>,
) -> Result<Json<Invoice>, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    super::void(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &why.reason).await?;
    Ok(Json(found(&app, &caller, id).await?))
}

/// What is credited of an invoice.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = NewCreditNote)]
struct Credit {
    /// Tax included; all that is left to be credited unless said.
    amount: Option<Money>,
    reason: String,
}

#[utoipa::path(post, path = "/invoices/{id}/credit", tag = "invoices", params(("id" = i64, Path)),
    request_body = Credit, responses(
    (status = 201, description = "The credit note; it settles the invoice, and what is left is the customer's credit"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such invoice"),
    (status = 409, body = Problem, description = "a draft, void, or written off"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn credit(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Intent(form_id): Intent,
    Path(id): Path<InvoiceId>,
    Json(credit): Json<Credit>,
) -> Result<(StatusCode, Json<CreditNote>), AppError> {
    caller.allow(Permission::InvoicesManage)?;
    let crediting = Crediting { form_id, invoice: id, amount: credit.amount, reason: credit.reason };
    let note = super::credit(&app, &caller.sites, &Actor::of(&caller, view.ip()), &crediting).await?;
    Ok((StatusCode::CREATED, Json(note)))
}
