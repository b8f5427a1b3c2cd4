//! Makes the router be as wanted: takes entries from the queue, writes what the reconciler says, reads it back, and
//! reports what was proven. Paced by the router's own answer times.
//!
//! A write whose outcome is unknown is read back, never repeated blindly. Profiles go before the users that name them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use hiji_shared::{
    comment,
    desired::{FailCode, ItemResult, ItemStatus},
    device::Kind,
    event::Event,
};
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    ctx::Ctx,
    knowledge::{Core, slot},
    life, menus,
    pace::Pace,
    reconcile::Step,
    router::{Reader, fail_code, is_lost},
    routeros::{CallError, Request, TrapKind},
    state::want::{Progress, Want},
    usage,
};

/// Written entries read back together by their names.
const READ_BACK: usize = 50;
/// With more than this at hand a full print is the cheaper read-back.
const BULK: usize = 500;
/// Written entries read back by one full print.
const READ_BACK_BULK: usize = 2_000;
/// Outcomes in one report, and how long they wait for more.
const REPORT_ITEMS: usize = 100;
const REPORT_AFTER: Duration = Duration::from_millis(500);
/// Writes that did not show, before an entry counts as failed.
const TRIES: u8 = 2;
/// A failed entry is tried again after this, doubling.
const RETRY_FIRST_MS: u64 = 60_000;
const RETRY_LONGEST_MS: u64 = 600_000;
/// A router that is busy is asked again sooner.
const RETRY_BUSY_MS: u64 = 2_000;
/// Blocks that were put back are told at most this often.
const PUT_BACK_TELL_MS: u64 = 600_000;
/// Failed entries are looked through this often.
const RETRY_TICK: Duration = Duration::from_secs(1);

/// The reconciler's work over one connection.
struct Apply<'a> {
    reader: &'a Reader<'a>,
    pace: Pace,
    /// Written and not yet read back, by kind.
    written: [Vec<Box<str>>; 4],
    /// Writes of an entry that did not show yet, and the router's last word on it.
    tries: BTreeMap<(Kind, Box<str>), Tried>,
    report_at: Option<Instant>,
}

#[derive(Debug, Default)]
struct Tried {
    times: u8,
    refusal: Option<(TrapKind, String)>,
}

/// How one write went.
struct Done {
    kind: Kind,
    name: Box<str>,
    outcome: Result<(), CallError>,
    took: Duration,
}

/// Reconciles until the connection is lost.
pub(crate) async fn run(reader: &Reader<'_>) -> CallError {
    let mut apply =
        Apply { reader, pace: Pace::new(), written: Default::default(), tries: BTreeMap::new(), report_at: None };
    match apply.work().await {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

/// A loop that only an error ends.
enum Never {}

impl Apply<'_> {
    async fn work(&mut self) -> Result<Never, CallError> {
        let ctx = self.reader.ctx;
        let mut flight = FuturesUnordered::new();
        let mut retry = tokio::time::interval(RETRY_TICK);
        loop {
            self.pace.cpu(ctx.core().cpu_percent.unwrap_or(0));
            while flight.len() < self.pace.window() && self.unread() < self.read_back_at() {
                let Some((kind, name, step)) = self.next() else { break };
                flight.push(write(self.reader, kind, name, step));
            }
            if flight.is_empty() && self.unread() > 0 {
                self.read_back().await?;
                continue;
            }
            self.report().await;
            tokio::select! {
                Some(done) = flight.next() => self.done(done)?,
                () = ctx.wake.apply.notified() => {}
                () = wait(self.report_at) => {}
                _ = retry.tick() => retry_due(&mut ctx.core(), ctx.moment().mono_ms),
            }
        }
    }

    fn unread(&self) -> usize {
        self.written.iter().map(Vec::len).sum()
    }

    /// How many written entries are collected before they are read back.
    fn read_back_at(&self) -> usize {
        let at_hand = self.reader.ctx.core().queue.len() + self.unread();
        if at_hand > BULK { READ_BACK_BULK } else { READ_BACK }
    }

    /// The next entry that needs a write. What needs none is settled on the way.
    fn next(&mut self) -> Option<(Kind, Box<str>, Step)> {
        let ctx = self.reader.ctx;
        let mut core = ctx.core();
        loop {
            // Users wait until the profiles they may name are proven.
            let profile = core.queue.iter().position(|(kind, _)| is_profile(*kind));
            if profile.is_none() && [Kind::HotspotProfile, Kind::PppProfile].iter().any(|kind| self.waits(*kind)) {
                return None;
            }
            let (kind, name) = core.queue.remove(profile.unwrap_or(0))?;
            if core.state.get(kind, &name).is_none_or(|entry| entry.progress != Progress::Queued) {
                continue;
            }
            if core
                .state
                .get(kind, &name)
                .and_then(|entry| entry.life.as_ref())
                .is_some_and(|life| life.ended.is_some() && !life.end_done)
            {
                set_progress(&mut core, kind, &name, Progress::Unknown);
                continue;
            }
            match core.step(kind, &name, ctx) {
                _ if self.reader.unsupported(kind) => {
                    let why = "the router has no such menu".to_owned();
                    self.failed(&mut core, kind, &name, FailCode::Unsupported, why);
                }
                // A session of before the last change is still open: the run before this one was cut off.
                Step::Right if kick_due(&core, kind, &name) => {
                    set_progress(&mut core, kind, &name, Progress::Written);
                    return Some((kind, name, Step::Right));
                }
                Step::Right => self.verified(&mut core, kind, &name),
                Step::Refuse(code, why) => self.failed(&mut core, kind, &name, code, why),
                step @ (Step::Add(_) | Step::Change { .. } | Step::Remove { .. }) => {
                    let step = if matches!(step, Step::Add(_)) {
                        usage::begins_anew(&mut core, kind, &name);
                        core.step(kind, &name, ctx)
                    } else {
                        step
                    };
                    tell_put_back(ctx, &mut core, kind, &name, &step);
                    set_progress(&mut core, kind, &name, Progress::Written);
                    return Some((kind, name, step));
                }
            }
        }
    }

    fn waits(&self, kind: Kind) -> bool {
        !self.written[slot(kind)].is_empty()
    }

    /// Takes the outcome of a write.
    fn done(&mut self, done: Done) -> Result<(), CallError> {
        let Done { kind, name, outcome, took } = done;
        match outcome {
            Ok(()) => self.pace.answered(took),
            Err(error) if is_lost(&error) => return Err(error),
            Err(CallError::Trap(trap)) => {
                self.pace.answered(took);
                let refusal = (trap.kind(), trap.to_string());
                // The mirror is behind, or an answer was lost: look, then decide again.
                if matches!(refusal.0, TrapKind::Duplicate | TrapKind::NoSuchItem) {
                    self.tries.entry((kind, name.clone())).or_default().refusal = Some(refusal);
                } else {
                    let mut core = self.reader.ctx.core();
                    self.failed(&mut core, kind, &name, fail_code(refusal.0), refusal.1);
                    if refusal.0 == TrapKind::Busy {
                        self.pace.trouble();
                        retry_in(&mut core, kind, &name, self.now() + RETRY_BUSY_MS);
                    }
                    return Ok(());
                }
            }
            Err(
                CallError::OutcomeUnknown
                | CallError::IdleTimeout
                | CallError::Lagged
                | CallError::TooLarge(_)
                | CallError::Closed
                | CallError::Fatal(_),
            ) => self.pace.trouble(),
        }
        self.written[slot(kind)].push(name);
        Ok(())
    }

    fn now(&self) -> u64 {
        self.reader.ctx.moment().mono_ms
    }

    /// Reads back what was written and settles what is proven.
    async fn read_back(&mut self) -> Result<(), CallError> {
        for kind in Kind::ALL {
            let names = std::mem::take(&mut self.written[slot(kind)]);
            if names.is_empty() {
                continue;
            }
            let read = if names.len() > READ_BACK {
                self.reader.scan(kind).await
            } else {
                self.reader.by_names(kind, &names).await
            };
            if let Err(error) = read {
                if is_lost(&error) {
                    return Err(error);
                }
                tracing::warn!(%error, "cannot read back what was written");
                self.pace.trouble();
                sleep(RETRY_TICK).await;
            }
            let absent: Vec<Box<str>> = {
                let core = self.reader.ctx.core();
                names.iter().filter(|name| wanted_but_absent(&core, kind, name)).cloned().collect()
            };
            if !absent.is_empty() {
                self.reader.doubt_queries(kind, &absent).await?;
            }
            self.settle(kind, names);
        }
        Ok(())
    }

    fn settle(&mut self, kind: Kind, names: Vec<Box<str>>) {
        let ctx = self.reader.ctx;
        let mut core = ctx.core();
        for name in names {
            if core.step(kind, &name, ctx) == Step::Right {
                if kick_due(&core, kind, &name) {
                    set_progress(&mut core, kind, &name, Progress::Unknown);
                    core.enqueue(kind, &name);
                } else {
                    self.verified(&mut core, kind, &name);
                }
                continue;
            }
            let tried = self.tries.entry((kind, name.clone())).or_default();
            tried.times += 1;
            if tried.times < TRIES {
                set_progress(&mut core, kind, &name, Progress::Unknown);
                core.enqueue(kind, &name);
                continue;
            }
            let (code, why) = match tried.refusal.take() {
                Some((refusal, why)) => (fail_code(refusal), why),
                None => (FailCode::Mismatch, "what was read back differs from what was written".to_owned()),
            };
            self.failed(&mut core, kind, &name, code, why);
        }
    }

    /// The entry is as wanted: proven by a row that was read.
    fn verified(&mut self, core: &mut Core, kind: Kind, name: &str) {
        self.tries.remove(&(kind, name.into()));
        let Some(entry) = core.state.get_mut(kind, name) else { return };
        entry.progress = Progress::Verified;
        let rev = entry.rev;
        let news = entry.verified_rev != rev || entry.told_failure.take().is_some();
        let over = entry.ended().is_some();
        match entry.want {
            Want::Forgotten | Want::Isolation(_) => return,
            // An ended voucher was reported with its end.
            Want::User(ref user) if over && !user.over => return,
            Want::Gone => {}
            Want::User(_) | Want::Profile(_) => entry.applied = true,
        }
        if core.lost.remove(&(kind, Box::from(name))) && !over {
            core.restored.push((kind, name.into()));
            self.report_at.get_or_insert_with(|| Instant::now() + REPORT_AFTER);
        }
        if news {
            core.report(kind, name, rev, ItemStatus::Verified, None);
            self.report_at.get_or_insert_with(|| Instant::now() + REPORT_AFTER);
        }
    }

    /// The entry cannot be done now; told once for each reason.
    fn failed(&mut self, core: &mut Core, kind: Kind, name: &str, code: FailCode, why: String) {
        let times = self.tries.get(&(kind, name.into())).map_or(0, |tried| tried.times);
        let now = self.now();
        let Some(entry) = core.state.get_mut(kind, name) else { return };
        let rev = entry.rev;
        let news = entry.told_failure != Some((rev, code));
        entry.told_failure = Some((rev, code));
        let wait = (RETRY_FIRST_MS << times.min(8)).min(RETRY_LONGEST_MS);
        self.tries.entry((kind, name.into())).or_default().times = times.saturating_add(1);
        retry_in(core, kind, name, now + wait);
        if let Some(entry) = core.state.get_mut(kind, name)
            && let Progress::Failed { code: told, .. } = &mut entry.progress
        {
            *told = code;
        }
        if news {
            tracing::warn!(user = name, ?code, why, "an object cannot be applied");
            core.report(kind, name, rev, ItemStatus::Failed, Some((code, why)));
            self.report_at.get_or_insert_with(|| Instant::now() + REPORT_AFTER);
        }
    }

    /// Sends the outcomes collected, when there are enough or they waited long enough.
    async fn report(&mut self) {
        let ctx = self.reader.ctx;
        let due = self.report_at.is_some_and(|at| at <= Instant::now());
        {
            let mut core = ctx.core();
            let waiting = core.results.len().max(core.restored.len());
            if waiting == 0 || !(due || waiting >= REPORT_ITEMS) {
                return;
            }
            tell_restored(ctx, &mut core);
            let results = std::mem::take(&mut core.results);
            for item in results.iter().filter(|item| item.status == ItemStatus::Verified) {
                note_reported(&mut core, item);
            }
            for items in results.chunks(REPORT_ITEMS) {
                ctx.emit(&mut core, &Event::DesiredResult { items: items.to_vec() });
            }
        }
        self.report_at = None;
        ctx.commit().await;
    }
}

/// Tells what somebody removed on the router and is back.
fn tell_restored(ctx: &Ctx, core: &mut Core) {
    let restored = std::mem::take(&mut core.restored);
    let at = core.now_ms(ctx.moment()).div_euclid(1_000);
    for kind in [Kind::HotspotUser, Kind::PppSecret] {
        let users: Vec<String> =
            restored.iter().filter(|(of, _)| *of == kind).map(|(_, name)| name.to_string()).collect();
        for users in users.chunks(REPORT_ITEMS) {
            tracing::info!(count = users.len(), "users that were removed on the router are back");
            ctx.emit(core, &Event::UsersRestored { kind, users: users.to_vec(), at });
        }
    }
}

/// What the state may know once the report is on the disk.
fn note_reported(core: &mut Core, item: &ItemResult) {
    let gone =
        core.state.get(item.kind, &item.key).is_some_and(|entry| entry.want == Want::Gone && entry.rev == item.rev);
    if gone {
        core.notes.dropped.push((item.kind, item.key.clone()));
    } else {
        core.notes.applied.push((item.kind, item.key.clone(), item.rev));
    }
}

async fn wait(until: Option<Instant>) {
    match until {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn is_profile(kind: Kind) -> bool {
    kind == Kind::profile_of(kind.service())
}

fn kick_due(core: &Core, kind: Kind, name: &str) -> bool {
    core.state.get(kind, name).is_some_and(|entry| entry.kick_due)
}

fn set_progress(core: &mut Core, kind: Kind, name: &str, progress: Progress) {
    if let Some(entry) = core.state.get_mut(kind, name) {
        entry.progress = progress;
    }
}

fn retry_in(core: &mut Core, kind: Kind, name: &str, retry_at: u64) {
    let Some(entry) = core.state.get_mut(kind, name) else { return };
    let code = match entry.progress {
        Progress::Failed { code, retry_at: before, .. } => {
            core.retries.remove(&(before, kind, name.into()));
            code
        }
        Progress::Unknown | Progress::Queued | Progress::Written | Progress::Verified => FailCode::Other,
    };
    set_progress(core, kind, name, Progress::Failed { code, retry_at });
    core.retries.insert((retry_at, kind, name.into()));
}

/// Queues failed entries whose time has come.
fn retry_due(core: &mut Core, now: u64) {
    while let Some((at, kind, name)) = core.retries.first().cloned() {
        if at > now {
            return;
        }
        core.retries.pop_first();
        core.enqueue(kind, &name);
    }
}

/// A profile that was proven is put right: somebody changed it in WinBox, or the router lost scripts with another
/// change.
fn tell_put_back(ctx: &Ctx, core: &mut Core, kind: Kind, name: &str, step: &Step) {
    let Step::Change { fields, .. } = step else { return };
    let proven = core.state.get(kind, name).is_some_and(|entry| entry.verified_rev == entry.rev && entry.rev != 0);
    let scripts = fields.scripts.iter().any(Option::is_some);
    if !proven || !is_profile(kind) {
        return;
    }
    tracing::info!(profile = name, scripts, "a profile was changed on the router and is put right");
    let now = ctx.moment().mono_ms;
    if core.put_back_told.is_none_or(|told| now.saturating_sub(told) >= PUT_BACK_TELL_MS) {
        core.put_back_told = Some(now);
        let (code, msg) = if scripts {
            ("script_put_back", format!("the script of {name} was changed on the router; hiji's block was put back"))
        } else {
            ("profile_put_back", format!("{name} was changed on the router and was put back as its package says"))
        };
        ctx.emit(core, &Event::Alert { code: code.to_owned(), msg });
    }
}

fn wanted_but_absent(core: &Core, kind: Kind, name: &str) -> bool {
    let wanted = core.state.get(kind, name).is_some_and(|entry| match entry.want {
        Want::User(_) | Want::Profile(_) => entry.ended().is_none(),
        Want::Isolation(_) | Want::Gone | Want::Forgotten => false,
    });
    wanted && core.table(kind).get(name).is_none()
}

/// Does one step on the router, with what belongs to it.
async fn write(reader: &Reader<'_>, kind: Kind, name: Box<str>, step: Step) -> Done {
    let began = Instant::now();
    let step = match fresh(reader, kind, &name, step).await {
        Ok(step) => step,
        Err(error) => return Done { kind, name, outcome: Err(error), took: began.elapsed() },
    };
    let menu = menus::of(kind);
    let path = menu.path();
    let ends_sessions = !is_profile(kind)
        && match &step {
            Step::Change { fields, .. } => fields.ends_sessions(),
            Step::Remove { .. } => true,
            Step::Right | Step::Add(_) | Step::Refuse(..) => false,
        };
    if ends_sessions && was_used(reader, kind, &name) {
        reader.ctx.core().state.set_kick_due(kind, &name, true);
    }
    let outcome = match &step {
        Step::Add(fields) => {
            let request = Request::new(&format!("{path}/add")).attr("name", &*name);
            let outcome = reader.client.write(menu.write(request, fields, true)).await.map(drop);
            if outcome.is_ok() {
                let ended = left_over(reader, kind, &name).await;
                ended.or_else(|error| if is_lost(&error) { Err(error) } else { Ok(()) })
            } else {
                outcome
            }
        }
        Step::Change { id, fields } => {
            let request = Request::new(&format!("{path}/set")).attr(".id", &**id);
            reader.client.write(menu.write(request, fields, false)).await.map(drop)
        }
        Step::Remove { .. } => remove(reader, kind, &name).await,
        Step::Right | Step::Refuse(..) => Ok(()),
    };
    let took = began.elapsed();
    let outcome = match outcome {
        Ok(()) if ends_sessions || kick_due(&reader.ctx.core(), kind, &name) => kick(reader, kind, &name).await,
        outcome => outcome,
    };
    Done { kind, name, outcome, took }
}

/// Ends the sessions of a user that were open before its change. Until that is done nothing is proven.
async fn kick(reader: &Reader<'_>, kind: Kind, name: &str) -> Result<(), CallError> {
    let due = kick_due(&reader.ctx.core(), kind, name);
    if !due && !was_used(reader, kind, name) {
        return Ok(());
    }
    reader.ctx.core().sessions.ending(kind.service(), name, "kicked");
    let cleared = life::clear_traces(reader, kind.service(), &BTreeSet::from([name])).await;
    reader.ctx.active_wake(kind.service()).notify_one();
    cleared?;
    reader.ctx.core().state.set_kick_due(kind, name, false);
    Ok(())
}

/// Ends sessions of the row that was there before: what they used is taken off the new row's limits. The phone comes
/// back by its cookie.
async fn left_over(reader: &Reader<'_>, kind: Kind, name: &str) -> Result<(), CallError> {
    if is_profile(kind) || reader.ctx.core().sessions.of(kind.service(), name).next().is_none() {
        return Ok(());
    }
    reader.ctx.core().sessions.ending(kind.service(), name, "kicked");
    life::end_sessions(reader, kind.service(), &BTreeSet::from([name])).await?;
    reader.ctx.active_wake(kind.service()).notify_one();
    Ok(())
}

/// A script is written as a whole: decided after one more look, so that what an admin typed a moment ago stays.
async fn fresh(reader: &Reader<'_>, kind: Kind, name: &str, step: Step) -> Result<Step, CallError> {
    match &step {
        Step::Change { fields, .. } if fields.scripts.iter().any(Option::is_some) => {
            reader.by_names(kind, &[name.into()]).await?;
            Ok(reader.ctx.core().step(kind, name, reader.ctx))
        }
        Step::Add(_) | Step::Change { .. } | Step::Remove { .. } | Step::Right | Step::Refuse(..) => Ok(step),
    }
}

/// Removes the row of a name after one more look at it: an id kept since the last print may mean another row by now.
async fn remove(reader: &Reader<'_>, kind: Kind, name: &str) -> Result<(), CallError> {
    reader.by_names(kind, &[name.into()]).await?;
    let step = reader.ctx.core().step(kind, name, reader.ctx);
    let Step::Remove { id } = step else { return Ok(()) };
    let request = Request::new(&format!("{}/remove", menus::of(kind).path())).attr(".id", &*id);
    reader.client.write(request).await.map(drop)
}

/// Could there be sessions or cookies of the user? Thousands of unused vouchers need no look.
fn was_used(reader: &Reader<'_>, kind: Kind, name: &str) -> bool {
    let core = reader.ctx.core();
    let row = core.table(kind).get(name).and_then(|row| row.user());
    let used = row.is_some_and(|user| user.used.uptime_secs > 0);
    let lived = core.state.get(kind, name).is_some_and(|entry| entry.life.is_some() || entry.first_login().is_some());
    // Who pays by the month may be online since a moment ago; secrets have no counters in their row at all.
    let subscribed =
        core.state.get(kind, name).and_then(|entry| entry.user()).is_some_and(|user| user.is_subscription());
    // Of one who shall be gone only his row tells who he was.
    let marker = &core.state.config().voucher_marker;
    let by_month = row.is_some_and(|user| !comment::is_voucher(&user.comment, marker));
    used || lived
        || subscribed
        || by_month
        || kind == Kind::PppSecret
        || core.sessions.of(kind.service(), name).next().is_some()
}
