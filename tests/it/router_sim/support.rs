//! A clock to turn, a raw API connection, and conditions with a deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use hiji_agent::routeros::codec::{Decoder, Limits, encode};
use hiji_tests::router_sim::{RouterSim, SimClock, SimConfig, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// 2026-11-23 00:00:00 UTC.
pub(super) const START_MS: i64 = 1_795_392_000_000;
pub(super) const MINUTE: i64 = 60_000;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

const WITHIN: Duration = Duration::from_secs(10);

/// A clock that stands until it is turned.
#[derive(Debug)]
pub(super) struct TestClock(AtomicI64);

impl SimClock for TestClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A router in a world whose time is ours.
pub(super) struct Bench {
    pub(super) sim: RouterSim,
    clock: Arc<TestClock>,
}

impl Bench {
    pub(super) async fn new(version: Version) -> Self {
        Self::with(SimConfig { version, ..SimConfig::default() }).await
    }

    pub(super) async fn with(config: SimConfig) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(START_MS)));
        let shared: Arc<dyn SimClock> = Arc::<TestClock>::clone(&clock);
        let sim = RouterSim::start(SimConfig { clock: shared, ..config }).await.unwrap();
        Self { sim, clock }
    }

    /// Turns the clock, and lets the world catch up.
    pub(super) fn pass(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
        self.sim.tick();
    }

    /// A field of an item, empty when it is not shown.
    pub(super) fn field(&self, path: &str, name: &str, field: &str) -> String {
        self.sim.row(path, name).and_then(|row| row.get(field).cloned()).unwrap_or_default()
    }

    pub(super) fn count(&self, path: &str) -> usize {
        self.sim.rows(path).len()
    }
}

/// A connection that speaks sentences and nothing else.
pub(super) struct Raw {
    stream: TcpStream,
    decoder: Decoder,
}

impl Raw {
    pub(super) async fn connect(sim: &RouterSim) -> Self {
        Self { stream: TcpStream::connect(sim.api_addr()).await.unwrap(), decoder: Decoder::new(Limits::DEFAULT) }
    }

    /// Connected and logged in with the defaults of [`SimConfig`].
    pub(super) async fn admin(sim: &RouterSim) -> Self {
        let mut raw = Self::connect(sim).await;
        assert_eq!(raw.ask(&["/login", "=name=admin", "=password=secret"]).await, [["!done"]]);
        raw
    }

    pub(super) async fn say(&mut self, words: &[&str]) {
        let mut bytes = BytesMut::new();
        encode(words, &mut bytes);
        self.stream.write_all(&bytes).await.unwrap();
    }

    /// The next sentence, or `None` when the router closed.
    pub(super) async fn hear(&mut self) -> Option<Vec<String>> {
        loop {
            if let Some(sentence) = self.decoder.next_sentence().unwrap() {
                let text = |word: &bytes::Bytes| String::from_utf8_lossy(word).into_owned();
                return Some(sentence.words.iter().map(text).collect());
            }
            let mut buffer = [0; 4096];
            let read = tokio::time::timeout(WITHIN, self.stream.read(&mut buffer)).await.expect("an answer in time");
            match read {
                Ok(0) | Err(_) => return None,
                Ok(size) => self.decoder.feed(&buffer[..size]),
            }
        }
    }

    /// A command and every sentence up to its `!done`.
    pub(super) async fn ask(&mut self, words: &[&str]) -> Vec<Vec<String>> {
        self.say(words).await;
        let mut heard = Vec::new();
        loop {
            let sentence = self.hear().await.expect("the connection stays");
            let done = sentence[0] == "!done";
            heard.push(sentence);
            if done {
                return heard;
            }
        }
    }

    /// Nothing comes for a moment.
    pub(super) async fn silence(&mut self) -> bool {
        let mut buffer = [0; 64];
        tokio::time::timeout(Duration::from_millis(100), self.stream.read(&mut buffer)).await.is_err()
    }
}

/// Waits until the condition holds.
pub(super) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(WITHIN, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "never: {what}");
}
