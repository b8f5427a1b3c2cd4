//! The errors a command answers with `!trap`, in RouterOS' own words.
//!
//! Where a text could not be established from any source it is marked as our choice.

use super::version::Version;

/// A trap: its message, and its category where the router sends one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trap {
    pub(crate) category: Option<u8>,
    pub(crate) message: String,
}

impl Trap {
    fn new(category: Option<u8>, message: impl Into<String>) -> Self {
        Self { category, message: message.into() }
    }

    /// The path leads nowhere: a package that is not installed, or a mistake.
    pub(crate) fn no_such_menu() -> Self {
        Self::new(Some(0), "no such command prefix")
    }

    pub(crate) fn no_such_command() -> Self {
        Self::new(Some(0), "no such command")
    }

    pub(crate) fn no_such_item(version: Version) -> Self {
        Self::new(Some(0), if version.numbered_errors() { "no such item (4)" } else { "no such item" })
    }

    pub(crate) fn unknown_parameter(version: Version, name: &[u8]) -> Self {
        if version.names_unknown_parameter() {
            return Self::new(None, format!("unknown parameter {}", String::from_utf8_lossy(name)));
        }
        Self::new(None, "unknown parameter")
    }

    pub(crate) fn missing(name: &str) -> Self {
        Self::new(Some(0), format!("missing value(s) of argument(s) {name}"))
    }

    pub(crate) fn no_match(name: &str) -> Self {
        Self::new(Some(1), format!("input does not match any value of {name}"))
    }

    pub(crate) fn bad_value(name: &str) -> Self {
        Self::new(Some(1), format!("invalid value for argument {name}"))
    }

    pub(crate) fn duplicate(text: &str) -> Self {
        Self::new(None, text)
    }

    pub(crate) fn not_permitted() -> Self {
        Self::new(None, "not enough permissions (9)")
    }

    pub(crate) fn interrupted() -> Self {
        Self::new(Some(2), "interrupted")
    }

    /// Our choice: the real text is not known.
    pub(crate) fn protected() -> Self {
        Self::new(None, "failure: can not remove default item")
    }

    /// Our choice: the real text is not known.
    pub(crate) fn last_full_user() -> Self {
        Self::new(None, "failure: can not remove last user with full rights")
    }

    /// Our choice: the real text is not known.
    pub(crate) fn flash_full() -> Self {
        Self::new(None, "failure: no space left on device")
    }

    /// Our choice: the real text is not known.
    pub(crate) fn before_dynamic() -> Self {
        Self::new(None, "failure: can not place before dynamic item")
    }

    /// Our choice: the real limit and its text are not known.
    pub(crate) fn too_many_commands() -> Self {
        Self::new(Some(5), "too many running commands")
    }

    pub(crate) fn fetch_failed(words: String) -> Self {
        Self::new(None, words)
    }

    pub(crate) fn bad_login() -> Self {
        Self::new(None, "invalid user name or password (6)")
    }

    /// The words before 6.43.
    pub(crate) fn bad_old_login() -> Self {
        Self::new(None, "cannot log in")
    }

    /// What the world refused, as `/ip/hotspot/active/login` tells it.
    pub(crate) fn refused(reason: &str) -> Self {
        Self::new(None, format!("failure: {reason}"))
    }
}
