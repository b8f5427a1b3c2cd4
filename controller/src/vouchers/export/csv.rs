//! A file of commas, written while it is sent.

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;

use super::{
    super::search::Reader,
    CsvStyle,
    columns::{Cell, Columns, harmless},
};
use crate::app::App;

const BOM: &[u8] = b"\xef\xbb\xbf";

struct Writing {
    app: App,
    reader: Option<Reader>,
    columns: Columns,
    style: CsvStyle,
    is_begun: bool,
}

/// The body of an answer. A reader that fails half-way breaks the answer off: a short file must not look whole.
pub(super) fn body(app: App, reader: Option<Reader>, columns: Columns, style: CsvStyle) -> Body {
    let writing = Writing { app, reader, columns, style, is_begun: false };
    Body::from_stream(stream::try_unfold(writing, |mut writing| async move {
        let part = writing.next().await?;
        Ok::<_, anyhow::Error>(part.map(|part| (part, writing)))
    }))
}

impl Writing {
    async fn next(&mut self) -> anyhow::Result<Option<Bytes>> {
        let mut out = Vec::new();
        if !self.is_begun {
            self.is_begun = true;
            if self.style.bom {
                out.extend_from_slice(BOM);
            }
            let heads: Vec<Cell> = self.columns.heads().iter().cloned().map(Cell::Text).collect();
            write(&mut out, self.style, [heads])?;
        }
        let vouchers = match &mut self.reader {
            Some(reader) => reader.next(&self.app).await?,
            None => Vec::new(),
        };
        write(&mut out, self.style, vouchers.into_iter().map(|voucher| self.columns.cells(voucher)))?;
        Ok((!out.is_empty()).then(|| out.into()))
    }
}

fn write(out: &mut Vec<u8>, style: CsvStyle, rows: impl IntoIterator<Item = Vec<Cell>>) -> Result<(), csv::Error> {
    let mut writer =
        csv::WriterBuilder::new().delimiter(style.delimiter).terminator(csv::Terminator::CRLF).from_writer(out);
    for row in rows {
        writer.write_record(row.iter().map(written))?;
    }
    writer.flush()?;
    Ok(())
}

fn written(cell: &Cell) -> String {
    match cell {
        Cell::Nothing => String::new(),
        Cell::Text(text) => harmless(text),
        Cell::Number(number) => number.to_string(),
        Cell::Time(at) => at.format("%Y-%m-%d %H:%M:%S").to_string(),
    }
}
