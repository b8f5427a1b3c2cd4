//! Login and logout.

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::{Form, Query};
use secrecy::SecretString;
use serde::Deserialize;

use super::{
    LoggedIn, LoginError,
    pages::{LoginFields, LoginPage},
};
use crate::{
    app::App,
    audit::Actor,
    http::{
        error::AppError,
        form::{FieldError, FormErrors, FormView},
        limit::PerAddress,
        session::{no_session_cookie, session_cookie},
        view::{View, safe_next},
    },
    tokens::SESSION_DAYS,
};

const DAY_SECS: i64 = 24 * 60 * 60;
/// Characters of a browser's name that are kept with the session.
const MAX_USER_AGENT: usize = 200;

/// The pages of this feature.
pub fn routes() -> Router<App> {
    let limit = PerAddress::logins();
    let submit = move |state, view, headers, form| log_in(limit.clone(), state, view, headers, form);
    Router::new().route("/login", get(login_page).post(submit)).route("/logout", post(log_out))
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    next: String,
}

async fn login_page(view: View, Query(asked): Query<Asked>) -> Result<Response, AppError> {
    if view.caller().is_some() {
        return Ok(view.go(safe_next(&asked.next)));
    }
    view.page(&LoginPage { form: FormView::fresh(LoginFields { next: asked.next, ..LoginFields::default() }) })
}

#[derive(Deserialize)]
struct Credentials {
    #[serde(flatten)]
    fields: LoginFields,
    #[serde(default)]
    password: SecretString,
}

async fn log_in(
    limit: PerAddress,
    State(app): State<App>,
    view: View,
    headers: HeaderMap,
    Form(form): Form<Credentials>,
) -> Result<Response, AppError> {
    let tried = match limit.check(view.ip()) {
        Err(error) => Err(error),
        Ok(()) => {
            let (ip, agent) = (view.ip().to_string(), user_agent(&headers));
            super::login(&app, &form.fields.username, &form.password, &ip, &agent).await.map_err(AppError::from)
        }
    };
    match tried {
        Ok(login) => Ok(signed_in(&view, safe_next(&form.fields.next), &login)),
        Err(AppError::Denied { code }) => {
            let error = FieldError::new(code);
            let page = LoginPage { form: FormView::again(form.fields, FormErrors::of("", error), "") };
            view.form_again(&page)
        }
        Err(AppError::TooMany { retry_after }) => {
            let seconds = retry_after.as_secs().max(1);
            let error = FieldError::new("login_throttled").arg("seconds", i64::try_from(seconds).unwrap_or(i64::MAX));
            let page = LoginPage { form: FormView::again(form.fields, FormErrors::of("", error), "") };
            let mut response = view.answer(StatusCode::TOO_MANY_REQUESTS, &page)?;
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            Ok(response)
        }
        Err(other) => Err(other),
    }
}

/// Goes on with the cookie of a fresh login.
pub(super) fn signed_in(view: &View, to: &str, login: &LoggedIn) -> Response {
    let mut response = view.go(to);
    session_cookie(view, &login.token, SESSION_DAYS * DAY_SECS).add_to(&mut response);
    response
}

/// Ends the session, also in the browser; without one it only goes to the login page.
async fn log_out(State(app): State<App>, view: View) -> Result<Response, AppError> {
    if let Some(caller) = view.caller() {
        let actor = Actor::of(caller, view.ip());
        super::end_session(&app, &actor, caller.admin_id, &caller.session_id).await?;
    }
    let mut response = view.go_saying("/login", "done-logged-out", []);
    no_session_cookie(&view).add_to(&mut response);
    Ok(response)
}

/// What the browser calls itself.
pub(super) fn user_agent(headers: &HeaderMap) -> String {
    let text = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.chars().take(MAX_USER_AGENT).collect()
}

impl From<LoginError> for AppError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Wrong => Self::Denied { code: "bad_credentials" },
            LoginError::Throttled { wait_secs } => Self::TooMany {
                retry_after: std::time::Duration::from_secs(u64::try_from(wait_secs).unwrap_or(1).max(1)),
            },
            LoginError::Internal(source) => Self::Internal(source),
        }
    }
}
