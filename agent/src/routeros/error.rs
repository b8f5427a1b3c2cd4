//! What can go wrong: on the way to a router, with a command, and why a connection ended.
//!
//! One variant per cause that a person or a caller treats differently. Texts never hold a password.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use super::codec::CodecError;
use super::reply::Reply;

/// Why there is no connection. The texts are plain sentences that `hiji-agent check` may show as they are.
#[derive(Debug, Error)]
pub enum ConnectError {
    #[error("the name {host} cannot be resolved")]
    Dns { host: String, source: io::Error },
    #[error("{address} refuses the connection: is the API service enabled on this port?")]
    Refused { address: SocketAddr },
    #[error("{address} cannot be reached")]
    Unreachable { address: SocketAddr, source: io::Error },
    #[error("{host} does not answer: wrong address, or a firewall drops the connection")]
    TimedOut { host: String },
    /// The port is open and then says nothing: overloaded router, or TLS spoken to a plain port.
    #[error("{host} accepts the connection but does not answer the login")]
    LoginTimedOut { host: String },
    #[error("the router closes the connection at login: is our address allowed in /ip/service?")]
    ClosedAtLogin,
    #[error("the peer answers, but not as a RouterOS API does: wrong port?")]
    NotRouterOs,
    #[error("this port speaks TLS: turn TLS on, or use the plain API port")]
    TlsExpected,
    #[error("this port does not speak TLS: turn TLS off, or use the api-ssl port")]
    NotTls,
    /// api-ssl without a certificate offers anonymous ciphers only, which no current TLS library accepts.
    #[error("the router finds no common cipher: it probably has no certificate set for api-ssl")]
    NoCertificate,
    #[error("the router's certificate is {seen}, expected is {expected}: it was replaced, or someone is in between")]
    CertificateMismatch { expected: Fingerprint, seen: Fingerprint },
    #[error("the router's certificate is not trusted: {reason}")]
    CertificateUntrusted { reason: String },
    #[error("the CA file {} cannot be used: {reason}", path.display())]
    CaFile { path: PathBuf, reason: String },
    #[error("TLS fails: {reason}")]
    Tls { reason: String },
    #[error("the router does not accept this user name and password")]
    BadCredentials,
    /// A refusal that is not about the password, such as too many sessions; the router's own words.
    #[error("the router refuses the login: {message}")]
    LoginRefused { message: String },
    #[error("the connection broke while it was made")]
    Io { source: io::Error },
}

/// A SHA-256 of a certificate; shown as `AA:BB:…`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a command has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallError {
    #[error("the router refuses: {0}")]
    Trap(Trap),
    /// The router ended the connection and said why.
    #[error("the router ended the connection: {0}")]
    Fatal(String),
    /// The connection is gone. From [`super::Client::write`] this says that the command was never sent.
    #[error("the connection is closed")]
    Closed,
    /// No progress of this command for the idle timeout. It was cancelled; the connection stays.
    #[error("the router gives no answer")]
    IdleTimeout,
    /// The command was sent and no answer came: it may have happened or not. Read back, never repeat blindly.
    #[error("it is not known whether the router did it")]
    OutcomeUnknown,
    /// This stream was read too slowly and was cancelled; list again.
    #[error("the stream was read too slowly")]
    Lagged,
    /// The request is over what routers accept, or the answer over what we keep.
    #[error("too large: {0}")]
    TooLarge(&'static str),
}

/// A router's refusal of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trap {
    /// 0-7 by the manual, often absent.
    pub category: Option<u8>,
    /// The first message, as the router wrote it.
    pub message: String,
    /// Messages of further traps of the same command.
    pub others: Vec<String>,
}

impl Trap {
    pub(crate) fn of(reply: &Reply) -> Self {
        Self { category: reply.attrs.text("category").parse().ok(), message: reply.message(), others: Vec::new() }
    }

    /// What kind of refusal this is. The message decides before the category, which is often absent or general.
    #[must_use]
    pub fn kind(&self) -> TrapKind {
        classify(self.category, &self.message)
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.others.iter().try_for_each(|other| write!(f, "; {other}"))
    }
}

/// Kinds of refusal that callers treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrapKind {
    /// There is already such an item.
    Duplicate,
    /// A profile, interface or server of this name does not exist.
    BadReference,
    BadValue,
    UnknownParameter,
    /// The menu does not exist here: other version, or a package is missing.
    NoSuchCommand,
    NoSuchItem,
    Permission,
    /// Stopped by `/cancel`.
    Cancelled,
    /// The console is busy or hung; later may work.
    Busy,
    DeviceMode,
    /// No space, or a table is full.
    Full,
    /// Wrong user name or password.
    Auth,
    Other,
}

/// Pieces of messages in lower case, the telling ones first.
const MESSAGES: &[(&str, TrapKind)] = &[
    ("invalid user name or password", TrapKind::Auth),
    ("cannot log in", TrapKind::Auth),
    ("not enough permissions", TrapKind::Permission),
    ("device-mode", TrapKind::DeviceMode),
    ("already", TrapKind::Duplicate),
    ("with the same name", TrapKind::Duplicate),
    ("with same name", TrapKind::Duplicate),
    ("does not match any value of", TrapKind::BadReference),
    ("unknown parameter", TrapKind::UnknownParameter),
    ("no such command", TrapKind::NoSuchCommand),
    ("bad command name", TrapKind::NoSuchCommand),
    ("no such item", TrapKind::NoSuchItem),
    ("interrupted", TrapKind::Cancelled),
    ("action timed out", TrapKind::Busy),
    ("action failed", TrapKind::Busy),
    ("no space", TrapKind::Full),
    ("not enough space", TrapKind::Full),
    ("disk full", TrapKind::Full),
    ("out of space", TrapKind::Full),
    ("table is full", TrapKind::Full),
    ("invalid value", TrapKind::BadValue),
    ("out of range", TrapKind::BadValue),
];

fn classify(category: Option<u8>, message: &str) -> TrapKind {
    let message = message.to_lowercase();
    if let Some((_, kind)) = MESSAGES.iter().find(|(piece, _)| message.contains(piece)) {
        return *kind;
    }
    match category {
        Some(1) => TrapKind::BadValue,
        Some(2) => TrapKind::Cancelled,
        Some(_) | None => TrapKind::Other,
    }
}

/// Why a connection is no more.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CloseReason {
    #[error("every handle was dropped")]
    Dropped,
    #[error("the router closed the connection")]
    ByPeer,
    #[error("the router ended the connection: {0}")]
    Fatal(String),
    #[error("the connection broke: {0}")]
    Io(String),
    #[error("the router does not follow the protocol: {0}")]
    Protocol(CodecError),
    #[error("the router is silent, also to keepalives")]
    Silent,
    /// It answers, but neither ends nor cancels dozens of commands.
    #[error("the router does not end its commands")]
    Stuck,
    #[error("the router takes no more bytes")]
    WriteStalled,
}
