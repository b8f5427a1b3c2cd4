//! What the operator chose of payments.

use serde::{Deserialize, Serialize};

use super::BadSetting;
use crate::ledger::numbers::NumberFormat;

/// Most days that the rest of a part payment may be promised for.
const MAX_PROMISE_DAYS: i32 = 60;

/// What the operator chose of payments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Payments {
    /// How receipts are numbered: `KW-{yyyy}{mm}{dd}-{seq:4}`.
    pub receipt_number_format: String,
    /// From which share of what is overdue, in percent, a service is open again; 100 = only when all is paid.
    pub reopen_share_percent: i32,
    /// Days for which the rest is promised then.
    pub partial_promise_days: i32,
}

impl Default for Payments {
    fn default() -> Self {
        Self {
            receipt_number_format: "KW-{yyyy}{mm}{dd}-{seq:4}".to_owned(),
            reopen_share_percent: 100,
            partial_promise_days: 7,
        }
    }
}

impl Payments {
    /// Every field that is not valid.
    #[must_use]
    pub fn faults(&self) -> Vec<BadSetting> {
        let mut faults = Vec::new();
        let mut bad = |field, code| faults.push(BadSetting { field, code });
        if NumberFormat::parse(&self.receipt_number_format).is_err() {
            bad("receipt_number_format", "number_format");
        }
        if !(1..=100).contains(&self.reopen_share_percent) {
            bad("reopen_share_percent", "percent_range");
        }
        if !(0..=MAX_PROMISE_DAYS).contains(&self.partial_promise_days) {
            bad("partial_promise_days", "promise_days");
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_open_for_nothing_or_number_twice_is_refused() {
        let of = |format: &str, percent, days| {
            let payments = Payments {
                receipt_number_format: format.to_owned(),
                reopen_share_percent: percent,
                partial_promise_days: days,
            };
            payments.faults().into_iter().map(|bad| bad.field).collect::<Vec<_>>()
        };
        assert_eq!(Payments::default().faults(), []);
        assert!(of("KW-{seq}", 1, 0).is_empty());
        assert_eq!(of("KW", 80, 7), ["receipt_number_format"]);
        assert_eq!(of("{seq}", 0, 7), ["reopen_share_percent"]);
        assert_eq!(of("{seq}", 101, 61), ["reopen_share_percent", "partial_promise_days"]);
        assert_eq!(of("{seq}", 80, 61), ["partial_promise_days"]);
    }
}
