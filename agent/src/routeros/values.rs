//! RouterOS' ways to write durations, booleans, dates and versions.
//!
//! Reading is generous (every form seen from 6.x to 7.2x), printing has one form. All pure.

use std::fmt;
use std::time::Duration;

use chrono::{FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};

const SECOND: u64 = 1;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;

/// Reads `1w2d3h4m5s`, `12ms`, `06:42:44`, `1d02:03:04`, `1d 02:00:00`, plain seconds, `immediately`.
///
/// `None` for `none`, `never`, an empty text and anything that is no duration: all mean that no time is given.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim().to_ascii_lowercase();
    if text == "immediately" {
        return Some(Duration::ZERO);
    }
    if let Ok(seconds) = text.parse::<u64>() {
        // `+5` parses as a number too; a router never writes that.
        return text.starts_with(|first: char| first.is_ascii_digit()).then(|| Duration::from_secs(seconds));
    }
    let mut total = Duration::ZERO;
    let mut rest = text.as_str();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        if let Some(clock) = parse_clock(rest) {
            return total.checked_add(clock);
        }
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        let tail = rest.get(digits..)?;
        let unit_end = tail.find(|letter: char| !letter.is_ascii_lowercase()).unwrap_or(tail.len());
        total = total.checked_add(parse_part(number, tail.get(..unit_end)?)?)?;
        rest = tail.get(unit_end..)?.trim_start();
    }
    Some(total)
}

fn parse_part(number: u64, unit: &str) -> Option<Duration> {
    let seconds = match unit {
        "w" => WEEK,
        "d" => DAY,
        "h" => HOUR,
        "m" => MINUTE,
        "s" => SECOND,
        "ms" => return Some(Duration::from_millis(number)),
        "us" => return Some(Duration::from_micros(number)),
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

/// `HH:MM:SS`, where the hours may exceed a day and the seconds may carry a fraction.
fn parse_clock(text: &str) -> Option<Duration> {
    let mut parts = text.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let (minutes, seconds) = (number_below(minutes, 60)?, number_below(seconds, 60)?);
    let whole = digits(hours)?.checked_mul(HOUR)?.checked_add(minutes * MINUTE + seconds)?;
    let nanos = digits(&format!("{:0<9}", fraction.get(..9).unwrap_or(fraction)))?;
    Duration::from_secs(whole).checked_add(Duration::from_nanos(nanos))
}

fn number_below(text: &str, limit: u64) -> Option<u64> {
    digits(text).filter(|number| *number < limit)
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Writes `1w2d3h4m5s` with zero parts left out, `0s` for nothing, milliseconds when there are some.
#[must_use]
pub fn print_duration(duration: Duration) -> String {
    let mut rest = duration.as_secs();
    let mut out = String::new();
    for (unit, length) in [("w", WEEK), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND)] {
        if rest >= length {
            out.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    if duration.subsec_millis() > 0 {
        out.push_str(&format!("{}ms", duration.subsec_millis()));
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

/// `true`/`yes` and `false`/`no`; anything else, also an absent field, is `None`.
#[must_use]
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "true" | "yes" => Some(true),
        "false" | "no" => Some(false),
        _ => None,
    }
}

/// A router's local date and time: `jan/02/2006` up to 7.9, `2006-01-02` from 7.10, and `15:04:05`.
#[must_use]
pub fn parse_datetime(date: &str, time: &str) -> Option<NaiveDateTime> {
    let time = NaiveTime::parse_from_str(time.trim(), "%H:%M:%S").ok()?;
    Some(parse_date(date.trim())?.and_time(time))
}

/// Date and time in one field, as in `last-logged-out`: `sep/29/2022 07:09:24` or `2022-09-29 07:09:24`.
#[must_use]
pub fn parse_timestamp(text: &str) -> Option<NaiveDateTime> {
    let (date, time) = text.trim().split_once(' ')?;
    parse_datetime(date, time)
}

fn parse_date(text: &str) -> Option<NaiveDate> {
    // chrono reads month names in any case.
    NaiveDate::parse_from_str(text, "%Y-%m-%d").or_else(|_| NaiveDate::parse_from_str(text, "%b/%d/%Y")).ok()
}

/// `+07:00` of `/system/clock`.
#[must_use]
pub fn parse_gmt_offset(text: &str) -> Option<FixedOffset> {
    let text = text.trim();
    let (west, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, minutes) = text.split_once(':')?;
    let seconds = i32::try_from(number_below(hours, 24)? * HOUR + number_below(minutes, 60)? * MINUTE).ok()?;
    FixedOffset::east_opt(if west { -seconds } else { seconds })
}

/// A RouterOS version, `7.16.1 (stable)`; the channel is not kept. Ordered as released: `7.20beta4 < 7.20rc1 < 7.20`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    pub major: u16,
    pub minor: u16,
    pub patch: u16,
    pub stage: Stage,
}

/// How finished a version is, with its number among its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    Alpha(u16),
    Beta(u16),
    Candidate(u16),
    Released,
}

impl Version {
    /// A released version, for comparing: `version >= Version::new(7, 10, 0)`.
    #[must_use]
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch, stage: Stage::Released }
    }

    /// Reads the `version` of `/system/resource`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.split_whitespace().next()?;
        let number_end = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
        let (numbers, suffix) = text.split_at_checked(number_end)?;
        let mut parts = numbers.split('.').map(|part| part.parse::<u16>().ok());
        let (major, minor) = (parts.next()??, parts.next()??);
        let patch = match parts.next() {
            Some(patch) => patch?,
            None => 0,
        };
        if parts.next().is_some() {
            return None;
        }
        Some(Self { major, minor, patch, stage: Stage::parse(suffix)? })
    }
}

impl Stage {
    fn parse(suffix: &str) -> Option<Self> {
        if suffix.is_empty() {
            return Some(Self::Released);
        }
        let digits = suffix.find(|letter: char| letter.is_ascii_digit()).unwrap_or(suffix.len());
        let (name, number) = suffix.split_at_checked(digits)?;
        let number = if number.is_empty() { 0 } else { number.parse().ok()? };
        match name {
            "alpha" => Some(Self::Alpha(number)),
            "beta" => Some(Self::Beta(number)),
            "rc" => Some(Self::Candidate(number)),
            _ => None,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch > 0 {
            write!(f, ".{}", self.patch)?;
        }
        match self.stage {
            Stage::Alpha(number) => write!(f, "alpha{number}"),
            Stage::Beta(number) => write!(f, "beta{number}"),
            Stage::Candidate(number) => write!(f, "rc{number}"),
            Stage::Released => Ok(()),
        }
    }
}
