//! A night worked off: chunk after chunk, each with its step of the cursor in one transaction.
//!
//! Whoever works holds the run's row, so two never do the same chunk; a job works for a while and hands on to the next, so
//! that its lease is never overrun. A chunk that fails is done again one by one, and what fails alone is named and left
//! for tomorrow.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::{Problem, Run, RunState, comeback, schedule, steps, store};
use crate::{
    app::App,
    audit::{self, Deed},
    db::Tx,
    events::{self, BusinessEvent},
    http::access::Scope,
    ids::RunId,
    jobs::{Job, Said},
    subscriptions,
};

/// Subscriptions, invoices or customers of one transaction.
pub(super) const CHUNK: u64 = 500;
/// A job works so long before it hands on: well below its lease.
const SLICE: Duration = Duration::from_secs(60);

/// Works a night off.
#[derive(Debug, Serialize, Deserialize)]
pub struct Night {
    pub run: RunId,
}

/// What a chunk left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    More,
    Nothing,
}

impl Job for Night {
    const KIND: &'static str = "billing.night";

    async fn run(self, app: &App) -> anyhow::Result<Said> {
        if let Some(at) = comeback::look_again(app).await.context("looking for agents")? {
            let tx = app.db.begin().await?;
            schedule::enqueue(&*tx, app.clock.now(), (self.run, Some(at))).await?;
            tx.commit().await?;
            return Ok(Said::new("waits_for_agents"));
        }
        let begun = Instant::now();
        let worked = work(app, self.run, || begun.elapsed() < SLICE && !app.stop.is_cancelled()).await;
        if let Err(error) = &worked {
            let tx = app.db.begin().await?;
            store::fail(&*tx, self.run, &format!("{error:#}")).await?;
            tx.commit().await?;
        }
        match worked? {
            Left::Nothing => Ok(Said::new("night_done").count("night", self.run.0)),
            Left::More => {
                let tx = app.db.begin().await?;
                schedule::enqueue(&*tx, app.clock.now(), (self.run, None)).await?;
                tx.commit().await?;
                Ok(Said::new("night_goes_on").count("night", self.run.0))
            }
        }
    }
}

/// Works while it may.
pub(super) async fn work(app: &App, run: RunId, may_go_on: impl Fn() -> bool) -> anyhow::Result<Left> {
    // After a chunk that failed its rows are taken one by one.
    let mut alone = 0;
    while may_go_on() {
        let size = if alone > 0 { 1 } else { CHUNK };
        match one(app, run, size).await {
            Ok(Left::Nothing) => return Ok(Left::Nothing),
            Ok(Left::More) => alone = u64::saturating_sub(alone, 1),
            Err(error) if size > 1 => {
                tracing::warn!(run.id = %run, "a chunk of the night failed, its rows are taken one by one: {error:#}");
                alone = CHUNK;
            }
            Err(error) => {
                skip(app, run, &error).await?;
                alone = u64::saturating_sub(alone, 1);
            }
        }
    }
    Ok(Left::More)
}

/// One chunk, in a transaction of its own.
pub(super) async fn one(app: &App, id: RunId, size: u64) -> anyhow::Result<Left> {
    let run = store::find_run(app.db.read(), &Scope::All, id).await?.context("finding the run")?;
    let tx = app.db.begin().await?;
    let left = chunk(&tx, app, id, size).await?;
    tx.commit().await.context("committing a chunk of the night")?;
    app.wakes.wake();
    app.live.send(format!("run-{id}"), Some(run.site_id));
    Ok(left)
}

/// One chunk in the caller's transaction: its work, and the step of the cursor.
pub(super) async fn chunk(tx: &Tx, app: &App, id: RunId, size: u64) -> anyhow::Result<Left> {
    subscriptions::hold(&**tx).await?;
    let Some(mut run) = store::hold_run(&**tx, id).await?.filter(|run| run.state != RunState::Done) else {
        return Ok(Left::Nothing);
    };
    // A try that failed goes on.
    run.state = RunState::Running;
    run.error.clear();
    let context = format!("{} after {}", run.step.as_str(), run.after_id);
    let done = steps::take(tx, app, &run, size).await.context(context)?;
    run.counts.add(done.counts);
    store::insert_traces(&**tx, id, &done.traces).await?;
    run.problems.extend(done.problems);
    match done.last {
        Some(last) => run.after_id = last,
        None => return next_step(tx, app, run).await,
    }
    store::move_on(&**tx, &run).await?;
    Ok(Left::More)
}

/// The step is over: the next one, or the end.
async fn next_step(tx: &Tx, app: &App, mut run: Run) -> anyhow::Result<Left> {
    let now = app.clock.now();
    run.after_id = 0;
    let Some(next) = run.step.next() else {
        run.state = RunState::Done;
        run.finished_at = Some(now);
        run.took_ms = (now - run.started_at).num_milliseconds().max(0);
        store::move_on(&**tx, &run).await?;
        finish(tx, app, &run).await?;
        return Ok(Left::Nothing);
    };
    run.step = next;
    store::move_on(&**tx, &run).await?;
    Ok(Left::More)
}

async fn finish(tx: &Tx, app: &App, run: &Run) -> anyhow::Result<()> {
    let now = app.clock.now();
    let problems = i64::try_from(run.problems.len()).unwrap_or(i64::MAX);
    let finished = BusinessEvent::BillingRunFinished {
        run_id: run.id,
        day: run.day,
        invoices: run.counts.invoices,
        reminders: run.counts.reminders,
        isolating: run.counts.isolating,
        problems,
    };
    events::record(&**tx, now, Some(run.site_id), &finished).await?;
    let detail = serde_json::json!({ "day": run.day, "counts": run.counts, "problems": problems });
    let deed = Deed { action: "billing.finish", object: format!("run/{}", run.id), site: Some(run.site_id), detail };
    audit::record(&**tx, now, &steps::actor(), deed).await?;
    Ok(())
}

/// What failed alone is named, and left for the next night.
async fn skip(app: &App, id: RunId, error: &anyhow::Error) -> anyhow::Result<()> {
    let tx = app.db.begin().await?;
    let mut run = store::hold_run(&*tx, id).await?.context("finding the run")?;
    let Some((last, name)) = steps::next_name(&tx, &run, app.clock.now()).await? else {
        anyhow::bail!("{}: {error:#}", run.step.as_str());
    };
    tracing::warn!(run.id = %id, "left for the next night: {name}: {error:#}");
    run.problems.push(Problem { step: run.step, name, error: format!("{error:#}") });
    run.after_id = last;
    store::move_on(&*tx, &run).await?;
    tx.commit().await.context("committing what was left out")
}
