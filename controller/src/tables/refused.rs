//! Lines of a list that stay out, with their reasons: kept beside them, and written into a file to be put right.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::Cell;
use crate::http::form::FieldError;

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowError {
    pub field: String,
    pub error: FieldError,
}

impl RowError {
    /// Faults of a form, as those of a line.
    #[must_use]
    pub fn all(errors: &crate::http::form::FormErrors) -> Vec<Self> {
        errors.iter().map(|(field, error)| Self { field: field.to_owned(), error: error.clone() }).collect()
    }
}

/// A line for the file of those that stay out: its cells, its place in the list, and why. `say` names a field and its
/// fault.
#[must_use]
pub fn refused(
    (line, cells): (i32, &[String]),
    width: usize,
    errors: &[RowError],
    say: impl Fn(&RowError) -> (String, String),
) -> Vec<Cell> {
    let mut row: Vec<Cell> = cells.iter().map(|cell| Cell::from(cell.as_str())).collect();
    row.resize(width, Cell::from(""));
    let mut reasons = String::new();
    for error in errors {
        let (field, fault) = say(error);
        let space = if reasons.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = write!(reasons, "{space}{field}: {fault}");
    }
    row.extend([Cell::from(i64::from(line)), Cell::from(reasons)]);
    row
}
