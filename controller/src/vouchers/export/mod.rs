//! Everything a search finds, as a file: read chunk by chunk, so that a hundred thousand vouchers need no more memory
//! than a thousand.

mod columns;
mod csv;
pub(crate) mod routes;
#[cfg(test)]
mod tests;
mod xlsx;

use axum::body::Body;
use chrono_tz::Tz;
use sea_orm::DbErr;

pub(crate) use columns::{Columns, Sees};

use super::search::{Reader, Search};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    http::{
        access::Scope,
        form::{FieldError, FormErrors},
        locale::{Locale, Texts},
    },
    tables::Format,
};

/// Vouchers of one file. Beyond it somebody wants a backup, not a list.
pub(crate) const MAX_ROWS: u64 = 250_000;
/// How a file of commas is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CsvStyle {
    /// `;` where commas stand in numbers.
    pub(crate) delimiter: u8,
    /// So that Excel sees UTF-8.
    pub(crate) bom: bool,
}

/// Who wants a file, of what, and how it looks.
pub(crate) struct Order<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) actor: &'a Actor,
    pub(crate) search: &'a Search,
    pub(crate) format: Format,
    pub(crate) style: CsvStyle,
    pub(crate) columns: Columns,
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    #[error("refused")]
    Refused(FormErrors),
    #[error("database")]
    Db(#[from] DbErr),
    #[error("writing the workbook")]
    Workbook(#[source] anyhow::Error),
}

/// Begins a file. What is read later is written while it is sent; who left meanwhile stops the reading.
pub(crate) async fn begin(app: &App, order: Order<'_>) -> Result<Body, ExportError> {
    let reader = Reader::new(app, order.scope, order.search).await?;
    if let Some(reader) = &reader
        && reader.count(app, MAX_ROWS + 1).await? > MAX_ROWS
    {
        let max = i64::try_from(MAX_ROWS).unwrap_or(i64::MAX);
        let refused = FormErrors::of("", FieldError::new("export_too_large").arg("max", max));
        return Err(ExportError::Refused(refused));
    }
    record(app, &order).await?;
    match order.format {
        Format::Csv => Ok(csv::body(app.clone(), reader, order.columns, order.style)),
        Format::Xlsx => {
            let file = xlsx::write(app, reader, order.columns).await.map_err(ExportError::Workbook)?;
            Ok(xlsx::body(file))
        }
    }
}

async fn record(app: &App, order: &Order<'_>) -> Result<(), DbErr> {
    let search = order.search;
    let statuses: Vec<_> = search.statuses.iter().map(|status| status.as_str()).collect();
    let detail = serde_json::json!({
        "format": order.format.as_str(), "q": search.q, "batch_id": search.batch, "router_id": search.router,
        "package_id": search.package, "seller_id": search.seller, "status": statuses, "sold": search.sold,
        "passwords": order.columns.sees.passwords, "costs": order.columns.sees.costs,
    });
    let deed = Deed { action: "voucher.export", object: "voucher".to_owned(), site: search.site, detail };
    let tx = app.db.begin().await?;
    audit::record(&*tx, app.clock.now(), order.actor, deed).await?;
    tx.commit().await
}

/// The columns of a file in somebody's language.
pub(crate) fn columns(texts: &Texts, locale: Locale, sees: Sees, zone: Option<Tz>) -> Columns {
    Columns::new(texts, locale, sees, zone)
}
