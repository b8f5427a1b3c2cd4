//! The ages of debts, and a customer's statement.

use axum::{
    extract::{Path, State as Of},
    response::Response,
};
use axum_extra::extract::Query;
use serde::Deserialize;

use super::{
    super::{
        InvoiceError, aging, export, loose_of,
        pages::{AgingPage, StatementFields, StatementPage, StatementPaper, Whose},
        rules,
        statement::{self, Between},
    },
    address, choices, customer, format_of, on_paper, site_of,
};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        api::Listing,
        day,
        error::AppError,
        form::FormErrors,
        misread::Misread,
        paper,
        session::{Caller, Signed},
        view::View,
    },
    ids::CustomerId,
    settings::letterhead::letterhead,
    sites,
};

/// What a report of debts is asked for: `to` is the day at whose end they are looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AgingQuery {
    pub(crate) to: String,
    pub(crate) site_id: String,
    pub(crate) format: String,
}

impl AgingQuery {
    pub(crate) fn asked(&self) -> Result<aging::Asked, AppError> {
        Ok(aging::Asked { as_of: day::asked("to", &self.to)?, site: site_of(&self.site_id)? })
    }
}

pub(super) async fn aging(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(mut query): Query<AgingQuery>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    let mut misread = Misread::default();
    misread.sift("to", &mut query.to, |text| day::asked("to", text))?;
    let is_read = misread.is_empty();
    let report = aging::report(&app, &caller.sites, query.asked()?, &listing.page).await??;
    let sites = choices(&sites::all(app.db.read(), &caller.sites).await?);
    let page = AgingPage { report, misread, site_id: query.site_id, sites, is_later: listing.is_later };
    if is_read { view.page(&page) } else { view.form_again(&page) }
}

pub(super) async fn send(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Query(query): Query<AgingQuery>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    let (asked, format) = (query.asked()?, format_of(&query.format)?);
    export::aged(&app, (&caller.sites, &Actor::of(&caller, view.ip())), &view, asked, format).await
}

impl StatementFields {
    /// The days as typed.
    ///
    /// # Errors
    /// [`AppError::Invalid`].
    pub(crate) fn between(&self) -> Result<Between, AppError> {
        Ok(Between { from: day::asked("from", &self.from)?, to: day::asked("to", &self.to)? })
    }
}

pub(super) async fn statement(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Path(id): Path<CustomerId>,
    Query(fields): Query<StatementFields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    view.page(&statement_page((&app, &caller), id, (fields, FormErrors::default()), &listing).await?)
}

async fn statement_page(
    (app, caller): (&App, &Caller),
    id: CustomerId,
    (fields, mut errors): (StatementFields, FormErrors),
    listing: &Listing,
) -> Result<StatementPage, AppError> {
    let customer = customer(app, caller, id).await?;
    let between = match fields.between() {
        Ok(between) => between,
        Err(AppError::Invalid(wrong)) => {
            wrong.iter().for_each(|(field, error)| errors.add(field, error.clone()));
            Between::default()
        }
        Err(other) => return Err(other),
    };
    Ok(StatementPage {
        whose: Whose::from(&customer),
        statement: statement::read(app, &customer, between, &listing.page).await??,
        loose: loose_of(app.db.read(), id).await?,
        may_manage: caller.may(Permission::InvoicesManage),
        fields,
        errors,
        is_later: listing.is_later,
    })
}

/// Back to the statement with a sentence, or the page again with what is wrong with the reason.
pub(super) async fn answer(
    (app, caller, view): (&App, &Caller, &View),
    id: CustomerId,
    (done, saying): (Result<(), InvoiceError>, &str),
) -> Result<Response, AppError> {
    match done {
        Ok(()) => Ok(view.go_saying(&format!("/customers/{id}/statement"), saying, [])),
        Err(InvoiceError::Refused(errors)) => {
            let fields = (StatementFields::default(), errors);
            view.form_again(&statement_page((app, caller), id, fields, &Listing::default()).await?)
        }
        Err(other) => Err(other.into()),
    }
}

pub(super) async fn print(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
    Query(fields): Query<StatementFields>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    let customer = customer(&app, &caller, id).await?;
    let between = fields.between()?;
    let (statement, is_cut) = statement::whole(&app, &customer, between).await?;
    let zone = customer.timezone.parse().unwrap_or(chrono_tz::Tz::UTC);
    let page = StatementPaper {
        whose: Whose::from(&customer),
        statement,
        from: between.from,
        to: between.to,
        today: rules::today(app.clock.now(), zone),
        is_cut,
        style: paper::a4(),
        address: address(&app, customer.site_id).await?,
        letterhead: letterhead(app.db.read()).await?,
    };
    on_paper(&view, customer.language, &page)
}
