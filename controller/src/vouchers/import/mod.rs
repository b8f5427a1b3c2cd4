//! Codes that were printed elsewhere: read from a file, looked at row by row, and taken all or not at all. They go the
//! way of every voucher: wanted on the router, sold when it has proven them.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod routes;
pub(crate) mod rules;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use hiji_shared::device::Kind;
use sea_orm::DbErr;

pub use rules::{Given, Refusal};

use super::{
    Asked, Batch, BatchForm, Mode, Origin, VoucherError, batch, make,
    rules::{Charset, Look},
    store,
    wanted::Login,
};
use crate::{
    app::App,
    db::{self, Tx},
    http::form::{self, FieldError, FormErrors},
    ids::{RouterId, SiteId},
    routers,
};

/// Refusals shown at once; the file of bad rows has them all.
pub(crate) const SHOWN: usize = 100;

/// Codes to be taken, and the batch they shall be.
#[derive(Debug)]
pub struct Import {
    /// Router, package and terms; its count is that of the rows.
    pub form: BatchForm,
    pub rows: Vec<Given>,
    /// Only look.
    pub dry_run: bool,
}

/// What became of an import.
#[derive(Debug)]
pub struct Outcome {
    /// The batch; none where it was only looked at, or rows were refused.
    pub batch: Option<Batch>,
    /// Rows that cannot be taken. One is enough for none to be taken.
    pub refusals: Vec<Refusal>,
    /// What is wrong beside the rows.
    pub errors: FormErrors,
}

/// Takes codes, or says which cannot be taken. The same form twice is one batch.
///
/// # Errors
/// [`VoucherError::Db`].
pub async fn add(app: &App, asked: &Asked<'_>, import: Import) -> Result<Outcome, VoucherError> {
    let id = if form::is_form_id(asked.form_id) { asked.form_id.to_owned() } else { form::new_form_id() };
    let tx = app.db.begin().await?;
    db::one_at_a_time(&*tx, db::Guard::BatchNumbers).await?;
    if let Some(made) = store::batch_of_form(&*tx, asked.scope, &id).await? {
        return Ok(Outcome { batch: Some(made), refusals: Vec::new(), errors: FormErrors::default() });
    }
    let mut form = import.form;
    form.count = i64::try_from(import.rows.len()).unwrap_or(i64::MAX);
    // How codes of hiji's own would look does not matter here; it must only be right.
    (form.prefix, form.length, form.charset) = (None, None, None);
    let separate = import.rows.iter().any(|row| !row.password.is_empty() && row.password != row.code);
    form.mode = Some(if separate { Mode::Separate } else { Mode::Same }.as_str().to_owned());
    let mut errors = size_errors(import.rows.len());
    let mut refusals = rules::refusals(&import.rows);
    match make::checked(&tx, app, asked.scope, &form).await {
        Err(VoucherError::Refused(refused)) => {
            let others = refused.iter().filter(|(field, _)| *field != "count");
            others.for_each(|(field, error)| errors.add(field, error.clone()));
        }
        Err(other) => return Err(other),
        Ok(mut checked) => {
            refusals.extend(taken(&tx, checked.place(), &import.rows).await?);
            refusals.sort_by_key(|refusal| refusal.at);
            refusals.dedup_by_key(|refusal| refusal.at);
            if errors.is_empty() && refusals.is_empty() && !import.dry_run {
                let length = rules::length(&import.rows);
                checked.looks(Look { prefix: String::new(), length, charset: Charset::Mixed });
                let notes: Vec<_> = import
                    .rows
                    .iter()
                    .filter(|row| !row.note.is_empty())
                    .map(|row| (row.code.clone(), row.note.clone()))
                    .collect();
                let logins = import.rows.into_iter().map(login).collect();
                let asked = Asked { form_id: &id, ..*asked };
                let batch_id = make::add_given(&tx, app, &asked, checked, (Origin::Import, logins)).await?;
                store::set_notes(&*tx, batch_id, &notes).await?;
                tx.commit().await?;
                app.wakes.wake();
                let made = batch(app.db.read(), asked.scope, batch_id).await?;
                let gone = || VoucherError::Db(DbErr::RecordNotFound(format!("batch {batch_id}")));
                return Ok(Outcome { batch: Some(made.ok_or_else(gone)?), refusals, errors });
            }
        }
    }
    Ok(Outcome { batch: None, refusals, errors })
}

fn size_errors(rows: usize) -> FormErrors {
    let max = i64::try_from(rules::MAX_ROWS).unwrap_or(i64::MAX);
    match rows {
        0 => FormErrors::of("rows", FieldError::new("import_no_rows")),
        rows if rows > rules::MAX_ROWS => FormErrors::of("rows", FieldError::new("file_too_many_rows").arg("max", max)),
        _ => FormErrors::default(),
    }
}

fn login(row: Given) -> Login {
    let own = !row.password.is_empty() && row.password != row.code;
    Login { code: row.code, password: own.then_some(row.password) }
}

/// Rows whose code the site has, or whose name is on the router or wanted there.
async fn taken(tx: &Tx, (site, router): (SiteId, RouterId), rows: &[Given]) -> Result<Vec<Refusal>, DbErr> {
    let codes: Vec<String> = rows.iter().map(|row| row.code.clone()).filter(|code| !code.is_empty()).collect();
    let in_site: HashSet<String> = store::taken_codes(&**tx, site, &codes).await?.into_iter().collect();
    let on_router = routers::taken_names(&**tx, router, Kind::HotspotUser, &codes).await?;
    let on_router: HashSet<String> = on_router.into_iter().collect();
    let refusal = |(at, row): (usize, &Given)| -> Option<Refusal> {
        let code = if in_site.contains(&row.code) {
            "import_taken"
        } else if on_router.contains(&row.code) {
            "import_taken_on_router"
        } else {
            return None;
        };
        Some(Refusal::new(at, row, FieldError::new(code)))
    };
    Ok(rows.iter().enumerate().filter_map(refusal).collect())
}
