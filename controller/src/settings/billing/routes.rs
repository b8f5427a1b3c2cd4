//! The page of the settings of the monthly business.

use axum::{Router as Routes, extract::State, response::Response, routing::get};
use axum_extra::extract::Form;

use super::pages::{BillingPage, Fields};
use crate::{
    app::App,
    audit::Actor,
    http::{access::Permission, error::AppError, form::FormView, session::Signed, view::View},
    settings::{self, Settings},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/settings/billing", get(show).post(change))
}

async fn show(State(app): State<App>, Signed(caller): Signed, view: View) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::SettingsManage)?;
    let settings = settings::load(app.db.read()).await?;
    view.page(&BillingPage { form: FormView::fresh(settings.billing.into()) })
}

async fn change(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::SettingsManage)?;
    let billing = match fields.read() {
        Ok(billing) => billing,
        Err(errors) => return view.form_again(&BillingPage { form: FormView::again(fields, errors, "") }),
    };
    let settings = Settings { billing, ..settings::load(app.db.read()).await? };
    settings::change(&app, &Actor::of(&caller, view.ip()), &settings).await?;
    Ok(view.go_saying("/settings/billing", "done-saved", []))
}
