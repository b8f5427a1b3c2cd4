//! What was taken on a day, for those who look at it again and again: kept in memory while no money is booked.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use serde::Serialize;

use super::{Filter, Kind, Sum, store};
use crate::{app::App, db::kept::Shelf, http::access::Scope, ledger, money::Money};

/// What payments between two instants came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Takings {
    pub count: i64,
    pub amount: Money,
}

/// The days that are kept. Clones share them.
pub type KeptTakings = Shelf<Vec<Takings>>;

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
    let (key, version) = (format!("{scope:?} {from} {until}"), (ledger::last_entry(db).await?, 0, 0));
    let day = Filter { from: Some(from), until: Some(until), kind: Some(Kind::Payment), ..Filter::default() };
    app.takings.get_or_read(key, version, now, async || added(store::sums(db, scope, &day).await?)).await
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
