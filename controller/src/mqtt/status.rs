//! Counters of the bus, and the snapshot the health page and the metrics show.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Which broker stands behind the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BusKind {
    #[default]
    None,
    Embedded,
    External,
}

/// Whether the controller manages the broker's accounts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Provisioning {
    /// The embedded broker asks the database.
    #[default]
    NotNeeded,
    /// Not tried yet.
    Unknown,
    /// Mosquitto's dynamic security answers.
    Ready,
    /// It does not; accounts and rules must be made by hand. Says why.
    Unavailable(String),
}

/// What was counted since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Connections that passed the login.
    pub accepted: u64,
    /// Logins refused by the authenticator.
    pub refused_logins: u64,
    /// Connections refused by a limit (too many, too often).
    pub refused_by_limits: u64,
    /// Publishes, subscriptions and wills that were not allowed.
    pub denied: u64,
    /// Sessions ended from our side (revoked, taken over, too many denials).
    pub kicked: u64,
    /// How often the broker's router, or the link to the broker, came back.
    pub restarts: u64,
    /// Messages and bytes of payload received from clients.
    pub messages_in: u64,
    pub bytes_in: u64,
    /// Messages handed to the broker by the controller.
    pub messages_out: u64,
    /// Messages for agents that were not connected (embedded only).
    pub unheard: u64,
    /// Messages of the controller that were refused because the queue was full or the broker away.
    pub publish_failures: u64,
    /// Malformed packets.
    pub malformed: u64,
    /// Packets that made a decoder panic; caught, the connection was closed.
    pub decoder_panics: u64,
    /// Times a client was held back by its quota.
    pub throttled: u64,
}

/// How the bus is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BusStatus {
    pub kind: BusKind,
    /// Embedded: the router answers. External: connected and subscribed.
    pub connected: bool,
    /// Sessions open at the gate (embedded only).
    pub sessions: usize,
    pub provisioning: Provisioning,
    pub counts: Counts,
}

impl BusStatus {
    /// There is no broker.
    pub(crate) fn none() -> Self {
        Self::default()
    }
}

/// The live side of [`Counts`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) accepted: Counter,
    pub(crate) refused_logins: Counter,
    pub(crate) refused_by_limits: Counter,
    pub(crate) denied: Counter,
    pub(crate) kicked: Counter,
    pub(crate) restarts: Counter,
    pub(crate) messages_in: Counter,
    pub(crate) bytes_in: Counter,
    pub(crate) messages_out: Counter,
    pub(crate) unheard: Counter,
    pub(crate) publish_failures: Counter,
    pub(crate) malformed: Counter,
    pub(crate) decoder_panics: Counter,
    pub(crate) throttled: Counter,
}

/// Counts up.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn one(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, n: usize) {
        self.0.fetch_add(u64::try_from(n).unwrap_or(u64::MAX), Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Counters {
    pub(crate) fn snapshot(&self) -> Counts {
        Counts {
            accepted: self.accepted.get(),
            refused_logins: self.refused_logins.get(),
            refused_by_limits: self.refused_by_limits.get(),
            denied: self.denied.get(),
            kicked: self.kicked.get(),
            restarts: self.restarts.get(),
            messages_in: self.messages_in.get(),
            bytes_in: self.bytes_in.get(),
            messages_out: self.messages_out.get(),
            unheard: self.unheard.get(),
            publish_failures: self.publish_failures.get(),
            malformed: self.malformed.get(),
            decoder_panics: self.decoder_panics.get(),
            throttled: self.throttled.get(),
        }
    }
}
