//! What happened to vouchers, kept for ever; and what else is on record of one: its sessions.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::CHUNK;
use crate::{
    db::entity::{
        router_session,
        voucher_history::{ActiveModel, Column, Entity},
    },
    ids::{BatchId, RouterId, VoucherId},
};

use super::super::history::{Happened, Session};

/// Entries shown of one voucher.
const MAX_ENTRIES: u64 = 100;
/// Sessions shown of one voucher.
const MAX_SESSIONS: u64 = 20;

/// Something that happened to one voucher.
#[derive(Debug, Clone)]
pub(in super::super) struct Note {
    pub(in super::super) voucher: VoucherId,
    pub(in super::super) batch: BatchId,
    pub(in super::super) detail: serde_json::Value,
}

/// What, by whom and why.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Cause<'a> {
    pub(in super::super) what: &'a str,
    pub(in super::super) actor: &'a str,
    pub(in super::super) reason: &'a str,
}

pub(in super::super) async fn note(
    tx: &impl ConnectionTrait,
    at: DateTime<Utc>,
    cause: Cause<'_>,
    notes: Vec<Note>,
) -> Result<(), DbErr> {
    for chunk in notes.chunks(CHUNK) {
        let rows = chunk.iter().map(|note| ActiveModel {
            batch_id: Set(note.batch.0),
            voucher_id: Set(note.voucher.0),
            at: Set(at),
            what: Set(cause.what.to_owned()),
            actor: Set(cause.actor.to_owned()),
            reason: Set(cause.reason.to_owned()),
            detail: Set(note.detail.clone()),
            ..Default::default()
        });
        Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// The last that happened to a voucher, or to any of a batch: who saw less decided on another state.
pub(in super::super) async fn last_of_voucher(db: &impl ConnectionTrait, id: VoucherId) -> Result<i64, DbErr> {
    last(db, Column::VoucherId, id.0).await
}

pub(in super::super) async fn last_of_batch(db: &impl ConnectionTrait, id: BatchId) -> Result<i64, DbErr> {
    last(db, Column::BatchId, id.0).await
}

async fn last(db: &impl ConnectionTrait, column: Column, id: i64) -> Result<i64, DbErr> {
    let query = Entity::find().select_only().column(Column::Id).filter(column.eq(id)).order_by_desc(Column::Id);
    let found: Option<i64> = query.limit(1).into_tuple().one(db).await?;
    Ok(found.unwrap_or(0))
}

/// Newest first.
pub(in super::super) async fn history(db: &impl ConnectionTrait, id: VoucherId) -> Result<Vec<Happened>, DbErr> {
    let rows =
        Entity::find().filter(Column::VoucherId.eq(id.0)).order_by_desc(Column::Id).limit(MAX_ENTRIES).all(db).await?;
    let happened = |row: crate::db::entity::voucher_history::Model| Happened {
        at: row.at,
        what: row.what,
        actor: row.actor,
        reason: row.reason,
        detail: row.detail,
    };
    Ok(rows.into_iter().map(happened).collect())
}

/// The sessions of a hotspot user on a router, newest first.
pub(in super::super) async fn sessions(
    db: &impl ConnectionTrait,
    router: RouterId,
    code: &str,
) -> Result<Vec<Session>, DbErr> {
    let rows = router_session::Entity::find()
        .filter(router_session::Column::RouterId.eq(router.0))
        .filter(router_session::Column::Username.eq(code))
        .filter(router_session::Column::Service.eq("hotspot"))
        .order_by_desc(router_session::Column::StartedAt)
        .limit(MAX_SESSIONS)
        .all(db)
        .await?;
    let session = |row: router_session::Model| Session {
        started_at: row.started_at,
        ended_at: row.ended_at,
        uptime_secs: row.uptime_secs,
        bytes_in: row.bytes_in,
        bytes_out: row.bytes_out,
        mac: row.mac,
        address: row.address,
    };
    Ok(rows.into_iter().map(session).collect())
}
