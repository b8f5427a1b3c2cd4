//! Whom api-ssl believes.

use std::io::Write;
use std::sync::Arc;

use rcgen::{CertificateParams, CertifiedIssuer, CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::{Peer, options, router};
use crate::routeros::{Client, ConnectError, ConnectOptions, Request, Tls};

/// A router behind TLS: takes one connection, a login and one command. Its task answers whether a password was heard.
async fn tls_router(
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
) -> (ConnectOptions, JoinHandle<bool>) {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(stream) = acceptor.accept(stream).await else { return false };
        let mut peer = Peer::new(stream);
        if peer.try_hear().await.is_none() {
            return false;
        }
        peer.say(&["!done"]).await;
        let tag = peer.hear_command("/a").await;
        peer.reply("!done", &tag, &["=ret=ok"]).await;
        peer.until_closed().await;
        true
    });
    let mut options = options(port);
    options.host = "localhost".to_owned();
    (options, task)
}

fn self_signed() -> (CertificateDer<'static>, PrivateKeyDer<'static>, [u8; 32]) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["router.lan".to_owned()]).unwrap();
    let certificate = cert.der().clone();
    let fingerprint = Sha256::digest(&certificate).into();
    (certificate, PrivateKeyDer::Pkcs8(signing_key.serialize_der().into()), fingerprint)
}

async fn works(options: &ConnectOptions) -> Client {
    let client = Client::connect(options).await.unwrap();
    assert_eq!(client.call(Request::new("/a")).await.unwrap().ret.as_deref(), Some("ok"));
    client
}

#[tokio::test]
async fn the_pinned_certificate_is_believed() {
    let (certificate, key, fingerprint) = self_signed();
    let (mut options, router) = tls_router(certificate, key).await;
    options.tls = Tls::Fingerprint(fingerprint);
    assert_eq!(works(&options).await.certificate_fingerprint(), Some(fingerprint));
    assert!(router.await.unwrap());
}

#[tokio::test]
async fn another_certificate_never_gets_the_password() {
    let (certificate, key, fingerprint) = self_signed();
    let (mut options, router) = tls_router(certificate, key).await;
    options.tls = Tls::Fingerprint([7; 32]);
    let error = Client::connect(&options).await.expect_err("another certificate");
    let ConnectError::CertificateMismatch { expected, seen } = &error else { panic!("{error:?}") };
    assert_eq!((expected.0, seen.0), ([7; 32], fingerprint));
    assert!(error.to_string().contains("07:07:07"), "{error}");
    assert!(!router.await.unwrap());
}

#[tokio::test]
async fn insecure_takes_any_certificate_and_shows_it() {
    let (certificate, key, fingerprint) = self_signed();
    let (mut options, router) = tls_router(certificate, key).await;
    options.tls = Tls::Insecure;
    assert_eq!(works(&options).await.certificate_fingerprint(), Some(fingerprint));
    assert!(router.await.unwrap());
}

/// A CA, and a certificate of it for a name.
fn signed_for(name: &str) -> (String, CertificateDer<'static>, PrivateKeyDer<'static>) {
    let mut authority = CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    (authority.pem(), leaf.der().clone(), PrivateKeyDer::Pkcs8(key.serialize_der().into()))
}

fn pem_file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[tokio::test]
async fn a_certificate_of_the_given_ca_is_believed() {
    let (authority, certificate, key) = signed_for("localhost");
    let (mut options, router) = tls_router(certificate, key).await;
    let file = pem_file(&authority);
    options.tls = Tls::Ca(file.path().to_owned());
    works(&options).await;
    assert!(router.await.unwrap());
}

#[tokio::test]
async fn a_certificate_of_another_ca_or_name_is_not_believed() {
    let (authority, _, _) = signed_for("localhost");
    let (_, foreign, foreign_key) = signed_for("localhost");
    let (own_authority, misnamed, misnamed_key) = signed_for("router.lan");
    for (authority, certificate, key) in [(authority, foreign, foreign_key), (own_authority, misnamed, misnamed_key)] {
        let (mut options, router) = tls_router(certificate, key).await;
        let file = pem_file(&authority);
        options.tls = Tls::Ca(file.path().to_owned());
        let error = Client::connect(&options).await.expect_err("not to be believed");
        assert!(matches!(error, ConnectError::CertificateUntrusted { .. }), "{error:?}");
        assert!(!router.await.unwrap());
    }
}

#[tokio::test]
async fn a_ca_file_that_holds_none_is_named() {
    let empty = pem_file("nothing");
    let missing = empty.path().with_extension("missing");
    for path in [empty.path().to_owned(), missing] {
        let (mut options, router) = router(|_peer| async move {}).await;
        options.tls = Tls::Ca(path.clone());
        let error = Client::connect(&options).await.expect_err("no CA");
        assert!(matches!(&error, ConnectError::CaFile { .. }), "{error:?}");
        assert!(error.to_string().contains(path.to_str().unwrap()));
        router.await.unwrap();
    }
}

#[tokio::test]
async fn what_goes_wrong_before_tls_is_told_apart() {
    // A handshake failure is what a router without a certificate answers.
    let no_certificate: &[u8] = &[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28];
    let plain_port: &[u8] = b"\x06!fatal\x00";
    for (answer, is_right) in [
        (no_certificate, (|error| matches!(error, ConnectError::NoCertificate)) as fn(&ConnectError) -> bool),
        (plain_port, |error| matches!(error, ConnectError::NotTls)),
        (b"", |error| matches!(error, ConnectError::Tls { .. })),
    ] {
        let (mut options, router) = router(move |mut peer| async move {
            let mut hello = [0; 64];
            tokio::io::AsyncReadExt::read_exact(&mut peer.stream, &mut hello).await.unwrap();
            peer.send(answer).await;
        })
        .await;
        options.tls = Tls::Insecure;
        let error = Client::connect(&options).await.expect_err("no TLS");
        assert!(is_right(&error), "{error:?}");
        router.await.unwrap();
    }
}
