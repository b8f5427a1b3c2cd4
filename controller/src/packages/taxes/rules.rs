//! Pure decisions about PPN: which rate holds on a day, what it makes of an amount, and what a new one may be.

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{
    prices::PriceState,
    rules::{one_line, within},
};
use crate::{
    http::form::{Check, FieldError, FormErrors},
    ids::TaxRateId,
    money::Money,
};

/// Characters of a label.
pub const MAX_LABEL: usize = 20;
/// All of the amount, in hundredths of a per cent.
const WHOLE_BPS: i64 = 10_000;
const MAX_BASE: i64 = 1_000;
/// How far ahead a rate may be set: five years.
const MAX_AHEAD_DAYS: u64 = 5 * 366;

/// A rate of PPN, from a day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rate {
    pub id: TaxRateId,
    pub valid_from: NaiveDate,
    /// Hundredths of a per cent.
    pub rate_bps: i32,
    /// The share of the amount that is taxed (DPP nilai lain).
    pub base_num: i32,
    pub base_den: i32,
    /// Whether prices contain it.
    pub is_inclusive: bool,
    /// On invoices.
    pub label: String,
}

/// What an amount is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// Without PPN.
    pub net: Money,
    pub tax: Money,
}

impl Rate {
    /// What the taxed amounts of an invoice, added up, are of. Rounded once, half up, to whole minor units; where prices
    /// contain PPN net and tax are the amount exactly.
    #[must_use]
    pub fn split(&self, amount: Money) -> Split {
        let share = i128::from(self.base_num) * i128::from(self.rate_bps);
        let whole = i128::from(self.base_den.max(1)) * i128::from(WHOLE_BPS);
        let minor = i128::from(amount.minor());
        let money = |minor: i128| Money::new(i64::try_from(minor).unwrap_or(i64::MAX), amount.currency());
        if self.is_inclusive {
            let net = half_up(minor * whole, whole + share);
            Split { net: money(net), tax: money(minor - net) }
        } else {
            Split { net: amount, tax: money(half_up(minor * share, whole)) }
        }
    }

    /// Where it stands on a day, among all rates.
    #[must_use]
    pub fn state(&self, all: &[Rate], today: NaiveDate) -> PriceState {
        if self.valid_from > today {
            PriceState::Future
        } else if on(all, today).is_some_and(|rate| rate.valid_from == self.valid_from) {
            PriceState::InForce
        } else {
            PriceState::Past
        }
    }
}

/// The quotient, its half away from zero. `den` is above 0.
fn half_up(num: i128, den: i128) -> i128 {
    let sign = num.signum();
    sign * ((num.abs() * 2 + den) / (den * 2))
}

/// The rate that holds on a day; none before the first.
#[must_use]
pub fn on(rates: &[Rate], day: NaiveDate) -> Option<&Rate> {
    rates.iter().filter(|rate| rate.valid_from <= day).max_by_key(|rate| rate.valid_from)
}

/// The latest day that has begun in one of the zones.
#[must_use]
pub fn latest_day(now: DateTime<Utc>, zones: &[Tz]) -> NaiveDate {
    let days = zones.iter().map(|zone| now.with_timezone(zone).date_naive());
    days.max().unwrap_or_else(|| now.date_naive())
}

/// A new rate, as the API takes it; the page's form becomes the same.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = TaxRateForm)]
pub struct TaxRateForm {
    /// The first day it holds: today or later, unless it is the first rate of all.
    #[schema(value_type = String, example = "2025-01-01")]
    pub valid_from: NaiveDate,
    /// Hundredths of a per cent; 0 = PPN ends.
    #[schema(example = 1200)]
    pub rate_bps: i64,
    /// The share of the amount that is taxed (DPP nilai lain); 1 of 1 unless said.
    #[serde(default = "one")]
    #[schema(example = 11)]
    pub base_num: i64,
    #[serde(default = "one")]
    #[schema(example = 12)]
    pub base_den: i64,
    /// Whether prices contain it.
    #[serde(default)]
    pub is_inclusive: bool,
    /// On invoices; `PPN` unless said.
    #[serde(default)]
    pub label: Option<String>,
}

fn one() -> i64 {
    1
}

/// What is proposed where there is no rate yet: 12 % of 11/12, as since 2025 (PMK 131/2024).
#[must_use]
pub fn proposal() -> TaxRateForm {
    TaxRateForm {
        valid_from: NaiveDate::from_ymd_opt(2025, 1, 1).unwrap_or_default(),
        rate_bps: 1200,
        base_num: 11,
        base_den: 12,
        is_inclusive: false,
        label: None,
    }
}

/// Checks a new rate against those that are there; its id is not one yet.
///
/// # Errors
/// Every field that is not right.
pub fn check(form: &TaxRateForm, known: &[Rate], today: NaiveDate) -> Result<Rate, FormErrors> {
    let mut check = Check::default();
    let label = one_line(&mut check, "label", form.label.as_deref().unwrap_or("PPN"), MAX_LABEL);
    let rate_bps = within(&mut check, "rate_bps", form.rate_bps, (0, WHOLE_BPS));
    let base_den = within(&mut check, "base_den", form.base_den, (1, MAX_BASE));
    let base_num = within(&mut check, "base_num", form.base_num, (1, base_den.clamp(1, MAX_BASE)));
    if known.iter().any(|rate| rate.valid_from == form.valid_from) {
        check.refuse("valid_from", FieldError::new("tax_day_taken"));
    }
    if on(known, today).is_some() && form.valid_from < today {
        check.refuse("valid_from", FieldError::new("in_the_past"));
    }
    if today.checked_add_days(Days::new(MAX_AHEAD_DAYS)).is_none_or(|last| form.valid_from > last) {
        check.refuse("valid_from", FieldError::new("too_far_ahead"));
    }
    let whole = |number: i64| i32::try_from(number).unwrap_or(0);
    match label {
        Some(label) if check.is_clean() => Ok(Rate {
            id: TaxRateId(0),
            valid_from: form.valid_from,
            rate_bps: whole(rate_bps),
            base_num: whole(base_num),
            base_den: whole(base_den),
            is_inclusive: form.is_inclusive,
            label,
        }),
        Some(_) | None => Err(check.into_errors()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn rate(from: &str, is_inclusive: bool) -> Rate {
        let form = TaxRateForm { valid_from: day(from), is_inclusive, ..proposal() };
        check(&form, &[], day("2026-11-29")).unwrap()
    }

    fn split(rate: &Rate, rupiah: i64) -> (i64, i64) {
        let split = rate.split(Money::idr(rupiah));
        (split.net.minor(), split.tax.minor())
    }

    #[test]
    fn twelve_per_cent_of_eleven_twelfths_is_eleven_per_cent() {
        let beside = rate("2025-01-01", false);
        assert_eq!(split(&beside, 165_000), (165_000, 18_150));
        // Half up.
        assert_eq!(split(&beside, 50), (50, 6));
        assert_eq!(split(&beside, 49), (49, 5));
        assert_eq!(split(&beside, 0), (0, 0));
        let within = rate("2025-01-01", true);
        assert_eq!(split(&within, 150_000), (135_135, 14_865));
        assert_eq!(split(&within, 111), (100, 11));
        let none = Rate { rate_bps: 0, ..within };
        assert_eq!(split(&none, 150_000), (150_000, 0));
    }

    proptest! {
        #[test]
        fn contained_tax_and_net_are_the_amount(rupiah in 0..=1_000_000_000_000_i64, bps in 0..=10_000_i32) {
            let rate = Rate { rate_bps: bps, ..rate("2025-01-01", true) };
            let (net, tax) = split(&rate, rupiah);
            prop_assert_eq!(net + tax, rupiah);
            prop_assert!(net >= 0 && tax >= 0);
        }
    }

    #[test]
    fn the_newest_rate_that_has_begun_holds() {
        let all = [rate("2026-01-01", false), rate("2025-01-01", false)];
        let on = |text: &str| on(&all, day(text)).map(|rate| rate.valid_from);
        assert_eq!(on("2024-12-31"), None);
        assert_eq!(on("2025-12-31"), Some(day("2025-01-01")));
        assert_eq!(on("2026-01-01"), Some(day("2026-01-01")));
        let states = all.each_ref().map(|rate| rate.state(&all, day("2025-06-01")));
        assert_eq!(states, [PriceState::Future, PriceState::InForce]);
        assert_eq!(all[1].state(&all, day("2026-06-01")), PriceState::Past);
    }

    #[test]
    fn a_rate_follows_those_that_have_begun() {
        let known = [rate("2025-01-01", false)];
        let today = day("2026-11-29");
        let from = |text: &str| TaxRateForm { valid_from: day(text), ..proposal() };
        assert!(check(&from("2026-11-29"), &known, today).is_ok());
        // Before there is any it may begin when it likes.
        assert!(check(&from("2022-04-01"), &[], today).is_ok());
        assert!(check(&from("2022-04-01"), &[rate("2027-01-01", false)], today).is_ok());
        for (form, field, code) in [
            (from("2026-11-28"), "valid_from", "in_the_past"),
            (from("2025-01-01"), "valid_from", "tax_day_taken"),
            (from("2032-01-01"), "valid_from", "too_far_ahead"),
            (TaxRateForm { rate_bps: 10_001, ..from("2027-01-01") }, "rate_bps", "out_of_range"),
            (TaxRateForm { base_num: 13, ..from("2027-01-01") }, "base_num", "out_of_range"),
            (TaxRateForm { base_den: 0, base_num: 1, ..from("2027-01-01") }, "base_den", "out_of_range"),
            (TaxRateForm { label: Some(" ".into()), ..from("2027-01-01") }, "label", "required"),
        ] {
            let errors = check(&form, &known, today).unwrap_err();
            let found: Vec<_> = errors.iter().map(|(field, error)| (field, error.code())).collect();
            assert_eq!(found, [(field, code)]);
        }
    }

    #[test]
    fn a_day_has_begun_where_it_begins_first() {
        let now = "2026-11-29T15:30:00Z".parse().unwrap();
        assert_eq!(latest_day(now, &[Tz::Asia__Jakarta, Tz::Asia__Jayapura]), day("2026-11-30"));
        assert_eq!(latest_day(now, &[Tz::Asia__Jakarta]), day("2026-11-29"));
        assert_eq!(latest_day(now, &[]), day("2026-11-29"));
    }
}
