//! What an agent knows, in one place: the state on disk, the mirror, the sessions, the clocks, and what waits to be done
//! or told. Everything here is memory; nothing waits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hiji_shared::{
    desired::{FailCode, ItemResult, ItemStatus, Rev},
    device::{Kind, RouterFacts, Service},
    script::{Call, Syntax},
};

use crate::{
    config::Secret,
    ctx::Ctx,
    due::Clocks,
    glimpses::Glimpses,
    mirror::Table,
    reconcile,
    sessions::Sessions,
    state::{
        KnownSession, State,
        want::{Progress, Texts},
    },
    usage::Closing,
};

/// Everything the agent knows.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) state: State,
    pub(crate) tables: [Table; 4],
    pub(crate) texts: Texts,
    pub(crate) sessions: Sessions,
    pub(crate) clocks: Clocks,
    pub(crate) facts: RouterFacts,
    /// Does the router's API answer? `None` until it was tried.
    pub(crate) reach: Option<bool>,
    /// Entries to be looked at by the reconciler, in order.
    pub(crate) queue: VecDeque<(Kind, Box<str>)>,
    /// Failed entries by the monotonic moment of their next try.
    pub(crate) retries: BTreeSet<(u64, Kind, Box<str>)>,
    /// Outcomes to be reported.
    pub(crate) results: Vec<ItemResult>,
    /// Users whose row should be read again, by kind as in [`Kind::ALL`].
    pub(crate) recheck: [BTreeSet<Box<str>>; 4],
    /// Kinds to be read in full.
    pub(crate) rescan: [bool; 4],
    /// Kinds whose snapshot the controller wants.
    pub(crate) snapshots: BTreeSet<Kind>,
    /// Vouchers whose time or bytes are used up.
    pub(crate) used_up: BTreeSet<(Kind, Box<str>)>,
    /// Counters of rows that wait for a look at the active list.
    pub(crate) closing: BTreeMap<(Kind, Box<str>), Closing>,
    /// Users whose use is to be told soon, and when all was told last, on the monotonic clock.
    pub(crate) usage_due: BTreeSet<(Kind, Box<str>)>,
    pub(crate) usage_told_ms: u64,
    /// Users that somebody removed on the router, and those of them that are back and not yet told.
    pub(crate) lost: BTreeSet<(Kind, Box<str>)>,
    pub(crate) restored: Vec<(Kind, Box<str>)>,
    /// The router's uptime, and when it was read on the monotonic clock.
    pub(crate) boot: Option<(u64, u64)>,
    pub(crate) cpu_percent: Option<u32>,
    /// To be noted once the outbox has what was emitted.
    pub(crate) notes: Notes,
    /// Users whose sessions a command wants ended.
    pub(crate) kicks: Vec<Kick>,
    /// The doubt that was told.
    pub(crate) doubt: Option<crate::due::Doubt>,
    /// What scripts and streams told of logins and logouts.
    pub(crate) glimpses: Glimpses,
    /// Where the router reaches the hook.
    pub(crate) hook_url: Option<String>,
    hook_token: Secret,
    /// Commands to test it.
    pub(crate) hook_tests: Vec<HookTest>,
    /// When it was last told that a block had to be put back, on the monotonic clock.
    pub(crate) put_back_told: Option<u64>,
    /// The same of what isolates customers.
    pub(crate) isolation_told: Option<u64>,
}

/// What is true once the outbox has certainly got the events that tell of it. Noted earlier, a power cut could make
/// the agent believe it had told.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Sessions were reported to open.
    pub(crate) opened: bool,
    /// Sids reported to be closed.
    pub(crate) closed: Vec<String>,
    pub(crate) first_logins: Vec<(Kind, Box<str>)>,
    pub(crate) ended: Vec<(Kind, Box<str>)>,
    /// Reported as verified, at these revisions.
    pub(crate) applied: Vec<(Kind, String, Rev)>,
    /// Reported as gone: nothing to remember.
    pub(crate) dropped: Vec<(Kind, String)>,
}

/// A command to end a user's sessions.
#[derive(Debug)]
pub(crate) struct Kick {
    pub(crate) service: Service,
    pub(crate) user: String,
    pub(crate) jti: String,
    pub(crate) op: &'static str,
    pub(crate) since_mono_ms: u64,
}

/// A command to have the router call the hook.
#[derive(Debug)]
pub(crate) struct HookTest {
    pub(crate) jti: String,
    pub(crate) since_mono_ms: u64,
}

/// One moment on all clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// The own wall clock.
    pub(crate) wall_ms: i64,
    pub(crate) mono_ms: u64,
}

impl Core {
    /// What is known at the start of a run.
    pub(crate) fn new(state: State, sessions: &[KnownSession], now: Moment, hook_token: String) -> Self {
        let restored = sessions.iter().map(|known| known.session.clone()).collect();
        Self {
            clocks: Clocks::new(state.last_known_ms(), now.wall_ms, now.mono_ms),
            sessions: Sessions::restore(restored, now.wall_ms, now.mono_ms),
            state,
            tables: Kind::ALL.map(Table::new),
            texts: Texts::default(),
            facts: RouterFacts::default(),
            reach: None,
            queue: VecDeque::new(),
            retries: BTreeSet::new(),
            results: Vec::new(),
            recheck: Default::default(),
            rescan: [false; 4],
            snapshots: BTreeSet::new(),
            used_up: BTreeSet::new(),
            closing: BTreeMap::new(),
            usage_due: BTreeSet::new(),
            usage_told_ms: now.mono_ms,
            lost: BTreeSet::new(),
            restored: Vec::new(),
            boot: None,
            cpu_percent: None,
            notes: Notes::default(),
            kicks: Vec::new(),
            doubt: None,
            glimpses: Glimpses::default(),
            hook_url: None,
            hook_token: Secret::new(hook_token),
            hook_tests: Vec::new(),
            put_back_told: None,
            isolation_told: None,
        }
    }

    /// The mirror of a kind.
    pub(crate) fn table(&self, kind: Kind) -> &Table {
        &self.tables[slot(kind)]
    }

    /// The mirror of a kind, to change.
    pub(crate) fn table_mut(&mut self, kind: Kind) -> &mut Table {
        &mut self.tables[slot(kind)]
    }

    /// The corrected time, ms.
    pub(crate) fn now_ms(&self, at: Moment) -> i64 {
        self.clocks.now_ms(at.wall_ms, at.mono_ms)
    }

    /// Puts an entry into the reconciler's queue, once.
    pub(crate) fn enqueue(&mut self, kind: Kind, name: &str) {
        let Some(entry) = self.state.get_mut(kind, name) else { return };
        match entry.progress {
            Progress::Queued | Progress::Written => return,
            Progress::Failed { retry_at, .. } => {
                self.retries.remove(&(retry_at, kind, name.into()));
            }
            Progress::Unknown | Progress::Verified => {}
        }
        if let Some(entry) = self.state.get_mut(kind, name) {
            entry.progress = Progress::Queued;
            self.queue.push_back((kind, name.into()));
        }
    }

    /// Everything that failed is tried again. True when there is something.
    pub(crate) fn retry_failed(&mut self) -> bool {
        let failed: Vec<(u64, Kind, Box<str>)> = std::mem::take(&mut self.retries).into_iter().collect();
        for (_, kind, name) in &failed {
            self.enqueue(*kind, name);
        }
        !failed.is_empty()
    }

    pub(crate) fn retry_missing_references(&mut self, kind: Kind) -> bool {
        let missing =
            |progress: &Progress| matches!(progress, Progress::Failed { code: FailCode::MissingReference, .. });
        let names: Vec<Box<str>> =
            self.state.iter(kind).filter(|(_, entry)| missing(&entry.progress)).map(|(name, _)| name.into()).collect();
        for name in &names {
            self.enqueue(kind, name);
        }
        !names.is_empty()
    }

    /// What to do about one entry, as things stand.
    pub(crate) fn step(&self, kind: Kind, name: &str, ctx: &Ctx) -> reconcile::Step {
        let Some(entry) = self.state.get(kind, name) else { return reconcile::Step::Right };
        let profiles = self.table(Kind::profile_of(kind.service()));
        let around = reconcile::Around {
            kind,
            mirror_key: &ctx.keys.mirror,
            voucher_marker: &self.state.config().voucher_marker,
            has_profile: &|name| profiles.loaded().then(|| profiles.get(name).is_some()),
            keeps_over: self.state.config().cleanup_days != Some(0),
            hook: self.hook_url.as_deref().map(|url| Call { url, token: self.hook_token.expose() }),
            syntax: Syntax::of(&self.facts.version),
        };
        let row = self.table(kind).get(name).map(|row| &**row);
        reconcile::step(name, entry, row, &around)
    }

    pub(crate) fn note(&mut self, notes: Notes) {
        let Notes { opened, closed, first_logins, ended, applied, dropped } = notes;
        if opened || !closed.is_empty() {
            self.state.sessions_told(closed);
        }
        for (kind, name) in &first_logins {
            self.state.set_lives(*kind, &[name], |_, life| life.told = true);
        }
        for (kind, name) in &ended {
            self.state.set_lives(*kind, &[name], |_, life| life.end_done = true);
        }
        if !applied.is_empty() {
            self.state.set_applied(applied);
        }
        if !dropped.is_empty() {
            self.state.drop_entries(dropped);
        }
    }

    /// Is the row of this name on the router hiji's, as far as is known?
    pub(crate) fn owns(&self, kind: Kind, name: &str, ctx: &Ctx) -> bool {
        let Some(entry) = self.state.get(kind, name) else { return false };
        let present = self.table(kind).get(name).is_some();
        entry.applied || (present && !matches!(self.step(kind, name, ctx), reconcile::Step::Refuse(..)))
    }

    /// Notes an outcome to be reported.
    pub(crate) fn report(
        &mut self,
        kind: Kind,
        key: &str,
        rev: u64,
        status: ItemStatus,
        why: Option<(FailCode, String)>,
    ) {
        let (code, msg) = why.map_or((None, String::new()), |(code, msg)| (Some(code), cut(msg)));
        self.results.push(ItemResult { kind, key: key.to_owned(), rev, status, code, msg });
    }
}

/// The place of a kind in arrays by kind.
pub(crate) fn slot(kind: Kind) -> usize {
    // Isolation has no mirror: nobody asks for its place.
    Kind::ALL.iter().position(|known| *known == kind).unwrap_or(0)
}

/// Longest message of a failure sent on, bytes.
pub(crate) const MAX_MESSAGE: usize = 200;

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_MESSAGE));
    text
}
