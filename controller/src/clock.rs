//! The one place that reads the clock. Everything else takes `now` or a [`Clock`].

use std::{fmt::Debug, future::Future, pin::Pin, time::Duration};

use chrono::{DateTime, SubsecRound as _, Utc};

/// What time it is, and waiting for a time. Tests bring their own.
pub trait Clock: Send + Sync + Debug {
    /// Now, whole milliseconds.
    fn now(&self) -> DateTime<Utc>;

    /// Completes when `until` has come.
    fn sleep_until(&self, until: DateTime<Utc>) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(3)
    }

    fn sleep_until(&self, until: DateTime<Utc>) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            // In steps, so that a clock set forward is noticed.
            const STEP: Duration = Duration::from_secs(5);
            while let Ok(left) = (until - self.now()).to_std() {
                if left.is_zero() {
                    break;
                }
                tokio::time::sleep(left.min(STEP)).await;
            }
        })
    }
}

/// `seconds` as a duration, saturating.
#[must_use]
pub fn seconds(seconds: i64) -> chrono::Duration {
    chrono::Duration::try_seconds(seconds).unwrap_or(chrono::Duration::MAX)
}
