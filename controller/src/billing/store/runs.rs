//! Runs: one a day of a site, moved on by whoever holds its row.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, OnConflict},
};

use super::super::{Counts, Problem, Run, RunState, rules::Step};
use crate::{
    db::{
        entity::nightly_run::{ActiveModel, Column, Entity, Model},
        paging::{PageOf, Paged},
    },
    http::access::Scope,
    ids::{RunId, SiteId},
};

/// Names of failures kept of a run.
const MAX_PROBLEMS: usize = 100;

/// Opens the run of a day; nothing when there is one.
pub(in super::super) async fn open(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    site: SiteId,
    day: NaiveDate,
) -> Result<Option<RunId>, DbErr> {
    let row = ActiveModel {
        site_id: Set(site.0),
        day: Set(day),
        state: Set(RunState::Running.as_str().to_owned()),
        step: Set(Step::ALL[0].as_str().to_owned()),
        after_id: Set(0),
        counts: Set(serde_json::json!(Counts::default())),
        problems: Set(serde_json::json!([])),
        error: Set(String::new()),
        started_at: Set(now),
        took_ms: Set(0),
        ..Default::default()
    };
    let once = OnConflict::columns([Column::SiteId, Column::Day]).do_nothing().to_owned();
    if Entity::insert(row).on_conflict(once).exec_without_returning(tx).await? == 0 {
        return Ok(None);
    }
    of_day(tx, site, day).await.map(|run| run.map(|run| run.id))
}

/// The run of a day.
pub(in super::super) async fn of_day(
    db: &impl ConnectionTrait,
    site: SiteId,
    day: NaiveDate,
) -> Result<Option<Run>, DbErr> {
    let row = Entity::find().filter(Column::SiteId.eq(site.0)).filter(Column::Day.eq(day)).one(db).await?;
    Ok(row.map(Run::from))
}

/// A run that nobody else moves on until the transaction ends.
pub(in super::super) async fn hold_run(tx: &impl ConnectionTrait, id: RunId) -> Result<Option<Run>, DbErr> {
    Ok(Entity::find_by_id(id.0).lock_exclusive().one(tx).await?.map(Run::from))
}

/// Writes where a run stands now.
pub(in super::super) async fn move_on(tx: &impl ConnectionTrait, run: &Run) -> Result<(), DbErr> {
    let problems: Vec<&Problem> = run.problems.iter().take(MAX_PROBLEMS).collect();
    let row = ActiveModel {
        state: Set(run.state.as_str().to_owned()),
        step: Set(run.step.as_str().to_owned()),
        after_id: Set(run.after_id),
        counts: Set(serde_json::json!(run.counts)),
        problems: Set(serde_json::json!(problems)),
        error: Set(run.error.clone()),
        started_at: Set(run.started_at),
        finished_at: Set(run.finished_at),
        took_ms: Set(run.took_ms),
        ..Default::default()
    };
    Entity::update_many().set(row).filter(Column::Id.eq(run.id.0)).exec(tx).await.map(|_| ())
}

/// What could not be done with a run, while it is not finished.
pub(in super::super) async fn fail(tx: &impl ConnectionTrait, id: RunId, error: &str) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(RunState::Failed.as_str()))
        .col_expr(Column::Error, Expr::value(error))
        .filter(Column::Id.eq(id.0))
        .filter(Column::State.eq(RunState::Running.as_str()))
        .exec(tx)
        .await
        .map(|_| ())
}

fn scoped(scope: &Scope) -> Select<Entity> {
    match scope {
        Scope::All => Entity::find(),
        Scope::Sites(sites) => Entity::find().filter(Column::SiteId.is_in(sites.iter().map(|site| site.0))),
    }
}

pub(in super::super) async fn find_run(
    db: &impl ConnectionTrait,
    scope: &Scope,
    id: RunId,
) -> Result<Option<Run>, DbErr> {
    Ok(scoped(scope).filter(Column::Id.eq(id.0)).one(db).await?.map(Run::from))
}

/// Runs, newest first.
pub(in super::super) async fn list_runs(
    db: &impl ConnectionTrait,
    scope: &Scope,
    page: &PageOf,
) -> Result<Paged<Run>, DbErr> {
    let rows = page.newest(db, scoped(scope), Column::Id).await?;
    Ok(page.cut(rows, |row| row.id.to_string()).map(Run::from))
}

/// The last run of each of these sites since a day.
pub(in super::super) async fn last_runs(
    db: &impl ConnectionTrait,
    sites: &[SiteId],
    since: NaiveDate,
) -> Result<HashMap<SiteId, Run>, DbErr> {
    let rows = Entity::find()
        .filter(Column::SiteId.is_in(sites.iter().map(|site| site.0)))
        .filter(Column::Day.gte(since))
        .order_by_asc(Column::Day)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (SiteId(row.site_id), Run::from(row))).collect())
}

impl From<Model> for Run {
    fn from(row: Model) -> Self {
        Self {
            id: RunId(row.id),
            site_id: SiteId(row.site_id),
            day: row.day,
            state: RunState::parse(&row.state),
            step: Step::parse(&row.step).unwrap_or(Step::ALL[0]),
            after_id: row.after_id,
            counts: serde_json::from_value(row.counts).unwrap_or_default(),
            problems: serde_json::from_value(row.problems).unwrap_or_default(),
            error: row.error,
            started_at: row.started_at,
            finished_at: row.finished_at,
            took_ms: row.took_ms,
        }
    }
}
