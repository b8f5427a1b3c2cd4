//! Secrets at rest: AES-256-GCM under the key file, and keys derived from it.
//!
//! The key file is 32 random bytes in hex, made at the first start with mode 0600. Losing it loses every sealed
//! secret; a backup must carry it.

use std::{
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead as _, Payload},
};
use anyhow::Context as _;
use hiji_shared::signed;

use crate::ids;

const NONCE: usize = 12;

/// Seals and opens secrets, and derives keys for other uses.
#[derive(Clone)]
pub struct Keys {
    root: [u8; 32],
    cipher: Aes256Gcm,
}

/// The sealed bytes are not ours, or of another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed secret cannot be opened with this key file")]
pub struct CannotOpen;

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(***)")
    }
}

impl Keys {
    /// Reads the key file, or makes it.
    ///
    /// # Errors
    /// When the file cannot be read or made, is no key, or is readable by others.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        if !path.exists() {
            create(path).with_context(|| format!("making the key file {}", path.display()))?;
        }
        let mode = std::fs::metadata(path).with_context(|| format!("reading {}", path.display()))?.permissions().mode();
        anyhow::ensure!(
            mode & 0o077 == 0,
            "the key file {} can be read by others; run: chmod 600 {}",
            path.display(),
            path.display()
        );
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let bytes = signed::unhex(text.trim()).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let root = bytes.with_context(|| format!("{} must hold 64 hex characters", path.display()))?;
        Ok(Self::from_root(root))
    }

    /// Keys of a known root, for tests.
    #[must_use]
    pub fn from_root(root: [u8; 32]) -> Self {
        let key = signed::hmac(&root, &[b"seal"]);
        Self { root, cipher: Aes256Gcm::new(&key.into()) }
    }

    /// A key of its own for one use.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        signed::hmac(&self.root, &[b"derive:", purpose.as_bytes()])
    }

    /// Seals a secret. `place` names where it is kept (`"agent.secret"`): it cannot be opened elsewhere.
    ///
    /// # Panics
    /// Never for secrets below 64 GiB.
    #[must_use]
    pub fn seal(&self, place: &str, secret: &[u8]) -> Vec<u8> {
        let nonce = ids::random::<NONCE>();
        let payload = Payload { msg: secret, aad: place.as_bytes() };
        let sealed = self.cipher.encrypt(&nonce.into(), payload).expect("a secret is shorter than 64 GiB");
        [nonce.as_slice(), &sealed].concat()
    }

    /// Opens what [`Self::seal`] sealed for the same place.
    ///
    /// # Errors
    /// [`CannotOpen`].
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE>().ok_or(CannotOpen)?;
        let payload = Payload { msg: body, aad: place.as_bytes() };
        self.cipher.decrypt(&(*nonce).into(), payload).map_err(|_opaque| CannotOpen)
    }
}

fn create(path: &Path) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(signed::hex(&ids::random::<32>()).as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_in_its_place_and_unchanged() {
        let keys = Keys::from_root([1; 32]);
        let sealed = keys.seal("agent.secret", b"hush");
        assert_eq!(keys.open("agent.secret", &sealed), Ok(b"hush".to_vec()));
        assert_eq!(keys.open("voucher.password", &sealed), Err(CannotOpen));
        assert_eq!(Keys::from_root([2; 32]).open("agent.secret", &sealed), Err(CannotOpen));
        for at in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            assert_eq!(keys.open("agent.secret", &bent), Err(CannotOpen));
            assert_eq!(keys.open("agent.secret", &sealed[..at]), Err(CannotOpen));
        }
    }

    #[test]
    fn the_key_file_is_made_once_for_the_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/secret.key");
        let sealed = Keys::load(&path).unwrap().seal("x", b"y");
        assert_eq!(Keys::load(&path).unwrap().open("x", &sealed), Ok(b"y".to_vec()));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Keys::load(&path).unwrap_err().to_string().contains("chmod 600"));
    }
}
