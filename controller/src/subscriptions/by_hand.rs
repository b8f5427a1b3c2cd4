//! What people do with one service: isolate, restore, kick, look at its secret.

use hiji_shared::command::Op;
use sea_orm::DbErr;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{
    State, Subscription, SubscriptionError, change,
    faults::wrong_state,
    follow, hold,
    rules::MAX_REASON,
    store::{self, Held},
    write::{Changed, Surroundings, write},
};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    db::Tx,
    http::{
        access::Scope,
        form::{Check, FieldError},
    },
    ids::{AdminId, SubscriptionId},
    ledger::aging::{day_end, local_day},
    packages::OnExpiry,
    routers::{self, RouterError},
};

/// Days, beside today, that hiji leaves a service alone which somebody restored although it is not paid.
const LEFT_ALONE_DAYS: u64 = 1;

/// What a person does with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByHand {
    /// Takes it away, as when it expires. What is paid for stays away until a person restores it.
    Isolate,
    /// Gives it back. What is not paid for is left alone until the end of the next day.
    Restore,
    /// Ends its sessions; modems dial again.
    Kick,
}

impl ByHand {
    /// As in the API's path and the audit log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Isolate => "isolate",
            Self::Restore => "restore",
            Self::Kick => "kick",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Isolate, Self::Restore, Self::Kick].into_iter().find(|act| act.as_str() == text)
    }
}

/// Does it, with a reason where service is taken away. Doing it again changes nothing.
///
/// # Errors
/// [`SubscriptionError`].
pub async fn act(
    app: &App,
    (scope, actor): (&Scope, &Actor),
    id: SubscriptionId,
    act: ByHand,
    reason: &str,
) -> Result<Subscription, SubscriptionError> {
    let mut check = Check::default();
    let reason = match act {
        ByHand::Isolate => check.required("reason", reason, MAX_REASON),
        ByHand::Restore | ByHand::Kick => check.optional("reason", reason, MAX_REASON),
    };
    let Some(reason) = reason else { return Err(SubscriptionError::Refused(check.into_errors())) };
    let tx = app.db.begin().await?;
    let held = held(&tx, app, scope, id).await?;
    let of = held.subscription.clone();
    let detail = json!({ "reason": reason });
    match act {
        ByHand::Isolate => isolate(&tx, app, actor, held, &detail).await?,
        ByHand::Restore => restore(&tx, app, actor, held, &detail).await?,
        ByHand::Kick => kick(&tx, app, (scope, actor), held).await?,
    }
    let action = format!("subscription.{}", act.as_str());
    record(&tx, app, actor, (&action, &of), detail).await?;
    tx.commit().await?;
    app.wakes.wake();
    super::find(app.db.read(), scope, id).await?.ok_or(SubscriptionError::NotFound)
}

/// A subscription the caller may see, held; what he does not see is not there.
pub(super) async fn held(tx: &Tx, app: &App, scope: &Scope, id: SubscriptionId) -> Result<Held, SubscriptionError> {
    hold(&**tx).await?;
    let held = store::hold(&**tx, &app.keys, &[id]).await?.pop();
    held.filter(|held| scope.sees(held.subscription.site_id)).ok_or(SubscriptionError::NotFound)
}

/// Writes an act on a subscription into the audit log; last of all.
pub(super) async fn record(
    tx: &Tx,
    app: &App,
    actor: &Actor,
    (action, of): (&str, &Subscription),
    detail: Value,
) -> Result<(), DbErr> {
    let deed = Deed { action, object: format!("subscription/{}", of.id), site: Some(of.site_id), detail };
    audit::record(&**tx, app.clock.now(), actor, deed).await
}

async fn isolate(tx: &Tx, app: &App, actor: &Actor, held: Held, detail: &Value) -> Result<(), SubscriptionError> {
    let before = held.subscription.clone();
    match before.state {
        State::Active | State::Grace => {}
        State::Isolated => return Ok(()),
        other @ (State::Pending | State::Paused | State::Ended) => return Err(SubscriptionError::WrongState(other)),
    }
    let around = Surroundings::load(&**tx).await?;
    let is_prepared = around.isolation_profile(before.router_id, before.service).is_some();
    if before.on_expiry == OnExpiry::Isolate && !is_prepared {
        return Err(SubscriptionError::NotPrepared);
    }
    let now = app.clock.now();
    let mut after = held;
    let of = &mut after.subscription;
    of.state = State::Isolated;
    of.is_held = before.state == State::Active;
    of.promise_until = None;
    of.acts_at = None;
    let changed = Changed::by(before, after, "isolated", detail.clone());
    Ok(write(tx, app, (now, actor), vec![changed]).await?)
}

async fn restore(tx: &Tx, app: &App, actor: &Actor, held: Held, detail: &Value) -> Result<(), SubscriptionError> {
    let before = held.subscription.clone();
    match before.state {
        State::Isolated => {}
        State::Active | State::Grace => return Ok(()),
        other @ (State::Pending | State::Paused | State::Ended) => return Err(SubscriptionError::WrongState(other)),
    }
    let now = app.clock.now();
    let mut after = held;
    let of = &mut after.subscription;
    leave_alone(of, now);
    let owed = follow::owed(&**tx, &[before.id]).await?.remove(&before.id).unwrap_or_default();
    change::refresh(of, owed, follow::policy(&**tx).await?, now);
    let changed = Changed::by(before, after, "restored", detail.clone());
    Ok(write(tx, app, (now, actor), vec![changed]).await?)
}

/// Opens what was taken away; what is not paid for is left alone until the end of the next day.
pub(super) fn leave_alone(of: &mut Subscription, now: chrono::DateTime<chrono::Utc>) {
    of.is_held = false;
    of.state = State::Grace;
    if of.lapses_at.is_some_and(|at| at <= now) {
        let today = local_day(now, of.zone());
        let last = today.checked_add_days(chrono::Days::new(LEFT_ALONE_DAYS)).unwrap_or(today);
        of.promise_until = Some(of.promise_until.unwrap_or(now).max(day_end(last, of.zone())));
    }
}

async fn kick(tx: &Tx, app: &App, (scope, actor): (&Scope, &Actor), held: Held) -> Result<(), SubscriptionError> {
    let of = held.subscription;
    if of.state == State::Ended {
        return Err(SubscriptionError::WrongState(of.state));
    }
    let note = store::Note {
        subscription: of.id,
        what: "kicked",
        detail: json!({ "number": of.number, "username": of.username }),
    };
    store::note(&**tx, app.clock.now(), actor, &[note]).await?;
    let op = Op::SessionKick { service: of.service, user: of.username };
    match routers::ask_in(tx, app, (scope, actor), of.router_id, &op).await {
        Ok(_) => Ok(()),
        Err(RouterError::Db(error)) => Err(error.into()),
        Err(
            RouterError::NotFound
            | RouterError::NoSuchSite
            | RouterError::BadName
            | RouterError::NameTaken
            | RouterError::NothingToApprove,
        ) => Err(SubscriptionError::NotFound),
    }
}

/// The secret of a service. That it was looked at is written down, here and in the audit log.
///
/// # Errors
/// [`SubscriptionError`].
pub async fn secret(
    app: &App,
    (scope, actor): (&Scope, &Actor),
    id: SubscriptionId,
) -> Result<SecretString, SubscriptionError> {
    let tx = app.db.begin().await?;
    let held = held(&tx, app, scope, id).await?;
    let of = &held.subscription;
    let note = store::Note {
        subscription: id,
        what: "secret-shown",
        detail: json!({ "number": of.number, "username": of.username }),
    };
    store::note(&*tx, app.clock.now(), actor, &[note]).await?;
    record(&tx, app, actor, ("subscription.secret", of), json!({})).await?;
    tx.commit().await?;
    Ok(held.password)
}

/// The secret of a service that was made for somebody who has not seen it yet; once.
///
/// # Errors
/// The database's.
pub async fn new_secret(
    app: &App,
    maker: AdminId,
    id: SubscriptionId,
) -> Result<Option<SecretString>, SubscriptionError> {
    // Seldom there: whoever looks at a service does not keep others from writing.
    if store::new_secret_for(app.db.read(), id).await? != Some(maker) {
        return Ok(None);
    }
    let tx = app.db.begin().await?;
    if !store::take_new_secret(&*tx, id).await? {
        return Ok(None);
    }
    let held = store::hold(&*tx, &app.keys, &[id]).await?.pop();
    tx.commit().await?;
    Ok(held.map(|held| held.password))
}

impl SubscriptionError {
    /// What a page tells above the form that asked; nothing for what is no refusal.
    #[must_use]
    pub fn told(&self) -> Option<FieldError> {
        match self {
            Self::WrongState(state) => Some(FieldError::new(wrong_state(*state))),
            Self::NotPrepared => Some(FieldError::new("router_not_prepared")),
            Self::Changed => Some(FieldError::new("subscription_changed")),
            Self::NotFound | Self::Refused(_) | Self::Money(_) | Self::Invoice(_) | Self::Db(_) => None,
        }
    }
}
