//! For those who watch us: `/healthz` (the process answers), `/readyz` (it can do its work), `/metrics` on its own
//! listener, so that no stranger reads figures.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{encoding::text::encode, registry::Registry};
use serde::Serialize;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is needed to work, part by part: the part's name and what is wrong with it.
#[derive(Debug, Default)]
pub struct Readiness {
    parts: BTreeMap<&'static str, Option<String>>,
}

impl Readiness {
    /// Notes a part; `Err` says what is wrong, in words for an operator.
    pub fn note(&mut self, part: &'static str, state: Result<(), String>) {
        self.parts.insert(part, state.err());
    }

    fn is_ready(&self) -> bool {
        self.parts.values().all(Option::is_none)
    }
}

#[derive(Serialize)]
struct Answer {
    ready: bool,
    parts: BTreeMap<&'static str, String>,
}

impl IntoResponse for Readiness {
    fn into_response(self) -> Response {
        let ready = self.is_ready();
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let parts = self.parts.into_iter().map(|(part, fault)| (part, fault.unwrap_or_else(|| "ok".to_owned())));
        (status, [(header::CACHE_CONTROL, "no-store")], Json(Answer { ready, parts: parts.collect() })).into_response()
    }
}

/// `GET /healthz`: the process runs and takes requests.
pub(crate) async fn healthz() -> Response {
    ([(header::CACHE_CONTROL, "no-store")], "ok\n").into_response()
}

/// The routes of the metrics' own listener.
#[must_use]
pub fn metrics(registry: Arc<Registry>) -> Router {
    Router::new().route("/metrics", get(write_metrics)).with_state(registry)
}

async fn write_metrics(State(registry): State<Arc<Registry>>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_no_room) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_that_fails_makes_us_not_ready() {
        let mut readiness = Readiness::default();
        readiness.note("database", Ok(()));
        assert_eq!(readiness.into_response().status(), StatusCode::OK);
        let mut readiness = Readiness::default();
        readiness.note("database", Ok(()));
        readiness.note("broker", Err("the broker does not answer".to_owned()));
        assert_eq!(readiness.into_response().status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
