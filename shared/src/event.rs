//! What an agent reports in order: the records of `up/ev`. Names are `noun.verb`.

use serde::{Deserialize, Serialize};

use crate::{
    command::CommandResult,
    desired::{ItemResult, Rev},
    device::{Kind, RouterFacts, RouterSession, Row, Used},
};

/// A report. Every variant has exactly one place in the controller that applies it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// Who and how the router is; sent on change and every ten minutes.
    #[serde(rename = "router.facts")]
    RouterFacts(RouterFacts),
    /// The API answers, or stopped answering.
    #[serde(rename = "router.reach")]
    RouterReach {
        ok: bool,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        error: String,
    },
    /// A session opened.
    #[serde(rename = "session.login")]
    SessionLogin {
        #[serde(flatten)]
        session: RouterSession,
        src: Source,
    },
    /// A session closed.
    #[serde(rename = "session.logout")]
    SessionLogout(Logout),
    /// A user of hiji's was used for the first time: once in its life.
    #[serde(rename = "session.first_login")]
    FirstLogin(FirstLogin),
    /// A user of hiji's came to its end and is off the router.
    #[serde(rename = "user.ended")]
    UserEnded(Ended),
    /// What users of hiji's have used in all, of those whose counters moved.
    #[serde(rename = "user.usage")]
    UserUsage { kind: Kind, users: Vec<Usage> },
    /// A user that was set free for another device was bound to the one that came.
    #[serde(rename = "user.bound")]
    UserBound { kind: Kind, user: String, mac: String, at: i64 },
    /// Users of hiji's were removed on the router by somebody, and put back.
    #[serde(rename = "user.restored")]
    UsersRestored { kind: Kind, users: Vec<String>, at: i64 },
    /// A mirrored row appeared or changed.
    #[serde(rename = "user.delta")]
    Delta(Delta),
    /// How the mirror should look on the controller; a difference asks for a repair.
    #[serde(rename = "mirror.digest")]
    MirrorDigest { kind: Kind, n: u64, root: String },
    /// Desired objects up to here are on the agent's disk.
    #[serde(rename = "desired.have")]
    DesiredHave { rev: Rev },
    /// What became of desired objects on the router.
    #[serde(rename = "desired.result")]
    DesiredResult { items: Vec<ItemResult> },
    /// The outcome of a command.
    #[serde(rename = "cmd.result")]
    CommandResult(CommandResult),
    /// Somebody should look.
    #[serde(rename = "agent.alert")]
    Alert { code: String, msg: String },
    /// Records had to be dropped: the disk was full for too long.
    #[serde(rename = "outbox.gap")]
    OutboxGap { from: u64, to: u64, n: u64 },
    /// A record type of a newer agent: kept in the inbox, applied by nobody.
    #[serde(skip)]
    Unknown,
}

impl Event {
    /// The record's name, as on the wire.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::RouterFacts(_) => "router.facts",
            Self::RouterReach { .. } => "router.reach",
            Self::SessionLogin { .. } => "session.login",
            Self::SessionLogout(_) => "session.logout",
            Self::FirstLogin(_) => "session.first_login",
            Self::UserEnded(_) => "user.ended",
            Self::UserUsage { .. } => "user.usage",
            Self::UserBound { .. } => "user.bound",
            Self::UsersRestored { .. } => "user.restored",
            Self::Delta(_) => "user.delta",
            Self::MirrorDigest { .. } => "mirror.digest",
            Self::DesiredHave { .. } => "desired.have",
            Self::DesiredResult { .. } => "desired.result",
            Self::CommandResult(_) => "cmd.result",
            Self::Alert { .. } => "agent.alert",
            Self::OutboxGap { .. } => "outbox.gap",
            Self::Unknown => "unknown",
        }
    }
}

/// Names of all record types this build understands.
pub const NAMES: [&str; 16] = [
    "router.facts",
    "router.reach",
    "session.login",
    "session.logout",
    "session.first_login",
    "user.ended",
    "user.usage",
    "user.bound",
    "user.restored",
    "user.delta",
    "mirror.digest",
    "desired.have",
    "desired.result",
    "cmd.result",
    "agent.alert",
    "outbox.gap",
];

/// What one user has used, as `[user, uptime, bytes in, bytes out]` on the wire: there are many of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage(pub String, pub u64, pub u64, pub u64);

impl Usage {
    /// The counters.
    #[must_use]
    pub fn used(&self) -> Used {
        Used { uptime_secs: self.1, bytes_in: self.2, bytes_out: self.3 }
    }
}

/// Which witness saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The active list, asked for.
    Poll,
    /// The active list, after `listen` woke the agent.
    Stream,
    /// The on-login or on-up script.
    Hook,
    /// The user list's own counters.
    Scan,
    /// Comparing with what was known before a restart or reconnect.
    Resync,
}

/// A session that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logout {
    #[serde(flatten)]
    pub session: RouterSession,
    /// Unix ms.
    pub ended_ts: i64,
    pub uptime_secs: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// `logout`, `router-reboot`, `expired`, `kicked`, or the router's own cause.
    pub reason: String,
}

/// The first login of a user of hiji's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstLogin {
    pub kind: Kind,
    pub user: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sid: String,
    /// Epoch seconds, from the session's own uptime.
    pub at: i64,
    /// Epoch seconds; absent = no end by the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<i64>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mac: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub address: String,
    pub src: Source,
    /// The clock was doubtful: the time is the best guess.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
}

/// The end of a user of hiji's on the router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub kind: Kind,
    pub user: String,
    pub why: EndReason,
    /// Epoch seconds.
    pub at: i64,
    pub uptime_secs: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

/// Why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Its time by the clock is over.
    Expired,
    /// Its online time or bytes are used up.
    UsedUp,
    /// Its sell-by date passed before it was used.
    NotActivated,
}

/// A change of a mirrored row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Delta {
    Put { kind: Kind, row: Row },
    Del { kind: Kind, key: String },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Service;

    #[test]
    fn an_event_is_a_type_and_its_data() {
        let event = Event::SessionLogin {
            session: RouterSession {
                service: Service::Hotspot,
                user: "KB1".into(),
                sid: "h-1".into(),
                address: "10.5.50.2".into(),
                mac: String::new(),
                server: String::new(),
                started_ts: 1_795_351_327_000,
            },
            src: Source::Poll,
        };
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(
            text,
            r#"{"type":"session.login","data":{"service":"hotspot","user":"KB1","sid":"h-1","address":"10.5.50.2","started_ts":1795351327000,"src":"poll"}}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }

    #[test]
    fn rows_of_both_kinds_survive_a_delta() {
        for (kind, row) in [
            (
                Kind::HotspotUser,
                Row::User(crate::device::RouterUser { name: "a".into(), profile: "p".into(), ..Default::default() }),
            ),
            (Kind::PppProfile, Row::Profile(crate::device::RouterProfile { name: "b".into(), ..Default::default() })),
        ] {
            let event = Event::Delta(Delta::Put { kind, row });
            let text = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event, "{text}");
        }
    }
}
