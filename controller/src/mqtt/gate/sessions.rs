//! Who is connected: one session for one identity, the newer one takes over.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use hiji_shared::agent_id::AgentId;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{
    mail::{Full, Mail, Mailbox, Slot, mailbox},
    presence::Presence,
};

/// Why a session is ended from our side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kick {
    TakenOver,
    Revoked(String),
    RouterRestarted,
    ShuttingDown,
}

impl std::fmt::Display for Kick {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TakenOver => f.write_str("session taken over"),
            Self::Revoked(why) => write!(f, "revoked: {why}"),
            Self::RouterRestarted => f.write_str("broker restarted"),
            Self::ShuttingDown => f.write_str("controller is stopping"),
        }
    }
}

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    live: Mutex<Live>,
    presence: Arc<Presence>,
}

#[derive(Debug, Default)]
struct Live {
    by_name: HashMap<String, Entry>,
    serial: u64,
}

#[derive(Debug)]
struct Entry {
    serial: u64,
    kick: Option<oneshot::Sender<Kick>>,
    gone: CancellationToken,
    mail: Slot,
}

/// A place among the sessions; leaving it by dropping.
#[derive(Debug)]
pub(super) struct Place {
    sessions: Arc<Sessions>,
    name: String,
    agent: Option<AgentId>,
    serial: u64,
    gone: CancellationToken,
    reason: String,
    /// Fires when this session has to go.
    pub(super) kick: oneshot::Receiver<Kick>,
    /// What the controller sends to this session.
    pub(super) mail: Mailbox,
    /// Cancelled when the session this one took over has left.
    pub(super) predecessor: Option<CancellationToken>,
}

impl Sessions {
    pub(super) fn new(presence: Arc<Presence>) -> Self {
        Self { live: Mutex::default(), presence }
    }

    /// Takes the place of this name; who has it is told to go.
    pub(super) fn enter(self: &Arc<Self>, name: &str, agent: Option<AgentId>) -> Place {
        let (send, kick) = oneshot::channel();
        let gone = CancellationToken::new();
        let (slot, mail) = mailbox();
        let mut live = self.lock();
        live.serial += 1;
        let serial = live.serial;
        let entry = Entry { serial, kick: Some(send), gone: gone.clone(), mail: slot };
        let predecessor = live.by_name.insert(name.to_owned(), entry).map(|old| {
            if let Some(kick) = old.kick {
                // It may be leaving by itself just now.
                let _left = kick.send(Kick::TakenOver);
            }
            old.gone
        });
        drop(live);
        let (sessions, name, reason) = (Arc::clone(self), name.to_owned(), "login not finished".to_owned());
        Place { sessions, name, agent, serial, gone, reason, kick, mail, predecessor }
    }

    /// Hands a message to one session. False: there is none.
    pub(super) fn deliver(&self, name: &str, mail: Mail) -> Result<bool, Full> {
        self.lock().by_name.get(name).map_or(Ok(false), |entry| entry.mail.put(mail).map(|()| true))
    }

    /// Ends one session. False: there is none.
    pub(super) fn kick(&self, name: &str, why: Kick) -> bool {
        let kick = self.lock().by_name.get_mut(name).and_then(|entry| entry.kick.take());
        kick.is_some_and(|kick| kick.send(why).is_ok())
    }

    /// Ends all of them.
    pub(super) fn kick_all(&self, why: &Kick) {
        let kicks: Vec<_> = self.lock().by_name.values_mut().filter_map(|entry| entry.kick.take()).collect();
        for kick in kicks {
            let _left = kick.send(why.clone());
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lock().by_name.len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The session is open: tells so.
    pub(super) fn opened(&self) {
        if let Some(agent) = &self.agent {
            self.sessions.presence.online(agent);
        }
    }

    /// Why it will be left.
    pub(super) fn leaving(&mut self, reason: String) {
        self.reason = reason;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut live = self.sessions.lock();
        let mine = live.by_name.get(&self.name).is_some_and(|entry| entry.serial == self.serial);
        if mine {
            live.by_name.remove(&self.name);
            // Under the lock: a successor that enters now says "online" after this.
            if let Some(agent) = &self.agent {
                self.sessions.presence.offline(agent, &self.reason);
            }
        }
        drop(live);
        self.gone.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::BusEvent;

    fn sessions() -> (Arc<Sessions>, Arc<Presence>) {
        let presence = Arc::new(Presence::default());
        (Arc::new(Sessions::new(Arc::clone(&presence))), presence)
    }

    #[test]
    fn a_second_session_takes_over_and_the_agent_stays_online() {
        let (sessions, presence) = sessions();
        let agent = AgentId::from_random([1; 10]);
        let mut first = sessions.enter("a.x", Some(agent.clone()));
        first.opened();
        let second = sessions.enter("a.x", Some(agent.clone()));
        assert_eq!(first.kick.try_recv(), Ok(Kick::TakenOver));
        let waiting = second.predecessor.clone().unwrap();
        assert!(!waiting.is_cancelled());
        drop(first);
        assert!(waiting.is_cancelled());
        second.opened();
        assert_eq!(sessions.len(), 1);
        assert_eq!(presence.take(), [BusEvent::Online { agent: agent.clone() }]);
        drop(second);
        assert_eq!(presence.take(), [BusEvent::Offline { agent, reason: "login not finished".to_owned() }]);
        assert_eq!(sessions.len(), 0);
    }

    #[test]
    fn a_successor_that_never_opened_leaves_the_agent_offline() {
        let (sessions, presence) = sessions();
        let agent = AgentId::from_random([1; 10]);
        let first = sessions.enter("a.x", Some(agent.clone()));
        first.opened();
        presence.take();
        let second = sessions.enter("a.x", Some(agent));
        drop(first);
        assert_eq!(presence.take(), []);
        drop(second);
        assert_eq!(presence.take().len(), 1);
    }

    #[test]
    fn a_kick_reaches_its_session_once() {
        let (sessions, _) = sessions();
        let mut place = sessions.enter("a.x", None);
        assert!(!sessions.kick("a.y", Kick::RouterRestarted));
        assert!(sessions.kick("a.x", Kick::Revoked("key lost".to_owned())));
        assert!(!sessions.kick("a.x", Kick::RouterRestarted));
        assert_eq!(place.kick.try_recv().map(|kick| kick.to_string()), Ok("revoked: key lost".to_owned()));
    }
}
