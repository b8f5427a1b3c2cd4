//! What the tasks of one agent share: settings, clock, keys, and the agent's knowledge behind one lock that is never
//! held over an await.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hiji_shared::{
    agent_id::AgentId,
    desired::{FailCode, ItemResult, ItemStatus, Rev},
    device::{Kind, RouterFacts, Service},
    envelope::ClockQuality,
    event::{Delta, Event, FirstLogin, Source},
    signed::{self, Purpose},
};
use serde::Serialize;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    config::Config,
    due::Clocks,
    mirror::Table,
    outbox::{Class, Gap, Outbox},
    reconcile,
    sessions::Sessions,
    state::{
        KnownSession, State,
        want::{Entry, Progress, Texts},
    },
};

/// Shared by all tasks of one agent.
#[derive(Debug)]
pub(crate) struct Ctx {
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stop: CancellationToken,
    pub(crate) agent: AgentId,
    pub(crate) keys: Keys,
    /// This run: unix ms of its start.
    pub(crate) run: i64,
    start_mono_ms: u64,
    pub(crate) wake: Wakes,
    core: Mutex<Core>,
    outbox: Mutex<Outbox>,
}

/// Keys derived from the enrolment secret.
pub(crate) struct Keys {
    pub(crate) command: [u8; 32],
    pub(crate) mirror: [u8; 32],
    pub(crate) mqtt_password: String,
}

/// Who is woken for what.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    /// Records or snapshots wait to be sent.
    pub(crate) uplink: Notify,
    /// Something stands in the queue of the reconciler.
    pub(crate) apply: Notify,
    /// Something may fall due earlier than was thought.
    pub(crate) due: Notify,
    /// Look at the active list now.
    pub(crate) hotspot_active: Notify,
    pub(crate) ppp_active: Notify,
    /// Users to be read again, or whole menus.
    pub(crate) menus: [Notify; 4],
    /// Connect to the router now.
    pub(crate) router: Notify,
}

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
    /// The router's uptime, and when it was read on the monotonic clock.
    pub(crate) boot: Option<(u64, u64)>,
    pub(crate) cpu_percent: Option<u32>,
    /// To be noted once the outbox has what was emitted.
    pub(crate) notes: Notes,
    /// Users whose sessions a command wants ended.
    pub(crate) kicks: Vec<Kick>,
    /// The doubt that was told.
    pub(crate) doubt: Option<crate::due::Doubt>,
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

/// One moment on all clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// The own wall clock.
    pub(crate) wall_ms: i64,
    pub(crate) mono_ms: u64,
}

/// Readings of the two clocks this far apart are taken again.
const TORN_READING_MS: u64 = 500;

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    /// The keys of an enrolment secret.
    pub(crate) fn derive(secret: &[u8]) -> Self {
        Self {
            command: signed::derive(secret, Purpose::Command),
            mirror: signed::derive(secret, Purpose::Mirror),
            mqtt_password: signed::mqtt_password(secret),
        }
    }

    /// What a script has to show at the hook: opens nothing else.
    pub(crate) fn hook_token(&self) -> String {
        let mut token = signed::hex(&signed::hmac(&self.command, &[b"hook"]));
        token.truncate(32);
        token
    }
}

impl Ctx {
    /// Puts the parts together.
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { config, clock, stop, agent, keys, state, sessions, outbox } = parts;
        let now = moment(&*clock);
        let restored = sessions.iter().map(|known| known.session.clone()).collect();
        let core = Core {
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
            boot: None,
            cpu_percent: None,
            notes: Notes::default(),
            kicks: Vec::new(),
            doubt: None,
        };
        let ctx = Self {
            config,
            clock,
            stop,
            agent,
            keys,
            run: now.wall_ms,
            start_mono_ms: now.mono_ms,
            wake: Wakes::default(),
            core: Mutex::new(core),
            outbox: Mutex::new(outbox),
        };
        ctx.tell_again(&sessions);
        ctx
    }

    /// Reports again what the last run may have died over between knowing and telling.
    fn tell_again(&self, sessions: &[KnownSession]) {
        let mut core = self.core();
        for known in sessions.iter().filter(|known| !known.told) {
            core.notes.opened = true;
            self.emit(&mut core, &Event::SessionLogin { session: known.session.clone(), src: Source::Resync });
        }
        for kind in [Kind::HotspotUser, Kind::PppSecret] {
            let untold: Vec<(Box<str>, FirstLogin)> =
                core.state.iter(kind).filter_map(|(name, entry)| untold(kind, name, entry)).collect();
            for (name, event) in untold {
                self.emit(&mut core, &Event::FirstLogin(event));
                core.notes.first_logins.push((kind, name));
            }
        }
    }

    /// What the agent knows. Never hold it over an await.
    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The outbox. Locked after the core, if both are.
    pub(crate) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Now, on both clocks of the machine.
    pub(crate) fn moment(&self) -> Moment {
        moment(&*self.clock)
    }

    /// Ms since the agent started.
    pub(crate) fn up_ms(&self) -> u64 {
        self.clock.monotonic_ms().saturating_sub(self.start_mono_ms)
    }

    /// Writes an event to the outbox. It is sent when it is on the disk.
    pub(crate) fn emit(&self, core: &mut Core, event: &Event) {
        let now = self.moment();
        let clocks = &core.clocks;
        let cq = if clocks.confirmed(now.mono_ms) {
            ClockQuality::Ntp
        } else if clocks.can_date(now.wall_ms, now.mono_ms) {
            ClockQuality::Router
        } else {
            ClockQuality::None
        };
        let record = RecordBody {
            ts: clocks.now_ms(now.wall_ms, now.mono_ms),
            up: now.mono_ms.saturating_sub(self.start_mono_ms),
            run: self.run,
            cq,
            event,
        };
        match serde_json::to_vec(&record) {
            Ok(json) => {
                self.outbox().append(class_of(event), &json);
                self.wake.uplink.notify_one();
            }
            Err(error) => tracing::error!(%error, event = event.name(), "an event cannot be written as JSON"),
        }
    }

    /// The JSON of the record that tells of lost ones.
    pub(crate) fn gap_record(&self, gap: Gap) -> Vec<u8> {
        let now = self.moment();
        let event = Event::OutboxGap { from: gap.from, to: gap.to, n: gap.n };
        let up = now.mono_ms.saturating_sub(self.start_mono_ms);
        let record = RecordBody { ts: now.wall_ms, up, run: self.run, cq: ClockQuality::None, event: &event };
        serde_json::to_vec(&record).unwrap_or_default()
    }

    /// Waits until every event emitted so far is on the disk, then notes in the state what that makes certain.
    pub(crate) async fn commit(&self) {
        let (notes, sync) = {
            let mut core = self.core();
            (std::mem::take(&mut core.notes), self.outbox().sync_point())
        };
        if let Some((file, ep, seq)) = sync {
            match tokio::task::spawn_blocking(move || file.sync_data()).await {
                Ok(Ok(())) => self.outbox().synced(ep, seq),
                Ok(Err(error)) => tracing::error!(%error, "cannot write the outbox to disk"),
                // The runtime is going down; the stop closes the outbox.
                Err(_cancelled) => return,
            }
            self.wake.uplink.notify_one();
        }
        self.core().note(notes);
    }

    /// Reports a change of the mirror, and lets those react who wait for it.
    pub(crate) fn mirror_changed(&self, core: &mut Core, deltas: Vec<Delta>) {
        for delta in deltas {
            let (kind, name) = match &delta {
                Delta::Put { kind, row } => (*kind, row.key().to_owned()),
                Delta::Del { kind, key } => (*kind, key.clone()),
            };
            let new_profile = matches!(delta, Delta::Put { .. }) && kind == Kind::profile_of(kind.service());
            self.emit(core, &Event::Delta(delta));
            if core.state.get(kind, &name).is_some() {
                core.enqueue(kind, &name);
                self.wake.apply.notify_one();
            }
            if new_profile && core.retry_missing_references(Kind::user_of(kind.service())) {
                self.wake.apply.notify_one();
            }
        }
    }

    /// The active list's wake-up of a service.
    pub(crate) fn active_wake(&self, service: Service) -> &Notify {
        match service {
            Service::Hotspot => &self.wake.hotspot_active,
            Service::Pppoe => &self.wake.ppp_active,
        }
    }

    /// The line that calls the hook from a script, if a hook address was given. It names no variable that would need
    /// quotes inside quotes: a script that does not parse would take the admin's own lines with it.
    pub(crate) fn hook_line(&self) -> Option<String> {
        let url = self.config.hook_url.as_ref()?;
        let token = self.keys.hook_token();
        Some(format!(
            ":do {{/tool fetch url=\"{url}/h/login\" http-method=post http-header-field=\"X-Hiji: {token}\" \
             http-data=\"$user|$address\" output=none keep-result=no}} on-error={{}}"
        ))
    }
}

/// What a [`Ctx`] is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stop: CancellationToken,
    pub(crate) agent: AgentId,
    pub(crate) keys: Keys,
    pub(crate) state: State,
    pub(crate) sessions: Vec<KnownSession>,
    pub(crate) outbox: Outbox,
}

impl Core {
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

    fn retry_missing_references(&mut self, kind: Kind) -> bool {
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
        let hook_line = ctx.hook_line();
        let around = reconcile::Around {
            kind,
            mirror_key: &ctx.keys.mirror,
            voucher_marker: &self.state.config().voucher_marker,
            has_profile: &|name| profiles.loaded().then(|| profiles.get(name).is_some()),
            hook_line: hook_line.as_deref(),
        };
        let row = self.table(kind).get(name).map(|row| &**row);
        reconcile::step(name, entry, row, &around)
    }

    fn note(&mut self, notes: Notes) {
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

fn untold(kind: Kind, name: &str, entry: &Entry) -> Option<(Box<str>, FirstLogin)> {
    let life = entry.life.as_ref().filter(|life| !life.told)?;
    let event = FirstLogin {
        kind,
        user: name.to_owned(),
        sid: String::new(),
        at: life.first_login?,
        valid_until: life.valid_until,
        mac: life.mac.as_deref().unwrap_or_default().to_owned(),
        address: String::new(),
        src: Source::Resync,
        estimated: false,
    };
    Some((name.into(), event))
}

/// The place of a kind in arrays by kind.
pub(crate) fn slot(kind: Kind) -> usize {
    Kind::ALL.iter().position(|known| *known == kind).unwrap_or(0)
}

/// Longest message of a failure sent on, bytes.
const MAX_MESSAGE: usize = 200;

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_MESSAGE));
    text
}

fn moment(clock: &dyn Clock) -> Moment {
    loop {
        let before = clock.monotonic_ms();
        let wall_ms = clock.now_ms();
        let mono_ms = clock.monotonic_ms();
        // Somebody moved the clocks in between, or this thread was held up.
        if mono_ms.saturating_sub(before) < TORN_READING_MS {
            return Moment { wall_ms, mono_ms };
        }
    }
}

fn class_of(event: &Event) -> Class {
    match event {
        Event::Delta(_) | Event::RouterFacts(_) | Event::RouterReach { .. } | Event::MirrorDigest { .. } => {
            Class::Mirror
        }
        Event::SessionLogin { .. }
        | Event::SessionLogout(_)
        | Event::FirstLogin(_)
        | Event::UserEnded(_)
        | Event::DesiredHave { .. }
        | Event::DesiredResult { .. }
        | Event::CommandResult(_)
        | Event::Alert { .. }
        | Event::OutboxGap { .. }
        | Event::Unknown => Class::Keep,
    }
}

/// A record without its number, which the outbox gives.
#[derive(Serialize)]
struct RecordBody<'a> {
    ts: i64,
    up: u64,
    run: i64,
    cq: ClockQuality,
    #[serde(flatten)]
    event: &'a Event,
}
