//! `/api/v1/events`: the history of the public stream, for consumers that were away.

use axum::{Router as Routes, extract::State, routing::get};
use axum_extra::extract::Query;
use serde::{Deserialize, Serialize};
use utoipa::OpenApi;

use crate::{
    app::App,
    db::paging::{DEFAULT_LIMIT, MAX_LIMIT},
    events,
    http::{
        access::Permission,
        api::{Json, openapi::Problem},
        error::AppError,
        session::Signed,
    },
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/events", get(history))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(history))]
    struct Part;
    Part::openapi()
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    after: i64,
    limit: Option<u64>,
}

#[derive(Debug, Serialize)]
struct History {
    /// CloudEvents as they were on the stream, oldest first.
    items: Vec<serde_json::Value>,
    /// What to ask `after` next: the last item's `hseq`.
    next_after: i64,
}

#[utoipa::path(get, path = "/events", tag = "events", params(
    ("after" = Option<i64>, Query, description = "the last `hseq` seen"), ("limit" = Option<u64>, Query, description = "at most so many")), responses(
    (status = 200, description = "CloudEvents of the stream, oldest first, and `next_after`"),
    (status = 403, body = Problem, description = "not allowed"),
))]
async fn history(
    State(app): State<App>,
    Signed(caller): Signed,
    Query(asked): Query<Asked>,
) -> Result<Json<History>, AppError> {
    caller.allow(Permission::VouchersSee)?;
    let limit = asked.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let sites = caller.sites.site_ids();
    let events = events::history(app.db.read(), asked.after, limit, sites.as_deref()).await?;
    let place = |event: &events::Recorded| event.hseq.unwrap_or(asked.after);
    let next_after = events.last().map_or(asked.after, place);
    Ok(Json(History { items: events.iter().map(|event| event.cloud_event(place(event))).collect(), next_after }))
}
