//! The router's log: a ring of lines.

use super::super::router::Router;

/// Lines RouterOS keeps in memory by default.
const LINES_KEPT: usize = 1_000;

impl Router {
    /// Writes a line.
    pub(crate) fn log(&mut self, topics: &str, message: &str) {
        let (_, time) = self.local(self.now());
        let table = self.menu_mut("/log");
        table.insert([
            ("time", time.into_bytes()),
            ("topics", topics.as_bytes().to_vec()),
            ("message", message.as_bytes().to_vec()),
        ]);
        let oldest = table.ids_from(0).next().filter(|_| table.len() > LINES_KEPT);
        if let Some(oldest) = oldest {
            table.remove(oldest);
        }
    }
}
