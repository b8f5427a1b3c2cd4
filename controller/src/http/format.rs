//! How numbers, times and sizes are written for people, per language. Pure; templates reach it through `page.rs`.
//!
//! Money is written by `money.rs`, the same in every language: `Rp165.000`.

use chrono::{DateTime, Datelike as _, NaiveDate, Timelike as _, Utc};
use chrono_tz::Tz;

use super::locale::Locale;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

const MONTHS_EN: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A whole number with its thousands apart: `1.234` in Indonesian, `1,234` in English.
#[must_use]
pub fn number(value: i64, locale: Locale) -> String {
    let separator = match locale {
        Locale::Id => '.',
        Locale::En => ',',
    };
    let digits = value.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if value < 0 {
        text.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

/// A size in binary steps with one digit behind the comma: `1,4 GB`.
#[must_use]
pub fn bytes(value: i64, locale: Locale) -> String {
    const UNITS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];
    let mut tenths = i128::from(value.max(0)) * 10;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths = (tenths + 512) / 1024;
        unit += 1;
    }
    let whole = i64::try_from(tenths / 10).unwrap_or(i64::MAX);
    let comma = decimal_mark(locale);
    match tenths % 10 {
        0 => format!("{} {}", number(whole, locale), UNITS[unit]),
        tenth => format!("{}{comma}{tenth} {}", number(whole, locale), UNITS[unit]),
    }
}

/// Hundredths of a per cent as per cent, without the sign: `12,5` in Indonesian, `12.5` in English.
#[must_use]
pub fn percent(hundredths: i64, locale: Locale) -> String {
    let (whole, part) = (hundredths / 100, hundredths % 100);
    let mark = decimal_mark(locale);
    if part == 0 {
        return number(whole, locale);
    }
    format!("{}{mark}{:02}", number(whole, locale), part.abs()).trim_end_matches('0').to_owned()
}

fn decimal_mark(locale: Locale) -> char {
    match locale {
        Locale::Id => ',',
        Locale::En => '.',
    }
}

/// The parts of a duration that are shown: at most the two largest, so `43200` is 12 hours and `90061` 1 day 1 hour.
/// The first of a part is the key of its text.
#[must_use]
pub fn duration(seconds: i64) -> Vec<(&'static str, i64)> {
    let mut left = seconds.max(0);
    let mut parts = Vec::with_capacity(2);
    for (key, size) in
        [("duration-days", DAY), ("duration-hours", HOUR), ("duration-minutes", MINUTE), ("duration-seconds", 1)]
    {
        if left >= size {
            parts.push((key, left / size));
            left %= size;
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    if parts.is_empty() {
        parts.push(("duration-seconds", 0));
    }
    parts
}

/// A day at a place: `22-11-2026` in Indonesian, `22 Nov 2026` in English.
#[must_use]
pub fn date(at: DateTime<Utc>, zone: Tz, locale: Locale) -> String {
    day(at.with_timezone(&zone).date_naive(), locale)
}

/// A day: `22-11-2026` in Indonesian, `22 Nov 2026` in English.
#[must_use]
pub fn day(day: NaiveDate, locale: Locale) -> String {
    match locale {
        Locale::Id => format!("{:02}-{:02}-{:04}", day.day(), day.month(), day.year()),
        Locale::En => format!("{} {} {:04}", day.day(), month_en(day.month0()), day.year()),
    }
}

/// A time of day at a place: `19:42` or, with seconds, `19:42:07`.
#[must_use]
pub fn time(at: DateTime<Utc>, zone: Tz, with_seconds: bool) -> String {
    let local = at.with_timezone(&zone);
    let minutes = format!("{:02}:{:02}", local.hour(), local.minute());
    if with_seconds { format!("{minutes}:{:02}", local.second()) } else { minutes }
}

/// The name of a place's zone as the field says it: WIB, WITA, WIT; elsewhere what the zone database says.
#[must_use]
pub fn zone_name(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).offset().to_string()
}

fn month_en(month0: u32) -> &'static str {
    usize::try_from(month0).ok().and_then(|index| MONTHS_EN.get(index)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        assert_eq!(number(1_234_567, Locale::Id), "1.234.567");
        assert_eq!(number(1_234_567, Locale::En), "1,234,567");
        assert_eq!(number(-999, Locale::Id), "-999");
        assert_eq!(number(i64::MIN, Locale::En), "-9,223,372,036,854,775,808");
    }

    #[test]
    fn sizes_have_one_digit_behind_the_comma() {
        assert_eq!(bytes(0, Locale::Id), "0 B");
        assert_eq!(bytes(1023, Locale::Id), "1.023 B");
        assert_eq!(bytes(1536, Locale::Id), "1,5 KB");
        assert_eq!(bytes(1_503_238_553, Locale::En), "1.4 GB");
        assert_eq!(bytes(i64::MAX, Locale::En), "8,388,608 TB");
    }

    #[test]
    fn per_cent_are_written_per_language() {
        for (hundredths, id, en) in
            [(1250, "12,5", "12.5"), (1205, "12,05", "12.05"), (1100, "11", "11"), (25, "0,25", "0.25"), (0, "0", "0")]
        {
            assert_eq!([percent(hundredths, Locale::Id), percent(hundredths, Locale::En)], [id, en]);
        }
    }

    #[test]
    fn a_duration_shows_its_two_largest_parts() {
        assert_eq!(duration(43_200), [("duration-hours", 12)]);
        assert_eq!(duration(3 * DAY), [("duration-days", 3)]);
        assert_eq!(duration(DAY + HOUR + 61), [("duration-days", 1), ("duration-hours", 1)]);
        assert_eq!(duration(DAY + 5), [("duration-days", 1)]);
        assert_eq!(duration(0), [("duration-seconds", 0)]);
        assert_eq!(duration(-5), [("duration-seconds", 0)]);
    }

    #[test]
    fn times_are_those_of_the_place() {
        let at = DateTime::from_timestamp(1_795_351_327, 0).unwrap();
        assert_eq!(date(at, chrono_tz::Asia::Jakarta, Locale::Id), "22-11-2026");
        assert_eq!(date(at, chrono_tz::Asia::Jakarta, Locale::En), "22 Nov 2026");
        assert_eq!(time(at, chrono_tz::Asia::Jakarta, true), "19:42:07");
        assert_eq!(time(at, chrono_tz::Asia::Jayapura, false), "21:42");
        assert_eq!(zone_name(at, chrono_tz::Asia::Jayapura), "WIT");
    }
}
