//! The messages beside the ordered events: presence, hello, snapshots, metrics; and the controller's answers.

use serde::{Deserialize, Serialize};

use crate::{
    agent_id::AgentId,
    capability::Capability,
    desired::Rev,
    device::{Kind, Row},
};

/// `up/presence`, retained, and the last will. An offline whose `conn` is older than the last online is stale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    pub v: u16,
    pub agent: AgentId,
    pub online: bool,
    /// Connection counter of this agent, counts up for ever.
    pub conn: u64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// `up/hello`, after each connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub v: u16,
    pub agent: AgentId,
    /// Outbox epoch and the sequence numbers still in it (`last_seq` = 0: none yet).
    pub ep: i64,
    pub first_seq: u64,
    pub last_seq: u64,
    pub conn: u64,
    /// The agent's version.
    pub ver: String,
    pub caps: Vec<Capability>,
    /// This run of the agent: unix ms of its start.
    pub run: i64,
    pub up: u64,
    /// Agent's wall clock, unix ms.
    pub ts: i64,
    /// How far the agent has the desired state.
    pub have_rev: Rev,
    /// Is the router's API answering?
    pub reach: bool,
    /// Digest of each mirrored kind the agent has read, as of `last_seq`.
    pub digests: Vec<KindDigest>,
}

/// Size and root of one mirrored kind ([`crate::digest`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindDigest {
    pub kind: Kind,
    pub n: u64,
    /// 64 hex characters.
    pub root: String,
}

/// `up/snap`: rows of the mirror outside the event order. All `n` chunks replace the kind together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SnapshotChunk {
    pub v: u16,
    pub agent: AgentId,
    pub kind: Kind,
    /// One id for all chunks of one snapshot.
    pub snap: String,
    /// 0 … n-1.
    pub i: u32,
    pub n: u32,
    /// The snapshot holds everything up to this record of this epoch, and nothing after.
    pub ep: i64,
    pub at_seq: u64,
    pub rows: Vec<serde_json::Value>,
}

impl SnapshotChunk {
    /// The rows in the shape of the chunk's kind.
    ///
    /// # Errors
    /// The JSON error of the first row that is not of that shape.
    pub fn typed_rows(self) -> Result<Vec<Row>, serde_json::Error> {
        let kind = self.kind;
        self.rows.into_iter().map(|row| Row::from_json(kind, row)).collect()
    }
}

/// `up/m`: counters, latest wins, never stored in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metrics {
    pub v: u16,
    pub agent: AgentId,
    pub ts: i64,
    /// Open sessions, each service.
    pub hotspot_active: u32,
    pub pppoe_active: u32,
    /// Counters of open sessions that moved: sid, uptime secs, bytes in, bytes out.
    pub sessions: Vec<(String, u64, u64, u64)>,
}

/// `up/log`: what the agent says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLines {
    pub v: u16,
    pub agent: AgentId,
    /// Unix ms, level, text.
    pub lines: Vec<(i64, String, String)>,
}

/// `dn/ack`: everything up to `seq` of epoch `ep` is committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    pub v: u16,
    pub ep: i64,
    pub seq: u64,
    /// Controller's clock, unix ms.
    pub srv_ts: i64,
}

/// `dn/sync`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Sync {
    /// Answer to hello. `min_ep`: the outbox must start an epoch above it (its own is older than what is known here).
    Welcome {
        srv_ts: i64,
        ep: i64,
        seq: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min_ep: Option<i64>,
    },
    /// Send a snapshot of this kind.
    Snapshot { kind: Kind },
}
