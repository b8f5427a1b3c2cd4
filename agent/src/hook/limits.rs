//! How often and how many at once each peer may call; pure.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

/// Connections of one peer at once.
const MAX_OPEN: u32 = 32;
/// Calls of one peer: so many at once, then so many a second. A power cut ends when hundreds of phones log in together.
const BURST: u64 = 200;
const PER_SECOND: u64 = 50;
/// Peers remembered: a router, and guests who look at their voucher.
const MAX_PEERS: usize = 1_024;

/// The peers of a hook.
#[derive(Debug, Default)]
pub(super) struct Peers(BTreeMap<IpAddr, Peer>);

#[derive(Debug)]
struct Peer {
    open: u32,
    left: u64,
    filled_ms: u64,
}

impl Peers {
    /// May the peer open one more connection, so long after the start?
    pub(super) fn enter(&mut self, peer: IpAddr, at: Duration) -> bool {
        let now_ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        if !self.0.contains_key(&peer) && self.0.len() >= MAX_PEERS {
            // Better a peer that may begin anew than one that is shut out.
            self.0.retain(|_, known| known.open > 0);
        }
        let known = self.0.entry(peer).or_insert(Peer { open: 0, left: BURST, filled_ms: now_ms });
        let left = known.left_at(now_ms);
        if left != known.left {
            (known.left, known.filled_ms) = (left, now_ms);
        }
        let may = known.open < MAX_OPEN && known.left > 0;
        if may {
            known.open += 1;
            known.left -= 1;
        }
        may
    }

    /// One of its connections ended.
    pub(super) fn leave(&mut self, peer: IpAddr) {
        if let Some(known) = self.0.get_mut(&peer) {
            known.open = known.open.saturating_sub(1);
        }
    }
}

impl Peer {
    fn left_at(&self, now_ms: u64) -> u64 {
        let more = now_ms.saturating_sub(self.filled_ms).saturating_mul(PER_SECOND) / 1_000;
        self.left.saturating_add(more).min(BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    #[test]
    fn a_peer_calls_in_a_burst_and_then_so_often_a_second() {
        let mut peers = Peers::default();
        let mut calls = |ms: u64, times: u64| {
            let let_in = |_: &u64| {
                let may = peers.enter(PEER, Duration::from_millis(ms));
                if may {
                    peers.leave(PEER);
                }
                may
            };
            (0..times).filter(let_in).count()
        };
        assert_eq!(calls(0, 1_000), 200);
        assert_eq!(calls(1_000, 1_000), 50);
        assert_eq!(calls(60_000, 1_000), 200);
    }

    #[test]
    fn neither_one_peer_nor_many_take_all_the_room() {
        let mut peers = Peers::default();
        assert_eq!((0..100).filter(|_| peers.enter(PEER, Duration::ZERO)).count(), 32);
        for n in 0..5_000u32 {
            let other = IpAddr::from((0x0A01_0000 + n).to_be_bytes());
            assert!(peers.enter(other, Duration::ZERO));
            peers.leave(other);
            assert!(peers.0.len() <= MAX_PEERS);
        }
        assert!(!peers.enter(PEER, Duration::ZERO), "its own connections are not forgotten");
        peers.leave(PEER);
        assert!(peers.enter(PEER, Duration::ZERO));
    }
}
