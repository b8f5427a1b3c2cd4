//! Live changes for open pages: which part of which page to fetch again. Lossy by design: a page that missed some
//! fetches once more.

use tokio::sync::broadcast;

use crate::ids::SiteId;

const CAPACITY: usize = 1024;

/// A part of a page changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveEvent {
    /// `dashboard`, `batch-12`, `router-3`, `sessions`, …
    pub topic: String,
    /// Whose it is; `None` = everybody's.
    pub site: Option<SiteId>,
}

/// The sender's side.
#[derive(Debug, Clone)]
pub struct Live(broadcast::Sender<LiveEvent>);

impl Default for Live {
    fn default() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }
}

impl Live {
    /// Tells open pages.
    pub fn send(&self, topic: impl Into<String>, site: Option<SiteId>) {
        let _nobody_listens = self.0.send(LiveEvent { topic: topic.into(), site });
    }

    /// Listens.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<LiveEvent> {
        self.0.subscribe()
    }
}
