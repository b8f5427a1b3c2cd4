//! The message bus: what agents say comes in, what they are told goes out.
//!
//! Two real brokers stand behind one [`Bus`]: the embedded one (rumqttd's router behind hiji's own listener, the gate)
//! and an external one (Mosquitto with dynamic security, or EMQX). Nothing here knows what a message means; that is
//! `inbox.rs`. Nothing here promises delivery either: agents number and resend, the inbox acknowledges.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hiji_shared::{agent_id::AgentId, topic::Topic};
use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub mod broker;
pub mod client;
pub mod dynsec;
pub mod figures;
mod gate;
pub mod inbox;
pub mod report;
mod status;
mod url;
mod words;

pub use gate::{GateConfig, Limits, Rate, Timing, TlsError, TlsListen};
pub use status::{BusKind, BusStatus, Counts, Provisioning};

/// Events the controller may leave unread before reading from the broker stops. While it is full, the broker keeps what
/// arrives (embedded: the last 16 MiB of uplinks, then the oldest is dropped; external: unacknowledged messages stay
/// there). Nothing is lost by that: agents resend what is not acknowledged by the controller itself.
pub const EVENTS: usize = 256;

/// What the bus tells the controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BusEvent {
    /// An agent published this. At most once each here; the agent repeats what is not acknowledged.
    Message { topic: String, payload: Bytes },
    /// The agent's session was opened (embedded broker only; elsewhere its presence message says so).
    Online { agent: AgentId },
    /// The agent's session ended (embedded broker only).
    Offline { agent: AgentId, reason: String },
    /// Somebody tried what he may not.
    Denied { who: String, what: String },
    /// The broker, or the link to it, came (back) up: agents will say hello again, unfinished commands go out again.
    Restarted,
    /// The broker, or the link to it, is gone; it is retried until it is back.
    Down { reason: String },
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    #[error("the broker's queue is full")]
    Full,
    #[error("the broker is not reachable")]
    Down,
    #[error("the message is larger than a broker takes")]
    TooLarge,
}

/// Why an external broker's accounts could not be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManageError {
    #[error("the broker is not reachable")]
    Down,
    #[error("the broker does not answer account commands")]
    NoAnswer,
    #[error("the broker refused: {0}")]
    Refused(String),
}

/// Why a bus could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot listen on {addr}")]
    Listen { addr: SocketAddr, source: std::io::Error },
    #[error("cannot use the certificate or key")]
    Certificate(#[from] TlsError),
    #[error("HIJI_MQTT_URL: {0}")]
    Url(#[from] client::UrlError),
    #[error("cannot start the broker")]
    Router,
}

/// An account of one agent at the broker.
#[derive(Debug, Clone)]
pub struct AgentGrant {
    pub agent: AgentId,
    /// Its MQTT password ([`hiji_shared::signed`]).
    pub password: SecretString,
}

/// What a client presents at the gate. Its client id is not among it: it proves nothing.
#[derive(Debug)]
pub struct Login {
    pub username: String,
    pub password: SecretString,
    pub peer: SocketAddr,
}

/// Who a client is, and what it may do. Patterns are topic filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// One connection at a time has it; a second one takes over. `a.{agent}` for agents.
    pub session: String,
    /// Set for agents: their coming and going is reported.
    pub agent: Option<AgentId>,
    pub publish: Vec<String>,
    pub subscribe: Vec<String>,
    /// Where the retain flag is honoured; elsewhere it is cleared.
    pub retain: Vec<String>,
}

/// Why a login is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Deny {
    #[error("bad credentials")]
    BadCredentials,
    /// Known, but not (or no longer) allowed: not approved yet, blocked.
    #[error("not allowed")]
    NotAuthorized,
    /// Cannot tell now; the client shall try again.
    #[error("cannot check now")]
    Busy,
}

/// Decides who a client is.
pub trait Authenticator: Send + Sync + 'static {
    /// Checks one login. The gate waits [`Timing::authenticate`] for it.
    fn authenticate(&self, login: Login) -> BoxFuture<'static, Result<Identity, Deny>>;
}

/// The way to the broker. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bus(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Embedded(gate::Handle),
    External(client::Handle),
    None,
}

impl Bus {
    /// No broker at all: publishing answers [`PublishError::Down`].
    #[must_use]
    pub const fn none() -> Self {
        Self(Kind::None)
    }

    /// Hands a message to the broker, to be delivered with QoS 1 to who listens now. Does not wait. That an agent is
    /// not connected is no error: what matters is sent again after its hello.
    ///
    /// # Errors
    /// [`PublishError`]: the queue is full, there is no broker, or the payload exceeds
    /// [`MAX_PAYLOAD`](hiji_shared::limits::MAX_PAYLOAD).
    #[expect(clippy::unused_async, reason = "callers shall not depend on it never waiting")]
    pub async fn publish(&self, topic: &Topic, payload: Vec<u8>, retain: bool) -> Result<(), PublishError> {
        if payload.len() > hiji_shared::limits::MAX_PAYLOAD {
            return Err(PublishError::TooLarge);
        }
        match &self.0 {
            Kind::Embedded(gate) => gate.publish(topic, payload.into(), retain),
            Kind::External(client) => client.publish(topic.to_string(), payload, retain),
            Kind::None => Err(PublishError::Down),
        }
    }

    /// Makes sure the broker knows this agent. Repeating it changes nothing and disturbs nobody.
    /// The embedded broker asks the [`Authenticator`] instead.
    ///
    /// # Errors
    /// [`ManageError`]: the external broker is away or does not let itself be managed.
    pub async fn grant(&self, grant: &AgentGrant) -> Result<(), ManageError> {
        match &self.0 {
            Kind::External(client) => client.grant(grant).await,
            Kind::Embedded(_) | Kind::None => Ok(()),
        }
    }

    /// Ends the agent's session and, at an external broker, its account. The caller has already made its credentials
    /// invalid.
    ///
    /// # Errors
    /// [`ManageError`]: the external broker is away or does not let itself be managed.
    pub async fn revoke(&self, agent: &AgentId, why: &str) -> Result<(), ManageError> {
        match &self.0 {
            Kind::Embedded(gate) => {
                gate.kick(agent, why);
                Ok(())
            }
            Kind::External(client) => client.revoke(agent).await,
            Kind::None => Ok(()),
        }
    }

    /// How the bus is doing, for the health page and the metrics.
    #[must_use]
    pub fn status(&self) -> BusStatus {
        match &self.0 {
            Kind::Embedded(gate) => gate.status(),
            Kind::External(client) => client.status(),
            Kind::None => BusStatus::none(),
        }
    }
}

/// Starts rumqttd's router and the gate before it: the bus, its events, and where the plain and the TLS listener are
/// bound. When `stop` fires, clients are told and given [`Timing::drain`] to finish; every task is in `tracker`.
///
/// # Errors
/// [`StartError`]: an address cannot be bound, a certificate not read.
pub async fn start_embedded(
    config: GateConfig,
    auth: Arc<dyn Authenticator>,
    stop: CancellationToken,
    tracker: &TaskTracker,
) -> Result<(Bus, mpsc::Receiver<BusEvent>, Option<SocketAddr>, Option<SocketAddr>), StartError> {
    let started = gate::start(config, auth, stop, tracker).await?;
    Ok((Bus(Kind::Embedded(started.handle)), started.events, started.plain, started.tls))
}

/// Starts the client of an external broker. It connects in the background, for as long as it takes.
///
/// # Errors
/// [`StartError::Url`]: the address is malformed, or a CA file it names cannot be read.
pub async fn start_external(
    url: &SecretString,
    stop: CancellationToken,
    tracker: &TaskTracker,
) -> Result<(Bus, mpsc::Receiver<BusEvent>), StartError> {
    let (handle, events) = client::start(url, stop, tracker).await?;
    Ok((Bus(Kind::External(handle)), events))
}
