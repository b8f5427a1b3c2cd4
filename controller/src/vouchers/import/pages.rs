//! What the page of an import shows.

use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::http::{
    form::{Choice, FieldError, FormErrors, FormView},
    page::Page,
};

/// The fields as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) form_id: String,
    pub(crate) router_id: String,
    pub(crate) package_id: String,
    pub(crate) mac_lock: String,
    pub(crate) server: String,
    pub(crate) activate_before: String,
    pub(crate) note: String,
    pub(crate) price: String,
    pub(crate) cost: String,
    /// The codes, one a line.
    pub(crate) rows: String,
    /// `look`, `take` or `bad`: which button was pressed.
    #[serde(rename = "do")]
    pub(crate) act: String,
}

/// A refused row as it is shown.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Bad {
    pub(crate) row: usize,
    pub(crate) code: String,
    pub(crate) error: FieldError,
}

impl From<Refusal> for Bad {
    fn from(refusal: Refusal) -> Self {
        Self { row: refusal.row, code: refusal.code, error: refusal.error }
    }
}

/// What was found in the codes.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Looked {
    pub(crate) rows: usize,
    pub(crate) bad: usize,
    /// The first of the bad ones.
    pub(crate) shown: Vec<Bad>,
    /// The first codes.
    pub(crate) sample: Vec<String>,
    /// What the file turned out to be.
    pub(crate) found: String,
}

/// The form of an import, and what was found in its codes.
#[derive(Debug, Serialize)]
pub(crate) struct ImportPage {
    pub(crate) form: FormView<Fields>,
    pub(crate) routers: Vec<Choice>,
    pub(crate) packages: Vec<Choice>,
    pub(crate) looked: Option<Looked>,
    pub(crate) sees_costs: bool,
    pub(crate) max: usize,
}

impl Page for ImportPage {
    const TEMPLATE: &'static str = "vouchers/import.html";

    fn samples() -> Vec<Self> {
        let reasons = [
            "required",
            "import_characters",
            "import_guessable",
            "import_taken",
            "import_taken_on_router",
            "import_password_characters",
        ];
        let bad = |reason: &str| Bad { row: 3, code: "KB12X4".to_owned(), error: FieldError::new(reason) };
        let looked = |shown: Vec<Bad>| Looked {
            rows: 120,
            bad: shown.len(),
            shown,
            sample: vec!["KB12X4".to_owned()],
            found: "CSV, UTF-8, \";\"".to_owned(),
        };
        let mut shown: Vec<Bad> = reasons.into_iter().map(bad).collect();
        shown.push(Bad { error: FieldError::new("import_too_short").arg("min", 4), ..bad("") });
        shown.push(Bad { error: FieldError::new("import_password_too_short").arg("min", 4), ..bad("") });
        shown.push(Bad { error: FieldError::new("import_password_too_long").arg("max", 32), ..bad("") });
        shown.push(Bad { error: FieldError::new("import_code_too_long").arg("max", 32), ..bad("") });
        shown.push(Bad { error: FieldError::new("import_note_too_long").arg("max", 200), ..bad("") });
        shown.push(Bad { error: FieldError::new("import_repeated").arg("row", 1), ..bad("") });
        let errors = FormErrors::of("rows", FieldError::new("import_no_rows"));
        let mut none = errors.clone();
        none.add("file", FieldError::new("import_no_column"));
        let page = |form, looked, sees_costs| Self {
            form,
            routers: vec![Choice::new(1, "Kebon 1")],
            packages: vec![Choice::new(1, "12 Jam")],
            looked,
            sees_costs,
            max: super::rules::MAX_ROWS,
        };
        vec![
            page(FormView::fresh(Fields::default()), None, true),
            page(FormView::again(Fields::default(), none, ""), None, false),
            page(FormView::again(Fields::default(), errors, ""), Some(looked(shown)), true),
            page(FormView::fresh(Fields::default()), Some(looked(Vec::new())), true),
        ]
    }
}
