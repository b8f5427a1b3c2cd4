//! A session's traffic: bytes that grow with time, computed when somebody looks.

/// Counters of one session from the router's view: `up` is what the client sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter {
    since_ms: i64,
    up: u64,
    down: u64,
    up_rate: u64,
    down_rate: u64,
}

impl Meter {
    /// A meter at zero that moves by so many bytes a second.
    pub(crate) fn new(now_ms: i64, up_rate: u64, down_rate: u64) -> Self {
        Self { since_ms: now_ms, up: 0, down: 0, up_rate, down_rate }
    }

    /// Bytes up and down at a moment.
    pub(crate) fn at(&self, now_ms: i64) -> (u64, u64) {
        let elapsed = u64::try_from(now_ms - self.since_ms).unwrap_or(0);
        let moved = |rate: u64| rate.saturating_mul(elapsed) / 1000;
        (self.up.saturating_add(moved(self.up_rate)), self.down.saturating_add(moved(self.down_rate)))
    }

    /// From now on so many bytes a second; 0 and 0 is an idle client.
    pub(crate) fn set_rates(&mut self, now_ms: i64, up_rate: u64, down_rate: u64) {
        (self.up, self.down) = self.at(now_ms);
        *self = Self { since_ms: now_ms, up_rate, down_rate, ..*self };
    }

    /// A transfer that happens at once.
    pub(crate) fn add(&mut self, now_ms: i64, up: u64, down: u64) {
        self.set_rates(now_ms, self.up_rate, self.down_rate);
        self.up = self.up.saturating_add(up);
        self.down = self.down.saturating_add(down);
    }

    /// Since when nothing has moved.
    pub(crate) fn idle_since(&self) -> Option<i64> {
        (self.up_rate == 0 && self.down_rate == 0).then_some(self.since_ms)
    }

    /// When the counters reach these limits, if ever.
    pub(crate) fn reaches(&self, limits: &ByteLimits) -> Option<i64> {
        let total = (self.up.saturating_add(self.down), self.up_rate.saturating_add(self.down_rate));
        let ways =
            [(limits.up, (self.up, self.up_rate)), (limits.down, (self.down, self.down_rate)), (limits.total, total)];
        ways.into_iter().filter_map(|(limit, (have, rate))| self.reaches_one(limit?, have, rate)).min()
    }

    fn reaches_one(&self, limit: u64, have: u64, rate: u64) -> Option<i64> {
        let missing = limit.saturating_sub(have);
        if missing == 0 {
            return Some(self.since_ms);
        }
        let ms = missing.saturating_mul(1000).checked_div(rate)?.saturating_add(1);
        Some(self.since_ms.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)))
    }
}

/// What a session may still transfer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ByteLimits {
    pub(crate) up: Option<u64>,
    pub(crate) down: Option<u64>,
    pub(crate) total: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_follow_time_and_rate_changes() {
        let mut meter = Meter::new(1_000, 10, 100);
        assert_eq!(meter.at(3_000), (20, 200));
        meter.set_rates(3_000, 0, 0);
        assert_eq!((meter.at(9_000), meter.idle_since()), ((20, 200), Some(3_000)));
        meter.add(9_000, 5, 5);
        assert_eq!((meter.at(9_000), meter.idle_since()), ((25, 205), Some(9_000)));
        assert_eq!(meter.at(0), (25, 205), "a clock that goes back takes nothing away");
    }

    #[test]
    fn a_limit_is_reached_when_the_counter_is_there() {
        let meter = Meter::new(0, 10, 100);
        let limits = ByteLimits { total: Some(1_100), ..ByteLimits::default() };
        let at = meter.reaches(&limits).unwrap();
        let (up, down) = meter.at(at);
        assert!(up + down >= 1_100 && at <= 10_001, "{at} {up} {down}");
        assert_eq!(Meter::new(0, 0, 0).reaches(&limits), None);
    }
}
