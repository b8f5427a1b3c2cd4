//! Payments beside their entries, and their numbers beside the series.

use sea_orm::{ConnectionTrait, DbErr, Statement, Value};

use crate::ledger::Difference;

/// Differences named of one check.
const MOST: u64 = 100;

async fn named(
    db: &impl ConnectionTrait,
    (check, prefix): (&str, &str),
    text: &str,
    values: Vec<Value>,
) -> Result<Vec<Difference>, DbErr> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), text, values);
    let read = |row: &sea_orm::QueryResult| {
        let id: String = row.try_get_by_index(0)?;
        let (expected, found) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        Ok(Difference { check: check.to_owned(), object: format!("{prefix}/{id}"), expected, found })
    };
    db.query_all_raw(statement).await?.iter().map(read).collect()
}

/// Payments whose amount is not what their entry moved: money, or balance that was used.
pub(in super::super) async fn unlike_entries(db: &impl ConnectionTrait) -> Result<Vec<Difference>, DbErr> {
    // What came or went is the entry's posting on money; of balance that was used the one on the customer's credit.
    let text = format!(
        "SELECT p.number, CAST(COALESCE(SUM(ABS(e.amount_minor)), 0) AS BIGINT), p.amount
         FROM payment p
         LEFT JOIN (SELECT q.entry_id, q.amount_minor, a.code FROM posting q JOIN account a ON a.id = q.account_id) e
             ON e.entry_id = p.entry_id
             AND ((p.kind <> 'credit_used' AND e.code IN ('1100', '1110', '1120'))
                  OR (p.kind = 'credit_used' AND e.code = '2100'))
         GROUP BY p.id, p.number, p.amount
         HAVING COALESCE(SUM(ABS(e.amount_minor)), 0) <> p.amount LIMIT {MOST}"
    );
    named(db, ("payment_amount", "payment"), &text, Vec::new()).await
}

/// Payments that are taken back without a reversal, or the other way round.
pub(in super::super) async fn unlike_reversals(db: &impl ConnectionTrait) -> Result<Vec<Difference>, DbErr> {
    let text = format!(
        "SELECT p.number, CAST(COUNT(j.id) AS BIGINT),
                CAST(CASE WHEN p.state = 'reversed' THEN 1 ELSE 0 END AS BIGINT)
         FROM payment p LEFT JOIN journal_entry j ON j.reverses_id = p.entry_id
         GROUP BY p.id, p.number, p.state
         HAVING COUNT(j.id) <> CASE WHEN p.state = 'reversed' THEN 1 ELSE 0 END LIMIT {MOST}"
    );
    named(db, ("payment_state", "payment"), &text, Vec::new()).await
}

/// Payments that have another number than they were booked under.
pub(in super::super) async fn renumbered(db: &impl ConnectionTrait) -> Result<Vec<Difference>, DbErr> {
    let text = format!(
        "SELECT p.number, CAST(0 AS BIGINT), CAST(0 AS BIGINT)
         FROM payment p JOIN journal_entry j ON j.id = p.entry_id WHERE p.number <> j.source_id LIMIT {MOST}"
    );
    named(db, ("number_changed", "payment"), &text, Vec::new()).await
}

/// Numbers of a series that no payment has, or payments that have none of it.
pub(in super::super) async fn gap(db: &impl ConnectionTrait, series: &str) -> Result<Vec<Difference>, DbErr> {
    const TEXT: &str = "SELECT given.series, given.last, (SELECT COUNT(*) FROM payment)
        FROM (SELECT CAST($1 AS TEXT) AS series, CAST(COALESCE(SUM(last), 0) AS BIGINT) AS last
              FROM number_series WHERE series = $1) given
        WHERE given.last <> (SELECT COUNT(*) FROM payment)";
    named(db, ("number_gap", "series"), TEXT, vec![series.into()]).await
}
