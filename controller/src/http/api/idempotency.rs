//! `Idempotency-Key`: a POST that is sent again with the same key and body gets the first answer and does nothing twice.
//!
//! The key is claimed by a row before the work begins; the answer is kept, sealed, for 24 hours. Work that has begun is
//! finished even when the caller hangs up. A claim without an answer after a minute is that of a process that died: the
//! next request takes it over. So that even then nothing is made twice, operations that make things take the
//! [`Intent`] as their own unique id.

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::Duration;
use hiji_shared::signed::hex;
use sha2::{Digest as _, Sha256};
use tokio_util::task::TaskTracker;

use super::store::{self, Kept};
use crate::{
    clock::Clock,
    db::Db,
    http::{
        error::AppError,
        form::{FieldError, FormErrors, new_form_id},
        limit::{MAX_BODY_BYTES, MAX_UPLOAD_BYTES},
        view::View,
    },
    sealed::Keys,
};

/// How long an answer is kept.
pub const KEEP_HOURS: i64 = 24;
const MAX_KEY_CHARS: usize = 255;
/// Longer than any request may take; then whoever claimed the key is dead.
const ABANDONED_SECS: i64 = 60;
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Where kept answers are sealed for: they may carry secrets that are shown once.
const PLACE: &str = "idempotency_key.body";

/// The id of what a caller wants done: the same for each repetition of a request with an `Idempotency-Key`, a fresh one
/// without. Put it into a unique column, as a form's `form_id`, and a repetition makes nothing twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent(pub String);

impl<S: Sync> FromRequestParts<S> for Intent {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get().cloned().unwrap_or_else(|| Self(new_form_id())))
    }
}

/// What keeping answers needs of the app.
#[derive(Debug, Clone)]
pub(crate) struct Keeper {
    pub(crate) db: Db,
    pub(crate) keys: Keys,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tasks: TaskTracker,
}

/// A request that carries a key.
struct Claim {
    caller: String,
    key: String,
    request_hash: String,
}

/// Layer of the API, inside of `session::identify` and outside of `error::as_problem`.
pub(crate) async fn once(State(keeper): State<Keeper>, view: View, request: Request, next: Next) -> Response {
    let wanted = request.method() == Method::POST && request.headers().contains_key(KEY);
    // Without a caller there is nobody to scope the key to; such routes are refused or harmless when repeated.
    let Some(caller) = view.caller().filter(|_| wanted) else { return next.run(request).await };
    let caller = format!("admin/{}", caller.admin_id);
    claimed(&keeper, caller, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn claimed(keeper: &Keeper, caller: String, request: Request, next: Next) -> Result<Response, AppError> {
    let key = key_of(request.headers())?;
    let (parts, body) = request.into_parts();
    // The route itself may take less.
    let bytes = to_bytes(body, MAX_UPLOAD_BYTES).await.map_err(|_too_large| AppError::TooLarge)?;
    let claim = Claim { request_hash: hash(&[parts.uri.to_string().as_bytes(), &bytes]), caller, key };
    let now = keeper.clock.now();
    let tx = keeper.db.begin().await?;
    let before = store::claim(&*tx, &claim.caller, &claim.key, &claim.request_hash, now).await?;
    if let Some(kept) = before {
        if kept.request_hash != claim.request_hash {
            return Err(AppError::Unprocessable { code: "idempotency_key_reused" });
        }
        if let Some((status, sealed)) = kept.answer {
            return replay(keeper, status, &sealed);
        }
        let abandoned = now - kept.created_at > Duration::seconds(ABANDONED_SECS);
        if !abandoned || !store::take_over(&*tx, &claim.caller, &claim.key, kept.created_at, now).await? {
            return Err(AppError::Conflict { code: "idempotency_key_in_use" });
        }
    }
    tx.commit().await?;
    let mut request = Request::from_parts(parts, Body::from(bytes));
    request.extensions_mut().insert(Intent(hash(&[claim.caller.as_bytes(), claim.key.as_bytes()])));
    // In a task of its own: who hangs up does not stop the work half-way with the key claimed.
    let work = keeper.clone();
    let task = keeper.tasks.spawn(async move { finish(&work, &claim, next.run(request).await).await });
    task.await.map_err(|error| AppError::Internal(anyhow::Error::from(error).context("finishing a claimed request")))
}

/// Keeps the answer, or gives the key back when trying again may end otherwise.
async fn finish(keeper: &Keeper, claim: &Claim, response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_BODY_BYTES).await else {
        return AppError::Internal(anyhow::anyhow!("an answer is too large to be kept")).into_response();
    };
    let answer =
        may_be_kept(parts.status).then(|| Kept::answer(parts.status.as_u16(), keeper.keys.seal(PLACE, &bytes)));
    if let Err(error) = keep(keeper, claim, answer).await {
        tracing::error!(error = format!("{error:#}"), "an answer could not be kept for its repetition");
    }
    Response::from_parts(parts, Body::from(bytes))
}

async fn keep(keeper: &Keeper, claim: &Claim, answer: Option<(i32, Vec<u8>)>) -> Result<(), sea_orm::DbErr> {
    let tx = keeper.db.begin().await?;
    match answer {
        Some(answer) => store::keep(&*tx, &claim.caller, &claim.key, answer).await?,
        None => store::release(&*tx, &claim.caller, &claim.key).await?,
    }
    tx.commit().await
}

/// Faults of ours, and what only the moment refused, are not the answer for a day.
fn may_be_kept(status: StatusCode) -> bool {
    !status.is_server_error()
        && !matches!(
            status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS
        )
}

fn replay(keeper: &Keeper, status: i32, sealed: &[u8]) -> Result<Response, AppError> {
    let body = keeper.keys.open(PLACE, sealed).map_err(|error| AppError::Internal(error.into()))?;
    let status = u16::try_from(status).ok().and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(StatusCode::OK);
    let kind = if status.is_client_error() { "application/problem+json" } else { "application/json" };
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

fn key_of(headers: &HeaderMap) -> Result<String, AppError> {
    let key = headers.get(KEY).and_then(|key| key.to_str().ok()).unwrap_or_default().trim();
    let good = !key.is_empty() && key.len() <= MAX_KEY_CHARS && key.bytes().all(|byte| byte.is_ascii_graphic());
    if good { Ok(key.to_owned()) } else { Err(FormErrors::of("Idempotency-Key", FieldError::new("bad_key")).into()) }
}

/// One text for several, with their lengths, so that none runs into the next.
fn hash(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::{Router, routing::post};
    use tokio::sync::Semaphore;

    use super::*;
    use crate::{
        clock::SystemClock,
        http::{layers, testing},
    };

    /// Counts what was done; `/wait` works until it is let go.
    #[derive(Debug, Clone)]
    struct Work {
        done: Arc<AtomicU32>,
        go: Arc<Semaphore>,
    }

    struct Bench {
        router: Router,
        keeper: Keeper,
        work: Work,
    }

    async fn make(State(work): State<Work>, Intent(intent): Intent, body: String) -> (StatusCode, String) {
        let number = work.done.fetch_add(1, Ordering::SeqCst) + 1;
        (StatusCode::ACCEPTED, format!(r#"{{"number": {number}, "intent": "{intent}", "body": "{body}"}}"#))
    }

    async fn wait(State(work): State<Work>) -> &'static str {
        work.done.fetch_add(1, Ordering::SeqCst);
        let _go = work.go.acquire().await;
        "{}"
    }

    async fn fail(State(work): State<Work>) -> Result<(), AppError> {
        work.done.fetch_add(1, Ordering::SeqCst);
        Err(anyhow::anyhow!("broken").into())
    }

    async fn bench() -> Bench {
        let keeper = testing::keeper().await;
        let work = Work { done: Arc::default(), go: Arc::new(Semaphore::new(0)) };
        let routes = Router::new()
            .route("/make", post(make))
            .route("/wait", post(wait))
            .route("/fail", post(fail))
            .with_state(work.clone());
        Bench { router: layers::resources(routes, &testing::web(), keeper.clone()), keeper, work }
    }

    impl Bench {
        async fn post(&self, path: &str, who: &str, key: &str, body: &str) -> testing::Answer {
            let bearer = format!("Bearer {who}");
            let headers = [("authorization", bearer.as_str()), ("idempotency-key", key)];
            testing::ask(self.router.clone(), "POST", path, &headers, body).await
        }

        fn done(&self) -> u32 {
            self.work.done.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn a_repeated_request_gets_the_first_answer_and_does_nothing() {
        let bench = bench().await;
        let first = bench.post("/make", "admin", "k1", "x").await;
        let again = bench.post("/make", "admin", "k1", "x").await;
        assert_eq!((first.0, &first.2), (again.0, &again.2));
        assert_eq!(again.1.headers[REPLAYED], "true");
        assert_eq!(bench.done(), 1);
        bench.post("/make", "admin", "k2", "x").await;
        bench.post("/make", "operator", "k1", "x").await;
        assert_eq!(bench.done(), 3, "another key and another caller are other requests");
    }

    #[tokio::test]
    async fn another_request_under_the_same_key_is_refused() {
        let bench = bench().await;
        bench.post("/make", "admin", "k1", "x").await;
        for (path, body) in [("/make", "y"), ("/make?a=b", "x"), ("/fail", "x")] {
            let (status, _, text) = bench.post(path, "admin", "k1", body).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(text.contains("idempotency_key_reused"), "{text}");
        }
        assert_eq!(bench.done(), 1);
    }

    #[tokio::test]
    async fn a_request_that_is_still_worked_on_is_not_begun_again_even_if_its_caller_hung_up() {
        let bench = bench().await;
        let hung_up =
            tokio::time::timeout(std::time::Duration::from_millis(300), bench.post("/wait", "admin", "k1", ""));
        assert!(hung_up.await.is_err());
        let (status, _, text) = bench.post("/wait", "admin", "k1", "").await;
        assert_eq!(status, StatusCode::CONFLICT);
        assert!(text.contains("idempotency_key_in_use"), "{text}");
        bench.work.go.add_permits(10);
        bench.keeper.tasks.close();
        bench.keeper.tasks.wait().await;
        assert_eq!(bench.post("/wait", "admin", "k1", "").await.0, StatusCode::OK);
        assert_eq!(bench.done(), 1);
    }

    #[tokio::test]
    async fn our_own_faults_are_tried_again() {
        let bench = bench().await;
        assert_eq!(bench.post("/fail", "admin", "k1", "").await.0, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(bench.post("/fail", "admin", "k1", "").await.0, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(bench.done(), 2);
    }

    #[tokio::test]
    async fn the_claim_of_a_dead_process_is_taken_over_with_the_same_intent() {
        let bench = bench().await;
        let hash = hash(&[b"/make", b"x"]);
        let long_ago = SystemClock.now() - Duration::seconds(ABANDONED_SECS + 1);
        let tx = bench.keeper.db.begin().await.unwrap();
        store::claim(&*tx, "admin/1", "k1", &hash, long_ago).await.unwrap();
        tx.commit().await.unwrap();
        let taken = bench.post("/make", "admin", "k1", "x").await;
        assert_eq!((taken.0, bench.done()), (StatusCode::ACCEPTED, 1), "{}", taken.2);
        let intent = super::hash(&[b"admin/1", b"k1"]);
        assert!(taken.2.contains(&intent), "{}", taken.2);
    }

    #[tokio::test]
    async fn old_answers_are_forgotten() {
        let bench = bench().await;
        bench.post("/make", "admin", "k1", "x").await;
        let tx = bench.keeper.db.begin().await.unwrap();
        let tomorrow = SystemClock.now() + Duration::hours(KEEP_HOURS) + Duration::seconds(1);
        assert_eq!(crate::http::api::purge_idempotency_keys(&*tx, tomorrow).await.unwrap(), 1);
        tx.commit().await.unwrap();
        bench.post("/make", "admin", "k1", "x").await;
        assert_eq!(bench.done(), 2);
    }

    #[test]
    fn keys_are_short_and_printable() {
        let key = |text: &str| {
            let value = HeaderValue::from_bytes(text.as_bytes()).unwrap();
            key_of(&HeaderMap::from_iter([(KEY, value)]))
        };
        assert_eq!(key(" 8e03978e-40d5 ").unwrap(), "8e03978e-40d5");
        for bad in ["", "a b", &"x".repeat(256), "é"] {
            assert!(key(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn parts_of_a_request_do_not_run_together() {
        assert_ne!(hash(&[b"/a", b"bc"]), hash(&[b"/ab", b"c"]));
    }

    #[test]
    fn only_final_answers_are_kept() {
        let kept = |code| may_be_kept(StatusCode::from_u16(code).unwrap());
        assert!(kept(200) && kept(202) && kept(422) && kept(404));
        assert!(!kept(500) && !kept(503) && !kept(409) && !kept(429) && !kept(401));
    }
}
