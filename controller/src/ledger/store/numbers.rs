//! Numbers without gaps.

use sea_orm::{ConnectionTrait, DbErr};

use super::{number, sql};

/// Counts a series up and answers its last number: given only if the transaction commits, and until then nobody else
/// gets one.
pub(in super::super) async fn reserve(
    tx: &impl ConnectionTrait,
    series: &str,
    period: &str,
    count: i64,
) -> Result<i64, DbErr> {
    // SeaORM cannot say RETURNING for SQLite.
    const NEXT: &str = "INSERT INTO number_series (series, period, last) VALUES ($1, $2, $3)
        ON CONFLICT (series, period) DO UPDATE SET last = number_series.last + excluded.last RETURNING last";
    let row = tx.query_one_raw(sql(tx, NEXT, [series.into(), period.into(), count.into()])).await?;
    row.map_or_else(|| Err(super::damaged("an upsert that answers nothing")), |row| number(&row, 0))
}
