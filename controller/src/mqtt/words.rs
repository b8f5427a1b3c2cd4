//! What clients, gate and router say to each other, without saying how it is encoded.

use secrecy::SecretString;

use super::broker::Message;

/// MQTT 3.1.1 or 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V4,
    V5,
}

/// What a client says first.
#[derive(Debug)]
pub(crate) struct Connect {
    pub(crate) named_itself: bool,
    pub(crate) keep_alive: u16,
    /// QoS 1 messages it takes at once.
    pub(crate) receive_maximum: u16,
    /// Largest packet it takes.
    pub(crate) packet_limit: Option<u32>,
    pub(crate) login: Option<(String, SecretString)>,
    pub(crate) will: Option<Message>,
}

/// What else a client may say.
#[derive(Debug)]
pub(crate) enum Request {
    Publish(Message),
    Acknowledge(u16),
    Subscribe { id: u16, filters: Vec<Filter> },
    Unsubscribe { id: u16, filters: Vec<String> },
    Ping,
    Disconnect { with_will: bool },
}

/// One subscription asked for.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    pub(crate) path: String,
    pub(crate) at_least_once: bool,
}

/// Why bytes of a client are not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("malformed packet")]
    Malformed,
    #[error("packet type {0} is not for clients to send")]
    Unexpected(u8),
    #[error("packet that stops the decoder")]
    Panicked,
}

/// Why a connection is closed before it had a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("this is not MQTT")]
    NotMqtt,
    #[error("only MQTT 3.1.1 and 5 are spoken")]
    Level,
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// Why a login is refused, as MQTT says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    BadCredentials,
    NotAuthorized,
    Busy,
    TooOften,
}

/// What the gate says of itself when it accepts a client.
#[derive(Debug)]
pub(crate) struct Welcome {
    /// The keep alive the client has to use instead of its own.
    pub(crate) keep_alive: Option<u16>,
    /// The id of a client that named none.
    pub(crate) assigned_id: Option<String>,
    pub(crate) packet_limit: u32,
}

/// Why a connection is ended from our side, as MQTT 5 says it. MQTT 3.1.1 has no word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goodbye {
    Malformed,
    NotAuthorized,
    KeepAlive,
    TakenOver,
    TooLarge,
    QosTwo,
    TopicAlias,
    Administrative,
    Restarting,
    ShuttingDown,
}

/// What the gate says to a client.
#[derive(Debug)]
pub(crate) enum Reply {
    Welcome(Welcome),
    Refuse(Refusal),
    /// For a publish with this id: taken, or not allowed.
    Acknowledge(u16, bool),
    /// For each filter: the QoS granted, or refused.
    Subscribed(u16, Vec<Option<u8>>),
    /// For each filter: whether there was such a subscription.
    Unsubscribed(u16, Vec<bool>),
    Pong,
    Goodbye(Goodbye),
    Deliver(Message),
}

/// The router is gone: its thread ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the broker's router is gone")]
pub(crate) struct RouterGone;

/// What the router says to a link.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all notices are deliveries, and none is kept")]
pub(crate) enum Notice {
    Deliver(Message),
    /// A publish with this id is in the log.
    Acknowledged(u16),
    /// Answer to [`flush`](super::broker::Outlet::flush).
    Pong,
}
