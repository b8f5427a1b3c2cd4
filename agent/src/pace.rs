//! How many commands may be on their way to the router at once: grows while its answer times stay flat, halves when
//! they rise. Pure; knows no fixed rate, so a strong router is used and a weak one is left to breathe.

use std::time::Duration;

const START: usize = 2;
const MAX: usize = 64;
/// Above this load the router gets the least.
const BUSY_CPU_PERCENT: u32 = 85;
/// In about this many answers the best time seen is forgotten.
const FORGET_ANSWERS: u32 = 4_096;
/// Answer times below this are noise.
const NOISE: Duration = Duration::from_millis(1);

/// The window of one connection.
#[derive(Debug)]
pub(crate) struct Pace {
    window: usize,
    /// The shortest mean answer time seen, creeping up so that it can be forgotten.
    base: Option<Duration>,
    /// The round being measured: answers and their sum.
    answers: u32,
    sum: Duration,
    busy: bool,
}

impl Pace {
    /// A window for a router not known yet.
    pub(crate) fn new() -> Self {
        Self { window: START, base: None, answers: 0, sum: Duration::ZERO, busy: false }
    }

    /// How many commands may be on their way.
    pub(crate) fn window(&self) -> usize {
        if self.busy { 1 } else { self.window }
    }

    /// An answer came after this time.
    pub(crate) fn answered(&mut self, took: Duration) {
        self.answers += 1;
        self.sum += took;
        if usize::try_from(self.answers).unwrap_or(usize::MAX) < self.window {
            return;
        }
        let mean = self.sum / self.answers;
        let answers = std::mem::take(&mut self.answers);
        self.sum = Duration::ZERO;
        let Some(base) = self.base else {
            self.base = Some(mean);
            return;
        };
        if mean <= base * 3 / 2 + NOISE {
            self.window = (self.window * 2).min(MAX);
        } else if mean > base * 2 + NOISE * 2 {
            self.window = (self.window / 2).max(1);
        }
        self.base = Some(base.min(mean) + base * answers / FORGET_ANSWERS);
    }

    /// A command timed out or its outcome is unknown.
    pub(crate) fn trouble(&mut self) {
        self.window = (self.window / 2).max(1);
        (self.answers, self.sum) = (0, Duration::ZERO);
    }

    /// The router's own word on its load.
    pub(crate) fn cpu(&mut self, percent: u32) {
        self.busy = percent > BUSY_CPU_PERCENT;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Time to do `count` commands on a router that works on `lanes` at once, each taking `each`.
    fn run(pace: &mut Pace, count: usize, lanes: usize, each: Duration) -> Duration {
        let mut free = vec![Duration::ZERO; lanes];
        let mut in_flight: Vec<(Duration, Duration)> = Vec::new();
        let (mut now, mut sent) = (Duration::ZERO, 0);
        while sent < count || !in_flight.is_empty() {
            while sent < count && in_flight.len() < pace.window() {
                let lane = free.iter_mut().min().unwrap();
                let done = (*lane).max(now) + each;
                *lane = done;
                in_flight.push((done, now));
                sent += 1;
            }
            in_flight.sort();
            let (done, began) = in_flight.remove(0);
            now = done;
            pace.answered(done - began);
        }
        now
    }

    #[test]
    fn a_serial_router_is_kept_busy_without_a_queue() {
        for millis in [1, 5, 20, 100] {
            let mut pace = Pace::new();
            let each = Duration::from_millis(millis);
            let took = run(&mut pace, 1_000, 1, each);
            assert!(took <= each * 1_010, "{took:?}");
            assert!(pace.window() <= 8, "{} at {millis} ms", pace.window());
        }
    }

    #[test]
    fn a_router_that_answers_at_once_gets_the_full_window() {
        let mut pace = Pace::new();
        run(&mut pace, 1_000, 64, Duration::from_micros(200));
        assert_eq!(pace.window(), MAX);
        let mut pace = Pace::new();
        run(&mut pace, 1_000, 64, Duration::from_millis(30));
        assert_eq!(pace.window(), MAX);
    }

    #[test]
    fn a_router_that_slows_down_gets_less_and_recovers() {
        let mut pace = Pace::new();
        run(&mut pace, 500, 64, Duration::from_millis(5));
        for _ in 0..400 {
            pace.answered(Duration::from_millis(80));
        }
        assert!(pace.window() <= 4, "{}", pace.window());
        for _ in 0..2_000 {
            pace.answered(Duration::from_millis(5));
        }
        assert_eq!(pace.window(), MAX);
    }

    #[test]
    fn trouble_and_load_hold_back_at_once() {
        let mut pace = Pace::new();
        run(&mut pace, 500, 64, Duration::from_millis(1));
        pace.trouble();
        assert_eq!(pace.window(), MAX / 2);
        pace.cpu(99);
        assert_eq!(pace.window(), 1);
        pace.cpu(10);
        assert_eq!(pace.window(), MAX / 2);
        for _ in 0..20 {
            pace.trouble();
        }
        assert_eq!(pace.window(), 1);
    }
}
