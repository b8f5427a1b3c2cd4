//! The ages of debts, and a customer's statement.

use axum::{
    extract::{Path, State as Of},
    response::Response,
};
use axum_extra::extract::Query;
use serde::Deserialize;

use super::{
    super::{
        aging, export,
        pages::{AgingPage, StatementFields, StatementPage, StatementPaper, Whose},
        rules,
        statement::{self, Between},
    },
    address, choices, customer, day_of, format_of, on_paper, site_of,
};
use crate::{
    app::App,
    audit::Actor,
    http::{access::Permission, api::Listing, error::AppError, form::FormErrors, paper, session::Signed, view::View},
    ids::CustomerId,
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
        Ok(aging::Asked { as_of: day_of("to", &self.to)?, site: site_of(&self.site_id)? })
    }
}

pub(super) async fn aging(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(query): Query<AgingQuery>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    let report = aging::report(&app, &caller.sites, query.asked()?, &listing.page).await??;
    let sites = choices(&sites::all(app.db.read(), &caller.sites).await?);
    view.page(&AgingPage { report, site_id: query.site_id, sites, is_later: listing.is_later })
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
        Ok(Between { from: day_of("from", &self.from)?, to: day_of("to", &self.to)? })
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
    let customer = customer(&app, &caller, id).await?;
    let (between, errors) = match fields.between() {
        Ok(between) => (between, FormErrors::default()),
        Err(AppError::Invalid(errors)) => (Between::default(), errors),
        Err(other) => return Err(other),
    };
    let statement = statement::read(&app, &customer, between, &listing.page).await??;
    view.page(&StatementPage { whose: Whose::from(&customer), statement, fields, errors, is_later: listing.is_later })
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
    };
    on_paper(&view, customer.language, &page)
}
