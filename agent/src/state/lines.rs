//! The lines of the journal, as JSON.

use hiji_shared::{
    command::{AgentConfig, CommandResult},
    desired::{Desired, Rev},
    device::{Kind, RouterSession, Used},
    event::{EndReason, Usage},
};
use serde::{Deserialize, Serialize};

use super::want::Life;

/// One change of the state.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Line {
    /// Objects taken in; everything up to `have` is there then.
    #[serde(rename = "put")]
    Put {
        have: Rev,
        #[serde(default)]
        reset: bool,
        objects: Vec<Desired>,
    },
    #[serde(rename = "life")]
    Life { kind: Kind, name: String, life: LifeLine },
    /// Used by sessions that ended.
    #[serde(rename = "used")]
    Used { kind: Kind, users: Vec<Usage> },
    /// hiji's on the router, and the revision reported as verified (0 = none yet).
    #[serde(rename = "applied")]
    Applied { items: Vec<(Kind, String, Rev)> },
    /// Its sessions have to end yet, or did.
    #[serde(rename = "kick")]
    Kick { kind: Kind, name: String, due: bool },
    /// No longer wanted, no longer there, nothing to remember.
    #[serde(rename = "drop")]
    Drop { items: Vec<(Kind, String)> },
    #[serde(rename = "result")]
    Result(CommandResult),
    #[serde(rename = "meta")]
    Meta { conn: u64, last_known_ms: i64 },
    #[serde(rename = "config")]
    Config(AgentConfig),
    /// A session was seen to open.
    #[serde(rename = "open")]
    Open(RouterSession),
    /// Every session opened so far is reported, and these are reported closed.
    #[serde(rename = "told")]
    Told { closed: Vec<String> },
}

/// [`Life`] on disk.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct LifeLine {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_login: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_until: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mac: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    told: bool,
    #[serde(default, skip_serializing_if = "is_zero")]
    moves: u32,
    #[serde(default, skip_serializing_if = "Used::is_nothing")]
    base: Used,
    #[serde(default, skip_serializing_if = "Used::is_nothing")]
    closed: Used,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<(EndReason, i64)>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    end_done: bool,
}

impl From<&Life> for LifeLine {
    fn from(life: &Life) -> Self {
        let Life { first_login, valid_until, told, mac, moves, base, closed, told_used: _, ended, end_done } =
            life.clone();
        Self { first_login, valid_until, mac, told, moves, base, closed, ended, end_done }
    }
}

impl From<LifeLine> for Life {
    fn from(line: LifeLine) -> Self {
        let LifeLine { first_login, valid_until, mac, told, moves, base, closed, ended, end_done } = line;
        let told_used = Used::default();
        Self { first_login, valid_until, told, mac, moves, base, closed, told_used, ended, end_done }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}
