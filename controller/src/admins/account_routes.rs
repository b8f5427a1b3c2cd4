//! An admin's own page, and the set-up of the first admin.

use axum::{
    Router as Routes,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::Form;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{
    account_pages::{AccountPage, NoFields, SetupFields, SetupPage},
    routes::{signed_in, user_agent},
    setup::{self, SetupError},
};
use crate::{
    app::App,
    audit::Actor,
    http::{
        error::AppError,
        form::{FieldError, FormErrors, FormView},
        limit::PerAddress,
        session::{Caller, Signed},
        view::View,
    },
    sites,
};

pub(crate) fn routes() -> Routes<App> {
    let limit = PerAddress::logins();
    let finish =
        move |state, view, path, headers, form| finish_setup(limit.clone(), state, view, (path, headers), form);
    Routes::new()
        .route("/account", get(show))
        .route("/account/password", post(change_password))
        .route("/account/sessions/{id}/end", post(end_session))
        .route("/setup/{token}", get(show_setup).post(finish))
}

async fn account_page(app: &App, caller: &Caller, form: FormView<NoFields>) -> Result<AccountPage, AppError> {
    Ok(AccountPage {
        form,
        sessions: super::sessions(app, caller.admin_id).await?,
        current: caller.session_id.clone(),
        timezone: sites::home_zone(app.db.read(), &caller.sites).await?,
    })
}

async fn show(State(app): State<App>, Signed(caller): Signed, view: View) -> Result<Response, AppError> {
    view.page(&account_page(&app, &caller, FormView::fresh(NoFields {})).await?)
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Passwords {
    old_password: SecretString,
    password: SecretString,
    password_again: SecretString,
}

impl Default for Passwords {
    fn default() -> Self {
        let empty = || SecretString::from(String::new());
        Self { old_password: empty(), password: empty(), password_again: empty() }
    }
}

impl Passwords {
    /// Typed twice the same?
    fn agree(&self) -> Result<(), FormErrors> {
        if self.password.expose_secret() == self.password_again.expose_secret() {
            Ok(())
        } else {
            Err(FormErrors::of("password_again", FieldError::new("password_differs")))
        }
    }
}

async fn change_password(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Form(passwords): Form<Passwords>,
) -> Result<Response, AppError> {
    let actor = Actor::of(&caller, view.ip());
    let changed = match passwords.agree() {
        Err(errors) => Err(errors.into()),
        Ok(()) => super::change_password(&app, &caller, &actor, &passwords.old_password, &passwords.password)
            .await
            .map_err(AppError::from),
    };
    match changed {
        Ok(()) => Ok(view.go_saying("/account", "done-password-changed", [])),
        Err(AppError::Invalid(errors)) => {
            view.form_again(&account_page(&app, &caller, FormView::again(NoFields {}, errors, "")).await?)
        }
        Err(other) => Err(other),
    }
}

async fn end_session(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let ended = super::end_session(&app, &Actor::of(&caller, view.ip()), caller.admin_id, &id).await?;
    if ended { Ok(view.go_saying("/account", "done-session-ended", [])) } else { Err(AppError::NotFound) }
}

async fn show_setup(State(app): State<App>, view: View, Path(token): Path<String>) -> Result<Response, AppError> {
    if !setup::is_open(&app, &token).await? {
        return Err(AppError::NotFound);
    }
    view.page(&SetupPage { token, form: FormView::fresh(SetupFields::default()) })
}

#[derive(Debug, Deserialize)]
struct SetupPosted {
    #[serde(flatten)]
    fields: SetupFields,
    #[serde(flatten)]
    passwords: Passwords,
}

async fn finish_setup(
    limit: PerAddress,
    State(app): State<App>,
    view: View,
    (Path(token), headers): (Path<String>, HeaderMap),
    Form(posted): Form<SetupPosted>,
) -> Result<Response, AppError> {
    limit.check(view.ip())?;
    let username = posted.fields.username.trim();
    let done = match posted.passwords.agree() {
        Err(errors) => Err(errors.into()),
        Ok(()) => {
            let ip = view.ip().to_string();
            setup::finish(&app, &token, username, &posted.passwords.password, &ip).await.map_err(AppError::from)
        }
    };
    match done {
        Ok(()) => {
            let (ip, agent) = (view.ip().to_string(), user_agent(&headers));
            let login = super::login(&app, username, &posted.passwords.password, &ip, &agent).await?;
            Ok(signed_in(&view, "/", &login))
        }
        Err(AppError::Invalid(errors)) if setup::is_open(&app, &token).await? => {
            view.form_again(&SetupPage { token, form: FormView::again(posted.fields, errors, "") })
        }
        Err(AppError::Invalid(_)) => Err(AppError::NotFound),
        Err(other) => Err(other),
    }
}

impl From<SetupError> for AppError {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Closed => Self::NotFound,
            SetupError::Admin(error) => error.into(),
            SetupError::Db(error) => error.into(),
        }
    }
}
