//! Sites: places with routers, each with its own time zone and WiFi name.

pub(crate) mod api;
mod faults;
pub(crate) mod pages;
pub(crate) mod routes;
mod store;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use crate::{
    app::App,
    audit::{self, Actor, Deed},
    db::paging::{PageOf, Paged},
    http::access::Scope,
    ids::SiteId,
};

/// Longest name, characters.
pub const MAX_NAME: usize = 60;
/// Longest address, characters.
pub const MAX_ADDRESS: usize = 200;
/// Most days that vouchers which are over may be kept.
pub const MAX_CLEANUP_DAYS: i32 = 3_650;
/// Last hour at which a site's night may begin.
pub const MAX_RUN_HOUR: i32 = 23;
/// Zones offered first: where most users are.
pub const COMMON_ZONES: [&str; 4] = ["Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura", "UTC"];

/// A site as pages and API show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Site {
    pub id: SiteId,
    pub name: String,
    /// IANA name: `Asia/Jakarta`.
    pub timezone: String,
    pub wifi_name: String,
    pub address: String,
    /// Days that vouchers which are over stay on the routers, switched off: 0 = removed at once, `None` = for ever.
    pub cleanup_days: Option<i32>,
    /// The hour of its day at which the nightly run begins.
    pub run_hour: i32,
    pub created_at: DateTime<Utc>,
}

impl Site {
    /// Its zone; UTC when the stored name is of a zone this build does not know.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.timezone.parse().unwrap_or(Tz::UTC)
    }
}

/// What a site shall be.
#[derive(Debug, Clone)]
pub struct SiteForm {
    pub name: String,
    /// Empty = Asia/Jakarta.
    pub timezone: String,
    /// Empty = the name.
    pub wifi_name: String,
    pub address: String,
    /// As in [`Site`].
    pub cleanup_days: Option<i32>,
    /// As in [`Site`].
    pub run_hour: i32,
}

impl Default for SiteForm {
    fn default() -> Self {
        let (name, timezone, wifi_name, address) = Default::default();
        Self { name, timezone, wifi_name, address, cleanup_days: Some(0), run_hour: 0 }
    }
}

/// Why a site is refused.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    #[error("no such site")]
    NotFound,
    #[error("the name is empty or too long")]
    BadName,
    #[error("the zone is not an IANA zone")]
    BadZone,
    #[error("the WiFi name is too long")]
    WifiNameTooLong,
    #[error("the address is too long")]
    AddressTooLong,
    #[error("the days of the clean-up are out of range")]
    BadCleanup,
    #[error("the hour of the nightly run is none")]
    BadRunHour,
    #[error("there is a site of that name")]
    NameTaken,
    #[error("database")]
    Db(#[from] DbErr),
}

/// Checks and trims what was typed. Pure.
///
/// # Errors
/// [`SiteError::BadName`], [`SiteError::BadZone`], one of the too long ones.
pub fn check(form: SiteForm) -> Result<SiteForm, SiteError> {
    let trim = |text: String| text.trim().to_owned();
    let SiteForm { name, timezone, wifi_name, address, cleanup_days, run_hour } = form;
    let (name, mut timezone, mut wifi_name, address) = (trim(name), trim(timezone), trim(wifi_name), trim(address));
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(SiteError::BadName);
    }
    if timezone.is_empty() {
        COMMON_ZONES[0].clone_into(&mut timezone);
    }
    if timezone.parse::<Tz>().is_err() {
        return Err(SiteError::BadZone);
    }
    if wifi_name.is_empty() {
        wifi_name.clone_from(&name);
    }
    if wifi_name.chars().count() > MAX_NAME {
        return Err(SiteError::WifiNameTooLong);
    }
    if address.chars().count() > MAX_ADDRESS {
        return Err(SiteError::AddressTooLong);
    }
    if cleanup_days.is_some_and(|days| !(0..=MAX_CLEANUP_DAYS).contains(&days)) {
        return Err(SiteError::BadCleanup);
    }
    if !(0..=MAX_RUN_HOUR).contains(&run_hour) {
        return Err(SiteError::BadRunHour);
    }
    Ok(SiteForm { name, timezone, wifi_name, address, cleanup_days, run_hour })
}

/// Adds a site.
///
/// # Errors
/// [`SiteError`].
pub async fn add(app: &App, actor: &Actor, form: SiteForm) -> Result<SiteId, SiteError> {
    let form = check(form)?;
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let id = store::insert(&*tx, now, &form).await?;
    record(&tx, now, actor, "site.add", id, &form).await?;
    tx.commit().await?;
    Ok(id)
}

/// Changes a site.
///
/// # Errors
/// [`SiteError`].
pub async fn change(app: &App, scope: &Scope, actor: &Actor, id: SiteId, form: SiteForm) -> Result<(), SiteError> {
    let form = check(form)?;
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    store::find(&*tx, scope, id).await?.ok_or(SiteError::NotFound)?;
    store::update(&*tx, id, &form).await?;
    record(&tx, now, actor, "site.change", id, &form).await?;
    tx.commit().await?;
    // The agents there are to know it now, not at their next connection.
    app.wakes.reconfigure();
    Ok(())
}

async fn record(
    tx: &crate::db::Tx,
    now: DateTime<Utc>,
    actor: &Actor,
    action: &str,
    id: SiteId,
    form: &SiteForm,
) -> Result<(), DbErr> {
    let detail = serde_json::json!({ "name": form.name, "timezone": form.timezone, "wifi_name": form.wifi_name,
        "cleanup_days": form.cleanup_days, "run_hour": form.run_hour });
    audit::record(&**tx, now, actor, Deed { action, object: format!("site/{id}"), site: Some(id), detail }).await
}

/// A site the caller may see.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, scope: &Scope, id: SiteId) -> Result<Option<Site>, DbErr> {
    store::find(db, scope, id).await
}

/// Sites the caller may see, by name.
///
/// # Errors
/// The database's.
pub async fn list(db: &impl ConnectionTrait, scope: &Scope, page: &PageOf) -> Result<Paged<Site>, DbErr> {
    store::list(db, scope, page).await
}

/// The zone in which somebody is shown what belongs to no site: that of his first site.
///
/// # Errors
/// The database's.
pub async fn home_zone(db: &impl ConnectionTrait, scope: &Scope) -> Result<String, DbErr> {
    let first = store::first_zone(db, scope).await?;
    Ok(first.unwrap_or_else(|| COMMON_ZONES[0].to_owned()))
}

/// Every site the caller may see, by name.
///
/// # Errors
/// The database's.
pub async fn all(db: &impl ConnectionTrait, scope: &Scope) -> Result<Vec<Site>, DbErr> {
    store::all(db, scope).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(name: &str, timezone: &str) -> SiteForm {
        SiteForm { name: name.into(), timezone: timezone.into(), ..SiteForm::default() }
    }

    #[test]
    fn a_site_needs_a_name_and_a_real_zone() {
        assert!(matches!(check(form("  ", "")), Err(SiteError::BadName)));
        assert!(matches!(check(form("Kebon", "Asia/Bandung")), Err(SiteError::BadZone)));
        let late = SiteForm { run_hour: 24, ..form("Kebon", "") };
        assert!(matches!(check(late), Err(SiteError::BadRunHour)));
        let checked = check(form(" Kebon ", "")).unwrap();
        assert_eq!((&*checked.name, &*checked.timezone, &*checked.wifi_name), ("Kebon", "Asia/Jakarta", "Kebon"));
    }
}
