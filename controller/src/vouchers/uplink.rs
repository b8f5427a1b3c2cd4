//! What agents' reports do to vouchers: proofs, first logins, use, ends, and names that were taken.
//!
//! The reports of one gathering are applied in memory, in their order, to the vouchers they name; then what changed is
//! written once.

use std::collections::{BTreeMap, HashMap, HashSet};

use hiji_shared::{
    desired::{FailCode, ItemResult, ItemStatus, Object},
    device::Kind,
    event::{Event, Source},
};
use sea_orm::DbErr;

use super::{
    books,
    life::{Life, Outcome, Status, Step},
    make::{self, Random},
    store::{self, Known, Recipe},
    wanted::Login,
};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    db::Tx,
    events::{self, BusinessEvent},
    http::access::Scope,
    ids::{BatchId, RouterId, SiteId, VoucherId},
    mqtt::report::Reported,
    routers::{self, Want},
    settings, sites,
};

/// Steps of one router's vouchers, in order, by code.
type Steps = Vec<(String, Step)>;
pub(super) type Recipes = HashMap<BatchId, Recipe>;

/// Why no code could be found where thousands are free: the batch shows it.
pub(super) const NO_CODE: &str = "name_taken";
/// Who put back what somebody removed.
const AGENT: &str = "agent";

/// Applies proofs, first logins, use and ends. Wakes nobody: the caller does so after the commit.
///
/// # Errors
/// The database's.
pub async fn apply(tx: &Tx, app: &App, reports: &[Reported]) -> Result<(), DbErr> {
    let mut routers: BTreeMap<(RouterId, SiteId), Steps> = BTreeMap::new();
    for report in reports {
        let steps = routers.entry((report.router, report.site)).or_default();
        match &report.event {
            Event::DesiredResult { items } => steps.extend(items.iter().filter_map(step_of)),
            Event::FirstLogin(login) if login.kind == Kind::HotspotUser => {
                steps.push((login.user.clone(), Step::Login(login.clone())));
            }
            Event::UserEnded(ended) if ended.kind == Kind::HotspotUser => {
                steps.push((ended.user.clone(), Step::Ended(ended.clone())));
            }
            Event::UserUsage { kind: Kind::HotspotUser, users } => {
                steps.extend(users.iter().map(|usage| (usage.0.clone(), Step::Used(usage.used()))));
            }
            Event::UserBound { kind: Kind::HotspotUser, user, mac, .. } => {
                steps.push((user.clone(), Step::Bound { mac: mac.clone() }));
            }
            Event::UsersRestored { kind: Kind::HotspotUser, users, .. } => {
                steps.extend(users.iter().map(|user| (user.clone(), Step::Restored)));
            }
            // Not of a hotspot user, or not routed here by the inbox.
            Event::FirstLogin(_)
            | Event::UserEnded(_)
            | Event::UserUsage { .. }
            | Event::UserBound { .. }
            | Event::UsersRestored { .. }
            | Event::RouterFacts(_)
            | Event::RouterReach { .. }
            | Event::SessionLogin { .. }
            | Event::SessionLogout(_)
            | Event::Delta(_)
            | Event::MirrorDigest { .. }
            | Event::DesiredHave { .. }
            | Event::CommandResult(_)
            | Event::Alert { .. }
            | Event::OutboxGap { .. }
            | Event::Unknown => {}
        }
    }
    for (place, steps) in routers.into_iter().filter(|(_, steps)| !steps.is_empty()) {
        apply_router(tx, app, place, &steps).await?;
    }
    Ok(())
}

/// An agent begins with nothing: its router may be another box, where every voucher in use counts from 0. Says what
/// each has used, so that only the rest is left there.
///
/// # Errors
/// The database's.
pub async fn began_anew(tx: &Tx, app: &App, router: RouterId, site: SiteId) -> Result<(), DbErr> {
    let used = store::known_used(&**tx, &app.keys, router).await?;
    let recipes = recipes_of(tx, used.iter()).await?;
    let keeps_over = keeps_over(tx, site).await?;
    let wants: Vec<Want> = used.iter().filter_map(|known| wanted(known, &recipes, keeps_over)).collect();
    if wants.is_empty() {
        return Ok(());
    }
    routers::want(tx, app, router, &Actor::system("vouchers"), wants).await.map(|_| ())
}

fn step_of(item: &ItemResult) -> Option<(String, Step)> {
    if item.kind != Kind::HotspotUser {
        return None;
    }
    let step = match item.status {
        ItemStatus::Verified => Step::Proved,
        ItemStatus::Failed if item.code == Some(FailCode::NameTaken) => Step::NameTaken,
        ItemStatus::Failed => Step::Failed(item.code.unwrap_or(FailCode::Other).as_str()),
        ItemStatus::Superseded => return None,
    };
    Some((item.key.clone(), step))
}

/// How the vouchers of these batches are made.
pub(super) async fn recipes_of(tx: &Tx, known: impl Iterator<Item = &Known>) -> Result<Recipes, DbErr> {
    let batches: HashSet<BatchId> = known.map(|known| known.batch).collect();
    let marker = settings::load(&**tx).await?.voucher_marker;
    store::recipes(&**tx, batches.into_iter().collect(), &marker).await
}

/// Do vouchers that are over stay on the routers of a site for a while?
pub(super) async fn keeps_over(tx: &Tx, site: SiteId) -> Result<bool, DbErr> {
    Ok(sites::find(&**tx, &Scope::All, site).await?.is_some_and(|site| site.cleanup_days != Some(0)))
}

/// What the reports did to the vouchers of one router.
#[derive(Default)]
struct Changes {
    ready: Vec<Known>,
    /// Written, and their router told.
    changed: Vec<Known>,
    /// Only written.
    counted: Vec<Known>,
    /// Vouchers whose code is somebody else's user on the router, with their place in `changed`.
    renamed: Vec<usize>,
    /// Names that are wanted no more.
    given_up: Vec<String>,
    bound: Vec<store::Note>,
    /// Used while nobody looked: when is reckoned from the use.
    seen_late: Vec<store::Note>,
    restored: Vec<store::Note>,
    counts: BTreeMap<BatchId, (i32, i32)>,
    /// Batches of which more is proven, or refused.
    proofs: HashSet<BatchId>,
    /// Logged in with for the first time.
    activated: Vec<VoucherId>,
    events: Vec<BusinessEvent>,
}

async fn apply_router(tx: &Tx, app: &App, (router, site): (RouterId, SiteId), steps: &Steps) -> Result<(), DbErr> {
    let codes: HashSet<&String> = steps.iter().map(|(code, _)| code).collect();
    let codes: Vec<String> = codes.into_iter().cloned().collect();
    let known = store::known(&**tx, &app.keys, router, &codes).await?;
    if known.is_empty() {
        return Ok(());
    }
    let recipes = recipes_of(tx, known.values()).await?;
    let mut changes = decide(router, &known, steps);
    removed(tx, app, router, &known, steps, &mut changes).await?;
    rename(tx, (router, site), &mut changes, &recipes).await?;
    write(tx, app, (router, site), changes, &recipes).await
}

/// Pure: walks the steps through the vouchers.
fn decide(router_id: RouterId, known: &HashMap<String, Known>, steps: &Steps) -> Changes {
    let mut changes = Changes::default();
    let mut now = known.clone();
    let mut renamed = HashSet::new();
    let mut told = HashSet::new();
    for (code, step) in steps {
        let Some(Known { id, batch, life, allowance, .. }) = now.get_mut(code) else { continue };
        let (voucher_id, batch_id, code) = (*id, *batch, code.clone());
        let note = |detail| store::Note { voucher: voucher_id, batch: batch_id, detail };
        match life.step(step, allowance.active_secs) {
            Outcome::Nothing | Outcome::Counted => {}
            Outcome::Proof => {
                changes.proofs.insert(batch_id);
            }
            Outcome::Rename => {
                renamed.insert(code);
            }
            Outcome::Activated => {
                told.insert(code.clone());
                changes.activated.push(voucher_id);
                if matches!(step, Step::Login(login) if login.src == Source::Scan) {
                    changes.seen_late.push(note(serde_json::Value::Null));
                }
                changes.events.push(BusinessEvent::VoucherActivated { voucher_id, batch_id, router_id, code });
            }
            Outcome::Bound => {
                told.insert(code.clone());
                changes.bound.push(note(serde_json::json!({ "mac": life.mac })));
                let what = "bound".to_owned();
                changes.events.push(BusinessEvent::VoucherChanged { voucher_id, batch_id, router_id, code, what });
            }
            Outcome::Restored => changes.restored.push(note(serde_json::Value::Null)),
            Outcome::Ended => {
                told.insert(code.clone());
                let reason = life.end_reason.clone();
                changes.events.push(BusinessEvent::VoucherEnded { voucher_id, batch_id, router_id, code, reason });
            }
        }
    }
    for (code, after) in now {
        let Some(before) = known.get(&code) else { continue };
        // A voucher that was logged in with after all is on the router under its name.
        let rename = renamed.contains(&code) && after.life.status == Status::Draft;
        if before.life == after.life && !rename {
            continue;
        }
        count(&mut changes.counts, after.batch, &before.life, &after.life);
        if after.life.status == Status::Ready && before.life.status == Status::Draft {
            changes.ready.push(after);
        } else if rename {
            changes.renamed.push(changes.changed.len());
            changes.proofs.insert(after.batch);
            changes.changed.push(after);
        } else if told.contains(&code) {
            changes.changed.push(after);
        } else {
            // Counters, or why the router would not: it has what it needs to know.
            changes.counted.push(after);
        }
    }
    changes
}

/// How the counters of a batch move when a voucher changes.
pub(super) fn count(counts: &mut BTreeMap<BatchId, (i32, i32)>, batch: BatchId, before: &Life, after: &Life) {
    let applied = |life: &Life| i32::from(life.status != Status::Draft);
    let failed = |life: &Life| i32::from(life.status == Status::Draft && !life.failure.is_empty());
    let (sum_applied, sum_failed) = counts.entry(batch).or_default();
    *sum_applied += applied(after) - applied(before);
    *sum_failed += failed(after) - failed(before);
}

/// Notes which vouchers that are over are off the router for good.
async fn removed(
    tx: &Tx,
    app: &App,
    router: RouterId,
    known: &HashMap<String, Known>,
    steps: &Steps,
    changes: &mut Changes,
) -> Result<(), DbErr> {
    let over = |code: &&String| {
        known.get(*code).is_some_and(|known| known.life.status.is_over() && known.life.removed_at.is_none())
    };
    let proved = steps.iter().filter(|(_, step)| matches!(step, Step::Proved)).map(|(code, _)| code);
    let names: Vec<String> = proved.filter(over).cloned().collect();
    if names.is_empty() {
        return Ok(());
    }
    let gone = routers::proven_gone(&**tx, router, Kind::HotspotUser, &names).await?;
    let now = app.clock.now();
    for name in gone {
        let Some(mut after) = known.get(&name).cloned() else { continue };
        after.life.removed_at = Some(now);
        changes.counted.push(after);
    }
    Ok(())
}

/// Gives new codes to vouchers whose name the router has for somebody else: all of one look together.
async fn rename(tx: &Tx, place: (RouterId, SiteId), changes: &mut Changes, recipes: &Recipes) -> Result<(), DbErr> {
    let (router, site) = place;
    let mut random = Random::default();
    let mut by_batch: BTreeMap<BatchId, Vec<usize>> = BTreeMap::new();
    for &at in &changes.renamed {
        let Some(known) = changes.changed.get(at) else { continue };
        by_batch.entry(known.batch).or_default().push(at);
    }
    let mut given: HashSet<String> = HashSet::new();
    for (batch, places) in by_batch {
        let Some(recipe) = recipes.get(&batch) else { continue };
        let codes = if recipe.is_given {
            Vec::new()
        } else {
            make::codes_for(tx, (site, router), &recipe.look, places.len()).await?.unwrap_or_default()
        };
        // Two batches of one look could draw the same.
        let mut codes = codes.into_iter().filter(|code| given.insert(code.clone())).collect::<Vec<_>>();
        for at in places {
            let Some(known) = changes.changed.get_mut(at) else { continue };
            if let Some(code) = codes.pop() {
                let old = std::mem::replace(&mut known.login, Login::new(code, recipe.mode, &mut random));
                changes.given_up.push(old.code);
            } else {
                let before = known.life.clone();
                NO_CODE.clone_into(&mut known.life.failure);
                count(&mut changes.counts, batch, &before, &known.life);
            }
        }
    }
    Ok(())
}

/// Draws codes again for vouchers that found none.
pub(super) async fn draw_again(
    tx: &Tx,
    app: &App,
    place: (RouterId, SiteId),
    nameless: Vec<Known>,
) -> Result<(), DbErr> {
    if nameless.is_empty() {
        return Ok(());
    }
    let mut changes = Changes::default();
    for mut known in nameless {
        let before = known.life.clone();
        known.life.failure.clear();
        count(&mut changes.counts, known.batch, &before, &known.life);
        changes.proofs.insert(known.batch);
        changes.renamed.push(changes.changed.len());
        changes.changed.push(known);
    }
    let recipes = recipes_of(tx, changes.changed.iter()).await?;
    rename(tx, place, &mut changes, &recipes).await?;
    write(tx, app, place, changes, &recipes).await
}

async fn write(
    tx: &Tx,
    app: &App,
    (router, site): (RouterId, SiteId),
    changes: Changes,
    recipes: &Recipes,
) -> Result<(), DbErr> {
    let now = app.clock.now();
    let ready: Vec<_> = changes.ready.iter().map(|known| known.id).collect();
    store::set_ready(&**tx, &ready).await?;
    store::save_all(&**tx, &app.keys, &changes.counted).await?;
    store::save_all(&**tx, &app.keys, &changes.changed).await?;
    let keeps_over = if changes.changed.is_empty() { false } else { keeps_over(tx, site).await? };
    let mut wants: Vec<Want> = changes.changed.iter().filter_map(|known| wanted(known, recipes, keeps_over)).collect();
    // What the router has under these names is not ours: it stays, also when its owner removes it later.
    let given_up = changes.given_up.into_iter().map(|name| Object::Forgotten { kind: Kind::HotspotUser, name });
    wants.extend(given_up.map(|object| Want { object }));
    if !wants.is_empty() {
        routers::want(tx, app, router, &Actor::system("vouchers"), wants).await?;
    }
    for (batch, counts) in changes.counts.into_iter().filter(|(_, counts)| *counts != (0, 0)) {
        store::count(&**tx, batch, counts).await?;
    }
    books::used(tx, now, &changes.activated).await?;
    if !changes.restored.is_empty() {
        let detail = serde_json::json!({ "count": changes.restored.len() });
        let deed = Deed { action: "voucher.restored", object: format!("router/{router}"), site: Some(site), detail };
        audit::record(&**tx, now, &Actor::system(AGENT), deed).await?;
    }
    let cause = |what| store::Cause { what, actor: AGENT, reason: "" };
    store::note(&**tx, now, cause("bound"), changes.bound).await?;
    store::note(&**tx, now, cause("seen_late"), changes.seen_late).await?;
    store::note(&**tx, now, cause("restored"), changes.restored).await?;
    let mut events = changes.events;
    let progress = |batch_id| BusinessEvent::BatchProgress { batch_id, router_id: router };
    events.extend(changes.proofs.into_iter().map(progress));
    if events.is_empty() { Ok(()) } else { events::record_all(&**tx, now, Some(site), &events).await }
}

/// What the router shall have of a voucher from now on, so that a replaced router gets the same.
pub(super) fn wanted(known: &Known, recipes: &Recipes, keeps_over: bool) -> Option<Want> {
    // One that failed for another reason is wanted as it was: the agent tries again by itself.
    if known.life.status == Status::Draft && !known.life.failure.is_empty() {
        return None;
    }
    let recipe = recipes.get(&known.batch)?;
    Some(recipe.spec.of_life(&known.login, known.price, (&known.allowance, &known.life), keeps_over))
}
