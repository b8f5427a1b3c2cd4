//! What customers owe and have: the balances kept beside the postings, and what is left of invoices.

use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Value};

use super::{
    super::{Balance, draft::Effect},
    IN, ROWS, number, rows_of, sql,
};
use crate::{
    db::entity::customer_balance::Entity,
    ids::{CustomerId, InvoiceId},
    money::{Currency, Money},
};

/// Adds to a customer's balance and answers it. Until the transaction ends nobody else changes it: on PostgreSQL the row
/// is locked, SQLite has one writer. An effect of nothing only locks.
pub(in super::super) async fn shift(
    tx: &impl ConnectionTrait,
    customer: CustomerId,
    currency: Currency,
    effect: Effect,
) -> Result<Balance, DbErr> {
    let mut shifted = shift_many(tx, &[(customer, currency, effect)]).await?;
    let (_, balance) = shifted.pop().ok_or_else(|| super::damaged("an upsert that answers nothing"))?;
    Ok(balance)
}

/// The same for many, who are given in their order, each once: so two that lock the same never wait for each other.
pub(in super::super) async fn shift_many(
    tx: &impl ConnectionTrait,
    effects: &[(CustomerId, Currency, Effect)],
) -> Result<Vec<(CustomerId, Balance)>, DbErr> {
    let mut shifted = Vec::with_capacity(effects.len());
    for chunk in effects.chunks(ROWS) {
        // SeaORM cannot say RETURNING for SQLite.
        let text = format!(
            "INSERT INTO customer_balance (customer_id, currency, receivable, credit) VALUES {}
             ON CONFLICT (customer_id, currency) DO UPDATE SET
                 receivable = customer_balance.receivable + excluded.receivable,
                 credit = customer_balance.credit + excluded.credit
             RETURNING customer_id, currency, receivable, credit",
            rows_of(4, chunk.len())
        );
        let mut values: Vec<Value> = Vec::with_capacity(chunk.len() * 4);
        for (customer, currency, Effect { receivable, credit }) in chunk {
            values.extend([customer.0.into(), currency.code().into(), (*receivable).into(), (*credit).into()]);
        }
        for row in tx.query_all_raw(sql(tx, &text, values)).await? {
            let currency = Currency::parse(&super::text(&row, 1)?);
            let currency = currency.ok_or_else(|| super::damaged("a balance of no currency"))?;
            let (receivable, credit) = (Money::new(number(&row, 2)?, currency), Money::new(number(&row, 3)?, currency));
            shifted.push((CustomerId(number(&row, 0)?), Balance { receivable, credit }));
        }
    }
    Ok(shifted)
}

pub(in super::super) async fn balance(
    db: &impl ConnectionTrait,
    customer: CustomerId,
    currency: Currency,
) -> Result<Balance, DbErr> {
    let row = Entity::find_by_id((customer.0, currency.code().to_owned())).one(db).await?;
    let (receivable, credit) = row.map_or((0, 0), |row| (row.receivable, row.credit));
    Ok(Balance { receivable: Money::new(receivable, currency), credit: Money::new(credit, currency) })
}

/// What is left of invoices; those never booked are not in it.
pub(in super::super) async fn owed_of_invoices(
    db: &impl ConnectionTrait,
    invoices: &[InvoiceId],
) -> Result<Vec<(InvoiceId, i64)>, DbErr> {
    let mut found = Vec::with_capacity(invoices.len());
    for chunk in invoices.chunks(IN) {
        let places: Vec<String> = (1..=chunk.len()).map(|at| format!("${at}")).collect();
        let text = format!(
            "SELECT invoice_id, CAST(SUM(amount_minor) AS BIGINT) FROM posting
             WHERE invoice_id IN ({}) GROUP BY invoice_id",
            places.join(", ")
        );
        for row in db.query_all_raw(sql(db, &text, chunk.iter().map(|invoice| invoice.0.into()))).await? {
            found.push((InvoiceId(number(&row, 0)?), number(&row, 1)?));
        }
    }
    Ok(found)
}

/// What is left of a customer's debts that have no invoice.
pub(in super::super) async fn owed_loose(
    db: &impl ConnectionTrait,
    customer: CustomerId,
    currency: Currency,
) -> Result<i64, DbErr> {
    const LOOSE: &str = "SELECT COALESCE(CAST(SUM(p.amount_minor) AS BIGINT), 0) FROM posting p
        JOIN account a ON a.id = p.account_id AND a.code = '1200'
        WHERE p.customer_id = $1 AND p.currency = $2 AND p.invoice_id IS NULL";
    let row = db.query_one_raw(sql(db, LOOSE, [customer.0.into(), currency.code().into()])).await?;
    row.map_or(Ok(0), |row| number(&row, 0))
}
