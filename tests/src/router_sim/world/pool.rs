//! Addresses for clients, from `/ip/pool` ranges.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;

/// Which addresses are in use, and where the search in each pool goes on.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    used: HashSet<Ipv4Addr>,
    next: HashMap<u32, u32>,
}

impl Addresses {
    /// Takes this very address, when nobody has it.
    pub(crate) fn claim(&mut self, address: Ipv4Addr) -> bool {
        self.used.insert(address)
    }

    /// Takes a free address of the pool, or `None` when it is empty.
    pub(crate) fn take(&mut self, pool: u32, ranges: &str) -> Option<Ipv4Addr> {
        let spans = parse(ranges);
        let size: u32 = spans.iter().map(|(first, last)| last - first + 1).sum();
        let start = self.next.get(&pool).copied().unwrap_or(0);
        for step in 0..size {
            let index = start.wrapping_add(step) % size;
            let Some(address) = nth(&spans, index) else { continue };
            if self.used.insert(address) {
                self.next.insert(pool, index + 1);
                return Some(address);
            }
        }
        None
    }

    pub(crate) fn release(&mut self, address: Ipv4Addr) {
        self.used.remove(&address);
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// `10.0.0.2-10.0.0.9,10.0.1.5` as spans; at most a /8 in all, so that sizes stay small.
fn parse(ranges: &str) -> Vec<(u32, u32)> {
    const LARGEST: u32 = 1 << 24;
    let address = |text: &str| text.trim().parse::<Ipv4Addr>().ok().map(u32::from);
    let span = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (address(first)?, address(last)?);
        (first <= last && last - first < LARGEST).then_some((first, last))
    };
    ranges.split(',').filter_map(span).take(32).collect()
}

fn nth(spans: &[(u32, u32)], mut index: u32) -> Option<Ipv4Addr> {
    for (first, last) in spans {
        let size = last - first + 1;
        if index < size {
            return Some(Ipv4Addr::from(first + index));
        }
        index -= size;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_gives_each_address_once_and_takes_them_back() {
        let mut addresses = Addresses::default();
        let ranges = "10.0.0.2-10.0.0.3,10.0.1.9";
        let taken: Vec<_> = (0..3).map(|_| addresses.take(1, ranges).unwrap().to_string()).collect();
        assert_eq!(taken, ["10.0.0.2", "10.0.0.3", "10.0.1.9"]);
        assert_eq!(addresses.take(1, ranges), None);
        addresses.release(Ipv4Addr::new(10, 0, 0, 3));
        assert_eq!(addresses.take(1, ranges), Some(Ipv4Addr::new(10, 0, 0, 3)));
        assert_eq!(addresses.take(2, "nonsense,9-1"), None);
    }
}
