//! Payments taken along as CSV or XLSX, read a few hundred at a time.

use axum::response::Response;
use futures_util::{StreamExt as _, stream};
use sea_orm::DbErr;

use super::{Filter, Payment, store};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    http::{access::Scope, error::AppError, view::View},
    tables::{self, Cell, Format},
};

/// Most payments of one file.
const MAX_ROWS: usize = 200_000;
/// Payments read at once.
const STEP: u64 = 500;
/// Titles of the columns, in their order; their texts are `payment-column-<name>`.
const COLUMNS: [&str; 15] = [
    "number",
    "received",
    "kind",
    "method",
    "customer-number",
    "customer",
    "site",
    "amount",
    "currency",
    "given",
    "change",
    "to-credit",
    "cashier",
    "note",
    "reversed",
];

struct Reader {
    app: App,
    scope: Scope,
    filter: Filter,
    view: View,
    after: Option<store::After>,
    read: usize,
    over: bool,
}

impl Reader {
    /// The next rows; nothing when there are no more.
    async fn next(&mut self) -> Result<Option<Vec<Vec<Cell>>>, DbErr> {
        if self.over || self.read >= MAX_ROWS {
            return Ok(None);
        }
        let some = store::list(self.app.db.read(), &self.scope, &self.filter, (self.after, STEP)).await?;
        let Some(last) = some.last() else { return Ok(None) };
        self.after = Some(store::After::payment(last));
        self.read += some.len();
        self.over = u64::try_from(some.len()).unwrap_or(0) < STEP;
        Ok(Some(some.iter().map(|payment| row(payment, &self.view)).collect()))
    }
}

fn row(payment: &Payment, view: &View) -> Vec<Cell> {
    let zone: chrono_tz::Tz = payment.timezone.parse().unwrap_or(chrono_tz::UTC);
    let local = |at: chrono::DateTime<chrono::Utc>| at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string();
    vec![
        payment.number.as_str().into(),
        local(payment.received_at).into(),
        view.text(&format!("payment-kind-{}", payment.kind.as_str().replace('_', "-"))).into(),
        view.text(&format!("payment-method-{}", payment.method.as_str().replace('_', "-"))).into(),
        payment.customer_number.as_str().into(),
        payment.customer.as_str().into(),
        payment.site.as_str().into(),
        payment.amount.minor().into(),
        payment.amount.currency().code().into(),
        payment.given.minor().into(),
        payment.change.minor().into(),
        payment.to_credit.minor().into(),
        payment.cashier.as_str().into(),
        payment.note.as_str().into(),
        payment.reversed_at.map(local).unwrap_or_default().into(),
    ]
}

/// The payments of a filter as a file. That they were taken along is written down first.
///
/// # Errors
/// The database's, or the temporary file's.
pub(super) async fn file(
    app: &App,
    (scope, actor): (&Scope, &Actor),
    view: &View,
    filter: Filter,
    format: Format,
) -> Result<Response, AppError> {
    let detail = serde_json::json!({
        "format": format.as_str(), "from": filter.from, "until": filter.until, "site": filter.site,
    });
    let deed = Deed { action: "payment.export", object: "payments".to_owned(), site: filter.site, detail };
    let tx = app.db.begin().await?;
    audit::record(&*tx, app.clock.now(), actor, deed).await?;
    tx.commit().await?;
    let titles = COLUMNS.iter().map(|name| view.text(&format!("payment-column-{name}"))).collect();
    let name = format!("payments-{}", app.clock.now().format("%Y%m%d-%H%M"));
    let (scope, view) = (scope.clone(), view.clone());
    let reader = Reader { app: app.clone(), scope, filter, view, after: None, read: 0, over: false };
    let rows =
        stream::try_unfold(reader, async |mut reader| anyhow::Ok(reader.next().await?.map(|rows| (rows, reader))));
    tables::file::answer(&name, format, titles, rows.boxed()).await
}
