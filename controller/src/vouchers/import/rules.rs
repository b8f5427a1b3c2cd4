//! Pure decisions about codes from a file: which column is what, and which row cannot be taken.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::rules::{CODES_PER_VOUCHER, LENGTH, MAX_COUNT};
use crate::{http::form::FieldError, tables::Table};

/// Rows of one file: a batch.
pub(crate) const MAX_ROWS: usize = 5_000;
/// Characters of a code.
const CODE: (usize, usize) = (4, 32);
/// Characters of a password.
const PASSWORD: (usize, usize) = (4, 32);
/// Characters of a note.
const MAX_NOTE: usize = 200;

const CODE_HEADS: [&str; 9] =
    ["code", "kode", "kode voucher", "voucher", "username", "user", "nama pengguna", "pengguna", "login"];
const PASSWORD_HEADS: [&str; 5] = ["password", "sandi", "kata sandi", "pass", "pin"];
const NOTE_HEADS: [&str; 5] = ["note", "notes", "catatan", "keterangan", "comment"];

/// One code as it was given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ImportRow)]
pub struct Given {
    #[schema(example = "WARUNG7K2M")]
    pub code: String,
    /// The code, unless said.
    #[serde(default)]
    pub password: String,
    #[serde(default)]
    pub note: String,
    /// Its line in a file, from 1; 0 where it comes from none.
    #[serde(skip)]
    pub line: usize,
}

/// A row that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Its line in the file; of rows of no file its place among them, from 1.
    pub row: usize,
    /// Its place among the rows, from 0.
    #[serde(skip)]
    pub at: usize,
    pub code: String,
    #[serde(skip)]
    pub error: FieldError,
}

impl Refusal {
    /// The refusal of a row by its place among the rows, from 0.
    pub(super) fn new(at: usize, row: &Given, error: FieldError) -> Self {
        Self { row: row.place(at), at, code: row.code.clone(), error }
    }
}

impl Given {
    /// Where people find it: its line in the file, else its place among the rows.
    fn place(&self, at: usize) -> usize {
        if self.line > 0 { self.line } else { at + 1 }
    }
}

/// The rows of a table; nothing where no column is one of codes. A file of one column needs no header.
pub(crate) fn rows(table: &Table) -> Option<Vec<Given>> {
    let place =
        |names: &[&str]| table.header.iter().position(|head| names.contains(&head.trim().to_lowercase().as_str()));
    let Some(code) = place(&CODE_HEADS) else {
        if table.header.len() != 1 {
            return None;
        }
        let first = table.header.first().map(String::as_str);
        let first = first.map(|code| (table.header_line, code));
        let codes = first.into_iter().chain(table.rows.iter().map(|row| (row.line, row.cell(0))));
        return Some(codes.map(|(line, code)| Given { code: code.to_owned(), line, ..Given::default() }).collect());
    };
    let (password, note) = (place(&PASSWORD_HEADS), place(&NOTE_HEADS));
    let given = |row: &crate::tables::Row| {
        let cell = |column: Option<usize>| column.map(|column| row.cell(column).to_owned()).unwrap_or_default();
        Given { code: cell(Some(code)), password: cell(password), note: cell(note), line: row.line }
    };
    Some(table.rows.iter().map(given).collect())
}

/// What is wrong with rows as such: characters, lengths, repeats, and codes that somebody would find by trying.
pub(crate) fn refusals(rows: &[Given]) -> Vec<Refusal> {
    // Where each code stands first, as people find it.
    let mut first: HashMap<&str, usize> = HashMap::with_capacity(rows.len());
    let mut refused = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let repeats = first.insert(&row.code, row.place(at)).filter(|_| !row.code.is_empty());
        let error = match (wrong(row, rows.len()), repeats) {
            (Some(error), _) => error,
            (None, Some(earlier)) => {
                first.insert(&row.code, earlier);
                FieldError::new("import_repeated").arg("row", i64::try_from(earlier).unwrap_or(i64::MAX))
            }
            (None, None) => continue,
        };
        refused.push(Refusal::new(at, row, error));
    }
    refused
}

fn wrong(row: &Given, count: usize) -> Option<FieldError> {
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let characters =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    let code = row.code.as_str();
    if code.is_empty() {
        return Some(FieldError::new("required"));
    }
    if !characters(code) {
        return Some(FieldError::new("import_characters"));
    }
    if code.len() < CODE.0 {
        return Some(FieldError::new("import_too_short").arg("min", number(CODE.0)));
    }
    if code.len() > CODE.1 {
        return Some(FieldError::new("import_code_too_long").arg("max", number(CODE.1)));
    }
    if row.password.len() > PASSWORD.1 {
        return Some(FieldError::new("import_password_too_long").arg("max", number(PASSWORD.1)));
    }
    if !row.password.is_empty() {
        if !row.password.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Some(FieldError::new("import_password_characters"));
        }
        if row.password.len() < PASSWORD.0 {
            return Some(FieldError::new("import_password_too_short").arg("min", number(PASSWORD.0)));
        }
    }
    if row.note.chars().count() > MAX_NOTE {
        return Some(FieldError::new("import_note_too_long").arg("max", number(MAX_NOTE)));
    }
    let own_password = !row.password.is_empty() && row.password != row.code;
    let vouchers = u128::try_from(count).unwrap_or(u128::MAX);
    // A password of its own has to be found too.
    let space = space(code).saturating_mul(if own_password { space_of(&row.password) } else { 1 });
    (space < vouchers.saturating_mul(CODES_PER_VOUCHER)).then(|| FieldError::new("import_guessable"))
}

fn space(code: &str) -> u128 {
    space_of(code.trim_start_matches(|char: char| !char.is_ascii_alphanumeric()))
}

/// How many texts there are of the kinds of characters that this one has.
fn space_of(text: &str) -> u128 {
    let has = |kind: fn(&u8) -> bool| text.as_bytes().iter().any(kind);
    let kinds =
        [(has(u8::is_ascii_digit), 10_u128), (has(u8::is_ascii_uppercase), 26), (has(u8::is_ascii_lowercase), 26)];
    let alphabet: u128 = kinds.into_iter().filter(|(has, _)| *has).map(|(_, size)| size).sum();
    alphabet.saturating_pow(u32::try_from(text.len()).unwrap_or(u32::MAX))
}

/// The rows as text, as they are shown to be corrected: one a line, under a header that is read again.
pub(crate) fn text(rows: &[Given]) -> String {
    let quoted = |text: &str| {
        let plain = !text.contains([';', '"', '\n', '\r', ',', '\t', '|']);
        if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
    };
    let line = |row: &Given| format!("{};{};{}\n", quoted(&row.code), quoted(&row.password), quoted(&row.note));
    std::iter::once("code;password;note\n".to_owned()).chain(rows.iter().map(line)).collect()
}

/// The length under which a batch of such codes is kept.
pub(crate) fn length(rows: &[Given]) -> u32 {
    let longest = rows.iter().map(|row| row.code.len()).max().unwrap_or(0);
    let (min, max) = LENGTH;
    u32::try_from(i64::try_from(longest).unwrap_or(max).clamp(min, max)).unwrap_or(0)
}

/// A file has at most as many rows as a batch has vouchers.
const _: () = assert!(MAX_ROWS as i64 <= MAX_COUNT);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables;

    fn read(text: &str) -> Option<Vec<Given>> {
        rows(&tables::read(text.as_bytes(), MAX_ROWS).unwrap())
    }

    fn given(code: &str) -> Given {
        Given { code: code.to_owned(), ..Given::default() }
    }

    fn codes(rows: &[Given]) -> Vec<(usize, String)> {
        refusals(rows).into_iter().map(|refusal| (refusal.row, refusal.error.code().to_owned())).collect()
    }

    #[test]
    fn columns_are_found_in_both_languages() {
        for text in ["Kode;Sandi;Catatan\nKB12X4;7788;lemari", "note,username,PASSWORD\nlemari,KB12X4,7788"] {
            let row = Given { code: "KB12X4".into(), password: "7788".into(), note: "lemari".into(), line: 2 };
            assert_eq!(read(text), Some(vec![row]), "{text}");
        }
        let on = |line: usize, code: &str| Given { line, ..given(code) };
        assert_eq!(read("\nKB12X4\nKB12X5\n"), Some(vec![on(2, "KB12X4"), on(3, "KB12X5")]));
        assert_eq!(read("nama,harga\na,1"), None);
    }

    #[test]
    fn rows_written_are_read_again() {
        let note = "rak 1; kiri".to_owned();
        let rows = vec![Given { code: "KB12X4".into(), password: "a;b\"c".into(), note, line: 2 }];
        assert_eq!(read(&text(&rows)), Some(rows));
    }

    #[test]
    fn each_bad_row_is_told_with_its_reason() {
        let long = "X7".repeat(20);
        let rows = ["KB12X4", "KB12X4", "", "KB 12", "ab1", "1234", long.as_str()].map(given);
        let expected = [
            (2, "import_repeated"),
            (3, "required"),
            (4, "import_characters"),
            (5, "import_too_short"),
            (7, "import_code_too_long"),
        ];
        assert_eq!(codes(&rows), expected.map(|(row, code)| (row, code.to_owned())));
        let password = Given { code: "KB12X4".into(), password: "12".into(), ..Given::default() };
        assert_eq!(codes(&[password]), [(1, "import_password_too_short".to_owned())]);
        let password = Given { code: "KB12X4".into(), password: "9".repeat(33), ..Given::default() };
        assert_eq!(codes(&[password]), [(1, "import_password_too_long".to_owned())]);
    }

    #[test]
    fn rows_are_numbered_as_in_their_file() {
        let rows = read("kode;sandi\n\nKB12X4;\n\nKB12X4;\nab;\n").unwrap();
        assert_eq!(codes(&rows), [(5, "import_repeated".to_owned()), (6, "import_too_short".to_owned())]);
        assert_eq!(refusals(&rows)[0].error.args()[0].1, 3.into());
        assert_eq!(refusals(&rows)[0].at, 1);
    }

    #[test]
    fn codes_that_are_found_by_trying_are_refused() {
        let digits: Vec<Given> = (0..20).map(|n| given(&format!("{n:04}"))).collect();
        assert_eq!(codes(&digits).len(), 20);
        let apart: Vec<Given> =
            (0..20).map(|n| Given { password: "778812".into(), ..given(&format!("{n:04}")) }).collect();
        assert!(codes(&apart).is_empty());
    }
}
