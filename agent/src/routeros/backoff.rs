//! How long to wait before the next attempt to reach a router: doubling, with jitter, between two bounds.

use std::time::Duration;

/// First and longest wait.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// The waits of one reconnect loop. Call [`Self::reset`] once a connection has proven useful, not when it is merely
/// open: a router that accepts and drops connections would otherwise be tried once a second for ever.
#[derive(Debug, Clone)]
pub struct Backoff {
    next: Duration,
}

impl Backoff {
    #[must_use]
    pub const fn new() -> Self {
        Self { next: FIRST }
    }

    /// The next wait: between half and all of a length that doubles up to a minute. The jitter keeps the agents of a
    /// site from coming back in step after a power cut.
    pub fn next_wait(&mut self) -> Duration {
        let full = self.next;
        self.next = LONGEST.min(full * 2);
        full / 2 + jitter(full / 2)
    }

    /// Starts again from the first wait.
    pub const fn reset(&mut self) {
        self.next = FIRST;
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

/// Anything from nothing to `most`. Without randomness (early boot) it is all of it: late is safe.
fn jitter(most: Duration) -> Duration {
    const STEPS: u32 = 1000;
    let step = getrandom::u32().map_or(STEPS, |random| random % (STEPS + 1));
    most * step / STEPS
}
