//! Pure decisions about admins: what a name and a password must be, and how long an account is locked.

use secrecy::{ExposeSecret as _, SecretString};

use super::AdminForm;
use crate::http::form::{FieldError, FormErrors};

const MIN_PASSWORD: usize = 8;
const MAX_PASSWORD: usize = 200;
const MAX_NAME: usize = 60;
/// Wrong passwords that cost nothing.
const FREE_FAILURES: i32 = 4;
const LONGEST_LOCK_SECS: i64 = 900;

/// Checks a form; `new` ones need a password.
///
/// # Errors
/// Every field that is not valid.
pub fn check(form: &AdminForm, new: bool) -> Result<(), FormErrors> {
    let mut errors = FormErrors::default();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-@".contains(c);
    if form.username.is_empty() || form.username.len() > MAX_NAME || !form.username.chars().all(plain) {
        errors.add("username", FieldError::new("bad_username"));
    }
    if form.name.chars().count() > MAX_NAME || form.name.chars().any(char::is_control) {
        errors.add("name", FieldError::new("bad_display_name"));
    }
    if !form.password.as_ref().map_or(!new, is_password) {
        errors.add("password", bad_password());
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Checks a new password alone.
///
/// # Errors
/// Its field, `password`.
pub fn check_password(password: &SecretString) -> Result<(), FormErrors> {
    if is_password(password) { Ok(()) } else { Err(FormErrors::of("password", bad_password())) }
}

fn is_password(password: &SecretString) -> bool {
    (MIN_PASSWORD..=MAX_PASSWORD).contains(&password.expose_secret().chars().count())
}

fn bad_password() -> FieldError {
    FieldError::new("bad_password")
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
        let refused = |form: &AdminForm, new: bool| {
            let errors = check(form, new).err().unwrap_or_default();
            errors.iter().map(|(field, _)| field.to_owned()).collect::<Vec<_>>()
        };
        assert!(refused(&form("rina", Some("rahasia1")), true).is_empty());
        assert_eq!(refused(&form("Rina Sari", Some("rahasia1")), true), ["username"]);
        assert_eq!(refused(&form("rina", Some("pendek")), true), ["password"]);
        assert_eq!(refused(&form("rina", None), true), ["password"]);
        assert!(refused(&form("rina", None), false).is_empty());
        // All that is wrong is told at once.
        let wrong = AdminForm { name: "x".repeat(61), ..form("Rina Sari", Some("pendek")) };
        assert_eq!(refused(&wrong, true), ["name", "password", "username"]);
    }

    #[test]
    fn wrong_passwords_lock_longer_each_time() {
        assert_eq!([0, 4, 5, 6, 10, 100].map(lock_secs), [None, None, Some(2), Some(4), Some(64), Some(900)]);
    }
}
