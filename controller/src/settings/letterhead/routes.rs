//! The operator's logo: put on his documents from the general settings, and fetched by browsers without a session, since
//! it stands on what every customer gets.

use axum::{
    Router as Routes,
    extract::{Multipart, Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};

use super::{super::routes::general, store};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        error::AppError,
        logo::{FOR_EVER, file_of},
        session::Signed,
        view::View,
    },
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/settings/general/logo", post(set))
}

/// `/company/logo/{word}`: for everybody.
pub(crate) fn files() -> Routes<App> {
    Routes::new().route("/company/logo/{word}", get(show))
}

async fn show(State(app): State<App>, Path(word): Path<String>) -> Result<Response, AppError> {
    let picture = store::picture(app.db.read(), &word).await?.ok_or(AppError::NotFound)?;
    let kind = HeaderValue::from_str(&picture.kind).map_err(|error| AppError::Internal(error.into()))?;
    // `nosniff` and the content policy stand on every answer.
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, FOR_EVER)], picture.bytes).into_response())
}

async fn set(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    form: Multipart,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::SettingsManage)?;
    let done = match file_of(form).await {
        Ok(file) => super::set_logo(&app, &Actor::of(&caller, view.ip()), file).await.map_err(AppError::from),
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => Ok(view.go_saying("/settings/general", "done-saved", [])),
        Err(AppError::Invalid(errors)) => {
            let mut page = general(&app).await?;
            page.logo_error = errors.iter().map(|(_, error)| error.clone()).next();
            view.form_again(&page)
        }
        Err(other) => Err(other),
    }
}
