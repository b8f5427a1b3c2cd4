//! Sums of long lists, kept while no money moves. A sum over 50,000 rows takes ten times as long as a page of the list; so
//! it is read once, and again when anything was invoiced, booked or recorded since.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Duration, Utc};
use sea_orm::DbErr;

use super::{Filter, Sum, store};
use crate::{app::App, http::access::Scope, ids::SiteId, ledger::aging::Aging, sites};

/// Sums of one kind that are kept; beyond it all are read anew.
const MAX_KEPT: usize = 200;
/// Longer than this none is trusted: on PostgreSQL what began earlier may be committed later.
const MAX_AGE: Duration = Duration::seconds(10);

/// The sums that are kept. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct KeptSums {
    lists: Shelf<Vec<Sum>>,
    pub(super) debts: Shelf<BTreeMap<SiteId, Aging>>,
}

#[derive(Debug, Clone)]
struct Known<T> {
    version: store::Version,
    read_at: DateTime<Utc>,
    value: T,
}

/// Values by what they are of.
#[derive(Debug, Clone)]
pub(super) struct Shelf<T>(Arc<Mutex<HashMap<String, Known<T>>>>);

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Shelf<T> {
    /// The value as it is kept, if nothing can have changed it.
    pub(super) fn get(&self, key: &str, version: store::Version, now: DateTime<Utc>) -> Option<T> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |known: &&Known<T>| known.version == version && now - known.read_at < MAX_AGE;
        kept.get(key).filter(is_fresh).map(|known| known.value.clone())
    }

    /// Keeps a value that was read after its version.
    pub(super) fn put(&self, key: String, version: store::Version, now: DateTime<Utc>, value: T) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(key, Known { version, read_at: now, value });
    }
}

/// What the invoices of a filter sum up to, by currency.
///
/// # Errors
/// The database's.
pub async fn sums(app: &App, scope: &Scope, filter: &Filter) -> Result<Vec<Sum>, DbErr> {
    let (db, now) = (app.db.read(), app.clock.now());
    let wanted = store::Wanted::new(scope, &sites::all(db, scope).await?, now, filter);
    if store::is_narrow(filter) {
        return store::sums(db, &wanted).await;
    }
    let (key, version) = (format!("{wanted:?}"), store::version(db).await?);
    if let Some(kept) = app.sums.lists.get(&key, version, now) {
        return Ok(kept);
    }
    let sums = store::sums(db, &wanted).await?;
    app.sums.lists.put(key, version, now, sums.clone());
    Ok(sums)
}
