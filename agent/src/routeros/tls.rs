//! api-ssl: the handshake, and whom to believe.
//!
//! Routers carry self-signed certificates, so a pinned fingerprint is the usual proof. The crypto provider is passed
//! explicitly: a library must not rely on what the process installed.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, InvalidMessage, RootCertStore,
    SignatureScheme,
};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::ConnectError;
use super::options::Tls;

/// Shakes hands; answers the stream and the SHA-256 of the router's certificate. Whether that is the pinned one is for
/// the caller to compare, before anything is said.
pub(crate) async fn handshake(
    tcp: TcpStream,
    host: &str,
    tls: &Tls,
) -> Result<(TlsStream<TcpStream>, [u8; 32]), ConnectError> {
    let (config, name) = match tls {
        Tls::Ca(path) => {
            let name = ServerName::try_from(host.to_owned())
                .map_err(|error| ConnectError::CertificateUntrusted { reason: error.to_string() })?;
            (trusting(path)?, name)
        }
        // No name is checked; an address also means that none is told.
        Tls::Plain | Tls::Insecure | Tls::Fingerprint(_) => {
            (believing()?, ServerName::IpAddress(Ipv4Addr::UNSPECIFIED.into()))
        }
    };
    let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(|error| {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(tls) => sort_error(tls),
            None => ConnectError::Tls { reason: format!("the router breaks off the handshake ({error})") },
        }
    })?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let certificate = certificate.ok_or_else(|| failed(&"the router shows no certificate"))?;
    let fingerprint = Sha256::digest(certificate).into();
    Ok((stream, fingerprint))
}

fn sort_error(error: &rustls::Error) -> ConnectError {
    if let rustls::Error::InvalidCertificate(reason) = error {
        return ConnectError::CertificateUntrusted { reason: plain_reason(reason) };
    }
    if *error == rustls::Error::AlertReceived(AlertDescription::HandshakeFailure) {
        return ConnectError::NoCertificate;
    }
    if *error == rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) {
        return ConnectError::NotTls;
    }
    ConnectError::Tls { reason: error.to_string() }
}

fn plain_reason(error: &CertificateError) -> String {
    if *error == CertificateError::UnknownIssuer {
        return "it is not signed by this CA".to_owned();
    }
    error.to_string()
}

fn failed(reason: &impl ToString) -> ConnectError {
    ConnectError::Tls { reason: reason.to_string() }
}

/// Checks the certificate against the CAs of a file.
fn trusting(path: &Path) -> Result<ClientConfig, ConnectError> {
    let unusable = |reason: String| ConnectError::CaFile { path: path.to_owned(), reason };
    let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("it holds no certificate".to_owned()));
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| failed(&error))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Takes any certificate, for a caller who compares its fingerprint or does not care.
fn believing() -> Result<ClientConfig, ConnectError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| failed(&error))?;
    let verifier = Arc::new(AnyCertificate { provider });
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Believes every certificate, but still demands that the peer holds its key: without that a fingerprint proves nothing.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
