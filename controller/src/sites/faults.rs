//! How refusals of this feature are answered: which field, which code.

use super::{MAX_ADDRESS, MAX_CLEANUP_DAYS, MAX_NAME, MAX_RUN_HOUR, SiteError};
use crate::http::{
    error::AppError,
    form::{FieldError, FormErrors},
};

impl From<SiteError> for AppError {
    fn from(error: SiteError) -> Self {
        let max = |max: usize| i64::try_from(max).unwrap_or(i64::MAX);
        let refused = |field, error| Self::Invalid(FormErrors::of(field, error));
        match error {
            SiteError::NotFound => Self::NotFound,
            SiteError::BadName => refused("name", FieldError::new("bad_name").arg("max", max(MAX_NAME))),
            SiteError::BadZone => refused("timezone", FieldError::new("bad_zone")),
            SiteError::WifiNameTooLong => refused("wifi_name", FieldError::new("too_long").arg("max", max(MAX_NAME))),
            SiteError::AddressTooLong => refused("address", FieldError::new("too_long").arg("max", max(MAX_ADDRESS))),
            SiteError::BadCleanup => {
                let error = FieldError::new("out_of_range").arg("min", 0).arg("max", i64::from(MAX_CLEANUP_DAYS));
                refused("cleanup_days", error)
            }
            SiteError::BadRunHour => {
                let error = FieldError::new("out_of_range").arg("min", 0).arg("max", i64::from(MAX_RUN_HOUR));
                refused("run_hour", error)
            }
            SiteError::NameTaken => refused("name", FieldError::new("taken")),
            SiteError::Db(error) => error.into(),
        }
    }
}
