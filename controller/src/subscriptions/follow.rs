//! Following money and time: what was paid, billed or fell due moves subscriptions, a batch at a time.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use super::{
    State, Subscription, SubscriptionError, acts,
    bill::{self, Bill},
    change::{self, Owed, Policy},
    hold,
    periods::Moved,
    store::{self, Held},
    write::{Changed, write},
};
use crate::{
    app::App,
    audit::Actor,
    db::Tx,
    ids::{SiteId, SubscriptionId},
    invoices::{self, Issue, Made, Unpaid},
    ledger::aging::local_day,
    settings,
};

/// Where a subscription was and is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Followed {
    pub id: SubscriptionId,
    pub was: State,
    pub state: State,
}

/// What is owed for subscriptions.
pub(super) async fn owed(
    db: &impl ConnectionTrait,
    ids: &[SubscriptionId],
) -> Result<HashMap<SubscriptionId, Owed>, DbErr> {
    let mut found: HashMap<SubscriptionId, Owed> = HashMap::new();
    for unpaid in invoices::unpaid_of(db, ids).await? {
        found.entry(unpaid.subscription).or_default().add(&unpaid);
    }
    Ok(found)
}

impl Owed {
    fn add(&mut self, unpaid: &Unpaid) {
        let is_given_up = unpaid.state == invoices::State::Uncollectible;
        let earlier = |known: &mut Option<NaiveDate>| {
            *known = Some(known.map_or(unpaid.due_on, |known| known.min(unpaid.due_on)));
        };
        if unpaid.state.is_owed() {
            earlier(&mut self.oldest_due);
            if unpaid.kind != invoices::Kind::First {
                earlier(&mut self.later_due);
            }
        } else if !is_given_up {
            earlier(&mut self.draft_due);
        }
        match unpaid.kind {
            invoices::Kind::First | invoices::Kind::Period => {
                let first = if is_given_up { &mut self.given_up_from } else { &mut self.unpaid_from };
                *first = [*first, unpaid.period_from].into_iter().flatten().min();
                self.first_is_unpaid |= unpaid.kind == invoices::Kind::First;
            }
            invoices::Kind::Change | invoices::Kind::Final | invoices::Kind::Manual | invoices::Kind::Opening => {}
        }
    }
}

/// Brings subscriptions in line with what is owed for them and with the time: activates what was paid first, lets lapse
/// what is not paid, restores what was isolated for money and is paid. Takes [`hold`]; the caller should have taken it
/// before anything else. After the commit `app.wakes` is to be woken.
///
/// # Errors
/// The database's.
pub async fn invoices_changed(
    tx: &Tx,
    app: &App,
    now: DateTime<Utc>,
    actor: &Actor,
    ids: &[SubscriptionId],
) -> Result<Vec<Followed>, SubscriptionError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    hold(&**tx).await?;
    let held = store::hold(&**tx, &app.keys, ids).await?;
    let waiting: Vec<SubscriptionId> = held
        .iter()
        .map(|held| &held.subscription)
        .filter(|of| acts::rules::waits_for_payment(of))
        .map(|of| of.id)
        .collect();
    let followed = follow(tx, app, (now, actor), held).await?;
    acts::due::take_paid(tx, app, (now, actor), &waiting).await?;
    Ok(followed)
}

/// The same of subscriptions that are held.
pub(super) async fn follow(
    tx: &Tx,
    app: &App,
    (now, actor): (DateTime<Utc>, &Actor),
    held: Vec<Held>,
) -> Result<Vec<Followed>, SubscriptionError> {
    let ids: Vec<SubscriptionId> = held.iter().map(|held| held.subscription.id).collect();
    let owed = owed(&**tx, &ids).await?;
    let policy = policy(&**tx).await?;
    let (mut changes, mut followed) = (Vec::new(), Vec::with_capacity(held.len()));
    for mut after in held {
        let before = after.subscription.clone();
        let owed = owed.get(&before.id).copied().unwrap_or_default();
        let moved = change::refresh(&mut after.subscription, owed, policy, now);
        move_on(tx, &mut after.subscription, moved, (policy, now)).await?;
        followed.push(Followed { id: before.id, was: before.state, state: after.subscription.state });
        if before != after.subscription {
            changes.push(Changed::new(before, after));
        }
    }
    write(tx, app, (now, actor), changes).await?;
    Ok(followed)
}

/// Moves on what is invoiced behind periods that began late and is not paid; where the subscription stands then.
pub(super) async fn move_on(
    tx: &Tx,
    of: &mut Subscription,
    moved: Option<Moved>,
    (policy, now): (Policy, DateTime<Utc>),
) -> Result<(), DbErr> {
    let Some(moved) = moved else { return Ok(()) };
    let dates = |(from, until): (NaiveDate, NaiveDate)| {
        let from = moved.day(from);
        (from, moved.day(until), bill::due_on(of, from))
    };
    invoices::redate(&**tx, of.id, dates).await?;
    let owed = owed(&**tx, &[of.id]).await?.remove(&of.id).unwrap_or_default();
    change::refresh(of, owed, policy, now);
    Ok(())
}

/// What the operator chose of late payments.
pub(super) async fn policy(db: &impl ConnectionTrait) -> Result<Policy, DbErr> {
    let settings = settings::load(db).await?;
    Ok(Policy::of(&settings))
}

/// Invoices what is not invoiced of subscriptions, every period that begins by a day; what was proposed before is left
/// out of the answer. Running it twice makes nothing new. Takes [`hold`]; the caller should have taken it before anything
/// else.
///
/// # Errors
/// [`SubscriptionError`].
pub async fn bill_until(
    tx: &Tx,
    app: &App,
    (now, actor): (DateTime<Utc>, &Actor),
    ids: &[SubscriptionId],
    (horizon, issue): (NaiveDate, Issue),
) -> Result<Vec<Made>, SubscriptionError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    hold(&**tx).await?;
    let rounding = settings::load(&**tx).await?.services.proration_rounding;
    let mut held = store::hold(&**tx, &app.keys, ids).await?;
    let wanted: Vec<_> = held.iter().map(|held| (held.subscription.id, held.subscription.price.currency())).collect();
    let addons = store::addons(&**tx, &wanted).await?;
    let planned = acts::planned(&**tx, now, held.iter().map(|held| &held.subscription)).await?;
    let (mut proposals, mut once) = (Vec::new(), Vec::new());
    let mut billed = Vec::with_capacity(held.len());
    for mut held in held.drain(..) {
        let of = &mut held.subscription;
        let addons = addons.get(&of.id).map(Vec::as_slice).unwrap_or_default();
        let terms = bill::Terms { horizon, today: local_day(now, of.zone()), rounding };
        let Bill { proposals: more, billed_until, addons } = bill::until(of, addons, planned.get(&of.id), terms)?;
        if billed_until.is_none() {
            continue;
        }
        proposals.extend(more);
        once.extend(addons);
        billed.push((held, billed_until));
    }
    let made = invoices::propose(&**tx, now, actor, proposals, issue).await?;
    store::addons_billed(&**tx, now, &once).await?;
    for (held, until) in &mut billed {
        held.subscription.billed_until = *until;
        store::set_billed_until(&**tx, held.subscription.id, *until).await?;
    }
    follow(tx, app, (now, actor), billed.into_iter().map(|(held, _)| held).collect()).await?;
    Ok(made.into_iter().filter(|made| made.is_new).collect())
}

/// Subscriptions of a site after an id that may have a period to invoice by a day, in the order of their ids.
///
/// # Errors
/// The database's.
pub async fn to_bill(
    db: &impl ConnectionTrait,
    (site, horizon): (SiteId, NaiveDate),
    (after, limit): (SubscriptionId, u64),
) -> Result<Vec<SubscriptionId>, DbErr> {
    store::to_bill(db, (site, horizon), (after, limit)).await
}

/// Subscriptions of a site after an id for which something falls due, in the order of their ids: what
/// [`invoices_changed`] brings forward, and for those in grace the time to isolate.
///
/// # Errors
/// The database's.
pub async fn due(
    db: &impl ConnectionTrait,
    (site, now): (SiteId, DateTime<Utc>),
    (after, limit): (SubscriptionId, u64),
) -> Result<Vec<SubscriptionId>, DbErr> {
    store::due(db, (site, now), (after, limit)).await
}
