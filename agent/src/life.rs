//! The life of hiji's users on the router: the first login is seen, the end comes at its second, sessions are ended.
//!
//! Every fact is on the disk before it is reported or acted upon, so a crash at any point resumes. All of it works
//! while the controller is away; nothing is ended while the clock is doubtful.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use hiji_shared::{
    comment::{self, Comment},
    desired::valid_until,
    device::{Kind, Service, Used},
    event::{EndReason, Ended, Event, FirstLogin, Source},
};
use tokio::time::sleep;

use crate::{
    ctx::Ctx,
    due,
    knowledge::Core,
    menus::active,
    reconcile::Step,
    router::{Reader, active as online, is_lost},
    routeros::{CallError, Request, TrapKind},
    state::want::{Entry, Progress, WantMark},
    usage,
};

/// Clocks are compared at least this often.
const TICK: Duration = Duration::from_secs(10);
/// Vouchers ended together.
const GROUP: usize = 50;
/// An end that did not work is tried again after this.
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// How often sessions and cookies that slip in are looked for.
const ROUNDS: usize = 4;
/// More users than this are looked up in the whole list of cookies.
const FEW_USERS: usize = 5;
/// The last known time is written this often.
const LAST_KNOWN_EVERY_MS: i64 = 600_000;

const USER_KINDS: [Kind; 2] = [Kind::HotspotUser, Kind::PppSecret];

/// Who logged in first, when, and who saw it.
struct First<'a> {
    kind: Kind,
    name: &'a str,
    at: i64,
    sid: String,
    mac: String,
    address: String,
    src: Source,
    estimated: bool,
}

/// Looks at the open sessions of a service for first logins. True when there was one.
pub(crate) fn sessions_seen(ctx: &Ctx, core: &mut Core, service: Service, src: Source) -> bool {
    let now = ctx.moment();
    if !core.clocks.can_date(now.wall_ms, now.mono_ms) {
        return false;
    }
    let kind = Kind::user_of(service);
    let now_ms = core.now_ms(now);
    let estimated = core.clocks.doubt(now.wall_ms, now.mono_ms).is_some();
    let mut firsts = Vec::new();
    let mut used_up = Vec::new();
    let mut bound = Vec::new();
    for open in core.sessions.iter().filter(|open| open.session.service == service) {
        let user = &open.session.user;
        let Some(entry) = core.state.get(kind, user) else { continue };
        let Some(WantMark::Voucher { .. }) = entry.user().map(|user| &user.mark) else { continue };
        if entry.is_over() || !core.owns(kind, user, ctx) {
            continue;
        }
        if due::used_up(entry, usage::total(core, kind, user)) {
            used_up.push(Box::from(user.as_str()));
        }
        // Free on the router as well: the device it was bound to before is thrown out.
        if entry.first_login().is_some() && entry.is_free() && entry.progress == Progress::Verified {
            bound.push((user.clone(), open.session.mac.clone()));
        }
        if entry.first_login().is_none() {
            // By the monotonic clock: the wall clock may have been wrong when the session was first seen.
            let age_ms = i64::try_from(now.mono_ms).unwrap_or(i64::MAX).saturating_sub(open.began_mono_ms);
            firsts.push((open.session.clone(), now_ms.saturating_sub(age_ms).div_euclid(1_000)));
        }
    }
    if !used_up.is_empty() {
        core.used_up.extend(used_up.into_iter().map(|name| (kind, name)));
        ctx.wake.due.notify_one();
    }
    let found = !firsts.is_empty() || !bound.is_empty();
    for (user, mac) in bound {
        rebind(ctx, core, kind, &user, &mac);
    }
    firsts.sort_by_key(|(_, at)| *at);
    for (session, at) in firsts {
        let (sid, mac, address) = (session.sid, session.mac, session.address);
        let first = First { kind, name: &session.user, at, sid, mac, address, src, estimated };
        record_first(ctx, core, first);
    }
    found
}

/// Binds a user that was set free to the device that came.
fn rebind(ctx: &Ctx, core: &mut Core, kind: Kind, name: &str, mac: &str) {
    let Some((moves, mac_lock)) =
        core.state.get(kind, name).and_then(Entry::user).map(|user| (user.moves, user.mac_lock))
    else {
        return;
    };
    core.state.set_life(kind, name, |life| {
        life.moves = moves;
        life.mac = (mac_lock && !mac.is_empty()).then(|| mac.into());
    });
    let at = core.now_ms(ctx.moment()).div_euclid(1_000);
    ctx.emit(core, &Event::UserBound { kind, user: name.to_owned(), mac: mac.to_owned(), at });
    core.enqueue(kind, name);
    ctx.wake.apply.notify_one();
}

/// Looks at a user's row that was just read: was it used, is it used up?
pub(crate) fn row_seen(ctx: &Ctx, core: &mut Core, kind: Kind, name: &str) {
    let Some(entry) = core.state.get(kind, name) else { return };
    let Some(WantMark::Voucher { marker, .. }) = entry.user().map(|user| &user.mark) else { return };
    let Some(row) = core.table(kind).get(name).cloned() else { return };
    let Some(user) = row.user() else { return };
    if entry.is_over() || !core.owns(kind, name, ctx) {
        return;
    }
    let marker = Arc::clone(marker);
    // Thousands were never used and need no look.
    if !user.used.is_nothing() || entry.life.is_some() || !entry.closed().is_nothing() {
        let used = usage::row_read(ctx, core, kind, name, user.used);
        if core.state.get(kind, name).is_some_and(|entry| due::used_up(entry, used)) {
            core.used_up.insert((kind, name.into()));
            ctx.wake.due.notify_one();
        }
    }
    if core.state.get(kind, name).is_none_or(|entry| entry.first_login().is_some()) {
        return;
    }
    let now = ctx.moment();
    let marked = match comment::read(&user.comment, &marker) {
        Comment::Voucher(mark) => mark.first_login,
        Comment::Subscription(_)
        | Comment::OldVoucher { .. }
        | Comment::OldSubscription { .. }
        | Comment::Foreign(_) => None,
    };
    let first = |at, src, estimated| First {
        kind,
        name,
        at,
        sid: String::new(),
        mac: user.mac.as_deref().unwrap_or_default().to_owned(),
        address: String::new(),
        src,
        estimated,
    };
    if let Some(at) = marked {
        // The router remembers what this agent forgot with its disk.
        let first = first(at, Source::Resync, false);
        record_first(ctx, core, first);
    } else if user.used != Used::default() && core.clocks.can_date(now.wall_ms, now.mono_ms) {
        // Used while nobody looked. It cannot have begun later than its use is long.
        let used = i64::try_from(user.used.uptime_secs).unwrap_or(0);
        let at = core.now_ms(now).div_euclid(1_000).saturating_sub(used);
        if core.sessions.of(kind.service(), name).next().is_none() {
            // Who came at a moment that fits was told by a script or by the stream.
            let told = core.glimpses.first(kind.service(), name).cloned();
            let told = told.map(|told| (told.at_ms.div_euclid(1_000), told)).filter(|(came, _)| *came <= at + 2);
            let first = match told {
                Some((came, told)) => {
                    let (mac, address) = (told.mac.into_string(), told.address.into_string());
                    First { mac, address, ..first(came, told.src, false) }
                }
                // Its time is reckoned from its use, which is told by the source; only a clock makes it doubtful.
                None => first(at, Source::Scan, core.clocks.doubt(now.wall_ms, now.mono_ms).is_some()),
            };
            record_first(ctx, core, first);
        }
    }
    usage::row_read(ctx, core, kind, name, user.used);
}

/// Somebody told that a user came, and no look showed a session. A stream shows the list itself and is believed; a
/// script is not, before the user's own counters say the same. True: those should be read.
pub(crate) fn glimpsed(ctx: &Ctx, core: &mut Core, kind: Kind, name: &str) -> bool {
    let service = kind.service();
    let ours = core.state.get(kind, name).filter(|entry| entry.ended().is_none() && entry.first_login().is_none());
    let voucher = ours.and_then(|entry| entry.user()).is_some_and(|user| matches!(user.mark, WantMark::Voucher { .. }));
    if !voucher || !core.owns(kind, name, ctx) {
        core.glimpses.settle(service, name);
        return false;
    }
    let now = ctx.moment();
    let Some(seen) = core.glimpses.first(service, name).filter(|seen| seen.src == Source::Stream).cloned() else {
        return true;
    };
    if core.clocks.can_date(now.wall_ms, now.mono_ms) {
        let estimated = core.clocks.doubt(now.wall_ms, now.mono_ms).is_some();
        let at = seen.at_ms.div_euclid(1_000);
        let (mac, address) = (seen.mac.into(), seen.address.into());
        record_first(ctx, core, First { kind, name, at, sid: String::new(), mac, address, src: seen.src, estimated });
    }
    true
}

/// Keeps a first login, then reports it, then has the comment written and the MAC bound.
fn record_first(ctx: &Ctx, core: &mut Core, first: First<'_>) {
    let First { kind, name, at, sid, mac, address, src, estimated } = first;
    let Some(user) = core.state.get(kind, name).and_then(|entry| entry.user()) else { return };
    let WantMark::Voucher { active_secs, .. } = user.mark else { return };
    let bind = (user.mac_lock && !mac.is_empty()).then(|| mac.as_str().into());
    let moves = user.moves;
    let until = valid_until(at, active_secs);
    // Nobody can log in as a user that is not there: it is hiji's row that was seen, also after a restart.
    core.state.set_applied(vec![(kind, name.to_owned(), 0)]);
    core.state.set_life(kind, name, |life| {
        (life.first_login, life.valid_until, life.moves) = (Some(at), until, moves);
        life.mac.clone_from(&bind);
    });
    core.glimpses.settle(kind.service(), name);
    let valid_until = core.state.get(kind, name).and_then(|entry| entry.valid_until());
    let user = name.to_owned();
    ctx.emit(core, &Event::FirstLogin(FirstLogin { kind, user, sid, at, valid_until, mac, address, src, estimated }));
    core.notes.first_logins.push((kind, name.into()));
    core.enqueue(kind, name);
    ctx.wake.apply.notify_one();
    ctx.wake.due.notify_one();
}

/// Ends what falls due until the connection is lost.
pub(crate) async fn run(reader: &Reader<'_>) -> CallError {
    let ctx = reader.ctx;
    loop {
        let plan = plan(ctx);
        usage::tell(ctx);
        ctx.commit().await;
        let mut failed = false;
        for (kind, names) in plan.now {
            match end(reader, kind, &names).await {
                Ok(done) => failed |= !done,
                Err(error) if is_lost(&error) => return error,
                Err(error) => {
                    tracing::warn!(%error, "cannot end vouchers on the router; trying again");
                    failed = true;
                }
            }
        }
        if let Err(error) = kicks(reader).await {
            return error;
        }
        let wake_at = plan.next_wall_ms.filter(|_| !failed);
        tokio::select! {
            () = async { match wake_at { Some(at) => ctx.clock.sleep_until(at).await, None => std::future::pending().await } } => {}
            () = ctx.wake.due.notified() => if failed { sleep(TRY_AGAIN).await },
            () = sleep(if failed { TRY_AGAIN } else { TICK }) => {}
        }
    }
}

/// A voucher that is over.
struct Over {
    ended: Ended,
    /// The row and the sessions of its name are hiji's.
    owned: bool,
}

/// What is to be ended now, and when to look again.
struct Plan {
    now: Vec<(Kind, Vec<Box<str>>)>,
    /// On the machine's own clock.
    next_wall_ms: Option<i64>,
}

fn plan(ctx: &Ctx) -> Plan {
    let mut core = ctx.core();
    let at = ctx.moment();
    core.clocks.tick(at.wall_ms, at.mono_ms);
    let doubt = core.clocks.doubt(at.wall_ms, at.mono_ms);
    if doubt != core.doubt {
        let told = core.doubt.is_some();
        core.doubt = doubt;
        if let Some(doubt) = doubt.filter(|_| !told) {
            tracing::warn!(?doubt, "the clock is doubtful");
            let msg = doubt.as_str().to_owned();
            ctx.emit(&mut core, &Event::Alert { code: "clock_doubtful".to_owned(), msg });
        }
    }
    let now_ms = core.now_ms(at);
    if doubt.is_none() && now_ms.saturating_sub(core.state.last_known_ms()).abs() > LAST_KNOWN_EVERY_MS {
        core.state.set_last_known(now_ms);
    }
    let open: Vec<_> = core.sessions.iter().map(|open| open.session.clone()).collect();
    core.state.tidy_up(&open, now_ms);
    let mut plan = Plan { now: Vec::new(), next_wall_ms: None };
    let mut next: Option<i64> = None;
    for kind in USER_KINDS {
        let mut names: Vec<Box<str>> = Vec::new();
        for (name, entry) in core.state.iter(kind) {
            let resumed = entry.ended().is_some() && entry.life.as_ref().is_some_and(|life| !life.end_done);
            let mut over = false;
            if let Some((due, _)) = due::falls_due(entry) {
                let due_ms = due.saturating_mul(1_000);
                over = due_ms <= now_ms;
                if !over {
                    next = Some(next.map_or(due_ms, |next| next.min(due_ms)));
                }
            }
            if resumed || (doubt.is_none() && (over || core.used_up.contains(&(kind, Box::from(name))))) {
                names.push(name.into());
            }
        }
        plan.now.extend(names.chunks(GROUP).map(|group| (kind, group.to_vec())));
    }
    tracing::debug!(now = plan.now.len(), ?next, now_ms, ?doubt, "what falls due");
    plan.next_wall_ms = next.map(|due_ms| at.wall_ms.saturating_add(due_ms.saturating_sub(now_ms)));
    plan
}

/// Ends a group of vouchers. False: something of it still has to be done.
async fn end(reader: &Reader<'_>, kind: Kind, names: &[Box<str>]) -> Result<bool, CallError> {
    let ctx = reader.ctx;
    // Counters and ids as they are now, and perhaps a first login that nobody saw.
    online::refresh(reader, kind.service()).await?;
    reader.by_names(kind, names).await?;
    let over = decide(ctx, kind, names);
    if over.is_empty() {
        return Ok(true);
    }
    for attempt in 0..ROUNDS {
        let removals: Vec<(Box<str>, bool)> = {
            let core = ctx.core();
            over.iter().filter_map(|over| leaves(&core.step(kind, &over.ended.user, ctx))).collect()
        };
        if removals.is_empty() && attempt > 0 {
            break;
        }
        // The user first: while it exists its phone comes back by itself.
        for (id, stays) in removals {
            let path = crate::menus::of(kind).path();
            if stays { switch_off(reader, path, &id).await? } else { remove(reader, path, &id).await? }
        }
        let users = over.iter().filter(|over| over.owned).map(|over| over.ended.user.as_str()).collect();
        clear_traces(reader, kind.service(), &users).await?;
        reader.by_names(kind, names).await?;
    }
    let mut all = true;
    {
        let mut core = ctx.core();
        for Over { ended, .. } in over {
            if leaves(&core.step(kind, &ended.user, ctx)).is_some() {
                tracing::warn!(user = ended.user, "a voucher that is over still works on the router");
                all = false;
                continue;
            }
            tracing::info!(user = ended.user, why = ?ended.why, "a voucher has ended");
            core.notes.ended.push((kind, ended.user.as_str().into()));
            ctx.emit(&mut core, &Event::UserEnded(ended));
        }
    }
    ctx.commit().await;
    {
        // The controller may have wanted it gone, or over, meanwhile: only now can that be answered.
        let mut core = ctx.core();
        names.iter().for_each(|name| core.enqueue(kind, name));
        ctx.wake.apply.notify_one();
    }
    ctx.active_wake(kind.service()).notify_one();
    Ok(all)
}

/// The row of a voucher that is over, and whether it stays, switched off.
fn leaves(step: &Step) -> Option<(Box<str>, bool)> {
    match step {
        Step::Remove { id } => Some((id.clone(), false)),
        Step::Change { id, .. } => Some((id.clone(), true)),
        Step::Right | Step::Add(_) | Step::Refuse(..) => None,
    }
}

/// Decides, with fresh rows, which of a group are over, and keeps that before anything is removed.
fn decide(ctx: &Ctx, kind: Kind, names: &[Box<str>]) -> Vec<Over> {
    let mut core = ctx.core();
    let at = ctx.moment();
    let doubtful = core.clocks.doubt(at.wall_ms, at.mono_ms).is_some();
    let now = core.now_ms(at).div_euclid(1_000);
    let mut over = Vec::new();
    for name in names {
        let Some(entry) = core.state.get(kind, name) else { continue };
        let row = core.table(kind).get(name).cloned();
        let owned = core.owns(kind, name, ctx);
        let used = row.as_ref().and_then(|row| row.user()).filter(|_| owned).map(|user| user.used);
        let sessions: Vec<Used> = core
            .sessions
            .of(kind.service(), name)
            .filter(|_| owned)
            .map(|open| Used { uptime_secs: open.uptime_secs, bytes_in: open.bytes_in, bytes_out: open.bytes_out })
            .collect();
        let unused = used.unwrap_or_default() == Used::default() && sessions.is_empty();
        let before = if owned { entry.base() } else { Used::default() };
        let total = sessions.iter().fold(before.plus(used.unwrap_or_default()), |sum, session| sum.plus(*session));
        // Without a row, what is remembered of it.
        let total = if owned { total.at_least(entry.closed()) } else { total };
        let used_up = due::used_up(entry, total);
        let why = match (entry.ended(), due::falls_due(entry)) {
            (Some((why, _)), _) => Some(why),
            (None, _) if doubtful => None,
            (None, Some((due, EndReason::NotActivated))) if due <= now => unused.then_some(EndReason::NotActivated),
            (None, Some((due, why))) if due <= now => Some(why),
            (None, _) => used_up.then_some(EndReason::UsedUp),
        };
        core.used_up.remove(&(kind, name.clone()));
        let Some(why) = why else { continue };
        let Some(entry) = core.state.get(kind, name) else { continue };
        let at = entry.ended().map_or(now, |(_, at)| at);
        let Used { uptime_secs, bytes_in, bytes_out } = total;
        let ended = Ended { kind, user: name.to_string(), why, at, uptime_secs, bytes_in, bytes_out };
        over.push(Over { ended, owned });
    }
    for Over { ended, owned } in &over {
        let decided = Some((ended.why, ended.at));
        if *owned {
            core.state.set_applied(vec![(kind, ended.user.clone(), 0)]);
        }
        let closed = Used { uptime_secs: ended.uptime_secs, bytes_in: ended.bytes_in, bytes_out: ended.bytes_out };
        core.state.set_lives(kind, &[&ended.user], |_, life| {
            life.ended = decided;
            life.closed = life.closed.at_least(closed);
        });
        if *owned {
            core.sessions.ending(kind.service(), &ended.user, "expired");
        }
    }
    core.state.sync();
    over
}

/// Removes one row; that it is gone already is fine.
async fn remove(reader: &Reader<'_>, path: &str, id: &str) -> Result<(), CallError> {
    let request = Request::new(&format!("{path}/remove")).attr(".id", id);
    match reader.client.write(request).await {
        Ok(_) | Err(CallError::OutcomeUnknown) => Ok(()),
        Err(CallError::Trap(trap)) if trap.kind() == TrapKind::NoSuchItem => Ok(()),
        Err(error) => Err(error),
    }
}

/// Switches one row off; that it is gone already is fine.
async fn switch_off(reader: &Reader<'_>, path: &str, id: &str) -> Result<(), CallError> {
    let request = Request::new(&format!("{path}/set")).attr(".id", id).attr("disabled", "yes");
    match reader.client.write(request).await {
        Ok(_) | Err(CallError::OutcomeUnknown) => Ok(()),
        Err(CallError::Trap(trap)) if trap.kind() == TrapKind::NoSuchItem => Ok(()),
        Err(error) => Err(error),
    }
}

/// Removes the cookies and then the sessions of users, and looks again until nothing slips in.
///
/// # Errors
/// The router would not answer; nothing is known then.
pub(crate) async fn clear_traces(
    reader: &Reader<'_>,
    service: Service,
    users: &BTreeSet<&str>,
) -> Result<(), CallError> {
    if users.is_empty() {
        return Ok(());
    }
    for _ in 0..ROUNDS {
        let mut found = false;
        if service == Service::Hotspot {
            for id in cookies(reader, users).await? {
                found = true;
                remove(reader, active::COOKIES, &id).await?;
            }
        }
        found |= end_sessions(reader, service, users).await?;
        if !found {
            return Ok(());
        }
    }
    tracing::warn!(service = service.as_str(), "sessions keep coming back while they are ended");
    Ok(())
}

/// Removes the sessions of users. True when there were some.
///
/// # Errors
/// The router would not answer; nothing is known then.
pub(crate) async fn end_sessions(
    reader: &Reader<'_>,
    service: Service,
    users: &BTreeSet<&str>,
) -> Result<bool, CallError> {
    let answer = match reader.client.call(active::print(service)).await {
        Ok(answer) => answer,
        Err(CallError::Trap(trap)) if trap.kind() == TrapKind::NoSuchCommand => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut found = false;
    for row in answer.rows.iter().filter_map(|row| active::read(service, row)) {
        if users.contains(&*row.user) {
            found = true;
            remove(reader, active::path(service), &row.id).await?;
        }
    }
    Ok(found)
}

/// Ids of the users' cookies; none where the router has no such menu.
async fn cookies(reader: &Reader<'_>, users: &BTreeSet<&str>) -> Result<Vec<String>, CallError> {
    let print = || Request::new(&format!("{}/print", active::COOKIES)).proplist(&[".id", "user"]);
    let requests: Vec<Request> = if users.len() <= FEW_USERS {
        users.iter().map(|user| print().query(format!("?user={user}"))).collect()
    } else {
        vec![print()]
    };
    let mut ids = Vec::new();
    for request in requests {
        let rows = match reader.client.call(request).await {
            Ok(answer) => answer.rows,
            Err(CallError::Trap(trap)) => {
                tracing::debug!(%trap, "the router does not show cookies");
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let ours = rows.iter().filter(|row| users.contains(&*row.text("user")));
        ids.extend(ours.map(|row| row.text(".id").into_owned()));
    }
    Ok(ids)
}

/// Does the kicks that commands asked for.
async fn kicks(reader: &Reader<'_>) -> Result<(), CallError> {
    let ctx = reader.ctx;
    let kicks = std::mem::take(&mut ctx.core().kicks);
    for kick in kicks {
        ctx.core().sessions.ending(kick.service, &kick.user, "kicked");
        let outcome = clear_traces(reader, kick.service, &BTreeSet::from([kick.user.as_str()])).await;
        let lost = outcome.as_ref().err().filter(|error| is_lost(error)).cloned();
        crate::commands::kicked(ctx, &kick, outcome.err());
        ctx.active_wake(kick.service).notify_one();
        if let Some(error) = lost {
            return Err(error);
        }
    }
    Ok(())
}
