//! A list as a file that the browser keeps: rows come a few hundred at a time and are never all in memory.

use std::io::{Seek as _, SeekFrom};

use anyhow::Context as _;
use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream, stream::BoxStream};
use tokio::{io::AsyncReadExt as _, sync::mpsc};

use super::{Book, Cell, Format, csv_lines};
use crate::http::error::AppError;

/// Batches of rows that wait for the workbook.
const WAITING: usize = 4;
/// Bytes of a file sent at once.
const PIECE: usize = 64 * 1024;

/// Rows as they are read.
pub type Rows = BoxStream<'static, anyhow::Result<Vec<Vec<Cell>>>>;

/// Answers a list as a file of this name, without its ending.
///
/// # Errors
/// A workbook is made before it is sent: what its rows or its temporary file say. A CSV breaks off instead.
pub async fn answer(name: &str, format: Format, titles: Vec<String>, rows: Rows) -> Result<Response, AppError> {
    let body = match format {
        Format::Csv => csv_body(titles, rows),
        Format::Xlsx => xlsx_body(titles, rows).await?,
    };
    Ok(headed(&format!("{name}.{}", format.as_str()), format, body))
}

/// A body as a file to be kept by the browser.
pub fn headed(name: &str, format: Format, body: Body) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

fn csv_body(titles: Vec<String>, rows: Rows) -> Body {
    let head: Vec<Cell> = titles.into_iter().map(Cell::from).collect();
    let head = stream::once(async move { csv_lines(&[head], true) });
    Body::from_stream(head.chain(rows.and_then(async |rows| csv_lines(&rows, false))))
}

async fn xlsx_body(titles: Vec<String>, mut rows: Rows) -> Result<Body, AppError> {
    let (send, mut wanted) = mpsc::channel::<Vec<Vec<Cell>>>(WAITING);
    let writing = tokio::task::spawn_blocking(move || -> anyhow::Result<std::fs::File> {
        let mut book = Book::new(&titles)?;
        while let Some(some) = wanted.blocking_recv() {
            some.iter().try_for_each(|row| book.add(row))?;
        }
        let mut file = tempfile::tempfile().context("making a temporary file")?;
        book.save(&file)?;
        file.seek(SeekFrom::Start(0)).context("going to its start")?;
        Ok(file)
    });
    while let Some(some) = rows.try_next().await? {
        if send.send(some).await.is_err() {
            break;
        }
    }
    drop(send);
    let file = writing.await.context("writing a workbook")??;
    Ok(file_body(tokio::fs::File::from_std(file)))
}

fn file_body(file: tokio::fs::File) -> Body {
    Body::from_stream(stream::try_unfold(file, async |mut file| {
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then_some((piece, file)))
    }))
}
