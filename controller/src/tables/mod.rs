//! Lists as files: reading CSV and XLSX that people upload, writing CSV and XLSX that they take along. Knows no feature.
//!
//! [`read`] finds out by itself what a file is: kind, encoding, separator. [`csv_lines`] and [`Book`] write rows as
//! they come; neither holds the whole list.

mod csv_text;
mod encoding;
pub mod file;
mod refused;
mod upload;
mod workbook;
mod write;

use crate::http::form::FieldError;

pub use refused::{RowError, refused};
pub use upload::{File, Upload};
pub use workbook::is_workbook;
pub use write::{Book, Cell, Format, csv_lines};

/// Most columns of a list.
pub const MAX_COLUMNS: usize = 100;
/// Most characters of one cell; what is longer is no list.
pub const MAX_CELL_CHARS: usize = 4_000;

/// A list as it was read: every cell a trimmed text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The first line that is not empty.
    pub header: Vec<String>,
    /// Its line in the file, from 1.
    pub header_line: usize,
    /// The lines below it that are not empty.
    pub rows: Vec<Row>,
    /// What the file turned out to be: `CSV, UTF-8, ";"`, `XLSX, Sheet1`.
    pub found: String,
}

impl Table {
    /// The first cell of a column that is not empty, for people to know it by.
    #[must_use]
    pub fn sample(&self, column: usize) -> String {
        let mut cells = self.rows.iter().map(|row| row.cell(column));
        cells.find(|cell| !cell.is_empty()).unwrap_or_default().to_owned()
    }
}

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its line in the file, from 1, so that people find it again.
    pub line: usize,
    /// Its cells; missing ones at the end are not there.
    pub cells: Vec<String>,
}

impl Row {
    /// The cell of a column; empty where the line is shorter.
    #[must_use]
    pub fn cell(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }
}

/// Why a file is no list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("the file has no lines")]
    Empty,
    #[error("more than {max} lines")]
    TooManyRows { max: usize },
    #[error("more than {MAX_COLUMNS} columns")]
    TooManyColumns,
    #[error("a cell is longer than {MAX_CELL_CHARS} characters")]
    CellTooLong,
    #[error("the file is neither text nor a workbook")]
    NotAList,
    #[error("the workbook cannot be read")]
    BadWorkbook,
    #[error("the workbook is unpacked too large")]
    TooLarge,
}

impl ReadError {
    /// The refusal as a form says it.
    #[must_use]
    pub fn told(self) -> FieldError {
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        match self {
            Self::Empty => FieldError::new("file_empty"),
            Self::TooManyRows { max } => FieldError::new("file_too_many_rows").arg("max", number(max)),
            Self::TooManyColumns => FieldError::new("file_too_many_columns").arg("max", number(MAX_COLUMNS)),
            Self::CellTooLong => FieldError::new("file_cell_too_long").arg("max", number(MAX_CELL_CHARS)),
            Self::NotAList => FieldError::new("file_not_a_list"),
            Self::BadWorkbook => FieldError::new("file_bad_workbook"),
            Self::TooLarge => FieldError::new("file_unpacked_too_large"),
        }
    }
}

/// Reads a list of at most `max_rows` lines below its header. Pure and slow: call it off the async threads.
///
/// # Errors
/// [`ReadError`].
pub fn read(bytes: &[u8], max_rows: usize) -> Result<Table, ReadError> {
    if is_workbook(bytes) {
        return workbook::read(bytes, max_rows);
    }
    let (text, encoding) = encoding::decode(bytes)?;
    csv_text::read(&text, encoding, max_rows)
}

/// Gathers lines into a table and keeps its limits.
#[derive(Debug)]
struct Gather {
    header: Option<(usize, Vec<String>)>,
    rows: Vec<Row>,
    max_rows: usize,
}

impl Gather {
    fn new(max_rows: usize) -> Self {
        Self { header: None, rows: Vec::new(), max_rows }
    }

    fn add(&mut self, line: usize, mut cells: Vec<String>) -> Result<(), ReadError> {
        while cells.last().is_some_and(String::is_empty) {
            cells.pop();
        }
        if cells.is_empty() {
            return Ok(());
        }
        if cells.len() > MAX_COLUMNS {
            return Err(ReadError::TooManyColumns);
        }
        if self.header.is_none() {
            self.header = Some((line, cells));
            return Ok(());
        }
        if self.rows.len() >= self.max_rows {
            return Err(ReadError::TooManyRows { max: self.max_rows });
        }
        self.rows.push(Row { line, cells });
        Ok(())
    }

    fn table(self, found: String) -> Result<Table, ReadError> {
        let (header_line, header) = self.header.ok_or(ReadError::Empty)?;
        Ok(Table { header, header_line, rows: self.rows, found })
    }
}

/// A cell as it is kept: trimmed, and without the quote that [`write`](csv_lines) puts before what a spreadsheet would
/// take for a formula.
fn cell(text: &str) -> Result<String, ReadError> {
    let text = text.trim_matches(|char: char| char.is_whitespace() || char == '\u{feff}');
    if text.len() > MAX_CELL_CHARS && text.chars().count() > MAX_CELL_CHARS {
        return Err(ReadError::CellTooLong);
    }
    let bare = text.strip_prefix('\'').filter(|rest| write::is_formula(rest)).unwrap_or(text);
    Ok(bare.to_owned())
}
