//! The page of an opening balance.

use axum::{
    Router as Routes,
    extract::{Path, State},
    response::Response,
    routing::get,
};
use axum_extra::extract::Form;

use super::{
    OpeningForm,
    pages::{Fields, OpeningPage},
    zone_of,
};
use crate::{
    app::App,
    audit::Actor,
    customers::{self, Asked, CustomerError},
    http::{
        access::Permission,
        error::AppError,
        form::{FormErrors, FormView},
        session::{Caller, Signed},
        view::View,
    },
    ids::CustomerId,
    ledger::{self, aging},
    money::Currency,
    settings,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/customers/{id}/opening", get(show).post(open))
}

async fn currency(app: &App) -> Result<Currency, AppError> {
    Ok(Currency::parse(&settings::load(app.db.read()).await?.currency).unwrap_or(Currency::IDR))
}

async fn page(app: &App, caller: &Caller, id: CustomerId, form: FormView<Fields>) -> Result<OpeningPage, AppError> {
    let customer = customers::find(app.db.read(), &app.keys, &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let currency = currency(app).await?;
    Ok(OpeningPage {
        balance: ledger::balance(app.db.read(), id, currency).await?,
        today: aging::local_day(app.clock.now(), zone_of(&customer)).to_string(),
        customer,
        form,
        currency_sign: currency.sign().to_owned(),
    })
}

async fn show(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    view.page(&page(&app, &caller, id, FormView::fresh(Fields::default())).await?)
}

async fn open(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesManage)?;
    let actor = Actor::of(&caller, view.ip());
    let asked = Asked { scope: &caller.sites, actor: &actor, form_id: &fields.form_id };
    let done = match fields.form(currency(&app).await?) {
        Ok(form) => book(&app, &asked, id, &form).await?,
        Err(errors) => Err(errors),
    };
    match done {
        Ok(()) => Ok(view.go_saying(&format!("/customers/{id}"), "done-opening", [])),
        Err(errors) => {
            let form_id = fields.form_id.clone();
            view.form_again(&page(&app, &caller, id, FormView::again(fields, errors, &form_id)).await?)
        }
    }
}

async fn book(
    app: &App,
    asked: &Asked<'_>,
    id: CustomerId,
    form: &OpeningForm,
) -> Result<Result<(), FormErrors>, AppError> {
    match super::open(app, asked, id, form).await {
        Ok(()) => Ok(Ok(())),
        Err(CustomerError::Refused(errors)) => Ok(Err(errors)),
        Err(other) => Err(other.into()),
    }
}
