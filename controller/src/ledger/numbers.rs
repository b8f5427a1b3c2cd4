//! How numbers of invoices, receipts and the like are written: `INV/{yyyy}/{mm}/{seq:6}`. Pure; giving them without gaps
//! is the store's.

use chrono::{Datelike as _, NaiveDate};

/// Characters of a format.
pub const MAX_FORMAT: usize = 48;
/// Digits of the running number.
const MAX_DIGITS: usize = 12;

/// Why a format cannot number anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error("the format is empty or too long")]
    Length,
    #[error("a brace is not closed, or what is in it is not known")]
    Unknown,
    #[error("the running number must stand in it once")]
    Sequence,
    #[error("a month without its year would come again")]
    Ambiguous,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Year,
    ShortYear,
    Month,
    Day,
    Sequence(usize),
}

/// A format that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberFormat(Vec<Part>);

impl NumberFormat {
    /// Reads a format: `{yyyy}`, `{yy}`, `{mm}`, `{dd}`, `{seq}` or `{seq:6}`, and any text between.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let plain = text.chars().all(|char| char.is_ascii_graphic());
        if text.is_empty() || text.len() > MAX_FORMAT || !plain {
            return Err(FormatError::Length);
        }
        let mut parts = Vec::new();
        let mut left = text;
        while !left.is_empty() {
            if let Some(rest) = left.strip_prefix('{') {
                let (name, after) = rest.split_once('}').ok_or(FormatError::Unknown)?;
                parts.push(part(name)?);
                left = after;
            } else {
                let end = left.find('{').unwrap_or(left.len());
                let (words, after) = left.split_at(end);
                if words.contains('}') {
                    return Err(FormatError::Unknown);
                }
                parts.push(Part::Text(words.to_owned()));
                left = after;
            }
        }
        let format = Self(parts);
        if format.0.iter().filter(|part| matches!(part, Part::Sequence(_))).count() != 1 {
            return Err(FormatError::Sequence);
        }
        let (year, month, day) = format.has();
        if day && !month || month && !year { Err(FormatError::Ambiguous) } else { Ok(format) }
    }

    fn has(&self) -> (bool, bool, bool) {
        let has = |wanted: &[Part]| self.0.iter().any(|part| wanted.contains(part));
        (has(&[Part::Year, Part::ShortYear]), has(&[Part::Month]), has(&[Part::Day]))
    }

    /// The period whose numbers begin anew: as fine as the format says, in local days.
    #[must_use]
    pub fn period(&self, day: NaiveDate) -> String {
        match self.has() {
            (_, _, true) => day.format("%Y-%m-%d").to_string(),
            (_, true, false) => day.format("%Y-%m").to_string(),
            (true, false, false) => day.format("%Y").to_string(),
            (false, false, false) => String::new(),
        }
    }

    /// The number as it is printed.
    #[must_use]
    pub fn write(&self, day: NaiveDate, number: i64) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(words) => text.push_str(words),
                Part::Year => text.push_str(&format!("{:04}", day.year())),
                Part::ShortYear => text.push_str(&format!("{:02}", day.year().rem_euclid(100))),
                Part::Month => text.push_str(&format!("{:02}", day.month())),
                Part::Day => text.push_str(&format!("{:02}", day.day())),
                Part::Sequence(digits) => text.push_str(&format!("{number:0width$}", width = *digits)),
            }
        }
        text
    }
}

fn part(name: &str) -> Result<Part, FormatError> {
    match name {
        "yyyy" => Ok(Part::Year),
        "yy" => Ok(Part::ShortYear),
        "mm" => Ok(Part::Month),
        "dd" => Ok(Part::Day),
        "seq" => Ok(Part::Sequence(1)),
        other => {
            let digits = other.strip_prefix("seq:").and_then(|digits| digits.parse().ok());
            digits.filter(|digits| (1..=MAX_DIGITS).contains(digits)).map(Part::Sequence).ok_or(FormatError::Unknown)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_format_says() {
        let day = NaiveDate::from_ymd_opt(2026, 2, 3).unwrap();
        for (format, number, period) in [
            ("INV/{yyyy}/{mm}/{seq:6}", "INV/2026/02/000042", "2026-02"),
            ("{yy}{mm}{dd}-{seq:3}", "260203-042", "2026-02-03"),
            ("KW-{yyyy}-{seq}", "KW-2026-42", "2026"),
            ("{seq:4}", "0042", ""),
        ] {
            let format = NumberFormat::parse(format).unwrap();
            assert_eq!((format.write(day, 42).as_str(), format.period(day).as_str()), (number, period));
        }
        assert_eq!(NumberFormat::parse("{seq:2}").unwrap().write(day, 1234), "1234");
    }

    #[test]
    fn a_format_that_would_repeat_itself_is_refused() {
        for (format, error) in [
            ("", FormatError::Length),
            ("INV {seq}", FormatError::Length),
            (&"x".repeat(49), FormatError::Length),
            ("INV/{yyyy}", FormatError::Sequence),
            ("{seq}{seq}", FormatError::Sequence),
            ("{mm}/{seq}", FormatError::Ambiguous),
            ("{yyyy}{dd}{seq}", FormatError::Ambiguous),
            ("{seq", FormatError::Unknown),
            ("seq}", FormatError::Unknown),
            ("{seq:13}", FormatError::Unknown),
            ("{name}{seq}", FormatError::Unknown),
        ] {
            assert_eq!(NumberFormat::parse(format), Err(error), "{format}");
        }
    }
}
