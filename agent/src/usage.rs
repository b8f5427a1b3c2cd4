//! What hiji's users have used: counted without counting twice, kept over a row that was made anew, told now and then.
//!
//! A row of the router counts its sessions that ended, the active list those that are open. A row read after a session
//! ended and a list read before would count that session twice, so a row's counters are believed only after the next
//! look at the list: then a moment may be missing, never one too many.

use hiji_shared::{
    device::{Kind, Service, Used},
    event::{Event, Usage},
};

use crate::{ctx::Ctx, knowledge::Core};

/// Counters are told at most this often, but for those of a session that ended.
const TELL_EVERY_MS: u64 = 300_000;
/// Users of one report.
const REPORT_USERS: usize = 200;

/// What a row of the router says is used, waiting for a look at the active list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Closing {
    used: Used,
    since_mono_ms: u64,
}

/// Used in all: by sessions that ended, and by those that are open.
pub(crate) fn total(core: &Core, kind: Kind, name: &str) -> Used {
    let closed = core.state.get(kind, name).map(crate::state::want::Entry::closed).unwrap_or_default();
    closed.plus(open(core, kind, name))
}

fn open(core: &Core, kind: Kind, name: &str) -> Used {
    let sessions = core.sessions.of(kind.service(), name);
    sessions.fold(Used::default(), |sum, open| {
        sum.plus(Used { uptime_secs: open.uptime_secs, bytes_in: open.bytes_in, bytes_out: open.bytes_out })
    })
}

/// A row of a user was read. Answers what it makes of sessions that ended.
pub(crate) fn row_read(ctx: &Ctx, core: &mut Core, kind: Kind, name: &str, row: Used) -> Used {
    let Some(entry) = core.state.get(kind, name) else { return row };
    let mut base = entry.base();
    let known = entry.user().map(crate::state::want::WantUser::used).unwrap_or_default();
    // The controller remembers more: this row is of a user that was used elsewhere, or this agent lost its disk.
    let unseen = known.less(base.plus(row).plus(open(core, kind, name)));
    if !unseen.is_nothing() {
        base = base.plus(unseen);
        core.state.set_life(kind, name, |life| life.base = base);
        core.enqueue(kind, name);
        ctx.wake.apply.notify_one();
    }
    let closed = base.plus(row);
    let before = core.state.get(kind, name).and_then(|entry| entry.life.as_ref()).map(|life| life.closed);
    if before.is_some_and(|before| before != closed) {
        let since_mono_ms = ctx.moment().mono_ms;
        core.closing.insert((kind, name.into()), Closing { used: closed, since_mono_ms });
        ctx.active_wake(kind.service()).notify_one();
    }
    closed
}

/// The active list was asked for at this moment and has come: what rows said before is certain now.
pub(crate) fn looked(core: &mut Core, service: Service, asked_mono_ms: u64) {
    let kind = Kind::user_of(service);
    let certain: Vec<(Box<str>, Used)> = core
        .closing
        .iter()
        .filter(|((of, _), closing)| *of == kind && closing.since_mono_ms <= asked_mono_ms)
        .map(|((_, name), closing)| (name.clone(), closing.used))
        .collect();
    if certain.is_empty() {
        return;
    }
    for (name, _) in &certain {
        core.closing.remove(&(kind, name.clone()));
        core.usage_due.insert((kind, name.clone()));
    }
    core.state.set_used(kind, certain.iter().map(|(name, used)| usage(name, *used)).collect());
}

/// The row of a user is about to be made: it begins where the one before it ended.
pub(crate) fn begins_anew(core: &mut Core, kind: Kind, name: &str) {
    let used = total(core, kind, name);
    core.closing.remove(&(kind, Box::from(name)));
    if !used.is_nothing() {
        core.state.set_life(kind, name, |life| (life.base, life.closed) = (used, used));
    }
}

/// Tells what moved, when it is time.
pub(crate) fn tell(ctx: &Ctx) {
    let mut core = ctx.core();
    let now = ctx.moment().mono_ms;
    let all = now.saturating_sub(core.usage_told_ms) >= TELL_EVERY_MS;
    if all {
        core.usage_told_ms = now;
    }
    let due = std::mem::take(&mut core.usage_due);
    if !all && due.is_empty() {
        return;
    }
    let kind = Kind::HotspotUser;
    let moved: Vec<(Box<str>, Used)> = core
        .state
        .iter(kind)
        .filter(|(name, entry)| {
            let lives = !entry.is_over() && entry.first_login().is_some();
            lives && (all || due.contains(&(kind, Box::from(*name))))
        })
        .filter_map(|(name, entry)| {
            let used = total(&core, kind, name);
            let told = entry.life.as_ref().map(|life| life.told_used).unwrap_or_default();
            (used != told).then(|| (name.into(), used))
        })
        .collect();
    for chunk in moved.chunks(REPORT_USERS) {
        let users = chunk.iter().map(|(name, used)| usage(name, *used)).collect();
        ctx.emit(&mut core, &Event::UserUsage { kind, users });
    }
    for (name, used) in moved {
        if let Some(entry) = core.state.get_mut(kind, &name) {
            entry.life_mut().told_used = used;
        }
    }
}

fn usage(name: &str, used: Used) -> Usage {
    Usage(name.to_owned(), used.uptime_secs, used.bytes_in, used.bytes_out)
}
