//! Commands: what was asked of agents, from request to proof.

use chrono::{DateTime, Utc};
use hiji_shared::command::{CommandResult, CommandStatus};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait as _, sea_query::Expr,
};
use serde::Serialize;

use super::desired_counts;
use crate::{
    db::{
        entity::{
            command::{ActiveModel, Column, Entity, Model},
            desired_object,
        },
        paging::{PageOf, Paged},
    },
    ids::RouterId,
};

const REQUESTED: &str = "requested";
const DELIVERED: &str = "delivered";
const VERIFIED: &str = "verified";
const FAILED: &str = "failed";
const EXPIRED: &str = "expired";
/// All that was wanted is wanted otherwise since.
const SUPERSEDED: &str = "superseded";
const DESIRED_PUT: &str = "desired.put";
/// Commands sent to one agent in one go.
const SEND_LIMIT: u64 = 8;

/// A command to be kept.
#[derive(Debug)]
pub(crate) struct NewCommand {
    pub id: String,
    pub router: RouterId,
    pub op: &'static str,
    pub args: serde_json::Value,
    pub from_rev: i64,
    pub to_rev: i64,
    pub requested_by: String,
    pub expires_at: DateTime<Utc>,
}

/// A command as listed.
#[derive(Debug, Clone, Serialize)]
pub struct CommandRow {
    pub id: String,
    pub op: String,
    /// `requested → delivered → verified`, or `failed`, `expired`, `superseded`.
    pub state: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub code: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Objects wanted, proven and refused.
    pub wanted: i32,
    pub applied: i32,
    pub failed: i32,
    /// Objects that a later command wants otherwise: nothing comes of them here. Known when it is finished.
    pub superseded: i32,
    pub requested_by: String,
    pub requested_at: DateTime<Utc>,
    pub delivered_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// A command waiting to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub id: String,
    pub args: serde_json::Value,
    pub expires_at: DateTime<Utc>,
}

pub(crate) async fn insert_command(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    new: NewCommand,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        id: Set(new.id),
        router_id: Set(new.router.0),
        op: Set(new.op.to_owned()),
        args: Set(new.args),
        state: Set(REQUESTED.to_owned()),
        code: Set(String::new()),
        message: Set(String::new()),
        from_rev: Set(new.from_rev),
        to_rev: Set(new.to_rev),
        wanted: Set(i32::try_from(new.to_rev - new.from_rev).unwrap_or(i32::MAX)),
        applied: Set(0),
        failed: Set(0),
        requested_by: Set(new.requested_by),
        requested_at: Set(now),
        expires_at: Set(new.expires_at),
        delivered_at: Set(None),
        finished_at: Set(None),
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Imperative commands that have no answer yet, oldest first.
pub(crate) async fn waiting_commands(db: &impl ConnectionTrait, router: RouterId) -> Result<Vec<Waiting>, DbErr> {
    let rows = Entity::find()
        .filter(Column::RouterId.eq(router.0))
        .filter(Column::State.is_in([REQUESTED, DELIVERED]))
        .filter(Column::Op.ne(DESIRED_PUT))
        .order_by_asc(Column::RequestedAt)
        .limit(SEND_LIMIT)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| Waiting { id: row.id, args: row.args, expires_at: row.expires_at }).collect())
}

/// Routers that have imperative commands without an answer.
pub(crate) async fn routers_with_commands(db: &impl ConnectionTrait) -> Result<Vec<RouterId>, DbErr> {
    let ids: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::RouterId)
        .filter(Column::State.is_in([REQUESTED, DELIVERED]))
        .filter(Column::Op.ne(DESIRED_PUT))
        .distinct()
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.into_iter().map(RouterId).collect())
}

pub(crate) async fn command_sent(tx: &impl ConnectionTrait, id: &str, now: DateTime<Utc>) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(DELIVERED))
        .col_expr(Column::DeliveredAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(REQUESTED))
        .exec(tx)
        .await?;
    Ok(())
}

/// Commands whose time is over before an answer came.
pub(crate) async fn expire_commands(tx: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64, DbErr> {
    let result = Entity::update_many()
        .col_expr(Column::State, Expr::value(EXPIRED))
        .col_expr(Column::FinishedAt, Expr::value(now))
        .filter(Column::State.is_in([REQUESTED, DELIVERED]))
        .filter(Column::ExpiresAt.lt(now))
        .exec(tx)
        .await?;
    Ok(result.rows_affected)
}

/// The agent's answer to an imperative command.
pub(crate) async fn finish_command(
    tx: &impl ConnectionTrait,
    router: RouterId,
    at: DateTime<Utc>,
    result: &CommandResult,
) -> Result<(), DbErr> {
    let state = match result.status {
        CommandStatus::Ok => VERIFIED,
        CommandStatus::Failed | CommandStatus::Rejected => FAILED,
        CommandStatus::Expired => EXPIRED,
    };
    Entity::update_many()
        .col_expr(Column::State, Expr::value(state))
        .col_expr(Column::Code, Expr::value(result.code.as_str()))
        .col_expr(Column::Message, Expr::value(result.msg.as_str()))
        .col_expr(Column::FinishedAt, Expr::value(at))
        .filter(Column::Id.eq(result.id.as_str()))
        .filter(Column::RouterId.eq(router.0))
        .exec(tx)
        .await?;
    Ok(())
}

/// Wanted state up to `have` is on the agent's disk.
pub(crate) async fn deliver_desired(
    tx: &impl ConnectionTrait,
    router: RouterId,
    at: DateTime<Utc>,
    have: i64,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(DELIVERED))
        .col_expr(Column::DeliveredAt, Expr::value(at))
        .filter(Column::RouterId.eq(router.0))
        .filter(Column::Op.eq(DESIRED_PUT))
        .filter(Column::State.eq(REQUESTED))
        .filter(Column::ToRev.lte(have))
        .exec(tx)
        .await?;
    supersede(tx, router, at, have).await
}

/// Ends what was asked up to `have` of objects that are all wanted otherwise since: no report will speak of it.
async fn supersede(tx: &impl ConnectionTrait, router: RouterId, at: DateTime<Utc>, have: i64) -> Result<(), DbErr> {
    let rev = || Expr::col((desired_object::Entity, desired_object::Column::Rev));
    let still_wanted = desired_object::Entity::find()
        .select_only()
        .column(desired_object::Column::Rev)
        .filter(desired_object::Column::RouterId.eq(router.0))
        .filter(rev().gt(Expr::col((Entity, Column::FromRev))))
        .filter(rev().lte(Expr::col((Entity, Column::ToRev))));
    Entity::update_many()
        .col_expr(Column::State, Expr::value(SUPERSEDED))
        .col_expr(Column::FinishedAt, Expr::value(at))
        .filter(Column::RouterId.eq(router.0))
        .filter(Column::Op.eq(DESIRED_PUT))
        .filter(Column::State.is_in([REQUESTED, DELIVERED]))
        .filter(Column::ToRev.lte(have))
        .filter(Expr::exists(still_wanted.into_query()).not())
        .exec(tx)
        .await?;
    Ok(())
}

/// Counts open `desired.put` commands anew after results came in for revisions between `low` and `high`.
pub(crate) async fn refresh_progress(
    tx: &impl ConnectionTrait,
    router: RouterId,
    at: DateTime<Utc>,
    (low, high): (i64, i64),
) -> Result<(), DbErr> {
    let open = Entity::find()
        .filter(Column::RouterId.eq(router.0))
        .filter(Column::Op.eq(DESIRED_PUT))
        .filter(Column::State.is_in([REQUESTED, DELIVERED, FAILED]))
        .filter(Column::FromRev.lt(high))
        .filter(Column::ToRev.gte(low))
        .all(tx)
        .await?;
    for row in open {
        let counts = desired_counts(tx, router, Some((row.from_rev, row.to_rev))).await?;
        let narrow = |n: i64| i32::try_from(n).unwrap_or(i32::MAX);
        let state = match (counts.wanted, counts.failed, counts.verified) {
            (0, 0, 0) => SUPERSEDED,
            (0, 0, _) => VERIFIED,
            (0, _, _) => FAILED,
            (_, _, _) => DELIVERED,
        };
        Entity::update_many()
            .col_expr(Column::Applied, Expr::value(narrow(counts.verified)))
            .col_expr(Column::Failed, Expr::value(narrow(counts.failed)))
            .col_expr(Column::State, Expr::value(state))
            .col_expr(Column::FinishedAt, Expr::value((counts.wanted == 0).then_some(at)))
            .filter(Column::Id.eq(row.id))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Commands of a router, newest first.
pub(crate) async fn commands(
    db: &impl ConnectionTrait,
    router: RouterId,
    page: &PageOf,
) -> Result<Paged<CommandRow>, DbErr> {
    let mut query =
        Entity::find().filter(Column::RouterId.eq(router.0)).order_by_desc(Column::Id).limit(page.limit() + 1);
    if let Some(after) = page.after() {
        query = query.filter(Column::Id.lt(after));
    }
    let rows: Vec<CommandRow> = query.all(db).await?.into_iter().map(CommandRow::from).collect();
    Ok(page.cut(rows, |row| row.id.clone()))
}

/// One command of a router.
pub(crate) async fn command(
    db: &impl ConnectionTrait,
    router: RouterId,
    id: &str,
) -> Result<Option<CommandRow>, DbErr> {
    let found = Entity::find_by_id(id.to_owned()).filter(Column::RouterId.eq(router.0)).one(db).await?;
    Ok(found.map(CommandRow::from))
}

/// The last command of an op.
pub(crate) async fn last_command(
    db: &impl ConnectionTrait,
    router: RouterId,
    op: &str,
) -> Result<Option<CommandRow>, DbErr> {
    let newest = Entity::find()
        .filter(Column::RouterId.eq(router.0))
        .filter(Column::Op.eq(op))
        .order_by_desc(Column::RequestedAt)
        .order_by_desc(Column::Id);
    Ok(newest.one(db).await?.map(CommandRow::from))
}

impl From<Model> for CommandRow {
    fn from(row: Model) -> Self {
        let rest = row.wanted - row.applied - row.failed;
        let is_counted = row.finished_at.is_some() && row.state != EXPIRED && rest > 0;
        Self {
            superseded: if is_counted { rest } else { 0 },
            id: row.id,
            op: row.op,
            state: row.state,
            code: row.code,
            message: row.message,
            wanted: row.wanted,
            applied: row.applied,
            failed: row.failed,
            requested_by: row.requested_by,
            requested_at: row.requested_at,
            delivered_at: row.delivered_at,
            finished_at: row.finished_at,
        }
    }
}
