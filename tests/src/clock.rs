//! The one clock of a test world: runs with the machine's, and can be put forward for everybody at once.

use std::{
    pin::Pin,
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::router_sim::SimClock;

/// A jump is noticed at once through `moved`; the machine's own steps within this time.
const NAP: Duration = Duration::from_millis(200);

/// The machine's time plus an offset that tests move.
#[derive(Debug)]
pub struct TestClock {
    start: Instant,
    moved: watch::Sender<i64>,
    jumped: AtomicI64,
}

impl Default for TestClock {
    fn default() -> Self {
        Self { start: Instant::now(), moved: watch::Sender::new(0), jumped: AtomicI64::new(0) }
    }
}

impl TestClock {
    /// Puts the clock forward; monotonic time goes along, as if it had passed.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.moved.send_modify(|offset| *offset += by);
    }

    /// Makes the wall clock jump, monotonic time stays: a clock that was set.
    pub fn jump(&self, by_ms: i64) {
        self.jumped.fetch_add(by_ms, Ordering::SeqCst);
        self.moved.send_modify(|offset| *offset += by_ms);
    }

    /// Unix ms.
    #[must_use]
    pub fn unix_ms(&self) -> i64 {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(wall.as_millis()).unwrap_or(i64::MAX) + *self.moved.borrow()
    }

    async fn until(&self, unix_ms: i64) {
        let mut moved = self.moved.subscribe();
        loop {
            let left = unix_ms - self.unix_ms();
            let Ok(left) = u64::try_from(left) else { return };
            if left == 0 {
                return;
            }
            let nap = Duration::from_millis(left).min(NAP);
            tokio::select! {
                () = tokio::time::sleep(nap) => {}
                _ = moved.changed() => {}
            }
        }
    }
}

impl SimClock for TestClock {
    fn now_ms(&self) -> i64 {
        self.unix_ms()
    }
}

impl hiji_controller::clock::Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.unix_ms()).unwrap_or_default()
    }

    fn sleep_until(&self, until: DateTime<Utc>) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.until(until.timestamp_millis()))
    }
}

impl hiji_agent::clock::Clock for TestClock {
    fn now_ms(&self) -> i64 {
        self.unix_ms()
    }

    fn monotonic_ms(&self) -> u64 {
        let passed = i64::try_from(self.start.elapsed().as_millis()).unwrap_or(i64::MAX);
        let advanced = *self.moved.borrow() - self.jumped.load(Ordering::SeqCst);
        u64::try_from(passed + advanced).unwrap_or(0)
    }

    fn sleep_until(&self, unix_ms: i64) -> hiji_agent::clock::Wait<'_> {
        Box::pin(self.until(unix_ms))
    }
}
