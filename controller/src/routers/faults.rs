//! How refusals of this feature are answered: which field, which code.

use hiji_shared::script::ScriptError;

use super::{MAX_NAME, RouterError, enroll::EnrollError, hooks::HookError, isolation::IsolationError};
use crate::http::{
    error::AppError,
    form::{FieldError, FormErrors},
};

impl From<RouterError> for AppError {
    fn from(error: RouterError) -> Self {
        let max = i64::try_from(MAX_NAME).unwrap_or(i64::MAX);
        match error {
            RouterError::NotFound => Self::NotFound,
            RouterError::NoSuchSite => FormErrors::of("site_id", FieldError::new("not_offered")).into(),
            RouterError::BadName => FormErrors::of("name", FieldError::new("bad_name").arg("max", max)).into(),
            RouterError::NameTaken => FormErrors::of("name", FieldError::new("taken")).into(),
            RouterError::NothingToApprove => Self::Conflict { code: "nothing_to_approve" },
            RouterError::Db(error) => error.into(),
        }
    }
}

impl From<HookError> for AppError {
    fn from(error: HookError) -> Self {
        let code = error.code();
        match error {
            HookError::NotFound => Self::NotFound,
            HookError::NoHook | HookError::Script(ScriptError::Mikhmon) => Self::Conflict { code },
            HookError::Script(ScriptError::TooLong { .. }) => Self::Unprocessable { code },
            HookError::Db(error) => error.into(),
        }
    }
}

impl From<IsolationError> for AppError {
    fn from(error: IsolationError) -> Self {
        match error {
            IsolationError::NotFound => Self::NotFound,
            IsolationError::Fields(errors) => errors.into(),
            IsolationError::NotShown => Self::Conflict { code: "isolation_not_shown" },
            IsolationError::InUse { .. } => Self::Conflict { code: "isolation_in_use" },
            IsolationError::OldAgent => Self::Conflict { code: "isolation_old_agent" },
            IsolationError::Db(error) => error.into(),
        }
    }
}

impl From<EnrollError> for AppError {
    fn from(error: EnrollError) -> Self {
        match error {
            EnrollError::BadToken => Self::Denied { code: "bad_token" },
            EnrollError::BadRequest(_) => Self::Unprocessable { code: "bad_enrolment" },
            EnrollError::Db(error) => error.into(),
            error @ EnrollError::Sealed => Self::Internal(error.into()),
        }
    }
}
