//! Queries of the job table.

use chrono::{DateTime, Duration, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockBehavior, LockType, OnConflict},
};
use serde::Serialize;

use super::{Said, When};
use crate::db::{
    entity::job::{ActiveModel, Column, Entity, Model},
    paging::{BadCursor, PageOf, Paged},
};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    Queued,
    Running,
    Done,
    /// Failed too often: waits for a person.
    Parked,
}

impl JobState {
    /// Every state, in the order of a job's life.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Running, Self::Done, Self::Parked];

    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Parked => "parked",
        }
    }

    fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|s| s.as_str() == text).unwrap_or(Self::Parked)
    }
}

/// A job as listed.
#[derive(Debug, Clone, Serialize)]
pub struct JobRow {
    pub id: i64,
    pub kind: String,
    pub state: JobState,
    pub attempts: i32,
    pub run_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub last_error: Option<String>,
    /// What the last run said.
    pub result: Option<Said>,
}

impl From<Model> for JobRow {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            state: JobState::parse(&row.state),
            kind: row.kind,
            attempts: row.attempts,
            run_at: row.run_at,
            created_at: row.created_at,
            finished_at: row.finished_at,
            last_error: row.last_error,
            result: row.result.as_deref().map(Said::read),
        }
    }
}

/// A job this process holds the lease of.
#[derive(Debug, Clone)]
pub(super) struct Claimed {
    pub id: i64,
    pub kind: String,
    pub payload: serde_json::Value,
    pub attempts: i32,
}

pub(super) async fn insert(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    kind: &str,
    payload: serde_json::Value,
    when: When,
) -> Result<bool, DbErr> {
    let row = ActiveModel {
        kind: Set(kind.to_owned()),
        payload: Set(payload),
        state: Set(JobState::Queued.as_str().to_owned()),
        dedupe_key: Set(when.dedupe),
        run_at: Set(when.at.unwrap_or(now)),
        attempts: Set(0),
        created_at: Set(now),
        ..Default::default()
    };
    let inserted = Entity::insert(row)
        .on_conflict(OnConflict::column(Column::DedupeKey).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(inserted > 0)
}

/// Takes due jobs, also ones whose holder died. A lease that runs out gives the job to another.
pub(super) async fn claim(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    holder: &str,
    lease: Duration,
    limit: u64,
) -> Result<Vec<Claimed>, DbErr> {
    let due = Column::State.eq(JobState::Queued.as_str()).and(Column::RunAt.lte(now));
    let orphaned = Column::State.eq(JobState::Running.as_str()).and(Column::LeaseUntil.lte(now));
    let rows = Entity::find()
        .filter(due.or(orphaned))
        .order_by_asc(Column::RunAt)
        .limit(limit)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .all(tx)
        .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    Entity::update_many()
        .col_expr(Column::State, Expr::value(JobState::Running.as_str()))
        .col_expr(Column::LeaseUntil, Expr::value(now + lease))
        .col_expr(Column::LeaseHolder, Expr::value(holder))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .filter(Column::Id.is_in(rows.iter().map(|row| row.id)))
        .exec(tx)
        .await?;
    let claimed = |row: Model| Claimed { id: row.id, kind: row.kind, payload: row.payload, attempts: row.attempts + 1 };
    Ok(rows.into_iter().map(claimed).collect())
}

pub(super) async fn done(tx: &impl ConnectionTrait, now: DateTime<Utc>, id: i64, said: &Said) -> Result<(), DbErr> {
    let result = said.stored().map_err(|error| DbErr::Custom(format!("job result: {error}")))?;
    Entity::update_many()
        .col_expr(Column::State, Expr::value(JobState::Done.as_str()))
        .col_expr(Column::FinishedAt, Expr::value(now))
        .col_expr(Column::Result, Expr::value(result))
        .col_expr(Column::LastError, Expr::value(Option::<String>::None))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Back into the queue at `retry_at`, or parked.
pub(super) async fn failed(
    tx: &impl ConnectionTrait,
    id: i64,
    error: &str,
    retry_at: Option<DateTime<Utc>>,
) -> Result<(), DbErr> {
    let state = if retry_at.is_some() { JobState::Queued } else { JobState::Parked };
    let mut update = Entity::update_many()
        .col_expr(Column::State, Expr::value(state.as_str()))
        .col_expr(Column::LastError, Expr::value(error))
        .filter(Column::Id.eq(id));
    if let Some(at) = retry_at {
        update = update.col_expr(Column::RunAt, Expr::value(at));
    }
    update.exec(tx).await?;
    Ok(())
}

pub(super) async fn retry(tx: &impl ConnectionTrait, now: DateTime<Utc>, id: i64) -> Result<bool, DbErr> {
    let result = Entity::update_many()
        .col_expr(Column::State, Expr::value(JobState::Queued.as_str()))
        .col_expr(Column::RunAt, Expr::value(now))
        .col_expr(Column::Attempts, Expr::value(0))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(JobState::Parked.as_str()))
        .exec(tx)
        .await?;
    Ok(result.rows_affected > 0)
}

pub(super) async fn purge_done(tx: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<u64, DbErr> {
    let result = Entity::delete_many()
        .filter(Column::State.eq(JobState::Done.as_str()))
        .filter(Column::FinishedAt.lt(before))
        .exec(tx)
        .await?;
    Ok(result.rows_affected)
}

/// When the next queued job is due.
pub(super) async fn next_due(db: &impl ConnectionTrait) -> Result<Option<DateTime<Utc>>, DbErr> {
    let row =
        Entity::find().filter(Column::State.eq(JobState::Queued.as_str())).order_by_asc(Column::RunAt).one(db).await?;
    Ok(row.map(|row| row.run_at))
}

/// Jobs, newest first; of one state or all.
///
/// # Errors
/// The database's; a foreign cursor reads from the start.
pub async fn list(
    db: &impl ConnectionTrait,
    state: Option<JobState>,
    page: &PageOf,
) -> Result<Result<Paged<JobRow>, BadCursor>, DbErr> {
    let mut query = Entity::find().order_by_desc(Column::Id).limit(page.limit() + 1);
    if let Some(state) = state {
        query = query.filter(Column::State.eq(state.as_str()));
    }
    match page.after_id() {
        Ok(Some(id)) => query = query.filter(Column::Id.lt(id)),
        Ok(None) => {}
        Err(bad) => return Ok(Err(bad)),
    }
    let rows: Vec<JobRow> = query.all(db).await?.into_iter().map(JobRow::from).collect();
    Ok(Ok(page.cut(rows, |row| row.id.to_string())))
}

/// How many jobs are in each state.
///
/// # Errors
/// The database's.
pub async fn counts(db: &impl ConnectionTrait) -> Result<Vec<(JobState, i64)>, DbErr> {
    let rows: Vec<(String, i64)> = Entity::find()
        .select_only()
        .column(Column::State)
        .column_as(Column::Id.count(), "n")
        .group_by(Column::State)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(state, n)| (JobState::parse(&state), n)).collect())
}

/// Is a running job's lease over?
pub(super) async fn orphaned(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let row = Entity::find()
        .filter(Column::State.eq(JobState::Running.as_str()))
        .filter(Column::LeaseUntil.lte(now))
        .one(db)
        .await?;
    Ok(row.is_some())
}
