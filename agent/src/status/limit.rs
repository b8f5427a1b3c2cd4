//! How often guests may ask: per address, so that nobody guesses codes, and all together, so that the router's own calls
//! always get through.

use std::{collections::HashMap, net::IpAddr};

/// Questions of one address at once, and the time after which it may ask one more.
const BURST: u64 = 10;
const REFILL_MS: u64 = 2_000;
/// The same for everybody together.
const ALL_BURST: u64 = 60;
const ALL_REFILL_MS: u64 = 50;
/// Addresses remembered; more are let in by the limit of all alone.
const MAX_ADDRESSES: usize = 512;

/// What was asked lately. Each number is the moment (ms) at which everything asked would be paid off.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    all: u64,
    addresses: HashMap<IpAddr, u64>,
}

impl Limits {
    /// Whether one more question may be asked, at a moment of the monotonic clock; else the seconds to wait.
    pub(crate) fn ask(&mut self, from: IpAddr, now_ms: u64) -> Result<(), u64> {
        if self.addresses.len() >= MAX_ADDRESSES && !self.addresses.contains_key(&from) {
            self.addresses.retain(|_, paid_at| *paid_at > now_ms);
        }
        let own = self.addresses.get(&from).copied().unwrap_or(0);
        let own = take(own, now_ms, BURST, REFILL_MS)?;
        self.all = take(self.all, now_ms, ALL_BURST, ALL_REFILL_MS)?;
        if self.addresses.len() < MAX_ADDRESSES || self.addresses.contains_key(&from) {
            self.addresses.insert(from, own);
        }
        Ok(())
    }
}

fn take(paid_at: u64, now_ms: u64, burst: u64, refill_ms: u64) -> Result<u64, u64> {
    let next = paid_at.max(now_ms).saturating_add(refill_ms);
    let over = next.saturating_sub(now_ms.saturating_add(burst * refill_ms));
    if over == 0 { Ok(next) } else { Err(over.div_ceil(1_000)) }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from(number).into()
    }

    #[test]
    fn one_address_asks_ten_times_and_then_slowly() {
        let mut limits = Limits::default();
        let asked = (0..20).filter(|_| limits.ask(address(1), 1_000).is_ok()).count();
        assert_eq!(asked, 10);
        assert_eq!(limits.ask(address(1), 1_000), Err(2));
        assert!(limits.ask(address(2), 1_000).is_ok());
        assert!(limits.ask(address(1), 3_000).is_ok());
        assert!(limits.ask(address(1), 3_001).is_err());
    }

    #[test]
    fn many_addresses_stay_below_the_limit_of_all_and_take_little_memory() {
        let mut limits = Limits::default();
        let asked = (0..10_000).filter(|number| limits.ask(address(*number), 5).is_ok()).count();
        assert_eq!(asked, 60);
        for number in 0..10_000u32 {
            let _answer = limits.ask(address(number), u64::from(number) * 60);
        }
        assert!(limits.addresses.len() <= MAX_ADDRESSES);
    }
}
