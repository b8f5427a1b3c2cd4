//! What the page of PPN rates shows, and how its form is read.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Rate, TaxRateForm, rules};
use crate::{
    http::{
        form::{Check, FieldError, FormErrors, FormView},
        format,
        locale::Locale,
        page::Page,
    },
    ids::TaxRateId,
    ledger::tax::TaxRate,
    packages::prices::PriceState,
};

/// Rates of PPN.
#[derive(Debug, Serialize)]
pub(crate) struct TaxesPage {
    pub(crate) rates: Vec<Row>,
    pub(crate) form: FormView<Fields>,
    pub(crate) may_change: bool,
    /// Whether the operator collects PPN at all.
    pub(crate) is_taxable: bool,
}

/// A rate in the list.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    #[serde(flatten)]
    pub(crate) rate: Rate,
    pub(crate) state: PriceState,
    /// Hundredths of a per cent.
    pub(crate) percent: i64,
    /// What that makes of the whole amount.
    pub(crate) effective: i64,
}

impl Row {
    /// A rate with its state among all of them.
    pub(crate) fn new(rate: &Rate, all: &[Rate], today: NaiveDate) -> Self {
        let TaxRate { rate_bps, base_num, base_den, .. } = rate.rate;
        let effective = rate_bps * base_num / base_den.max(1);
        Self { state: rules::state(rate, all, today), percent: rate_bps, effective, rate: rate.clone() }
    }
}

/// A rate's fields as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) form_id: String,
    pub(crate) valid_from: String,
    pub(crate) rate: String,
    pub(crate) base_num: String,
    pub(crate) base_den: String,
    pub(crate) inclusive: String,
    pub(crate) label: String,
}

impl Fields {
    /// What is proposed after the newest rate, or as the first.
    pub(crate) fn proposed(newest: Option<&Rate>, locale: Locale) -> Self {
        let first = rules::proposal();
        let (valid_from, num, den, bps, inclusive, label) = match newest {
            None => {
                let label = "PPN".to_owned();
                (first.valid_from.to_string(), first.base_num, first.base_den, first.rate_bps, false, label)
            }
            Some(Rate { rate: TaxRate { base_num, base_den, rate_bps, inclusive, label, .. }, .. }) => {
                (String::new(), *base_num, *base_den, *rate_bps, *inclusive, label.clone())
            }
        };
        Self {
            form_id: String::new(),
            valid_from,
            rate: format::percent(bps, locale),
            base_num: num.to_string(),
            base_den: den.to_string(),
            inclusive: if inclusive { "on".to_owned() } else { String::new() },
            label,
        }
    }

    /// The form of what was typed.
    ///
    /// # Errors
    /// What cannot be read.
    pub(crate) fn read(&self) -> Result<TaxRateForm, FormErrors> {
        let mut check = Check::default();
        let valid_from = check.day("valid_from", &self.valid_from);
        // In per cent, as it is typed: the rules count hundredths.
        let rate_bps = basis_points(&self.rate).filter(|bps| *bps <= rules::WHOLE_BPS);
        if rate_bps.is_none() {
            check.refuse("rate", FieldError::new("tax_percent"));
        }
        let base_num = check.int("base_num", &self.base_num, i64::MIN..=i64::MAX);
        let base_den = check.int("base_den", &self.base_den, i64::MIN..=i64::MAX);
        match (valid_from, rate_bps, base_num, base_den) {
            (Some(valid_from), Some(rate_bps), Some(base_num), Some(base_den)) => Ok(TaxRateForm {
                valid_from,
                rate_bps,
                base_num,
                base_den,
                inclusive: Check::ticked(&self.inclusive),
                label: Some(self.label.clone()),
            }),
            _ => Err(check.into_errors()),
        }
    }
}

/// The field of the page in which a field of the API is typed.
pub(crate) fn typed_in(errors: &FormErrors) -> FormErrors {
    let mut typed = FormErrors::default();
    for (field, error) in errors.iter() {
        typed.add(if field == "rate_bps" { "rate" } else { field }, error.clone());
    }
    typed
}

/// `12,5` or `12.5` per cent in hundredths of a per cent.
fn basis_points(text: &str) -> Option<i64> {
    let text = text.trim().trim_end_matches('%').trim();
    let (whole, part) = text.split_once([',', '.']).unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 3 || part.len() > 2 || !digits(whole) || !digits(part) {
        return None;
    }
    Some(whole.parse::<i64>().ok()? * 100 + format!("{part:0<2}").parse::<i64>().ok()?)
}

impl Page for TaxesPage {
    const TEMPLATE: &'static str = "packages/taxes.html";

    fn samples() -> Vec<Self> {
        let day = |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default();
        let rate = |id: i64, year, inclusive| {
            let (valid_from, label) = (day(year), "PPN".to_owned());
            let rate = TaxRate { valid_from, rate_bps: 1200, base_num: 11, base_den: 12, inclusive, label };
            Rate { id: TaxRateId(id), rate }
        };
        let mut whole = rate(1, 2022, false);
        (whole.rate.base_num, whole.rate.base_den, whole.rate.rate_bps) = (1, 1, 1100);
        let all = [rate(3, 2027, true), rate(2, 2025, false), whole];
        let rows = || all.iter().map(|each| Row::new(each, &all, day(2026))).collect();
        let mut errors = FormErrors::of("valid_from", FieldError::new("tax_day_taken"));
        errors.add("", FieldError::new("too_many_rates").arg("max", 100));
        errors.add("base_num", FieldError::new("out_of_range").arg("min", 1).arg("max", 12));
        errors.add("rate", FieldError::new("tax_percent"));
        let again = FormView::again(Fields::proposed(all.first(), Locale::Id), errors, "");
        let page = |rates, form, may_change| Self { rates, form, may_change, is_taxable: !may_change };
        vec![
            page(Vec::new(), FormView::fresh(Fields::proposed(None, Locale::Id)), true),
            page(Vec::new(), FormView::fresh(Fields::proposed(None, Locale::Id)), false),
            page(rows(), again, true),
            page(rows(), FormView::fresh(Fields::default()), false),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_proposal_is_what_the_law_says_since_2025() {
        let form = Fields::proposed(None, Locale::Id).read().unwrap();
        assert_eq!((form.valid_from.to_string(), form.rate_bps), ("2025-01-01".to_owned(), 1200));
        assert_eq!((form.base_num, form.base_den, form.inclusive), (11, 12, false));
    }

    #[test]
    fn what_is_typed_wrong_is_told_at_its_field() {
        let typed = Fields { valid_from: "1/1/25".into(), rate: "12%%5".into(), ..Fields::proposed(None, Locale::Id) };
        let errors = typed.read().unwrap_err();
        let found: Vec<_> = errors.iter().map(|(field, error)| (field, error.code())).collect();
        assert_eq!(found, [("rate", "tax_percent"), ("valid_from", "not_a_date")]);
        let told = |rate: &str| {
            let typed = Fields { rate: rate.into(), ..Fields::proposed(None, Locale::Id) };
            let errors = typed.read().err().unwrap_or_default();
            errors.iter().map(|(field, error)| format!("{field} {}", error.code())).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(["200", "100,01", "100", "0"].map(told), ["rate tax_percent", "rate tax_percent", "", ""]);
        assert_eq!(
            ["12,5", "12.50", "11 %", "100"].map(basis_points),
            [Some(1250), Some(1250), Some(1100), Some(10_000)]
        );
    }
}
