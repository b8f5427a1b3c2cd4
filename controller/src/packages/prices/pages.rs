//! What the page of a package's prices shows, and how its form is read.

use chrono::{DateTime, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::{Price, PriceForm, PriceState};
use crate::{
    http::{
        form::{Check, Choice, FieldError, FormErrors, FormView},
        page::Page,
    },
    ids::{PackageId, PriceId, RouterId},
    money::{Currency, Money},
};

/// Prices of one package.
#[derive(Debug, Serialize)]
pub(crate) struct PricesPage {
    pub(crate) id: PackageId,
    pub(crate) name: String,
    /// Sold as subscriptions, which keep the price they were agreed at.
    pub(crate) is_subscription: bool,
    pub(crate) form: FormView<Fields>,
    pub(crate) prices: Vec<Row>,
    /// What it cost before any other was set, and since when.
    pub(crate) first: Money,
    pub(crate) first_cost: Option<Money>,
    /// Where the first price stands: it holds until another of everywhere begins.
    pub(crate) first_state: PriceState,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) routers: Vec<Choice>,
    pub(crate) timezone: String,
    pub(crate) currency_sign: String,
    pub(crate) sees_costs: bool,
    pub(crate) may_manage: bool,
}

/// A price in the list.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) id: PriceId,
    /// Empty = everywhere.
    pub(crate) router: String,
    pub(crate) timezone: String,
    pub(crate) valid_from: DateTime<Utc>,
    pub(crate) state: PriceState,
    pub(crate) price: Money,
    pub(crate) cost: Option<Money>,
    pub(crate) created_by: String,
}

impl Row {
    /// A price with the name and zone of its place.
    pub(crate) fn new(price: Price, router: String, timezone: String) -> Self {
        let Price { id, valid_from, state, price, cost, created_by, router_id: _, created_at: _ } = price;
        Self { id, router, timezone, valid_from, state, price, cost, created_by }
    }
}

/// A price's fields as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) form_id: String,
    pub(crate) router_id: String,
    pub(crate) price: String,
    pub(crate) cost: String,
    /// A local date; empty or today = now.
    pub(crate) valid_from: String,
}

impl Fields {
    /// The form of what was typed; `zone` is that of the place.
    ///
    /// # Errors
    /// What cannot be read.
    pub(crate) fn read(&self, currency: Currency, zone: Tz, now: DateTime<Utc>) -> Result<PriceForm, FormErrors> {
        let mut check = Check::default();
        let router = Some(self.router_id.trim()).filter(|text| !text.is_empty());
        let router_id = router.and_then(|text| check.id("router_id", text)).map(RouterId);
        let price = check.money("price", &self.price, currency);
        let cost = if self.cost.trim().is_empty() { None } else { check.money("cost", &self.cost, currency) };
        let valid_from = start_of_day(&mut check, &self.valid_from, zone, now);
        match price {
            Some(price) if check.is_clean() => Ok(PriceForm { router_id, valid_from, price, cost }),
            Some(_) | None => Err(check.into_errors()),
        }
    }
}

fn start_of_day(check: &mut Check, text: &str, zone: Tz, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let date = check.optional_day("valid_from", text)?;
    if date == now.with_timezone(&zone).date_naive() {
        return None;
    }
    // Where a zone skips midnight the day begins an hour later.
    let begins = (0..3).find_map(|hour| {
        let time = NaiveTime::from_hms_opt(hour, 0, 0)?;
        zone.from_local_datetime(&date.and_time(time)).earliest()
    });
    if begins.is_none() {
        check.refuse("valid_from", FieldError::new("not_a_date"));
    }
    begins.map(|at| at.with_timezone(&Utc))
}

impl Page for PricesPage {
    const TEMPLATE: &'static str = "packages/prices.html";

    fn samples() -> Vec<Self> {
        let row = |id, router: &str, state| Row {
            id: PriceId(id),
            router: router.to_owned(),
            timezone: "Asia/Jakarta".to_owned(),
            valid_from: DateTime::UNIX_EPOCH,
            state,
            price: Money::idr(3500),
            cost: (id != 2).then(|| Money::idr(2000)),
            created_by: "rina".to_owned(),
        };
        let rows =
            vec![row(3, "", PriceState::Future), row(2, "Kebon 1", PriceState::InForce), row(1, "", PriceState::Past)];
        let mut errors = FormErrors::of("valid_from", FieldError::new("in_the_past"));
        errors.add("price", FieldError::new("too_many_prices").arg("max", 500));
        errors.add("router_id", FieldError::new("no_such_router"));
        let taken = FormErrors::of("valid_from", FieldError::new("price_same_start").arg("price", "Rp3.500"));
        let page = |form, prices, may_manage: bool| Self {
            id: PackageId(1),
            name: "12 Jam".to_owned(),
            is_subscription: true,
            form,
            prices,
            first: Money::idr(3000),
            first_cost: may_manage.then(|| Money::idr(2000)),
            first_state: if may_manage { PriceState::Past } else { PriceState::InForce },
            created_at: DateTime::UNIX_EPOCH,
            routers: vec![Choice::new(1, "Kebon 1")],
            timezone: "Asia/Jakarta".to_owned(),
            currency_sign: "Rp".to_owned(),
            sees_costs: may_manage,
            may_manage,
        };
        vec![
            page(FormView::fresh(Fields::default()), Vec::new(), false),
            page(FormView::again(Fields::default(), errors, ""), rows, true),
            page(FormView::again(Fields::default(), taken, ""), Vec::new(), true),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_the_first_instant_of_the_day_at_its_place_and_today_is_now() {
        let now: DateTime<Utc> = "2026-11-22T16:00:00Z".parse().unwrap();
        let read = |text: &str| {
            let fields = Fields { price: "3.500".into(), valid_from: text.into(), ..Fields::default() };
            fields.read(Currency::IDR, chrono_tz::Asia::Jayapura, now).unwrap().valid_from
        };
        assert_eq!(read(""), None);
        // 16:00 UTC is the next day already in Jayapura.
        assert_eq!(read("2026-11-23"), None);
        assert_eq!(read("2026-12-01").unwrap().to_rfc3339(), "2026-11-30T15:00:00+00:00");
        assert!(read("2026-11-22").unwrap() < now);
    }
}
