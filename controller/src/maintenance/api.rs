//! `/api/v1/jobs`.

use axum::{
    Router as Routes,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use axum_extra::extract::Query;
use serde::Deserialize;

use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{Json, Listing},
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
