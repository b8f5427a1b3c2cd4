//! What a handler answers when it cannot do what was asked. The only place that knows status codes.
//!
//! A handler returns an [`AppError`]; a layer around the routes writes it out: `as_page` as a page in the language of
//! the request, `as_problem` as an RFC 9457 document. The same layers rewrite what axum itself refuses (unknown path,
//! wrong method, body too large), so that nothing leaves in another shape. The chain of an internal error is logged
//! here, once.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use serde::Serialize;

use super::{
    csrf::FETCH_SITE,
    form::{FormErrors, percent_encoded, text_key},
    htmx,
    locale::Arg,
    page::Page,
    view::{View, safe_next},
};
use crate::ids;

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
/// Characters of the reference that ties an internal error's page to its line in the log.
const REFERENCE_CHARS: usize = 8;

/// What a caller is answered when it is not what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// There is no such thing, or not for this caller.
    #[error("not found")]
    NotFound,
    /// The path is there, the method is not.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// The caller's role does not allow it.
    #[error("forbidden")]
    Forbidden,
    /// An unsafe request that another site made the browser send.
    #[error("cross-site request refused")]
    CrossSite,
    /// Nobody is signed in, or the session has ended.
    #[error("not signed in")]
    Unauthorized,
    /// What should prove who calls does not: a wrong password, a spent token. Its sentence is the text `error-<code>`.
    #[error("refused: {code}")]
    Denied {
        /// For programs, in snake_case.
        code: &'static str,
    },
    /// Fields are wrong, and the answer is not the form itself.
    #[error("refused fields: {}", .0.iter().map(|(field, _)| field).collect::<Vec<_>>().join(", "))]
    Invalid(FormErrors),
    /// It is right in itself but not now: the state of things is against it. The code is stable, its sentence is the
    /// text `error-<code>`.
    #[error("conflict: {code}")]
    Conflict {
        /// For programs, in snake_case.
        code: &'static str,
    },
    /// As a conflict, but the request as such can never be done.
    #[error("unprocessable: {code}")]
    Unprocessable {
        /// For programs, in snake_case.
        code: &'static str,
    },
    /// Too often.
    #[error("too many requests")]
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// The body is larger than any we take.
    #[error("body too large")]
    TooLarge,
    /// The body or the query cannot be read at all.
    #[error("malformed request")]
    Malformed,
    /// The body is of a kind we do not read.
    #[error("unsupported media type")]
    Unsupported,
    /// It took too long.
    #[error("timed out")]
    Timeout,
    /// What we stand on does not answer; trying again may help.
    #[error("unavailable")]
    Unavailable(#[source] anyhow::Error),
    /// Our fault.
    #[error("internal error")]
    Internal(#[source] anyhow::Error),
}

impl From<anyhow::Error> for AppError {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

impl From<FormErrors> for AppError {
    fn from(errors: FormErrors) -> Self {
        Self::Invalid(errors)
    }
}

impl AppError {
    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Forbidden | Self::CrossSite => StatusCode::FORBIDDEN,
            Self::Unauthorized | Self::Denied { .. } => StatusCode::UNAUTHORIZED,
            Self::Invalid(_) | Self::Unprocessable { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Timeout | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Forbidden => "forbidden",
            Self::CrossSite => "cross_site",
            Self::Unauthorized => "unauthorized",
            Self::Invalid(_) => "invalid",
            Self::Conflict { code } | Self::Unprocessable { code } | Self::Denied { code } => code,
            Self::TooMany { .. } => "too_many",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::Unsupported => "unsupported",
            Self::Timeout => "timeout",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }

    /// What axum and its layers answer, as ours.
    fn of_status(status: StatusCode) -> Option<Self> {
        Some(match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::Unsupported,
            StatusCode::REQUEST_TIMEOUT => Self::Timeout,
            status if status.is_client_error() => Self::Malformed,
            status if status.is_server_error() => Self::Internal(anyhow::anyhow!("a layer answered {status}")),
            _ => return None,
        })
    }

    fn args(&self) -> Vec<(&'static str, Arg)> {
        let Self::TooMany { retry_after } = self else { return Vec::new() };
        let seconds = i64::try_from(whole_seconds(*retry_after)).unwrap_or(i64::MAX);
        vec![("seconds", Arg::Number(seconds))]
    }

    /// The sentence for people. Field errors are sentences of their own.
    fn sentence(&self, view: &View) -> String {
        let named = matches!(self, Self::Conflict { .. } | Self::Unprocessable { .. } | Self::Denied { .. });
        let key = if named { text_key(self.code()) } else { format!("fault-{}", self.code().replace('_', "-")) };
        view.texts().text(view.locale(), &key, self.args())
    }

    fn retry_after(&self) -> Option<HeaderValue> {
        if let Self::TooMany { retry_after } = self {
            return Some(HeaderValue::from(whole_seconds(*retry_after)));
        }
        matches!(self, Self::Timeout | Self::Unavailable(_)).then(|| HeaderValue::from(1))
    }

    /// Logs what an operator must know, and answers the reference under which it stands in the log.
    fn logged(&self, view: &View) -> Option<String> {
        let path = view.path();
        if let Self::Unavailable(source) = self {
            tracing::warn!(path, error = format!("{source:#}"), "request could not be served");
        }
        let Self::Internal(source) = self else { return None };
        let reference: String = ids::token().chars().take(REFERENCE_CHARS).collect();
        tracing::error!(%reference, path, error = format!("{source:#}"), "request failed");
        Some(reference)
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[derive(Clone)]
struct Slot(Arc<AppError>);

/// Carries the error to the layer that writes it out; the body is for the case that there is none.
impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.code()).into_response();
        response.extensions_mut().insert(Slot(Arc::new(self)));
        response
    }
}

/// The error of an answer: ours, or the one that axum's plain refusal stands for.
fn error_of(response: &mut Response) -> Option<Arc<AppError>> {
    if let Some(Slot(error)) = response.extensions_mut().remove::<Slot>() {
        return Some(error);
    }
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("text/plain");
    if kind.starts_with("text/plain") { AppError::of_status(response.status()).map(Arc::new) } else { None }
}

/// The page of an error.
#[derive(Debug, Serialize)]
pub struct ErrorPage {
    status: u16,
    title_key: String,
    sentence: String,
    reference: Option<String>,
    /// The page of ours that this came from.
    back: Option<String>,
}

impl Page for ErrorPage {
    const TEMPLATE: &'static str = "error/error.html";

    fn samples() -> Vec<Self> {
        let page = |status, code: &str, reference: Option<&str>| Self {
            status,
            title_key: format!("fault-{code}-title"),
            sentence: "Sentence.".to_owned(),
            reference: reference.map(str::to_owned),
            back: reference.map(|_| "/vouchers?q=KB".to_owned()),
        };
        vec![page(404, "not-found", None), page(500, "internal", Some("1a2b3c4d"))]
    }
}

/// What a part of a page shows when it could not be fetched.
#[derive(Debug, Serialize)]
pub struct ErrorNotice {
    sentence: String,
    reference: Option<String>,
}

impl Page for ErrorNotice {
    const TEMPLATE: &'static str = "error/_notice.html";

    fn samples() -> Vec<Self> {
        vec![Self { sentence: "Sentence.".to_owned(), reference: Some("1a2b3c4d".to_owned()) }]
    }
}

/// Layer of the pages: errors become pages, or the notice at the top for a part of a page; who is not signed in is sent
/// to the login page.
pub(crate) async fn as_page(view: View, request: Request, next: Next) -> Response {
    let partial = htmx::is_partial(request.headers());
    let safe = request.method().is_safe();
    let back = came_from(request.headers()).filter(|from| !safe || from != view.here());
    let mut response = next.run(request).await;
    let Some(error) = error_of(&mut response) else { return response };
    if matches!(*error, AppError::Unauthorized) {
        // After an unsafe request the page it came from is the better place to return to; browsers tell us no other.
        let next = if safe && !partial { view.here() } else { "" };
        let to = if next.is_empty() { "/login".to_owned() } else { format!("/login?next={}", percent_encoded(next)) };
        return if partial { htmx::redirect(&to) } else { Redirect::to(&to).into_response() };
    }
    let mut page = if partial { notice(&error, &view) } else { page(&error, &view, back) };
    keep_headers(&error, response.headers(), page.headers_mut());
    page
}

/// The page of ours that a request came from. Browsers tell it to their own site only, and in whole.
fn came_from(headers: &HeaderMap) -> Option<String> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let (_, from) = text(header::REFERER)?.split_once("://")?;
    let (host, path) = from.split_at(from.find('/')?);
    let ours = text(header::HOST) == Some(host) || text(HeaderName::from_static(FETCH_SITE)) == Some("same-origin");
    (ours && safe_next(path) == path).then(|| path.to_owned())
}

fn page(error: &AppError, view: &View, back: Option<String>) -> Response {
    // What features name has one title for all.
    let title = match (error.code(), error.status()) {
        (_, StatusCode::CONFLICT) => "conflict",
        (_, StatusCode::UNPROCESSABLE_ENTITY) => "invalid",
        (_, StatusCode::UNAUTHORIZED) => "unauthorized",
        (code, _) => code,
    };
    let page = ErrorPage {
        status: error.status().as_u16(),
        title_key: format!("fault-{}-title", title.replace('_', "-")),
        sentence: sentence_with_fields(error, view),
        reference: error.logged(view),
        back,
    };
    written(error, view, view.html(&page))
}

fn notice(error: &AppError, view: &View) -> Response {
    let notice = ErrorNotice { sentence: sentence_with_fields(error, view), reference: error.logged(view) };
    let mut response = written(error, view, view.html(&notice));
    htmx::into_notices(response.headers_mut());
    response
}

/// Should the template of the error fail, its sentence alone is still an answer.
fn written(error: &AppError, view: &View, html: anyhow::Result<String>) -> Response {
    match html {
        Ok(html) => (error.status(), axum::response::Html(html)).into_response(),
        Err(fault) => {
            tracing::error!(error = format!("{fault:#}"), "the error page could not be rendered");
            (error.status(), error.sentence(view)).into_response()
        }
    }
}

fn sentence_with_fields(error: &AppError, view: &View) -> String {
    let AppError::Invalid(errors) = error else { return error.sentence(view) };
    let sentences = errors.iter().map(|(_, error)| view.problem(error));
    sentences.collect::<Vec<_>>().join(" ")
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    code: &'a str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<std::collections::BTreeMap<&'a str, &'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
}

/// Layer of the API: errors become problem documents.
pub(crate) async fn as_problem(view: View, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let Some(error) = error_of(&mut response) else { return response };
    let named = |(field, error)| match (field, view.problem(error)) {
        ("", sentence) => sentence,
        (field, sentence) => format!("{field}: {sentence}"),
    };
    let (errors, detail) = if let AppError::Invalid(errors) = &*error {
        let codes = errors.iter().map(|(field, error)| (field, error.code())).collect();
        (Some(codes), errors.iter().map(named).collect::<Vec<_>>().join(" "))
    } else {
        (None, error.sentence(&view))
    };
    let status = error.status();
    let problem = Problem {
        r#type: "about:blank",
        title: status.canonical_reason().unwrap_or_default(),
        status: status.as_u16(),
        code: error.code(),
        detail,
        errors,
        reference: error.logged(&view),
    };
    let mut answer = (status, axum::Json(problem)).into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, PROBLEM_JSON);
    if status == StatusCode::UNAUTHORIZED {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    keep_headers(&error, response.headers(), answer.headers_mut());
    answer
}

/// What the first answer's headers said and the rewritten one must say too.
fn keep_headers(error: &AppError, first: &HeaderMap, rewritten: &mut HeaderMap) {
    rewritten.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(allow) = first.get(header::ALLOW) {
        rewritten.insert(header::ALLOW, allow.clone());
    }
    if let Some(retry) = error.retry_after() {
        rewritten.insert(header::RETRY_AFTER, retry);
    }
    for cookie in first.get_all(header::SET_COOKIE) {
        rewritten.append(header::SET_COOKIE, cookie.clone());
    }
}
