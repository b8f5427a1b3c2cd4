//! What the controller asks of an agent, and the outcome.
//!
//! Commands set states rather than toggle. They travel as a compact JWS ([`crate::signed`]) on `dn/cmd`; a repeated
//! `jti` answers its stored result and does nothing.

use serde::{Deserialize, Serialize};

use crate::{
    agent_id::AgentId,
    desired::{Desired, Rev},
    device::{Kind, Service},
};

/// The claims of a command. Times are epoch seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    pub aud: AgentId,
    /// Unique; the idempotency id.
    pub jti: String,
    pub iat: i64,
    pub exp: i64,
    /// Counts up per agent.
    pub cseq: u64,
    #[serde(flatten)]
    pub op: Op,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", content = "args")]
pub enum Op {
    /// Take these objects, whose revisions follow `from_rev`, into the desired state. With `reset` the agent forgets
    /// what it had first (its revisions are of another life of the database).
    #[serde(rename = "desired.put")]
    DesiredPut {
        from_rev: Rev,
        to_rev: Rev,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        reset: bool,
        objects: Vec<Desired>,
    },
    /// Try again what failed, now.
    #[serde(rename = "desired.retry")]
    DesiredRetry,
    /// End the sessions of a user.
    #[serde(rename = "session.kick")]
    SessionKick { service: Service, user: String },
    /// Read everything anew and send a snapshot of one kind, or of all.
    #[serde(rename = "sync.snapshot")]
    Snapshot {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<Kind>,
    },
    /// Have the router call the agent's hook, and tell whether the call arrives.
    #[serde(rename = "hook.test")]
    HookTest,
    /// Answer.
    #[serde(rename = "agent.ping")]
    Ping,
}

impl Op {
    /// The op's name, as on the wire.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::DesiredPut { .. } => "desired.put",
            Self::DesiredRetry => "desired.retry",
            Self::SessionKick { .. } => "session.kick",
            Self::Snapshot { .. } => "sync.snapshot",
            Self::HookTest => "hook.test",
            Self::Ping => "agent.ping",
        }
    }
}

/// The outcome of one command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandResult {
    /// The command's `jti`.
    pub id: String,
    pub op: String,
    pub status: CommandStatus,
    /// Stable reason: `bad_signature`, `expired`, `gap`, `router_unreachable`, `not_found`, `hook_refused`, …
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub msg: String,
    pub took_ms: u32,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommandStatus {
    Ok,
    Failed,
    /// Stale, out of order or not for this agent: nothing was done.
    Rejected,
    /// Came after its `exp`.
    Expired,
}

/// Settings of an agent, `dn/cfg`: the whole document each time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentConfig {
    pub rev: u64,
    /// Marker of voucher users and hotspot profiles.
    pub voucher_marker: String,
    /// Marker of PPP profiles and secrets.
    pub pppoe_marker: String,
    /// Interval of the active lists, seconds.
    pub active_poll_secs: u32,
    /// The site's zone as it is now, seconds east of UTC: for pages that guests see.
    #[serde(default)]
    pub utc_offset_secs: i32,
    /// Its short name, such as `WIB`; empty = none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub zone: String,
    /// The operator's name on pages that guests see.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub brand: String,
    /// Days that vouchers which are over stay on the router, switched off: 0 = removed at once, absent = for ever.
    #[serde(default = "at_once")]
    pub cleanup_days: Option<u32>,
}

/// Controllers that did not say so had ended vouchers removed at once.
fn at_once() -> Option<u32> {
    Some(0)
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            rev: 0,
            voucher_marker: crate::comment::VOUCHER_MARKER.to_owned(),
            pppoe_marker: crate::comment::PPPOE_MARKER.to_owned(),
            active_poll_secs: 15,
            utc_offset_secs: 0,
            zone: String::new(),
            brand: String::new(),
            cleanup_days: at_once(),
        }
    }
}
