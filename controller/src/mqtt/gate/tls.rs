//! The TLS side of the gate: certificate and key from PEM files, looked at again while running.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

use rustls::{
    ServerConfig,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;

use super::config::TlsListen;

/// Why certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{0} holds no certificate")]
    NoCertificate(PathBuf),
    #[error("{0} holds no private key")]
    NoKey(PathBuf),
    #[error("certificate and key cannot be used")]
    Unusable(#[from] rustls::Error),
}

/// The certificate in use, and the files it came from.
#[derive(Debug)]
pub(super) struct Certificate {
    files: TlsListen,
    current: RwLock<(Stamp, Arc<CertifiedKey>)>,
}

/// When the two files were written.
type Stamp = [Option<SystemTime>; 2];

impl Certificate {
    /// Reads the files.
    pub(super) fn load(files: TlsListen) -> Result<Arc<Self>, TlsError> {
        let current = RwLock::new((stamp(&files), Arc::new(read(&files)?)));
        Ok(Arc::new(Self { files, current }))
    }

    /// Reads them again if they were written since. True: a new certificate is in use.
    pub(super) fn refresh(&self) -> Result<bool, TlsError> {
        let now = stamp(&self.files);
        if self.current.read().unwrap_or_else(PoisonError::into_inner).0 == now {
            return Ok(false);
        }
        // While the files are being replaced, they may not fit each other; the old pair stays until they do.
        let key = Arc::new(read(&self.files)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = (now, key);
        Ok(true)
    }

    /// Accepts TLS with whatever certificate is current at that time.
    pub(super) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).1))
    }
}

fn stamp(files: &TlsListen) -> Stamp {
    let written = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified()).ok();
    [written(&files.cert), written(&files.key)]
}

fn read(files: &TlsListen) -> Result<CertifiedKey, TlsError> {
    let text = |path: &Path| std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source });
    let (cert, key) = (text(&files.cert)?, text(&files.key)?);
    let chain = rustls_pemfile::certs(&mut cert.as_slice()).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|source| TlsError::Read { path: files.cert.clone(), source })?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(files.cert.clone()));
    }
    let key = rustls_pemfile::private_key(&mut key.as_slice())
        .map_err(|source| TlsError::Read { path: files.key.clone(), source })?
        .ok_or_else(|| TlsError::NoKey(files.key.clone()))?;
    let provider = rustls::crypto::ring::default_provider();
    Ok(CertifiedKey::from_der(chain, key, &provider)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, name: &str) -> TlsListen {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
        std::fs::write(&cert, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        TlsListen { addr: ([127, 0, 0, 1], 0).into(), cert, key }
    }

    fn age(path: &Path) {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }

    #[test]
    fn a_renewed_certificate_is_used_and_a_broken_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let files = write(dir.path(), "first.test");
        age(&files.cert);
        let certificate = Certificate::load(files.clone()).unwrap();
        let first = Arc::clone(&certificate.current.read().unwrap().1);
        assert!(!certificate.refresh().unwrap());

        std::fs::write(&files.cert, "half a file").unwrap();
        assert!(matches!(certificate.refresh(), Err(TlsError::NoCertificate(_))));
        assert_eq!(certificate.current.read().unwrap().1.cert, first.cert);

        write(dir.path(), "second.test");
        assert!(certificate.refresh().unwrap());
        assert_ne!(certificate.current.read().unwrap().1.cert, first.cert);
    }

    #[test]
    fn files_that_are_missing_or_of_two_pairs_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = write(dir.path(), "one.test");
        let other = tempfile::tempdir().unwrap();
        files.key = write(other.path(), "two.test").key;
        assert!(matches!(Certificate::load(files.clone()), Err(TlsError::Unusable(_))));
        files.key = dir.path().join("nowhere.pem");
        assert!(matches!(Certificate::load(files), Err(TlsError::Read { .. })));
    }
}
