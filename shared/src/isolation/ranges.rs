//! Ranges of a pool: `10.0.0.2-10.0.0.9,10.0.1.5,10.0.2.0/24`.

use std::net::Ipv4Addr;

/// First and last address of a range.
pub type Range = (u32, u32);

/// The ranges of a pool; what is no range is left out.
#[must_use]
pub fn parse(text: &str) -> Vec<Range> {
    text.split(',').filter_map(|part| range(part.trim())).collect()
}

fn range(text: &str) -> Option<Range> {
    let address = |text: &str| text.trim().parse::<Ipv4Addr>().ok().map(u32::from);
    if let Some((base, length)) = text.split_once('/') {
        let length: u32 = length.parse().ok().filter(|length| *length <= 32)?;
        let rest = u32::MAX.checked_shr(length).unwrap_or(0);
        let base = address(base)? & !rest;
        return Some((base, base | rest));
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (address(first)?, address(last)?);
    (first <= last).then_some((first, last))
}

/// Have they an address in common?
#[must_use]
pub fn overlap(one: Range, other: Range) -> bool {
    one.0 <= other.1 && other.0 <= one.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_compared() {
        let pool = parse("10.0.0.2-10.0.0.9, 10.0.1.5,10.0.2.0/24,nonsense,10.0.0.9-10.0.0.2");
        assert_eq!(pool.len(), 3);
        let in_pool = |text: &str| parse(text).iter().any(|range| pool.iter().any(|other| overlap(*range, *other)));
        assert!(in_pool("10.0.0.9-10.0.0.20") && in_pool("10.0.2.7") && in_pool("10.0.1.0/24") && in_pool("0.0.0.0/0"));
        assert!(!in_pool("10.0.0.10-10.0.1.4") && !in_pool(""));
    }
}
