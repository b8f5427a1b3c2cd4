//! Passwords: argon2id, off the runtime's threads.

use anyhow::Context as _;
use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use secrecy::{ExposeSecret as _, SecretString};

/// A hash of nothing anybody knows: verifying against it takes as long as against a real one.
pub(crate) const DUMMY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$aGlqaS1kdW1teS1zYWx0$8xQ5cq0Z7cE5M3Q0b0l3h1VQ3n1oW0m8m2v2f6d5c4k";

/// The hash of a new password.
///
/// # Errors
/// When the library refuses.
pub async fn hash(password: SecretString) -> anyhow::Result<String> {
    tokio::task::spawn_blocking(move || {
        let salt = crate::ids::random::<16>();
        let hash: PasswordHash = Argon2::default()
            .hash_password_with_salt(password.expose_secret().as_bytes(), &salt)
            .map_err(|error| anyhow::anyhow!("hashing a password: {error}"))?;
        Ok(hash.to_string())
    })
    .await
    .context("hashing a password")?
}

/// Is it the password of the hash? A damaged hash is nobody's password.
///
/// # Errors
/// When the task dies.
pub async fn verify(password: SecretString, hash: String) -> anyhow::Result<bool> {
    tokio::task::spawn_blocking(move || {
        let Ok(parsed) = PasswordHash::new(&hash) else { return false };
        Argon2::default().verify_password(password.expose_secret().as_bytes(), &parsed).is_ok()
    })
    .await
    .context("verifying a password")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_itself_verifies() {
        let hash = hash("rahasia1".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(verify("rahasia1".into(), hash.clone()).await.unwrap());
        assert!(!verify("rahasia2".into(), hash).await.unwrap());
        assert!(!verify("rahasia2".into(), DUMMY.to_owned()).await.unwrap());
        assert!(PasswordHash::new(DUMMY).is_ok(), "the dummy must cost as much as a real hash");
    }
}
