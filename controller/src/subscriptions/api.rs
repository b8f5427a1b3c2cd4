//! `/api/v1/subscriptions`.

use axum::{
    Router as Routes,
    extract::State as Of,
    http::StatusCode,
    routing::{get, post},
};
use axum_extra::extract::Query;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{
    Addon, Asked, ByHand, Happened, Preview, Subscription, SubscriptionForm, routes::Narrow, rules::AddonForm,
};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{Intent, Json, Listing, openapi::Problem},
        error::AppError,
        path::Path,
        session::{Caller, Signed},
        view::View,
    },
    ids::SubscriptionId,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/subscriptions", get(list).post(add))
        .route("/subscriptions/preview", post(preview))
        .route("/subscriptions/{id}", get(show))
        .route("/subscriptions/{id}/history", get(history))
        .route("/subscriptions/{id}/secret", post(secret))
        .route("/subscriptions/{id}/isolate", post(isolate))
        .route("/subscriptions/{id}/restore", post(restore))
        .route("/subscriptions/{id}/kick", post(kick))
}

/// Their part of the document.
#[must_use]
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(
        paths(list, add, preview, show, history, secret, isolate, restore, kick),
        components(schemas(SubscriptionForm, AddonForm, Subscription, Shown, Made, Secret, Reason, Preview, Addon))
    )]
    struct Part;
    Part::openapi()
}

/// A subscription with its add-ons.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SubscriptionShown)]
pub(super) struct Shown {
    #[serde(flatten)]
    subscription: Subscription,
    addons: Vec<Addon>,
}

/// A subscription that was just made, with its secret: told once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SubscriptionMade)]
struct Made {
    #[serde(flatten)]
    subscription: Subscription,
    addons: Vec<Addon>,
    /// Of the user on the router; not there when the same was asked before.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// The secret of a service.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SubscriptionSecret)]
struct Secret {
    username: String,
    /// `null`: only the router knows it.
    password: Option<String>,
}

/// Why something is done.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SubscriptionReason)]
struct Reason {
    reason: String,
}

/// A subscription without what the caller may not see.
pub(super) fn seen(caller: &Caller, of: Subscription) -> Subscription {
    if caller.may(Permission::CostsSee) { of } else { of.without_cost() }
}

/// Add-ons without what the caller may not see.
pub(super) fn seen_addons(caller: &Caller, addons: Vec<Addon>) -> Vec<Addon> {
    let sees = caller.may(Permission::CostsSee);
    addons.into_iter().map(|addon| Addon { cost: addon.cost.filter(|_| sees), ..addon }).collect()
}

async fn found(app: &App, caller: &Caller, id: SubscriptionId) -> Result<(Subscription, Vec<Addon>), AppError> {
    let db = app.db.read();
    let of = super::find(db, &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let addons = super::addons(db, &of).await?;
    Ok((seen(caller, of), seen_addons(caller, addons)))
}

#[utoipa::path(get, path = "/subscriptions", tag = "subscriptions", params(
    ("q" = Option<String>, Query, description = "a username, a number, or words that its customer is found by"),
    ("site_id" = Option<i64>, Query), ("router_id" = Option<i64>, Query), ("package_id" = Option<i64>, Query),
    ("customer_id" = Option<i64>, Query), ("service" = Option<String>, Query, description = "`pppoe` or `hotspot`"),
    ("state" = Option<String>, Query, description = "`pending`, `active`, `grace`, `isolated`, `paused`, `ended`; all but ended unless said"),
    ("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query),
), responses((status = 200, description = "Subscriptions, newest first"), (status = 422, body = Problem)))]
async fn list(
    Of(app): Of<App>,
    Signed(caller): Signed,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Json<Paged<Subscription>>, AppError> {
    caller.allow(Permission::SubscriptionsSee)?;
    listing.page.after_id()?;
    let filter = narrow.filter(&listing.q)?;
    let page = super::list(&app, &caller.sites, &filter, &listing.page).await?;
    Ok(Json(page.map(|of| seen(&caller, of))))
}

#[utoipa::path(post, path = "/subscriptions", tag = "subscriptions", request_body = SubscriptionForm, responses(
    (status = 201, body = Made, description = "The subscription, with its secret"),
    (status = 403, body = Problem, description = "not allowed: terms other than the package's are for those who manage subscriptions"),
    (status = 422, body = Problem),
))]
async fn add(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Intent(form_id): Intent,
    Json(form): Json<SubscriptionForm>,
) -> Result<(StatusCode, Json<Made>), AppError> {
    allow_form(&caller, &form)?;
    let actor = Actor::of(&caller, view.ip());
    let asked = Asked { scope: &caller.sites, actor: &actor, form_id: &form_id };
    let created = super::create(&app, &asked, &form).await?;
    let secret = super::new_secret(&app, caller.admin_id, created.id).await?;
    let (subscription, addons) = found(&app, &caller, created.id).await?;
    let password = secret.map(|secret| secret.expose_secret().to_owned());
    Ok((StatusCode::CREATED, Json(Made { subscription, addons, password })))
}

/// Whether the caller may make what a form says: a new customer, taking a user over, and terms other than the package's,
/// which may spare somebody money or isolation, are more than adding a service.
pub(super) fn allow_form(caller: &Caller, form: &SubscriptionForm) -> Result<(), AppError> {
    caller.allow(Permission::SubscriptionsAdd)?;
    if form.customer.is_some() {
        caller.allow(Permission::CustomersAdd)?;
    }
    if form.sets_terms() || form.adopt {
        caller.allow(Permission::SubscriptionsManage)?;
    }
    Ok(())
}

#[utoipa::path(post, path = "/subscriptions/preview", tag = "subscriptions", request_body = SubscriptionForm, responses(
    (status = 200, body = Preview, description = "What the first invoice would be; nothing is made"),
    (status = 422, body = Problem),
))]
async fn preview(
    Of(app): Of<App>,
    Signed(caller): Signed,
    Json(form): Json<SubscriptionForm>,
) -> Result<Json<Preview>, AppError> {
    caller.allow(Permission::SubscriptionsAdd)?;
    Ok(Json(super::preview(&app, &caller.sites, &form).await?))
}

#[utoipa::path(get, path = "/subscriptions/{id}", tag = "subscriptions", params(("id" = i64, Path)), responses(
    (status = 200, body = Shown, description = "The subscription"), (status = 404, body = Problem),
))]
async fn show(
    Of(app): Of<App>,
    Signed(caller): Signed,
    Path(id): Path<SubscriptionId>,
) -> Result<Json<Shown>, AppError> {
    caller.allow(Permission::SubscriptionsSee)?;
    let (subscription, addons) = found(&app, &caller, id).await?;
    Ok(Json(Shown { subscription, addons }))
}

#[utoipa::path(get, path = "/subscriptions/{id}/history", tag = "subscriptions", params(
    ("id" = i64, Path), ("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query),
), responses((status = 200, description = "What happened, the latest first"), (status = 404, body = Problem)))]
async fn history(
    Of(app): Of<App>,
    Signed(caller): Signed,
    Path(id): Path<SubscriptionId>,
    listing: Listing,
) -> Result<Json<Paged<Happened>>, AppError> {
    caller.allow(Permission::SubscriptionsSee)?;
    listing.page.after_id()?;
    found(&app, &caller, id).await?;
    Ok(Json(super::history(app.db.read(), id, &listing.page).await?))
}

#[utoipa::path(post, path = "/subscriptions/{id}/secret", tag = "subscriptions", params(("id" = i64, Path)), responses(
    (status = 200, body = Secret, description = "The secret; that it was looked at is written down"),
    (status = 404, body = Problem),
))]
async fn secret(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SubscriptionId>,
) -> Result<Json<Secret>, AppError> {
    caller.allow(Permission::SubscriptionsAdd)?;
    let actor = Actor::of(&caller, view.ip());
    let (of, _) = found(&app, &caller, id).await?;
    let secret = super::secret(&app, (&caller.sites, &actor), id).await?;
    let password = Some(secret.expose_secret().to_owned()).filter(|secret| !secret.is_empty());
    Ok(Json(Secret { username: of.username, password }))
}

async fn act(
    app: &App,
    (caller, view): (&Caller, &View),
    id: SubscriptionId,
    (act, reason): (ByHand, &str),
) -> Result<Json<Subscription>, AppError> {
    caller.allow(Permission::SubscriptionsIsolate)?;
    let actor = Actor::of(caller, view.ip());
    let of = super::act(app, (&caller.sites, &actor), id, act, reason).await?;
    Ok(Json(seen(caller, of)))
}

#[utoipa::path(post, path = "/subscriptions/{id}/isolate", tag = "subscriptions", params(("id" = i64, Path)),
    request_body = Reason, responses(
    (status = 200, body = Subscription, description = "Its service is taken away"), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem),
))]
async fn isolate(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SubscriptionId>,
    Json(why): Json<Reason>,
) -> Result<Json<Subscription>, AppError> {
    act(&app, (&caller, &view), id, (ByHand::Isolate, &why.reason)).await
}

#[utoipa::path(post, path = "/subscriptions/{id}/restore", tag = "subscriptions", params(("id" = i64, Path)),
    request_body = Reason, responses(
    (status = 200, body = Subscription, description = "Its service is given back; what is not paid for is left alone until the end of the next day"),
    (status = 404, body = Problem), (status = 409, body = Problem),
))]
async fn restore(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SubscriptionId>,
    Json(why): Json<Reason>,
) -> Result<Json<Subscription>, AppError> {
    act(&app, (&caller, &view), id, (ByHand::Restore, &why.reason)).await
}

#[utoipa::path(post, path = "/subscriptions/{id}/kick", tag = "subscriptions", params(("id" = i64, Path)), responses(
    (status = 200, body = Subscription, description = "Its sessions are to be ended"), (status = 404, body = Problem),
    (status = 409, body = Problem),
))]
async fn kick(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SubscriptionId>,
) -> Result<Json<Subscription>, AppError> {
    act(&app, (&caller, &view), id, (ByHand::Kick, "")).await
}
