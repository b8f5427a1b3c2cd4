//! Connections that have not logged in yet. There is room for so many; the one that has waited longest makes room for
//! a new one, so that peers who say nothing cannot shut others out.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use tokio_util::sync::CancellationToken;

/// See the module.
#[derive(Debug)]
pub(super) struct Lobby {
    room: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    queue: VecDeque<(u64, CancellationToken)>,
    serial: u64,
}

/// A seat in the lobby; left by dropping.
#[derive(Debug)]
pub(super) struct Seat {
    lobby: Arc<Lobby>,
    serial: u64,
    /// Cancelled when somebody else needs the seat.
    pub(super) taken: CancellationToken,
}

impl Lobby {
    pub(super) fn new(room: usize) -> Self {
        Self { room: room.max(1), waiting: Mutex::default() }
    }

    pub(super) fn enter(self: &Arc<Self>) -> Seat {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.queue.len() >= self.room
            && let Some((_, oldest)) = waiting.queue.pop_front()
        {
            oldest.cancel();
        }
        waiting.serial += 1;
        let (serial, taken) = (waiting.serial, CancellationToken::new());
        waiting.queue.push_back((serial, taken.clone()));
        drop(waiting);
        Seat { lobby: Arc::clone(self), serial, taken }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut waiting = self.lobby.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(at) = waiting.queue.binary_search_by_key(&self.serial, |(serial, _)| *serial) {
            waiting.queue.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let lobby = Arc::new(Lobby::new(2));
        let (first, second) = (lobby.enter(), lobby.enter());
        assert!(!first.taken.is_cancelled());
        let third = lobby.enter();
        assert!(first.taken.is_cancelled() && !second.taken.is_cancelled() && !third.taken.is_cancelled());
        drop(second);
        let fourth = lobby.enter();
        assert!(!third.taken.is_cancelled() && !fourth.taken.is_cancelled());
    }
}
