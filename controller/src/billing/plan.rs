//! Plans of isolation: made at night a part at a time, readable before they act, held when unusually large, applied in
//! waves, undone.
//!
//! Each wave is decided anew from how things stand then: who paid, promised or cannot be reached is skipped with the
//! reason. An offline router's customers stay as they are.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    BillingError, Counts, ItemState, Plan, PlanState, Run, comeback,
    rules::{self, After, Case, Hold, Skip},
    store::{self, NewItem},
};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    clock,
    db::Tx,
    events::{self, BusinessEvent},
    http::access::Scope,
    ids::{self, PlanId, RouterId, SubscriptionId},
    jobs::{self, Job, Said, When},
    packages::OnExpiry,
    routers::isolation::{self, Isolation, IsolationState},
    settings,
    subscriptions::{self, State, Subscription},
};

/// A plan stands so long before it acts, for people to read.
pub const WAIT_SECS: i64 = 300;
/// A wave is looked at so often.
const LOOK_SECS: i64 = 5;
/// hiji's own name in what a plan does.
const NAME: &str = "isolation plan";

/// What routers can do now.
#[derive(Debug)]
pub(super) struct Network {
    online: BTreeSet<RouterId>,
    prepared: BTreeMap<RouterId, Isolation>,
}

impl Network {
    pub(super) async fn load(db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        Ok(Self { online: store::online(db).await?, prepared: isolation::all(db).await? })
    }

    pub(super) fn case(&self, of: &Subscription) -> Case {
        let is_prepared = of.on_expiry != OnExpiry::Isolate
            || self.prepared.get(&of.router_id).is_some_and(|set| can_isolate(set, of));
        Case {
            is_in_grace: of.state == State::Grace,
            is_active: of.state == State::Active,
            is_exempt: of.is_exempt,
            promise_until: of.promise_until,
            isolates_at: of.isolates_at(),
            is_router_online: self.online.contains(&of.router_id),
            is_prepared,
        }
    }
}

/// Whether a router has proven that it can isolate a service.
fn can_isolate(set: &Isolation, of: &Subscription) -> bool {
    set.state == IsolationState::Verified && set.profile(of.service).is_some()
}

/// A part of the plan of a run's day: the next services after the run's cursor, and where they end. With nobody left it is
/// ready to be read, and acts after a while; a plan that was made before stays as it is. Nobody late: no plan.
pub(super) async fn make(tx: &Tx, app: &App, run: &Run, size: u64) -> anyhow::Result<(Counts, Option<i64>)> {
    let now = app.clock.now();
    let plan = store::plan_of_day(&**tx, run.site_id, run.day).await?;
    if plan.as_ref().is_some_and(|plan| plan.state != PlanState::Making) {
        return Ok((Counts::default(), None));
    }
    let ids = store::late(&**tx, (run.site_id, now), (run.after_id, size)).await?;
    let Some(last) = ids.last().map(|id| id.0) else {
        if let Some(plan) = plan {
            finish(tx, now, plan).await?;
        }
        return Ok((Counts::default(), None));
    };
    let mut items = items_of(tx, (run, now), &ids).await?;
    if items.is_empty() {
        return Ok((Counts::default(), Some(last)));
    }
    let id = match plan {
        Some(plan) => plan.id,
        None => store::open_plan(&**tx, now, run.site_id, run.day).await?.context("opening the plan of a day")?,
    };
    let mut plan = store::hold_plan(&**tx, id).await?.context("finding the plan that is made")?;
    let chosen = settings::load(&**tx).await?.billing;
    let size = usize::try_from(chosen.isolation_wave_size).unwrap_or(1);
    let before = usize::try_from(plan.total).unwrap_or(0);
    let mut count = 0;
    // Waves go on from those who are in the plan.
    for item in items.iter_mut().filter(|item| item.skip.is_none()) {
        item.wave = i32::try_from(rules::wave_of(before + count, size)).unwrap_or(i32::MAX);
        count += 1;
    }
    store::insert_items(&**tx, id, &items).await?;
    plan.total = i32::try_from(before + count).unwrap_or(i32::MAX);
    store::save_plan(&**tx, &plan).await?;
    let whole = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let counts = Counts { isolating: whole(count), spared: whole(items.len() - count), ..Counts::default() };
    Ok((counts, Some(last)))
}

/// Who of these services is in the plan, or due and left out.
async fn items_of(tx: &Tx, (run, now): (&Run, DateTime<Utc>), ids: &[SubscriptionId]) -> anyhow::Result<Vec<NewItem>> {
    let network = Network::load(&**tx).await?;
    let owed = store::owed_of(&**tx, ids, run.day).await?;
    let mut items = Vec::with_capacity(ids.len());
    for of in subscriptions::by_ids(&**tx, ids).await? {
        let skip = match rules::judge(&network.case(&of), now) {
            Ok(()) => None,
            Err(skip @ (Skip::RouterOffline | Skip::NotPrepared)) => Some(skip),
            // Not late after all.
            Err(Skip::Paid | Skip::Promised | Skip::Exempt | Skip::NotInGrace | Skip::Refused) => continue,
        };
        let (owed, due_on) = owed.get(&of.id).map_or((0, None), |of| (of.overdue, Some(of.due_on)));
        items.push(NewItem { subscription: of.id, wave: 0, owed, due_on, skip });
    }
    Ok(items)
}

/// Everybody is in the plan: whether it waits for a person is decided by all of them.
async fn finish(tx: &Tx, now: DateTime<Utc>, plan: Plan) -> anyhow::Result<()> {
    let mut plan = store::hold_plan(&**tx, plan.id).await?.context("finding the plan just made")?;
    let chosen = settings::load(&**tx).await?.billing;
    let served = store::served(&**tx, plan.site_id).await?;
    let most = usize::try_from(chosen.isolation_hold_count).unwrap_or(0);
    let percent = usize::try_from(chosen.isolation_hold_share_percent).unwrap_or(0);
    let count = usize::try_from(plan.total).unwrap_or(0);
    // From now on it can be read.
    (plan.state, plan.created_at) = (PlanState::Planned, now);
    settle(tx, now, &mut plan, rules::hold(count, served, most, percent)).await
}

/// A fresh plan is held, over at once, or acts after a while.
async fn settle(tx: &Tx, now: DateTime<Utc>, plan: &mut Plan, hold: Option<Hold>) -> anyhow::Result<()> {
    if let Some(hold) = hold {
        plan.state = PlanState::Held;
        hold.as_str().clone_into(&mut plan.held_for);
        announce_hold(tx, now, plan).await?;
    } else if plan.total == 0 {
        plan.state = PlanState::Done;
        plan.finished_at = Some(now);
    } else {
        enqueue(&**tx, now, plan.id, now + clock::seconds(WAIT_SECS)).await?;
    }
    store::save_plan(&**tx, plan).await?;
    Ok(())
}

async fn announce_hold(tx: &Tx, now: DateTime<Utc>, plan: &Plan) -> Result<(), DbErr> {
    let held =
        BusinessEvent::IsolationPlanHeld { plan_id: plan.id, count: plan.total.into(), why: plan.held_for.clone() };
    events::record(&**tx, now, Some(plan.site_id), &held).await
}

async fn enqueue(tx: &impl ConnectionTrait, now: DateTime<Utc>, plan: PlanId, at: DateTime<Utc>) -> Result<(), DbErr> {
    let when = When { at: Some(at), dedupe: Some(format!("billing.isolate@{plan}-{}", ids::token())) };
    jobs::enqueue(tx, now, &Isolate { plan }, when).await.map(|_is_new| ())
}

/// Moves a plan on: its next wave, when the last one is proven.
#[derive(Debug, Serialize, Deserialize)]
pub struct Isolate {
    pub plan: PlanId,
}

impl Job for Isolate {
    const KIND: &'static str = "billing.isolate";

    async fn run(self, app: &App) -> anyhow::Result<Said> {
        let now = app.clock.now();
        let tx = app.db.begin().await?;
        if let Some(at) = comeback::look_again(app).await.context("looking for agents")? {
            enqueue(&*tx, now, self.plan, at).await?;
            tx.commit().await?;
            return Ok(Said::new("waits_for_agents"));
        }
        subscriptions::hold(&*tx).await?;
        let plan = store::hold_plan(&*tx, self.plan).await?.context("finding the plan")?;
        let said = match plan.state {
            PlanState::Planned | PlanState::Running => move_on(&tx, app, plan).await?,
            PlanState::Making | PlanState::Held | PlanState::Done | PlanState::Undone | PlanState::Dropped => {
                return Ok(Said::new("plan_not_on"));
            }
        };
        tx.commit().await.context("committing a wave")?;
        app.wakes.wake();
        tracing::info!(plan.id = %self.plan, at = %now, "{said}");
        Ok(said)
    }
}

async fn move_on(tx: &Tx, app: &App, mut plan: Plan) -> anyhow::Result<Said> {
    let now = app.clock.now();
    if let Some(begun) = plan.wave_at {
        let stands = store::wave(&**tx, plan.id, plan.wave).await?;
        match rules::after(stands, (now - begun).num_seconds()) {
            After::Wait => {
                enqueue(&**tx, now, plan.id, now + clock::seconds(LOOK_SECS)).await?;
                return Ok(wave_said(Said::new("wave_proven"), plan.wave, (stands.verified, stands.asked)));
            }
            After::Stop => {
                plan.state = PlanState::Held;
                Hold::Failures.as_str().clone_into(&mut plan.held_for);
                store::save_plan(&**tx, &plan).await?;
                announce_hold(tx, now, &plan).await?;
                return Ok(wave_said(Said::new("wave_held"), plan.wave, (stands.failed, stands.asked)));
            }
            After::Next => {}
        }
    }
    let next = plan.wave.saturating_add(1);
    let ids = store::items_in(&**tx, plan.id, Some(next), ItemState::Planned).await?;
    if ids.is_empty() {
        plan.state = PlanState::Done;
        plan.finished_at = Some(now);
        store::save_plan(&**tx, &plan).await?;
        changed(tx, now, &plan, "done").await?;
        return Ok(Said::new("plan_done"));
    }
    let isolated = apply(tx, app, &plan, &ids).await?;
    plan.state = PlanState::Running;
    plan.wave = next;
    plan.wave_at = Some(now);
    store::save_plan(&**tx, &plan).await?;
    changed(tx, now, &plan, "wave").await?;
    enqueue(&**tx, now, plan.id, now + clock::seconds(LOOK_SECS)).await?;
    Ok(wave_said(Said::new("wave_isolated"), next, (isolated, ids.len())))
}

/// So many of all who were in a wave.
fn wave_said(said: Said, wave: i32, (count, all): (usize, usize)) -> Said {
    said.count("wave", wave).count("count", count).count("all", all)
}

/// Isolates who is to be isolated still; how many.
async fn apply(tx: &Tx, app: &App, plan: &Plan, ids: &[SubscriptionId]) -> anyhow::Result<usize> {
    let (now, actor) = (app.clock.now(), Actor::system(NAME));
    let network = Network::load(&**tx).await?;
    let (mut acting, mut skipped) = (Vec::new(), BTreeMap::<Skip, Vec<SubscriptionId>>::new());
    for of in subscriptions::by_ids(&**tx, ids).await? {
        match rules::judge(&network.case(&of), now) {
            Ok(()) => acting.push(of.id),
            Err(skip) => skipped.entry(skip).or_default().push(of.id),
        }
    }
    subscriptions::isolate(tx, app, (now, &actor), &acting).await.context("isolating a wave")?;
    store::mark_items(&**tx, plan.id, &acting, (ItemState::Done, None)).await?;
    for (skip, ids) in skipped {
        store::mark_items(&**tx, plan.id, &ids, (ItemState::Skipped, Some(skip))).await?;
    }
    Ok(acting.len())
}

async fn changed(tx: &Tx, now: DateTime<Utc>, plan: &Plan, what: &str) -> Result<(), DbErr> {
    let event = BusinessEvent::IsolationPlanChanged { plan_id: plan.id, what: what.to_owned() };
    events::record(&**tx, now, Some(plan.site_id), &event).await
}

/// A plan in the caller's scope, held until the transaction ends.
async fn held(tx: &Tx, scope: &Scope, id: PlanId) -> Result<Plan, BillingError> {
    let plan = store::hold_plan(&**tx, id).await?.ok_or(BillingError::NotFound)?;
    if scope.sees(plan.site_id) { Ok(plan) } else { Err(BillingError::NotFound) }
}

async fn decided(
    tx: &Tx,
    (now, actor): (DateTime<Utc>, &Actor),
    plan: &mut Plan,
    (state, action, what): (PlanState, &str, &str),
) -> Result<(), DbErr> {
    plan.state = state;
    store::decide(plan, now, actor);
    store::save_plan(&**tx, plan).await?;
    changed(tx, now, plan, what).await?;
    let detail = serde_json::json!({ "day": plan.day, "total": plan.total, "wave": plan.wave });
    let deed = Deed { action, object: format!("plan/{}", plan.id), site: Some(plan.site_id), detail };
    audit::record(&**tx, now, actor, deed).await
}

/// What a person makes of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PlanDecision)]
pub enum Decision {
    /// It acts.
    Approve,
    /// Who is not isolated yet stays as he is.
    Drop,
    /// Whom it isolated is opened again.
    Undo,
}

/// Does what somebody decided; how many were opened again.
///
/// # Errors
/// Those of [`approve`], [`drop_plan`] and [`undo`].
pub async fn decide(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    id: PlanId,
    decision: Decision,
) -> Result<usize, BillingError> {
    match decision {
        Decision::Approve => approve(app, scope, actor, id).await.map(|()| 0),
        Decision::Drop => drop_plan(app, scope, actor, id).await.map(|()| 0),
        Decision::Undo => undo(app, scope, actor, id).await,
    }
}

/// Lets a held plan act, at once; or one that waits to be read.
///
/// # Errors
/// [`BillingError::NotFound`], [`BillingError::WrongState`], the database's.
pub async fn approve(app: &App, scope: &Scope, actor: &Actor, id: PlanId) -> Result<(), BillingError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let mut plan = held(&tx, scope, id).await?;
    if !matches!(plan.state, PlanState::Held | PlanState::Planned) {
        return Err(BillingError::WrongState(plan.state));
    }
    // A wave that failed was seen by who says yes; the next one begins anew.
    plan.wave_at = None;
    enqueue(&*tx, now, id, now).await?;
    decided(&tx, (now, actor), &mut plan, (PlanState::Running, "plan.approve", "approved")).await?;
    tx.commit().await?;
    Ok(())
}

/// Says no: who is not isolated yet stays as he is.
///
/// # Errors
/// [`BillingError::NotFound`], [`BillingError::WrongState`], the database's.
pub async fn drop_plan(app: &App, scope: &Scope, actor: &Actor, id: PlanId) -> Result<(), BillingError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let mut plan = held(&tx, scope, id).await?;
    if !plan.state.may_be_dropped() {
        return Err(BillingError::WrongState(plan.state));
    }
    plan.finished_at = Some(now);
    decided(&tx, (now, actor), &mut plan, (PlanState::Dropped, "plan.drop", "dropped")).await?;
    tx.commit().await?;
    Ok(())
}

/// Opens again exactly those whom the plan isolated and nobody else did since; how many. A plan that runs stops.
///
/// # Errors
/// [`BillingError::NotFound`], [`BillingError::WrongState`], the database's.
pub async fn undo(app: &App, scope: &Scope, actor: &Actor, id: PlanId) -> Result<usize, BillingError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    subscriptions::hold(&*tx).await?;
    let mut plan = held(&tx, scope, id).await?;
    if !may_be_undone(&plan) {
        return Err(BillingError::WrongState(plan.state));
    }
    let done = store::items_in(&*tx, id, None, ItemState::Done).await?;
    let later: BTreeSet<SubscriptionId> = store::isolated_later(&*tx, id, &done).await?.into_iter().collect();
    let mut opening = Vec::new();
    for of in subscriptions::by_ids(&*tx, &done).await? {
        if of.state == State::Isolated && !of.is_held && !later.contains(&of.id) {
            opening.push(of.id);
        }
    }
    subscriptions::restore(&tx, app, (now, actor), &opening).await?;
    store::mark_items(&*tx, id, &opening, (ItemState::Undone, None)).await?;
    plan.finished_at = Some(now);
    decided(&tx, (now, actor), &mut plan, (PlanState::Undone, "plan.undo", "undone")).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok(opening.len())
}

/// Whether a plan has isolated somebody whom it could open again.
#[must_use]
pub fn may_be_undone(plan: &Plan) -> bool {
    match plan.state {
        PlanState::Running | PlanState::Held | PlanState::Dropped | PlanState::Done => plan.wave > 0,
        PlanState::Making | PlanState::Planned | PlanState::Undone => false,
    }
}

/// When a plan that waits to be read acts.
#[must_use]
pub fn acts_at(plan: &Plan) -> Option<DateTime<Utc>> {
    (plan.state == PlanState::Planned).then(|| plan.created_at + clock::seconds(WAIT_SECS))
}
