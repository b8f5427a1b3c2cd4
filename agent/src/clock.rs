//! The clock, as an argument: tests bring their own. The only file that reads the system's.
//!
//! Only what belongs to wall time goes through it (when something falls due, when something happened). Polls, timeouts
//! and backoffs are runtime timers: they pace work and mean nothing outside this process.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    time::{Duration, Instant},
};

/// A boxed wait.
pub type Wait<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Wall time, and time that only goes forward.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Wall clock, unix milliseconds. May jump.
    fn now_ms(&self) -> i64;

    /// Milliseconds since some fixed moment of this process. Never goes back. It runs evenly with the wall clock: a test
    /// that advances one advances both, and one that moves only the wall clock makes it jump.
    fn monotonic_ms(&self) -> u64;

    /// Waits until the wall clock shows `unix_ms` or later, also when it jumps there.
    fn sleep_until(&self, unix_ms: i64) -> Wait<'_>;
}

/// The machine's own clock.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

/// A jump of the wall clock is noticed within this time.
const LONGEST_NAP: Duration = Duration::from_secs(5);

impl SystemClock {
    /// A clock whose monotonic time starts now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now_ms(&self) -> i64 {
        chrono::Utc::now().timestamp_millis()
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn sleep_until(&self, unix_ms: i64) -> Wait<'_> {
        Box::pin(async move {
            loop {
                let left = unix_ms.saturating_sub(self.now_ms());
                let Ok(left) = u64::try_from(left) else { return };
                if left == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(left).min(LONGEST_NAP)).await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_moment_in_the_past_is_not_waited_for() {
        let clock = SystemClock::new();
        let before = clock.monotonic_ms();
        clock.sleep_until(clock.now_ms() - 1_000).await;
        clock.sleep_until(clock.now_ms() + 20).await;
        assert!(clock.monotonic_ms() >= before + 19);
    }
}
