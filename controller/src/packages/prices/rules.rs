//! Pure decisions about dated prices: which one is in force, and what a new one may be.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::rules::amount;
use crate::{
    http::form::{Check, FieldError, FormErrors},
    ids::RouterId,
    money::{Currency, Money},
};

/// How far ahead a price may be set.
pub const MAX_AHEAD_SECS: i64 = 5 * 366 * 86_400;

/// A new price, as the API takes it; the page's form becomes the same.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = PriceForm)]
pub struct PriceForm {
    /// The router it holds on; everywhere unless said. A router's own price goes before that of everywhere.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub router_id: Option<RouterId>,
    /// From when on; from now on unless said. Never in the past.
    #[serde(default)]
    pub valid_from: Option<DateTime<Utc>>,
    /// In the currency of the package.
    pub price: Money,
    /// Stays as it is unless said.
    #[serde(default)]
    pub cost: Option<Money>,
}

/// Where a price stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PriceState {
    /// Not yet; it can be withdrawn.
    Future,
    /// What is asked for now.
    InForce,
    /// A newer one took its place.
    Past,
}

/// Checks a new price; the answer is the instant from which it holds.
///
/// # Errors
/// Every field that is not right.
pub fn check(form: &PriceForm, currency: Currency, now: DateTime<Utc>) -> Result<DateTime<Utc>, FormErrors> {
    let mut check = Check::default();
    for (field, money) in [("price", Some(form.price)), ("cost", form.cost)] {
        let Some(money) = money else { continue };
        amount(&mut check, field, money);
        if money.currency() != currency {
            check.refuse(field, FieldError::new("currency"));
        }
    }
    let from = form.valid_from.unwrap_or(now);
    if from < now {
        check.refuse("valid_from", FieldError::new("in_the_past"));
    }
    if (from - now).num_seconds() > MAX_AHEAD_SECS {
        check.refuse("valid_from", FieldError::new("too_far_ahead"));
    }
    if check.is_clean() { Ok(from) } else { Err(check.into_errors()) }
}

/// The states of prices given newest first, each by its place and its instant.
#[must_use]
pub fn states(newest_first: &[(Option<RouterId>, DateTime<Utc>)], now: DateTime<Utc>) -> Vec<PriceState> {
    let mut begun: HashSet<Option<RouterId>> = HashSet::new();
    let state = |(router, from): &(Option<RouterId>, DateTime<Utc>)| {
        if *from > now {
            PriceState::Future
        } else if begun.insert(*router) {
            PriceState::InForce
        } else {
            PriceState::Past
        }
    };
    newest_first.iter().map(state).collect()
}

/// A price that holds at a moment: the router's own, or that of everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub router: Option<RouterId>,
    pub price: Money,
    pub cost: Money,
}

/// Of the newest prices of a package the one that counts on a router: its own, else that of everywhere.
#[must_use]
pub fn standing(newest: &[Standing], router: Option<RouterId>) -> Option<Standing> {
    let of = |place: Option<RouterId>| newest.iter().find(|standing| standing.router == place).copied();
    router.and_then(|router| of(Some(router))).or_else(|| of(None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(secs, 0).unwrap()
    }

    fn form(price: i64, from: Option<i64>) -> PriceForm {
        PriceForm { router_id: None, valid_from: from.map(at), price: Money::idr(price), cost: None }
    }

    #[test]
    fn a_price_holds_from_now_or_later_and_never_before() {
        assert_eq!(check(&form(3000, None), Currency::IDR, at(10)), Ok(at(10)));
        assert_eq!(check(&form(3000, Some(20)), Currency::IDR, at(10)), Ok(at(20)));
        let usd = Currency::parse("USD").unwrap();
        for (form, currency, field, code) in [
            (form(3000, Some(9)), Currency::IDR, "valid_from", "in_the_past"),
            (form(3000, Some(11 + MAX_AHEAD_SECS)), Currency::IDR, "valid_from", "too_far_ahead"),
            (form(-1, None), Currency::IDR, "price", "out_of_range"),
            (form(3000, None), usd, "price", "currency"),
            (PriceForm { cost: Some(Money::new(1, usd)), ..form(1, None) }, Currency::IDR, "cost", "currency"),
        ] {
            let errors = check(&form, currency, at(10)).unwrap_err();
            let found: Vec<_> = errors.iter().map(|(field, error)| (field, error.code())).collect();
            assert_eq!(found, [(field, code)]);
        }
    }

    #[test]
    fn each_place_has_one_price_in_force() {
        let own = Some(RouterId(7));
        let prices = [(None, at(30)), (own, at(20)), (None, at(10)), (own, at(5)), (None, at(1))];
        use PriceState as S;
        assert_eq!(states(&prices, at(20)), [S::Future, S::InForce, S::InForce, S::Past, S::Past]);
        assert_eq!(states(&prices, at(30)), [S::InForce, S::InForce, S::Past, S::Past, S::Past]);
        assert_eq!(states(&prices, at(0)), [S::Future; 5]);
    }

    #[test]
    fn a_routers_own_price_goes_before_that_of_everywhere() {
        let price = |router: Option<i64>, price: i64| Standing {
            router: router.map(RouterId),
            price: Money::idr(price),
            cost: Money::idr(0),
        };
        let newest = [price(None, 3000), price(Some(7), 3500)];
        let asked = |router: Option<i64>| standing(&newest, router.map(RouterId)).map(|found| found.price.minor());
        assert_eq!((asked(Some(7)), asked(Some(8)), asked(None)), (Some(3500), Some(3000), Some(3000)));
        assert_eq!(standing(&newest[1..], None), None);
    }
}
