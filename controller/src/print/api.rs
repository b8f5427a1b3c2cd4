//! `/api/v1/voucher_batches/{id}/print` and `/prints`, `/api/v1/vouchers/{id}/print`.

use axum::{
    Router as Routes,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
    routing::get,
};
use axum_extra::extract::Query;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{Known, Opening, PrintError, Printed, format::Format, pages::Fields, routes};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        api::{Intent, Json, openapi::Problem},
        error::AppError,
        form::{self, FormErrors},
        session::{Caller, Signed},
        view::View,
    },
    ids::{BatchId, VoucherId},
    vouchers,
};

/// What stands as the reason where a program printed again without giving one.
const NO_REASON: &str = "API";

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/voucher_batches/{id}/print", get(print))
        .route("/voucher_batches/{id}/prints", get(history).post(record))
        .route("/vouchers/{id}/print", get(print_one))
}

/// Their part of the document.
#[must_use]
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(print, history, record, print_one), components(schemas(PrintForm)))]
    struct Part;
    Part::openapi()
}

/// A print of a batch.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrintForm {
    /// The last used when there is none.
    pub(crate) format: Option<Format>,
    /// `all` (that can still be used), `unsold` or `range`.
    pub(crate) what: Option<String>,
    /// First and last number of a range.
    pub(crate) from: Option<i32>,
    pub(crate) to: Option<i32>,
    /// A print layout; the site's default when there is none.
    pub(crate) layout_id: Option<i64>,
    /// Also vouchers that the router has not proven yet.
    #[serde(default)]
    pub(crate) unproven: bool,
    /// Needed when vouchers of it were printed before.
    pub(crate) reason: Option<String>,
}

impl From<PrintForm> for Fields {
    fn from(form: PrintForm) -> Self {
        let text = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
        Self {
            form_id: String::new(),
            format: form.format.map(|format| format.as_str().to_owned()).unwrap_or_default(),
            what: form.what.unwrap_or_default(),
            from: text(form.from.map(i64::from)),
            to: text(form.to.map(i64::from)),
            ids: String::new(),
            layout: text(form.layout_id),
            unproven: if form.unproven { "1".to_owned() } else { String::new() },
            reason: form.reason.unwrap_or_default(),
        }
    }
}

/// The prints of a batch.
#[derive(Debug, Serialize)]
struct Prints {
    items: Vec<Printed>,
}

#[utoipa::path(get, path = "/voucher_batches/{id}/print", tag = "print", params(
    ("id" = i64, Path),
    ("format" = Option<String>, Query, description = "`a4-120`, `a4-36-qr`, `a4-30-qr`, `thermal-58`, `thermal-80`"),
    ("what" = Option<String>, Query, description = "`all`, `unsold` or `range`"),
    ("from" = Option<i32>, Query), ("to" = Option<i32>, Query), ("layout" = Option<i64>, Query),
    ("unproven" = Option<bool>, Query, description = "also what the router has not proven yet"),
    ("print" = Option<String>, Query, description = "the id of a print of the last hour: opened again, it is not counted"),
    ("reason" = Option<String>, Query, description = "why it is printed again"),
), responses(
    (status = 200, description = "The paper as HTML, streamed. Counted once an hour and caller.", content_type = "text/html"),
    (status = 404, body = Problem, description = "no such batch"),
    (status = 409, body = Problem, description = "`batch_not_ready`, `nothing_to_print`"),
))]
async fn print(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<BatchId>,
    Query(asked): Query<routes::Asked>,
) -> Result<Response, AppError> {
    open(&app, (&caller, &view), id, asked).await
}

#[utoipa::path(get, path = "/vouchers/{id}/print", tag = "print", params(
    ("id" = i64, Path), ("format" = Option<String>, Query), ("layout" = Option<i64>, Query),
    ("unproven" = Option<bool>, Query), ("print" = Option<String>, Query), ("reason" = Option<String>, Query),
), responses(
    (status = 200, description = "One voucher as HTML", content_type = "text/html"),
    (status = 404, body = Problem, description = "no such voucher"),
    (status = 409, body = Problem, description = "`batch_not_ready`, `nothing_to_print`"),
))]
async fn print_one(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<VoucherId>,
    Query(mut asked): Query<routes::Asked>,
) -> Result<Response, AppError> {
    routes::allow(&caller)?;
    let voucher = vouchers::find(&app, &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    "range".clone_into(&mut asked.fields.what);
    asked.fields.from = voucher.number.to_string();
    asked.fields.to = voucher.number.to_string();
    open(&app, (&caller, &view), voucher.batch_id, asked).await
}

/// A program has no form to be asked in: a print it opens again within the hour is the same one, later ones are counted.
async fn open(
    app: &App,
    (caller, view): (&Caller, &View),
    id: BatchId,
    asked: routes::Asked,
) -> Result<Response, AppError> {
    routes::allow(caller)?;
    let last_used = super::preference(app.db.read(), caller.admin_id).await?.format;
    let job = asked.fields.job(Some(id), last_used)?;
    let prepared = super::prepare(app, &caller.sites, job).await?;
    let admin = Some(caller.admin_id);
    let again = form::is_form_id(&asked.print)
        && super::may_open_again(app, &prepared, admin, &asked.print).await? == Known::Open;
    if !again && super::recent(app, &prepared, admin).await?.is_none() {
        let actor = Actor::of(caller, view.ip());
        let key = form::new_form_id();
        let opening = Opening { actor: &actor, key: &key, reason: &asked.fields.reason };
        match super::record(app, &prepared, &opening).await {
            Err(PrintError::ReasonNeeded) => {
                super::record(app, &prepared, &Opening { reason: NO_REASON, ..opening }).await?;
            }
            done => {
                done?;
            }
        }
    }
    routes::show(app, (caller, view), prepared)
}

#[utoipa::path(get, path = "/voucher_batches/{id}/prints", tag = "print", params(("id" = i64, Path)), responses(
    (status = 200, description = "Prints of the batch, newest first: who, when, what, why again"),
    (status = 404, body = Problem, description = "no such batch"),
))]
async fn history(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<BatchId>,
) -> Result<Json<Prints>, AppError> {
    caller.allow(Permission::VouchersSee)?;
    vouchers::batch(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    Ok(Json(Prints { items: super::history(app.db.read(), id).await? }))
}

#[utoipa::path(post, path = "/voucher_batches/{id}/prints", tag = "print", params(("id" = i64, Path)),
    request_body = PrintForm, responses(
    (status = 201, description = "The print; open it with `GET …/print?print=<id>`"),
    (status = 404, body = Problem, description = "no such batch"),
    (status = 409, body = Problem, description = "`batch_not_ready`, `nothing_to_print`"),
    (status = 422, body = Problem, description = "`reason`: `reason_needed` when it was printed before"),
))]
async fn record(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<BatchId>,
    Intent(key): Intent,
    Json(form): Json<PrintForm>,
) -> Result<(StatusCode, Json<Printed>), AppError> {
    routes::allow(&caller)?;
    let last_used = super::preference(app.db.read(), caller.admin_id).await?.format;
    let fields = Fields::from(form);
    let job = fields.job(Some(id), last_used).map_err(|errors| in_api_words(&errors))?;
    let prepared = super::prepare(&app, &caller.sites, job).await?;
    let actor = Actor::of(&caller, view.ip());
    let opening = Opening { actor: &actor, key: &key, reason: &fields.reason };
    let printed = super::record(&app, &prepared, &opening).await?;
    let first = printed.into_iter().next().ok_or(AppError::NotFound)?;
    Ok((StatusCode::CREATED, Json(first)))
}

/// The form's field is `layout`, the document's `layout_id`.
fn in_api_words(errors: &FormErrors) -> FormErrors {
    let mut renamed = FormErrors::default();
    for (field, error) in errors.iter() {
        renamed.add(if field == "layout" { "layout_id" } else { field }, error.clone());
    }
    renamed
}
