//! Lists of invoices and ages of debts as CSV or XLSX, read a few hundred rows at a time.

use axum::response::Response;
use futures_util::{StreamExt as _, stream};
use serde_json::json;

use super::{Filter, Head, InvoiceError, aging, list};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    db::paging::{MAX_LIMIT, PageOf},
    http::{access::Scope, error::AppError, view::View},
    ids::SiteId,
    tables::{Cell, Format, file},
};

/// Most rows of one file.
const MAX_ROWS: usize = 500_000;
/// Titles of the columns; their texts are `invoice-column-<name>`.
const COLUMNS: [&str; 14] = [
    "number",
    "customer-number",
    "customer",
    "site",
    "kind",
    "what",
    "issued",
    "due",
    "state",
    "net",
    "tax",
    "total",
    "settled",
    "remaining",
];
/// The same of debts.
const AGED: [&str; 10] =
    ["customer-number", "customer", "site", "not-due", "to-30", "to-60", "to-90", "older", "total", "credit"];

/// Where a list is on its way out.
#[derive(Debug, Clone, Default)]
struct Place {
    cursor: Option<String>,
    read: usize,
    is_over: bool,
}

impl Place {
    fn page(&self) -> Option<PageOf> {
        if self.is_over || self.read >= MAX_ROWS {
            return None;
        }
        PageOf::new(Some(MAX_LIMIT), self.cursor.as_deref()).ok()
    }

    fn after(self, rows: usize, cursor: Option<String>) -> Self {
        Self { is_over: cursor.is_none(), cursor, read: self.read + rows }
    }
}

/// That a list was taken along is written down first.
async fn remember(
    app: &App,
    actor: &Actor,
    (object, site): (&str, Option<SiteId>),
    format: Format,
) -> Result<(), AppError> {
    let detail = json!({ "format": format.as_str() });
    let deed = Deed { action: "invoice.export", object: object.to_owned(), site, detail };
    let tx = app.db.begin().await?;
    audit::record(&*tx, app.clock.now(), actor, deed).await?;
    tx.commit().await?;
    Ok(())
}

fn titles(view: &View, columns: &[&str]) -> Vec<String> {
    columns.iter().map(|name| view.text(&format!("invoice-column-{name}"))).collect()
}

fn file_name(app: &App, what: &str) -> String {
    format!("{what}-{}", app.clock.now().format("%Y%m%d-%H%M"))
}

/// The invoices of a filter as a file.
///
/// # Errors
/// The database's, or the temporary file's.
pub(crate) async fn invoices(
    app: &App,
    (scope, actor): (&Scope, &Actor),
    view: &View,
    filter: Filter,
    format: Format,
) -> Result<Response, AppError> {
    remember(app, actor, ("invoices", filter.site), format).await?;
    let sites = crate::sites::all(app.db.read(), scope).await?;
    let name =
        move |id: SiteId| sites.iter().find(|site| site.id == id).map_or("", |site| site.name.as_str()).to_owned();
    let state = (app.clone(), scope.clone(), view.clone(), Place::default());
    let (titles, file_name) = (titles(view, &COLUMNS), file_name(app, "invoices"));
    let rows = stream::try_unfold((state, filter, name), async |((app, scope, view, place), filter, name)| {
        let Some(page) = place.page() else { return Ok(None) };
        let found = list(app.db.read(), &scope, app.clock.now(), &filter, &page).await??;
        let rows: Vec<Vec<Cell>> = found.items.iter().map(|head| row(head, &view, name(head.site_id))).collect();
        let place = place.after(rows.len(), found.next_cursor);
        anyhow::Ok(Some((rows, ((app, scope, view, place), filter, name))))
    });
    file::answer(&file_name, format, titles, rows.boxed()).await
}

fn row(head: &Head, view: &View, site: String) -> Vec<Cell> {
    let day = |day: Option<chrono::NaiveDate>| Cell::from(day.map(|day| day.to_string()).unwrap_or_default());
    vec![
        head.number.clone().unwrap_or_default().into(),
        head.customer_number.as_str().into(),
        head.customer_name.as_str().into(),
        site.into(),
        view.text(&format!("invoice-kind-{}", head.kind.as_str())).into(),
        head.what.as_str().into(),
        day(head.issued_on),
        day(Some(head.due_on)),
        view.text(&format!("invoice-state-{}", head.state.as_str().replace('_', "-"))).into(),
        head.net.minor().into(),
        head.tax.minor().into(),
        head.total.minor().into(),
        head.settled.minor().into(),
        head.remaining.minor().into(),
    ]
}

/// The ages of debts as a file, one line a customer.
///
/// # Errors
/// The database's, or the temporary file's.
pub(crate) async fn aged(
    app: &App,
    (scope, actor): (&Scope, &Actor),
    view: &View,
    asked: aging::Asked,
    format: Format,
) -> Result<Response, AppError> {
    remember(app, actor, ("reports/aging", asked.site), format).await?;
    let first = PageOf::new(Some(MAX_LIMIT), None).unwrap_or_default();
    let report = aging::report(app, scope, asked, &first).await??;
    let (titles, file_name) = (titles(view, &AGED), file_name(app, "aging"));
    let is_now = report.is_now;
    // The day stands still while the file is read.
    let asked = aging::Asked { as_of: Some(report.as_of), ..asked };
    let sites = report.sites;
    let name =
        move |id: SiteId| sites.iter().find(|row| row.site_id == id).map_or("", |row| row.site.as_str()).to_owned();
    if !is_now {
        let rows = aging::past(app, scope, asked).await?;
        let rows: Vec<Vec<Cell>> = rows.iter().map(|row| aged_row(row, name(row.site_id))).collect();
        return file::answer(&file_name, format, titles, stream::iter([Ok(rows)]).boxed()).await;
    }
    let state = (app.clone(), scope.clone(), asked, Place::default());
    let rows = stream::try_unfold((state, name), async |((app, scope, asked, place), name)| {
        let Some(page) = place.page() else { return Ok(None) };
        let found = aging::report(&app, &scope, asked, &page).await.map_err(in_words)??.rows;
        let rows: Vec<Vec<Cell>> = found.items.iter().map(|row| aged_row(row, name(row.site_id))).collect();
        let place = place.after(rows.len(), found.next_cursor);
        anyhow::Ok(Some((rows, ((app, scope, asked, place), name))))
    });
    file::answer(&file_name, format, titles, rows.boxed()).await
}

fn in_words(error: InvoiceError) -> anyhow::Error {
    anyhow::Error::from(error).context("reading the ages of debts")
}

fn aged_row(row: &aging::Row, site: String) -> Vec<Cell> {
    let money = [
        row.aging.not_due,
        row.aging.to_30,
        row.aging.to_60,
        row.aging.to_90,
        row.aging.older,
        row.total,
        row.aging.credit,
    ];
    let words: [Cell; 3] = [row.number.as_str().into(), row.name.as_str().into(), site.into()];
    words.into_iter().chain(money.map(|money| Cell::from(money.minor()))).collect()
}
