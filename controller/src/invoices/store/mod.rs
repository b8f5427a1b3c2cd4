//! Queries of invoices, their lines, credit notes and write-offs.

mod aging;
mod billed;
mod brief;
mod list;
mod notes;
mod proof;
mod read;
mod service;
mod write;
mod write_offs;

pub(super) use aging::{due_at, owed_at_sites, owed_by_customers, owners};
pub(super) use billed::{billed_of, postpone, redate};
pub(super) use brief::{briefs, customers_of_number};
pub use list::Tab;
#[cfg(test)]
pub(super) use list::statements;
pub(super) use list::{Wanted, is_narrow, list, sums, version};
pub(super) use notes::{NewNote, insert_note, note_of_form, notes};
pub(super) use proof::{gaps, renumbered, unlike_postings, unlike_states, unlike_write_offs};
pub(super) use read::{Kept, ToIssue, drafts, drafts_after, drafts_seen, find, kept, made, made_of, open_of};
pub(super) use service::{is_billed_from, services_of, unpaid_of};
pub(super) use write::{Issued, insert, set_issued, set_settled, set_void, set_written_off};
pub(super) use write_offs::{NewWriteOff, insert_write_off, loose_write_offs, set_reversed, write_offs};

use sea_orm::{ConnectionTrait, DbErr, Statement, Value};

use crate::money::{Currency, Money};

/// Ids of one IN: below the limits of bound values of both databases.
const IN: usize = 400;
/// Rows of one INSERT or UPDATE.
const ROWS: usize = 200;

/// A statement in the words that both databases understand, for what SeaORM cannot say.
fn sql(db: &impl ConnectionTrait, text: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), text, values)
}

/// `($1, $2), ($3, $4)`: places of bound values for rows.
fn rows_of(columns: usize, rows: usize) -> String {
    let row = |row: usize| {
        let places: Vec<String> = (1..=columns).map(|at| format!("${}", row * columns + at)).collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

fn damaged(what: &str) -> DbErr {
    DbErr::Custom(format!("invoices are damaged: {what}"))
}

fn money(minor: i64, currency: &str) -> Result<Money, DbErr> {
    let currency = Currency::parse(currency).ok_or_else(|| damaged("an amount of no currency"))?;
    Ok(Money::new(minor, currency))
}
