//! The paper as a stream of HTML: head, sheet after sheet, foot. One sheet's vouchers are in memory at a time.

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;

use super::{
    Prepared, Which,
    cells::{self, Cell, Writer},
    format::Geometry,
    pages::{PaperPage, SheetPart},
    store,
};
use crate::{
    app::App,
    http::{access::Scope, error::AppError, view::View},
};

/// Where the sheets come in the page's HTML.
const SHEETS: &str = "<!--sheets-->";

/// What the next piece of the stream needs.
struct Paper {
    app: App,
    view: View,
    scope: Scope,
    prepared: Prepared,
    writer: Writer,
    geometry: Geometry,
    count: usize,
    logo: String,
    /// Vouchers so far, and the last of them.
    done: usize,
    after: i64,
    head: Option<String>,
    tail: Option<String>,
}

/// The page of a print, sheet by sheet.
///
/// # Errors
/// A broken template.
pub(super) fn paper(
    app: &App,
    (view, scope): (&View, &Scope),
    prepared: Prepared,
    mut page: PaperPage,
) -> Result<Response, AppError> {
    let count = prepared.count();
    let job = &prepared.job;
    let contexts: Vec<_> = prepared.contexts.values().cloned().collect();
    let logo = prepared.logo.clone();
    let high = cells::roll_height(job.format, &prepared.document, &contexts, !logo.is_empty());
    let style = cells::style(job.format, &prepared.document, high, count);
    page.style = style.url();
    let locale = prepared.document.language.unwrap_or_else(|| view.locale());
    let writer =
        Writer { texts: view.texts().clone(), locale, format: job.format, document: prepared.document.clone() };
    let html = view.html(&page)?;
    let (head, tail) =
        html.split_once(SHEETS).ok_or_else(|| AppError::Internal(anyhow::anyhow!("the paper has no {SHEETS}")))?;
    let (head, tail) = (head.to_owned(), tail.to_owned());
    let paper = Paper {
        app: app.clone(),
        view: view.clone(),
        scope: scope.clone(),
        geometry: style.geometry(),
        writer,
        count,
        logo,
        done: 0,
        after: 0,
        head: Some(head),
        tail: Some(tail),
        prepared,
    };
    let pieces = stream::try_unfold(paper, |mut paper| async move {
        let piece = paper.next().await.inspect_err(|error| tracing::error!(%error, "a print broke off"))?;
        Ok::<_, anyhow::Error>(piece.map(|html| (Bytes::from(html), paper)))
    });
    let mut response = Body::from_stream(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    // Codes are money: they do not stay on a shared computer.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

impl Paper {
    async fn next(&mut self) -> anyhow::Result<Option<String>> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head));
        }
        let job = &self.prepared.job;
        let which: &Which = &job.which;
        let per_sheet = self.geometry.per_sheet;
        let rows = store::rows(
            self.app.db.read(),
            &self.app.keys,
            &self.scope,
            (which, job.unproven),
            (self.after, per_sheet),
        )
        .await?;
        let Some(last) = rows.last() else { return Ok(self.tail.take()) };
        self.after = last.id.0;
        let found = rows.len();
        let is_last = self.geometry.is_last(self.done, self.count);
        self.done += found;
        let (writer, view, logo) = (self.writer.clone(), self.view.clone(), self.logo.clone());
        let contexts = self.prepared.contexts.clone();
        // QR codes and templates take milliseconds a sheet: not on a thread that serves others.
        let html = tokio::task::spawn_blocking(move || {
            let cells: Vec<Cell> = rows
                .iter()
                .filter_map(|row| contexts.get(&row.batch).map(|context| writer.cell(row, context)))
                .collect();
            let family = writer.format.family();
            let part = SheetPart { family, format: writer.format, cells, logo, is_last };
            view.html_in(writer.locale, &part)
        })
        .await??;
        Ok(Some(html))
    }
}
