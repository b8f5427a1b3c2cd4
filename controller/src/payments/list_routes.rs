//! The list of payments, and the same as a file.

use axum::{Router as Routes, extract::State as Of, response::Response, routing::get};
use axum_extra::extract::Query;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use super::{
    Filter, Kind, Method, export,
    pages::{ListPage, Narrow},
};
use crate::{
    admins,
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        api::Listing,
        day,
        error::AppError,
        form::{Choice, FieldError, FormErrors},
        misread::Misread,
        session::{Caller, Signed},
        view::View,
    },
    ids::{AdminId, CustomerId, SiteId},
    ledger::aging::{day_end, day_start, local_day},
    sites,
    tables::Format,
};

pub(super) fn routes() -> Routes<App> {
    Routes::new().route("/payments", get(list)).route("/payments/export", get(send))
}

impl Narrow {
    /// The filter of what was asked for; days are those of the caller's first site.
    ///
    /// # Errors
    /// [`AppError::Invalid`] on what cannot be read.
    pub(crate) fn filter(&self, q: &str, zone: Tz) -> Result<Filter, AppError> {
        let kind = one(&self.kind, "kind", Kind::parse)?;
        let method = one(&self.method, "method", Method::parse)?;
        Ok(Filter {
            from: day::asked("from", &self.from)?.map(|day| day_start(day, zone)),
            until: day::asked("to", &self.to)?.map(|day| day_end(day, zone)),
            kind,
            method,
            site: id("site_id", &self.site_id)?.map(SiteId),
            customer: id("customer_id", &self.customer_id)?.map(CustomerId),
            cashier: id("cashier", &self.cashier)?.map(AdminId),
            q: q.trim().to_owned(),
            found: Vec::new(),
        })
    }

    /// Whether the days are left to us: then it is today.
    fn is_of_today(&self, q: &str) -> bool {
        self.from.is_empty() && self.to.is_empty() && self.all.is_empty() && self.customer_id.is_empty() && q.is_empty()
    }
}

fn refused(field: &str, code: &str) -> AppError {
    FormErrors::of(field, FieldError::new(code)).into()
}

fn one<T>(text: &str, field: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, AppError> {
    match text.trim() {
        "" => Ok(None),
        text => parse(text).map(Some).ok_or_else(|| refused(field, "not_offered")),
    }
}

fn id(field: &str, text: &str) -> Result<Option<i64>, AppError> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_no_number| refused(field, "not_a_number")),
    }
}

/// The zone that days are meant in, and what day it is there.
pub(super) async fn home(app: &App, caller: &Caller) -> Result<(Tz, NaiveDate), AppError> {
    let zone: Tz = sites::home_zone(app.db.read(), &caller.sites).await?.parse().unwrap_or(Tz::UTC);
    let now: DateTime<Utc> = app.clock.now();
    Ok((zone, local_day(now, zone)))
}

async fn list(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(mut narrow): Query<Narrow>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    let (zone, today) = home(&app, &caller).await?;
    let mut misread = Misread::default();
    misread.sift("from", &mut narrow.from, |text| day::asked("from", text))?;
    misread.sift("to", &mut narrow.to, |text| day::asked("to", text))?;
    let is_read = misread.is_empty();
    if narrow.is_of_today(&listing.q) {
        narrow.from = today.to_string();
        narrow.to = today.to_string();
    }
    let db = app.db.read();
    let (filter, is_cut) = super::searched(db, &caller.sites, narrow.filter(&listing.q, zone)?).await?;
    let found = super::list(db, &caller.sites, &filter, &listing.page).await??;
    // Of all days they would be summed up for every look at the list.
    let bounded = filter.from.is_some() || filter.customer.is_some();
    let sums = if bounded { super::sums(&app, &caller.sites, &filter).await? } else { Vec::new() };
    let sites = sites::all(db, &caller.sites).await?;
    let cashiers = admins::list(db).await?;
    let page = ListPage {
        payments: found.items,
        sums,
        q: listing.q,
        is_cut,
        narrow,
        misread,
        today: today.to_string(),
        sites: sites.into_iter().map(|site| Choice::new(site.id, site.name)).collect(),
        cashiers: cashiers.into_iter().map(|admin| Choice::new(admin.id, admin.name)).collect(),
        next: found.next_cursor,
        is_later: listing.is_later,
        may_take: caller.may(Permission::PaymentsTake),
    };
    if is_read { view.page(&page) } else { view.form_again(&page) }
}

async fn send(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    let (zone, _) = home(&app, &caller).await?;
    let (filter, _) = super::searched(app.db.read(), &caller.sites, narrow.filter(&listing.q, zone)?).await?;
    let format = match narrow.format.as_str() {
        "" => Format::Csv,
        text => Format::parse(text).ok_or_else(|| refused("format", "not_offered"))?,
    };
    export::file(&app, (&caller.sites, &Actor::of(&caller, view.ip())), &view, filter, format).await
}
