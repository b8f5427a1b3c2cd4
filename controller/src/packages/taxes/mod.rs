//! Rates of PPN by date. What the law says changes, so it is data: a rate, the share of the amount that is taxed (DPP
//! nilai lain), and whether prices contain it. A rate that has begun is never changed, only followed by another: invoices
//! were written with it.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod routes;
pub mod rules;
mod store;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use super::PackageError;
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    db::Tx,
    events::{self, BusinessEvent},
    http::{access::Scope, form::FieldError},
    ids::TaxRateId,
    ledger::tax::{TaxRate, rate_on},
    settings, sites,
};

pub use rules::{Rate, TaxRateForm};

/// Rates in all. Beyond it somebody wrote a program that went wrong.
pub const MAX_RATES: u64 = 100;

/// Every rate, newest first: [`rate_on`] tells which holds on a day.
///
/// # Errors
/// The database's.
pub async fn rates(db: &impl ConnectionTrait) -> Result<Vec<TaxRate>, DbErr> {
    Ok(store::rates(db).await?.into_iter().map(|each| each.rate).collect())
}

/// The same with their ids.
///
/// # Errors
/// The database's.
pub async fn list(db: &impl ConnectionTrait) -> Result<Vec<Rate>, DbErr> {
    store::rates(db).await
}

/// Whether what is marked so is taxed today: the operator collects PPN, and a rate is in force.
///
/// # Errors
/// The database's.
pub async fn is_collected(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<bool, DbErr> {
    if !settings::load(db).await?.is_taxable {
        return Ok(false);
    }
    Ok(rate_on(&rates(db).await?, today(db, now).await?).is_some())
}

/// The day on which a rate has begun somewhere: that of the site furthest in the east.
///
/// # Errors
/// The database's.
pub async fn today(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<NaiveDate, DbErr> {
    let zones: Vec<_> = sites::all(db, &Scope::All).await?.iter().map(sites::Site::zone).collect();
    Ok(rules::latest_day(now, &zones))
}

/// Adds a rate that begins today or later; the first one may begin at any day.
///
/// # Errors
/// [`PackageError`].
pub async fn add(app: &App, actor: &Actor, form: &TaxRateForm) -> Result<TaxRateId, PackageError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let known = store::rates(&*tx).await?;
    if u64::try_from(known.len()).is_ok_and(|count| count >= MAX_RATES) {
        let max = i64::try_from(MAX_RATES).unwrap_or(i64::MAX);
        return Err(PackageError::field("", FieldError::new("too_many_rates").arg("max", max)));
    }
    let today = today(&*tx, now).await?;
    let draft = rules::check(form, &known, today).map_err(PackageError::Refused)?;
    let id = store::insert(&*tx, now, &draft).await?;
    record(&tx, now, actor, "tax_rate.add", &Rate { id, rate: draft }).await?;
    tx.commit().await?;
    Ok(id)
}

/// Takes back a rate that has not begun.
///
/// # Errors
/// [`PackageError`].
pub async fn withdraw(app: &App, actor: &Actor, id: TaxRateId) -> Result<(), PackageError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let known = store::rates(&*tx).await?;
    let rate = known.into_iter().find(|rate| rate.id == id).ok_or(PackageError::NotFound)?;
    if rate.rate.valid_from <= today(&*tx, now).await? {
        return Err(PackageError::field("", FieldError::new("tax_begun")));
    }
    store::delete(&*tx, id).await?;
    record(&tx, now, actor, "tax_rate.withdraw", &rate).await?;
    tx.commit().await?;
    Ok(())
}

async fn record(tx: &Tx, now: DateTime<Utc>, actor: &Actor, action: &str, rate: &Rate) -> Result<(), DbErr> {
    let id = rate.id;
    let detail = serde_json::to_value(rate).unwrap_or_default();
    audit::record(&**tx, now, actor, Deed { action, object: format!("tax_rate/{id}"), site: None, detail }).await?;
    events::record(&**tx, now, None, &BusinessEvent::TaxRatesChanged { tax_rate_id: id }).await
}
