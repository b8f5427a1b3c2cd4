//! Pure decisions about routers: what presence is shown, and whether the router is as wanted.

use serde::Serialize;

use super::AgentState;

/// A wanted object is asked for until it is superseded; its command's row is kept open this long.
pub const DESIRED_EXPIRES_SECS: i64 = 30 * 86_400;
/// An imperative command (kick, sync) is worth doing only this long.
pub const COMMAND_EXPIRES_SECS: i64 = 600;
/// An enrolment token is good for this long.
pub const ENROLLMENT_SECS: i64 = 1800;

/// A clock this far off is nothing to tell people of.
const HARMLESS_SKEW_SECS: u64 = 60;

/// What is shown of a router's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// No agent has enrolled.
    New,
    /// An agent enrolled and waits for an admin.
    Waiting,
    /// Agent connected, router answering.
    Online,
    /// Agent connected, router not answering it.
    RouterDown,
    /// Agent not connected.
    Offline,
}

/// Is the router as wanted?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncState {
    /// Everything proven.
    InSync,
    /// Something is on its way.
    Pending,
    /// The router refuses something.
    Failed,
}

/// The presence of a router from its agent's row.
#[must_use]
pub fn presence(agent: Option<(AgentState, bool)>, reach: bool) -> Presence {
    match agent {
        None | Some((AgentState::Revoked, _)) => Presence::New,
        Some((AgentState::Waiting, _)) => Presence::Waiting,
        Some((AgentState::Approved, false)) => Presence::Offline,
        Some((AgentState::Approved, true)) if reach => Presence::Online,
        Some((AgentState::Approved, true)) => Presence::RouterDown,
    }
}

/// The sync state from counts of wanted objects.
#[must_use]
pub fn sync_state(wanted: i64, failed: i64) -> SyncState {
    match (wanted, failed) {
        (0, 0) => SyncState::InSync,
        (0, _) => SyncState::Failed,
        (_, _) => SyncState::Pending,
    }
}

/// Do router and agent differ by more than a login's start or a voucher's end may be wrong by?
#[must_use]
pub fn is_skewed(clock_skew_secs: i64) -> bool {
    clock_skew_secs.unsigned_abs() > HARMLESS_SKEW_SECS
}

/// Where sending continues: from what the agent has, or from the start when its revisions are of another life of the
/// database (a restored backup).
#[must_use]
pub fn continue_from(have_rev: i64, desired_rev: i64) -> (i64, bool) {
    if have_rev > desired_rev { (0, true) } else { (have_rev, false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connected_agent_of_a_dead_router_is_not_online() {
        assert_eq!(presence(Some((AgentState::Approved, true)), true), Presence::Online);
        assert_eq!(presence(Some((AgentState::Approved, true)), false), Presence::RouterDown);
        assert_eq!(presence(Some((AgentState::Approved, false)), true), Presence::Offline);
        assert_eq!(presence(Some((AgentState::Waiting, true)), true), Presence::Waiting);
        assert_eq!(presence(None, false), Presence::New);
    }

    #[test]
    fn an_agent_ahead_of_the_database_starts_over() {
        assert_eq!(continue_from(5, 9), (5, false));
        assert_eq!(continue_from(9, 9), (9, false));
        assert_eq!(continue_from(12, 9), (0, true));
    }

    #[test]
    fn a_failure_shows_only_when_nothing_is_on_its_way() {
        assert_eq!(sync_state(0, 0), SyncState::InSync);
        assert_eq!(sync_state(3, 2), SyncState::Pending);
        assert_eq!(sync_state(0, 2), SyncState::Failed);
    }
}
