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
    /// Whether a first invoice for a part of a period isolates when it is not paid; otherwise the next one does.
    pub isolates_prorated: bool,
    /// Whether another package that costs more holds only when the difference is paid, where it is paid at once.
    pub change_pays_first: bool,
    /// Whether paused users see the page of the isolated, instead of being switched off.
    pub pause_isolates: bool,
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
            isolates_prorated: true,
            change_pays_first: false,
            pause_isolates: false,
            promise_max_days: 7,
        }
    }
}

impl Services {
    /// Every field that cannot be.
    #[must_use]
    pub fn faults(&self) -> Vec<BadSetting> {
        let mut faults = Vec::new();
        let mut bad = |field, code| faults.push(BadSetting { field, code });
        if Pattern::parse(&self.username_pattern, "site").is_none() {
            bad("username_pattern", "bad_pattern");
        }
        if !(0..=MAX_FIRST_DUE_DAYS).contains(&self.first_due_days) {
            bad("first_due_days", "bad_first_due_days");
        }
        if !(0..=MAX_PROMISE_DAYS).contains(&self.promise_max_days) {
            bad("promise_max_days", "bad_promise_days");
        }
        if !(1..=MAX_ROUNDING).contains(&self.proration_rounding) {
            bad("proration_rounding", "bad_rounding");
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_named() {
        let usual = Services::default();
        assert_eq!(usual.faults(), []);
        for (bad, field) in [
            (Services { username_pattern: "{site}".into(), ..usual.clone() }, "username_pattern"),
            (Services { first_due_days: -1, ..usual.clone() }, "first_due_days"),
            (Services { promise_max_days: 32, ..usual.clone() }, "promise_max_days"),
            (Services { proration_rounding: 0, ..usual }, "proration_rounding"),
        ] {
            let fields: Vec<_> = bad.faults().into_iter().map(|bad| bad.field).collect();
            assert_eq!(fields, [field]);
        }
    }
}
