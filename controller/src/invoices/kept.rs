//! Sums of long lists, kept while no money moves. A sum over 50,000 rows takes ten times as long as a page of the list; so
//! it is read once, and again when anything was invoiced, booked or recorded since.

use std::collections::BTreeMap;

use sea_orm::DbErr;

use super::{Filter, Sum, aging::LooseDebts, store};
use crate::{app::App, db::kept::Shelf, http::access::Scope, ids::SiteId, ledger::aging::Aging, sites};

/// The sums that are kept. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct KeptSums {
    lists: Shelf<Vec<Sum>>,
    pub(super) debts: Shelf<BTreeMap<SiteId, Aging>>,
    pub(super) loose: Shelf<LooseDebts>,
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
    app.sums.lists.get_or_read(key, version, now, async || store::sums(db, &wanted).await).await
}
