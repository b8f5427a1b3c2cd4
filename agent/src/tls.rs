//! TLS towards the controller and the broker: the public CAs, or those of a private one.

use std::{io, path::Path, sync::Arc};

use rustls::{ClientConfig, RootCertStore, crypto::ring};

/// A client's settings; with a PEM file only the CAs in it are believed.
///
/// # Errors
/// The file cannot be read, or holds no certificate.
pub(crate) fn client(ca: Option<&Path>) -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    match ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let mut reader = io::BufReader::new(std::fs::File::open(path)?);
            for certificate in rustls_pemfile::certs(&mut reader) {
                roots.add(certificate?).map_err(io::Error::other)?;
            }
            if roots.is_empty() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "no certificate in the file"));
            }
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_must_hold_a_certificate() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        assert!(client(Some(&path)).is_err());
        std::fs::write(&path, "nothing").unwrap();
        assert!(client(Some(&path)).is_err());
        let signed = rcgen::generate_simple_self_signed(["isp.example".to_owned()]).unwrap();
        std::fs::write(&path, signed.cert.pem()).unwrap();
        assert!(client(Some(&path)).is_ok());
        assert!(client(None).is_ok());
    }
}
