//! Pages of invoices.

mod drafts;
mod list;
mod one;
mod reports;
mod write_off;

use axum::{
    Router as Routes,
    http::{HeaderValue, header},
    response::{Html, IntoResponse as _, Response},
    routing::{get, post},
};
use chrono::NaiveDate;

pub(crate) use list::Narrow;
pub(crate) use reports::AgingQuery;

use super::{Invoice, InvoiceError, rules};
use crate::{
    app::App,
    customers::{self, Customer},
    http::{
        error::AppError,
        form::{Choice, FieldError, FormErrors},
        locale::Locale,
        page::Page,
        session::Caller,
        view::View,
    },
    ids::{CustomerId, InvoiceId, SiteId},
    money::Currency,
    settings,
    sites::{self, Site},
    tables::Format,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/invoices", get(list::list))
        .route("/invoices/export", get(list::send))
        .route("/invoices/new", get(one::choose))
        .route("/invoices/drafts", get(drafts::list).post(drafts::approve))
        .route("/invoices/{id}", get(one::show))
        .route("/invoices/{id}/issue", post(drafts::issue))
        .route("/invoices/{id}/void", post(one::void))
        .route("/invoices/{id}/write-off", post(write_off::write_off))
        .route("/invoices/{id}/reinstate", post(write_off::reinstate))
        .route("/invoices/{id}/credit", get(one::credit_form).post(one::credit))
        .route("/invoices/{id}/print", get(one::print))
        .route("/customers/{id}/invoices", get(list::of_customer).post(one::make))
        .route("/customers/{id}/invoices/new", get(one::form))
        .route("/customers/{id}/statement", get(reports::statement))
        .route("/customers/{id}/statement/print", get(reports::print))
        .route("/customers/{id}/write-off", post(write_off::write_off_loose))
        .route("/customers/{id}/reinstate", post(write_off::reinstate_loose))
        .route("/reports/aging", get(reports::aging))
        .route("/reports/aging/export", get(reports::send))
}

fn refused(field: &str, code: &str) -> AppError {
    FormErrors::of(field, FieldError::new(code)).into()
}

/// The site of a query; empty = every site.
fn site_of(text: &str) -> Result<Option<SiteId>, AppError> {
    match text.trim() {
        "" => Ok(None),
        text => Ok(Some(SiteId(text.parse().map_err(|_no_number| refused("site_id", "not_offered"))?))),
    }
}

/// The kind of file asked for; CSV unless said.
pub(super) fn format_of(text: &str) -> Result<Format, AppError> {
    match text {
        "" => Ok(Format::Csv),
        text => Format::parse(text).ok_or_else(|| refused("format", "not_offered")),
    }
}

fn choices(sites: &[Site]) -> Vec<Choice> {
    sites.iter().map(|site| Choice::new(site.id, site.name.clone())).collect()
}

async fn invoice(app: &App, caller: &Caller, id: InvoiceId) -> Result<Invoice, AppError> {
    super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)
}

pub(super) async fn customer(app: &App, caller: &Caller, id: CustomerId) -> Result<Customer, AppError> {
    customers::find(app.db.read(), &app.keys, &caller.sites, id).await?.ok_or(AppError::NotFound)
}

/// How late something is today at its site; drafts and what is settled never are.
fn late(head: &super::Head, today: NaiveDate) -> i64 {
    if head.state.is_owed() { rules::days_late(head.due_on, today) } else { 0 }
}

async fn currency(app: &App) -> Result<(settings::Settings, Currency), AppError> {
    let settings = settings::load(app.db.read()).await?;
    let currency = Currency::parse(&settings.currency).unwrap_or(Currency::IDR);
    Ok((settings, currency))
}

/// Where the operator is at a site.
async fn address(app: &App, site: SiteId) -> Result<String, AppError> {
    let site = sites::find(app.db.read(), &crate::http::access::Scope::All, site).await?;
    Ok(site.map(|site| site.address).unwrap_or_default())
}

/// Paper in the language of whom it is for.
fn on_paper<P: Page>(view: &View, locale: Locale, page: &P) -> Result<Response, AppError> {
    let mut response = Html(view.html_in(locale, page)?).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The fields that are wrong, or the answer for everything else.
fn fields(error: InvoiceError) -> Result<FormErrors, AppError> {
    let answer = AppError::from(error);
    if let AppError::Invalid(errors) = answer { Ok(errors) } else { Err(answer) }
}
