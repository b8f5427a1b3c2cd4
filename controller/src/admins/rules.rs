//! Pure decisions about admins: what a name and a password must be, and how long an account is locked.

use secrecy::{ExposeSecret as _, SecretString};

use super::AdminForm;

const MIN_PASSWORD: usize = 8;
const MAX_PASSWORD: usize = 200;
const MAX_NAME: usize = 60;
/// Wrong passwords that cost nothing.
const FREE_FAILURES: i32 = 4;
const LONGEST_LOCK_SECS: i64 = 900;

/// Which field of an admin is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadAdmin {
    Username,
    Name,
    Password,
}

/// Checks a form; `new` ones need a password.
///
/// # Errors
/// The first field that is not valid.
pub fn check(form: &AdminForm, new: bool) -> Result<(), BadAdmin> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-@".contains(c);
    if form.username.is_empty() || form.username.len() > MAX_NAME || !form.username.chars().all(plain) {
        return Err(BadAdmin::Username);
    }
    if form.name.chars().count() > MAX_NAME || form.name.chars().any(char::is_control) {
        return Err(BadAdmin::Name);
    }
    match &form.password {
        None if new => Err(BadAdmin::Password),
        None => Ok(()),
        Some(password) => check_password(password),
    }
}

/// Checks a new password alone.
///
/// # Errors
/// [`BadAdmin::Password`].
pub fn check_password(password: &SecretString) -> Result<(), BadAdmin> {
    let length = password.expose_secret().chars().count();
    if (MIN_PASSWORD..=MAX_PASSWORD).contains(&length) { Ok(()) } else { Err(BadAdmin::Password) }
}

/// How long an account is locked after so many wrong passwords in a row.
#[must_use]
pub fn lock_secs(failed: i32) -> Option<i64> {
    let beyond = u32::try_from(failed - FREE_FAILURES).ok().filter(|beyond| *beyond > 0)?;
    Some((1i64 << beyond.min(12)).min(LONGEST_LOCK_SECS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::access::Role;

    fn form(username: &str, password: Option<&str>) -> AdminForm {
        AdminForm {
            username: username.into(),
            name: "Rina".into(),
            role: Role::Operator,
            site_ids: Vec::new(),
            grants: Vec::new(),
            password: password.map(Into::into),
            active: true,
        }
    }

    #[test]
    fn names_and_passwords_have_limits() {
        assert_eq!(check(&form("rina", Some("rahasia1")), true), Ok(()));
        assert_eq!(check(&form("Rina Sari", Some("rahasia1")), true), Err(BadAdmin::Username));
        assert_eq!(check(&form("rina", Some("pendek")), true), Err(BadAdmin::Password));
        assert_eq!(check(&form("rina", None), true), Err(BadAdmin::Password));
        assert_eq!(check(&form("rina", None), false), Ok(()));
    }

    #[test]
    fn wrong_passwords_lock_longer_each_time() {
        assert_eq!([0, 4, 5, 6, 10, 100].map(lock_secs), [None, None, Some(2), Some(4), Some(64), Some(900)]);
    }
}
