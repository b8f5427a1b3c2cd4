//! What clients asked of the router, for tests: every write with its time, and how often whole menus were printed.

use std::collections::{HashMap, VecDeque};

use serde::Serialize;

/// Writes kept; the oldest go first.
const WRITES_KEPT: usize = 100_000;

/// A write command that came over the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Write {
    /// Unix milliseconds of the world's clock.
    pub at_ms: i64,
    /// The API user.
    pub user: String,
    /// The whole command, such as `/ip/hotspot/user/add`.
    pub command: String,
    /// Its arguments in order, `.id` included.
    pub args: Vec<(String, String)>,
    /// The message of the trap it ended in, or `None` when it was done.
    pub trap: Option<String>,
}

/// The record of one router.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    writes: VecDeque<Write>,
    full_prints: HashMap<&'static str, u64>,
    commands: u64,
}

impl Journal {
    pub(crate) fn wrote(&mut self, write: Write) {
        if self.writes.len() == WRITES_KEPT {
            self.writes.pop_front();
        }
        self.writes.push_back(write);
    }

    pub(crate) fn writes(&self) -> Vec<Write> {
        self.writes.iter().cloned().collect()
    }

    /// A print of every row of a menu.
    pub(crate) fn printed_all(&mut self, path: &'static str) {
        *self.full_prints.entry(path).or_default() += 1;
    }

    pub(crate) fn full_prints(&self, path: &str) -> u64 {
        self.full_prints.get(path).copied().unwrap_or(0)
    }

    pub(crate) fn counted_command(&mut self) {
        self.commands += 1;
    }

    /// Commands after login, of every kind.
    pub(crate) fn commands(&self) -> u64 {
        self.commands
    }
}
