//! Queries of payments.

mod list;
mod proof;
mod rows;

#[cfg(test)]
pub(super) use list::statement;
pub(super) use list::{After, find, list, sums};
pub(super) use proof::{gap, renumbered, unlike_entries, unlike_reversals};
pub(super) use rows::{New, count_print, insert, of_form, set_reversed};

use sea_orm::DbErr;

fn damaged(what: &str) -> DbErr {
    DbErr::Custom(format!("a payment is damaged: {what}"))
}
