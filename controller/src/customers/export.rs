//! Customers taken along as CSV or XLSX: those of a search, read a few hundred at a time, never all in memory.

use axum::response::Response;
use futures_util::{StreamExt as _, stream};
use sea_orm::DbErr;

use super::{Customer, Filter, place, store};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    http::{access::Scope, error::AppError, view::View},
    ids::CustomerId,
    tables::{Cell, Format, file},
};

/// Most customers of one file.
const MAX_ROWS: usize = 200_000;
/// Customers read at once.
const STEP: u64 = 500;
/// Titles of the columns, in their order; their texts are `customer-column-<name>`. An import knows them again.
const COLUMNS: [&str; 16] = [
    "number",
    "reference",
    "name",
    "kind",
    "phone",
    "other-phones",
    "address",
    "site",
    "lat",
    "lon",
    "tags",
    "notes",
    "language",
    "grace-days",
    "state",
    "created",
];

/// Reads the customers of a search, part by part.
struct Reader {
    app: App,
    scope: Scope,
    filter: Filter,
    view: View,
    after: Option<CustomerId>,
    read: usize,
    over: bool,
}

impl Reader {
    /// The next rows; nothing when there are no more.
    async fn next(&mut self) -> Result<Option<Vec<Vec<Cell>>>, DbErr> {
        if self.over || self.read >= MAX_ROWS {
            return Ok(None);
        }
        let after = self.after.map(|id| id.0);
        let some = store::list(self.app.db.read(), &self.app.keys, &self.scope, &self.filter, (after, STEP)).await?;
        let Some(last) = some.last() else { return Ok(None) };
        self.after = Some(last.id);
        self.read += some.len();
        self.over = u64::try_from(some.len()).unwrap_or(0) < STEP;
        Ok(Some(some.iter().map(|customer| row(customer, &self.view)).collect()))
    }
}

fn titles(view: &View) -> Vec<String> {
    COLUMNS.iter().map(|name| view.text(&format!("customer-column-{name}"))).collect()
}

fn row(customer: &Customer, view: &View) -> Vec<Cell> {
    let (first, others) = match customer.phones.split_first() {
        None => (String::new(), String::new()),
        Some((first, others)) => {
            let others: Vec<&str> = others.iter().map(|contact| contact.shown.as_str()).collect();
            (first.shown.clone(), others.join(" / "))
        }
    };
    let (lat, lon) = customer.point.map_or_else(
        || (String::new(), String::new()),
        |point| (place::degrees(point.lat_micro), place::degrees(point.lon_micro)),
    );
    vec![
        customer.number.as_str().into(),
        customer.reference.as_str().into(),
        customer.name.as_str().into(),
        view.text(&format!("customer-kind-{}", customer.kind.as_str())).into(),
        first.into(),
        others.into(),
        customer.address.as_str().into(),
        customer.site.as_str().into(),
        lat.into(),
        lon.into(),
        customer.tags.join(", ").into(),
        customer.notes.as_str().into(),
        customer.language.tag().into(),
        customer.grace_days.map(|days| days.to_string()).unwrap_or_default().into(),
        view.text(&format!("customer-state-{}", customer.state.as_str())).into(),
        customer.created_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true).into(),
    ]
}

/// The customers of a search as a file. That they were taken along is written down first.
///
/// # Errors
/// The database's, or the temporary file's.
pub(crate) async fn send(
    app: &App,
    (scope, actor): (&Scope, &Actor),
    view: &View,
    filter: Filter,
    format: Format,
) -> Result<Response, AppError> {
    // What was searched for may be a name or a number: not written down.
    let detail = serde_json::json!({
        "format": format.as_str(), "site": filter.site, "tag": filter.tag, "state": filter.state,
        "searched": !filter.q.is_empty(),
    });
    let deed = Deed { action: "customer.export", object: "customers".to_owned(), site: filter.site, detail };
    let tx = app.db.begin().await?;
    audit::record(&*tx, app.clock.now(), actor, deed).await?;
    tx.commit().await?;
    let (scope, view) = (scope.clone(), view.clone());
    let titles = titles(&view);
    let reader = Reader { app: app.clone(), scope, filter, view, after: None, read: 0, over: false };
    let name = format!("customers-{}", app.clock.now().format("%Y%m%d-%H%M"));
    let rows =
        stream::try_unfold(reader, async |mut reader| anyhow::Ok(reader.next().await?.map(|rows| (rows, reader))));
    file::answer(&name, format, titles, rows.boxed()).await
}
