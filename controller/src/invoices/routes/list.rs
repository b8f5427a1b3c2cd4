//! The list of invoices, as a page and as a file.

use axum::{
    extract::{Path, State as Of},
    response::Response,
};
use axum_extra::extract::Query;
use chrono::{DateTime, Datelike as _, Months, NaiveDate, Utc};
use serde::{Deserialize, Deserializer};

use super::{
    super::{
        Filter, Head, Tab, export,
        pages::{CustomerPart, ListPage, Shown},
        rules,
    },
    choices, customer, format_of, late, refused, site_of,
};
use crate::{
    app::App,
    audit::Actor,
    customers,
    db::paging::PageOf,
    http::{
        access::{Permission, Scope},
        api::Listing,
        error::AppError,
        misread::Misread,
        session::Signed,
        view::View,
    },
    ids::{CustomerId, SiteId, SubscriptionId},
    sites::{self, Site},
};

/// Invoices on a customer's page.
const OF_CUSTOMER: u64 = 10;

/// What a list is narrowed to, as typed into its filters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Narrow {
    pub(crate) tab: String,
    pub(crate) site_id: String,
    pub(crate) customer_id: String,
    pub(crate) subscription_id: String,
    /// `2026-12`: due in that month; sent empty, in any. What is over is shown a month at a time unless said.
    #[serde(deserialize_with = "sent")]
    pub(crate) month: Option<String>,
    pub(crate) format: String,
}

/// A field that was sent, also when it is empty.
fn sent<'de, D: Deserializer<'de>>(field: D) -> Result<Option<String>, D::Error> {
    String::deserialize(field).map(Some)
}

impl Narrow {
    pub(crate) fn tab(&self) -> Result<Tab, AppError> {
        match self.tab.as_str() {
            "" => Ok(Tab::default()),
            text => Tab::parse(text).ok_or_else(|| refused("tab", "not_offered")),
        }
    }

    /// Takes out a month that cannot be read, as if it had not been sent.
    fn sift(&mut self) -> Result<Misread, AppError> {
        let mut misread = Misread::default();
        if let Some(month) = self.month.as_mut() {
            misread.sift("month", month, |text| days_of(text.trim()))?;
        }
        if !misread.is_empty() {
            self.month = None;
        }
        Ok(misread)
    }

    /// The month as typed; without one, that of today where the list would be endless.
    fn month_on(&self, tab: Tab, today: NaiveDate, is_searched: bool) -> String {
        let is_long = matches!(tab, Tab::Paid | Tab::Void | Tab::Uncollectible | Tab::All);
        match &self.month {
            Some(month) => month.trim().to_owned(),
            None if is_long && !is_searched && self.customer_id.is_empty() => today.format("%Y-%m").to_string(),
            None => String::new(),
        }
    }

    /// The filter of what was asked for, but for a search.
    ///
    /// # Errors
    /// [`AppError::Invalid`] for what is none.
    pub(crate) fn filter(&self, month: &str) -> Result<Filter, AppError> {
        let id = |field: &str, text: &str| match text.trim() {
            "" => Ok(None),
            text => text.parse::<i64>().map(Some).map_err(|_no_number| refused(field, "not_offered")),
        };
        Ok(Filter {
            tab: self.tab()?,
            site: site_of(&self.site_id)?,
            customer: id("customer_id", &self.customer_id)?.map(CustomerId),
            subscription: id("subscription_id", &self.subscription_id)?.map(SubscriptionId),
            search: None,
            due: days_of(month)?,
        })
    }
}

/// The days of a month: its first, and the first of the next.
fn days_of(month: &str) -> Result<Option<(NaiveDate, NaiveDate)>, AppError> {
    if month.is_empty() {
        return Ok(None);
    }
    let bad = || refused("month", "bad_month");
    let first = format!("{month}-01").parse::<NaiveDate>().map_err(|_no_month| bad())?;
    let next = first.checked_add_months(Months::new(1)).ok_or_else(bad)?;
    if (1970..=9999).contains(&first.year()) { Ok(Some((first, next))) } else { Err(bad()) }
}

/// The latest day that has begun at one of the sites.
fn today(sites: &[Site], now: DateTime<Utc>) -> NaiveDate {
    sites.iter().map(|site| rules::today(now, site.zone())).max().unwrap_or_else(|| now.date_naive())
}

fn shown(heads: Vec<Head>, sites: &[Site], now: DateTime<Utc>) -> Vec<Shown> {
    let today = |id: SiteId| {
        let site = sites.iter().find(|site| site.id == id);
        site.map_or_else(|| now.date_naive(), |site| rules::today(now, site.zone()))
    };
    heads.into_iter().map(|head| Shown { late: late(&head, today(head.site_id)), head }).collect()
}

/// The filter with its search, whether that was cut, and the month as shown.
async fn wanted(
    app: &App,
    scope: &Scope,
    (narrow, q): (&Narrow, &str),
    today: NaiveDate,
) -> Result<(Filter, bool, String), AppError> {
    let month = narrow.month_on(narrow.tab()?, today, !q.is_empty());
    let filter = narrow.filter(&month)?;
    if q.is_empty() {
        return Ok((filter, false, month));
    }
    let (search, is_cut) = super::super::search(app.db.read(), scope, q).await?;
    Ok((Filter { search: Some(search), ..filter }, is_cut, month))
}

pub(super) async fn list(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(mut narrow): Query<Narrow>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    let (db, now) = (app.db.read(), app.clock.now());
    let misread = narrow.sift()?;
    let is_read = misread.is_empty();
    let sites = sites::all(db, &caller.sites).await?;
    let (filter, is_cut, month) = wanted(&app, &caller.sites, (&narrow, &listing.q), today(&sites, now)).await?;
    let found = super::super::list(db, &caller.sites, now, &filter, &listing.page).await??;
    let sums = super::super::sums(&app, &caller.sites, &filter).await?;
    let page = ListPage {
        rows: shown(found.items, &sites, now),
        sums,
        tab: filter.tab,
        tabs: Tab::ALL.to_vec(),
        q: listing.q,
        is_cut,
        site_id: narrow.site_id,
        customer_id: narrow.customer_id,
        month,
        misread,
        sites: choices(&sites),
        next: found.next_cursor,
        is_later: listing.is_later,
        may_manage: caller.may(Permission::InvoicesManage),
        may_pay: caller.may(Permission::PaymentsTake),
    };
    if is_read { view.page(&page) } else { view.form_again(&page) }
}

pub(super) async fn send(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(narrow): Query<Narrow>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    let format = format_of(&narrow.format)?;
    let sites = sites::all(app.db.read(), &caller.sites).await?;
    let today = today(&sites, app.clock.now());
    let (filter, ..) = wanted(&app, &caller.sites, (&narrow, &listing.q), today).await?;
    export::invoices(&app, (&caller.sites, &Actor::of(&caller, view.ip())), &view, filter, format).await
}

/// The part on a customer's page; asked for as a page it is the list of his.
pub(super) async fn of_customer(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::InvoicesSee)?;
    if !view.is_partial() {
        return Ok(view.go(&format!("/invoices?tab=all&customer_id={id}")));
    }
    let (db, now, customer) = (app.db.read(), app.clock.now(), customer(&app, &caller, id).await?);
    let filter = Filter { tab: Tab::All, customer: Some(customer.id), ..Filter::default() };
    let page = PageOf::new(Some(OF_CUSTOMER), None)?;
    let found = super::super::list(db, &caller.sites, now, &filter, &page).await??;
    let sites = sites::all(db, &caller.sites).await?;
    view.page(&CustomerPart {
        customer_id: customer.id,
        rows: shown(found.items, &sites, now),
        is_cut: found.next_cursor.is_some(),
        may_manage: customer.state == customers::State::Active && caller.may(Permission::InvoicesManage),
        may_pay: caller.may(Permission::PaymentsTake),
    })
}
