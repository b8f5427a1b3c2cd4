//! What the tasks of one agent share: settings, clock, keys, and the agent's knowledge behind one lock that is never
//! held over an await.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use hiji_shared::{
    agent_id::AgentId,
    device::{Kind, Service},
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
    hook::Bound,
    knowledge::{Core, Moment},
    outbox::{Class, Gap, Outbox},
    state::{KnownSession, State, want::Entry},
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
    /// The hook, once it listens.
    pub(crate) hook: OnceLock<Bound>,
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
    /// Look whether the router has what isolates customers.
    pub(crate) isolation: Notify,
    /// The router shall call the hook, to see whether it arrives.
    pub(crate) hook_test: Notify,
    /// Connect to the router now.
    pub(crate) router: Notify,
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
        let core = Core::new(state, &sessions, now, keys.hook_token());
        let ctx = Self {
            config,
            clock,
            stop,
            agent,
            keys,
            run: now.wall_ms,
            start_mono_ms: now.mono_ms,
            wake: Wakes::default(),
            hook: OnceLock::new(),
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
            let removed = matches!(delta, Delta::Del { .. });
            let new_profile = matches!(delta, Delta::Put { .. }) && kind == Kind::profile_of(kind.service());
            self.emit(core, &Event::Delta(delta));
            if let Some(entry) = core.state.get(kind, &name) {
                if removed && entry.user().is_some() && !entry.is_over() && entry.applied {
                    core.lost.insert((kind, name.as_str().into()));
                }
                core.enqueue(kind, &name);
                self.wake.apply.notify_one();
            }
            if kind == Kind::profile_of(kind.service()) {
                // It may be one that isolation made.
                self.wake.isolation.notify_one();
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

    /// Where the router reaches the hook: as the settings say, else by the address this machine has on the way to it.
    pub(crate) fn hook_url(&self, local: Option<IpAddr>) -> Option<String> {
        let hook = self.hook.get()?;
        if let Some(url) = &self.config.hook_url {
            return Some(url.clone());
        }
        let own = hook.address.ip();
        let ip = if own.is_unspecified() { local? } else { own };
        Some(format!("http://{}", SocketAddr::new(ip, hook.address.port())))
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
        | Event::UserUsage { .. }
        | Event::UserBound { .. }
        | Event::UsersRestored { .. }
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
