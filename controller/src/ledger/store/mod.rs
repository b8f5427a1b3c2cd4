//! Queries of the ledger. Entries and postings are only ever inserted.

mod accounts;
mod balances;
mod entries;
mod journal;
mod moment;
mod names;
mod numbers;
mod proof;
mod reports;
mod sources;
mod statement;

pub(super) use accounts::{account, accounts};
pub(super) use balances::{balance, owed_loose, owed_of_invoices, shift, shift_many};
pub(super) use entries::{Booked, Inserted, find, insert, insert_postings, last_entry};
pub(super) use journal::{journal, with_marks};
pub(super) use moment::{balance_after, balances, owed_after};
pub(super) use names::{of_customers, of_invoices};
pub(super) use numbers::reserve;
pub(super) use proof::{checkpoint, checkpoint_at, keep, last_proof, look};
pub(super) use reports::{balance_before, credits_before, owed_before, settlements};
pub(super) use sources::of_sources;
pub(super) use statement::{DebtPosting, debt_postings, statement};

use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};

/// Ids of one IN: below the limits of bound values of both databases.
const IN: usize = 400;
/// Rows of one INSERT.
const ROWS: usize = 250;

/// A statement in the words that both databases understand, for what SeaORM cannot say.
fn sql(db: &impl ConnectionTrait, text: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), text, values)
}

fn number(row: &QueryResult, at: usize) -> Result<i64, DbErr> {
    row.try_get_by_index(at)
}

fn text(row: &QueryResult, at: usize) -> Result<String, DbErr> {
    row.try_get_by_index(at)
}

fn damaged(what: &str) -> DbErr {
    DbErr::Custom(format!("the ledger is damaged: {what}"))
}

/// `($1, $2), ($3, $4)`: places of bound values for rows of an INSERT.
fn rows_of(columns: usize, rows: usize) -> String {
    let row = |row: usize| {
        let places: Vec<String> = (1..=columns).map(|at| format!("${}", row * columns + at)).collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}
