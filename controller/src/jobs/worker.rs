//! The worker: claims jobs by lease, runs them side by side, retries with growing waits, parks what keeps failing.

use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;

use super::{registry, store};
use crate::{app::App, clock};

/// Jobs of one process at a time.
const SIDE_BY_SIDE: usize = 8;
/// A job that takes longer is taken for dead and given to another.
const LEASE_SECS: i64 = 120;
/// Looks without being woken this often.
const IDLE: Duration = Duration::from_secs(2);
const FIRST_RETRY_SECS: i64 = 5;
const LONGEST_RETRY_SECS: i64 = 3600;

/// Runs jobs until the app stops; running ones are given time to end by the app's task tracker.
pub async fn run(app: App) {
    let mut running = JoinSet::new();
    loop {
        while running.try_join_next().is_some() {}
        let woken = app.db.committed();
        match claim(&app, SIDE_BY_SIDE - running.len().min(SIDE_BY_SIDE)).await {
            Ok(claimed) => {
                for job in claimed {
                    let app = app.clone();
                    running.spawn(async move { execute(&app, job).await });
                }
            }
            Err(error) => tracing::error!("jobs could not be claimed: {error:#}"),
        }
        tokio::select! {
            () = app.stop.cancelled() => break,
            () = woken => {}
            () = tokio::time::sleep(IDLE) => {}
            Some(_ended) = running.join_next(), if !running.is_empty() => {}
        }
    }
    while running.join_next().await.is_some() {}
}

async fn claim(app: &App, limit: usize) -> anyhow::Result<Vec<store::Claimed>> {
    let now = app.clock.now();
    if limit == 0 || store::next_due(app.db.read()).await?.is_none_or(|due| due > now) && !orphans(app).await? {
        return Ok(Vec::new());
    }
    let tx = app.db.begin().await?;
    let limit = u64::try_from(limit).unwrap_or(1);
    let claimed = store::claim(&*tx, now, &app.instance, clock::seconds(LEASE_SECS), limit).await?;
    tx.commit().await.context("committing the claim")?;
    Ok(claimed)
}

/// Are there jobs whose holder died?
async fn orphans(app: &App) -> anyhow::Result<bool> {
    Ok(store::orphaned(app.db.read(), app.clock.now()).await?)
}

#[tracing::instrument(skip_all, fields(job.id = job.id, job.kind = %job.kind))]
async fn execute(app: &App, job: store::Claimed) {
    let outcome = registry::run(app, &job.kind, job.payload.clone()).await;
    if let Err(error) = record(app, &job, outcome).await {
        tracing::error!("the job's outcome could not be recorded, it will run again: {error:#}");
    }
}

async fn record(app: &App, job: &store::Claimed, outcome: registry::Outcome) -> anyhow::Result<()> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    match outcome {
        registry::Outcome::Done(result) => store::done(&*tx, now, job.id, &result).await?,
        registry::Outcome::Failed { error, max_attempts } => {
            let again = job.attempts < max_attempts;
            tracing::warn!(attempt = job.attempts, again, "job failed: {error}");
            let at = again.then(|| now + clock::seconds(retry_secs(job.attempts)));
            store::failed(&*tx, job.id, &error, at).await?;
        }
    }
    tx.commit().await.context("committing a job's outcome")
}

/// 5 s, 10 s, 20 s … an hour.
fn retry_secs(attempts: i32) -> i64 {
    let doublings = u32::try_from(attempts.clamp(1, 20) - 1).unwrap_or(0);
    FIRST_RETRY_SECS.saturating_mul(1 << doublings).min(LONGEST_RETRY_SECS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_wait_longer_each_time_up_to_an_hour() {
        assert_eq!([1, 2, 3, 9, 11, 1000].map(retry_secs), [5, 10, 20, 1280, 3600, 3600]);
    }
}
