//! Periodic jobs: each slot of time is enqueued once, whoever comes first.

use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::{Job, Said, When, enqueue, store};
use crate::{
    app::App, billing::approvals::Approve, clock, ledger::jobs::Prove, payments::jobs::ProveDocuments,
    vouchers::CleanUp,
};

/// How often slots are looked at.
const TICK: Duration = Duration::from_secs(30);
const HOUR_SECS: i64 = 3600;
/// When nightly work begins, after midnight UTC: at 2:00 in western, 4:00 in eastern Indonesia.
const NIGHT_SECS: i64 = 19 * HOUR_SECS;
/// So soon does a changed setting reach vouchers that lie on routers.
const CLEAN_UP_SECS: i64 = 300;
/// So exactly are drafts issued after the hours they wait for somebody.
const APPROVAL_SECS: i64 = 900;

/// Enqueues what is due until the app stops.
pub async fn run(app: App) {
    loop {
        if let Err(error) = enqueue_due(&app).await {
            tracing::error!("periodic jobs could not be enqueued: {error:#}");
        }
        if let Err(error) = crate::billing::schedule::open_due(&app).await {
            tracing::error!("nights could not be opened: {error:#}");
        }
        tokio::time::sleep(TICK).await;
    }
}

async fn enqueue_due(app: &App) -> anyhow::Result<()> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let slot = |secs: i64| now.timestamp().div_euclid(secs);
    let hourly = When { at: None, dedupe: Some(format!("{}@{}", Purge::KIND, slot(HOUR_SECS))) };
    enqueue(&*tx, now, &Purge {}, hourly).await?;
    let since = When { at: None, dedupe: Some(format!("{}@{}", Prove::KIND, slot(HOUR_SECS))) };
    enqueue(&*tx, now, &Prove { whole: false }, since).await?;
    let night = (now.timestamp() - NIGHT_SECS).div_euclid(DAY_SECS);
    let nightly = When { at: None, dedupe: Some(format!("{}@night-{night}", Prove::KIND)) };
    enqueue(&*tx, now, &Prove { whole: true }, nightly).await?;
    let nightly = When { at: None, dedupe: Some(format!("{}@night-{night}", ProveDocuments::KIND)) };
    enqueue(&*tx, now, &ProveDocuments {}, nightly).await?;
    let often = When { at: None, dedupe: Some(format!("{}@{}", CleanUp::KIND, slot(CLEAN_UP_SECS))) };
    enqueue(&*tx, now, &CleanUp {}, often).await?;
    let often = When { at: None, dedupe: Some(format!("{}@{}", Approve::KIND, slot(APPROVAL_SECS))) };
    enqueue(&*tx, now, &Approve {}, often).await?;
    tx.commit().await.context("committing periodic jobs")
}

/// Deletes what is only kept for a while: applied inbox rows (7 days), done jobs (7 days), idempotency keys (24 h),
/// sessions that are over (30 days), messages that were dropped (90 days).
#[derive(Debug, Serialize, Deserialize)]
pub struct Purge {}

const KEEP_INBOX_DAYS: i64 = 7;
const KEEP_JOBS_DAYS: i64 = 7;
const DAY_SECS: i64 = 86_400;

impl Job for Purge {
    const KIND: &'static str = "jobs.purge";

    async fn run(self, app: &App) -> anyhow::Result<Said> {
        let now = app.clock.now();
        let tx = app.db.begin().await?;
        let jobs = store::purge_done(&*tx, now - clock::seconds(KEEP_JOBS_DAYS * DAY_SECS)).await?;
        let inbox = crate::mqtt::inbox::purge(&*tx, now - clock::seconds(KEEP_INBOX_DAYS * DAY_SECS)).await?;
        let sessions = crate::admins::purge_sessions(&*tx, now).await?;
        let keys = crate::http::api::purge_idempotency_keys(&*tx, now).await?;
        let lines = crate::customers::import::purge(&*tx, now).await?;
        let lines = lines + crate::subscriptions::intake::purge(&*tx, now).await?;
        let messages = crate::notifications::purge(&*tx, now).await?;
        tx.commit().await.context("committing the purge")?;
        Ok(Said::new("purged")
            .count("jobs", jobs)
            .count("inbox", inbox)
            .count("sessions", sessions)
            .count("keys", keys)
            .count("lines", lines)
            .count("messages", messages))
    }
}
