//! Pure decisions about rates of PPN: where each stands on a day, and what a new one may be. What a rate makes of an
//! amount is the ledger's ([`TaxRate`]).

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
    ledger::tax::TaxRate,
};

/// Characters of a label.
pub const MAX_LABEL: usize = 20;
/// All of the amount, in hundredths of a per cent.
pub(super) const WHOLE_BPS: i64 = 10_000;
const MAX_BASE: i64 = 1_000;
/// How far ahead a rate may be set: five years.
const MAX_AHEAD_DAYS: u64 = 5 * 366;

/// A rate of PPN, from a day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rate {
    pub id: TaxRateId,
    #[serde(flatten)]
    pub rate: TaxRate,
}

/// Where a rate stands on a day, among all rates.
#[must_use]
pub fn state(rate: &Rate, all: &[Rate], today: NaiveDate) -> PriceState {
    let begun = all.iter().map(|each| each.rate.valid_from).filter(|from| *from <= today).max();
    if rate.rate.valid_from > today {
        PriceState::Future
    } else if begun == Some(rate.rate.valid_from) {
        PriceState::InForce
    } else {
        PriceState::Past
    }
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
    pub inclusive: bool,
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
        inclusive: false,
        label: None,
    }
}

/// Checks a new rate against those that are there.
///
/// # Errors
/// Every field that is not right.
pub fn check(form: &TaxRateForm, known: &[Rate], today: NaiveDate) -> Result<TaxRate, FormErrors> {
    let mut check = Check::default();
    let label = one_line(&mut check, "label", form.label.as_deref().unwrap_or("PPN"), MAX_LABEL);
    let rate_bps = within(&mut check, "rate_bps", form.rate_bps, (0, WHOLE_BPS));
    let base_den = within(&mut check, "base_den", form.base_den, (1, MAX_BASE));
    let base_num = within(&mut check, "base_num", form.base_num, (1, base_den.clamp(1, MAX_BASE)));
    if known.iter().any(|each| each.rate.valid_from == form.valid_from) {
        check.refuse("valid_from", FieldError::new("tax_day_taken"));
    }
    if known.iter().any(|each| each.rate.valid_from <= today) && form.valid_from < today {
        check.refuse("valid_from", FieldError::new("in_the_past"));
    }
    if today.checked_add_days(Days::new(MAX_AHEAD_DAYS)).is_none_or(|last| form.valid_from > last) {
        check.refuse("valid_from", FieldError::new("too_far_ahead"));
    }
    let (valid_from, inclusive) = (form.valid_from, form.inclusive);
    match label {
        Some(label) if check.is_clean() => Ok(TaxRate { valid_from, rate_bps, base_num, base_den, inclusive, label }),
        Some(_) | None => Err(check.into_errors()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn rate(from: &str) -> Rate {
        let form = TaxRateForm { valid_from: day(from), ..proposal() };
        Rate { id: TaxRateId(1), rate: check(&form, &[], day("2026-11-29")).unwrap() }
    }

    #[test]
    fn the_newest_rate_that_has_begun_is_in_force() {
        let all = [rate("2026-01-01"), rate("2025-01-01")];
        let states = |today: &str| all.each_ref().map(|each| state(each, &all, day(today)));
        assert_eq!(states("2025-06-01"), [PriceState::Future, PriceState::InForce]);
        assert_eq!(states("2026-01-01"), [PriceState::InForce, PriceState::Past]);
        assert_eq!(states("2024-06-01"), [PriceState::Future, PriceState::Future]);
    }

    #[test]
    fn a_rate_follows_those_that_have_begun() {
        let known = [rate("2025-01-01")];
        let today = day("2026-11-29");
        let from = |text: &str| TaxRateForm { valid_from: day(text), ..proposal() };
        assert!(check(&from("2026-11-29"), &known, today).is_ok());
        // Before there is any it may begin when it likes.
        assert!(check(&from("2022-04-01"), &[], today).is_ok());
        assert!(check(&from("2022-04-01"), &[rate("2027-01-01")], today).is_ok());
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
