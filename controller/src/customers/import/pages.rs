//! What the pages of lists on their way in show.

use serde::{Deserialize, Serialize};

use super::{ColumnUse, Field, Import, ImportState, Line, MAX_ROWS, RowError, Use};
use crate::{
    http::{
        form::{Choice, FieldError, FormErrors, FormView},
        page::Page,
    },
    ids::{CustomerImportId, SiteId},
};

/// The lists there were, and the form for another.
#[derive(Debug, Serialize)]
pub(crate) struct ImportsPage {
    pub(crate) imports: Vec<Import>,
    pub(crate) form: FormView<UploadFields>,
    pub(crate) sites: Vec<Choice>,
    pub(crate) max_rows: usize,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
}

/// What was typed beside the file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UploadFields {
    pub(crate) form_id: String,
    pub(crate) site_id: String,
    /// Browsers do not send a file twice; only its refusal is shown.
    pub(crate) file: String,
}

/// One list.
#[derive(Debug, Serialize)]
pub(crate) struct ImportPage {
    pub(crate) import: Import,
    pub(crate) columns: Vec<Shown>,
    pub(crate) lines: Vec<Line>,
    pub(crate) only_bad: bool,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
}

/// A column with its use in a word.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    title: String,
    sample: String,
    /// `taken`, `later`, `double`, `unknown`.
    state: &'static str,
    /// The field it gives, in kebab-case; empty = none.
    field: &'static str,
}

impl Shown {
    pub(crate) fn new(column: &ColumnUse) -> Self {
        let (state, field) = match column.to {
            Use::Taken(field) => ("taken", name(field)),
            Use::Later => ("later", ""),
            Use::Double => ("double", ""),
            Use::Unknown => ("unknown", ""),
        };
        Self { title: column.title.clone(), sample: column.sample.clone(), state, field }
    }
}

/// The key of a field's text: `customer-field-<name>`.
fn name(field: Field) -> &'static str {
    match field {
        Field::Name => "name",
        Field::Phone | Field::OtherPhone => "phones",
        Field::Address => "address",
        Field::Reference => "reference",
        Field::Kind => "kind",
        Field::Location | Field::Latitude | Field::Longitude => "location",
        Field::Notes => "notes",
        Field::IdNumber => "id-number",
        Field::Tags => "tags",
        Field::Language => "language",
        Field::GraceDays => "grace-days",
    }
}

/// Where the fault of a line stands, as the key of a field's text.
pub(crate) fn field_key(field: &str) -> &'static str {
    match field {
        field if field.starts_with("phone") => "phones",
        "name" => "name",
        "address" => "address",
        "reference" => "reference",
        "kind" => "kind",
        "location" => "location",
        "id_number" => "id-number",
        "tags" => "tags",
        "language" => "language",
        "grace_days" => "grace-days",
        "site_id" => "site",
        _ => "notes",
    }
}

impl Page for ImportsPage {
    const TEMPLATE: &'static str = "customers/imports.html";

    fn samples() -> Vec<Self> {
        let errors = FormErrors::of("file", FieldError::new("file_empty"));
        let page = |imports: Vec<Import>, form: FormView<UploadFields>| Self {
            imports,
            form,
            sites: vec![Choice::new(1, "Kebon")],
            max_rows: MAX_ROWS,
            next: Some("x".to_owned()),
            is_later: true,
        };
        let bare = Self { sites: Vec::new(), ..page(Vec::new(), FormView::fresh(UploadFields::default())) };
        vec![
            bare,
            page(vec![sample(ImportState::Done)], FormView::fresh(UploadFields::default())),
            page(Vec::new(), FormView::again(UploadFields::default(), errors, "")),
        ]
    }
}

impl Page for ImportPage {
    const TEMPLATE: &'static str = "customers/import.html";

    fn samples() -> Vec<Self> {
        let errors = ["name", "phone", "location"]
            .map(|field| RowError { field: field_key(field).to_owned(), error: FieldError::new("required") });
        let page = |import: Import| Self {
            columns: import.columns.iter().map(Shown::new).collect(),
            lines: vec![
                Line { line: 2, cells: vec!["Budi".to_owned(), "<b>".to_owned()], errors: Vec::new() },
                Line { line: 3, cells: Vec::new(), errors: errors.to_vec() },
            ],
            import,
            only_bad: false,
            next: Some("x".to_owned()),
            is_later: true,
        };
        let states = [ImportState::Ready, ImportState::Queued, ImportState::Indexing, ImportState::Done];
        let nothing = Import { good: 0, failure: "database".to_owned(), ..sample(ImportState::Ready) };
        let stuck = Import { failure: "database".to_owned(), ..sample(ImportState::Queued) };
        let mut pages: Vec<Self> = states.into_iter().map(|state| page(sample(state))).collect();
        pages.push(Self { lines: Vec::new(), only_bad: true, next: None, is_later: false, ..page(nothing) });
        pages.push(page(stuck));
        pages
    }
}

fn sample(state: ImportState) -> Import {
    let column = |title: &str, to: Use| ColumnUse { title: title.to_owned(), to, sample: "x".to_owned() };
    Import {
        id: CustomerImportId(1),
        site_id: SiteId(1),
        site: "Kebon".to_owned(),
        timezone: "Asia/Jakarta".to_owned(),
        file_name: "pelanggan.csv".to_owned(),
        found: "CSV, UTF-8, \";\"".to_owned(),
        columns: vec![
            column("nama", Use::Taken(Field::Name)),
            column("wa", Use::Taken(Field::Phone)),
            column("paket", Use::Later),
            column("name", Use::Double),
            column("?", Use::Unknown),
        ],
        state,
        good: 120,
        bad: 2,
        done: 60,
        failure: String::new(),
        created_by: None,
        created_name: "Rina".to_owned(),
        created_at: chrono::DateTime::UNIX_EPOCH,
        finished_at: None,
    }
}
