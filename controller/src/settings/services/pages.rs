//! What the page of the settings of services shows, and how its form is read.

use serde::{Deserialize, Serialize};

use super::{MAX_FIRST_DUE_DAYS, MAX_PROMISE_DAYS, MAX_ROUNDING, Pattern, Services};
use crate::http::{
    form::{Check, FieldError, FormErrors, FormView},
    page::Page,
};

/// The settings as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    username_pattern: String,
    first_due_days: String,
    proration_rounding: String,
    late_payment_shifts: String,
    isolates_prorated: String,
    change_pays_first: String,
    pause_isolates: String,
    promise_max_days: String,
}

/// The settings of services.
#[derive(Debug, Serialize)]
pub(crate) struct ServicesPage {
    pub(crate) form: FormView<Fields>,
}

impl From<Services> for Fields {
    fn from(services: Services) -> Self {
        let ticked = |is_on: bool| if is_on { "on".to_owned() } else { String::new() };
        let Services { username_pattern, first_due_days, proration_rounding, .. } = services;
        Self {
            username_pattern,
            first_due_days: first_due_days.to_string(),
            proration_rounding: proration_rounding.to_string(),
            late_payment_shifts: ticked(services.late_payment_shifts),
            isolates_prorated: ticked(services.isolates_prorated),
            change_pays_first: ticked(services.change_pays_first),
            pause_isolates: ticked(services.pause_isolates),
            promise_max_days: services.promise_max_days.to_string(),
        }
    }
}

impl Fields {
    /// The settings of what was typed.
    ///
    /// # Errors
    /// What is none.
    pub(crate) fn read(&self) -> Result<Services, FormErrors> {
        let mut check = Check::default();
        let username_pattern = self.username_pattern.trim().to_owned();
        if Pattern::parse(&username_pattern, "site").is_none() {
            check.refuse("username_pattern", FieldError::new("bad_pattern"));
        }
        let days = check.int("first_due_days", &self.first_due_days, 0..=MAX_FIRST_DUE_DAYS);
        let rounding = check.int("proration_rounding", &self.proration_rounding, 1..=MAX_ROUNDING);
        let promise = check.int("promise_max_days", &self.promise_max_days, 0..=MAX_PROMISE_DAYS);
        let (Some(first_due_days), Some(proration_rounding), Some(promise_max_days), true) =
            (days, rounding, promise, check.is_clean())
        else {
            return Err(check.into_errors());
        };
        Ok(Services {
            username_pattern,
            first_due_days,
            proration_rounding,
            late_payment_shifts: Check::ticked(&self.late_payment_shifts),
            isolates_prorated: Check::ticked(&self.isolates_prorated),
            change_pays_first: Check::ticked(&self.change_pays_first),
            pause_isolates: Check::ticked(&self.pause_isolates),
            promise_max_days,
        })
    }
}

impl Page for ServicesPage {
    const TEMPLATE: &'static str = "settings/services.html";

    fn samples() -> Vec<Self> {
        let values = Fields::from(Services::default());
        let mut errors = FormErrors::of("username_pattern", FieldError::new("bad_pattern"));
        errors.add("first_due_days", FieldError::new("bad_first_due_days"));
        errors.add("proration_rounding", FieldError::new("bad_rounding"));
        errors.add("promise_max_days", FieldError::new("bad_promise_days"));
        let again = FormView::again(values.clone(), errors, "");
        vec![Self { form: FormView::fresh(values) }, Self { form: again }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_from_their_form() {
        let services = Services {
            late_payment_shifts: false,
            isolates_prorated: false,
            pause_isolates: true,
            first_due_days: 5,
            ..Services::default()
        };
        assert_eq!(Fields::from(services.clone()).read(), Ok(services));
        let bad = Fields { username_pattern: "x".into(), first_due_days: "soon".into(), ..Services::default().into() };
        assert_eq!(bad.read().unwrap_err().iter().count(), 2);
    }
}
