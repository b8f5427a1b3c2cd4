//! A workbook: written row by row into a temporary file, which nobody else sees and which goes with its last reader;
//! then sent.

use std::{
    fs::File,
    io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _},
};

use anyhow::Context as _;
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet};
use tokio::sync::mpsc;

use super::{
    super::search::Reader,
    columns::{Cell, Columns},
};
use crate::app::App;

/// Chunks of rows that wait to be written.
const WAITING: usize = 2;
/// Bytes sent at once.
const PIECE: usize = 64 * 1024;
const TIME: &str = "yyyy-mm-dd hh:mm:ss";
/// Characters a column is wide.
const WIDTH: f64 = 18.0;

type Rows = Vec<Vec<Cell>>;

/// Writes the workbook. Rows are read here and written on a thread that may block.
pub(super) async fn write(app: &App, reader: Option<Reader>, columns: Columns) -> anyhow::Result<File> {
    let (rows, waiting) = mpsc::channel::<Rows>(WAITING);
    let heads = columns.heads().to_vec();
    let writing = tokio::task::spawn_blocking(move || fill(&heads, waiting));
    if let Some(mut reader) = reader {
        loop {
            let vouchers = reader.next(app).await.context("reading vouchers")?;
            let chunk: Rows = vouchers.into_iter().map(|voucher| columns.cells(voucher)).collect();
            // A writer that is gone says why when it is asked.
            if chunk.is_empty() || rows.send(chunk).await.is_err() {
                break;
            }
        }
    }
    drop(rows);
    writing.await.context("the writer of a workbook")?
}

fn fill(heads: &[String], mut waiting: mpsc::Receiver<Rows>) -> anyhow::Result<File> {
    let mut workbook = Workbook::new();
    let (bold, time) = (Format::new().set_bold(), Format::new().set_num_format(TIME));
    let sheet = workbook.add_worksheet_with_constant_memory()?;
    for column in 0..u16::try_from(heads.len())? {
        sheet.set_column_width(column, WIDTH)?;
    }
    sheet.set_freeze_panes(1, 0)?;
    for (column, head) in (0..).zip(heads) {
        sheet.write_string_with_format(0, column, head, &bold)?;
    }
    let mut row = 1;
    while let Some(chunk) = waiting.blocking_recv() {
        for cells in chunk {
            write_row(sheet, row, &cells, &time)?;
            row += 1;
        }
    }
    let mut file = tempfile::tempfile().context("a temporary file")?;
    let mut writer = BufWriter::new(&mut file);
    workbook.save_to_writer(&mut writer)?;
    writer.flush()?;
    drop(writer);
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

fn write_row(sheet: &mut Worksheet, row: u32, cells: &[Cell], time: &Format) -> anyhow::Result<()> {
    for (column, cell) in (0..).zip(cells) {
        match cell {
            Cell::Nothing => {}
            // A cell of text is never a formula in a workbook.
            Cell::Text(text) => {
                sheet.write_string(row, column, text)?;
            }
            Cell::Number(number) => {
                sheet.write(row, column, *number)?;
            }
            Cell::Time(at) => {
                let at = ExcelDateTime::from_timestamp(at.and_utc().timestamp())?;
                sheet.write_datetime_with_format(row, column, at, time)?;
            }
        }
    }
    Ok(())
}

/// The body of an answer.
pub(super) fn body(file: File) -> Body {
    Body::from_stream(stream::try_unfold(Some(file), |file| async move {
        let Some(mut file) = file else { return Ok::<_, anyhow::Error>(None) };
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; PIECE];
            let count = file.read(&mut piece)?;
            piece.truncate(count);
            Ok::<_, std::io::Error>((piece, file))
        });
        let (piece, file) = read.await??;
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), Some(file))))
    }))
}
