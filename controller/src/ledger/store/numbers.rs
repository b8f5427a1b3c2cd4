//! Numbers without gaps.

use sea_orm::{ConnectionTrait, DbErr};

use super::{number, sql};

/// The next number of a series: given only if the transaction commits, and until then nobody else gets one.
pub(in super::super) async fn next(tx: &impl ConnectionTrait, series: &str, period: &str) -> Result<i64, DbErr> {
    // SeaORM cannot say RETURNING for SQLite.
    const NEXT: &str = "INSERT INTO number_series (series, period, last) VALUES ($1, $2, 1)
        ON CONFLICT (series, period) DO UPDATE SET last = number_series.last + 1 RETURNING last";
    let row = tx.query_one_raw(sql(tx, NEXT, [series.into(), period.into()])).await?;
    row.map_or_else(|| Err(super::damaged("an upsert that answers nothing")), |row| number(&row, 0))
}
