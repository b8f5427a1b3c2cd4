//! `/api/v1/subscriptions/{id}/renew/pay`.

use axum::{
    Router as Routes,
    extract::{Path, State as Of},
    http::StatusCode,
    routing::{get, post},
};
use axum_extra::extract::Query;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Asked, Method, Receipt, Renewal, Renewing,
    api::{answer, by_its_name, of_money},
};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        api::{Intent, Json, openapi::Problem},
        error::AppError,
        session::Signed,
        view::View,
    },
    ids::SubscriptionId,
    money::Money,
};

pub(super) fn routes() -> Routes<App> {
    Routes::new().route("/subscriptions/{id}/renew/pay", post(pay)).route("/subscriptions/{id}/renew/cost", get(cost))
}

/// Periods that are paid ahead.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PayAhead {
    /// 1 to 12.
    #[serde(default = "one")]
    periods: usize,
    #[serde(default = "cash")]
    method: Method,
    /// What is handed over; exactly what it costs unless said.
    #[serde(default)]
    amount: Option<Money>,
    /// The customer's balance pays first.
    #[serde(default)]
    use_balance: bool,
    /// What is left becomes balance; false = cash is handed back.
    #[serde(default = "yes")]
    keep_rest: bool,
    #[serde(default)]
    note: String,
}

/// How many periods.
#[derive(Debug, Deserialize)]
pub(crate) struct Periods {
    /// 1 to 12; one unless said.
    #[serde(default = "one")]
    periods: usize,
}

fn one() -> usize {
    1
}

fn cash() -> Method {
    Method::Cash
}

fn yes() -> bool {
    true
}

#[utoipa::path(get, path = "/subscriptions/{id}/renew/cost", tag = "payments", params(("id" = i64, Path),
    ("periods" = Option<i64>, Query, description = "1 to 12; one unless said")),
    responses(
    (status = 200, body = Renewal, description = "What paying so many periods ahead costs; nothing is changed"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such subscription"),
    (status = 422, body = Problem, description = "it cannot be paid ahead so far"),
))]
pub(crate) async fn cost(
    Of(app): Of<App>,
    Signed(caller): Signed,
    Path(id): Path<SubscriptionId>,
    Query(asked): Query<Periods>,
) -> Result<Json<Renewal>, AppError> {
    caller.allow(Permission::PaymentsTake)?;
    Ok(Json(super::renewal(&app, &caller.sites, id, asked.periods).await.map_err(by_its_name)?))
}

#[utoipa::path(post, path = "/subscriptions/{id}/renew/pay", tag = "payments", params(("id" = i64, Path)),
    request_body = PayAhead, responses(
    (status = 201, body = Receipt, description = "The invoices of the next periods are made and paid, with what was \
     owed for the service; the receipt"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such subscription"),
    (status = 422, body = Problem, description = "a field is refused, or it is less than it costs; nothing was done"),
))]
pub(crate) async fn pay(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Intent(form_id): Intent,
    Path(id): Path<SubscriptionId>,
    Json(body): Json<PayAhead>,
) -> Result<(StatusCode, Json<Receipt>), AppError> {
    caller.allow(Permission::PaymentsTake)?;
    let renewing = Renewing {
        subscription: id,
        periods: body.periods,
        method: of_money(body.method)?,
        given: body.amount,
        uses_balance: body.use_balance,
        keeps_rest: body.keep_rest,
        note: body.note,
    };
    let actor = Actor::of(&caller, view.ip());
    let asked = Asked { scope: &caller.sites, actor: &actor, form_id: &form_id };
    answer(&app, &caller, super::renew(&app, &asked, &renewing).await.map_err(by_its_name)?).await
}
