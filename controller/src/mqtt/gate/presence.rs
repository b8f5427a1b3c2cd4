//! Which agents are online, and the changes the controller has not been told yet.
//!
//! Changes are kept by agent, the last one wins: the controller may be slow, an agent may flap, and this stays small.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Mutex, PoisonError},
};

use hiji_shared::agent_id::AgentId;
use tokio::sync::Notify;

use crate::mqtt::BusEvent;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Presence {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    online: HashSet<AgentId>,
    /// The reason for being offline, or none.
    untold: BTreeMap<AgentId, Option<String>>,
}

impl Presence {
    /// The agent's session was opened.
    pub(super) fn online(&self, agent: &AgentId) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.online.insert(agent.clone());
        state.untold.insert(agent.clone(), None);
        drop(state);
        self.changed.notify_one();
    }

    /// No session of the agent is left. Nothing to tell when there was none.
    pub(super) fn offline(&self, agent: &AgentId, reason: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.online.remove(agent) {
            state.untold.insert(agent.clone(), Some(reason.to_owned()));
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Waits until there may be something to tell.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What the controller has not been told yet, once.
    pub(super) fn take(&self) -> Vec<BusEvent> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let untold = std::mem::take(&mut state.untold);
        drop(state);
        let event = |(agent, offline)| match offline {
            None => BusEvent::Online { agent },
            Some(reason) => BusEvent::Offline { agent, reason },
        };
        untold.into_iter().map(event).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_change_is_told_and_only_once() {
        let presence = Presence::default();
        let agent = AgentId::from_random([1; 10]);
        presence.offline(&agent, "never was online");
        assert_eq!(presence.take(), []);
        presence.online(&agent);
        presence.offline(&agent, "lost");
        presence.online(&agent);
        assert_eq!(presence.take(), [BusEvent::Online { agent: agent.clone() }]);
        assert_eq!(presence.take(), []);
        presence.offline(&agent, "lost");
        assert_eq!(presence.take(), [BusEvent::Offline { agent, reason: "lost".to_owned() }]);
    }
}
