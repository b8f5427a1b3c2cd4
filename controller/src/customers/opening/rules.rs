//! When an opening balance is one. Pure.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    http::form::{Check, FieldError, FormErrors, MAX_NOTE, MAX_PRICE},
    money::{Currency, Money},
};

/// Which way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpeningKind {
    /// He owed it.
    Debt,
    /// He had paid it ahead.
    Credit,
}

impl OpeningKind {
    /// As in forms.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debt => "debt",
            Self::Credit => "credit",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Debt, Self::Credit].into_iter().find(|kind| kind.as_str() == text)
    }

    /// What his timeline calls it.
    pub(super) fn moment(self) -> &'static str {
        match self {
            Self::Debt => "opening-debt",
            Self::Credit => "opening-credit",
        }
    }
}

/// An opening balance as wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpeningForm {
    pub kind: OpeningKind,
    pub amount: Money,
    /// The local day since when it stands; today unless said.
    #[serde(default)]
    pub on: Option<NaiveDate>,
    #[serde(default)]
    pub note: String,
}

/// An opening balance that can be booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    pub kind: OpeningKind,
    pub amount: Money,
    pub on: NaiveDate,
    pub note: String,
}

/// Checks it; `today` is the customer's.
///
/// # Errors
/// What is wrong, by field.
pub(super) fn check(form: &OpeningForm, currency: Currency, today: NaiveDate) -> Result<Opening, FormErrors> {
    let mut check = Check::default();
    let note = check.optional("note", &form.note, MAX_NOTE);
    if form.amount.currency() != currency {
        check.refuse("amount", FieldError::new("other_currency").arg("currency", currency.code()));
    } else if !(1..=MAX_PRICE).contains(&form.amount.minor()) {
        check.refuse("amount", FieldError::new("out_of_range").arg("min", 1).arg("max", MAX_PRICE));
    }
    let on = form.on.unwrap_or(today);
    if on > today {
        check.refuse("on", FieldError::new("in_the_future"));
    }
    match note {
        Some(note) if check.is_clean() => Ok(Opening { kind: form.kind, amount: form.amount, on, note }),
        _ => Err(check.into_errors()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(amount: Money, on: &str) -> OpeningForm {
        OpeningForm { kind: OpeningKind::Debt, amount, on: on.parse().ok(), note: String::new() }
    }

    #[test]
    fn an_opening_balance_is_positive_of_our_currency_and_not_of_tomorrow() {
        let today: NaiveDate = "2026-11-22".parse().unwrap();
        assert_eq!(check(&form(Money::idr(1), ""), Currency::IDR, today).unwrap().on, today);
        let usd = Currency::parse("USD").unwrap();
        for (amount, on, field, code) in [
            (Money::idr(0), "", "amount", "out_of_range"),
            (Money::idr(-5), "", "amount", "out_of_range"),
            (Money::idr(MAX_PRICE + 1), "", "amount", "out_of_range"),
            (Money::new(5, usd), "", "amount", "other_currency"),
            (Money::idr(5), "2026-11-23", "on", "in_the_future"),
        ] {
            let errors = check(&form(amount, on), Currency::IDR, today).unwrap_err();
            let found: Vec<_> = errors.iter().map(|(field, error)| (field, error.code())).collect();
            assert_eq!(found, [(field, code)], "{amount} {on}");
        }
    }
}
