//! What the pages of many subscriptions on their way in show.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{ColumnUse, Credential, Field, Intake, Late, LateOnes, Line, MAX_ROWS, RowError, State, Use};
use crate::{
    http::{
        form::{Choice, FieldError, FormErrors, FormView},
        page::Page,
    },
    ids::{IntakeId, PackageId, RouterId, SiteId, SubscriptionId},
};

/// Those there were, and the forms for others.
#[derive(Debug, Serialize)]
pub(crate) struct IntakesPage {
    pub(crate) intakes: Vec<Intake>,
    pub(crate) form: FormView<Fields>,
    pub(crate) routers: Vec<Choice>,
    pub(crate) packages: Vec<Choice>,
    pub(crate) max_rows: usize,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
}

/// What is typed beside a file, or instead of one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) form_id: String,
    pub(crate) router_id: String,
    pub(crate) package_id: String,
    pub(crate) is_takeover: String,
    pub(crate) adopts: String,
    pub(crate) count: String,
    pub(crate) customer_number: String,
    pub(crate) placeholder: String,
    pub(crate) starts_on: String,
    /// Browsers do not send a file twice; only its refusal is shown.
    pub(crate) file: String,
}

/// One of them.
#[derive(Debug, Serialize)]
pub(crate) struct IntakePage {
    pub(crate) intake: Intake,
    pub(crate) columns: Vec<Shown>,
    pub(crate) lines: Vec<Line>,
    /// Lines whose users are on the router already.
    pub(crate) on_router: u64,
    /// Those whose paid time is over.
    pub(crate) late: Option<LateOnes>,
    pub(crate) only_bad: bool,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
}

/// Names and secrets on paper.
#[derive(Debug, Serialize)]
pub(crate) struct CredentialsPage {
    pub(crate) intake: Intake,
    pub(crate) credentials: Vec<Credential>,
}

/// A column with its use in a word.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    title: String,
    sample: String,
    /// `taken`, `double`, `unknown`.
    state: &'static str,
    /// The field it gives, in kebab-case; empty = none.
    field: &'static str,
}

impl Shown {
    pub(crate) fn new(column: &ColumnUse) -> Self {
        let (state, field) = match column.to {
            Use::Taken(field) => ("taken", name(field)),
            Use::Double => ("double", ""),
            Use::Unknown => ("unknown", ""),
        };
        Self { title: column.title.clone(), sample: column.sample.clone(), state, field }
    }
}

/// The key of a field's text: `many-field-<name>`.
fn name(field: Field) -> &'static str {
    match field {
        Field::CustomerNumber => "customer-number",
        Field::Name => "name",
        Field::Phone => "phone",
        Field::Address => "address",
        Field::Username => "username",
        Field::Password => "password",
        Field::Package => "package-id",
        Field::Router => "router-id",
        Field::BillDay => "bill-day",
        Field::DueDay => "due-days",
        Field::Price => "price",
        Field::PaidUntil => "paid-until",
        Field::Debt => "debt",
        Field::RemoteAddress => "remote-address",
        Field::Mac => "mac",
    }
}

/// Where the fault of a line stands, as the key of a field's text.
pub(crate) fn field_key(field: &str) -> String {
    const KNOWN: [&str; 15] = [
        "customer-number",
        "name",
        "phone",
        "address",
        "username",
        "password",
        "package-id",
        "router-id",
        "bill-day",
        "due-days",
        "price",
        "paid-until",
        "debt",
        "remote-address",
        "mac",
    ];
    let key = field.replace('_', "-");
    if KNOWN.contains(&key.as_str()) { key } else { "other".to_owned() }
}

impl Page for IntakesPage {
    const TEMPLATE: &'static str = "subscriptions/intakes.html";

    fn samples() -> Vec<Self> {
        let page = |intakes: Vec<Intake>, form: FormView<Fields>| Self {
            intakes,
            form,
            routers: vec![Choice::new(1, "Kebon · RB-Kebon")],
            packages: vec![Choice::new(1, "Rumah 10 Mbps")],
            max_rows: MAX_ROWS,
            next: Some("x".to_owned()),
            is_later: true,
        };
        let mut errors = FormErrors::of("file", FieldError::new("file_empty"));
        errors.add("router_id", FieldError::new("required"));
        errors.add("placeholder", FieldError::new("required"));
        let bare = Self { packages: Vec::new(), ..page(Vec::new(), FormView::fresh(Fields::default())) };
        let all = [State::Ready, State::Queued, State::Done].map(sample).to_vec();
        vec![
            bare,
            page(all, FormView::fresh(Fields::default())),
            page(Vec::new(), FormView::again(Fields::default(), errors, "")),
        ]
    }
}

impl Page for IntakePage {
    const TEMPLATE: &'static str = "subscriptions/intake.html";

    fn samples() -> Vec<Self> {
        let told = |field: &str| RowError { field: field_key(field), error: FieldError::new("required") };
        let page = |intake: Intake| Self {
            columns: intake.columns.iter().map(Shown::new).collect(),
            lines: vec![
                Line {
                    line: 2,
                    cells: vec!["Budi".to_owned(), "<b>".to_owned()],
                    errors: Vec::new(),
                    is_on_router: false,
                    subscription_id: Some(SubscriptionId(1)),
                },
                Line { line: 4, cells: Vec::new(), errors: Vec::new(), is_on_router: true, subscription_id: None },
                Line {
                    line: 3,
                    cells: Vec::new(),
                    errors: ["name", "package_id", "discount"].map(told).to_vec(),
                    is_on_router: true,
                    subscription_id: None,
                },
            ],
            intake,
            on_router: 2,
            late: None,
            only_bad: false,
            next: Some("x".to_owned()),
            is_later: true,
        };
        let stuck = Intake { failure: "database".to_owned(), ..sample(State::Queued) };
        let nothing = Intake { good: 0, file_name: String::new(), ..sample(State::Ready) };
        let mut pages: Vec<Self> = [State::Ready, State::Queued, State::Done].map(sample).map(page).into();
        pages.push(page(Intake { adopts: true, ..sample(State::Ready) }));
        pages.push(Self {
            lines: Vec::new(),
            on_router: 0,
            only_bad: true,
            next: None,
            is_later: false,
            ..page(nothing)
        });
        pages.push(page(stuck));
        let late = |count| Some(LateOnes { count, invoiced_on: day("2026-11-25"), first: vec![sample_late()] });
        pages.extend([1, 12].map(|count| Self { late: late(count), ..page(sample(State::Ready)) }));
        pages
    }
}

impl Page for CredentialsPage {
    const TEMPLATE: &'static str = "subscriptions/credentials.html";

    fn samples() -> Vec<Self> {
        let one = Credential {
            number: "S000456".to_owned(),
            customer: "Budi <b>".to_owned(),
            username: "kebon-0123".to_owned(),
            password: "s3rahasia".to_owned(),
            package: "Rumah 10 Mbps".to_owned(),
        };
        vec![
            Self {
                intake: sample(State::Done),
                credentials: vec![one.clone(), Credential { password: String::new(), ..one }],
            },
            Self { intake: sample(State::Done), credentials: Vec::new() },
        ]
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap_or_default()
}

fn sample_late() -> Late {
    Late { line: 2, name: "Budi <b>".to_owned(), paid_until: day("2026-09-30"), due_on: day("2026-12-04") }
}

fn sample(state: State) -> Intake {
    let column = |title: &str, to: Use| ColumnUse { title: title.to_owned(), to, sample: "x".to_owned() };
    Intake {
        id: IntakeId(1),
        site_id: SiteId(1),
        site: "Kebon".to_owned(),
        timezone: "Asia/Jakarta".to_owned(),
        router_id: RouterId(1),
        package_id: PackageId(1),
        is_takeover: true,
        adopts: false,
        file_name: "langganan.csv".to_owned(),
        found: "CSV, UTF-8, \";\"".to_owned(),
        columns: vec![column("nama", Use::Taken(Field::Name)), column("name", Use::Double), column("?", Use::Unknown)],
        starts_on: None,
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
