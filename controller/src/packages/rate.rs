//! Rate limits as RouterOS writes them, with their burst. Pure.
//!
//! `rx/tx [burst [threshold [seconds [priority [minimum]]]]]`; rx is the customer's upload. What is written once holds for
//! both ways. `10M/10M 15M/15M 8M/8M 10/10`: 10 Mbps, up to 15 Mbps for about ten seconds while the mean is below 8 Mbps.

/// Why a rate limit is refused; the code of its sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RateError {
    /// Not of RouterOS' shape.
    Shape,
    /// Burst is slower than the rate.
    Burst,
    /// The threshold is above the burst: it would never end.
    Threshold,
    /// Not 1 to 8.
    Priority,
    /// The minimum is above the rate.
    Minimum,
}

impl RateError {
    /// As programs read it.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Shape => "rate_limit",
            Self::Burst => "rate_burst",
            Self::Threshold => "rate_threshold",
            Self::Priority => "rate_priority",
            Self::Minimum => "rate_minimum",
        }
    }
}

/// Upload and download.
type Pair = [u64; 2];

/// Checks a rate limit; the answer is the same in one spelling of spaces.
pub(super) fn check(text: &str) -> Result<String, RateError> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let Some(rate) = pair(&words, 0, rate_of)? else { return Ok(String::new()) };
    let burst = pair(&words, 1, rate_of)?;
    let threshold = pair(&words, 2, rate_of)?;
    pair(&words, 3, seconds_of)?;
    let priority = pair(&words, 4, |word| word.parse().ok())?;
    let minimum = pair(&words, 5, rate_of)?;
    if words.len() > 6 {
        return Err(RateError::Shape);
    }
    if let Some(burst) = burst {
        // 0 = no limit, and no burst.
        let slower = |way: usize| burst[way] != 0 && burst[way] < rate[way];
        if slower(0) || slower(1) {
            return Err(RateError::Burst);
        }
        let endless = |threshold: Pair| (0..2).any(|way| burst[way] != 0 && threshold[way] > burst[way]);
        if threshold.is_some_and(endless) {
            return Err(RateError::Threshold);
        }
    }
    if priority.is_some_and(|ways| ways.iter().any(|way| !(1..=8).contains(way))) {
        return Err(RateError::Priority);
    }
    let above = |minimum: Pair| (0..2).any(|way| rate[way] != 0 && minimum[way] > rate[way]);
    if minimum.is_some_and(above) {
        return Err(RateError::Minimum);
    }
    Ok(words.join(" "))
}

/// The burst of a rate limit, if it has one.
pub(super) fn burst(text: &str) -> Option<&str> {
    text.split_whitespace().nth(1).filter(|word| !matches!(*word, "0" | "0/0"))
}

/// The limit without its burst.
pub(super) fn steady(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

fn pair(words: &[&str], at: usize, read: impl Fn(&str) -> Option<u64>) -> Result<Option<Pair>, RateError> {
    let Some(word) = words.get(at) else { return Ok(None) };
    let (up, down) = word.split_once('/').unwrap_or((word, word));
    match (read(up), read(down)) {
        (Some(up), Some(down)) => Ok(Some([up, down])),
        _ => Err(RateError::Shape),
    }
}

/// `512k`, `10M`, `1G`, `256000`.
fn rate_of(word: &str) -> Option<u64> {
    let (digits, factor) = match word.char_indices().last()? {
        (at, 'k' | 'K') => (&word[..at], 1_000),
        (at, 'm' | 'M') => (&word[..at], 1_000_000),
        (at, 'g' | 'G') => (&word[..at], 1_000_000_000),
        _ => (word, 1),
    };
    number(digits)?.checked_mul(factor)
}

/// `10`, `10s`.
fn seconds_of(word: &str) -> Option<u64> {
    number(word.strip_suffix('s').unwrap_or(word))
}

fn number(digits: &str) -> Option<u64> {
    let plain = (1..=12).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_bursts_are_as_routeros_writes_them() {
        for good in [
            "",
            "2M/4M",
            "512k",
            "0/0",
            "0/0 0/0 0/0 0/0 8 0/0",
            "1M/2M 2M/4M 1M/2M 10/10 8 256k/512k",
            "10M/10M 15M/15M 8M/8M 10s/10s",
            "10M/10M 15M/15M 8M/8M 10 1/1",
        ] {
            assert_eq!(check(good).as_deref(), Ok(good));
        }
        assert_eq!(check("  2M/4M   4M/8M ").as_deref(), Ok("2M/4M 4M/8M"));
    }

    #[test]
    fn what_routers_would_not_take_or_nobody_means_is_refused() {
        for (text, error) in [
            ("fast", RateError::Shape),
            ("2M/4M/8M", RateError::Shape),
            ("2M/", RateError::Shape),
            ("½M", RateError::Shape),
            ("2M/4M 4M/8M 2M/4M 10/10 8 1M/1M 1M", RateError::Shape),
            ("9999999999999/1M", RateError::Shape),
            ("10M/10M 5M/20M", RateError::Burst),
            ("10M/10M 15M/15M 8M/16M", RateError::Threshold),
            ("10M/10M 15M/15M 8M/8M 10/10 9", RateError::Priority),
            ("10M/10M 15M/15M 8M/8M 10/10 8 11M/1M", RateError::Minimum),
        ] {
            assert_eq!(check(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_burst_is_told_apart_from_the_rate() {
        assert_eq!((steady("10M/10M 15M/15M"), burst("10M/10M 15M/15M")), ("10M/10M", Some("15M/15M")));
        assert_eq!((steady("2M/4M"), burst("2M/4M")), ("2M/4M", None));
        assert_eq!((steady(""), burst("1M 0/0")), ("", None));
    }
}
