//! PPN: dated rates, and the split of an amount into base and tax. Rounding is once per invoice, half up. Pure.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::draft::RuleError;
use crate::money::Money;

/// Basis points of the whole.
const WHOLE_BPS: i64 = 10_000;
/// The largest parts of a rate: beyond them somebody typed amounts.
const MAX_PART: i64 = 1_000_000;

/// A rate as the law says it, from a day on. With 1200 bps of 11/12 (PMK 131/2024) it is 11 %.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TaxRate {
    pub valid_from: NaiveDate,
    pub rate_bps: i64,
    /// The share of the amount that is taxed (DPP nilai lain).
    pub base_num: i64,
    pub base_den: i64,
    /// Whether prices contain the tax.
    pub inclusive: bool,
    /// On invoices: `PPN 12% × 11/12`.
    pub label: String,
}

/// An amount in its parts; `base + tax = total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Taxed {
    pub base: Money,
    pub tax: Money,
    pub total: Money,
}

/// The rate of a day: the latest that is valid.
#[must_use]
pub fn rate_on(rates: &[TaxRate], day: NaiveDate) -> Option<&TaxRate> {
    rates.iter().filter(|rate| rate.valid_from <= day).max_by_key(|rate| rate.valid_from)
}

impl TaxRate {
    /// Splits a sum of prices: from the total when they contain the tax, else onto it.
    ///
    /// # Errors
    /// [`RuleError::Amount`] when the amount is negative or a part of the rate makes no sense.
    pub fn split(&self, amount: Money) -> Result<Taxed, RuleError> {
        let sane = (0..=WHOLE_BPS).contains(&self.rate_bps)
            && (1..=MAX_PART).contains(&self.base_den)
            && (0..=MAX_PART).contains(&self.base_num);
        if !sane || amount.minor() < 0 {
            return Err(RuleError::Amount);
        }
        let whole = i128::from(self.base_den) * i128::from(WHOLE_BPS);
        let taxed = i128::from(self.base_num) * i128::from(self.rate_bps);
        let minor = i128::from(amount.minor());
        let currency = amount.currency();
        if self.inclusive {
            let base = Money::new(half_up(minor * whole, whole + taxed)?, currency);
            return Ok(Taxed { base, tax: amount.minus(base)?, total: amount });
        }
        let tax = Money::new(half_up(minor * taxed, whole)?, currency);
        Ok(Taxed { base: amount, tax, total: amount.plus(tax)? })
    }
}

/// `num / den` to the nearest whole number, a half upwards; `num` is not negative, `den` is positive.
fn half_up(num: i128, den: i128) -> Result<i64, RuleError> {
    i64::try_from((num * 2 + den) / (den * 2)).map_err(|_too_large| RuleError::Amount)
}

/// How totals are rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoundingMode {
    Nearest,
    Up,
    Down,
}

/// Totals are rounded to a multiple of `to` minor units; 1 rounds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Rounding {
    pub to: i64,
    pub mode: RoundingMode,
}

/// The largest multiple that totals are rounded to.
const MAX_ROUNDING: i64 = 100_000;

impl Rounding {
    /// The rounded total and what was added to it (taken away: negative).
    ///
    /// # Errors
    /// [`RuleError::Amount`] when the total is negative or the multiple makes no sense.
    pub fn apply(self, total: Money) -> Result<(Money, Money), RuleError> {
        if total.minor() < 0 || !(1..=MAX_ROUNDING).contains(&self.to) {
            return Err(RuleError::Amount);
        }
        let (minor, to) = (i128::from(total.minor()), i128::from(self.to));
        let multiples = match self.mode {
            RoundingMode::Nearest => i128::from(half_up(minor, to)?),
            RoundingMode::Up => (minor + to - 1) / to,
            RoundingMode::Down => minor / to,
        };
        let rounded = i64::try_from(multiples * to).map_err(|_too_large| RuleError::Amount)?;
        let rounded = Money::new(rounded, total.currency());
        Ok((rounded, rounded.minus(total)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(rate_bps: i64, (base_num, base_den): (i64, i64), inclusive: bool) -> TaxRate {
        let valid_from = NaiveDate::from_ymd_opt(2025, 1, 1).unwrap();
        TaxRate { valid_from, rate_bps, base_num, base_den, inclusive, label: "PPN".to_owned() }
    }

    #[test]
    fn ppn_of_today_is_eleven_percent_of_the_price() {
        for (inclusive, amount, base, tax) in [
            (true, 150_000, 135_135, 14_865),
            (true, 111, 100, 11),
            (true, 1, 1, 0),
            (true, 0, 0, 0),
            (false, 150_000, 150_000, 16_500),
            // 0.11 × 50 = 5.5: up. 0.11 × 4 = 0.44: down.
            (false, 50, 50, 6),
            (false, 4, 4, 0),
        ] {
            let taxed = rate(1200, (11, 12), inclusive).split(Money::idr(amount)).unwrap();
            assert_eq!((taxed.base.minor(), taxed.tax.minor()), (base, tax), "{amount} {inclusive}");
        }
    }

    #[test]
    fn the_rate_of_a_day_is_the_latest_that_is_valid() {
        let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap();
        let rates = [
            TaxRate { valid_from: day(2025, 1, 1), ..rate(1200, (11, 12), false) },
            TaxRate { valid_from: day(2022, 4, 1), ..rate(1100, (1, 1), false) },
        ];
        assert_eq!(rate_on(&rates, day(2024, 12, 31)).unwrap().rate_bps, 1100);
        assert_eq!(rate_on(&rates, day(2025, 1, 1)).unwrap().rate_bps, 1200);
        assert_eq!(rate_on(&rates, day(2022, 3, 31)), None);
    }

    #[test]
    fn a_rate_that_makes_no_sense_taxes_nothing() {
        for bad in
            [rate(-1, (1, 1), false), rate(10_001, (1, 1), false), rate(1100, (1, 0), false), rate(1, (-1, 1), true)]
        {
            assert_eq!(bad.split(Money::idr(100)), Err(RuleError::Amount));
        }
        assert_eq!(rate(1100, (1, 1), false).split(Money::idr(-1)), Err(RuleError::Amount));
    }

    #[test]
    fn totals_are_rounded_as_the_operator_says() {
        for (mode, to, total, rounded) in [
            (RoundingMode::Nearest, 100, 16_549, 16_500),
            (RoundingMode::Nearest, 100, 16_550, 16_600),
            (RoundingMode::Up, 500, 16_501, 17_000),
            (RoundingMode::Up, 500, 16_500, 16_500),
            (RoundingMode::Down, 1000, 16_999, 16_000),
            (RoundingMode::Nearest, 1, 7, 7),
        ] {
            let (found, added) = Rounding { to, mode }.apply(Money::idr(total)).unwrap();
            assert_eq!((found.minor(), added.minor()), (rounded, rounded - total), "{mode:?} {to} {total}");
        }
        assert_eq!(Rounding { to: 0, mode: RoundingMode::Up }.apply(Money::idr(1)), Err(RuleError::Amount));
    }

    proptest! {
        #[test]
        fn base_and_tax_are_the_total(amount in 0i64..1_000_000_000_000, bps in 0i64..=10_000, num in 0i64..20, den in 1i64..20, inclusive: bool) {
            let taxed = rate(bps, (num, den), inclusive).split(Money::idr(amount)).unwrap();
            prop_assert_eq!(taxed.base.plus(taxed.tax).unwrap(), taxed.total);
            prop_assert!(taxed.tax.minor() >= 0 && taxed.base.minor() >= 0);
        }
    }
}
