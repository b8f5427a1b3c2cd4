//! What the login page shows.

use serde::{Deserialize, Serialize};

use crate::http::{
    form::{FieldError, FormErrors, FormView},
    page::Page,
};

/// The login's fields. The password is never shown again.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct LoginFields {
    /// User name.
    #[serde(default)]
    pub username: String,
    /// Where to go then.
    #[serde(default)]
    pub next: String,
}

/// The login page.
#[derive(Debug, Serialize)]
pub struct LoginPage {
    /// The form.
    pub form: FormView<LoginFields>,
}

impl Page for LoginPage {
    const TEMPLATE: &'static str = "admins/login.html";

    fn samples() -> Vec<Self> {
        let refused = |error| {
            let values = LoginFields { username: "rina".to_owned(), next: "/vouchers".to_owned() };
            Self { form: FormView::again(values, FormErrors::of("", error), "") }
        };
        vec![
            Self { form: FormView::fresh(LoginFields::default()) },
            refused(FieldError::new("bad_credentials")),
            refused(FieldError::new("login_throttled").arg("seconds", 30)),
        ]
    }
}
