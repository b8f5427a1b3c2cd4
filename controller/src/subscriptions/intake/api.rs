//! `/api/v1/subscription_intakes`.

use axum::{
    Router as Routes,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State as Of},
    http::StatusCode,
    routing::{get, post},
};
use axum_extra::extract::Query;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{Intake, LateOnes, Line, List, Number, Place, routes::found};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{Intent, Json, Listing, openapi::Problem},
        error::AppError,
        form::{FieldError, FormErrors},
        limit::MAX_UPLOAD_BYTES,
        session::{Caller, Signed},
        view::View,
    },
    ids::{IntakeId, PackageId, RouterId},
    subscriptions::Asked,
    tables::File,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/subscription_intakes", get(list).post(number))
        .route("/subscription_intakes/file", post(upload).layer(DefaultBodyLimit::max(MAX_UPLOAD_BYTES)))
        .route("/subscription_intakes/{id}", get(show))
        .route("/subscription_intakes/{id}/lines", get(lines))
        .route("/subscription_intakes/{id}/adopt", post(adopt))
        .route("/subscription_intakes/{id}/commit", post(commit))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list, number, upload, show, lines, adopt, commit), components(schemas(Many, Adopts, LateOnes)))]
    struct Part;
    Part::openapi()
}

/// So many new services of one package.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(super) struct Many {
    #[schema(value_type = i64)]
    router_id: Option<RouterId>,
    #[schema(value_type = i64)]
    package_id: Option<PackageId>,
    /// 1 to 1,000.
    count: i64,
    /// Whose they all are; else each is of a new customer.
    customer_number: String,
    /// What new customers are called, with a number behind it.
    placeholder: String,
    starts_on: Option<NaiveDate>,
}

/// One of them, and those of its lines that the next night invoices at once.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    intake: Intake,
    /// Lines of a take-over whose paid time is over.
    late: Option<LateOnes>,
}

async fn shown(app: &App, caller: &Caller, id: IntakeId) -> Result<Json<Shown>, AppError> {
    let intake = found(app, caller, id).await?;
    let late = super::late(app, &caller.sites, &intake).await?;
    Ok(Json(Shown { intake, late }))
}

fn place(router: Option<RouterId>, package: Option<PackageId>) -> Result<Place, AppError> {
    let mut errors = FormErrors::default();
    if router.is_none() {
        errors.add("router_id", FieldError::new("required"));
    }
    if package.is_none() {
        errors.add("package_id", FieldError::new("required"));
    }
    match (router, package) {
        (Some(router), Some(package)) => Ok(Place { router, package }),
        _ => Err(errors.into()),
    }
}

#[utoipa::path(get, path = "/subscription_intakes", tag = "subscriptions",
    operation_id = "subscription_intakes_list", params(
        ("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query),
    ), responses((status = 200, description = "Many subscriptions on their way in, newest first")))]
async fn list(Of(app): Of<App>, Signed(caller): Signed, listing: Listing) -> Result<Json<Paged<Intake>>, AppError> {
    caller.allow(Permission::SubscriptionsManage)?;
    Ok(Json(super::list(app.db.read(), &caller.sites, &listing.page).await?))
}

#[utoipa::path(post, path = "/subscription_intakes", tag = "subscriptions",
    operation_id = "subscription_intakes_number", request_body = Many, responses(
        (status = 201, description = "Checked and not yet made; say yes by `commit`"),
        (status = 422, body = Problem),
    ))]
async fn number(
    Of(app): Of<App>,
    (Signed(caller), view): (Signed, View),
    Intent(form_id): Intent,
    Json(many): Json<Many>,
) -> Result<(StatusCode, Json<Shown>), AppError> {
    caller.allow(Permission::SubscriptionsManage)?;
    let actor = Actor::of(&caller, view.ip());
    let asked = Asked { scope: &caller.sites, actor: &actor, form_id: &form_id };
    let number = Number {
        count: many.count,
        customer_number: many.customer_number,
        placeholder: many.placeholder,
        starts_on: many.starts_on,
    };
    let id = super::number(&app, &asked, place(many.router_id, many.package_id)?, &number).await?;
    Ok((StatusCode::CREATED, shown(&app, &caller, id).await?))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asks {
    router_id: String,
    package_id: String,
    file_name: String,
    is_takeover: bool,
    adopts: bool,
}

#[utoipa::path(post, path = "/subscription_intakes/file", tag = "subscriptions",
    operation_id = "subscription_intakes_file", params(
        ("router_id" = i64, Query), ("package_id" = i64, Query), ("file_name" = Option<String>, Query),
        ("is_takeover" = Option<bool>, Query, description = "they run already: paid until their day, no first invoice"),
        ("adopts" = Option<bool>, Query, description = "users who are on the router already are taken over"),
    ), request_body(content = Vec<u8>, content_type = "application/octet-stream",
        description = "the file itself, CSV or XLSX; what it is, is found out"), responses(
        (status = 201, description = "The list, checked and not yet taken; `late`: those whose paid time is over, and when they are invoiced"), (status = 413, body = Problem),
        (status = 422, body = Problem),
    ))]
async fn upload(
    Of(app): Of<App>,
    (Signed(caller), view): (Signed, View),
    Intent(form_id): Intent,
    Query(asks): Query<Asks>,
    body: Bytes,
) -> Result<(StatusCode, Json<Shown>), AppError> {
    caller.allow(Permission::SubscriptionsManage)?;
    let id = |text: &str| text.parse().ok().filter(|id: &i64| *id > 0);
    let place = place(id(&asks.router_id).map(RouterId), id(&asks.package_id).map(PackageId))?;
    if body.is_empty() {
        return Err(FormErrors::of("file", FieldError::new("required")).into());
    }
    let actor = Actor::of(&caller, view.ip());
    let asked = Asked { scope: &caller.sites, actor: &actor, form_id: &form_id };
    let Asks { file_name: name, is_takeover, adopts, .. } = asks;
    let list = List { file: File { name, bytes: body.to_vec() }, is_takeover, adopts };
    let id = super::upload(&app, &asked, place, list).await?;
    Ok((StatusCode::CREATED, shown(&app, &caller, id).await?))
}

#[utoipa::path(get, path = "/subscription_intakes/{id}", tag = "subscriptions",
    operation_id = "subscription_intakes_show", params(("id" = i64, Path)), responses(
        (status = 200, description = "How far it is; `late` while nobody said yes: lines of a take-over whose paid time is over"), (status = 404, body = Problem),
    ))]
async fn show(Of(app): Of<App>, Signed(caller): Signed, Path(id): Path<IntakeId>) -> Result<Json<Shown>, AppError> {
    caller.allow(Permission::SubscriptionsManage)?;
    shown(&app, &caller, id).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Which {
    only: String,
}

#[utoipa::path(get, path = "/subscription_intakes/{id}/lines", tag = "subscriptions",
    operation_id = "subscription_intakes_lines", params(
        ("id" = i64, Path), ("only" = Option<String>, Query, description = "`bad`: those with errors"),
        ("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query),
    ), responses((status = 200, description = "Its lines with what is wrong"), (status = 404, body = Problem)))]
async fn lines(
    Of(app): Of<App>,
    Signed(caller): Signed,
    (Path(id), listing): (Path<IntakeId>, Listing),
    Query(which): Query<Which>,
) -> Result<Json<Paged<Line>>, AppError> {
    caller.allow(Permission::SubscriptionsManage)?;
    let intake = found(&app, &caller, id).await?;
    let mut lines = super::lines(&app, intake.id, which.only == "bad", &listing.page).await?;
    super::hide_secrets(&intake.columns, &mut lines.items);
    Ok(Json(lines))
}

/// Whether users who are on the router already are taken over.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SubscriptionIntakeAdopts)]
struct Adopts {
    adopts: bool,
}

#[utoipa::path(post, path = "/subscription_intakes/{id}/adopt", tag = "subscriptions",
    operation_id = "subscription_intakes_adopt", params(("id" = i64, Path)), request_body = Adopts, responses(
        (status = 200, description = "Its lines, checked anew"), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "It was said yes to already"),
    ))]
async fn adopt(
    Of(app): Of<App>,
    (Signed(caller), view): (Signed, View),
    Path(id): Path<IntakeId>,
    Json(wish): Json<Adopts>,
) -> Result<Json<Shown>, AppError> {
    caller.allow(Permission::SubscriptionsManage)?;
    super::adopt(&app, (&caller.sites, &Actor::of(&caller, view.ip())), id, wish.adopts).await?;
    shown(&app, &caller, id).await
}

#[utoipa::path(post, path = "/subscription_intakes/{id}/commit", tag = "subscriptions",
    operation_id = "subscription_intakes_commit", params(("id" = i64, Path)), responses(
        (status = 202, description = "A job makes them"), (status = 404, body = Problem), (status = 422, body = Problem),
    ))]
async fn commit(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<IntakeId>,
) -> Result<(StatusCode, Json<Intake>), AppError> {
    caller.allow(Permission::SubscriptionsManage)?;
    super::commit(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    Ok((StatusCode::ACCEPTED, Json(found(&app, &caller, id).await?)))
}
