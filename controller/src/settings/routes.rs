//! The page of the general settings.

use axum::{Router as Routes, extract::State, response::Response, routing::get};
use axum_extra::extract::Form;

use super::{
    letterhead,
    pages::{Fields, GeneralPage, currencies},
};
use crate::{
    app::App,
    audit::Actor,
    http::{access::Permission, error::AppError, form::FormView, session::Signed, view::View},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/settings/general", get(show).post(change))
}

async fn show(State(app): State<App>, Signed(caller): Signed, view: View) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::SettingsManage)?;
    view.page(&general(&app).await?)
}

/// The page as things stand.
pub(super) async fn general(app: &App) -> Result<GeneralPage, AppError> {
    let settings = super::load(app.db.read()).await?;
    page(app, FormView::fresh(settings.into())).await
}

async fn page(app: &App, form: FormView<Fields>) -> Result<GeneralPage, AppError> {
    let logo = letterhead::logo_address(app.db.read()).await?;
    Ok(GeneralPage { form, currencies: currencies(), logo, logo_error: None })
}

async fn change(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::SettingsManage)?;
    let actor = Actor::of(&caller, view.ip());
    let settings = fields.clone().over(super::load(app.db.read()).await?);
    match super::change(&app, &actor, &settings).await.map_err(AppError::from) {
        Ok(()) => Ok(view.go_saying("/settings/general", "done-saved", [])),
        Err(AppError::Invalid(errors)) => view.form_again(&page(&app, FormView::again(fields, errors, "")).await?),
        Err(other) => Err(other),
    }
}
