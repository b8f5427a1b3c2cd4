//! The page of PPN rates.

use axum::{
    Router as Routes,
    extract::State,
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::Form;

use super::pages::{Fields, Row, TaxesPage, typed_in};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        error::AppError,
        form::FormView,
        locale::Locale,
        path::Path,
        session::{Caller, Signed},
        view::View,
    },
    ids::TaxRateId,
    packages::PackageError,
    settings,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/packages/taxes", get(show).post(add)).route("/packages/taxes/{id}/withdraw", post(withdraw))
}

async fn page(
    app: &App,
    caller: &Caller,
    locale: Locale,
    form: Option<FormView<Fields>>,
) -> Result<TaxesPage, AppError> {
    let rates = super::list(app.db.read()).await?;
    let today = super::today(app.db.read(), app.clock.now()).await?;
    let form = form.unwrap_or_else(|| FormView::fresh(Fields::proposed(rates.first(), locale)));
    let is_taxable = settings::load(app.db.read()).await?.is_taxable;
    let may_change = caller.allow_everywhere(Permission::PackagesManage).is_ok();
    let rates = rates.iter().map(|rate| Row::new(rate, &rates, today)).collect();
    Ok(TaxesPage { rates, form, may_change, is_taxable })
}

async fn show(State(app): State<App>, Signed(caller): Signed, view: View) -> Result<Response, AppError> {
    caller.allow(Permission::PackagesSee)?;
    view.page(&page(&app, &caller, view.locale(), None).await?)
}

async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    let done = match fields.read() {
        Ok(form) => super::add(&app, &Actor::of(&caller, view.ip()), &form).await,
        Err(errors) => Err(PackageError::Refused(errors)),
    };
    match done {
        Ok(_) => Ok(view.go_saying("/packages/taxes", "done-tax-added", [])),
        Err(PackageError::Refused(errors)) => {
            let form_id = fields.form_id.clone();
            let form = FormView::again(fields, typed_in(&errors), &form_id);
            view.form_again(&page(&app, &caller, view.locale(), Some(form)).await?)
        }
        Err(other) => Err(other.into()),
    }
}

async fn withdraw(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<TaxRateId>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::PackagesManage)?;
    super::withdraw(&app, &Actor::of(&caller, view.ip()), id).await?;
    Ok(view.go_saying("/packages/taxes", "done-tax-withdrawn", []))
}
