//! When nights begin: each site's at its own hour, once a day, whichever controller looks first.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use super::{hour, night::Night, rules, store};
use crate::{
    app::App,
    http::access::Scope,
    ids::{self, RunId},
    jobs::{self, When},
    sites,
};

/// Opens the nights that are due.
///
/// # Errors
/// The database's.
pub async fn open_due(app: &App) -> anyhow::Result<()> {
    let now = app.clock.now();
    let all = sites::all(app.db.read(), &Scope::All).await.context("reading sites")?;
    let due: Vec<_> =
        all.iter().filter_map(|site| Some((site.id, rules::due_day(now, site.zone(), hour(site))?))).collect();
    let Some(first) = due.iter().map(|(_, day)| *day).min() else { return Ok(()) };
    let ids: Vec<_> = due.iter().map(|(site, _)| *site).collect();
    let known = store::last_runs(app.db.read(), &ids, first).await.context("reading runs")?;
    for (site, day) in due {
        if known.get(&site).is_some_and(|run| run.day >= day) {
            continue;
        }
        let tx = app.db.begin().await?;
        if let Some(run) = store::open(&*tx, now, site, day).await? {
            enqueue(&*tx, now, (run, None)).await?;
            tx.commit().await.context("committing a night")?;
        }
    }
    Ok(())
}

/// Has a run worked on, not before an instant. Each time is a job of its own; the run's row decides what is left to do.
///
/// # Errors
/// The database's.
pub(super) async fn enqueue(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    (run, at): (RunId, Option<DateTime<Utc>>),
) -> Result<(), DbErr> {
    let when = When { at, dedupe: Some(format!("billing.night@{run}-{}", ids::token())) };
    jobs::enqueue(tx, now, &Night { run }, when).await.map(|_is_new| ())
}
