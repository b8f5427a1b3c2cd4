//! Lists as workbooks (XLSX): the first sheet that has anything, cell by cell, so that a sheet which claims a million
//! columns costs nothing. What is unpacked is measured first.

use std::io::{Cursor, Read as _};

use calamine::{DataRef, Reader as _, Xlsx};

use super::{Gather, MAX_COLUMNS, ReadError, Table, cell};

/// How every XLSX begins: it is a zip.
const MAGIC: &[u8] = b"PK\x03\x04";
/// Most bytes a workbook is unpacked to: 50,000 lines of 20 cells are a tenth of it.
const MAX_UNPACKED: u64 = 256 * 1024 * 1024;
/// Most parts of a workbook.
const MAX_PARTS: usize = 2_000;

/// Does it begin as a workbook?
#[must_use]
pub fn is_workbook(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The table of a workbook.
pub(super) fn read(bytes: &[u8], max_rows: usize) -> Result<Table, ReadError> {
    measure(bytes)?;
    let mut book = Xlsx::new(Cursor::new(bytes)).map_err(|_damaged| ReadError::BadWorkbook)?;
    for name in book.sheet_names() {
        match sheet(&mut book, &name, max_rows) {
            Err(ReadError::Empty) => {}
            found => return found,
        }
    }
    Err(ReadError::Empty)
}

/// Unpacks every part into nothing and counts: what a zip says of its own size need not be true.
fn measure(bytes: &[u8]) -> Result<(), ReadError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_damaged| ReadError::BadWorkbook)?;
    if archive.len() > MAX_PARTS {
        return Err(ReadError::TooLarge);
    }
    let mut left = MAX_UNPACKED;
    for at in 0..archive.len() {
        let part = archive.by_index(at).map_err(|_damaged| ReadError::BadWorkbook)?;
        let read = std::io::copy(&mut part.take(left + 1), &mut std::io::sink());
        let read = read.map_err(|_damaged| ReadError::BadWorkbook)?;
        left = left.checked_sub(read).ok_or(ReadError::TooLarge)?;
    }
    Ok(())
}

fn sheet(book: &mut Xlsx<Cursor<&[u8]>>, name: &str, max_rows: usize) -> Result<Table, ReadError> {
    let mut reader = book.worksheet_cells_reader(name).map_err(|_damaged| ReadError::BadWorkbook)?;
    let mut gather = Gather::new(max_rows);
    let (mut line, mut cells) = (0_usize, Vec::new());
    while let Some(found) = reader.next_cell().map_err(|_damaged| ReadError::BadWorkbook)? {
        let (row, column) = found.get_position();
        let (row, column) = (usize::try_from(row).unwrap_or(usize::MAX), usize::try_from(column).unwrap_or(usize::MAX));
        let text = cell(&text_of(found.get_value()))?;
        if text.is_empty() {
            continue;
        }
        if column >= MAX_COLUMNS {
            return Err(ReadError::TooManyColumns);
        }
        if row.saturating_add(1) != line {
            gather.add(line, std::mem::take(&mut cells))?;
            line = row.saturating_add(1);
        }
        if cells.len() <= column {
            cells.resize(column + 1, String::new());
        }
        cells[column] = text;
    }
    gather.add(line, cells)?;
    gather.table(format!("XLSX, {name}"))
}

/// A cell as a person would type it. Numbers have no digits behind the comma unless they are needed: telephone numbers
/// lose their first zero in a spreadsheet, but nothing more.
fn text_of(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Empty | DataRef::Error(_) => String::new(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number.to_string(),
        DataRef::Bool(yes) => yes.to_string(),
        DataRef::DateTime(at) => {
            let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            if (hour, minute, second) == (0, 0, 0) { date } else { format!("{date} {hour:02}:{minute:02}:{second:02}") }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use rust_xlsxwriter::Workbook;

    use super::*;

    #[test]
    fn a_workbook_is_read_as_it_is_seen() {
        let mut book = Workbook::new();
        let _empty = book.add_worksheet();
        let sheet = book.add_worksheet();
        for (at, text) in ["nama", "wa", "", "tanggal_tagih"].into_iter().enumerate() {
            sheet.write(1, u16::try_from(at).unwrap(), text).unwrap();
        }
        sheet.write(3, 0, "Siti").unwrap();
        sheet.write(3, 1, 81_234_567_890_f64).unwrap();
        sheet.write(3, 3, 10).unwrap();
        sheet.write(9, 1, 0.5).unwrap();
        let bytes = book.save_to_buffer().unwrap();
        let table = read(&bytes, 10).unwrap();
        assert_eq!(table.header, ["nama", "wa", "", "tanggal_tagih"]);
        assert_eq!(table.rows[0].cells, ["Siti", "81234567890", "", "10"]);
        assert_eq!((table.rows[1].line, table.rows[1].cell(1)), (10, "0.5"));
        assert_eq!(table.found, "XLSX, Sheet2");
        assert_eq!(read(&bytes, 1), Err(ReadError::TooManyRows { max: 1 }));
        for cut in [bytes.len() / 2, bytes.len() - 10, 10] {
            assert_eq!(read(&bytes[..cut], 10), Err(ReadError::BadWorkbook));
        }
    }

    #[test]
    fn a_sheet_far_to_the_right_or_an_empty_book_is_refused() {
        let mut book = Workbook::new();
        book.add_worksheet().write(0, 16_000, "x").unwrap();
        assert_eq!(read(&book.save_to_buffer().unwrap(), 10), Err(ReadError::TooManyColumns));
        let mut book = Workbook::new();
        let _empty = book.add_worksheet();
        assert_eq!(read(&book.save_to_buffer().unwrap(), 10), Err(ReadError::Empty));
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        archive.start_file("xl/workbook.xml", zip::write::SimpleFileOptions::default()).unwrap();
        let zeros = vec![0_u8; 1024 * 1024];
        for _ in 0..=MAX_UNPACKED / (1024 * 1024) {
            archive.write_all(&zeros).unwrap();
        }
        let bytes = archive.finish().unwrap().into_inner();
        assert!(bytes.len() < 1024 * 1024);
        assert_eq!(read(&bytes, 10), Err(ReadError::TooLarge));
    }
}
