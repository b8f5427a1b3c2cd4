//! Callers by session as read a moment ago, so that a page with its parts asks the database once.
//!
//! What this process changes about admins is forgotten here at once; what another controller changes counts after
//! [`KEPT`], well within the 5 s a revoked session may live (WORKFLOWS E4).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Duration, Utc};

use crate::http::session::Caller;

/// How long a caller is believed.
const KEPT: Duration = Duration::seconds(2);
/// Sessions that are kept; beyond it all are read anew.
const MAX_KEPT: usize = 1_000;

/// The callers last seen by this process. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct KnownCallers(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    epoch: Epoch,
    callers: HashMap<String, (DateTime<Utc>, Caller)>,
}

/// Which state of the admins a reader began with.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch(u64);

impl KnownCallers {
    /// The caller of a session, or the epoch to hand in with [`Self::put`] once he was read.
    pub(super) fn get(&self, session: &str, now: DateTime<Utc>) -> Result<Caller, Epoch> {
        let known = self.lock();
        match known.callers.get(session) {
            Some((read_at, caller)) if (*read_at..*read_at + KEPT).contains(&now) => Ok(caller.clone()),
            _ => Err(known.epoch),
        }
    }

    /// Keeps a caller who was read, unless admins changed meanwhile.
    pub(super) fn put(&self, epoch: Epoch, read_at: DateTime<Utc>, caller: Caller) {
        let mut known = self.lock();
        if known.epoch != epoch {
            return;
        }
        if known.callers.len() >= MAX_KEPT {
            known.callers.clear();
        }
        known.callers.insert(caller.session_id.clone(), (read_at, caller));
    }

    /// Forgets everybody: an admin or a session was changed, and that is committed.
    pub(super) fn forget(&self) {
        let mut known = self.lock();
        known.epoch.0 = known.epoch.0.wrapping_add(1);
        known.callers.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        http::access::{Role, Scope},
        ids::AdminId,
    };

    fn caller(session: &str) -> Caller {
        Caller {
            admin_id: AdminId(1),
            name: "rina".to_owned(),
            role: Role::Cashier,
            grants: Vec::new(),
            sites: Scope::All,
            session_id: session.to_owned(),
            locale: None,
        }
    }

    #[test]
    fn a_caller_is_believed_for_a_moment_only() {
        let (known, now) = (KnownCallers::default(), DateTime::UNIX_EPOCH);
        let epoch = known.get("a", now).unwrap_err();
        known.put(epoch, now, caller("a"));
        assert_eq!(known.get("a", now).unwrap().name, "rina");
        assert!(known.get("b", now).is_err());
        assert!(known.get("a", now + KEPT).is_err());
        assert!(known.get("a", now - Duration::seconds(1)).is_err(), "the clock was put back");
    }

    #[test]
    fn who_was_read_before_a_change_is_not_kept_after_it() {
        let (known, now) = (KnownCallers::default(), DateTime::UNIX_EPOCH);
        let epoch = known.get("a", now).unwrap_err();
        known.forget();
        known.put(epoch, now, caller("a"));
        assert!(known.get("a", now).is_err());
    }

    #[test]
    fn a_change_is_seen_at_once() {
        let (known, now) = (KnownCallers::default(), DateTime::UNIX_EPOCH);
        known.put(known.get("a", now).unwrap_err(), now, caller("a"));
        known.forget();
        assert!(known.get("a", now).is_err());
    }
}
