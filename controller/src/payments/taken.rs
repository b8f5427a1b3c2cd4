//! What payments sum up to, for those who look at it again and again: kept in memory while no money is booked.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use serde::Serialize;

use super::{Filter, Kind, Sum, store};
use crate::{
    app::App,
    db::kept::{Shelf, Version},
    http::access::Scope,
    ledger,
    money::Money,
};

/// What payments between two instants came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Takings {
    pub count: i64,
    pub amount: Money,
}

/// The sums that are kept. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct KeptTakings {
    days: Shelf<Vec<Takings>>,
    lists: Shelf<Vec<Sum>>,
}

/// What the payments of a filter sum up to, by kind, method and currency.
///
/// # Errors
/// The database's.
pub async fn sums(app: &App, scope: &Scope, filter: &Filter) -> Result<Vec<Sum>, DbErr> {
    let db = app.db.read();
    // A search sums up the few it found.
    if !filter.q.trim().is_empty() {
        return store::sums(db, scope, filter).await;
    }
    let (key, version) = (format!("{scope:?} {filter:?}"), version(app).await?);
    app.takings.lists.get_or_read(key, version, app.clock.now(), async || store::sums(db, scope, filter).await).await
}

/// Whatever changes a payment is booked.
async fn version(app: &App) -> Result<Version, DbErr> {
    Ok((ledger::last_entry(app.db.read()).await?, 0, 0))
}

/// What was taken from one instant until another, by currency: money that came, less what was taken back; no balances that
/// were used or paid out.
///
/// # Errors
/// The database's.
pub async fn taken(
    app: &App,
    scope: &Scope,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<Takings>, DbErr> {
    let (db, now) = (app.db.read(), app.clock.now());
    let (key, version) = (format!("{scope:?} {from} {until}"), version(app).await?);
    let day = Filter { from: Some(from), until: Some(until), kind: Some(Kind::Payment), ..Filter::default() };
    app.takings.days.get_or_read(key, version, now, async || added(store::sums(db, scope, &day).await?)).await
}

/// By currency, whatever the money came by.
fn added(sums: Vec<Sum>) -> Result<Vec<Takings>, DbErr> {
    let mut takings: Vec<Takings> = Vec::new();
    for sum in sums {
        let too_large = |_| DbErr::Custom("a day's payments are beyond what fits".to_owned());
        match takings.iter_mut().find(|known| known.amount.currency() == sum.amount.currency()) {
            Some(known) => {
                known.count += sum.count;
                known.amount = known.amount.plus(sum.amount).map_err(too_large)?;
            }
            None => takings.push(Takings { count: sum.count, amount: sum.amount }),
        }
    }
    Ok(takings)
}
