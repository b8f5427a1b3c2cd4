//! What agents' reports do to vouchers: proofs, first logins, ends, and names that were taken.
//!
//! The reports of one gathering are applied in memory, in their order, to the vouchers they name; then what changed is
//! written once.

use std::collections::{BTreeMap, HashMap, HashSet};

use hiji_shared::{
    desired::{FailCode, ItemResult, ItemStatus, Object},
    device::Kind,
    event::Event,
};
use sea_orm::DbErr;

use super::{
    life::{Life, Outcome, Status, Step},
    make::{self, Login, Random},
    store::{self, Known, Recipe},
};
use crate::{
    app::App,
    audit::Actor,
    db::Tx,
    events::{self, BusinessEvent},
    ids::{BatchId, RouterId, SiteId},
    mqtt::report::Reported,
    routers::{self, Want},
    settings,
};

/// Steps of one router's vouchers, in order, by code.
type Steps = Vec<(String, Step)>;
type Recipes = HashMap<BatchId, Recipe>;

/// Why no code could be found where thousands are free: the batch shows it.
const NO_CODE: &str = "name_taken";

/// Applies proofs, first logins and ends. Wakes nobody: the caller does so after the commit.
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
            // Not of a hotspot user, or not routed here by the inbox.
            Event::FirstLogin(_)
            | Event::UserEnded(_)
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

/// What the reports did to the vouchers of one router.
#[derive(Default)]
struct Changes {
    ready: Vec<Known>,
    changed: Vec<Known>,
    /// Vouchers whose code is somebody else's user on the router, with their place in `changed`.
    renamed: Vec<usize>,
    /// Names that are wanted no more.
    given_up: Vec<String>,
    counts: BTreeMap<BatchId, (i32, i32)>,
    /// Batches of which more is proven, or refused.
    proofs: HashSet<BatchId>,
    events: Vec<BusinessEvent>,
}

async fn apply_router(tx: &Tx, app: &App, (router, site): (RouterId, SiteId), steps: &Steps) -> Result<(), DbErr> {
    let codes: HashSet<&String> = steps.iter().map(|(code, _)| code).collect();
    let codes: Vec<String> = codes.into_iter().cloned().collect();
    let known = store::known(&**tx, &app.keys, router, &codes).await?;
    if known.is_empty() {
        return Ok(());
    }
    let batches: HashSet<BatchId> = known.values().map(|known| known.batch).collect();
    let marker = settings::load(&**tx).await?.voucher_marker;
    let recipes = store::recipes(&**tx, batches.into_iter().collect(), &marker).await?;
    let mut changes = decide(router, &known, steps, &recipes);
    rename(tx, (router, site), &mut changes, &recipes).await?;
    write(tx, app, (router, site), changes, &recipes).await
}

/// Pure: walks the steps through the vouchers.
fn decide(router_id: RouterId, known: &HashMap<String, Known>, steps: &Steps, recipes: &Recipes) -> Changes {
    let mut changes = Changes::default();
    let mut now = known.clone();
    let mut renamed = HashSet::new();
    for (code, step) in steps {
        let Some(Known { id, batch, life, .. }) = now.get_mut(code) else { continue };
        let active_secs = recipes.get(batch).and_then(|recipe| recipe.spec.active_secs);
        let (voucher_id, batch_id, code) = (*id, *batch, code.clone());
        match life.step(step, active_secs) {
            Outcome::Nothing => {}
            Outcome::Proof => {
                changes.proofs.insert(batch_id);
            }
            Outcome::Rename => {
                renamed.insert(code);
            }
            Outcome::Activated => {
                changes.events.push(BusinessEvent::VoucherActivated { voucher_id, batch_id, router_id, code });
            }
            Outcome::Ended => {
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
        if after.life.status == Status::Ready {
            changes.ready.push(after);
            continue;
        }
        if rename {
            changes.renamed.push(changes.changed.len());
            changes.proofs.insert(after.batch);
        }
        changes.changed.push(after);
    }
    changes
}

fn count(counts: &mut BTreeMap<BatchId, (i32, i32)>, batch: BatchId, before: &Life, after: &Life) {
    let applied = |life: &Life| i32::from(life.status != Status::Draft);
    let failed = |life: &Life| i32::from(life.status == Status::Draft && !life.failure.is_empty());
    let (sum_applied, sum_failed) = counts.entry(batch).or_default();
    *sum_applied += applied(after) - applied(before);
    *sum_failed += failed(after) - failed(before);
}

/// Gives new codes to vouchers whose name the router has for somebody else.
async fn rename(tx: &Tx, place: (RouterId, SiteId), changes: &mut Changes, recipes: &Recipes) -> Result<(), DbErr> {
    let (router, site) = place;
    let mut random = Random::default();
    for &at in &changes.renamed {
        let Some(known) = changes.changed.get_mut(at) else { continue };
        let Some(recipe) = recipes.get(&known.batch) else { continue };
        let code = make::codes_for(tx, (site, router), &recipe.look, 1).await?.and_then(|mut codes| codes.pop());
        match code {
            Some(code) => {
                let login = Login::new(code, recipe.mode, &mut random);
                let old = std::mem::replace(&mut known.login, login);
                changes.given_up.push(old.code);
                // So that the next one is not given the same code.
                store::save_code(&**tx, known.id, &known.login.code).await?;
            }
            None => {
                let before = known.life.clone();
                NO_CODE.clone_into(&mut known.life.failure);
                count(&mut changes.counts, known.batch, &before, &known.life);
            }
        }
    }
    Ok(())
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
    let mut wants = Vec::new();
    for known in &changes.changed {
        store::save(&**tx, &app.keys, known).await?;
        wants.extend(wanted(known, recipes));
    }
    // What the router has under these names is not ours: it stays, also when its owner removes it later.
    let given_up = changes.given_up.into_iter().map(|name| Object::Forgotten { kind: Kind::HotspotUser, name });
    wants.extend(given_up.map(|object| Want { object }));
    if !wants.is_empty() {
        routers::want(tx, app, router, &Actor::system("vouchers"), wants).await?;
    }
    for (batch, counts) in changes.counts.into_iter().filter(|(_, counts)| *counts != (0, 0)) {
        store::count(&**tx, batch, counts).await?;
    }
    let mut events = changes.events;
    let progress = |batch_id| BusinessEvent::BatchProgress { batch_id, router_id: router };
    events.extend(changes.proofs.into_iter().map(progress));
    if events.is_empty() { Ok(()) } else { events::record_all(&**tx, now, Some(site), &events).await }
}

/// What the router shall have of a voucher from now on, so that a replaced router gets the same.
fn wanted(known: &Known, recipes: &Recipes) -> Option<Want> {
    let life = &known.life;
    if life.status.is_over() {
        let object = Object::Gone { kind: Kind::HotspotUser, name: known.login.code.clone() };
        return Some(Want { object });
    }
    // One that failed for another reason is wanted as it was: the agent tries again by itself.
    if life.status == Status::Draft && !life.failure.is_empty() {
        return None;
    }
    recipes.get(&known.batch).map(|recipe| recipe.spec.user(&known.login, Some(life)))
}
