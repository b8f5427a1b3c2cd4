//! What the gate can be told, with defaults for an ISP of some thousand routers on one small machine.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::quota::Rate;

/// Settings of the gate.
#[derive(Debug, Clone)]
pub struct GateConfig {
    /// Plain MQTT; none: no such listener.
    pub listen: Option<SocketAddr>,
    pub tls: Option<TlsListen>,
    /// Open sessions; more are refused as busy.
    pub max_connections: usize,
    pub limits: Limits,
    pub timing: Timing,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self { listen: None, tls: None, max_connections: 8192, limits: Limits::default(), timing: Timing::default() }
    }
}

/// The TLS listener. The files are PEM; when they change, new connections get the new certificate.
#[derive(Debug, Clone)]
pub struct TlsListen {
    pub addr: SocketAddr,
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// How often and how much.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections that have not logged in yet; the oldest makes room for a new one.
    pub handshakes: usize,
    /// Beyond it the connection is dropped without a word.
    pub connects_per_address: Rate,
    /// Beyond it the address may not try.
    pub failed_logins_per_address: Rate,
    /// Loopback addresses are exempt from the limits by address: a proxy on this machine is many clients.
    pub count_loopback: bool,
    /// Beyond it a login is answered with "connection rate exceeded".
    pub connects_per_identity: Rate,
    /// Beyond it the gate reads slower from that client.
    pub messages_per_identity: Rate,
    pub bytes_per_identity: Rate,
    /// Different topics and filters one identity ever names.
    pub topics_per_identity: usize,
    pub filters_per_identity: usize,
    /// Publishes and subscriptions refused before the connection is closed.
    pub denials: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshakes: 512,
            connects_per_address: Rate { per_second: 50, burst: 1_000 },
            failed_logins_per_address: Rate { per_second: 1, burst: 60 },
            count_loopback: false,
            connects_per_identity: Rate { per_second: 2, burst: 60 },
            messages_per_identity: Rate { per_second: 500, burst: 5_000 },
            bytes_per_identity: Rate { per_second: 8 << 20, burst: 64 << 20 },
            topics_per_identity: 64,
            filters_per_identity: 32,
            denials: 20,
        }
    }
}

/// How long.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// From the first byte of the connection to a whole CONNECT, TLS included.
    pub connect: Duration,
    pub authenticate: Duration,
    /// Without a byte leaving, a client that should read is dropped.
    pub write: Duration,
    /// Longest keep alive; also that of clients that name none.
    pub keep_alive: Duration,
    /// Until the older session of the same identity has left.
    pub takeover: Duration,
    /// At stop: until clients have their last acknowledgements.
    pub drain: Duration,
    /// The router is asked this often whether it lives, and replaced when it does not answer for [`Timing::wedged`].
    pub heartbeat: Duration,
    pub wedged: Duration,
    /// The certificate files are looked at this often.
    pub certificate_check: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            authenticate: Duration::from_secs(10),
            write: Duration::from_secs(30),
            keep_alive: Duration::from_secs(600),
            takeover: Duration::from_secs(5),
            drain: Duration::from_secs(3),
            heartbeat: Duration::from_millis(500),
            wedged: Duration::from_secs(5),
            certificate_check: Duration::from_secs(30),
        }
    }
}
