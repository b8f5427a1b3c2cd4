//! Messages with QoS 1 on their way to one client. Pure.
//!
//! The router sends up to 100 at once, whatever the client said it can take, and drops a client whose acknowledgements
//! come in another order than its messages. This window keeps to the client's receive maximum, sorts its
//! acknowledgements, and forgets those nobody asked for. The gate's own messages to the client (`mail`) share it, under
//! ids the router does not use.

use std::collections::VecDeque;

use bytes::Bytes;

/// The router's ids run from 1 to this.
pub(super) const LAST_ROUTER_ID: u16 = crate::mqtt::broker::MAX_INFLIGHT;

/// One client's window.
#[derive(Debug)]
pub(super) struct Window {
    /// How many may be unacknowledged at the client.
    limit: usize,
    unacked: usize,
    /// Sent to the client, oldest first, and whether it was acknowledged.
    sent: VecDeque<(u16, bool)>,
    /// Received from the router after those, not sent yet.
    held: VecDeque<(u16, Bytes)>,
    /// The last id given to a message of the gate's own.
    last_own: u16,
}

impl Window {
    pub(super) fn new(receive_maximum: u16) -> Self {
        let (sent, held, last_own) = (VecDeque::new(), VecDeque::new(), LAST_ROUTER_ID);
        Self { limit: usize::from(receive_maximum.max(1)), unacked: 0, sent, held, last_own }
    }

    /// An id for a message of the gate's own. There are far more of them than a window holds.
    pub(super) fn own_id(&mut self) -> u16 {
        loop {
            self.last_own = self.last_own.checked_add(1).unwrap_or(LAST_ROUTER_ID + 1);
            if !self.sent.iter().any(|(id, _)| *id == self.last_own) {
                return self.last_own;
            }
        }
    }

    /// May the next message go out at once?
    pub(super) fn has_room(&self) -> bool {
        self.held.is_empty() && self.unacked < self.limit
    }

    /// The message goes out now.
    pub(super) fn sent(&mut self, id: u16) {
        self.unacked += 1;
        self.sent.push_back((id, false));
    }

    /// The message waits for acknowledgements.
    pub(super) fn hold(&mut self, id: u16, packet: Bytes) {
        self.held.push_back((id, packet));
    }

    /// The message is larger than the client takes: as good as acknowledged.
    /// Held ones before it keep their place, so it waits as an empty packet behind them.
    pub(super) fn skip(&mut self, id: u16) {
        if self.held.is_empty() { self.sent.push_back((id, true)) } else { self.held.push_back((id, Bytes::new())) }
    }

    /// The client acknowledged `id`. False: nobody waits for that.
    pub(super) fn acknowledge(&mut self, id: u16) -> bool {
        let Some(entry) = self.sent.iter_mut().find(|(sent, acked)| *sent == id && !acked) else { return false };
        entry.1 = true;
        self.unacked -= 1;
        true
    }

    /// The next id to acknowledge to the router: only ever the oldest.
    pub(super) fn next_settled(&mut self) -> Option<u16> {
        loop {
            let (id, _) = self.sent.pop_front_if(|(_, acked)| *acked)?;
            if id <= LAST_ROUTER_ID {
                return Some(id);
            }
        }
    }

    /// The next held packet that may go out now.
    pub(super) fn next_released(&mut self) -> Option<Bytes> {
        while self.unacked < self.limit {
            let (id, packet) = self.held.pop_front()?;
            if packet.is_empty() {
                self.sent.push_back((id, true));
            } else {
                self.sent(id);
                return Some(packet);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(window: &mut Window) -> Vec<u16> {
        std::iter::from_fn(|| window.next_settled()).collect()
    }

    #[test]
    fn acknowledgements_reach_the_router_in_its_order() {
        let mut window = Window::new(10);
        for id in 1..=3 {
            assert!(window.has_room());
            window.sent(id);
        }
        assert!(window.acknowledge(2));
        assert_eq!(settled(&mut window), Vec::<u16>::new());
        assert!(window.acknowledge(1));
        assert_eq!(settled(&mut window), [1, 2]);
        assert!(window.acknowledge(3));
        assert_eq!(settled(&mut window), [3]);
    }

    #[test]
    fn own_messages_have_ids_apart_and_are_not_acknowledged_to_the_router() {
        let mut window = Window::new(10);
        let first = window.own_id();
        assert_eq!(first, LAST_ROUTER_ID + 1);
        window.sent(first);
        window.sent(1);
        window.last_own = u16::MAX;
        let second = window.own_id();
        assert_eq!(second, first + 1, "one that is in flight is not given again");
        window.sent(second);
        assert!(window.acknowledge(1) && window.acknowledge(second));
        assert_eq!(settled(&mut window), Vec::<u16>::new());
        assert!(window.acknowledge(first));
        assert_eq!(settled(&mut window), [1]);
        assert!(window.sent.is_empty());
    }

    #[test]
    fn unasked_acknowledgements_are_forgotten() {
        let mut window = Window::new(10);
        assert!(!window.acknowledge(1));
        window.sent(1);
        assert!(window.acknowledge(1));
        assert!(!window.acknowledge(1));
        assert_eq!(settled(&mut window), [1]);
        assert!(!window.acknowledge(1));
    }

    #[test]
    fn the_receive_maximum_of_the_client_is_kept() {
        let mut window = Window::new(1);
        window.sent(1);
        assert!(!window.has_room());
        window.hold(2, Bytes::from_static(b"two"));
        window.hold(3, Bytes::from_static(b"three"));
        assert_eq!(window.next_released(), None);
        assert!(window.acknowledge(1));
        assert!(!window.has_room(), "those held go first");
        assert_eq!(window.next_released(), Some(Bytes::from_static(b"two")));
        assert_eq!(window.next_released(), None);
        assert!(window.acknowledge(2));
        assert_eq!(window.next_released(), Some(Bytes::from_static(b"three")));
        assert_eq!(settled(&mut window), [1, 2]);
    }

    #[test]
    fn a_skipped_message_is_settled_in_its_place() {
        let mut window = Window::new(1);
        window.sent(1);
        window.skip(2);
        window.hold(3, Bytes::from_static(b"three"));
        window.skip(4);
        assert_eq!(settled(&mut window), Vec::<u16>::new());
        assert!(window.acknowledge(1));
        assert_eq!(settled(&mut window), [1, 2]);
        assert_eq!(window.next_released(), Some(Bytes::from_static(b"three")));
        assert!(window.acknowledge(3));
        assert_eq!(window.next_released(), None);
        assert_eq!(settled(&mut window), [3, 4]);
    }
}
