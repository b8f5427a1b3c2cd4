//! The simulator's clock: injectable, so that stories advance days without sleeping.

use std::time::{SystemTime, UNIX_EPOCH};

/// Where the simulated world takes its time from: unix milliseconds.
pub trait SimClock: Send + Sync {
    /// The present moment, unix milliseconds.
    fn now_ms(&self) -> i64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemSimClock;

impl SimClock for SystemSimClock {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}
