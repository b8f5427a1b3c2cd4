//! Waiting on a condition with a deadline; nothing in a test sleeps for a fixed time.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

const STEP: Duration = Duration::from_millis(20);

/// Asks until the answer is `Some`, or panics with what was waited for.
///
/// # Panics
/// When the deadline passes.
pub async fn until<T, F, Fut>(what: impl Debug, within: Duration, mut ask: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(start.elapsed() < within, "not within {within:?}: {what:?}");
        tokio::time::sleep(STEP).await;
    }
}

/// The same for a plain condition.
///
/// # Panics
/// When the deadline passes.
pub async fn holds(what: impl Debug, within: Duration, mut ask: impl FnMut() -> bool) {
    until(what, within, || std::future::ready(ask().then_some(()))).await;
}
