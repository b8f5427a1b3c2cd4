//! kill -9 of the hiji process in the middle of a night of thousands of services, in one step after the other: what is
//! there in the end is what a night makes that nobody disturbs, to the number and the rupiah.

mod everything;
mod services;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use hiji_controller::db::{
    Db,
    entity::{job, nightly_run, site},
};
use hiji_tests::{
    wait,
    world::{Backend, Broker, World},
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _,
    sea_query::{Expr, ExprTrait as _},
};
use tokio::sync::OnceCell;

use services::SERVICES;

/// A step of the night, and how many ids it is past when the process is killed.
type Kill = (&'static str, i64);

const STEPS: [&str; 7] = ["planned", "invoices", "approvals", "balances", "standing", "reminders", "plan"];
/// In the order of the steps; ids are those of services, customers and invoices.
const KILLS: [Kill; 4] = [("planned", 0), ("invoices", SERVICES / 2), ("standing", SERVICES / 4), ("reminders", 0)];
/// How long a night may take in all.
const A_NIGHT: Duration = Duration::from_secs(90);

/// A site that has noon now, so that no day ends under the test.
fn zone(now: DateTime<Utc>) -> String {
    let ahead = 12 - chrono::Timelike::hour(&now).cast_signed();
    // These names count westwards.
    let sign = if ahead > 0 { '-' } else { '+' };
    format!("Etc/GMT{sign}{}", ahead.abs())
}

async fn run_of(db: &Db) -> anyhow::Result<Option<nightly_run::Model>> {
    Ok(nightly_run::Entity::find().one(db.read()).await?)
}

fn is_past(run: &nightly_run::Model, (step, after): Kill) -> bool {
    let place = |step: &str| STEPS.iter().position(|each| *each == step);
    (place(&run.step), run.after_id) > (place(step), after)
}

/// The hour of the night has come.
async fn nightfall(db: &Db) -> anyhow::Result<()> {
    let tx = db.begin().await?;
    site::Entity::update_many().col_expr(site::Column::RunHour, Expr::value(0)).exec(&*tx).await?;
    Ok(tx.commit().await?)
}

/// Two minutes are over: who held a lease and was killed holds it no longer.
async fn leases_end(db: &Db, now: DateTime<Utc>) -> anyhow::Result<()> {
    let tx = db.begin().await?;
    job::Entity::update_many()
        .col_expr(job::Column::LeaseUntil, Expr::value(now - Duration::from_secs(1)))
        .filter(job::Column::LeaseUntil.is_not_null().and(job::Column::State.eq("running")))
        .exec(&*tx)
        .await?;
    Ok(tx.commit().await?)
}

/// A night in which the process is killed so often; everything that is there afterwards.
async fn night(backend: Backend, zone: &str, kills: &[Kill]) -> anyhow::Result<Vec<String>> {
    let mut world = World::start(backend, Broker::Embedded).await?;
    let mut router = services::load(&mut world, zone).await.context("loading")?;
    world.stop_controller().await?;
    let db = world.database().await?;
    nightfall(&db).await?;
    let mut hiji = world.controller_process()?;
    for kill in kills {
        wait::until(format!("{kill:?}"), A_NIGHT, || async {
            run_of(&db).await.ok()?.filter(|run| is_past(run, *kill))
        })
        .await;
        hiji.kill().await?;
        let run = run_of(&db).await?.context("the run")?;
        ensure!(run.state == "running", "killed too late: {kill:?} {run:?}");
        leases_end(&db, hiji_controller::clock::Clock::now(&*world.clock)).await?;
        hiji = world.controller_process()?;
        // The agent lost its power with it; one that goes on tries again too, but up to fifteen seconds later.
        router.agent.restart().await?;
    }
    let run = wait::until("the night is done", A_NIGHT, || async {
        run_of(&db).await.ok()?.filter(|run| run.state != "running")
    })
    .await;
    ensure!(run.state == "done", "{run:?}");
    hiji.kill().await?;
    let doctor = world.hiji("doctor")?.output().await?;
    ensure!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
    let found = everything::lines(&db).await?;
    db.close().await?;
    router.agent.stop().await?;
    world.stop().await?;
    Ok(found)
}

/// The zone, and what a night makes that nobody disturbs.
async fn clean() -> &'static (String, Vec<String>) {
    static CLEAN: OnceCell<(String, Vec<String>)> = OnceCell::const_new();
    let run = async || {
        let zone = zone(hiji_controller::clock::Clock::now(&hiji_controller::clock::SystemClock));
        let found = night(Backend::Sqlite, &zone, &[]).await.unwrap();
        (zone, found)
    };
    CLEAN.get_or_init(run).await
}

async fn story(backend: Backend) {
    let (zone, wanted) = clean().await;
    for kind in ["did invoiced", "did paid", "did planned", "invoice", "item", "message"] {
        assert!(wanted.iter().any(|line| line.starts_with(kind)), "the night has something to do: {kind}");
    }
    let found = night(backend, zone, &KILLS).await.unwrap();
    // Lines are sorted: what stands on one side only is told with its neighbours.
    let only_in = |these: &[String], others: &[String]| -> Vec<String> {
        these.iter().filter(|line| others.binary_search(line).is_err()).take(12).cloned().collect()
    };
    let differences = (only_in(&found, wanted), only_in(wanted, &found));
    assert_eq!(differences, (Vec::new(), Vec::new()), "only in the killed night, only in the clean one");
    assert_eq!(found.len(), wanted.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_that_is_killed_in_every_step_equals_a_clean_one() {
    story(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_that_is_killed_in_every_step_equals_a_clean_one_on_postgres() {
    story(Backend::Postgres).await;
}
