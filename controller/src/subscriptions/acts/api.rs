//! `/api/v1/subscriptions/{id}/{act}`.

use axum::{
    Router as Routes,
    extract::{Path, State},
    routing::post,
};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{ACTS, Act, Done, Order, fields::Body, permission, rules::today};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        api::{Intent, Json, openapi::Problem},
        error::AppError,
        session::{Caller, Signed},
        view::View,
    },
    ids::SubscriptionId,
    subscriptions::{self, SubscriptionError},
};

/// Each act is a path of its own, beside those of the subscription itself.
pub(crate) fn routes() -> Routes<App> {
    ACTS.into_iter().fold(Routes::new(), |routes, act| {
        let deed = move |app: State<App>, signed: Signed, view: View, intent: Intent, id, body| {
            press(app, (signed, view), intent, (id, act), body)
        };
        let look = move |app: State<App>, signed: Signed, id, body| preview(app, signed, (id, act), body);
        let path = format!("/subscriptions/{{id}}/{act}");
        routes.route(&path, post(deed)).route(&format!("{path}/preview"), post(look))
    })
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(documented, documented_preview), components(schemas(Body, Done, Pressed)))]
    struct Part;
    Part::openapi()
}

#[utoipa::path(post, path = "/subscriptions/{id}/{act}", operation_id = "subscription_act", tag = "subscriptions",
    request_body = Body, params(
        ("id" = i64, Path),
        ("act" = String, Path, description = "`renew` (makes the invoices of the next `periods`), `change_package`, `pause`, `resume` (also drops a planned pause), `end`, \
         `keep` (drops what is `planned`), `promise`, `exempt`, `discount`, `addons`, `addon_end`, `renewal`, `terms`, `take_price`, `details`, \
         `password`, `move`, `rename`"),
    ), responses(
        (status = 200, body = Pressed, description = "The subscription as it is now, and what it cost or gave back"),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "Its state is against it, or somebody was quicker; nothing was done"),
        (status = 422, body = Problem, description = "A field is refused; nothing was done"),
    ))]
#[expect(dead_code, reason = "stands for the paths of all acts in the document")]
fn documented() {}

#[utoipa::path(post, path = "/subscriptions/{id}/{act}/preview", operation_id = "subscription_act_preview",
    tag = "subscriptions", request_body = Body, params(("id" = i64, Path), ("act" = String, Path)), responses(
        (status = 200, body = Done, description = "What the act would make of the subscription; nothing is changed"),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
    ))]
#[expect(dead_code, reason = "stands for the paths of all acts in the document")]
fn documented_preview() {}

/// What an act made of a subscription.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SubscriptionActed)]
struct Pressed {
    #[serde(flatten)]
    done: Done,
    /// Of `password`, when hiji made it: told once.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

fn shown(caller: &Caller, done: Done) -> Done {
    let sees = caller.may(Permission::CostsSee);
    Done { subscription: if sees { done.subscription } else { done.subscription.without_cost() }, ..done }
}

async fn press(
    State(app): State<App>,
    (Signed(caller), view): (Signed, View),
    Intent(form_id): Intent,
    (Path(id), act): (Path<SubscriptionId>, &'static str),
    Json(body): Json<Body>,
) -> Result<Json<Pressed>, AppError> {
    caller.allow(permission(act))?;
    let of = subscriptions::find(app.db.read(), &caller.sites, id).await?.ok_or(SubscriptionError::NotFound)?;
    let wanted = body.act(act, today(app.clock.now(), of.zone())).ok_or(AppError::NotFound)??;
    let actor = Actor::of(&caller, view.ip());
    let order = Order { scope: &caller.sites, actor: &actor, form_id: &form_id, seen: body.seen };
    let done = shown(&caller, super::act(&app, &order, id, &wanted).await?);
    let is_made = matches!(wanted, Act::Password(None));
    let secret = if is_made { subscriptions::new_secret(&app, caller.admin_id, id).await? } else { None };
    let password = secret.map(|secret| secret.expose_secret().to_owned());
    Ok(Json(Pressed { done, password }))
}

async fn preview(
    State(app): State<App>,
    Signed(caller): Signed,
    (Path(id), act): (Path<SubscriptionId>, &'static str),
    Json(body): Json<Body>,
) -> Result<Json<Done>, AppError> {
    caller.allow(permission(act))?;
    let of = subscriptions::find(app.db.read(), &caller.sites, id).await?.ok_or(SubscriptionError::NotFound)?;
    let wanted = body.looked_at().act(act, today(app.clock.now(), of.zone())).ok_or(AppError::NotFound)??;
    Ok(Json(shown(&caller, super::preview(&app, &caller.sites, id, &wanted).await?)))
}
