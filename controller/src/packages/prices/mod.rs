//! Dated prices of packages: history, what is in force, and what is to come. A price that has begun is never changed
//! or removed: vouchers were sold at it.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod routes;
pub mod rules;
mod store;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, SubsecRound as _, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use super::{At, Package, PackageError};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    db::{self, Tx},
    events::{self, BusinessEvent},
    http::{
        access::Scope,
        form::{FieldError, FormErrors},
    },
    ids::{PackageId, PriceId, RouterId},
    money::Money,
    routers,
};

pub use rules::{PriceForm, PriceState, Standing};

/// Prices of one package, past ones counted. Beyond it somebody wrote a program that went wrong.
pub const MAX_PRICES: u64 = 500;

/// A price as pages and API show it.
#[derive(Debug, Clone, Serialize)]
pub struct Price {
    pub id: PriceId,
    /// `None` = on every router that has no price of its own.
    pub router_id: Option<RouterId>,
    pub valid_from: DateTime<Utc>,
    pub state: PriceState,
    pub price: Money,
    /// Not for everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// Who set it.
    pub created_by: String,
    pub created_at: DateTime<Utc>,
}

impl Price {
    /// The price as somebody sees it who may not see costs.
    #[must_use]
    pub fn without_cost(self) -> Self {
        Self { cost: None, ..self }
    }
}

/// Every price of a package on the routers the caller sees and on all, newest first.
///
/// # Errors
/// The database's.
pub async fn history(
    db: &impl ConnectionTrait,
    scope: &Scope,
    package: PackageId,
    now: DateTime<Utc>,
) -> Result<Vec<Price>, DbErr> {
    store::history(db, scope, package, now).await
}

/// What a package costs at a moment: on routers with a price of their own, and on all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    pub everywhere: Money,
    pub on: BTreeMap<RouterId, Money>,
}

impl Present {
    /// On a router.
    #[must_use]
    pub fn at(&self, router: RouterId) -> Money {
        self.on.get(&router).copied().unwrap_or(self.everywhere)
    }
}

/// What a package costs now; nothing when there is no such package.
///
/// # Errors
/// The database's.
pub async fn present(
    db: &impl ConnectionTrait,
    package: PackageId,
    now: DateTime<Utc>,
) -> Result<Option<Present>, DbErr> {
    let Some((first, _)) = super::first_price(db, package).await? else { return Ok(None) };
    let mut present = Present { everywhere: first, on: BTreeMap::new() };
    let all = store::history(db, &Scope::All, package, now).await?;
    for price in all.into_iter().filter(|price| price.state == PriceState::InForce) {
        match price.router_id {
            None => present.everywhere = price.price,
            Some(router) => {
                present.on.insert(router, price.price);
            }
        }
    }
    Ok(Some(present))
}

/// Sets a price from now or later on.
///
/// # Errors
/// [`PackageError`].
pub async fn add(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    package: PackageId,
    form: &PriceForm,
) -> Result<PriceId, PackageError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    db::one_at_a_time(&*tx, db::Guard::PriceRules).await?;
    let found = super::find(&*tx, scope, package, At::everywhere(now)).await?.ok_or(PackageError::NotFound)?;
    let from = rules::check(form, found.price.currency(), now).map_err(PackageError::Refused)?;
    if form.router_id.is_none() && super::is_shared(&super::store::places(&*tx, package).await?, &found) {
        return Err(PackageError::field("router_id", FieldError::new("package_shared")));
    }
    if let Some(router) = form.router_id
        && routers::find(&*tx, scope, router).await?.is_none()
    {
        return Err(PackageError::field("router_id", FieldError::new("no_such_router").arg("id", router.0)));
    }
    // What begins at once takes the place of what was; of two that are to come nobody could tell which was meant.
    if from > now
        && let Some(price) = store::beginning(&*tx, package, (form.router_id, from.trunc_subsecs(0))).await?
    {
        let error = FieldError::new("price_same_start").arg("price", price.to_string());
        return Err(PackageError::field("valid_from", error));
    }
    let cost = match form.cost {
        Some(cost) => cost,
        // Stays as it will be then.
        None => {
            let then = At { now: from, router: form.router_id };
            let standing = super::find(&*tx, scope, package, then).await?.and_then(|package| package.cost);
            standing.unwrap_or_else(|| Money::new(0, form.price.currency()))
        }
    };
    let standing = Standing { router: form.router_id, price: form.price, cost };
    let id = set(&tx, now, actor, (&found, from), standing).await?;
    tx.commit().await?;
    Ok(id)
}

/// Writes a price that was checked, with its audit entry and event.
pub(super) async fn set(
    tx: &Tx,
    now: DateTime<Utc>,
    actor: &Actor,
    (package, from): (&Package, DateTime<Utc>),
    standing: Standing,
) -> Result<PriceId, PackageError> {
    if store::count(&**tx, package.id).await? >= MAX_PRICES {
        let max = i64::try_from(MAX_PRICES).unwrap_or(i64::MAX);
        return Err(PackageError::field("price", FieldError::new("too_many_prices").arg("max", max)));
    }
    // Whole seconds: so are the moments they are asked for at least.
    let from = from.trunc_subsecs(0);
    let id = store::insert(&**tx, now, actor, (package.id, from), standing).await?;
    let detail = serde_json::json!({
        "price_id": id, "router_id": standing.router, "valid_from": from, "price": standing.price,
        "cost": standing.cost,
    });
    record(tx, now, actor, "package_price.add", package, detail).await?;
    Ok(id)
}

/// Takes back a price that has not begun.
///
/// # Errors
/// [`PackageError`].
pub async fn withdraw(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    package: PackageId,
    id: PriceId,
) -> Result<(), PackageError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let found = super::find(&*tx, scope, package, At::everywhere(now)).await?.ok_or(PackageError::NotFound)?;
    let prices = store::history(&*tx, scope, package, now).await?;
    let price = prices.into_iter().find(|price| price.id == id).ok_or(PackageError::NotFound)?;
    match price.state {
        PriceState::Future => {}
        PriceState::InForce | PriceState::Past => return Err(PackageError::PriceBegun),
    }
    if price.router_id.is_none() && super::is_shared(&super::store::places(&*tx, package).await?, &found) {
        return Err(PackageError::field("router_id", FieldError::new("package_shared")));
    }
    store::delete(&*tx, id).await?;
    let detail = serde_json::json!({
        "price_id": id, "router_id": price.router_id, "valid_from": price.valid_from, "price": price.price,
    });
    record(&tx, now, actor, "package_price.withdraw", &found, detail).await?;
    tx.commit().await?;
    Ok(())
}

async fn record(
    tx: &Tx,
    now: DateTime<Utc>,
    actor: &Actor,
    action: &str,
    package: &Package,
    detail: serde_json::Value,
) -> Result<(), DbErr> {
    let deed = Deed { action, object: format!("package/{}", package.id), site: None, detail };
    audit::record(&**tx, now, actor, deed).await?;
    let router_ids = package.router_ids.clone();
    events::record(&**tx, now, None, &BusinessEvent::PackageChanged { router_ids }).await
}

/// What packages cost at a moment and a place, as far as prices were set for it: one query for all of them.
pub(super) async fn in_force(
    db: &impl ConnectionTrait,
    packages: &[i64],
    at: At,
) -> Result<HashMap<i64, Standing>, DbErr> {
    let newest = store::newest(db, packages, at).await?;
    let standing = |(id, prices): (i64, Vec<Standing>)| Some((id, rules::standing(&prices, at.router)?));
    Ok(newest.into_iter().filter_map(standing).collect())
}

/// The refusal of taking back a price that has begun.
pub(super) fn begun() -> FormErrors {
    FormErrors::of("", FieldError::new("price_begun"))
}
