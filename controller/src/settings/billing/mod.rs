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
        }
    }
}

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

    /// Checks every number.
    ///
    /// # Errors
    /// The first that is out of its limits.
    pub fn check(&self) -> Result<(), BadSetting> {
        let bad = LIMITS.iter().zip(self.numbers()).find(|((_, min, max), number)| !(min..=max).contains(&number));
        bad.map_or(Ok(()), |((field, _, _), _)| Err(BadSetting { field, code: "setting_out_of_range" }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_out_of_its_limits_is_named() {
        assert_eq!(Billing::default().check(), Ok(()));
        let bad = Billing { isolation_wave_size: 0, ..Billing::default() }.check().unwrap_err();
        assert_eq!(bad.field, "isolation_wave_size");
        let bad = Billing { quiet_until: 24, ..Billing::default() }.check().unwrap_err();
        assert_eq!(bad.field, "quiet_until");
    }
}
