//! Lists as text: which separator, then line by line.

use super::{Gather, ReadError, Table, cell};

/// What stands between cells, the likelier first.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Lines looked at to find the separator.
const LOOKED_AT: usize = 20;

/// The table of a text.
pub(super) fn read(text: &str, encoding: &str, max_rows: usize) -> Result<Table, ReadError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (told, text, skipped) = told_separator(text);
    let separator = told.unwrap_or_else(|| separator(text));
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut gather = Gather::new(max_rows);
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|_not_csv| ReadError::NotAList)? {
        let line = record.position().map_or(0, |at| line_of(text, at)) + skipped;
        let cells: Result<Vec<String>, ReadError> = record.iter().map(cell).collect();
        gather.add(line, cells?)?;
    }
    let separator = if separator == b'\t' { "TAB".to_owned() } else { format!("\"{}\"", char::from(separator)) };
    gather.table(format!("CSV, {encoding}, {separator}"))
}

/// The line a record stands on. Its position is where the one before ended; empty lines may lie between.
fn line_of(text: &str, at: &csv::Position) -> usize {
    let from = usize::try_from(at.byte()).unwrap_or(usize::MAX);
    let between =
        text.as_bytes().get(from..).unwrap_or_default().iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    usize::try_from(at.line()).unwrap_or(0) + between.filter(|byte| **byte == b'\n').count()
}

/// Excel's own first line `sep=;`.
fn told_separator(text: &str) -> (Option<u8>, &str, usize) {
    let Some((first, rest)) = text.split_once('\n') else { return (None, text, 0) };
    let told = first.trim().strip_prefix("sep=").and_then(|separator| separator.as_bytes().first().copied());
    match told.filter(|byte| SEPARATORS.contains(byte)) {
        Some(separator) => (Some(separator), rest, 1),
        None => (None, text, 0),
    }
}

/// The separator that cuts the first lines into most cells, the same number in each. Those in quotes do not count.
fn separator(text: &str) -> u8 {
    let mut counts = [[0_usize; LOOKED_AT]; SEPARATORS.len()];
    let (mut line, mut quoted) = (0, false);
    for byte in text.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => line += 1,
            _ if quoted => {}
            other => {
                if let Some(at) = SEPARATORS.iter().position(|separator| *separator == other) {
                    counts[at][line] += 1;
                }
            }
        }
        if line >= LOOKED_AT {
            break;
        }
    }
    let lines = (line + 1).min(LOOKED_AT);
    let score = |at: usize| {
        let header = counts[at][0];
        let alike = counts[at][..lines].iter().filter(|count| **count == header).count();
        if header == 0 { (0, 0) } else { (alike, header) }
    };
    let best = (0..SEPARATORS.len()).rev().max_by_key(|at| score(*at)).unwrap_or(0);
    SEPARATORS[best]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Vec<String>> {
        let table = read(text, "UTF-8", 100).unwrap();
        std::iter::once(table.header).chain(table.rows.into_iter().map(|row| row.cells)).collect()
    }

    #[test]
    fn the_separator_is_found_whatever_stands_in_the_cells() {
        for separator in [",", ";", "\t", "|"] {
            let text = ["nama", "wa", "alamat\nSiti", "0812", "\"Jl. Melati 5, RT 2; RW 3\"\n"].join(separator);
            assert_eq!(
                rows(&text),
                [vec!["nama", "wa", "alamat"], vec!["Siti", "0812", "Jl. Melati 5, RT 2; RW 3"]],
                "{separator}"
            );
        }
        // More commas than semicolons, but not the same number in each line.
        assert_eq!(separator("nama;alamat\nA;Jl. 1, RT 2, RW 3\nB;Jl. 2\n"), b';');
        assert_eq!(separator("nama\nSiti\n"), b',');
    }

    #[test]
    fn lines_keep_their_number_and_empty_ones_are_left_out() {
        let table = read("sep=;\n\nnama;wa\n\"Siti\nAminah\";1\n;;\nBudi;2", "UTF-8", 100).unwrap();
        let lines: Vec<_> = table.rows.iter().map(|row| (row.line, row.cell(0), row.cell(1), row.cell(9))).collect();
        assert_eq!(lines, [(4, "Siti\nAminah", "1", ""), (7, "Budi", "2", "")]);
        for end in ["\n", "\r\n"] {
            let table = read(&["nama", "", "Budi", "", "", "Siti", "Joko"].join(end), "UTF-8", 100).unwrap();
            let lines: Vec<_> = table.rows.iter().map(|row| row.line).collect();
            assert_eq!((table.header_line, lines), (1, vec![3, 6, 7]), "{end:?}");
        }
    }

    #[test]
    fn limits_hold() {
        assert_eq!(read("a\n1\n2\n3", "UTF-8", 2), Err(ReadError::TooManyRows { max: 2 }));
        assert_eq!(read(&",x".repeat(200), "UTF-8", 2), Err(ReadError::TooManyColumns));
        assert_eq!(read(&"x".repeat(5000), "UTF-8", 2), Err(ReadError::CellTooLong));
        assert_eq!(read(" \n\n", "UTF-8", 2), Err(ReadError::Empty));
    }

    #[test]
    fn a_quote_before_a_formula_is_ours_and_goes() {
        assert_eq!(rows("nama\n'=1+1\n'-5x\n'O\n"), [["nama"], ["=1+1"], ["-5x"], ["'O"]]);
    }
}
