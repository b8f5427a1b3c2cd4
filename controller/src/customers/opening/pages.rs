//! What the page of an opening balance shows, and how its form is read.

use serde::{Deserialize, Serialize};

use super::{OpeningForm, OpeningKind};
use crate::{
    customers::{Customer, pages::sample},
    http::{
        form::{Check, FieldError, FormErrors, FormView},
        page::Page,
    },
    ledger::Balance,
    money::{Currency, Money},
};

/// The form, beside what the customer owes and has.
#[derive(Debug, Serialize)]
pub(crate) struct OpeningPage {
    pub(crate) customer: Customer,
    pub(crate) balance: Balance,
    pub(crate) form: FormView<Fields>,
    pub(crate) currency_sign: String,
    /// Today, where the customer lives.
    pub(crate) today: String,
}

/// The form as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) form_id: String,
    pub(crate) kind: String,
    pub(crate) amount: String,
    pub(crate) on: String,
    pub(crate) note: String,
}

impl Fields {
    /// What is wanted.
    ///
    /// # Errors
    /// What cannot be read.
    pub(crate) fn form(&self, currency: Currency) -> Result<OpeningForm, FormErrors> {
        let mut check = Check::default();
        let kind = check.choice("kind", &self.kind, OpeningKind::parse);
        let amount = check.money("amount", &self.amount, currency);
        let on = check.optional_day("on", &self.on);
        match (kind, amount) {
            (Some(kind), Some(amount)) if check.is_clean() => {
                Ok(OpeningForm { kind, amount, on, note: self.note.clone() })
            }
            _ => Err(check.into_errors()),
        }
    }
}

impl Page for OpeningPage {
    const TEMPLATE: &'static str = "customers/opening.html";

    fn samples() -> Vec<Self> {
        let page = |form| Self {
            customer: sample(),
            balance: Balance { receivable: Money::idr(50_000), credit: Money::idr(0) },
            form,
            currency_sign: "Rp".to_owned(),
            today: "2026-11-22".to_owned(),
        };
        let mut errors = FormErrors::of("amount", FieldError::new("other_currency").arg("currency", "IDR"));
        errors.add("on", FieldError::new("in_the_future"));
        errors.add("", FieldError::new("form_used"));
        let values = Fields { kind: "credit".to_owned(), amount: "50.000".to_owned(), ..Fields::default() };
        vec![page(FormView::fresh(Fields::default())), page(FormView::again(values, errors, ""))]
    }
}
