//! Settings of services: how users are named, how days are counted and rounded.

pub(crate) mod pages;
pub(crate) mod routes;
mod rules;

use serde::{Deserialize, Serialize};

use super::BadSetting;

pub use rules::{MAX_PATTERN, MAX_USERNAME, Pattern, is_name, slug};

/// Days that a first invoice may wait.
pub(crate) const MAX_FIRST_DUE_DAYS: i64 = 60;
/// Days that a promise to pay may open service at most.
pub(crate) const MAX_PROMISE_DAYS: i64 = 31;
/// The coarsest rounding, minor units.
pub(crate) const MAX_ROUNDING: i64 = 10_000;

/// What the operator chose of services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
#[schema(as = ServiceSettings)]
pub struct Services {
    /// Usernames of new services: `{site}-{seq:4}`.
    pub username_pattern: String,
    /// Days after its start in which a first postpaid invoice is to be paid.
    pub first_due_days: i64,
    /// Parts of a period are rounded to a multiple of so many minor units.
    pub proration_rounding: i64,
    /// Whether prepaid service that is paid after it was taken away begins on the day of payment.
    pub late_payment_shifts: bool,
    /// Whether another package that costs more holds only when the difference is paid, where it is paid at once.
    pub change_pays_first: bool,
    /// Days, today not counted, that a promise to pay may open service.
    pub promise_max_days: i64,
}

impl Default for Services {
    fn default() -> Self {
        Self {
            username_pattern: "{site}-{seq:4}".to_owned(),
            first_due_days: 3,
            proration_rounding: 100,
            late_payment_shifts: true,
            change_pays_first: false,
            promise_max_days: 7,
        }
    }
}

impl Services {
    /// Checks every field.
    ///
    /// # Errors
    /// The first that cannot be.
    pub fn check(&self) -> Result<(), BadSetting> {
        if Pattern::parse(&self.username_pattern, "site").is_none() {
            return Err(BadSetting { field: "username_pattern", code: "bad_pattern" });
        }
        if !(0..=MAX_FIRST_DUE_DAYS).contains(&self.first_due_days) {
            return Err(BadSetting { field: "first_due_days", code: "bad_first_due_days" });
        }
        if !(0..=MAX_PROMISE_DAYS).contains(&self.promise_max_days) {
            return Err(BadSetting { field: "promise_max_days", code: "bad_promise_days" });
        }
        if !(1..=MAX_ROUNDING).contains(&self.proration_rounding) {
            return Err(BadSetting { field: "proration_rounding", code: "bad_rounding" });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_named() {
        let usual = Services::default();
        assert_eq!(usual.check(), Ok(()));
        for (bad, field) in [
            (Services { username_pattern: "{site}".into(), ..usual.clone() }, "username_pattern"),
            (Services { first_due_days: -1, ..usual.clone() }, "first_due_days"),
            (Services { promise_max_days: 32, ..usual.clone() }, "promise_max_days"),
            (Services { proration_rounding: 0, ..usual }, "proration_rounding"),
        ] {
            assert_eq!(bad.check().unwrap_err().field, field);
        }
    }
}
