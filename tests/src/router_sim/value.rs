//! Property values: what each kind accepts on input, how it is stored and shown, how two are compared.
//!
//! A stored value is text exactly as the router would print it. References are resolved elsewhere, since that takes
//! the tables.

use std::cmp::Ordering;
use std::net::Ipv4Addr;

/// The bytes of a value: RouterOS text need not be UTF-8.
pub(crate) type Text = Vec<u8>;

/// The kind of a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any bytes, kept as typed.
    Text,
    /// Any bytes, hidden from groups without the policy `sensitive`.
    Secret,
    /// `yes`/`no`/`true`/`false`, shown as `true`/`false`.
    Flag,
    /// A decimal number, or one of the words.
    Number { words: &'static [&'static str] },
    /// A number of bytes; `k`, `M` and `G` are accepted (binary).
    Size,
    /// A duration, shown as `1w2d3h4m5s`, or one of the words.
    Duration { words: &'static [&'static str] },
    /// A MAC address, shown in capitals.
    Mac,
    /// An IPv4 address.
    Address,
    /// `up/down` rates; `k` and `M` are decimal, shown as plain numbers.
    Rates,
    /// One of the words.
    Word(&'static [&'static str]),
    /// The name of an item of another menu (stored by id), or one of the words.
    Ref { menu: &'static str, words: &'static [&'static str] },
    /// The name of an item of another menu, or an IPv4 address.
    RefOrAddress { menu: &'static str },
}

/// What is stored for `input`, or `None` when this kind refuses it. References pass unchanged.
pub(crate) fn normalise(kind: Kind, input: &[u8]) -> Option<Text> {
    let text = std::str::from_utf8(input).ok().map(str::trim);
    match kind {
        Kind::Text | Kind::Secret | Kind::Ref { .. } | Kind::RefOrAddress { .. } => Some(input.to_vec()),
        Kind::Flag => match text? {
            "yes" | "true" => Some(b"true".to_vec()),
            "no" | "false" => Some(b"false".to_vec()),
            _ => None,
        },
        Kind::Number { words } => {
            let text = text?;
            if words.contains(&text) {
                return Some(text.into());
            }
            text.parse::<u64>().ok().map(|number| number.to_string().into_bytes())
        }
        Kind::Size => scaled(text?, 1024).map(|number| number.to_string().into_bytes()),
        Kind::Duration { words } => {
            let text = text?;
            if words.contains(&text) {
                return Some(text.into());
            }
            parse_duration(text).map(|ms| duration(ms).into_bytes())
        }
        Kind::Mac => mac(text?).map(String::into_bytes),
        Kind::Address => text?.parse::<Ipv4Addr>().ok().map(|address| address.to_string().into_bytes()),
        Kind::Rates => rates(text?).map(String::into_bytes),
        Kind::Word(words) => words.contains(&text?).then(|| input.to_vec()),
    }
}

/// How `a` stands to `b`: by type for numbers, times and addresses, else as text.
pub(crate) fn compare(kind: Kind, a: &[u8], b: &[u8]) -> Ordering {
    let typed = match (std::str::from_utf8(a), std::str::from_utf8(b)) {
        (Ok(a), Ok(b)) => match kind {
            Kind::Number { .. } | Kind::Size => both(a, b, |text| scaled(text, 1024)),
            Kind::Duration { .. } => both(a, b, parse_duration),
            Kind::Address | Kind::RefOrAddress { .. } => both(a, b, |text| text.parse::<Ipv4Addr>().ok()),
            Kind::Text | Kind::Secret | Kind::Flag | Kind::Mac | Kind::Rates | Kind::Word(_) | Kind::Ref { .. } => None,
        },
        (Ok(_) | Err(_), Ok(_) | Err(_)) => None,
    };
    typed.unwrap_or_else(|| a.cmp(b))
}

fn both<T: Ord>(a: &str, b: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Ordering> {
    Some(parse(a)?.cmp(&parse(b)?))
}

/// `1w2d3h4m5s`, zero parts left out, `0s` for zero, milliseconds at the end.
pub(crate) fn duration(ms: i64) -> String {
    let ms = ms.max(0);
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    let mut rest = ms;
    for (unit, length) in
        [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)]
    {
        let count = rest / length;
        rest %= length;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    text
}

/// A duration in milliseconds, in any of the ways RouterOS accepts: `1w2d3h`, `90m`, `01:30:00`, `1d 02:00:00`,
/// `3600` (seconds).
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let mut total: i64 = 0;
    let mut number = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        if c == ':' {
            let start = at - number.len();
            return total.checked_add(clock_time(&text[start..])?);
        }
        if c == ' ' && number.is_empty() {
            continue;
        }
        let milli = c == 'm' && chars.next_if(|(_, next)| *next == 's').is_some();
        let unit = match c {
            'w' => 604_800_000,
            'd' => 86_400_000,
            'h' => 3_600_000,
            'm' if milli => 1,
            'm' => 60_000,
            's' => 1000,
            _ => return None,
        };
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
        number.clear();
    }
    if number.is_empty() {
        return Some(total);
    }
    total.checked_add(number.parse::<i64>().ok()?.checked_mul(1000)?)
}

fn clock_time(text: &str) -> Option<i64> {
    let mut seconds: i64 = 0;
    let mut parts = 0;
    for part in text.split(':') {
        seconds = seconds.checked_mul(60)?.checked_add(part.parse::<u32>().ok()?.into())?;
        parts += 1;
    }
    // `hh:mm` means hours and minutes, as on the console.
    let seconds = if parts == 2 { seconds.checked_mul(60)? } else { seconds };
    (parts == 2 || parts == 3).then_some(())?;
    seconds.checked_mul(1000)
}

/// A MAC address in capitals with colons.
pub(crate) fn mac(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split([':', '-']).collect();
    let good =
        parts.len() == 6 && parts.iter().all(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit()));
    good.then(|| parts.join(":").to_ascii_uppercase())
}

/// `512k/1M` as `512000/1000000`; one rate alone counts for both ways.
fn rates(text: &str) -> Option<String> {
    let (up, down) = text.split_once('/').unwrap_or((text, text));
    Some(format!("{}/{}", scaled(up, 1000)?, scaled(down, 1000)?))
}

/// A number with an optional `k`, `M` or `G` behind it.
pub(crate) fn scaled(text: &str, base: u64) -> Option<u64> {
    let (digits, factor) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], base),
        b'M' => (&text[..text.len() - 1], base.checked_pow(2)?),
        b'G' => (&text[..text.len() - 1], base.checked_pow(3)?),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_generously_and_printed_one_way() {
        let table = [
            ("0", "0s"),
            ("3600", "1h"),
            ("90m", "1h30m"),
            ("01:30:00", "1h30m"),
            ("00:10", "10m"),
            ("1d 02:00:00", "1d2h"),
            ("2w1d00:05:00", "2w1d5m"),
            ("1w2d3h4m5s", "1w2d3h4m5s"),
            ("1s500ms", "1s500ms"),
            ("12ms", "12ms"),
            ("3d", "3d"),
        ];
        for (input, printed) in table {
            assert_eq!(parse_duration(input).map(duration).as_deref(), Some(printed), "{input}");
        }
        for bad in ["", "abc", "5x", "1:2:3:4", "99999999999999999999s", "-5"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn each_kind_stores_what_routeros_would_print() {
        let table: [(Kind, &str, Option<&str>); 12] = [
            (Kind::Flag, "yes", Some("true")),
            (Kind::Flag, "maybe", None),
            (Kind::Size, "1G", Some("1073741824")),
            (Kind::Size, "-1", None),
            (Kind::Rates, "512k/1M", Some("512000/1000000")),
            (Kind::Rates, "10M", Some("10000000/10000000")),
            (Kind::Mac, "aa-bb-cc-00-11-22", Some("AA:BB:CC:00:11:22")),
            (Kind::Mac, "aa:bb", None),
            (Kind::Address, "10.5.50.300", None),
            (Kind::Number { words: &["unlimited"] }, "unlimited", Some("unlimited")),
            (Kind::Number { words: &["unlimited"] }, "007", Some("7")),
            (Kind::Duration { words: &["none"] }, "none", Some("none")),
        ];
        for (kind, input, stored) in table {
            let got = normalise(kind, input.as_bytes());
            assert_eq!(got.as_deref(), stored.map(str::as_bytes), "{kind:?} {input}");
        }
        assert_eq!(normalise(Kind::Text, b"caf\xe9").as_deref(), Some(&b"caf\xe9"[..]));
    }

    #[test]
    fn comparison_follows_the_type() {
        assert_eq!(compare(Kind::Size, b"9", b"10"), Ordering::Less);
        assert_eq!(compare(Kind::Text, b"9", b"10"), Ordering::Greater);
        assert_eq!(compare(Kind::Duration { words: &[] }, b"59m", b"1h"), Ordering::Less);
        assert_eq!(compare(Kind::Address, b"10.5.50.9", b"10.5.50.10"), Ordering::Less);
    }
}
