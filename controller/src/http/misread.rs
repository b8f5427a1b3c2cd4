//! Days and months in the filters of lists that cannot be read. Where a browser has no field for them it sends whatever
//! was written: a page says so at the field and shows the list without it, while the API refuses.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{error::AppError, form::FieldError};

/// The fields of a filter that cannot be read, as they were typed.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Misread(BTreeMap<&'static str, Typed>);

#[derive(Debug, Clone, Serialize)]
struct Typed {
    text: String,
    error: FieldError,
}

impl Misread {
    /// Takes a field out of a filter when it cannot be read.
    ///
    /// # Errors
    /// What is wrong with anything but the field.
    pub fn sift<T>(
        &mut self,
        field: &'static str,
        text: &mut String,
        read: impl FnOnce(&str) -> Result<T, AppError>,
    ) -> Result<(), AppError> {
        let errors = match read(text) {
            Ok(_) => return Ok(()),
            Err(AppError::Invalid(errors)) => errors,
            Err(other) => return Err(other),
        };
        let own = errors.iter().find(|(name, _)| *name == field).map(|(_, error)| error.clone());
        let Some(error) = own else { return Err(errors.into()) };
        self.0.insert(field, Typed { text: std::mem::take(text), error });
        Ok(())
    }

    /// Was everything read?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A field that says nothing, for samples of pages.
    #[must_use]
    pub(crate) fn sample(field: &'static str, code: &str) -> Self {
        let typed = Typed { text: "kemarin <b>".to_owned(), error: FieldError::new(code) };
        Self(BTreeMap::from([(field, typed)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::form::FormErrors;

    fn number(text: &str) -> Result<i64, AppError> {
        text.parse().map_err(|_no_number| FormErrors::of("day", FieldError::new("not_a_date")).into())
    }

    #[test]
    fn what_cannot_be_read_is_taken_out_and_kept_to_be_shown() {
        let (mut misread, mut good, mut bad) = (Misread::default(), "7".to_owned(), "kemarin".to_owned());
        misread.sift("day", &mut good, number).unwrap();
        assert!(misread.is_empty() && good == "7");
        misread.sift("day", &mut bad, number).unwrap();
        assert!(!misread.is_empty() && bad.is_empty());
        let shown = serde_json::to_value(&misread).unwrap();
        assert_eq!((&shown["day"]["text"], &shown["day"]["error"]["code"]), (&"kemarin".into(), &"not_a_date".into()));
    }

    #[test]
    fn another_fault_is_no_fault_of_the_field() {
        let mut text = "x".to_owned();
        assert!(Misread::default().sift("other", &mut text, number).is_err());
        assert_eq!(text, "x");
    }
}
