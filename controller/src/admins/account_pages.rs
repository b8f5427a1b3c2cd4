//! What an admin's own page and the set-up of the first admin show.

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::Session;
use crate::http::{
    form::{FieldError, FormErrors, FormView},
    page::Page,
};

/// Nothing of a password form is shown again.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct NoFields {}

/// The signed-in admin's own page.
#[derive(Debug, Serialize)]
pub(crate) struct AccountPage {
    pub(crate) form: FormView<NoFields>,
    pub(crate) sessions: Vec<Session>,
    /// The session that looks.
    pub(crate) current: String,
    pub(crate) timezone: String,
}

/// The first admin's fields as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SetupFields {
    pub(crate) username: String,
}

/// The set-up of the first admin, behind a link that is printed at the start.
#[derive(Debug, Serialize)]
pub(crate) struct SetupPage {
    pub(crate) token: String,
    pub(crate) form: FormView<SetupFields>,
}

impl Page for AccountPage {
    const TEMPLATE: &'static str = "admins/account.html";

    fn samples() -> Vec<Self> {
        let session = |id: &str| Session {
            id: id.to_owned(),
            created_at: DateTime::UNIX_EPOCH,
            last_seen_at: DateTime::UNIX_EPOCH,
            expires_at: DateTime::UNIX_EPOCH,
            ip: "10.0.0.2".to_owned(),
            user_agent: "Mozilla/5.0 (X11; Linux x86_64)".to_owned(),
        };
        let mut errors = FormErrors::of("old_password", FieldError::new("wrong_password"));
        errors.add("password", FieldError::new("bad_password"));
        errors.add("password_again", FieldError::new("password_differs"));
        let page = |form| Self {
            form,
            sessions: vec![session("s1"), session("s2")],
            current: "s1".to_owned(),
            timezone: "Asia/Jakarta".to_owned(),
        };
        vec![page(FormView::fresh(NoFields {})), page(FormView::again(NoFields {}, errors, ""))]
    }
}

impl Page for SetupPage {
    const TEMPLATE: &'static str = "admins/setup.html";

    fn samples() -> Vec<Self> {
        let mut errors = FormErrors::of("username", FieldError::new("bad_username"));
        errors.add("password", FieldError::new("bad_password"));
        errors.add("password_again", FieldError::new("password_differs"));
        let values = SetupFields { username: "Rina".to_owned() };
        vec![
            Self { token: "t".to_owned(), form: FormView::fresh(SetupFields::default()) },
            Self { token: "t".to_owned(), form: FormView::again(values, errors, "") },
        ]
    }
}
