//! Days as people write them: in forms, in the filters of lists, and in the lists they bring along. Bodies of the API
//! have days as RFC 3339 writes them, and are not read here.

use chrono::NaiveDate;

use super::{
    error::AppError,
    form::{Check, FieldError},
};

/// Reads a day: `2026-12-31`, or the day first: `31-12-2026`, `31/12/2026`, `31.12.2026`. The year has four digits.
#[must_use]
pub fn parse(text: &str) -> Option<NaiveDate> {
    let text = text.trim();
    let mark = text.chars().find(|char| !char.is_ascii_digit()).filter(|char| matches!(char, '-' | '/' | '.'))?;
    let [first, month, last] = text.split(mark).collect::<Vec<_>>().try_into().ok()?;
    let (year, day) = if mark == '-' && first.len() == 4 { (first, last) } else { (last, first) };
    let is_number = |text: &str, digits| text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_written_so = year.len() == 4 && is_number(year, 4) && is_number(month, 2) && is_number(day, 2);
    let year = year.parse().ok().filter(|year| is_written_so && *year >= 1000)?;
    NaiveDate::from_ymd_opt(year, month.parse().ok()?, day.parse().ok()?)
}

/// The day of a filter; empty = none.
///
/// # Errors
/// [`AppError::Invalid`] at the field.
pub fn asked(field: &str, text: &str) -> Result<Option<NaiveDate>, AppError> {
    let mut check = Check::default();
    let day = check.optional_day(field, text);
    if check.is_clean() { Ok(day) } else { Err(check.into_errors().into()) }
}

impl Check {
    /// A day that must be there, as [`parse`] reads it.
    pub fn day(&mut self, field: &str, text: &str) -> Option<NaiveDate> {
        if text.trim().is_empty() {
            self.refuse(field, FieldError::new("required"));
        }
        self.optional_day(field, text)
    }

    /// A day that may be left out; see [`Check::day`].
    pub fn optional_day(&mut self, field: &str, text: &str) -> Option<NaiveDate> {
        let day = parse(text);
        if day.is_none() && !text.trim().is_empty() {
            self.refuse(field, FieldError::new("not_a_date"));
        }
        day
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_people_write_them() {
        let read = [
            ("2026-12-31", (2026, 12, 31)),
            ("31-12-2026", (2026, 12, 31)),
            ("31/12/2026", (2026, 12, 31)),
            ("31.12.2026", (2026, 12, 31)),
            ("  31-12-2026 ", (2026, 12, 31)),
            // The day comes first, never the month.
            ("3/4/2026", (2026, 4, 3)),
            ("2028-2-29", (2028, 2, 29)),
        ];
        for (text, (year, month, day)) in read {
            assert_eq!(parse(text), NaiveDate::from_ymd_opt(year, month, day), "{text}");
        }
    }

    #[test]
    fn what_is_no_day_or_could_be_two_is_refused() {
        let refused = [
            "",
            "besok",
            "31/12/26",
            "26-12-31",
            "0026-12-31",
            "31-12-0026",
            "2026-02-30",
            "29/02/2027",
            "12/31/2026",
            "2026/12/31",
            "31-12/2026",
            "31-12-2026-",
            "31-12",
            "+2026-12-31",
            "31- 12-2026",
            "031-12-2026",
            "31-12-12026",
            "٣١-12-2026",
            "31 Des 2026",
        ];
        for text in refused {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_empty_field_is_wrong_only_where_a_day_must_be() {
        let told = |read: fn(&mut Check) -> Option<NaiveDate>| {
            let mut check = Check::default();
            assert_eq!(read(&mut check), None);
            check.into_errors().iter().map(|(_, error)| error.code().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(told(|check| check.day("on", " ")), ["required"]);
        assert_eq!(told(|check| check.day("on", "besok")), ["not_a_date"]);
        assert_eq!(told(|check| check.optional_day("on", "besok")), ["not_a_date"]);
        assert!(told(|check| check.optional_day("on", " ")).is_empty());
        assert!(asked("to", "besok").is_err());
        assert_eq!(asked("to", "").unwrap(), None);
        assert_eq!(asked("to", "31/12/2026").unwrap(), NaiveDate::from_ymd_opt(2026, 12, 31));
    }
}
