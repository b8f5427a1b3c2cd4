//! Invoices beside the ledger, and their numbers beside the series.

use sea_orm::{ConnectionTrait, DbErr, Value};

use super::sql;
use crate::ledger::Difference;

/// Differences named of one check.
const MOST: u64 = 100;

async fn named(
    db: &impl ConnectionTrait,
    (check, prefix): (&str, &str),
    text: &str,
    values: Vec<Value>,
) -> Result<Vec<Difference>, DbErr> {
    let read = |row: &sea_orm::QueryResult| {
        let id: String = row.try_get_by_index(0)?;
        let (expected, found) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        Ok(Difference { check: check.to_owned(), object: format!("{prefix}/{id}"), expected, found })
    };
    db.query_all_raw(sql(db, text, values)).await?.iter().map(read).collect()
}

/// Invoices of which another rest is kept than the postings say; drafts and void ones owe nothing.
pub(in super::super) async fn unlike_postings(db: &impl ConnectionTrait) -> Result<Vec<Difference>, DbErr> {
    let text = format!(
        "SELECT id, owed, kept FROM (
             SELECT CAST(i.id AS TEXT) AS id, CAST(COALESCE(SUM(p.amount_minor), 0) AS BIGINT) AS owed,
                    CAST(CASE WHEN i.state IN ('draft', 'void') THEN 0 ELSE i.total - i.settled END AS BIGINT) AS kept
             FROM invoice i LEFT JOIN posting p ON p.invoice_id = i.id
             GROUP BY i.id, i.state, i.total, i.settled) both_sides
         WHERE owed <> kept LIMIT {MOST}"
    );
    named(db, ("invoice_settled", "invoice"), &text, Vec::new()).await
}

/// Invoices whose state is not what is settled of them says.
pub(in super::super) async fn unlike_states(db: &impl ConnectionTrait) -> Result<Vec<Difference>, DbErr> {
    let text = format!(
        "SELECT CAST(id AS TEXT), settled, total FROM invoice
         WHERE (state = 'open' AND (settled <> 0 OR total = 0))
            OR (state = 'paid' AND (settled <> total OR written_off <> 0))
            OR (state = 'partially_paid' AND (settled = 0 OR settled = total))
            OR (state = 'uncollectible' AND (settled <> total OR written_off = 0)) LIMIT {MOST}"
    );
    named(db, ("invoice_state", "invoice"), &text, Vec::new()).await
}

/// Invoices of which another sum is given up than their write-offs say.
pub(in super::super) async fn unlike_write_offs(db: &impl ConnectionTrait) -> Result<Vec<Difference>, DbErr> {
    let text = format!(
        "SELECT CAST(i.id AS TEXT), CAST(COALESCE(w.given_up, 0) AS BIGINT), i.written_off
         FROM invoice i LEFT JOIN (
             SELECT invoice_id, SUM(amount) AS given_up FROM write_off
             WHERE reversed_at IS NULL AND invoice_id IS NOT NULL GROUP BY invoice_id) w ON w.invoice_id = i.id
         WHERE i.written_off <> COALESCE(w.given_up, 0) LIMIT {MOST}"
    );
    named(db, ("invoice_written_off", "invoice"), &text, Vec::new()).await
}

/// Invoices and credit notes that have another number than they were booked under.
pub(in super::super) async fn renumbered(db: &impl ConnectionTrait) -> Result<Vec<Difference>, DbErr> {
    let invoices = format!(
        "SELECT CAST(i.id AS TEXT), CAST(0 AS BIGINT), CAST(0 AS BIGINT)
         FROM invoice i JOIN journal_entry j ON j.id = i.entry_id
         WHERE COALESCE(i.number, '') <> j.memo LIMIT {MOST}"
    );
    let mut found = named(db, ("number_changed", "invoice"), &invoices, Vec::new()).await?;
    let notes = format!(
        "SELECT n.number, CAST(0 AS BIGINT), CAST(0 AS BIGINT)
         FROM credit_note n JOIN journal_entry j ON j.id = n.entry_id WHERE n.number <> j.source_id LIMIT {MOST}"
    );
    found.extend(named(db, ("number_changed", "credit_note"), &notes, Vec::new()).await?);
    Ok(found)
}

/// Series whose numbers are not all given to invoices and credit notes.
pub(in super::super) async fn gaps(
    db: &impl ConnectionTrait,
    (invoices, notes): (&str, &str),
) -> Result<Vec<Difference>, DbErr> {
    const TEXT: &str = "SELECT given.series, given.last, given.there FROM (
             SELECT s.series, CAST(SUM(s.last) AS BIGINT) AS last,
                    CAST(CASE WHEN s.series = $1 THEN (SELECT COUNT(*) FROM invoice WHERE number IS NOT NULL)
                              ELSE (SELECT COUNT(*) FROM credit_note) END AS BIGINT) AS there
             FROM number_series s WHERE s.series IN ($1, $2) GROUP BY s.series) given
         WHERE given.last <> given.there";
    named(db, ("number_gap", "series"), TEXT, vec![invoices.into(), notes.into()]).await
}
