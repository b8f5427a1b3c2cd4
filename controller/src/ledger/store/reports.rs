//! Sums over customers and invoices, for reports.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, Value};

use super::{
    super::{Owed, SettlementLine, draft::Kind},
    IN, damaged, number, sql, text,
};
use crate::{
    ids::{AdminId, CustomerId, EntryId, InvoiceId},
    money::{Currency, Money},
};

/// What a customer owed, less his credit, before an instant.
pub(in super::super) async fn balance_before(
    db: &impl ConnectionTrait,
    customer: CustomerId,
    currency: Currency,
    before: DateTime<Utc>,
) -> Result<i64, DbErr> {
    const SUM: &str = "SELECT COALESCE(CAST(SUM(amount_minor) AS BIGINT), 0) FROM posting
        WHERE customer_id = $1 AND currency = $2 AND occurred_at < $3";
    let row = db.query_one_raw(sql(db, SUM, [customer.0.into(), currency.code().into(), before.into()])).await?;
    row.map_or(Ok(0), |row| number(&row, 0))
}

/// What was settled of an invoice, in the order it happened.
pub(in super::super) async fn settlements(
    db: &impl ConnectionTrait,
    invoice: InvoiceId,
) -> Result<Vec<SettlementLine>, DbErr> {
    const LINES: &str = "SELECT e.id, e.kind, e.source_type, e.source_id, e.memo, e.actor, a.amount_minor, a.currency,
            e.occurred_at, e.actor_id
        FROM allocation a JOIN journal_entry e ON e.id = a.entry_id WHERE a.invoice_id = $1 ORDER BY a.entry_id";
    let rows = db.query_all_raw(sql(db, LINES, [invoice.0.into()])).await?;
    let line = |row: &sea_orm::QueryResult| {
        let currency = Currency::parse(&text(row, 7)?).ok_or_else(|| damaged("an allocation of no currency"))?;
        Ok(SettlementLine {
            entry: EntryId(number(row, 0)?),
            at: row.try_get_by_index(8)?,
            kind: Kind::parse(&text(row, 1)?).ok_or_else(|| damaged("an entry of no known kind"))?,
            source_type: text(row, 2)?,
            source_id: text(row, 3)?,
            memo: text(row, 4)?,
            actor_id: row.try_get_by_index::<Option<i64>>(9)?.map(AdminId),
            actor: text(row, 5)?,
            amount: Money::new(number(row, 6)?, currency),
        })
    };
    rows.iter().map(line).collect()
}

/// Everything that was owed before an instant.
pub(in super::super) async fn owed_before(
    db: &impl ConnectionTrait,
    currency: Currency,
    before: DateTime<Utc>,
) -> Result<Vec<Owed>, DbErr> {
    const OWED: &str = "SELECT p.customer_id, p.invoice_id, CAST(SUM(p.amount_minor) AS BIGINT) FROM posting p
        JOIN account a ON a.id = p.account_id AND a.code = '1200'
        WHERE p.currency = $1 AND p.occurred_at < $2 AND p.customer_id IS NOT NULL
        GROUP BY p.customer_id, p.invoice_id HAVING SUM(p.amount_minor) <> 0";
    let rows = db.query_all_raw(sql(db, OWED, [currency.code().into(), before.into()])).await?;
    let owed = |row: &sea_orm::QueryResult| {
        let invoice: Option<i64> = row.try_get_by_index(1)?;
        Ok(Owed { customer: CustomerId(number(row, 0)?), invoice: invoice.map(InvoiceId), minor: number(row, 2)? })
    };
    rows.iter().map(owed).collect()
}

/// What customers had paid ahead before an instant.
pub(in super::super) async fn credits_before(
    db: &impl ConnectionTrait,
    customers: &[CustomerId],
    currency: Currency,
    before: DateTime<Utc>,
) -> Result<BTreeMap<CustomerId, Money>, DbErr> {
    let mut found = BTreeMap::new();
    for chunk in customers.chunks(IN) {
        let places: Vec<String> = (3..chunk.len() + 3).map(|at| format!("${at}")).collect();
        let text = format!(
            "SELECT p.customer_id, CAST(SUM(-p.amount_minor) AS BIGINT) FROM posting p
             JOIN account a ON a.id = p.account_id AND a.code = '2100'
             WHERE p.currency = $1 AND p.occurred_at < $2 AND p.customer_id IN ({})
             GROUP BY p.customer_id HAVING SUM(p.amount_minor) <> 0",
            places.join(", ")
        );
        let values: Vec<Value> = vec![currency.code().into(), before.into()];
        let values = values.into_iter().chain(chunk.iter().map(|customer| customer.0.into()));
        for row in db.query_all_raw(sql(db, &text, values)).await? {
            found.insert(CustomerId(number(&row, 0)?), Money::new(number(&row, 1)?, currency));
        }
    }
    Ok(found)
}
