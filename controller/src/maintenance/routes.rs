//! The page of background jobs.

use axum::{
    Router as Routes,
    extract::{Path, State},
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::Query;
use serde::Deserialize;

use super::{
    api::state_of,
    pages::{JobsPage, counts},
};
use crate::{
    app::App,
    audit::Actor,
    http::{access::Permission, api::Listing, error::AppError, session::Signed, view::View},
    ids::JobId,
    jobs, ledger, sites,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/settings/jobs", get(list)).route("/settings/jobs/{id}/retry", post(retry))
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    state: String,
}

async fn list(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(asked): Query<Asked>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::JobsSee)?;
    let state = state_of(Some(&asked.state))?;
    let page = jobs::list(app.db.read(), state, &listing.page).await??;
    let sees_ledger = caller.may(Permission::LedgerSee);
    view.page(&JobsPage {
        proof: if sees_ledger { ledger::last_proof(app.db.read()).await? } else { None },
        sees_ledger,
        counts: counts(&jobs::counts(app.db.read()).await?),
        jobs: page.items.into_iter().map(Into::into).collect(),
        state: asked.state,
        next: page.next_cursor,
        is_later: listing.is_later,
        may_retry: caller.may(Permission::JobsManage),
        timezone: sites::home_zone(app.db.read(), &caller.sites).await?,
    })
}

async fn retry(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<JobId>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::JobsManage)?;
    if !super::retry_job(&app, &Actor::of(&caller, view.ip()), id).await? {
        return Err(AppError::Conflict { code: "job_not_parked" });
    }
    Ok(view.go_saying("/settings/jobs", "done-job-retried", []))
}
