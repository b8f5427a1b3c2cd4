//! What people do to vouchers, one or a whole batch: decided for each by its facts (`acts.rs`), written with what
//! the router shall have from now on, the history, the audit entry and the event in one transaction.
//!
//! Who saw an older state than there is now is told so and nothing is done, so that two operators pressing at once do
//! a thing once.

pub(super) mod api;
mod fields;
pub mod jobs;
#[cfg(test)]
mod page_tests;
pub(crate) mod pages;
mod reissue;
pub(super) mod routes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use hiji_shared::{command::Op, device::Service};
use sea_orm::DbErr;
use serde::{Deserialize, Serialize};

use super::{
    Act, Batch, Refusal, Status, VoucherError, books,
    store::{self, Cause, Known, Note},
    uplink,
};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    db::{self, Tx},
    events::{self, BusinessEvent},
    http::{access::Scope, error::AppError},
    ids::{BatchId, VoucherId},
    routers::{self, RouterError},
};

pub(crate) use fields::Fields;
pub use reissue::{reissue, reissue_batch};

/// Who wants something, and which state he saw.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    pub scope: &'a Scope,
    pub actor: &'a Actor,
    /// The last entry of the history he saw; `None` = whatever there is.
    pub seen: Option<i64>,
}

/// Which vouchers of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// Those nobody has logged in with.
    Unused,
    /// Those that are not over.
    Running,
    All,
}

impl Which {
    /// All, the most careful first.
    pub const EACH: [Self; 3] = [Self::Unused, Self::Running, Self::All];

    /// As in forms and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unused => "unused",
            Self::Running => "running",
            Self::All => "all",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::EACH.into_iter().find(|which| which.as_str() == text)
    }

    fn takes(self, known: &Known) -> bool {
        let over = known.life.status.is_over();
        match self {
            Self::Unused => !over && known.life.first_login_at.is_none(),
            Self::Running => !over,
            Self::All => true,
        }
    }
}

/// How many of a batch are touched, and why the others are not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub touched: usize,
    pub skipped: usize,
    /// By reason: `not_chosen`, or why it is refused.
    pub why: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn skip(&mut self, why: &'static str) {
        self.skipped += 1;
        *self.why.entry(why).or_default() += 1;
    }
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    #[error("no such voucher or batch")]
    NotFound,
    #[error("refused")]
    Refused(Refusal),
    #[error("somebody else changed it meanwhile")]
    Changed,
    #[error("none of the vouchers can be changed so")]
    Nothing,
    #[error("no code is free")]
    NoCode,
    #[error("database")]
    Db(#[from] DbErr),
}

impl From<ManageError> for AppError {
    fn from(error: ManageError) -> Self {
        match error {
            ManageError::NotFound => Self::NotFound,
            ManageError::Refused(refusal) => Self::Conflict { code: refusal.code() },
            ManageError::Changed => Self::Conflict { code: "changed_meanwhile" },
            ManageError::Nothing => Self::Conflict { code: "nothing_to_do" },
            ManageError::NoCode => Self::Conflict { code: "no_free_code" },
            ManageError::Db(error) => error.into(),
        }
    }
}

impl From<RouterError> for ManageError {
    fn from(error: RouterError) -> Self {
        match error {
            RouterError::Db(error) => Self::Db(error),
            RouterError::NotFound
            | RouterError::NoSuchSite
            | RouterError::BadName
            | RouterError::NameTaken
            | RouterError::NothingToApprove => Self::NotFound,
        }
    }
}

impl From<VoucherError> for ManageError {
    fn from(error: VoucherError) -> Self {
        match error {
            VoucherError::Db(error) => Self::Db(error),
            VoucherError::Refused(_) => Self::NoCode,
        }
    }
}

/// Does it to one voucher.
///
/// # Errors
/// [`ManageError`]; nothing was changed then.
pub async fn one(app: &App, order: &Order<'_>, id: VoucherId, act: &Act) -> Result<(), ManageError> {
    let tx = begin(app).await?;
    let mut known = find(&tx, app, order, id).await?;
    let before = known.life.clone();
    known.life.act(&mut known.allowance, act, app.clock.now()).map_err(ManageError::Refused)?;
    let detail = detail_of(act);
    let object = format!("voucher/{id}");
    let deed = Deed { action: action(act), object, site: Some(known.site), detail: detail.clone() };
    let (voucher_id, batch_id, router_id) = (known.id, known.batch, known.router);
    let (code, what) = (known.login.code.clone(), act.name().to_owned());
    let mut events = vec![BusinessEvent::VoucherChanged { voucher_id, batch_id, router_id, code: code.clone(), what }];
    if known.life.status.is_over() && !before.status.is_over() && known.life.status != Status::Void {
        // Its time had passed while it was blocked.
        let reason = known.life.end_reason.clone();
        events.push(BusinessEvent::VoucherEnded { voucher_id, batch_id, router_id, code, reason });
    }
    let mut counts = BTreeMap::new();
    uplink::count(&mut counts, known.batch, &before, &known.life);
    let changed = Changed { detail, ..Changed::new(vec![known], counts, cause(order, act)) };
    write(&tx, app, order, changed).await?;
    take_back(&tx, app, order, act, &[id]).await?;
    audit::record(&*tx, app.clock.now(), order.actor, deed).await?;
    events::record_all(&*tx, app.clock.now(), site_of(&tx, order, batch_id).await?, &events).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok(())
}

/// Does it to those of a batch that are chosen and can have it, all at once.
///
/// # Errors
/// [`ManageError`]; nothing was changed then.
pub async fn batch(app: &App, order: &Order<'_>, id: BatchId, act: &Act, which: Which) -> Result<Tally, ManageError> {
    let tx = begin(app).await?;
    let (batch, all) = known_of(&tx, app, order, id).await?;
    let now = app.clock.now();
    let (known, counts, tally) = sort(all, act, which, now);
    if known.is_empty() {
        return Err(ManageError::Nothing);
    }
    let detail = detail_of(act);
    let told = serde_json::json!({
        "number": batch.number, "which": which, "touched": tally.touched, "skipped": tally.skipped, "as": detail,
        "reason": act.reason(),
    });
    let deed = Deed {
        action: batch_action(act),
        object: format!("voucher_batch/{id}"),
        site: Some(batch.site_id),
        detail: told,
    };
    let count = i32::try_from(known.len()).unwrap_or(i32::MAX);
    let ids: Vec<VoucherId> = known.iter().map(|known| known.id).collect();
    write(&tx, app, order, Changed { detail, ..Changed::new(known, counts, cause(order, act)) }).await?;
    take_back(&tx, app, order, act, &ids).await?;
    audit::record(&*tx, now, order.actor, deed).await?;
    let what = act.name().to_owned();
    let event = BusinessEvent::BatchChanged { batch_id: id, router_id: batch.router_id, what, count };
    events::record(&*tx, now, Some(batch.site_id), &event).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok(tally)
}

/// How many of a batch something would touch, for each choice of vouchers, and which state that is.
///
/// # Errors
/// [`ManageError::NotFound`], the database's.
pub async fn plan(app: &App, scope: &Scope, id: BatchId, act: &Act) -> Result<(Vec<(Which, Tally)>, i64), ManageError> {
    let db = app.db.read();
    super::batch(db, scope, id).await?.ok_or(ManageError::NotFound)?;
    let seen = store::last_of_batch(db, id).await?;
    let all = store::seen_of_batch(db, &app.keys, id).await?;
    let now = app.clock.now();
    let tally = |which: Which| (which, sort(all.clone(), act, which, now).2);
    Ok((Which::EACH.map(tally).into(), seen))
}

type Sorted = (Vec<Known>, BTreeMap<BatchId, (i32, i32)>, Tally);

/// Pure: who is touched, with what it makes of them.
fn sort(all: Vec<Known>, act: &Act, which: Which, now: chrono::DateTime<chrono::Utc>) -> Sorted {
    let mut tally = Tally::default();
    let mut counts = BTreeMap::new();
    let mut touched = Vec::new();
    for mut known in all {
        if !which.takes(&known) {
            tally.skip("not_chosen");
            continue;
        }
        let before = known.life.clone();
        match known.life.act(&mut known.allowance, act, now) {
            Ok(()) => {
                uplink::count(&mut counts, known.batch, &before, &known.life);
                touched.push(known);
            }
            Err(refusal) => tally.skip(refusal.code()),
        }
    }
    tally.touched = touched.len();
    (touched, counts, tally)
}

/// Ends the sessions of a voucher. The answer comes later: [`super::history::record`] has it.
///
/// # Errors
/// [`ManageError`].
pub async fn kick(app: &App, order: &Order<'_>, id: VoucherId) -> Result<(), ManageError> {
    let tx = begin(app).await?;
    let known = find(&tx, app, order, id).await?;
    if known.life.first_login_at.is_none() {
        return Err(ManageError::Refused(Refusal::NotBound));
    }
    let op = Op::SessionKick { service: Service::Hotspot, user: known.login.code.clone() };
    let command = routers::ask_in(&tx, app, (order.scope, order.actor), known.router, &op).await?;
    let cause = Cause { what: "kick", actor: &order.actor.name, reason: "" };
    let note = Note { voucher: id, batch: known.batch, detail: serde_json::json!({ "command": command }) };
    store::note(&*tx, app.clock.now(), cause, vec![note]).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok(())
}

/// Has what the router refused of a batch tried again, now; what found no code gets another draw.
///
/// # Errors
/// [`ManageError`].
pub async fn retry(app: &App, order: &Order<'_>, id: BatchId) -> Result<(), ManageError> {
    let tx = begin(app).await?;
    let batch = super::batch(&*tx, order.scope, id).await?.ok_or(ManageError::NotFound)?;
    if batch.progress.failed == 0 {
        return Err(ManageError::Nothing);
    }
    let nameless: Vec<Known> = store::known_of_batch(&*tx, &app.keys, id)
        .await?
        .into_iter()
        .filter(|known| known.life.status == Status::Draft && known.life.failure == uplink::NO_CODE)
        .collect();
    uplink::draw_again(&tx, app, (batch.router_id, batch.site_id), nameless).await?;
    routers::ask_in(&tx, app, (order.scope, order.actor), batch.router_id, &Op::DesiredRetry).await?;
    tx.commit().await?;
    app.wakes.wake();
    Ok(())
}

/// Nothing an agent reports comes in between.
async fn begin(app: &App) -> Result<Tx, DbErr> {
    let tx = app.db.begin().await?;
    db::one_at_a_time(&*tx, db::Guard::Vouchers).await?;
    Ok(tx)
}

async fn find(tx: &Tx, app: &App, order: &Order<'_>, id: VoucherId) -> Result<Known, ManageError> {
    let known = store::known_one(&**tx, &app.keys, order.scope, id).await?.ok_or(ManageError::NotFound)?;
    if order.seen.is_some() && order.seen != Some(store::last_of_voucher(&**tx, id).await?) {
        return Err(ManageError::Changed);
    }
    Ok(known)
}

/// A batch with its vouchers, locked, as the caller saw it.
async fn known_of(tx: &Tx, app: &App, order: &Order<'_>, id: BatchId) -> Result<(Batch, Vec<Known>), ManageError> {
    let batch = super::batch(&**tx, order.scope, id).await?.ok_or(ManageError::NotFound)?;
    if order.seen.is_some() && order.seen != Some(store::last_of_batch(&**tx, id).await?) {
        return Err(ManageError::Changed);
    }
    Ok((batch, store::known_of_batch(&**tx, &app.keys, id).await?))
}

async fn site_of(tx: &Tx, order: &Order<'_>, batch: BatchId) -> Result<Option<crate::ids::SiteId>, DbErr> {
    Ok(super::batch(&**tx, order.scope, batch).await?.map(|batch| batch.site_id))
}

/// Vouchers of one router that were changed in one way.
struct Changed<'a> {
    known: Vec<Known>,
    counts: BTreeMap<BatchId, (i32, i32)>,
    cause: Cause<'a>,
    /// What the history keeps of it; of one that was replaced it keeps by which.
    detail: serde_json::Value,
}

impl<'a> Changed<'a> {
    fn new(known: Vec<Known>, counts: BTreeMap<BatchId, (i32, i32)>, cause: Cause<'a>) -> Self {
        Self { known, counts, cause, detail: serde_json::Value::Null }
    }
}

async fn write(tx: &Tx, app: &App, order: &Order<'_>, changed: Changed<'_>) -> Result<(), DbErr> {
    let Changed { known, counts, cause, detail } = changed;
    let Some(first) = known.first() else { return Ok(()) };
    let (router, site) = (first.router, first.site);
    store::save_all(&**tx, &app.keys, &known).await?;
    for (batch, counts) in counts.into_iter().filter(|(_, counts)| *counts != (0, 0)) {
        store::count(&**tx, batch, counts).await?;
    }
    let recipes = uplink::recipes_of(tx, known.iter()).await?;
    let keeps_over = uplink::keeps_over(tx, site).await?;
    let wants = known.iter().filter_map(|known| uplink::wanted(known, &recipes, keeps_over)).collect();
    routers::want(tx, app, router, order.actor, wants).await?;
    let note = |known: &Known| {
        let replaced = known.replaced_by.map(|id| serde_json::json!({ "to": id }));
        Note { voucher: known.id, batch: known.batch, detail: replaced.unwrap_or_else(|| detail.clone()) }
    };
    store::note(&**tx, app.clock.now(), cause, known.iter().map(note).collect()).await
}

/// What was sold and is void before anybody used it brought nothing.
async fn take_back(tx: &Tx, app: &App, order: &Order<'_>, act: &Act, ids: &[VoucherId]) -> Result<(), DbErr> {
    let Act::Void { reason } = act else { return Ok(()) };
    books::taken_back(tx, app.clock.now(), order.actor, ids, reason).await
}

fn cause<'a>(order: &Order<'a>, act: &'a Act) -> Cause<'a> {
    Cause { what: act.name(), actor: &order.actor.name, reason: act.reason() }
}

/// What the history and the audit log keep of it.
fn detail_of(act: &Act) -> serde_json::Value {
    match act {
        Act::Extend(more) => serde_json::json!({
            "active_secs": more.active_secs, "online_secs": more.online_secs, "bytes": more.bytes,
            "activate_before": more.activate_before,
        }),
        Act::Block { reason } | Act::Void { reason } => serde_json::json!({ "reason": reason }),
        Act::Unblock | Act::Move | Act::Replace => serde_json::Value::Null,
    }
}

fn action(act: &Act) -> &'static str {
    match act {
        Act::Block { .. } => "voucher.block",
        Act::Unblock => "voucher.unblock",
        Act::Extend(_) => "voucher.extend",
        Act::Void { .. } => "voucher.void",
        Act::Move => "voucher.move",
        Act::Replace => "voucher.reissue",
    }
}

fn batch_action(act: &Act) -> &'static str {
    match act {
        Act::Block { .. } => "voucher_batch.block",
        Act::Unblock => "voucher_batch.unblock",
        Act::Extend(_) => "voucher_batch.extend",
        Act::Void { .. } => "voucher_batch.void",
        Act::Move => "voucher_batch.move",
        Act::Replace => "voucher_batch.reissue",
    }
}
