//! What falls due with a day of the site: first days, pauses, their ends, packages, last days, promises. The nightly run
//! calls each, a chunk of subscriptions at a time; one chunk is one transaction, and one that was done is not found
//! again.

use chrono::{DateTime, NaiveDate, Utc};

use super::{
    Act, Planned,
    book::{self, Booking},
    deed::{self, Loaded},
    rules, store,
    store::Due,
};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    db::Tx,
    http::access::Scope,
    ids::{SiteId, SubscriptionId},
    subscriptions::{
        self, State, Subscription, SubscriptionError, bill_until, follow, hold,
        store::{self as rows, Held},
    },
};

/// A chunk of a site's subscriptions: those after an id, at most so many.
#[derive(Debug, Clone, Copy)]
pub struct Chunk {
    pub site: SiteId,
    pub after: SubscriptionId,
    pub limit: u64,
}

/// What became of a chunk.
#[derive(Debug, Default)]
pub struct Step {
    /// Once for each thing that was done.
    pub done: Vec<SubscriptionId>,
    /// Numbers of those that could not be, and why.
    pub failed: Vec<(String, String)>,
    /// Where the next chunk begins; nothing when there is none.
    pub last: Option<SubscriptionId>,
}

/// Services whose first day has come.
///
/// # Errors
/// The database's; the chunk was not done then.
pub async fn due_starts(app: &App, actor: &Actor, chunk: Chunk) -> Result<Step, SubscriptionError> {
    let (now, tx) = (app.clock.now(), app.db.begin().await?);
    hold(&*tx).await?;
    let ids = found(&tx, chunk, Due::Start, now).await?;
    let held = rows::hold(&*tx, &app.keys, &ids).await?;
    let followed = follow::follow(&tx, app, (now, actor), held).await?;
    tx.commit().await?;
    app.wakes.wake();
    let done = moved(&followed);
    Ok(Step { done, failed: Vec::new(), last: next(&ids, chunk) })
}

/// Pauses that begin.
///
/// # Errors
/// The database's; the chunk was not done then.
pub async fn due_pauses(app: &App, actor: &Actor, chunk: Chunk) -> Result<Step, SubscriptionError> {
    step(app, actor, chunk, Due::Pause).await
}

/// Pauses that are over: what was paid goes on, the days after it are invoiced.
///
/// # Errors
/// The database's; the chunk was not done then.
pub async fn due_resumes(app: &App, actor: &Actor, chunk: Chunk) -> Result<Step, SubscriptionError> {
    step(app, actor, chunk, Due::Resume).await
}

/// Packages that were planned for a day; and those that waited for a payment that did not come in time are forgotten.
///
/// # Errors
/// The database's; the chunk was not done then.
pub async fn due_package_changes(app: &App, actor: &Actor, chunk: Chunk) -> Result<Step, SubscriptionError> {
    let mut done = step(app, actor, chunk, Due::Change).await?;
    // And, once, those that waited too long for their payment.
    let mut after = Some(SubscriptionId(0)).filter(|_| done.last.is_none());
    while let Some(from) = after {
        let late = step(app, actor, Chunk { after: from, ..chunk }, Due::LateChange).await?;
        done.done.extend(late.done);
        done.failed.extend(late.failed);
        after = late.last;
    }
    Ok(done)
}

/// Services that end.
///
/// # Errors
/// The database's; the chunk was not done then.
pub async fn due_endings(app: &App, actor: &Actor, chunk: Chunk) -> Result<Step, SubscriptionError> {
    step(app, actor, chunk, Due::End).await
}

/// Promises whose day is over. Who did not keep his is isolated by the next plan.
///
/// # Errors
/// The database's; the chunk was not done then.
pub async fn due_promises(app: &App, actor: &Actor, chunk: Chunk) -> Result<Step, SubscriptionError> {
    step(app, actor, chunk, Due::Promise).await
}

/// Those whose state is another than it was.
fn moved(followed: &[follow::Followed]) -> Vec<SubscriptionId> {
    followed.iter().filter(|followed| followed.was != followed.state).map(|followed| followed.id).collect()
}

async fn found(tx: &Tx, chunk: Chunk, due: Due, now: DateTime<Utc>) -> Result<Vec<SubscriptionId>, SubscriptionError> {
    let Some(site) = crate::sites::find(&**tx, &Scope::All, chunk.site).await? else { return Ok(Vec::new()) };
    let today = rules::today(now, site.zone());
    Ok(store::due(&**tx, (chunk.site, due), (now, today), (chunk.after, chunk.limit)).await?)
}

fn next(ids: &[SubscriptionId], chunk: Chunk) -> Option<SubscriptionId> {
    let is_full = u64::try_from(ids.len()).is_ok_and(|found| found >= chunk.limit);
    ids.last().copied().filter(|_| is_full)
}

async fn step(app: &App, actor: &Actor, chunk: Chunk, due: Due) -> Result<Step, SubscriptionError> {
    let (now, tx) = (app.clock.now(), app.db.begin().await?);
    hold(&*tx).await?;
    let ids = found(&tx, chunk, due, now).await?;
    let mut step = Step { last: next(&ids, chunk), ..Step::default() };
    let numbers = some(&tx, app, (now, actor), (&ids, due), &mut step).await?;
    record(&tx, (now, actor), chunk.site, &numbers).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok(step)
}

/// Everything that falls due for a chunk of a site's subscriptions, in the caller's transaction, which [`hold`]s: what the
/// functions above do one after the other. After the commit `app.wakes` is to be woken.
///
/// # Errors
/// [`SubscriptionError`]; the transaction must then be given up.
pub async fn due_in(
    tx: &Tx,
    app: &App,
    (now, actor): (DateTime<Utc>, &Actor),
    chunk: Chunk,
) -> Result<Step, SubscriptionError> {
    let Some(site) = crate::sites::find(&**tx, &Scope::All, chunk.site).await? else { return Ok(Step::default()) };
    let today = rules::today(now, site.zone());
    let ids = store::due_any(&**tx, chunk.site, now, (chunk.after, chunk.limit)).await?;
    let mut step = Step { last: ids.last().copied(), ..Step::default() };
    let mut numbers = Vec::new();
    for due in [Due::Promise, Due::Resume, Due::Change, Due::LateChange, Due::End, Due::Pause] {
        let found = subscriptions::by_ids(&**tx, &ids).await?;
        let of: Vec<SubscriptionId> = found.iter().filter(|of| is_due(of, due, (now, today))).map(|of| of.id).collect();
        numbers.extend(some(tx, app, (now, actor), (&of, due), &mut step).await?);
    }
    let held = rows::hold(&**tx, &app.keys, &ids).await?;
    let followed = follow::follow(tx, app, (now, actor), held).await?;
    step.done.extend(moved(&followed));
    record(tx, (now, actor), chunk.site, &numbers).await?;
    Ok(step)
}

/// Whether something is due for one. Pure.
fn is_due(of: &Subscription, due: Due, (now, today): (DateTime<Utc>, NaiveDate)) -> bool {
    let has_come = |day: Option<NaiveDate>| day.is_some_and(|day| day <= today);
    match (due, of.state) {
        (_, State::Ended) => false,
        (Due::Start, state) => state == State::Pending,
        (Due::Pause, _) => rules::pause_is_due(of, today),
        (Due::Resume, state) => state == State::Paused && has_come(of.paused_until),
        (Due::Change, state) => state != State::Paused && has_come(of.next_package_from),
        (Due::LateChange, _) => rules::waits_for_payment(of),
        (Due::End, _) => has_come(of.ends_on),
        (Due::Promise, _) => of.promise_until.is_some_and(|until| until <= now),
    }
}

/// Does what is due for some; the numbers of those for which it was done.
async fn some(
    tx: &Tx,
    app: &App,
    (now, actor): (DateTime<Utc>, &Actor),
    (ids, due): (&[SubscriptionId], Due),
    step: &mut Step,
) -> Result<Vec<String>, SubscriptionError> {
    let held = rows::hold(&**tx, &app.keys, ids).await?;
    if held.is_empty() {
        return Ok(Vec::new());
    }
    let credited = credited(tx, ids, due).await?;
    let with_act = |held: Held| {
        let act = act(&held.subscription, due, &credited);
        (held, act)
    };
    let bookings = decided(tx, (due, now), held.into_iter().map(with_act).collect(), step).await?;
    let numbers: Vec<String> = bookings.iter().map(|booking| booking.before.number.clone()).collect();
    let booked: Vec<SubscriptionId> = bookings.iter().map(|booking| booking.before.id).collect();
    step.done.extend(&booked);
    let zone = bookings.first().map(|booking| booking.before.zone());
    book::book(tx, app, (now, actor), bookings).await?;
    if let (Due::Resume, Some(zone)) = (due, zone) {
        // The days up to the next period are asked for at once.
        let until = (rules::today(now, zone), crate::invoices::Issue::Now);
        bill_until(tx, app, (now, actor), &booked, until).await?;
    }
    Ok(numbers)
}

/// One entry of the audit log for a chunk; last of all.
async fn record(
    tx: &Tx,
    (now, actor): (DateTime<Utc>, &Actor),
    site: SiteId,
    numbers: &[String],
) -> Result<(), SubscriptionError> {
    if numbers.is_empty() {
        return Ok(());
    }
    let detail = serde_json::json!({ "services": numbers });
    let (object, site) = (format!("site/{site}"), Some(site));
    audit::record(&**tx, now, actor, Deed { action: "subscription.due", object, site, detail }).await?;
    Ok(())
}

/// Of those that end: whose time that is left becomes balance, as it was said when it was planned.
async fn credited(tx: &Tx, ids: &[SubscriptionId], due: Due) -> Result<Vec<SubscriptionId>, SubscriptionError> {
    if due != Due::End {
        return Ok(Vec::new());
    }
    let told = store::last_told(&**tx, ids, "end-planned").await?;
    let mut found = std::collections::BTreeMap::new();
    for (id, detail) in told {
        found.insert(id, detail["credited"] != 0);
    }
    Ok(ids.iter().copied().filter(|id| found.get(id).copied().unwrap_or(true)).collect())
}

fn act(of: &Subscription, due: Due, credited: &[SubscriptionId]) -> Act {
    match due {
        Due::Start | Due::Pause => Act::BeginPause,
        Due::Resume => Act::Resume,
        Due::Change => Act::TakePackage,
        Due::LateChange => Act::Keep { planned: Planned::Change },
        Due::End => Act::FinishEnd { is_credited: credited.contains(&of.id) },
        Due::Promise => Act::ForgetPromise,
    }
}

/// What each act makes of its subscription; those that cannot be are told and left out.
async fn decided(
    tx: &Tx,
    (due, now): (Due, DateTime<Utc>),
    wanted: Vec<(Held, Act)>,
    step: &mut Step,
) -> Result<Vec<Booking>, SubscriptionError> {
    let seen: Vec<(&Subscription, &Act)> = wanted.iter().map(|(held, act)| (&held.subscription, act)).collect();
    let loaded = Loaded::of(&**tx, (&Scope::All, now), &seen).await?;
    let mut bookings = Vec::with_capacity(wanted.len());
    for (held, act) in wanted {
        let around = loaded.around(&**tx, (&held.subscription, &act)).await?;
        if due == Due::LateChange && !around.is_change_late {
            continue;
        }
        let number = held.subscription.number.clone();
        match deed::decide(held, &act, &around) {
            Ok(booking) => bookings.push(booking),
            Err(SubscriptionError::Db(error)) => return Err(error.into()),
            Err(refused) => step.failed.push((number, refused.to_string())),
        }
    }
    Ok(bookings)
}

/// Packages that waited for their payment, of those that are paid now.
///
/// # Errors
/// [`SubscriptionError`]; the transaction must then be given up.
pub(in super::super) async fn take_paid(
    tx: &Tx,
    app: &App,
    (now, actor): (DateTime<Utc>, &Actor),
    ids: &[SubscriptionId],
) -> Result<(), SubscriptionError> {
    let held = rows::hold(&**tx, &app.keys, ids).await?;
    let waiting: Vec<(Held, Act)> = held
        .into_iter()
        .filter(|held| rules::waits_for_payment(&held.subscription))
        .map(|held| (held, Act::TakePackage))
        .collect();
    if waiting.is_empty() {
        return Ok(());
    }
    let seen: Vec<(&Subscription, &Act)> = waiting.iter().map(|(held, act)| (&held.subscription, act)).collect();
    let loaded = Loaded::of(&**tx, (&Scope::All, now), &seen).await?;
    let mut bookings = Vec::new();
    for (held, act) in waiting {
        let around = loaded.around(&**tx, (&held.subscription, &act)).await?;
        if around.waiting_change.is_none() && around.paid_change.is_some() {
            bookings.push(deed::decide(held, &act, &around)?);
        }
    }
    book::book(tx, app, (now, actor), bookings).await?;
    Ok(())
}
