//! api-ssl: a self-signed certificate made at start, as an admin would make one on the router.

use std::sync::Arc;

use anyhow::Context;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

use super::login::hex;

/// An acceptor with a new certificate, and the SHA-256 of it in lower-case hexadecimal.
pub(super) fn self_signed(identity: &str) -> anyhow::Result<(TlsAcceptor, String)> {
    let name: String = identity.chars().filter(char::is_ascii_alphanumeric).collect();
    let names = vec![format!("router-{name}"), "localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).context("making the router's certificate")?;
    let certificate = made.cert.der().clone();
    let fingerprint = hex(&Sha256::digest(&certificate));
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    // The provider is passed, so that whoever uses the simulator need not install one.
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    Ok((TlsAcceptor::from(Arc::new(config)), fingerprint))
}

/// The TLS handshake; nothing when the client fails it.
pub(super) async fn accept(acceptor: &TlsAcceptor, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
    match acceptor.accept(stream).await {
        Ok(stream) => Some(stream),
        Err(error) => {
            debug!(%error, "TLS handshake failed");
            None
        }
    }
}
