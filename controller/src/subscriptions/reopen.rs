//! Service given back on a promise of the rest, when a part of what is due was paid.

use chrono::{DateTime, Utc};

use super::{
    State, SubscriptionError, change, follow, hold, store,
    write::{Changed, write},
};
use crate::{app::App, audit::Actor, db::Tx, ids::SubscriptionId};

/// Gives services back whose rest is promised until an instant; `None` takes such promises back: what is not paid is
/// isolated by the next plan. What a person isolated stays so. After the commit `app.wakes` is to be woken.
///
/// # Errors
/// The database's.
pub async fn promise_in(
    tx: &Tx,
    app: &App,
    (now, actor): (DateTime<Utc>, &Actor),
    ids: &[SubscriptionId],
    until: Option<DateTime<Utc>>,
) -> Result<(), SubscriptionError> {
    if ids.is_empty() {
        return Ok(());
    }
    hold(&**tx).await?;
    let owed = follow::owed(&**tx, ids).await?;
    let policy = follow::policy(&**tx).await?;
    let mut changes = Vec::new();
    for mut after in store::hold(&**tx, &app.keys, ids).await? {
        let before = after.subscription.clone();
        let of = &mut after.subscription;
        of.promise_until = until;
        if until.is_some() && of.state == State::Isolated && !of.is_held {
            of.state = State::Grace;
        }
        change::refresh(of, owed.get(&before.id).copied().unwrap_or_default(), policy, now);
        if before != after.subscription {
            changes.push(Changed::new(before, after));
        }
    }
    write(tx, app, (now, actor), changes).await?;
    Ok(())
}
