//! Settings of the monthly business: what the nightly run does by itself, and when it waits for a person.

pub(crate) mod pages;
pub(crate) mod routes;

use serde::{Deserialize, Serialize};

use super::BadSetting;

/// What the operator chose of the monthly business.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Billing {
    /// Days before a period begins on which its invoice is made.
    pub invoice_days_ahead: i32,
    /// Whether a new invoice is paid from the customer's balance at once, as far as it goes.
    pub is_balance_used: bool,
    /// A plan that isolates more than this share of a site's active services waits for a person, per cent.
    pub isolation_hold_share_percent: i32,
    /// A plan that isolates more than so many waits for a person.
    pub isolation_hold_count: i32,
    /// How many are isolated at once.
    pub isolation_wave_size: i32,
    /// Hour of the site's day from which customers are not written to.
    pub quiet_from: u32,
    /// Hour from which they are again. The same hour: at any time.
    pub quiet_until: u32,
    /// How invoices are paid, printed on them as it stands: bank accounts, opening hours. Empty: nothing is said.
    pub payment_instructions: String,
}

impl Default for Billing {
    fn default() -> Self {
        Self {
            invoice_days_ahead: 7,
            is_balance_used: true,
            isolation_hold_share_percent: 20,
            isolation_hold_count: 50,
            isolation_wave_size: 50,
            quiet_from: 20,
            quiet_until: 7,
            payment_instructions: String::new(),
        }
    }
}

/// Characters of what is said about paying.
pub const MAX_INSTRUCTIONS: usize = 400;
/// Lines of it: a roll of paper is narrow.
pub const MAX_INSTRUCTION_LINES: usize = 8;

/// Least and most of each number.
pub(crate) const LIMITS: [(&str, i64, i64); 6] = [
    ("invoice_days_ahead", 0, 28),
    ("isolation_hold_share_percent", 1, 100),
    ("isolation_hold_count", 1, 100_000),
    ("isolation_wave_size", 1, 1_000),
    ("quiet_from", 0, 23),
    ("quiet_until", 0, 23),
];

impl Billing {
    /// Its numbers, in the order of [`LIMITS`].
    fn numbers(&self) -> [i64; 6] {
        [
            self.invoice_days_ahead.into(),
            self.isolation_hold_share_percent.into(),
            self.isolation_hold_count.into(),
            self.isolation_wave_size.into(),
            self.quiet_from.into(),
            self.quiet_until.into(),
        ]
    }

    /// Everything that is out of its limits, or cannot be said about paying.
    #[must_use]
    pub fn faults(&self) -> Vec<BadSetting> {
        let numbers = LIMITS.iter().zip(self.numbers());
        let bad = numbers.filter(|((_, min, max), number)| !(min..=max).contains(&number));
        let mut faults: Vec<BadSetting> =
            bad.map(|((field, _, _), _)| BadSetting { field, code: "setting_out_of_range" }).collect();
        if !are_printable(&self.payment_instructions) {
            faults.push(BadSetting { field: "payment_instructions", code: "payment_instructions" });
        }
        faults
    }
}

/// Whether a text of several lines fits a document.
fn are_printable(text: &str) -> bool {
    text.chars().count() <= MAX_INSTRUCTIONS
        && text.lines().count() <= MAX_INSTRUCTION_LINES
        && !text.chars().any(|char| char.is_control() && char != '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_about_paying_fits_a_strip_of_paper() {
        let of = |text: String| Billing { payment_instructions: text, ..Billing::default() }.faults();
        assert_eq!(of("BCA 1234567890\na.n. Kebon Net".to_owned()), []);
        for bad in ["x\n".repeat(MAX_INSTRUCTION_LINES + 1), "x".repeat(MAX_INSTRUCTIONS + 1), "a\u{7}".to_owned()] {
            assert_eq!(of(bad).iter().map(|bad| bad.field).collect::<Vec<_>>(), ["payment_instructions"]);
        }
    }

    #[test]
    fn a_number_out_of_its_limits_is_named() {
        assert_eq!(Billing::default().faults(), []);
        let faults = Billing { isolation_wave_size: 0, quiet_until: 24, ..Billing::default() }.faults();
        assert_eq!(faults.iter().map(|bad| bad.field).collect::<Vec<_>>(), ["isolation_wave_size", "quiet_until"]);
    }
}
