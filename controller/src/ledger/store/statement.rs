//! What happened with one customer's money, and the postings on his debts.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, Value};

use super::{
    super::{After, Span, StatementLine, draft::Kind},
    IN, damaged, number, sql,
};
use crate::{
    db::{entity::journal_entry, paging::PageOf},
    ids::{CustomerId, EntryId, InvoiceId},
    money::{Currency, Money},
};

/// Entries of a customer newest first, each with what it did to his debt and his credit, and the balance after it.
pub(in super::super) async fn statement(
    db: &impl ConnectionTrait,
    (customer, currency): (CustomerId, Currency),
    span: Span,
    after: Option<After>,
    page: &PageOf,
) -> Result<Vec<StatementLine>, DbErr> {
    // One walk of ix_posting_customer; the aggregate per entry is SeaORM's to refuse, not to say.
    let mut text = "SELECT p.occurred_at, p.entry_id,
            CAST(SUM(CASE WHEN a.code = '1200' THEN p.amount_minor ELSE 0 END) AS BIGINT),
            CAST(SUM(CASE WHEN a.code = '2100' THEN -p.amount_minor ELSE 0 END) AS BIGINT)
        FROM posting p JOIN account a ON a.id = p.account_id
        WHERE p.customer_id = $1 AND p.currency = $2"
        .to_owned();
    let mut values: Vec<Value> = vec![customer.0.into(), currency.code().into()];
    if let Some(After { at, entry }) = after {
        text.push_str(" AND p.occurred_at <= $3 AND (p.occurred_at < $3 OR p.entry_id < $4)");
        values.extend([at.into(), entry.0.into()]);
    }
    for (sign, bound) in [(">=", span.from), ("<", span.until)] {
        if let Some(bound) = bound {
            values.push(bound.into());
            text.push_str(&format!(" AND p.occurred_at {sign} ${}", values.len()));
        }
    }
    let limit = page.limit() + 1;
    text.push_str(&format!(
        " GROUP BY p.occurred_at, p.entry_id ORDER BY p.occurred_at DESC, p.entry_id DESC LIMIT {limit}"
    ));
    let mut moves = Vec::new();
    for row in db.query_all_raw(sql(db, &text, values)).await? {
        let at: DateTime<Utc> = row.try_get_by_index(0)?;
        moves.push((at, number(&row, 1)?, number(&row, 2)?, number(&row, 3)?));
    }
    let Some((at, newest, ..)) = moves.first() else { return Ok(Vec::new()) };
    let mut balance = balance_after(db, (customer, currency), After { at: *at, entry: EntryId(*newest) }).await?;
    let heads = heads(db, moves.iter().map(|(_, entry, ..)| *entry)).await?;
    let mut lines = Vec::with_capacity(moves.len());
    for (at, entry, receivable, credit) in moves {
        let head = heads.get(&entry).ok_or_else(|| damaged("a posting of no entry"))?;
        lines.push(StatementLine {
            entry: EntryId(entry),
            at,
            kind: Kind::parse(&head.kind).ok_or_else(|| damaged("an entry of no known kind"))?,
            source_type: head.source_type.clone(),
            source_id: head.source_id.clone(),
            memo: head.memo.clone(),
            receivable: Money::new(receivable, currency),
            credit: Money::new(credit, currency),
            balance: Money::new(balance, currency),
        });
        balance -= receivable - credit;
    }
    Ok(lines)
}

/// What the customer owed, less his credit, after an entry.
async fn balance_after(
    db: &impl ConnectionTrait,
    (customer, currency): (CustomerId, Currency),
    After { at, entry }: After,
) -> Result<i64, DbErr> {
    const SUM: &str = "SELECT COALESCE(CAST(SUM(amount_minor) AS BIGINT), 0) FROM posting
        WHERE customer_id = $1 AND currency = $2 AND occurred_at <= $3 AND (occurred_at < $3 OR entry_id <= $4)";
    let values = [customer.0.into(), currency.code().into(), at.into(), entry.0.into()];
    let row = db.query_one_raw(sql(db, SUM, values)).await?;
    row.map_or(Ok(0), |row| number(&row, 0))
}

async fn heads(
    db: &impl ConnectionTrait,
    ids: impl Iterator<Item = i64>,
) -> Result<std::collections::HashMap<i64, journal_entry::Model>, DbErr> {
    let rows = journal_entry::Entity::find().filter(journal_entry::Column::Id.is_in(ids)).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// A posting on a debt, by what it belongs to and when it happened.
pub(in super::super) type DebtPosting = (Option<InvoiceId>, CustomerId, DateTime<Utc>, i64);

/// Every posting on the debts of these invoices; without invoices those on debts that have none.
pub(in super::super) async fn debt_postings(
    db: &impl ConnectionTrait,
    currency: Currency,
    invoices: Option<&[InvoiceId]>,
) -> Result<Vec<DebtPosting>, DbErr> {
    const COLUMNS: &str = "SELECT p.invoice_id, p.customer_id, p.occurred_at, p.amount_minor FROM posting p";
    const OF: &str = "JOIN account a ON a.id = p.account_id AND a.code = '1200' WHERE p.currency = $1 AND";
    const ORDER: &str = "ORDER BY p.entry_id, p.id";
    let mut found = Vec::new();
    let mut read = |rows: Vec<sea_orm::QueryResult>| -> Result<(), DbErr> {
        for row in rows {
            let invoice: Option<i64> = row.try_get_by_index(0)?;
            found.push((
                invoice.map(InvoiceId),
                CustomerId(number(&row, 1)?),
                row.try_get_by_index(2)?,
                number(&row, 3)?,
            ));
        }
        Ok(())
    };
    let code = currency.code().to_owned();
    let Some(invoices) = invoices else {
        // Of a customer always: so it is one walk of ix_posting_loose. SQLite expects few postings without an invoice, and
        // would walk all of them in ix_posting_invoice: every one on cash and income.
        let is_sqlite = db.get_database_backend() == DbBackend::Sqlite;
        let walk = if is_sqlite { "INDEXED BY ix_posting_loose" } else { "" };
        let text = format!("{COLUMNS} {walk} {OF} p.invoice_id IS NULL AND p.customer_id IS NOT NULL {ORDER}");
        read(db.query_all_raw(sql(db, &text, [code.into()])).await?)?;
        return Ok(found);
    };
    for chunk in invoices.chunks(IN) {
        let places: Vec<String> = (2..chunk.len() + 2).map(|at| format!("${at}")).collect();
        let text = format!("{COLUMNS} {OF} p.invoice_id IN ({}) {ORDER}", places.join(", "));
        let values = std::iter::once(code.clone().into()).chain(chunk.iter().map(|invoice| invoice.0.into()));
        read(db.query_all_raw(sql(db, &text, values)).await?)?;
    }
    Ok(found)
}
