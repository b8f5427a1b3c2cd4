//! Queries of the inbox and its cursors.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use hiji_shared::agent_id::AgentId;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, sea_query::OnConflict};

use super::intake::{Cursor, Numbered};
use crate::db::entity::{agent_cursor, agent_inbox};

/// Rows of one INSERT: 8 columns.
const CHUNK: usize = 200;

pub(super) async fn cursors(tx: &impl ConnectionTrait, agents: &[AgentId]) -> Result<HashMap<AgentId, Cursor>, DbErr> {
    let rows = agent_cursor::Entity::find()
        .filter(agent_cursor::Column::AgentId.is_in(agents.iter().map(AgentId::as_str)))
        .all(tx)
        .await?;
    let cursor = |row: agent_cursor::Model| {
        let seq = row.applied_seq.unsigned_abs();
        Some((row.agent_id.parse().ok()?, Cursor { epoch: row.epoch, seq }))
    };
    Ok(rows.into_iter().filter_map(cursor).collect())
}

pub(super) async fn advance(tx: &impl ConnectionTrait, cursors: &BTreeMap<AgentId, Cursor>) -> Result<(), DbErr> {
    if cursors.is_empty() {
        return Ok(());
    }
    let rows = cursors.iter().map(|(agent, cursor)| agent_cursor::ActiveModel {
        agent_id: Set(agent.to_string()),
        epoch: Set(cursor.epoch),
        applied_seq: Set(i64::try_from(cursor.seq).unwrap_or(i64::MAX)),
    });
    agent_cursor::Entity::insert_many(rows)
        .on_conflict(
            OnConflict::column(agent_cursor::Column::AgentId)
                .update_columns([agent_cursor::Column::Epoch, agent_cursor::Column::AppliedSeq])
                .to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Keeps the records as they came. A record that is there already fails the transaction: another controller was quicker.
pub(super) async fn keep(tx: &impl ConnectionTrait, now: DateTime<Utc>, records: &[Numbered]) -> Result<(), DbErr> {
    for chunk in records.chunks(CHUNK) {
        let rows = chunk.iter().map(|record| agent_inbox::ActiveModel {
            agent_id: Set(record.report.agent.to_string()),
            epoch: Set(record.epoch),
            seq: Set(i64::try_from(record.seq).unwrap_or(i64::MAX)),
            kind: Set(record.report.event.name().to_owned()),
            event_at: Set(record.report.at),
            estimated: Set(record.report.estimated),
            body: Set(serde_json::to_string(&record.report.event).unwrap_or_default()),
            received_at: Set(now),
        });
        agent_inbox::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Deletes what was applied long ago.
///
/// # Errors
/// The database's.
pub async fn purge(tx: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<u64, DbErr> {
    let result = agent_inbox::Entity::delete_many().filter(agent_inbox::Column::ReceivedAt.lt(before)).exec(tx).await?;
    Ok(result.rows_affected)
}
