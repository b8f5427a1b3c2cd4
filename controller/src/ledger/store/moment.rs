//! How things stood after an entry: what a receipt printed again must say as it did the first time. Ids of entries are
//! given in the order in which one customer's are written, since his balance is locked.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use super::{super::Balance, IN, number, sql};
use crate::{
    db::entity::customer_balance,
    ids::{CustomerId, EntryId, InvoiceId},
    money::{Currency, Money},
};

/// What was left of invoices after an entry.
pub(in super::super) async fn owed_after(
    db: &impl ConnectionTrait,
    invoices: &[InvoiceId],
    entry: EntryId,
) -> Result<BTreeMap<InvoiceId, i64>, DbErr> {
    let mut found = BTreeMap::new();
    for chunk in invoices.chunks(IN) {
        let places: Vec<String> = (2..chunk.len() + 2).map(|at| format!("${at}")).collect();
        let text = format!(
            "SELECT invoice_id, CAST(SUM(amount_minor) AS BIGINT) FROM posting
             WHERE invoice_id IN ({}) AND entry_id <= $1 GROUP BY invoice_id",
            places.join(", ")
        );
        let values = std::iter::once(entry.0.into()).chain(chunk.iter().map(|invoice| invoice.0.into()));
        for row in db.query_all_raw(sql(db, &text, values)).await? {
            found.insert(InvoiceId(number(&row, 0)?), number(&row, 1)?);
        }
    }
    Ok(found)
}

/// What a customer owed and had after an entry.
pub(in super::super) async fn balance_after(
    db: &impl ConnectionTrait,
    customer: CustomerId,
    currency: Currency,
    entry: EntryId,
) -> Result<Balance, DbErr> {
    const SUM: &str = "SELECT
            COALESCE(CAST(SUM(CASE WHEN a.code = '1200' THEN p.amount_minor ELSE 0 END) AS BIGINT), 0),
            COALESCE(CAST(SUM(CASE WHEN a.code = '2100' THEN -p.amount_minor ELSE 0 END) AS BIGINT), 0)
        FROM posting p JOIN account a ON a.id = p.account_id
        WHERE p.customer_id = $1 AND p.currency = $2 AND p.entry_id <= $3";
    let values = [customer.0.into(), currency.code().into(), entry.0.into()];
    let row = db.query_one_raw(sql(db, SUM, values)).await?;
    let (receivable, credit) = match row {
        Some(row) => (number(&row, 0)?, number(&row, 1)?),
        None => (0, 0),
    };
    Ok(Balance { receivable: Money::new(receivable, currency), credit: Money::new(credit, currency) })
}

/// The balances of some customers; those without any are not in it.
pub(in super::super) async fn balances(
    db: &impl ConnectionTrait,
    customers: &[CustomerId],
    currency: Currency,
) -> Result<BTreeMap<CustomerId, Balance>, DbErr> {
    use customer_balance::{Column, Entity};
    let mut found = BTreeMap::new();
    for chunk in customers.chunks(IN) {
        let rows = Entity::find()
            .filter(Column::CustomerId.is_in(chunk.iter().map(|customer| customer.0)))
            .filter(Column::Currency.eq(currency.code()))
            .all(db)
            .await?;
        let balance = |minor| Money::new(minor, currency);
        found.extend(rows.into_iter().map(|row| {
            let balance = Balance { receivable: balance(row.receivable), credit: balance(row.credit) };
            (CustomerId(row.customer_id), balance)
        }));
    }
    Ok(found)
}
