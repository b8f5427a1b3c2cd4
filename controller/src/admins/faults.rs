//! How refusals of this feature are answered: which field, which code.

use super::AdminError;
use crate::http::{
    error::AppError,
    form::{FieldError, FormErrors},
};

impl From<AdminError> for AppError {
    fn from(error: AdminError) -> Self {
        let refused = |field, code| Self::Invalid(FormErrors::of(field, FieldError::new(code)));
        match error {
            AdminError::NotFound => Self::NotFound,
            AdminError::Refused(errors) => Self::Invalid(errors),
            AdminError::UsernameTaken => refused("username", "taken"),
            AdminError::LastSuperAdmin => refused("role", "last_super_admin"),
            AdminError::NoSuchSite => refused("site_ids", "not_offered"),
            AdminError::NotBelow => Self::Forbidden,
            AdminError::WrongPassword => refused("old_password", "wrong_password"),
            AdminError::Internal(source) => Self::Internal(source),
        }
    }
}
