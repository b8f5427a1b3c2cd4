//! Add-ons: what is sold beside a package of subscriptions: a static address, a rented modem. A subscription keeps the
//! price it was agreed at.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod routes;
pub mod rules;
mod store;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use super::PackageError;
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    db::{
        Tx,
        paging::{PageOf, Paged},
    },
    events::{self, BusinessEvent},
    http::form::FieldError,
    ids::AddonId,
    money::Money,
    settings,
};

pub use rules::{AddonForm, AddonKind, Draft};

/// Add-ons that are offered. Beyond it nobody finds the one he looks for.
pub const MAX_ADDONS: u64 = 200;

/// An add-on as pages and API show it.
#[derive(Debug, Clone, Serialize)]
pub struct Addon {
    pub id: AddonId,
    pub name: String,
    pub kind: AddonKind,
    /// Of one; of [`AddonKind::Monthly`] of one a month.
    pub price: Money,
    /// Not for everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// Whether PPN is reckoned.
    pub is_taxed: bool,
    pub created_at: DateTime<Utc>,
    /// No longer offered; subscriptions that have it keep it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<DateTime<Utc>>,
}

impl Addon {
    /// The add-on as somebody sees it who may not see costs.
    #[must_use]
    pub fn without_cost(self) -> Self {
        Self { cost: None, ..self }
    }
}

/// Which add-ons are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Those no longer offered, instead of those that are.
    pub archived: bool,
    /// Part of the name.
    pub q: String,
}

/// Adds an add-on.
///
/// # Errors
/// [`PackageError`].
pub async fn add(app: &App, actor: &Actor, draft: &Draft) -> Result<AddonId, PackageError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    ours(&tx, draft).await?;
    room(&tx).await?;
    let id = store::insert(&*tx, now, draft).await?;
    record(&tx, now, actor, "addon.add", (id, draft)).await?;
    tx.commit().await?;
    Ok(id)
}

/// Changes an add-on. Subscriptions that have it keep what they agreed to.
///
/// # Errors
/// [`PackageError`].
pub async fn change(app: &App, actor: &Actor, id: AddonId, draft: &Draft) -> Result<(), PackageError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let before = store::find(&*tx, id).await?.ok_or(PackageError::NotFound)?;
    if draft.price.currency() != before.price.currency() {
        let code = before.price.currency().code().to_owned();
        return Err(PackageError::field("price", FieldError::new("not_our_currency").arg("currency", code)));
    }
    store::update(&*tx, id, draft).await?;
    record(&tx, now, actor, "addon.change", (id, draft)).await?;
    tx.commit().await?;
    Ok(())
}

/// Takes an add-on out of what is offered, or offers it again.
///
/// # Errors
/// [`PackageError`].
pub async fn archive(app: &App, actor: &Actor, id: AddonId, archived: bool) -> Result<(), PackageError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let addon = store::find(&*tx, id).await?.ok_or(PackageError::NotFound)?;
    if addon.archived_at.is_some() == archived {
        return Ok(());
    }
    if !archived {
        room(&tx).await?;
    }
    store::set_archived(&*tx, id, archived.then_some(now)).await?;
    let action = if archived { "addon.archive" } else { "addon.restore" };
    let detail = serde_json::json!({ "name": addon.name });
    audit::record(&*tx, now, actor, Deed { action, object: format!("addon/{id}"), site: None, detail }).await?;
    events::record(&*tx, now, None, &BusinessEvent::AddonChanged { addon_id: id }).await?;
    tx.commit().await?;
    Ok(())
}

async fn ours(tx: &Tx, draft: &Draft) -> Result<(), PackageError> {
    let currency = settings::load(&**tx).await?.currency;
    if draft.price.currency().code() == currency {
        return Ok(());
    }
    Err(PackageError::field("price", FieldError::new("not_our_currency").arg("currency", currency)))
}

async fn room(tx: &Tx) -> Result<(), PackageError> {
    if store::offered(&**tx).await? < MAX_ADDONS {
        return Ok(());
    }
    let max = i64::try_from(MAX_ADDONS).unwrap_or(i64::MAX);
    Err(PackageError::field("", FieldError::new("too_many_addons").arg("max", max)))
}

async fn record(
    tx: &Tx,
    now: DateTime<Utc>,
    actor: &Actor,
    action: &str,
    (id, draft): (AddonId, &Draft),
) -> Result<(), DbErr> {
    let detail = serde_json::json!({
        "name": draft.name, "kind": draft.kind, "price": draft.price, "cost": draft.cost, "is_taxed": draft.is_taxed,
    });
    audit::record(&**tx, now, actor, Deed { action, object: format!("addon/{id}"), site: None, detail }).await?;
    events::record(&**tx, now, None, &BusinessEvent::AddonChanged { addon_id: id }).await
}

/// One add-on, offered or not.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, id: AddonId) -> Result<Option<Addon>, DbErr> {
    store::find(db, id).await
}

/// Add-ons by name.
///
/// # Errors
/// The database's.
pub async fn list(db: &impl ConnectionTrait, filter: &Filter, page: &PageOf) -> Result<Paged<Addon>, DbErr> {
    store::list(db, filter, page).await
}
