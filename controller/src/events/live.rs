//! Live changes for open pages: which part of which page to fetch again. Lossy by design: a page that missed some
//! fetches once more.
//!
//! A page is rendered before its stream is open. What changed in between is found by the page's mark: the last changes
//! are kept for those who come late.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::broadcast;

use crate::ids::{self, SiteId};

/// Changes that a slow listener may be behind, and that are kept for who comes late.
const CAPACITY: usize = 1024;
/// Characters that tell one run of the controller from another.
const RUN_CHARS: usize = 12;

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
pub struct Live {
    sender: broadcast::Sender<LiveEvent>,
    /// Another run of the controller, or another controller, counts differently.
    run: Arc<str>,
    recent: Arc<Mutex<Recent>>,
}

/// The last changes, and how many there were in all.
#[derive(Debug, Default)]
struct Recent {
    count: u64,
    last: VecDeque<LiveEvent>,
}

impl Default for Live {
    fn default() -> Self {
        let run: String = ids::token().chars().take(RUN_CHARS).collect();
        Self { sender: broadcast::Sender::new(CAPACITY), run: run.into(), recent: Arc::default() }
    }
}

impl Live {
    /// Tells open pages.
    pub fn send(&self, topic: impl Into<String>, site: Option<SiteId>) {
        let event = LiveEvent { topic: topic.into(), site };
        {
            let mut recent = self.recent();
            recent.count += 1;
            if recent.last.len() == CAPACITY {
                recent.last.pop_front();
            }
            recent.last.push_back(event.clone());
        }
        let _nobody_listens = self.sender.send(event);
    }

    /// Listens.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<LiveEvent> {
        self.sender.subscribe()
    }

    /// How far changes are: a page that carries it can be told what came later.
    #[must_use]
    pub fn mark(&self) -> String {
        format!("{}-{}", self.run, self.recent().count)
    }

    /// What changed since a mark; nothing when that is not known any longer.
    #[must_use]
    pub fn since(&self, mark: &str) -> Option<Vec<LiveEvent>> {
        let (run, count) = mark.rsplit_once('-')?;
        let recent = self.recent();
        let later = recent.count.checked_sub(count.parse().ok()?)?;
        let kept = recent.last.len();
        let later = usize::try_from(later).ok().filter(|later| run == &*self.run && *later <= kept)?;
        Some(recent.last.iter().skip(kept - later).cloned().collect())
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_late_is_told_what_changed_since_its_mark() {
        let live = Live::default();
        live.send("dashboard", None);
        let mark = live.mark();
        assert_eq!(live.since(&mark), Some(Vec::new()));
        live.send("batch-1", Some(SiteId(1)));
        let topics: Vec<String> = live.since(&mark).unwrap().into_iter().map(|event| event.topic).collect();
        assert_eq!(topics, ["batch-1"]);
    }

    #[test]
    fn a_mark_of_another_run_or_of_long_ago_is_not_known() {
        let live = Live::default();
        let first = live.mark();
        for number in 0..=CAPACITY {
            live.send(format!("batch-{number}"), None);
        }
        assert_eq!(live.since(&first), None);
        assert_eq!(Live::default().since(&live.mark()), None);
        for nonsense in ["", "x", "x-y", "-1", &format!("{}-99999999", live.run)] {
            assert_eq!(live.since(nonsense), None, "{nonsense}");
        }
    }
}
