//! Lists of customers that come in: read and checked at once, shown, taken as a whole by a job when somebody says so.
//!
//! A line that is wrong is told with its reasons and stays out; the others come in together or not at all. Columns that
//! nothing takes are told, never silently dropped. What is owed comes in with the ledger's opening balances, not here.

pub(crate) mod api;
mod columns;
pub mod job;
pub(crate) mod pages;
pub(crate) mod routes;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use super::{
    Asked, CustomerError,
    rules::{self, Draft},
    store,
};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    clock,
    db::paging::{PageOf, Paged},
    http::{
        access::Scope,
        form::{self, FieldError, FormErrors},
    },
    ids::{AdminId, CustomerImportId, SiteId},
    jobs::{self, When},
    sites,
    tables::{self, File, ReadError, RowError},
};

pub use columns::{ColumnUse, Field, Use};

/// Most lines of a list.
pub const MAX_ROWS: usize = 50_000;
/// Longest name of a file that is kept, characters.
const MAX_FILE_NAME: usize = 100;
/// Days the lines of a list are kept.
const KEEP_DAYS: i64 = 7;
const DAY_SECS: i64 = 86_400;

/// Where a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportState {
    /// Read and checked; somebody has to say yes.
    Ready,
    /// The job is on its way.
    Queued,
    /// The customers are there; the search is learning them.
    Indexing,
    Done,
}

impl ImportState {
    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Queued => "queued",
            Self::Indexing => "indexing",
            Self::Done => "done",
        }
    }

    /// The state of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Ready, Self::Queued, Self::Indexing, Self::Done].into_iter().find(|state| state.as_str() == name)
    }
}

/// A list as pages and API show it.
#[derive(Debug, Clone, Serialize)]
pub struct Import {
    pub id: CustomerImportId,
    pub site_id: SiteId,
    pub site: String,
    pub timezone: String,
    pub file_name: String,
    /// What the file turned out to be: `CSV, UTF-8, ";"`.
    pub found: String,
    pub columns: Vec<ColumnUse>,
    pub state: ImportState,
    /// Lines that come in, or came.
    pub good: i32,
    /// Lines that stay out.
    pub bad: i32,
    /// Customers the search knows.
    pub done: i32,
    /// Why the last try ended, empty when it did not.
    pub failure: String,
    #[serde(skip)]
    pub created_by: Option<AdminId>,
    pub created_name: String,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its line in the file.
    pub line: i32,
    pub cells: Vec<String>,
    /// Empty: it comes in.
    pub errors: Vec<RowError>,
}

/// A line and the customer it would be.
#[derive(Debug)]
struct Checked {
    line: Line,
    draft: Option<Draft>,
}

impl Checked {
    fn refuse(&mut self, field: &str, error: FieldError) {
        self.draft = None;
        self.line.errors.push(RowError { field: field.to_owned(), error });
    }
}

/// Reads and checks a list, and keeps it until somebody says yes. The same upload twice is one list.
///
/// # Errors
/// [`CustomerError`]; faults of the file at the field `file`.
pub async fn upload(app: &App, asked: &Asked<'_>, site: SiteId, file: File) -> Result<CustomerImportId, CustomerError> {
    let form_id = if form::is_form_id(asked.form_id) { asked.form_id.to_owned() } else { form::new_form_id() };
    if let Some(known) = store::import_of_form(app.db.read(), asked.scope, &form_id).await? {
        return Ok(known);
    }
    if sites::find(app.db.read(), asked.scope, site).await?.is_none() {
        return Err(CustomerError::field("site_id", FieldError::new("no_such_site")));
    }
    let file_name = file.kept_name(MAX_FILE_NAME);
    let read = tokio::task::spawn_blocking(move || read(&file.bytes, site)).await;
    let read = read.map_err(|error| DbErr::Custom(format!("reading a list: {error}")))?;
    let (found, columns, mut checked) = read.map_err(|error| CustomerError::field("file", error))?;
    known_elsewhere(app.db.read(), asked.scope, &mut checked).await?;
    let now = app.clock.now();
    let new = store::NewImport {
        form_id: &form_id,
        site,
        file_name: &file_name,
        found: &found,
        columns: &columns,
        created_by: (asked.actor.admin, &asked.actor.name),
        now,
    };
    let lines: Vec<Line> = checked.into_iter().map(|checked| checked.line).collect();
    let tx = app.db.begin().await?;
    if let Some(known) = store::import_of_form(&*tx, asked.scope, &form_id).await? {
        return Ok(known);
    }
    let id = store::insert_import(&*tx, &app.keys, &new, &lines).await?;
    tx.commit().await?;
    Ok(id)
}

type Read = (String, Vec<ColumnUse>, Vec<Checked>);

/// The list of a file, each line checked by itself and against those before it.
fn read(bytes: &[u8], site: SiteId) -> Result<Read, FieldError> {
    let table = tables::read(bytes, MAX_ROWS).map_err(ReadError::told)?;
    let columns = columns::uses(&table.header, |at| table.sample(at));
    if !columns::has(&columns, Field::Name) {
        return Err(FieldError::new("file_without_names"));
    }
    if table.rows.is_empty() {
        return Err(FieldError::new("file_empty"));
    }
    let mut checked: Vec<Checked> = Vec::with_capacity(table.rows.len());
    let mut seen: HashMap<String, i32> = HashMap::new();
    for row in table.rows {
        let line = Line { line: i32::try_from(row.line).unwrap_or(i32::MAX), cells: row.cells, errors: Vec::new() };
        let mut next = check(line, &columns, site);
        twice(&mut next, &mut seen);
        checked.push(next);
    }
    Ok((table.found, columns, checked))
}

/// A line by itself.
fn check(mut line: Line, columns: &[ColumnUse], site: SiteId) -> Checked {
    match rules::check(&columns::form(columns, site, &line.cells)) {
        Ok(draft) => Checked { line, draft: Some(draft) },
        Err(errors) => {
            line.errors = RowError::all(&errors);
            Checked { line, draft: None }
        }
    }
}

/// What two customers of one list may not share: numbers and old numbers. With the field they stand in.
fn marks(draft: &Draft) -> Vec<(String, &'static str)> {
    let phones = draft.phones.iter().map(|phone| (phone.number.as_str().to_owned(), "phone"));
    let reference = Some(&draft.reference).filter(|reference| !reference.is_empty());
    phones.chain(reference.map(|reference| (reference.clone(), "reference"))).collect()
}

fn twice(checked: &mut Checked, seen: &mut HashMap<String, i32>) {
    let Some(draft) = &checked.draft else { return };
    let marks = marks(draft);
    let before = marks.iter().find_map(|(mark, field)| seen.get(mark).map(|line| (*field, *line)));
    if let Some((field, line)) = before {
        checked.refuse(field, FieldError::new("twice_in_file").arg("line", i64::from(line)));
        return;
    }
    seen.extend(marks.into_iter().map(|(mark, _)| (mark, checked.line.line)));
}

/// Refuses lines whose number or old number a customer has already.
async fn known_elsewhere(db: &impl ConnectionTrait, scope: &Scope, checked: &mut [Checked]) -> Result<(), DbErr> {
    let (mut phones, mut references) = (HashSet::new(), HashSet::new());
    for (mark, field) in checked.iter().filter_map(|checked| checked.draft.as_ref()).flat_map(marks) {
        if field == "phone" {
            phones.insert(mark)
        } else {
            references.insert(mark)
        };
    }
    let (phones, references): (Vec<_>, Vec<_>) = (phones.into_iter().collect(), references.into_iter().collect());
    let taken = store::taken(db, scope, (&phones, &references)).await?;
    for checked in checked {
        let Some(draft) = &checked.draft else { continue };
        let found = marks(draft).into_iter().find_map(|(mark, field)| Some((field, taken.get(&mark)?)));
        if let Some((field, number)) = found {
            let code = if field == "phone" { "phone_taken" } else { "reference_taken" };
            checked.refuse(field, FieldError::new(code).arg("number", number.as_str()));
        }
    }
    Ok(())
}

/// Says yes to a list: a job takes its good lines. Saying it twice changes nothing.
///
/// # Errors
/// [`CustomerError::NotFound`], [`CustomerError::Refused`] when no line is good, [`CustomerError::Db`].
pub async fn commit(app: &App, scope: &Scope, actor: &Actor, id: CustomerImportId) -> Result<(), CustomerError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let import = store::find_import(&*tx, scope, id).await?.ok_or(CustomerError::NotFound)?;
    if import.good == 0 {
        return Err(CustomerError::Refused(FormErrors::of("file", FieldError::new("file_nothing_good"))));
    }
    if !store::move_import(&*tx, id, ImportState::Ready, ImportState::Queued).await? {
        return Ok(());
    }
    let detail = serde_json::json!({ "lines": import.good, "left_out": import.bad });
    let object = format!("customer_import/{id}");
    audit::record(&*tx, now, actor, Deed { action: "customer.import", object, site: Some(import.site_id), detail })
        .await?;
    let taken = job::Take { import: id, actor: actor.name.clone(), ip: actor.ip.clone() };
    let once = When { at: None, dedupe: Some(format!("customer_import/{id}")) };
    jobs::enqueue(&*tx, now, &taken, once).await?;
    tx.commit().await?;
    Ok(())
}

/// A list the caller may see.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, scope: &Scope, id: CustomerImportId) -> Result<Option<Import>, DbErr> {
    store::find_import(db, scope, id).await
}

/// Lists the caller may see, newest first.
///
/// # Errors
/// The database's.
pub async fn list(db: &impl ConnectionTrait, scope: &Scope, page: &PageOf) -> Result<Paged<Import>, DbErr> {
    store::imports(db, scope, page).await
}

/// Lines of a list that the caller has found in his scope, in their order.
///
/// # Errors
/// The database's.
pub async fn lines(app: &App, id: CustomerImportId, only_bad: bool, page: &PageOf) -> Result<Paged<Line>, DbErr> {
    let after = page.after_id().ok().flatten().and_then(|after| i32::try_from(after).ok()).unwrap_or(i32::MIN);
    let wanted = only_bad.then_some(false);
    let rows = store::lines(app.db.read(), &app.keys, id, wanted, (after, page.limit() + 1)).await?;
    Ok(page.cut(rows, |line| line.line.to_string()))
}

/// Forgets lines of lists that are a week old. How many lines.
///
/// # Errors
/// The database's.
pub async fn purge(tx: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64, DbErr> {
    store::purge_imports(tx, now - clock::seconds(KEEP_DAYS * DAY_SECS)).await
}
