//! `/api/v1/price_rules`.

use axum::{Router as Routes, extract::State, http::StatusCode, routing::get};
use utoipa::OpenApi;

use super::{Effect, Rule, RuleError, RuleForm};
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
        path::Path,
        session::Signed,
        view::View,
    },
    ids::RuleId,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/price_rules", get(list).post(add))
        .route("/price_rules/{id}", get(show).put(change).delete(remove))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list, add, show, change, remove), components(schemas(RuleForm, Effect)))]
    struct Part;
    Part::openapi()
}

impl From<RuleError> for AppError {
    fn from(error: RuleError) -> Self {
        match error {
            RuleError::NotFound => Self::NotFound,
            RuleError::Refused(errors) => Self::Invalid(errors),
            RuleError::Db(error) => error.into(),
        }
    }
}

#[utoipa::path(get, path = "/price_rules", tag = "price rules", operation_id = "price_rules", params(ListParams),
    responses((status = 200, description = "Rules, newest first")))]
async fn list(State(app): State<App>, Signed(caller): Signed, listing: Listing) -> Result<Json<Paged<Rule>>, AppError> {
    caller.allow(Permission::PackagesManage)?;
    listing.page.after_id()?;
    Ok(Json(super::list(app.db.read(), &listing.page).await?))
}

#[utoipa::path(post, path = "/price_rules", tag = "price rules", operation_id = "price_rule_add",
    request_body = RuleForm, responses((status = 201, description = "The rule"), (status = 422, body = Problem)))]
async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Json(form): Json<RuleForm>,
) -> Result<(StatusCode, Json<Rule>), AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    let id = super::add(&app, &caller.sites, &Actor::of(&caller, view.ip()), &form).await?;
    let rule = super::find(app.db.read(), id).await?.ok_or(AppError::NotFound)?;
    Ok((StatusCode::CREATED, Json(rule)))
}

#[utoipa::path(get, path = "/price_rules/{id}", tag = "price rules", operation_id = "price_rule",
    params(("id" = i64, Path)),
    responses((status = 200, description = "The rule"), (status = 404, body = Problem)))]
async fn show(State(app): State<App>, Signed(caller): Signed, Path(id): Path<RuleId>) -> Result<Json<Rule>, AppError> {
    caller.allow(Permission::PackagesManage)?;
    super::find(app.db.read(), id).await?.map(Json).ok_or(AppError::NotFound)
}

#[utoipa::path(put, path = "/price_rules/{id}", tag = "price rules", operation_id = "price_rule_change",
    params(("id" = i64, Path)), request_body = RuleForm, responses(
    (status = 200, description = "The rule; what was sold by it stays as it was"),
    (status = 404, body = Problem), (status = 422, body = Problem),
))]
async fn change(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RuleId>,
    Json(form): Json<RuleForm>,
) -> Result<Json<Rule>, AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    super::change(&app, &caller.sites, &Actor::of(&caller, view.ip()), id, &form).await?;
    super::find(app.db.read(), id).await?.map(Json).ok_or(AppError::NotFound)
}

#[utoipa::path(delete, path = "/price_rules/{id}", tag = "price rules", operation_id = "price_rule_remove",
    params(("id" = i64, Path)), responses(
    (status = 204, description = "Removed; what was sold by it stays as it was"), (status = 404, body = Problem),
))]
async fn remove(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<RuleId>,
) -> Result<StatusCode, AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    super::remove(&app, &Actor::of(&caller, view.ip()), id).await?;
    Ok(StatusCode::NO_CONTENT)
}
