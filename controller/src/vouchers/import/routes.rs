//! The page of an import: choose a file or paste codes, look, correct, take.

use axum::{
    Router as Routes,
    extract::{DefaultBodyLimit, Multipart, State},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use bytes::Bytes;
use chrono_tz::Tz;

use super::{
    Import, Outcome, Refusal,
    pages::{Fields, ImportPage, Looked},
    rules::{self, Given},
};
use crate::{
    app::App,
    audit::Actor,
    db::paging::{MAX_LIMIT, PageOf},
    http::{
        access::Permission,
        error::AppError,
        form::{Choice, FieldError, FormErrors, FormView},
        locale::Arg,
        session::{Caller, Signed},
        view::View,
    },
    money::Currency,
    packages, routers,
    tables::{self, Cell, Table},
    vouchers::{Asked, fields},
};

/// Bytes of a file.
const MAX_FILE_BYTES: usize = 1024 * 1024;
/// Bytes of the whole form: a file, or the codes as they are shown to be corrected, and the fields around.
const MAX_FORM_BYTES: usize = 3 * 1024 * 1024;
/// Bytes of a field beside the codes.
const MAX_FIELD_BYTES: usize = 4 * 1024;
/// Codes shown of those that are good.
const SAMPLE: usize = 8;

pub(crate) fn routes() -> Routes<App> {
    let form = get(form).post(take).layer(DefaultBodyLimit::max(MAX_FORM_BYTES));
    Routes::new().route("/vouchers/import", form)
}

async fn form(State(app): State<App>, Signed(caller): Signed, view: View) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersImport)?;
    view.page(&page_of(&app, &caller, FormView::fresh(Fields::default()), None).await?)
}

async fn page_of(
    app: &App,
    caller: &Caller,
    mut form: FormView<Fields>,
    looked: Option<Looked>,
) -> Result<ImportPage, AppError> {
    let places = routers::places(app.db.read(), &caller.sites).await?;
    let routers: Vec<Choice> =
        places.iter().map(|place| Choice::new(place.id, format!("{} · {}", place.site, place.name))).collect();
    if let ([only], true) = (routers.as_slice(), form.values.router_id.is_empty()) {
        form.values.router_id.clone_from(&only.value);
    }
    let filter = packages::Filter { sold_as: Some(packages::SoldAs::Voucher), ..packages::Filter::default() };
    let page = PageOf::new(Some(MAX_LIMIT), None)?;
    let at = packages::At::everywhere(app.clock.now());
    let sold = packages::list(app.db.read(), &caller.sites, &filter, &page, at).await?.items;
    let packages = sold
        .into_iter()
        .filter(|package| !package.router_ids.is_empty())
        .map(|package| Choice::new(package.id, format!("{} · {}", package.name, package.price)))
        .collect();
    Ok(ImportPage {
        form,
        routers,
        packages,
        looked,
        sees_costs: caller.may(Permission::CostsSee),
        max: rules::MAX_ROWS,
    })
}

/// What a form sent: its fields, and the file if there is one.
#[derive(Default)]
struct Sent {
    fields: Fields,
    file: Option<Bytes>,
}

async fn sent(mut multipart: Multipart) -> Result<Sent, AppError> {
    let mut sent = Sent::default();
    while let Some(field) = multipart.next_field().await.map_err(|error| unreadable(&error))? {
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(|error| unreadable(&error))?;
        if name == "file" {
            sent.file = Some(bytes).filter(|bytes| !bytes.is_empty());
            continue;
        }
        if name != "rows" && bytes.len() > MAX_FIELD_BYTES {
            return Err(AppError::TooLarge);
        }
        let text = String::from_utf8(bytes.to_vec()).map_err(|_not_text| AppError::Malformed)?;
        let fields = &mut sent.fields;
        match name.as_str() {
            "form_id" => fields.form_id = text,
            "router_id" => fields.router_id = text,
            "package_id" => fields.package_id = text,
            "mac_lock" => fields.mac_lock = text,
            "server" => fields.server = text,
            "activate_before" => fields.activate_before = text,
            "note" => fields.note = text,
            "price" => fields.price = text,
            "cost" => fields.cost = text,
            "rows" => fields.rows = text,
            "do" => fields.act = text,
            _ => {}
        }
    }
    Ok(sent)
}

fn unreadable(error: &axum::extract::multipart::MultipartError) -> AppError {
    if error.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE { AppError::TooLarge } else { AppError::Malformed }
}

/// The rows of a file, or of the codes as typed; and what the file turned out to be.
async fn rows_of(sent: &Sent) -> Result<(Vec<Given>, String), FormErrors> {
    let (field, bytes) = match &sent.file {
        Some(file) if file.len() > MAX_FILE_BYTES => {
            let max = FieldError::new("import_file_too_large");
            return Err(FormErrors::of("file", max));
        }
        Some(file) => ("file", file.clone()),
        None if sent.fields.rows.trim().is_empty() => return Ok((Vec::new(), String::new())),
        None => ("rows", Bytes::from(sent.fields.rows.clone())),
    };
    let read = tokio::task::spawn_blocking(move || tables::read(&bytes, rules::MAX_ROWS)).await;
    let table: Table = match read {
        Ok(Ok(table)) => table,
        Ok(Err(error)) => return Err(FormErrors::of(field, error.told())),
        Err(_stopped) => return Err(FormErrors::of(field, FieldError::new("file_not_a_list"))),
    };
    match rules::rows(&table) {
        Some(rows) => Ok((rows, table.found)),
        None => Err(FormErrors::of(field, FieldError::new("import_no_column"))),
    }
}

async fn take(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    multipart: Multipart,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersImport)?;
    let sent = sent(multipart).await?;
    let read = rows_of(&sent).await;
    let Sent { mut fields, .. } = sent;
    let (rows, found) = match read {
        Ok(read) => read,
        Err(errors) => return again(&app, &caller, &view, (fields, errors), None).await,
    };
    fields.rows = rules::text(&rows);
    let (form, mut errors) = terms(&app, &caller, &fields, rows.len()).await?;
    let take = fields.act == "take" && errors.is_empty();
    let actor = Actor::of(&caller, view.ip());
    let asked = Asked { scope: &caller.sites, actor: &actor, form_id: &fields.form_id };
    let import = Import { form, rows: rows.clone(), dry_run: !take };
    let Outcome { batch, refusals, errors: others } = super::add(&app, &asked, import).await?;
    if let Some(batch) = batch {
        let to = format!("/vouchers/batches/{}", batch.id);
        return Ok(view.go_saying(&to, "done-batch-imported", [("number", Arg::from(batch.number))]));
    }
    others.iter().for_each(|(field, error)| errors.add(field, error.clone()));
    if fields.act == "bad" {
        return bad_rows(&view, &rows, &refusals);
    }
    let looked = Looked {
        rows: rows.len(),
        bad: refusals.len(),
        sample: rows.iter().take(SAMPLE).map(|row| row.code.clone()).collect(),
        shown: refusals.into_iter().take(super::SHOWN).map(Into::into).collect(),
        found,
    };
    again(&app, &caller, &view, (fields, errors), Some(looked).filter(|looked| looked.rows > 0)).await
}

async fn again(
    app: &App,
    caller: &Caller,
    view: &View,
    (fields, errors): (Fields, FormErrors),
    looked: Option<Looked>,
) -> Result<Response, AppError> {
    let (form_id, refused) = (fields.form_id.clone(), !errors.is_empty());
    let page = page_of(app, caller, FormView::again(fields, errors, &form_id), looked).await?;
    if refused { view.form_again(&page) } else { view.page(&page) }
}

/// Router, package and terms, read as the form of a batch reads them.
async fn terms(
    app: &App,
    caller: &Caller,
    typed: &Fields,
    count: usize,
) -> Result<(crate::vouchers::BatchForm, FormErrors), AppError> {
    let batch = fields::Fields {
        router_id: typed.router_id.clone(),
        package_id: typed.package_id.clone(),
        count: count.to_string(),
        mac_lock: typed.mac_lock.clone(),
        // They were printed, and their price with them.
        confirm_below_cost: "on".to_owned(),
        server: typed.server.clone(),
        activate_before: typed.activate_before.clone(),
        note: typed.note.clone(),
        price: typed.price.clone(),
        cost: typed.cost.clone(),
        ..fields::Fields::fresh()
    };
    let places = routers::places(app.db.read(), &caller.sites).await?;
    let zone: Option<Tz> =
        places.iter().find(|place| Some(place.id) == batch.router()).and_then(|place| place.timezone.parse().ok());
    let package = match batch.package() {
        Some(id) => {
            let at = packages::At { now: app.clock.now(), router: batch.router() };
            packages::find(app.db.read(), &caller.sites, id, at).await?
        }
        None => None,
    };
    let currency = package.map_or(Currency::IDR, |package| package.price.currency());
    let (mut form, errors) = batch.read(zone.unwrap_or(Tz::UTC), currency);
    if !caller.may(Permission::CostsSee) {
        form.cost = None;
    }
    Ok((form, errors))
}

/// The bad rows as a file, with the reason of each.
fn bad_rows(view: &View, rows: &[Given], refusals: &[Refusal]) -> Result<Response, AppError> {
    let mut lines: Vec<Vec<Cell>> =
        vec![["row", "code", "password", "note", "error"].into_iter().map(Cell::from).collect()];
    for refusal in refusals {
        let Some(row) = rows.get(refusal.at) else { continue };
        lines.push(vec![
            Cell::Number(i64::try_from(refusal.row).unwrap_or(i64::MAX)),
            Cell::from(row.code.as_str()),
            Cell::from(row.password.as_str()),
            Cell::from(row.note.as_str()),
            Cell::from(view.problem(&refusal.error)),
        ]);
    }
    let mut response = tables::csv_lines(&lines, true)?.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let name = HeaderValue::from_static("attachment; filename=\"voucher-errors.csv\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}
