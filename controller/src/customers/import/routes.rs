//! Pages of lists on their way in.

use axum::{
    Router as Routes,
    body::Body,
    extract::{DefaultBodyLimit, Multipart, Path, State as Of},
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::Query;
use futures_util::stream;
use serde::Deserialize;

use super::{
    super::{Asked, CustomerError, store},
    Import, Line, MAX_ROWS,
    pages::{ImportPage, ImportsPage, Shown, UploadFields, field_key},
};
use crate::{
    app::App,
    audit::Actor,
    db::paging::PageOf,
    http::{
        access::Permission,
        api::Listing,
        error::AppError,
        form::{Choice, FieldError, FormErrors, FormView},
        limit::MAX_UPLOAD_BYTES,
        session::{Caller, Signed},
        view::View,
    },
    ids::{CustomerImportId, SiteId},
    sites,
    tables::{Cell, Format, RowError, Upload, csv_lines, file, refused},
};

/// Lines read at once for a file of those with errors.
const STEP: u64 = 500;

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/customers/imports", get(list).post(upload).layer(DefaultBodyLimit::max(MAX_UPLOAD_BYTES)))
        .route("/customers/imports/{id}", get(show))
        .route("/customers/imports/{id}/commit", post(commit))
        .route("/customers/imports/{id}/errors", get(errors))
}

async fn imports_page(
    app: &App,
    caller: &Caller,
    (page, is_later): (&PageOf, bool),
    form: FormView<UploadFields>,
) -> Result<ImportsPage, AppError> {
    let imports = super::list(app.db.read(), &caller.sites, page).await?;
    let sites = sites::all(app.db.read(), &caller.sites).await?;
    let sites = sites.into_iter().map(|site| Choice::new(site.id, site.name)).collect();
    Ok(ImportsPage { imports: imports.items, form, sites, max_rows: MAX_ROWS, next: imports.next_cursor, is_later })
}

async fn list(Of(app): Of<App>, Signed(caller): Signed, view: View, listing: Listing) -> Result<Response, AppError> {
    caller.allow(Permission::CustomersImport)?;
    let form = FormView::fresh(UploadFields::default());
    view.page(&imports_page(&app, &caller, (&listing.page, listing.is_later), form).await?)
}

async fn upload(Of(app): Of<App>, Signed(caller): Signed, view: View, form: Multipart) -> Result<Response, AppError> {
    caller.allow(Permission::CustomersImport)?;
    let mut sent = Upload::read(form).await?;
    let (form_id, site_id) = (sent.field("form_id"), sent.field("site_id"));
    let (fields, file) = (UploadFields { form_id, site_id, ..UploadFields::default() }, sent.file);
    let site = fields.site_id.trim().parse().ok().filter(|id| *id > 0).map(SiteId);
    let done = match (site, file) {
        (Some(site), Some(file)) => {
            let actor = Actor::of(&caller, view.ip());
            let asked = Asked { scope: &caller.sites, actor: &actor, form_id: &fields.form_id };
            super::upload(&app, &asked, site, file).await
        }
        (site, file) => {
            let mut errors = FormErrors::default();
            if site.is_none() {
                errors.add("site_id", FieldError::new("required"));
            }
            if file.is_none() {
                errors.add("file", FieldError::new("required"));
            }
            Err(CustomerError::Refused(errors))
        }
    };
    match done {
        Ok(id) => Ok(view.go(&format!("/customers/imports/{id}"))),
        Err(CustomerError::Refused(errors)) => {
            let form_id = fields.form_id.clone();
            let form = FormView::again(fields, errors, &form_id);
            view.form_again(&imports_page(&app, &caller, (&PageOf::default(), false), form).await?)
        }
        Err(other) => Err(other.into()),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Which {
    only: String,
    format: String,
}

pub(super) async fn found(app: &App, caller: &Caller, id: CustomerImportId) -> Result<Import, AppError> {
    super::find(app.db.read(), &caller.sites, id).await?.ok_or(AppError::NotFound)
}

async fn show(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    (Path(id), listing): (Path<CustomerImportId>, Listing),
    Query(which): Query<Which>,
) -> Result<Response, AppError> {
    caller.allow(Permission::CustomersImport)?;
    let import = found(&app, &caller, id).await?;
    let only_bad = which.only == "bad";
    let mut lines = super::lines(&app, id, only_bad, &listing.page).await?;
    for error in lines.items.iter_mut().flat_map(|line| &mut line.errors) {
        field_key(&error.field).clone_into(&mut error.field);
    }
    let columns = import.columns.iter().map(Shown::new).collect();
    let (next, is_later) = (lines.next_cursor, listing.is_later);
    view.page(&ImportPage { import, columns, lines: lines.items, only_bad, next, is_later })
}

async fn commit(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerImportId>,
) -> Result<Response, AppError> {
    caller.allow(Permission::CustomersImport)?;
    super::commit(&app, &caller.sites, &Actor::of(&caller, view.ip()), id).await?;
    Ok(view.go_saying(&format!("/customers/imports/{id}"), "done-import-started", []))
}

/// The lines that stay out, with their columns and the reasons, to be put right and uploaded again.
async fn errors(
    Of(app): Of<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<CustomerImportId>,
    Query(which): Query<Which>,
) -> Result<Response, AppError> {
    caller.allow(Permission::CustomersImport)?;
    let import = found(&app, &caller, id).await?;
    let format = if which.format.is_empty() { Some(Format::Csv) } else { Format::parse(&which.format) };
    if format != Some(Format::Csv) {
        return Err(FormErrors::of("format", FieldError::new("not_offered")).into());
    }
    let mut titles: Vec<Cell> = import.columns.iter().map(|column| Cell::from(column.title.as_str())).collect();
    let width = titles.len();
    titles.extend([Cell::from(view.text("intake-line")), Cell::from(view.text("intake-reasons"))]);
    let parts = stream::try_unfold((Some(titles), i32::MIN), move |(head, after)| {
        let (app, view) = (app.clone(), view.clone());
        async move {
            if let Some(head) = head {
                return anyhow::Ok(Some((csv_lines(&[head], true)?, (None, after))));
            }
            let some = store::lines(app.db.read(), &app.keys, id, Some(false), (after, STEP)).await?;
            let Some(last) = some.last().map(|line| line.line) else { return Ok(None) };
            let say = |error: &RowError| {
                let field = view.text(&format!("customer-field-{}", field_key(&error.field)));
                (field, view.problem(&error.error))
            };
            let told = |line: &Line| refused((line.line, &line.cells), width, &line.errors, say);
            let rows: Vec<Vec<Cell>> = some.iter().map(told).collect();
            Ok(Some((csv_lines(&rows, false)?, (None, last))))
        }
    });
    Ok(file::headed(&format!("import-{id}-errors.csv"), Format::Csv, Body::from_stream(parts)))
}
