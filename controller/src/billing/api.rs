//! `/api/v1/billing`.

use axum::{
    Router as Routes,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use axum_extra::extract::Query;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{
    Decision, Item, Plan, Progress, Run, Traced,
    foresight::{self, Isolating, Reminding},
    preview::{self, Coming, Sum},
    routes::Narrow,
};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{
            Json, Listing,
            openapi::{ListParams, Problem},
        },
        error::AppError,
        form::{FieldError, FormErrors},
        path::Path,
        session::{Caller, Signed},
        view::View,
    },
    ids::{PlanId, RunId, SiteId},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/billing/runs", get(runs))
        .route("/billing/runs/{id}", get(run))
        .route("/billing/runs/{id}/items", get(run_items))
        .route("/billing/sites/{id}/run", post(run_now))
        .route("/billing/sites/{id}/preview", get(show_preview))
        .route("/billing/sites/{id}/preview/sum", get(preview_sum))
        .route("/billing/sites/{id}/preview/isolation", get(preview_isolation))
        .route("/billing/sites/{id}/preview/reminders", get(preview_reminders))
        .route("/billing/plans", get(plans))
        .route("/billing/plans/{id}", get(plan))
        .route("/billing/plans/{id}/items", get(items))
        .route("/billing/plans/{id}/{decision}", post(decide))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(
        paths(
            runs,
            run,
            run_items,
            run_now,
            show_preview,
            preview_sum,
            preview_isolation,
            preview_reminders,
            plans,
            plan,
            items,
            decide
        ),
        components(schemas(Run, Traced, PlanBody, Item, Coming, Sum, Isolating, Reminding, Decision))
    )]
    struct Part;
    Part::openapi()
}

/// A plan with how far it is.
#[derive(Debug, Serialize, ToSchema)]
struct PlanBody {
    #[serde(flatten)]
    plan: Plan,
    progress: Progress,
}

async fn body(app: &App, caller: &Caller, id: PlanId) -> Result<Json<PlanBody>, AppError> {
    let plan = super::find_plan(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    Ok(Json(PlanBody { plan, progress: super::progress(app.db.read(), id).await? }))
}

#[utoipa::path(get, path = "/billing/runs", tag = "billing", operation_id = "billing_runs",
    params(("site_id" = Option<i64>, Query), ListParams), responses(
    (status = 200, description = "Nights, newest first"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn runs(
    State(app): State<App>,
    Signed(caller): Signed,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Json<Paged<Run>>, AppError> {
    caller.allow(Permission::BillingSee)?;
    listing.page.after_id()?;
    Ok(Json(super::runs(app.db.read(), &caller.sites, narrow.site()?, &listing.page).await?))
}

#[utoipa::path(get, path = "/billing/runs/{id}", tag = "billing", operation_id = "billing_run",
    params(("id" = i64, Path)), responses(
    (status = 200, body = Run, description = "The night with its counts and what could not be done"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
))]
async fn run(State(app): State<App>, Signed(caller): Signed, Path(id): Path<RunId>) -> Result<Json<Run>, AppError> {
    caller.allow(Permission::BillingSee)?;
    super::find_run(app.db.read(), &caller.sites, id).await?.map(Json).ok_or(AppError::NotFound)
}

#[utoipa::path(get, path = "/billing/runs/{id}/items", tag = "billing", operation_id = "billing_run_items",
    params(("id" = i64, Path),
    ("did" = String, Query, description = "`invoiced`, `approved`, `paid`, `planned` or `lapsed`"), ListParams),
    responses(
    (status = 200, description = "For whom the night did it, in its order"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn run_items(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<RunId>,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Json<Paged<Traced>>, AppError> {
    caller.allow(Permission::BillingSee)?;
    listing.page.after_id()?;
    super::find_run(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let Some(did) = narrow.did()? else { return Err(FormErrors::of("did", FieldError::new("required")).into()) };
    Ok(Json(super::traces(app.db.read(), id, did, &listing.page).await?))
}

#[utoipa::path(post, path = "/billing/sites/{id}/run", tag = "billing", operation_id = "billing_run_now",
    params(("id" = i64, Path)), responses(
    (status = 202, body = Run, description = "Today's night, which works in the background; what was done stays"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 409, body = Problem, description = "it runs already"),
))]
async fn run_now(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<SiteId>,
) -> Result<(StatusCode, Json<Run>), AppError> {
    caller.allow(Permission::BillingManage)?;
    let run = super::run_now(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    let run = super::find_run(app.db.read(), &caller.sites, run).await?.ok_or(AppError::NotFound)?;
    Ok((StatusCode::ACCEPTED, Json(run)))
}

#[utoipa::path(get, path = "/billing/sites/{id}/preview", tag = "billing", operation_id = "billing_preview",
    params(("id" = i64, Path), ListParams), responses(
    (status = 200, description = "Invoices that the next night would make, by subscription; nothing is written"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
))]
async fn show_preview(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<SiteId>,
    listing: Listing,
) -> Result<Json<Paged<Coming>>, AppError> {
    caller.allow(Permission::BillingSee)?;
    listing.page.after_id()?;
    Ok(Json(preview::coming(&app, &caller.sites, id, &listing.page).await?))
}

#[utoipa::path(get, path = "/billing/sites/{id}/preview/sum", tag = "billing", operation_id = "billing_preview_sum",
    params(("id" = i64, Path)), responses(
    (status = 200, body = Sum, description = "What the preview sums up to"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
))]
async fn preview_sum(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<SiteId>,
) -> Result<Json<Sum>, AppError> {
    caller.allow(Permission::BillingSee)?;
    Ok(Json(preview::sum(&app, &caller.sites, id).await?))
}

#[utoipa::path(get, path = "/billing/sites/{id}/preview/isolation", tag = "billing",
    operation_id = "billing_preview_isolation", params(("id" = i64, Path), ListParams), responses(
    (status = 200, description = "Services that the next night would plan to isolate, by subscription; `skip` says why \
        one would be left alone, as things are. Nothing is written"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
))]
async fn preview_isolation(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<SiteId>,
    listing: Listing,
) -> Result<Json<Paged<Isolating>>, AppError> {
    caller.allow(Permission::BillingSee)?;
    listing.page.after_id()?;
    Ok(Json(foresight::isolating(&app, &caller.sites, id, &listing.page).await?))
}

#[utoipa::path(get, path = "/billing/sites/{id}/preview/reminders", tag = "billing",
    operation_id = "billing_preview_reminders", params(("id" = i64, Path), ListParams), responses(
    (status = 200, description = "Reminders that the next night would write, by invoice; nothing is written"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
))]
async fn preview_reminders(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<SiteId>,
    listing: Listing,
) -> Result<Json<Paged<Reminding>>, AppError> {
    caller.allow(Permission::BillingSee)?;
    listing.page.after_id()?;
    Ok(Json(foresight::reminding(&app, &caller.sites, id, &listing.page).await?))
}

#[utoipa::path(get, path = "/billing/plans", tag = "billing", operation_id = "isolation_plans",
    params(("site_id" = Option<i64>, Query), ListParams), responses(
    (status = 200, description = "Plans of isolation, newest first"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn plans(
    State(app): State<App>,
    Signed(caller): Signed,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Json<Paged<Plan>>, AppError> {
    caller.allow(Permission::BillingSee)?;
    listing.page.after_id()?;
    Ok(Json(super::plans(app.db.read(), &caller.sites, narrow.site()?, &listing.page).await?))
}

#[utoipa::path(get, path = "/billing/plans/{id}", tag = "billing", operation_id = "isolation_plan",
    params(("id" = i64, Path)), responses(
    (status = 200, body = PlanBody, description = "The plan and how far it is"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
))]
async fn plan(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<PlanId>,
) -> Result<Json<PlanBody>, AppError> {
    caller.allow(Permission::BillingSee)?;
    body(&app, &caller, id).await
}

#[utoipa::path(get, path = "/billing/plans/{id}/items", tag = "billing", operation_id = "isolation_plan_items",
    params(("id" = i64, Path),
    ("state" = Option<String>, Query, description = "`planned`, `done`, `reopened` (isolated, and open again since), `skipped` or `undone`"), ListParams), responses(
    (status = 200, description = "Who is in it, by subscription, and what became of him"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn items(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<PlanId>,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Json<Paged<Item>>, AppError> {
    caller.allow(Permission::BillingSee)?;
    listing.page.after_id()?;
    super::find_plan(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    Ok(Json(super::items(app.db.read(), id, narrow.item_state()?, &listing.page).await?))
}

#[utoipa::path(post, path = "/billing/plans/{id}/{decision}", tag = "billing", operation_id = "isolation_plan_decide",
    params(("id" = i64, Path), ("decision" = Decision, Path,
        description = "`approve`: it acts now, wave after wave; `drop`: who is not isolated yet stays as he is; \
                       `undo`: those it isolated are opened again")), responses(
    (status = 200, body = PlanBody, description = "The plan as it stands now"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such thing, or of a foreign site"),
    (status = 409, body = Problem, description = "not as things stand"),
))]
async fn decide(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path((id, decision)): Path<(PlanId, Decision)>,
) -> Result<Json<PlanBody>, AppError> {
    caller.allow(Permission::BillingManage)?;
    super::decide(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, decision).await?;
    body(&app, &caller, id).await
}
