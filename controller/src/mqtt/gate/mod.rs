//! The gate: hiji's own MQTT listener before rumqttd's router.
//!
//! It decides who a client is ([`Authenticator`]; the client id counts for nothing), what it may publish, subscribe to
//! and leave as a will (`acl`), how much of it (`quota`), and lets through only what the router can bear. One port
//! speaks MQTT 3.1.1 and 5, another the same over TLS.
//!
//! A connection's way: `listen` accepts it, `handshake` admits it, `session` serves it until it ends. `hub` owns the
//! router, replaces it when it dies, and reads for the controller what agents send. What the controller sends to one
//! agent goes straight to that agent's session (`mail`); the rest of what it publishes goes through the router. Left out on purpose: sessions that
//! outlive a connection, QoS 2, topic aliases, shared subscriptions. Agents need none of them (DESIGN 8).

use std::{
    net::SocketAddr,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use hiji_shared::{agent_id::AgentId, topic::Topic};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Authenticator, BusEvent, BusKind, BusStatus, EVENTS, Provisioning, PublishError, StartError,
    broker::{Message, Router},
    status::Counters,
};

mod acl;
mod config;
pub(super) mod frame;
mod handshake;
mod hub;
mod listen;
mod lobby;
mod mail;
mod presence;
mod quota;
mod session;
mod sessions;
#[cfg(test)]
mod tests;
mod tls;
mod window;

pub use config::{GateConfig, Limits, Timing, TlsListen};
pub use quota::Rate;
pub use tls::TlsError;

use mail::{Full, Mail};
use presence::Presence;
use quota::{Accounts, Addresses};
use sessions::{Kick, Sessions};

/// Messages of the controller waiting for the router.
const OUTGOING: usize = 1024;

/// What all tasks of the gate share.
struct Gate {
    config: GateConfig,
    auth: Arc<dyn Authenticator>,
    /// The router of this generation.
    router: RwLock<Router>,
    /// The router answers.
    up: AtomicBool,
    sessions: Arc<Sessions>,
    presence: Arc<Presence>,
    lobby: Arc<lobby::Lobby>,
    /// Places for sessions.
    places: Arc<Semaphore>,
    addresses: Addresses,
    accounts: Accounts,
    counters: Counters,
    /// Only the hub keeps the channel open.
    events: mpsc::WeakSender<BusEvent>,
    stop: CancellationToken,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Gate {
    fn router(&self) -> Router {
        self.router.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on connections go to this router.
    fn install(&self, router: Router) {
        *self.router.write().unwrap_or_else(PoisonError::into_inner) = router;
    }

    /// Somebody tried what he may not. Told if the controller has room for it; counted in any case.
    fn denied(&self, who: &str, what: String) {
        self.counters.denied.one();
        tracing::debug!(mqtt.session = who, "denied: {what}");
        if let Some(events) = self.events.upgrade() {
            let event = BusEvent::Denied { who: who.to_owned(), what };
            let _told_or_full = events.try_send(event);
        }
    }
}

/// The controller's hold on the gate.
#[derive(Debug, Clone)]
pub(super) struct Handle {
    gate: Arc<Gate>,
    outgoing: mpsc::Sender<Message>,
}

impl Handle {
    pub(super) fn publish(&self, topic: &Topic, payload: Bytes, retain: bool) -> Result<(), PublishError> {
        let sent = match topic {
            // To one agent: to its session at once.
            Topic::Down(agent, _) => {
                let mail = Mail { topic: topic.to_string(), payload };
                let delivered = self.gate.sessions.deliver(&session_of(agent), mail);
                if delivered == Ok(false) {
                    self.gate.counters.unheard.one();
                }
                delivered.map(|_heard| ()).map_err(|Full| PublishError::Full)
            }
            Topic::Up(..) | Topic::Event { .. } | Topic::State { .. } => {
                let message = Message::new(topic.to_string(), payload, retain);
                self.outgoing.try_send(message).map_err(|error| match error {
                    mpsc::error::TrySendError::Full(_) => PublishError::Full,
                    mpsc::error::TrySendError::Closed(_) => PublishError::Down,
                })
            }
        };
        let counters = &self.gate.counters;
        if sent.is_ok() { &counters.messages_out } else { &counters.publish_failures }.one();
        sent
    }

    /// Ends the agent's session.
    pub(super) fn kick(&self, agent: &AgentId, why: &str) {
        if self.gate.sessions.kick(&session_of(agent), Kick::Revoked(why.to_owned())) {
            tracing::info!(%agent, "session ended: {why}");
        }
    }

    pub(super) fn status(&self) -> BusStatus {
        BusStatus {
            kind: BusKind::Embedded,
            connected: self.gate.up.load(Relaxed),
            sessions: self.gate.sessions.len(),
            provisioning: Provisioning::NotNeeded,
            counts: self.gate.counters.snapshot(),
        }
    }
}

/// The session name of an agent.
pub(super) fn session_of(agent: &AgentId) -> String {
    format!("a.{agent}")
}

/// What [`start`] gives.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) handle: Handle,
    pub(super) events: mpsc::Receiver<BusEvent>,
    pub(super) plain: Option<SocketAddr>,
    pub(super) tls: Option<SocketAddr>,
}

/// Starts router, hub and listeners.
pub(super) async fn start(
    config: GateConfig,
    auth: Arc<dyn Authenticator>,
    stop: CancellationToken,
    tracker: &TaskTracker,
) -> Result<Started, StartError> {
    let plain = match config.listen {
        Some(addr) => Some(listen::bind(addr).await?),
        None => None,
    };
    let tls = match &config.tls {
        Some(files) => Some((listen::bind(files.addr).await?, tls::Certificate::load(files.clone())?)),
        None => None,
    };
    let router = hub::new_router(&config);
    let link = hub::open(&router, config.timing.wedged).await.map_err(|_gone| StartError::Router)?;
    let (events_in, events) = mpsc::channel(EVENTS);
    let (outgoing, outgoing_out) = mpsc::channel(OUTGOING);
    let presence = Arc::new(Presence::default());
    let gate = Arc::new(Gate {
        router: RwLock::new(router),
        up: AtomicBool::new(false),
        sessions: Arc::new(Sessions::new(Arc::clone(&presence))),
        presence,
        lobby: Arc::new(lobby::Lobby::new(config.limits.handshakes)),
        places: Arc::new(Semaphore::new(config.max_connections)),
        addresses: Addresses::new(config.limits),
        accounts: Accounts::new(config.limits),
        counters: Counters::default(),
        events: events_in.downgrade(),
        config,
        auth,
        stop,
    });
    tracker.spawn(hub::run(Arc::clone(&gate), events_in, outgoing_out, link));
    let mut bound = (None, None);
    if let Some(listener) = plain {
        bound.0 = listener.local_addr().ok();
        tracker.spawn(listen::run(Arc::clone(&gate), listener, None, tracker.clone()));
    }
    if let Some((listener, certificate)) = tls {
        bound.1 = listener.local_addr().ok();
        let acceptor = certificate.acceptor()?;
        tracker.spawn(listen::refresh(Arc::clone(&gate), certificate));
        tracker.spawn(listen::run(Arc::clone(&gate), listener, Some(acceptor), tracker.clone()));
    }
    let (plain, tls) = bound;
    Ok(Started { handle: Handle { gate, outgoing }, events, plain, tls })
}
