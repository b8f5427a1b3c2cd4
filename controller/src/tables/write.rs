//! Lists written as CSV or XLSX, row by row. A cell that a spreadsheet would take for a formula is written as text.

use std::borrow::Cow;

use anyhow::Context as _;
use rust_xlsxwriter::{Workbook, Worksheet};

/// Written first into CSV files, so that spreadsheets read them as UTF-8.
const MARK: &str = "\u{feff}";
/// Widest column of a workbook, characters.
const MAX_WIDTH: u8 = 40;

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Csv,
    Xlsx,
}

impl Format {
    /// The format of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "csv" => Some(Self::Csv),
            "xlsx" => Some(Self::Xlsx),
            _ => None,
        }
    }

    /// Its name, which is also how files of it end.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    /// Its content type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

/// A cell to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Text(String),
    Number(i64),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// Would a spreadsheet calculate it? Plain numbers are let through.
pub(super) fn is_formula(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let dangerous = matches!(first, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠');
    dangerous && !is_number(text)
}

/// `-6.2001`: digits with at most one dot. A plus would be lost.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits(whole) && all_digits(rest)
}

fn guarded(text: &str) -> Cow<'_, str> {
    if is_formula(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// Rows as CSV, to be sent one after the other; `first` puts the mark of UTF-8 before them.
///
/// # Errors
/// None in practice: it is written into memory.
pub fn csv_lines(rows: &[Vec<Cell>], first: bool) -> anyhow::Result<Vec<u8>> {
    let start = if first { MARK.as_bytes().to_vec() } else { Vec::new() };
    let mut writer = csv::WriterBuilder::new().flexible(true).terminator(csv::Terminator::CRLF).from_writer(start);
    for row in rows {
        for cell in row {
            match cell {
                Cell::Text(text) => writer.write_field(guarded(text).as_bytes()),
                Cell::Number(number) => writer.write_field(number.to_string()),
            }
            .context("writing a cell")?;
        }
        writer.write_record(None::<&[u8]>).context("ending a line")?;
    }
    writer.into_inner().map_err(|error| anyhow::anyhow!("finishing lines: {}", error.error()))
}

/// A workbook of one sheet, written row by row into a temporary file; never the whole of it in memory.
pub struct Book {
    book: Workbook,
    next: u32,
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Book").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Book {
    /// A workbook with these titles of columns.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    pub fn new(titles: &[String]) -> anyhow::Result<Self> {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet_with_constant_memory().context("making a temporary file")?;
        for (at, title) in titles.iter().enumerate() {
            let column = u16::try_from(at).context("counting columns")?;
            let width = u8::try_from(title.chars().count()).unwrap_or(MAX_WIDTH).clamp(12, MAX_WIDTH);
            sheet.set_column_width(column, f64::from(width)).context("setting a width")?;
        }
        let mut book = Self { book, next: 0 };
        book.add(&titles.iter().map(|title| Cell::from(title.as_str())).collect::<Vec<_>>())?;
        Ok(book)
    }

    /// Adds a row.
    ///
    /// # Errors
    /// The temporary file cannot be written, or the sheet is full.
    pub fn add(&mut self, row: &[Cell]) -> anyhow::Result<()> {
        let at = self.next;
        let sheet: &mut Worksheet = self.book.worksheet_from_index(0).context("finding the sheet")?;
        for (column, cell) in row.iter().enumerate() {
            let column = u16::try_from(column).context("counting columns")?;
            match cell {
                // Texts of a workbook are never formulas; the quote would only be seen.
                Cell::Text(text) => sheet.write_string(at, column, text.as_str()),
                Cell::Number(number) => match i32::try_from(*number) {
                    Ok(number) => sheet.write_number(at, column, number),
                    // A float would round it.
                    Err(_large) => sheet.write_string(at, column, number.to_string()),
                },
            }
            .context("writing a cell")?;
        }
        self.next += 1;
        Ok(())
    }

    /// Writes the finished workbook.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(mut self, file: &std::fs::File) -> anyhow::Result<()> {
        self.book.save_to_writer(file).context("writing the workbook")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_calculate_is_written_as_text() {
        let row = |text: &str| {
            let bytes = csv_lines(&[vec![Cell::from(text), Cell::Number(-5)]], false).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(row("=HYPERLINK(\"http://x\")"), "\"'=HYPERLINK(\"\"http://x\"\")\",-5\r\n");
        for text in ["-6.2", "-1", "0812"] {
            assert_eq!(row(text), format!("{text},-5\r\n"));
        }
        for text in ["@SUM(A1)", "-1+1", "+cmd|' /C calc'!A0", "-6.2.1", "=1", "+62812"] {
            assert!(row(text).starts_with('\''), "{text}");
        }
        assert!(csv_lines(&[], true).unwrap().starts_with(b"\xef\xbb\xbf"));
    }

    #[test]
    fn what_was_written_is_read_back() {
        let rows = [["nama", "catatan"], ["=Siti", "a,b\n\"c\""], ["-", "05"]];
        let cells: Vec<Vec<Cell>> = rows.iter().map(|row| row.iter().map(|text| Cell::from(*text)).collect()).collect();
        let csv = csv_lines(&cells, true).unwrap();
        let titles: Vec<String> = rows[0].iter().map(|text| (*text).to_owned()).collect();
        let mut book = Book::new(&titles).unwrap();
        cells[1..].iter().for_each(|row| book.add(row).unwrap());
        let file = tempfile::tempfile().unwrap();
        book.save(&file).unwrap();
        let mut xlsx = Vec::new();
        std::io::Seek::rewind(&mut &file).unwrap();
        std::io::Read::read_to_end(&mut &file, &mut xlsx).unwrap();
        for bytes in [csv, xlsx] {
            let table = super::super::read(&bytes, 10).unwrap();
            assert_eq!(table.header, rows[0]);
            let read: Vec<&[String]> = table.rows.iter().map(|row| row.cells.as_slice()).collect();
            assert_eq!(read, [rows[1], rows[2]]);
        }
    }
}
