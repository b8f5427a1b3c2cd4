//! For those who watch us: `/healthz` (the process answers), `/readyz` (it can do its work), `/metrics` on its own
//! listener, so that no stranger reads figures.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};
use serde::Serialize;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const DURATION_BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    status: u16,
}

/// The figures of this process, and the registry in which others put theirs. A value, not a global.
#[derive(Debug)]
pub struct Figures {
    registry: Registry,
    requests: Family<Answered, Counter>,
    durations: Histogram,
}

impl Figures {
    /// Figures of HTTP, beside those that `add` registers.
    #[must_use]
    pub fn new(add: impl FnOnce(&mut Registry)) -> Self {
        let mut registry = Registry::with_prefix("hiji");
        let requests = Family::default();
        let durations = Histogram::new(DURATION_BUCKETS);
        registry.register("http_requests", "Requests answered, by status", requests.clone());
        registry.register("http_request_duration_seconds", "Time until an answer began", durations.clone());
        add(&mut registry);
        Self { registry, requests, durations }
    }
}

/// Layer around everything: counts requests and logs them for who looks for one.
pub(crate) async fn observe(State(figures): State<Arc<Figures>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let (status, took) = (response.status().as_u16(), started.elapsed());
    figures.requests.get_or_create(&Answered { status }).inc();
    figures.durations.observe(took.as_secs_f64());
    tracing::debug!(%method, path, status, duration_ms = took.as_millis(), "request answered");
    response
}

/// The routes of the metrics' own listener.
pub fn metrics(figures: Arc<Figures>) -> Router {
    Router::new().route("/metrics", get(write_metrics)).with_state(figures)
}

async fn write_metrics(State(figures): State<Arc<Figures>>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &figures.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_no_room) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn metrics_are_written_for_prometheus() {
        let figures = Arc::new(Figures::new(|_| {}));
        figures.requests.get_or_create(&Answered { status: 200 }).inc();
        let (status, parts, text) = super::super::testing::ask(metrics(figures), "GET", "/metrics", &[], "").await;
        assert_eq!((status, &parts.headers[header::CONTENT_TYPE]), (StatusCode::OK, &OPEN_METRICS.parse().unwrap()));
        assert!(text.contains("hiji_http_requests_total{status=\"200\"} 1"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }

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
