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
        registry::Outcome::Done(said) => store::done(&*tx, now, job.id, &said).await?,
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
    use axum::http::{Request, header};
    use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};

    use super::*;
    use crate::{
        billing::approvals::Approve,
        db::entity::job,
        http::access::Role,
        jobs::{When, enqueue},
        testing::on_each_database,
    };

    #[tokio::test]
    async fn what_a_job_said_is_told_in_the_readers_language() {
        on_each_database(async |app| {
            let tx = app.db.begin().await.unwrap();
            for _twice in 0..2 {
                enqueue(&*tx, app.app.clock.now(), &Approve {}, When::default()).await.unwrap();
            }
            tx.commit().await.unwrap();
            let claimed = claim(&app, 2).await.unwrap();
            let old = claimed[0].id;
            for job in claimed {
                execute(&app, job).await;
            }
            // One was done by a version that kept sentences.
            let tx = app.db.begin().await.unwrap();
            let older = job::Entity::update_many().col_expr(job::Column::Result, Expr::value("3 drafts, says 0.0.9"));
            older.filter(job::Column::Id.eq(old)).exec(&*tx).await.unwrap();
            tx.commit().await.unwrap();
            let token = app.signed_in(Role::SuperAdmin, &[]).await;
            for (language, sentence) in [("id", "0 draf diterbitkan."), ("en", "0 drafts issued.")] {
                let cookie = format!("hiji_session={token}; hiji_lang={language}");
                let request = Request::get("/settings/jobs").header(header::COOKIE, cookie).body(String::new());
                let (_, _, page) = app.ask(request.unwrap()).await;
                assert!(page.contains(sentence) && page.contains("3 drafts, says 0.0.9"), "{page}");
            }
            let request = Request::get("/api/v1/jobs").header(header::AUTHORIZATION, format!("Bearer {token}"));
            let (_, _, listed) = app.ask(request.body(String::new()).unwrap()).await;
            assert!(listed.contains(r#""result":{"code":"drafts_issued","args":{"count":0}}"#), "{listed}");
        })
        .await;
    }

    #[test]
    fn retries_wait_longer_each_time_up_to_an_hour() {
        assert_eq!([1, 2, 3, 9, 11, 1000].map(retry_secs), [5, 10, 20, 1280, 3600, 3600]);
    }
}
