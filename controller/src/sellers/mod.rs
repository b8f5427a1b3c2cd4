//! Sellers (penjual, outlet): a warung or a person who sells batches. Each belongs to a site. What they pay of a price is
//! for [`crate::prices`] to say, by their level; here stands only who they are.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod routes;
pub mod rules;
mod store;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use crate::{
    admins,
    app::App,
    audit::{self, Actor, Deed},
    db::{
        Tx,
        paging::{MAX_LIMIT, PageOf, Paged},
    },
    http::{
        access::Scope,
        form::{FieldError, FormErrors},
    },
    ids::{AdminId, SellerId, SiteId},
    sites,
};

pub use rules::{Draft, SellerForm};

/// A seller as pages and API show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seller {
    pub id: SellerId,
    pub site_id: SiteId,
    pub name: String,
    /// E.164, or empty.
    pub phone: String,
    /// As price rules name it; empty = none.
    pub level: String,
    pub note: String,
    /// The admin who is this seller.
    pub admin_id: Option<AdminId>,
    pub created_at: DateTime<Utc>,
    /// No longer offered; the history stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<DateTime<Utc>>,
}

/// Which sellers are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub site: Option<SiteId>,
    /// Those no longer offered, instead of those that are.
    pub archived: bool,
    /// Part of the name or the phone number.
    pub q: String,
}

/// Why a seller is refused.
#[derive(Debug, thiserror::Error)]
pub enum SellerError {
    #[error("no such seller")]
    NotFound,
    #[error("refused fields")]
    Refused(FormErrors),
    #[error("database")]
    Db(#[from] DbErr),
}

/// Adds a seller.
///
/// # Errors
/// [`SellerError`].
pub async fn add(app: &App, scope: &Scope, actor: &Actor, draft: &Draft) -> Result<SellerId, SellerError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    known(&tx, scope, draft).await?;
    let id = store::insert(&*tx, now, draft).await?;
    record(&tx, now, actor, "seller.add", (id, draft.site, &draft.name, &draft.level)).await?;
    tx.commit().await?;
    Ok(id)
}

/// Changes a seller. The site stays: batches were sold there.
///
/// # Errors
/// [`SellerError`].
pub async fn change(app: &App, scope: &Scope, actor: &Actor, id: SellerId, draft: &Draft) -> Result<(), SellerError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let before = store::find(&*tx, scope, id).await?.ok_or(SellerError::NotFound)?;
    if before.site_id != draft.site {
        return Err(SellerError::Refused(FormErrors::of("site_id", FieldError::new("site_fixed"))));
    }
    known(&tx, scope, draft).await?;
    store::update(&*tx, id, draft).await?;
    record(&tx, now, actor, "seller.change", (id, draft.site, &draft.name, &draft.level)).await?;
    tx.commit().await?;
    Ok(())
}

/// Takes a seller out of what is offered, or offers it again. What was sold stays.
///
/// # Errors
/// [`SellerError::NotFound`], the database's.
pub async fn archive(app: &App, scope: &Scope, actor: &Actor, id: SellerId, archived: bool) -> Result<(), SellerError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let seller = store::find(&*tx, scope, id).await?.ok_or(SellerError::NotFound)?;
    if seller.archived_at.is_some() == archived {
        return Ok(());
    }
    store::set_archived(&*tx, id, archived.then_some(now)).await?;
    let action = if archived { "seller.archive" } else { "seller.restore" };
    record(&tx, now, actor, action, (id, seller.site_id, &seller.name, &seller.level)).await?;
    tx.commit().await?;
    Ok(())
}

/// The site and the admin of a draft are there.
async fn known(tx: &Tx, scope: &Scope, draft: &Draft) -> Result<(), SellerError> {
    if sites::find(&**tx, scope, draft.site).await?.is_none() {
        return Err(SellerError::Refused(FormErrors::of("site_id", FieldError::new("no_such_site"))));
    }
    if let Some(admin) = draft.admin
        && admins::find(&**tx, admin).await?.is_none()
    {
        return Err(SellerError::Refused(FormErrors::of("admin_id", FieldError::new("no_such_admin"))));
    }
    Ok(())
}

async fn record(
    tx: &Tx,
    now: DateTime<Utc>,
    actor: &Actor,
    action: &str,
    (id, site, name, level): (SellerId, SiteId, &str, &str),
) -> Result<(), DbErr> {
    let detail = serde_json::json!({ "name": name, "level": level });
    let deed = Deed { action, object: format!("seller/{id}"), site: Some(site), detail };
    audit::record(&**tx, now, actor, deed).await
}

/// A seller the caller may see.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, scope: &Scope, id: SellerId) -> Result<Option<Seller>, DbErr> {
    store::find(db, scope, id).await
}

/// The seller whom an admin is at a site, if he is one.
///
/// # Errors
/// The database's.
pub async fn of_admin(db: &impl ConnectionTrait, site: SiteId, admin: AdminId) -> Result<Option<Seller>, DbErr> {
    store::of_admin(db, site, admin).await
}

/// Sellers the caller may see, by name.
///
/// # Errors
/// The database's.
pub async fn list(
    db: &impl ConnectionTrait,
    scope: &Scope,
    filter: &Filter,
    page: &PageOf,
) -> Result<Paged<Seller>, DbErr> {
    store::list(db, scope, filter, page).await
}

/// Names of sellers the caller may see, by name, for choices of a filter.
///
/// # Errors
/// The database's.
pub async fn names(db: &impl ConnectionTrait, scope: &Scope) -> Result<Vec<(SellerId, String)>, DbErr> {
    let rows = store::names(db, scope, MAX_LIMIT).await?;
    Ok(rows.into_iter().map(|(id, name)| (SellerId(id), name)).collect())
}

/// The levels that sellers have, for rules to name.
///
/// # Errors
/// The database's.
pub async fn levels(db: &impl ConnectionTrait, scope: &Scope) -> Result<Vec<String>, DbErr> {
    store::levels(db, scope).await
}
