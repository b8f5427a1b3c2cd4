//! How to reach a router: address, user, TLS, and the patience of one connection.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// Everything [`super::Client::connect`] needs. [`Self::new`] has the usual times.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// Name or address, without port.
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: SecretString,
    pub tls: Tls,
    /// Resolving, connecting and the TLS handshake, together.
    pub connect_timeout: Duration,
    pub login_timeout: Duration,
    /// How long a command may make no progress. Rows that flow are progress, however long the whole takes.
    pub idle_timeout: Duration,
    /// The same for [`super::Client::write`].
    pub write_timeout: Duration,
    /// Silence on the whole connection after which the router is asked for a sign of life.
    pub keepalive_after: Duration,
    /// How long to wait for it. Two such waits in vain close the connection.
    pub keepalive_wait: Duration,
}

impl ConnectOptions {
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16, user: impl Into<String>, password: SecretString) -> Self {
        Self {
            host: host.into(),
            port,
            user: user.into(),
            password,
            tls: Tls::Plain,
            connect_timeout: Duration::from_secs(10),
            login_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(15),
            keepalive_after: Duration::from_secs(25),
            keepalive_wait: Duration::from_secs(15),
        }
    }
}

/// Whether and how the connection is encrypted (api-ssl, usually port 8729).
///
/// The router needs a certificate for api-ssl: without one it offers anonymous ciphers only, and the handshake fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    Plain,
    /// Encrypted, to whoever answers. For looking at a fingerprint the first time, not for daily use.
    Insecure,
    /// The certificate with exactly this SHA-256 (of its DER form), whoever signed it and whenever it expires.
    Fingerprint([u8; 32]),
    /// A certificate signed by one of the CAs in this PEM file and made out to the host connected to.
    Ca(PathBuf),
}
