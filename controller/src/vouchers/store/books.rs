//! What the ledger is told of vouchers.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, Statement};

use super::IN;
use crate::{
    db::entity::{
        voucher::{Column, Entity},
        voucher_batch,
    },
    ids::{SiteId, VoucherId},
    money::{Currency, Money},
};

/// A voucher as the ledger sees it.
#[derive(Debug, Clone)]
pub(in super::super) struct Booking {
    /// The first of those that took each other's place: what is sold once is booked under one name.
    pub(in super::super) origin: VoucherId,
    pub(in super::super) site: SiteId,
    pub(in super::super) created_at: DateTime<Utc>,
    pub(in super::super) first_login_at: Option<DateTime<Utc>>,
    /// It, or one whose place it takes, was logged in with.
    pub(in super::super) is_used: bool,
    /// What the seller paid.
    pub(in super::super) price: Money,
    pub(in super::super) cost: Money,
    /// Batch and number.
    pub(in super::super) name: String,
}

type Row = (i64, i64, i64, i32, String, i64, i64, Option<i64>, Option<DateTime<Utc>>, DateTime<Utc>);

/// Vouchers by their ids, in no order.
pub(in super::super) async fn bookings(tx: &impl ConnectionTrait, ids: &[VoucherId]) -> Result<Vec<Booking>, DbErr> {
    let mut found = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(IN) {
        let rows: Vec<Row> = Entity::find()
            .select_only()
            .columns([
                Column::Id,
                Column::SiteId,
                Column::BatchId,
                Column::Number,
                Column::Currency,
                Column::NetPrice,
                Column::Cost,
                Column::ReplacesId,
                Column::FirstLoginAt,
                Column::CreatedAt,
            ])
            .filter(Column::Id.is_in(chunk.iter().map(|id| id.0)))
            .into_tuple()
            .all(tx)
            .await?;
        let batches = batch_numbers(tx, rows.iter().map(|row| row.2)).await?;
        let origins = origins(tx, rows.iter().filter(|row| row.7.is_some()).map(|row| row.0).collect()).await?;
        for (id, site, batch, number, currency, price, cost, _, first_login_at, created_at) in rows {
            let (origin, was_used) = origins.get(&id).copied().unwrap_or((id, false));
            let currency = Currency::parse(&currency).unwrap_or(Currency::IDR);
            let batch = batches.get(&batch).map_or("", String::as_str);
            found.push(Booking {
                origin: VoucherId(origin),
                site: SiteId(site),
                created_at,
                first_login_at,
                is_used: was_used || first_login_at.is_some(),
                price: Money::new(price, currency),
                cost: Money::new(cost, currency),
                name: format!("{batch} #{number}"),
            });
        }
    }
    Ok(found)
}

async fn batch_numbers(
    tx: &impl ConnectionTrait,
    ids: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, String>, DbErr> {
    let ids: std::collections::BTreeSet<i64> = ids.collect();
    let rows: Vec<(i64, String)> = voucher_batch::Entity::find()
        .select_only()
        .columns([voucher_batch::Column::Id, voucher_batch::Column::Number])
        .filter(voucher_batch::Column::Id.is_in(ids))
        .into_tuple()
        .all(tx)
        .await?;
    Ok(rows.into_iter().collect())
}

/// The first of the line of each voucher that takes another's place, and whether any before it was used.
async fn origins(tx: &impl ConnectionTrait, ids: Vec<i64>) -> Result<HashMap<i64, (i64, bool)>, DbErr> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let places: Vec<String> = (1..=ids.len()).map(|at| format!("${at}")).collect();
    // SeaORM has no words for a walk that calls itself. A voucher is younger than the one it replaces: it ends.
    let text = format!(
        "WITH RECURSIVE line(id, at, prev, used) AS (
             SELECT id, id, replaces_id, 0 FROM voucher WHERE id IN ({})
             UNION ALL
             SELECT line.id, v.id, v.replaces_id, CASE WHEN v.first_login_at IS NULL THEN line.used ELSE 1 END
             FROM line JOIN voucher v ON v.id = line.prev)
         SELECT id, at, used FROM line WHERE prev IS NULL",
        places.join(", ")
    );
    let values = ids.into_iter().map(sea_orm::Value::from);
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), text, values);
    let read = |row: &sea_orm::QueryResult| {
        let used: i32 = row.try_get_by_index(2)?;
        Ok((row.try_get_by_index(0)?, (row.try_get_by_index(1)?, used != 0)))
    };
    tx.query_all_raw(statement).await?.iter().map(read).collect()
}
