//! Pages of printing.

use axum::{
    Router as Routes,
    extract::{Path, State},
    response::Response,
    routing::get,
};
use axum_extra::extract::{Form, Query};
use sea_orm::ConnectionTrait;
use serde::Deserialize;

use super::{
    Job, Known, Opening, Part, Prepared, PrintError, Which,
    format::Format,
    layouts,
    pages::{ChoosePage, Fields, PaperPage, WaitPage},
    stream,
};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        error::AppError,
        form::{self, Check, Choice, FieldError, FormErrors, FormView, percent_encoded},
        session::{Caller, Signed},
        view::View,
    },
    ids::{BatchId, LayoutId, VoucherId},
    routers::{self, Presence},
    vouchers,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/vouchers/batches/{id}/print", get(batch))
        .route("/vouchers/batches/{id}/prints", get(choose_of_batch).post(print_of_batch))
        .route("/vouchers/codes/{id}/print", get(one))
        .route("/vouchers/print", get(chosen))
        .route("/vouchers/prints", get(choose_of_chosen).post(print_of_chosen))
        .route("/vouchers/print/after/{form_id}", get(after_sale))
}

/// A print's address: `?format=&what=&from=&to=&ids=&layout=&unproven=&print=`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    #[serde(flatten)]
    pub(crate) fields: Fields,
    /// The key of a print that is opened again.
    pub(crate) print: String,
}

impl Fields {
    /// The job of a query or form; `batch` is that of the path. The format used last stands where none is given.
    ///
    /// # Errors
    /// The fields that are wrong.
    pub(super) fn job(&self, batch: Option<BatchId>, last_used: Format) -> Result<Job, FormErrors> {
        let mut check = Check::default();
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let format = match given(&self.format) {
            Some(text) => check.choice("format", &text, Format::parse).unwrap_or_default(),
            None => last_used,
        };
        let layout = given(&self.layout).and_then(|text| check.id("layout", &text)).map(LayoutId);
        let which = match batch {
            Some(id) => Which::Batch { id, part: self.part(&mut check) },
            None => Which::Chosen(self.chosen(&mut check)),
        };
        let unproven = Check::ticked(&self.unproven);
        if check.is_clean() { Ok(Job { which, format, layout, unproven }) } else { Err(check.into_errors()) }
    }

    fn part(&self, check: &mut Check) -> Part {
        let numbers = 1..=i64::from(i32::MAX);
        let number = |text: Option<i64>, other: i32| text.and_then(|n| i32::try_from(n).ok()).unwrap_or(other);
        // A range needs no further word when numbers are given.
        let ranged = self.what == "range" || self.what.is_empty() && !(self.from.is_empty() && self.to.is_empty());
        match self.what.as_str() {
            _ if ranged => {
                let from = number(check.int("from", &self.from, numbers.clone()), 1);
                let to = number(check.int("to", &self.to, numbers), i32::MAX);
                if from > to {
                    check.refuse("to", FieldError::new("range_backwards"));
                }
                Part::Range(from, to)
            }
            "all" => Part::All,
            "" | "unsold" => Part::Unsold,
            _ => {
                check.refuse("what", FieldError::new("not_offered"));
                Part::All
            }
        }
    }

    fn chosen(&self, check: &mut Check) -> Vec<VoucherId> {
        let ids: Vec<VoucherId> = self
            .ids
            .split([',', ' '])
            .filter(|text| !text.is_empty())
            .take(super::MAX_CHOSEN + 1)
            .filter_map(|text| check.id("ids", text))
            .map(VoucherId)
            .collect();
        if ids.is_empty() {
            check.refuse("ids", FieldError::new("required"));
        }
        ids
    }

    /// The job as an address, without its key.
    fn query(&self, format: Format) -> String {
        let mut query = format!("format={}", format.as_str());
        let others = [
            ("what", &self.what),
            ("from", &self.from),
            ("to", &self.to),
            ("ids", &self.ids),
            ("layout", &self.layout),
            ("unproven", &self.unproven),
        ];
        for (name, value) in others.into_iter().filter(|(_, value)| !value.is_empty()) {
            query.push_str(&format!("&{name}={}", percent_encoded(value)));
        }
        query
    }
}

/// Whoever sells may print.
pub(super) fn allow(caller: &Caller) -> Result<(), AppError> {
    caller.allow(Permission::VouchersSell)
}

/// The pages' addresses of a batch, or of chosen vouchers.
fn paths(batch: Option<BatchId>) -> (String, String) {
    match batch {
        Some(id) => (format!("/vouchers/batches/{id}/print"), format!("/vouchers/batches/{id}/prints")),
        None => ("/vouchers/print".to_owned(), "/vouchers/prints".to_owned()),
    }
}

async fn batch(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<BatchId>,
    Query(asked): Query<Asked>,
) -> Result<Response, AppError> {
    open(&app, (&caller, &view), Some(id), &asked).await
}

async fn chosen(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Query(asked): Query<Asked>,
) -> Result<Response, AppError> {
    open(&app, (&caller, &view), None, &asked).await
}

/// One voucher: the range of its number in its batch.
async fn one(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<VoucherId>,
    Query(asked): Query<Asked>,
) -> Result<Response, AppError> {
    allow(&caller)?;
    let voucher = vouchers::find(&app, &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let format = match Format::parse(&asked.fields.format) {
        Some(format) => format,
        None => super::preference(app.db.read(), caller.admin_id).await?.roll,
    };
    let number = voucher.number.to_string();
    let fields = Fields { what: "range".into(), from: number.clone(), to: number, ..asked.fields };
    Ok(view.go(&format!("{}?{}", paths(Some(voucher.batch_id)).0, fields.query(format))))
}

/// Opens a print: waits for the router, records it the first time, asks for a reason the second time.
async fn open(
    app: &App,
    (caller, view): (&Caller, &View),
    batch: Option<BatchId>,
    asked: &Asked,
) -> Result<Response, AppError> {
    allow(caller)?;
    let last_used = super::preference(app.db.read(), caller.admin_id).await?.format;
    let job = asked.fields.job(batch, last_used)?;
    let format = job.format;
    let (print, prints) = paths(batch);
    let query = asked.fields.query(format);
    let prepared = match (super::prepare(app, &caller.sites, job).await, batch) {
        (Ok(prepared), _) => prepared,
        (Err(PrintError::NotReady), Some(id)) => {
            let key = if form::is_form_id(&asked.print) { format!("&print={}", asked.print) } else { String::new() };
            return waiting(app, (caller, view), id, &format!("{print}?{query}{key}")).await;
        }
        (Err(error), _) => return Err(error.into()),
    };
    let known = match form::is_form_id(&asked.print) {
        true => super::may_open_again(app, &prepared, Some(caller.admin_id), &asked.print).await?,
        false => Known::Spent,
    };
    if known == Known::Open && !view.is_partial() {
        return show(app, (caller, view), prepared);
    }
    if known == Known::Open {
        // The waiting page asked, in a part of itself: the whole tab becomes the paper.
        return Ok(view.go(&format!("{print}?{query}&print={}", asked.print)));
    }
    let key = if known == Known::New { asked.print.clone() } else { form::new_form_id() };
    let actor = Actor::of(caller, view.ip());
    match super::record(app, &prepared, &Opening { actor: &actor, key: &key, reason: "" }).await {
        Ok(_) => Ok(view.go(&format!("{print}?{query}&print={key}"))),
        Err(PrintError::ReasonNeeded) => Ok(view.go(&format!("{prints}?{query}"))),
        Err(other) => Err(other.into()),
    }
}

/// The paper.
pub(super) fn show(app: &App, (caller, view): (&Caller, &View), prepared: Prepared) -> Result<Response, AppError> {
    let only = if let [only] = prepared.batches.as_slice() { Some(only) } else { None };
    let page = PaperPage {
        title: prepared.batches.iter().map(|batch| batch.number.as_str()).take(3).collect::<Vec<_>>().join(", "),
        style: String::new(),
        format: prepared.job.format,
        count: prepared.count(),
        back: only.map_or_else(|| "/vouchers/search".to_owned(), |batch| format!("/vouchers/batches/{}", batch.id)),
        printed: only.map(|batch| batch.printed),
        unproven: prepared.job.unproven,
        lacks_login_host: prepared.lacks_login_host(),
    };
    stream::paper(app, (view, &caller.sites), prepared, page)
}

async fn waiting(app: &App, (caller, view): (&Caller, &View), id: BatchId, again: &str) -> Result<Response, AppError> {
    let batch = vouchers::batch(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)?;
    let router = routers::find(app.db.read(), &caller.sites, batch.router_id).await?;
    view.page(&WaitPage {
        batch: Some(batch),
        presence: router.map_or(Presence::New, |router| router.presence),
        again: again.to_owned(),
        insist: format!("{again}&unproven=1"),
        sale: String::new(),
    })
}

/// The tab that opened with a sale's form: it waits for the batch, then for the router, and becomes the paper.
async fn after_sale(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(form_id): Path<String>,
) -> Result<Response, AppError> {
    allow(&caller)?;
    if !form::is_form_id(&form_id) {
        return Err(AppError::NotFound);
    }
    match super::batch_of_form(&app, &caller.sites, &form_id).await? {
        Some(id) => Ok(view.go(&format!("{}?print={form_id}", paths(Some(id)).0))),
        None => view.page(&WaitPage {
            batch: None,
            presence: Presence::New,
            again: format!("/vouchers/print/after/{form_id}"),
            insist: String::new(),
            sale: form_id,
        }),
    }
}

async fn choose_of_batch(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<BatchId>,
    Query(fields): Query<Fields>,
) -> Result<Response, AppError> {
    allow(&caller)?;
    view.page(&choose_page(&app, &caller, Some(id), FormView::fresh(fields)).await?)
}

async fn choose_of_chosen(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Query(fields): Query<Fields>,
) -> Result<Response, AppError> {
    allow(&caller)?;
    view.page(&choose_page(&app, &caller, None, FormView::fresh(fields)).await?)
}

async fn choose_page(
    app: &App,
    caller: &Caller,
    id: Option<BatchId>,
    mut form: FormView<Fields>,
) -> Result<ChoosePage, AppError> {
    let db = app.db.read();
    let last_used = super::preference(db, caller.admin_id).await?.format;
    let values = &mut form.values;
    if Format::parse(&values.format).is_none() {
        last_used.as_str().clone_into(&mut values.format);
    }
    if values.what.is_empty() {
        values.what = if values.from.is_empty() { "unsold".to_owned() } else { "range".to_owned() };
    }
    let batch = match id {
        Some(id) => Some(vouchers::batch(db, &caller.sites, id).await?.ok_or(AppError::NotFound)?),
        None => None,
    };
    let history = match id {
        Some(id) => super::history(db, id).await?,
        None => Vec::new(),
    };
    let chosen = if id.is_some() { 0 } else { values.chosen(&mut Check::default()).len() };
    Ok(ChoosePage {
        chosen,
        action: paths(id).1,
        formats: Format::ALL.to_vec(),
        layouts: layout_choices(db, caller).await?,
        // Vouchers of several batches say so when they are refused.
        again: !history.is_empty() || form.errors.iter().any(|(field, _)| field == "reason"),
        history,
        batch,
        form,
    })
}

/// Layouts with their papers, for a list.
async fn layout_choices(db: &impl ConnectionTrait, caller: &Caller) -> Result<Vec<Choice>, AppError> {
    let layouts = layouts::list(db, &caller.sites).await?;
    Ok(layouts.into_iter().map(|layout| Choice::new(layout.id, layout.name)).collect())
}

async fn print_of_batch(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<BatchId>,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    print(&app, (&caller, &view), Some(id), fields).await
}

async fn print_of_chosen(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Form(fields): Form<Fields>,
) -> Result<Response, AppError> {
    print(&app, (&caller, &view), None, fields).await
}

/// Records what the form asks for and goes to the paper.
async fn print(
    app: &App,
    (caller, view): (&Caller, &View),
    batch: Option<BatchId>,
    fields: Fields,
) -> Result<Response, AppError> {
    allow(caller)?;
    let key = if form::is_form_id(&fields.form_id) { fields.form_id.clone() } else { form::new_form_id() };
    let done = match fields.job(batch, Format::default()) {
        Ok(job) => record(app, (caller, view), job, (&key, &fields.reason)).await,
        Err(errors) => Err(errors.into()),
    };
    match done {
        Ok(format) => Ok(view.go(&format!("{}?{}&print={key}", paths(batch).0, fields.query(format)))),
        Err(error) => {
            let errors = if let AppError::Invalid(errors) = error {
                errors
            } else if let AppError::Conflict { code } = error {
                FormErrors::of("", FieldError::new(code))
            } else {
                return Err(error);
            };
            view.form_again(&choose_page(app, caller, batch, FormView::again(fields, errors, &key)).await?)
        }
    }
}

async fn record(
    app: &App,
    (caller, view): (&Caller, &View),
    job: Job,
    (key, reason): (&str, &str),
) -> Result<Format, AppError> {
    let format = job.format;
    let prepared = super::prepare(app, &caller.sites, job).await?;
    let actor = Actor::of(caller, view.ip());
    super::record(app, &prepared, &Opening { actor: &actor, key, reason }).await?;
    Ok(format)
}
