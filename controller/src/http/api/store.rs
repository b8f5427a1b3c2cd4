//! Queries of the kept answers.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _,
    sea_query::{Expr, OnConflict},
};

use crate::db::entity::idempotency_key::{ActiveModel, Column, Entity};

/// What is known of a key that was used before.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) request_hash: String,
    /// Status and sealed body; nothing while the work goes on.
    pub(super) answer: Option<(i32, Vec<u8>)>,
    pub(super) created_at: DateTime<Utc>,
}

impl Kept {
    pub(super) fn answer(status: u16, sealed: Vec<u8>) -> (i32, Vec<u8>) {
        (i32::from(status), sealed)
    }
}

/// Claims a key. Answers what is known of it when it was used before, nothing when it is now ours.
pub(super) async fn claim(
    tx: &impl ConnectionTrait,
    caller: &str,
    key: &str,
    request_hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<Kept>, DbErr> {
    let row = ActiveModel {
        caller: Set(caller.to_owned()),
        key: Set(key.to_owned()),
        request_hash: Set(request_hash.to_owned()),
        status: Set(None),
        body: Set(None),
        created_at: Set(now),
    };
    let fresh = OnConflict::columns([Column::Caller, Column::Key]).do_nothing().to_owned();
    if Entity::insert(row).on_conflict(fresh).exec_without_returning(tx).await? > 0 {
        return Ok(None);
    }
    let row = Entity::find_by_id((caller.to_owned(), key.to_owned()))
        .one(tx)
        .await?
        .ok_or_else(|| DbErr::RecordNotFound("an idempotency key was purged while it was used".to_owned()))?;
    Ok(Some(Kept { request_hash: row.request_hash, answer: row.status.zip(row.body), created_at: row.created_at }))
}

/// Takes over a claim whose holder died. False: another was quicker.
pub(super) async fn take_over(
    tx: &impl ConnectionTrait,
    caller: &str,
    key: &str,
    seen: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let done = Entity::update_many()
        .col_expr(Column::CreatedAt, Expr::value(now))
        .filter(Column::Caller.eq(caller))
        .filter(Column::Key.eq(key))
        .filter(Column::CreatedAt.eq(seen))
        .filter(Column::Status.is_null())
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Keeps the answer of a claimed key.
pub(super) async fn keep(
    tx: &impl ConnectionTrait,
    caller: &str,
    key: &str,
    (status, sealed): (i32, Vec<u8>),
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Status, Expr::value(status))
        .col_expr(Column::Body, Expr::value(sealed))
        .filter(Column::Caller.eq(caller))
        .filter(Column::Key.eq(key))
        .exec(tx)
        .await?;
    Ok(())
}

/// Gives a claimed key back.
pub(super) async fn release(tx: &impl ConnectionTrait, caller: &str, key: &str) -> Result<(), DbErr> {
    Entity::delete_by_id((caller.to_owned(), key.to_owned())).exec(tx).await?;
    Ok(())
}

/// Deletes what is older.
pub(super) async fn purge(tx: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<u64, DbErr> {
    Ok(Entity::delete_many().filter(Column::CreatedAt.lt(before)).exec(tx).await?.rows_affected)
}
