//! Drafts that wait for approval: looked at, then issued, some or all of them. The nightly run issues those that waited for
//! long by itself.

use std::collections::BTreeSet;

use sea_orm::DbErr;
use serde_json::json;

use super::{Filter, InvoiceError, Made, Sum, Tab, change, issue, store, sums};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    http::access::Scope,
    ids::{InvoiceId, SiteId},
};

/// Drafts issued in one transaction: others who make invoices wait for it.
const STEP: u64 = 500;
/// Drafts issued by one press of a button; what is left is pressed for again.
const MAX_AT_ONCE: usize = 20_000;

/// Drafts named in one wish: more than a page shows.
pub(super) const MAX_NAMED: usize = 500;

/// What was approved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Approved {
    pub issued: usize,
    /// More are waiting than are issued at once.
    pub is_cut: bool,
}

/// Issues these drafts, as far as the caller sees them; what is no draft any more stays as it is.
///
/// # Errors
/// [`InvoiceError`].
pub async fn approve(app: &App, scope: &Scope, actor: &Actor, ids: &[InvoiceId]) -> Result<Approved, InvoiceError> {
    let mut approved = Approved::default();
    for chunk in ids.chunks(usize::try_from(STEP).unwrap_or(usize::MAX)) {
        let seen = store::drafts_seen(app.db.read(), scope, chunk).await?;
        approved.issued += step(app, actor, &seen).await?;
    }
    Ok(approved)
}

/// Issues every draft the caller sees, of a site or of all.
///
/// # Errors
/// [`InvoiceError`].
pub async fn approve_all(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    site: Option<SiteId>,
) -> Result<Approved, InvoiceError> {
    let (scope, mut approved, mut after) = (scope.only(site), Approved::default(), InvoiceId(0));
    loop {
        let ids = store::drafts_after(app.db.read(), &scope, (after, STEP)).await?;
        let Some(last) = ids.last() else { return Ok(approved) };
        after = *last;
        approved.issued += step(app, actor, &ids).await?;
        if approved.issued >= MAX_AT_ONCE {
            return Ok(Approved { is_cut: true, ..approved });
        }
    }
}

async fn step(app: &App, actor: &Actor, ids: &[InvoiceId]) -> Result<usize, InvoiceError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    change::hold(&*tx).await?;
    let made: Vec<Made> = issue(&*tx, now, actor, ids).await?.into_iter().filter(|made| made.is_new).collect();
    let (Some(first), Some(last)) = (made.first(), made.last()) else { return Ok(0) };
    let sites: BTreeSet<SiteId> = made.iter().map(|made| made.site).collect();
    let site = sites.first().copied().filter(|_| sites.len() == 1);
    let object = if made.len() == 1 { format!("invoice/{}", first.id) } else { "invoices".to_owned() };
    let detail = json!({ "count": made.len(), "first": first.number, "last": last.number });
    audit::record(&*tx, now, actor, Deed { action: "invoice.approve", object, site, detail }).await?;
    tx.commit().await?;
    Ok(made.len())
}

/// How many drafts wait, and what they sum up to.
///
/// # Errors
/// The database's.
pub(super) async fn waiting_sums(app: &App, scope: &Scope, site: Option<SiteId>) -> Result<Vec<Sum>, DbErr> {
    let filter = Filter { tab: Tab::Draft, site, ..Filter::default() };
    sums(app, scope, &filter).await
}
