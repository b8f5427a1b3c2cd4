//! What the nightly business does with many services at once, in its own transactions.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::{
    State, Subscription, SubscriptionError, acts, bill, by_hand, change, follow, hold, standing, store,
    write::{Changed, Surroundings, write},
};
use crate::{
    app::App, audit::Actor, db::Tx, ids::SubscriptionId, invoices::Proposal, ledger::aging::local_day,
    packages::OnExpiry, settings,
};

impl Subscription {
    /// When it may be isolated, as things are: after its grace and what was promised; nothing when nothing is due.
    #[must_use]
    pub fn isolates_at(&self) -> Option<DateTime<Utc>> {
        let facts = change::facts(self, change::Owed::default());
        self.lapses_at.and_then(|at| standing::isolates_at(&facts, at))
    }
}

/// Isolates services in grace. Those that are not, or whose router has nothing to isolate them with, are left as they
/// are. After the commit `app.wakes` is to be woken.
///
/// # Errors
/// [`SubscriptionError`].
pub async fn isolate(
    tx: &Tx,
    app: &App,
    (now, actor): (DateTime<Utc>, &Actor),
    ids: &[SubscriptionId],
) -> Result<Vec<SubscriptionId>, SubscriptionError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    hold(&**tx).await?;
    let around = Surroundings::load(&**tx).await?;
    let (mut changes, mut isolated) = (Vec::new(), Vec::new());
    for mut after in store::hold(&**tx, &app.keys, ids).await? {
        let before = after.subscription.clone();
        let is_prepared = before.on_expiry != OnExpiry::Isolate
            || around.isolation_profile(before.router_id, before.service).is_some();
        if before.state != State::Grace || !is_prepared {
            continue;
        }
        let of = &mut after.subscription;
        of.state = State::Isolated;
        of.is_held = false;
        of.promise_until = None;
        of.acts_at = None;
        isolated.push(of.id);
        changes.push(Changed::by(before, after, "isolated", json!({})));
    }
    write(tx, app, (now, actor), changes).await?;
    Ok(isolated)
}

/// Opens isolated services again, as a person does: what is not paid for is left alone until the end of the next day.
/// After the commit `app.wakes` is to be woken.
///
/// # Errors
/// [`SubscriptionError`].
pub async fn restore(
    tx: &Tx,
    app: &App,
    (now, actor): (DateTime<Utc>, &Actor),
    ids: &[SubscriptionId],
) -> Result<(), SubscriptionError> {
    if ids.is_empty() {
        return Ok(());
    }
    hold(&**tx).await?;
    let policy = follow::policy(&**tx).await?;
    let owed = follow::owed(&**tx, ids).await?;
    let mut changes = Vec::new();
    for mut after in store::hold(&**tx, &app.keys, ids).await? {
        let before = after.subscription.clone();
        if before.state != State::Isolated {
            continue;
        }
        let of = &mut after.subscription;
        by_hand::leave_alone(of, now);
        change::refresh(of, owed.get(&before.id).copied().unwrap_or_default(), policy, now);
        changes.push(Changed::by(before, after, "restored", json!({})));
    }
    Ok(write(tx, app, (now, actor), changes).await?)
}

/// What [`super::bill_until`] would propose of subscriptions up to a day; nothing is written.
///
/// # Errors
/// [`SubscriptionError`].
pub async fn would_bill(
    db: &impl ConnectionTrait,
    now: DateTime<Utc>,
    ids: &[SubscriptionId],
    horizon: NaiveDate,
) -> Result<Vec<Proposal>, SubscriptionError> {
    let rounding = settings::load(db).await?.services.proration_rounding;
    let found = store::by_ids(db, ids).await?;
    let wanted: Vec<_> = found.iter().map(|of| (of.id, of.price.currency())).collect();
    let addons = store::addons(db, &wanted).await?;
    let planned = acts::planned(db, now, found.iter()).await?;
    let mut proposals = Vec::new();
    for of in &found {
        let today = local_day(now, of.zone());
        let addons = addons.get(&of.id).map(Vec::as_slice).unwrap_or_default();
        let terms = bill::Terms { horizon, today, rounding };
        proposals.extend(bill::until(of, addons, planned.get(&of.id), terms)?.proposals);
    }
    Ok(proposals)
}
