//! What the page of the settings of the monthly business shows, and how its form is read.

use serde::{Deserialize, Serialize};

use super::{Billing, LIMITS};
use crate::http::{
    form::{Check, FieldError, FormErrors, FormView},
    page::Page,
};

/// The settings as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    invoice_days_ahead: String,
    is_balance_used: String,
    isolation_hold_share_percent: String,
    isolation_hold_count: String,
    isolation_wave_size: String,
    quiet_from: String,
    quiet_until: String,
    payment_instructions: String,
}

/// The settings of the monthly business.
#[derive(Debug, Serialize)]
pub(crate) struct BillingPage {
    pub(crate) form: FormView<Fields>,
}

impl From<Billing> for Fields {
    fn from(billing: Billing) -> Self {
        let ticked = |yes: bool| if yes { "on".to_owned() } else { String::new() };
        Self {
            invoice_days_ahead: billing.invoice_days_ahead.to_string(),
            is_balance_used: ticked(billing.is_balance_used),
            isolation_hold_share_percent: billing.isolation_hold_share_percent.to_string(),
            isolation_hold_count: billing.isolation_hold_count.to_string(),
            isolation_wave_size: billing.isolation_wave_size.to_string(),
            quiet_from: billing.quiet_from.to_string(),
            quiet_until: billing.quiet_until.to_string(),
            payment_instructions: billing.payment_instructions,
        }
    }
}

impl Fields {
    /// The settings of what was typed.
    ///
    /// # Errors
    /// What is no number, or out of its limits.
    pub(crate) fn read(&self) -> Result<Billing, FormErrors> {
        let mut check = Check::default();
        let typed = [
            &self.invoice_days_ahead,
            &self.isolation_hold_share_percent,
            &self.isolation_hold_count,
            &self.isolation_wave_size,
            &self.quiet_from,
            &self.quiet_until,
        ];
        let numbers = LIMITS.iter().zip(typed).map(|((field, min, max), text)| check.int(field, text, *min..=*max));
        let numbers: Vec<i64> = numbers.map(Option::unwrap_or_default).collect();
        if !check.is_clean() {
            return Err(check.into_errors());
        }
        // Browsers end lines with two characters.
        let lines: Vec<&str> = self.payment_instructions.trim().lines().map(str::trim_end).collect();
        let small = |at: usize| numbers.get(at).and_then(|number| i32::try_from(*number).ok()).unwrap_or_default();
        let billing = Billing {
            invoice_days_ahead: small(0),
            is_balance_used: Check::ticked(&self.is_balance_used),
            isolation_hold_share_percent: small(1),
            isolation_hold_count: small(2),
            isolation_wave_size: small(3),
            quiet_from: small(4).unsigned_abs(),
            quiet_until: small(5).unsigned_abs(),
            payment_instructions: lines.join("\n"),
        };
        let mut errors = FormErrors::default();
        for bad in billing.faults() {
            errors.add(bad.field, FieldError::new(bad.code));
        }
        if errors.is_empty() { Ok(billing) } else { Err(errors) }
    }
}

impl Page for BillingPage {
    const TEMPLATE: &'static str = "settings/billing.html";

    fn samples() -> Vec<Self> {
        let values = Fields::from(Billing::default());
        let mut errors = FormErrors::default();
        for (field, min, max) in LIMITS {
            errors.add(field, FieldError::new("out_of_range").arg("min", min).arg("max", max));
        }
        errors.add("payment_instructions", FieldError::new("payment_instructions"));
        let again = FormView::again(values.clone(), errors, "");
        vec![Self { form: FormView::fresh(values) }, Self { form: again }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_reads_back_the_same() {
        let payment_instructions = "BCA 1234567890\na.n. Kebon Net".to_owned();
        let billing = Billing { is_balance_used: false, quiet_from: 21, payment_instructions, ..Billing::default() };
        assert_eq!(Fields::from(billing.clone()).read().unwrap(), billing);
        let typed = "\r\n BCA 1234567890  \r\na.n. Kebon Net\r\n".to_owned();
        let fields = Fields { payment_instructions: typed, ..Fields::from(billing.clone()) };
        assert_eq!(fields.read().unwrap(), billing);
        let fields = Fields { payment_instructions: "x\n".repeat(9), ..Fields::from(billing.clone()) };
        assert!(fields.read().is_err());
        let fields = Fields { isolation_hold_count: "banyak".to_owned(), ..Fields::from(billing) };
        assert!(fields.read().is_err());
    }
}
