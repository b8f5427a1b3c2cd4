//! Print layouts: how vouchers look on a family of papers, for one site or all.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod preview;
pub(crate) mod routes;
mod store;
#[cfg(test)]
mod stories;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{format::Family, layout::Document};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    http::{
        access::Scope,
        error::AppError,
        form::{Check, FieldError, FormErrors},
        logo,
    },
    ids::{LayoutId, SiteId},
};

/// A layout as pages and API show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Layout {
    pub id: LayoutId,
    pub name: String,
    /// None: for every site.
    pub site_id: Option<SiteId>,
    pub family: Family,
    pub document: Document,
    /// Address of its logo.
    pub logo: Option<String>,
    /// Taken where nobody chooses another.
    pub is_default: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What a layout shall be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LayoutForm {
    pub name: String,
    /// None: for every site.
    #[serde(default)]
    pub site_id: Option<SiteId>,
    pub family: Family,
    #[serde(default)]
    pub document: Document,
    #[serde(default)]
    pub is_default: bool,
}

/// Why a layout is refused.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    #[error("no such layout")]
    NotFound,
    #[error("refused fields")]
    Refused(FormErrors),
    #[error("there is a layout of that name")]
    NameTaken,
    #[error("no such site, or not for the caller")]
    NoSuchSite,
    #[error("no logo")]
    Logo(#[from] logo::LogoError),
    #[error("database")]
    Db(#[from] DbErr),
}

impl From<LayoutError> for AppError {
    fn from(error: LayoutError) -> Self {
        let field = |name, code| FormErrors::of(name, FieldError::new(code)).into();
        match error {
            LayoutError::NotFound => Self::NotFound,
            LayoutError::Refused(errors) => errors.into(),
            LayoutError::NameTaken => field("name", "taken"),
            LayoutError::NoSuchSite => field("site_id", "not_offered"),
            LayoutError::Logo(error) => error.into(),
            LayoutError::Db(error) => error.into(),
        }
    }
}

/// Layouts that may be used by whoever sees these sites.
///
/// # Errors
/// The database's.
pub async fn list(db: &impl ConnectionTrait, scope: &Scope) -> Result<Vec<Layout>, DbErr> {
    store::list(db, scope).await
}

/// One of them.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, scope: &Scope, id: LayoutId) -> Result<Option<Layout>, DbErr> {
    store::find(db, scope, id).await
}

/// The default of a site's papers, when somebody chose one.
///
/// # Errors
/// The database's.
pub async fn default(db: &impl ConnectionTrait, site: SiteId, family: Family) -> Result<Option<Layout>, DbErr> {
    store::default(db, site, family).await
}

/// May a caller who sees these sites change what is for this site, or for all?
fn may_change(scope: &Scope, site: Option<SiteId>) -> bool {
    site.map_or(*scope == Scope::All, |site| scope.sees(site))
}

/// What is wrong with a layout's name and document, whatever else is.
fn faults(form: &LayoutForm) -> FormErrors {
    let mut check = Check::default();
    check.name("name", &form.name);
    let mut errors = check.into_errors();
    if let Err(others) = form.document.clone().check(form.family) {
        errors.extend(&others);
    }
    errors
}

async fn checked(db: &impl ConnectionTrait, scope: &Scope, form: LayoutForm) -> Result<LayoutForm, LayoutError> {
    let faults = faults(&form);
    let name = Check::default().name("name", &form.name);
    let document = form.document.check(form.family);
    let (true, Some(name), Ok(document)) = (faults.is_empty(), name, document) else {
        return Err(LayoutError::Refused(faults));
    };
    let exists = match form.site_id {
        Some(site) => crate::sites::find(db, scope, site).await?.is_some(),
        None => true,
    };
    if !exists || !may_change(scope, form.site_id) {
        return Err(LayoutError::NoSuchSite);
    }
    Ok(LayoutForm { name, document, ..form })
}

/// Adds a layout.
///
/// # Errors
/// [`LayoutError`].
pub async fn add(app: &App, scope: &Scope, actor: &Actor, form: LayoutForm) -> Result<Layout, LayoutError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let form = checked(&*tx, scope, form).await?;
    let id = store::insert(&*tx, now, &form).await?;
    if form.is_default {
        store::only_default(&*tx, id, &form).await?;
    }
    record(&*tx, now, actor, ("print_layout.add", id, form.site_id), &form).await?;
    let layout = store::find(&*tx, scope, id).await?.ok_or(LayoutError::NotFound)?;
    tx.commit().await?;
    Ok(layout)
}

/// Changes a layout.
///
/// # Errors
/// [`LayoutError`].
pub async fn change(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    id: LayoutId,
    form: LayoutForm,
) -> Result<Layout, LayoutError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    changeable(&*tx, scope, id).await?;
    let form = checked(&*tx, scope, form).await?;
    store::update(&*tx, now, id, &form).await?;
    if form.is_default {
        store::only_default(&*tx, id, &form).await?;
    }
    record(&*tx, now, actor, ("print_layout.change", id, form.site_id), &form).await?;
    let layout = store::find(&*tx, scope, id).await?.ok_or(LayoutError::NotFound)?;
    tx.commit().await?;
    Ok(layout)
}

/// Puts a logo on a layout, or takes it away.
///
/// # Errors
/// [`LayoutError`].
pub async fn set_logo(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    id: LayoutId,
    file: Option<Vec<u8>>,
) -> Result<Layout, LayoutError> {
    let file = match file {
        Some(bytes) => {
            let kind = logo::check(&bytes)?;
            Some((bytes, kind.mime()))
        }
        None => None,
    };
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let layout = changeable(&*tx, scope, id).await?;
    let detail = serde_json::json!({ "logo": file.as_ref().map(|(bytes, kind)| (bytes.len(), *kind)) });
    store::set_logo(&*tx, now, id, file).await?;
    let deed = Deed { action: "print_layout.logo", object: format!("print_layout/{id}"), site: layout.site_id, detail };
    audit::record(&*tx, now, actor, deed).await?;
    let layout = store::find(&*tx, scope, id).await?.ok_or(LayoutError::NotFound)?;
    tx.commit().await?;
    Ok(layout)
}

/// Removes a layout; what was printed with it stays printed.
///
/// # Errors
/// [`LayoutError`].
pub async fn remove(app: &App, scope: &Scope, actor: &Actor, id: LayoutId) -> Result<(), LayoutError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let layout = changeable(&*tx, scope, id).await?;
    store::delete(&*tx, id).await?;
    let detail = serde_json::json!({ "name": layout.name });
    let deed =
        Deed { action: "print_layout.remove", object: format!("print_layout/{id}"), site: layout.site_id, detail };
    audit::record(&*tx, now, actor, deed).await?;
    tx.commit().await?;
    Ok(())
}

/// The bytes of a logo and their kind, when the address is one that was given out.
pub(super) async fn logo_of(app: &App, id: LayoutId, word: &str) -> Result<Option<(Vec<u8>, String)>, DbErr> {
    let db = app.db.read();
    let layout = store::find(db, &Scope::All, id).await?;
    let given_out = layout.and_then(|layout| layout.logo).is_some_and(|url| url.ends_with(&format!("/{word}")));
    if given_out { store::logo(db, id).await } else { Ok(None) }
}

async fn changeable(db: &impl ConnectionTrait, scope: &Scope, id: LayoutId) -> Result<Layout, LayoutError> {
    let layout = store::find(db, scope, id).await?.ok_or(LayoutError::NotFound)?;
    // Those of every site are seen by all, and changed by those who see every site.
    if may_change(scope, layout.site_id) { Ok(layout) } else { Err(LayoutError::NotFound) }
}

async fn record(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    (action, id, site): (&str, LayoutId, Option<SiteId>),
    form: &LayoutForm,
) -> Result<(), DbErr> {
    let detail = serde_json::to_value(form).unwrap_or_default();
    audit::record(tx, now, actor, Deed { action, object: format!("print_layout/{id}"), site, detail }).await
}
