//! `/api/v1/jobs`.

use axum::{
    Router as Routes,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use axum_extra::extract::Query;
use serde::Deserialize;
use utoipa::OpenApi;

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
        session::Signed,
        view::View,
    },
    ids::JobId,
    jobs::{self, JobRow, JobState},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/jobs", get(list)).route("/jobs/{id}/retry", post(retry))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list, retry))]
    struct Part;
    Part::openapi()
}

#[derive(Debug, Deserialize)]
struct Asked {
    state: Option<String>,
}

/// The state a query names; empty is every state.
pub(crate) fn state_of(text: Option<&str>) -> Result<Option<JobState>, AppError> {
    let text = text.unwrap_or_default();
    let found = JobState::ALL.into_iter().find(|state| state.as_str() == text);
    if found.is_none() && !text.is_empty() {
        return Err(FormErrors::of("state", FieldError::new("not_offered")).into());
    }
    Ok(found)
}

#[utoipa::path(get, path = "/jobs", tag = "jobs", params(("state" = Option<String>, Query, description = "`queued`, `running`, `done` or `parked`"), ListParams), responses(
    (status = 200, description = "Jobs, newest first"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    listing: Listing,
    Query(asked): Query<Asked>,
) -> Result<Json<Paged<JobRow>>, AppError> {
    caller.allow_everywhere(Permission::JobsSee)?;
    let state = state_of(asked.state.as_deref())?;
    Ok(Json(jobs::list(app.db.read(), state, &listing.page).await??))
}

#[utoipa::path(post, path = "/jobs/{id}/retry", tag = "jobs", params(("id" = i64, Path)), responses(
    (status = 204, description = "It is queued again"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 409, body = Problem, description = "not as things stand"),
))]
async fn retry(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<JobId>,
) -> Result<StatusCode, AppError> {
    caller.allow_everywhere(Permission::JobsManage)?;
    let again = super::retry_job(&app, &Actor::of(&caller, view.ip()), id).await?;
    if again { Ok(StatusCode::NO_CONTENT) } else { Err(AppError::Conflict { code: "job_not_parked" }) }
}
