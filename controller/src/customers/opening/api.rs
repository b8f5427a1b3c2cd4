//! `/api/v1/customers/{id}/opening_balance`.

use axum::{
    Router as Routes,
    extract::{Path, State},
    http::StatusCode,
    routing::post,
};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{OpeningForm, OpeningKind};
use crate::{
    app::App,
    audit::Actor,
    customers::Asked,
    http::{
        access::Permission,
        api::{Intent, Json, openapi::Problem},
        error::AppError,
        session::Signed,
        view::View,
    },
    ids::CustomerId,
    ledger,
    money::Money,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/customers/{id}/opening_balance", post(open))
}

/// Their part of the document.
#[must_use]
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(open), components(schemas(OpeningForm, OpeningKind, Stands)))]
    struct Part;
    Part::openapi()
}

/// What the customer owes and has paid ahead, in the currency of the opening balance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Stands {
    receivable: Money,
    credit: Money,
}

#[utoipa::path(post, path = "/customers/{id}/opening_balance", tag = "customers", params(("id" = i64, Path)),
    request_body = OpeningForm, responses(
    (status = 201, body = Stands, description = "Booked; what the customer owes and has now"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such customer"),
    (status = 409, body = Problem, description = "the customer is deleted"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn open(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Intent(form_id): Intent,
    Path(id): Path<CustomerId>,
    Json(form): Json<OpeningForm>,
) -> Result<(StatusCode, Json<Stands>), AppError> {
    caller.allow(Permission::InvoicesManage)?;
    let actor = Actor::of(&caller, view.ip());
    super::open(&app, &Asked { scope: &caller.sites, actor: &actor, form_id: &form_id }, id, &form).await?;
    let balance = ledger::balance(app.db.read(), id, form.amount.currency()).await?;
    Ok((StatusCode::CREATED, Json(Stands { receivable: balance.receivable, credit: balance.credit })))
}
