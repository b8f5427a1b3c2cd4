//! What happened to a voucher, in order, from its columns and its history; and where it stands on its router.

use chrono::{DateTime, Utc};
use hiji_shared::device::Kind;
use sea_orm::DbErr;
use serde::Serialize;

use super::{Voucher, store};
use crate::{
    app::App,
    routers::{self, ObjectState},
};

/// What began it.
const MADE: &str = "made";

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Happened {
    pub at: DateTime<Utc>,
    /// `made`, `sold`, `first_login`, `block`, `ended`, …
    pub what: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub actor: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    #[serde(skip_serializing_if = "serde_json::Value::is_null")]
    pub detail: serde_json::Value,
}

/// A session it had.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Session {
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub uptime_secs: i64,
    pub bytes_in: i64,
    pub bytes_out: i64,
    pub mac: String,
    pub address: String,
}

/// All that is on record of one voucher beside itself.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// Newest first.
    pub timeline: Vec<Happened>,
    pub sessions: Vec<Session>,
    /// What its router shall have of it, and what is proven.
    pub on_router: Option<ObjectState>,
    /// The answer to the last request to end its sessions.
    pub kick: Option<routers::Asked>,
    /// Who saw less has seen another state.
    pub revision: i64,
}

impl Record {
    /// Counts what the sessions on record have used: those that are open are told sooner than the voucher's own counters,
    /// which only grow.
    pub(super) fn count(&self, voucher: &mut Voucher) {
        let sum = |of: fn(&Session) -> i64| self.sessions.iter().map(of).fold(0, i64::saturating_add);
        voucher.uptime_secs = voucher.uptime_secs.max(sum(|session| session.uptime_secs));
        voucher.bytes_in = voucher.bytes_in.max(sum(|session| session.bytes_in));
        voucher.bytes_out = voucher.bytes_out.max(sum(|session| session.bytes_out));
    }
}

/// Everything on record of a voucher.
///
/// # Errors
/// The database's.
pub async fn record(app: &App, voucher: &Voucher) -> Result<Record, DbErr> {
    let db = app.db.read();
    let noted = store::history(db, voucher.id).await?;
    let on_router = routers::object_state(db, voucher.router_id, Kind::HotspotUser, &voucher.code).await?;
    let kicked = noted.iter().find(|happened| happened.what == "kick");
    let kick = match kicked.and_then(|happened| happened.detail["command"].as_str()) {
        Some(id) => routers::asked(db, voucher.router_id, id).await?,
        None => None,
    };
    let mut timeline = known(voucher);
    timeline.extend(noted);
    Ok(Record {
        timeline: newest_first(timeline),
        sessions: store::sessions(db, voucher.router_id, &voucher.code).await?,
        on_router,
        kick,
        revision: store::last_of_voucher(db, voucher.id).await?,
    })
}

/// Newest first. What happened in one instant stays in its order; and nothing happened before it was made, whatever the
/// clocks say: a first login is dated by a router, in whole seconds.
fn newest_first(mut timeline: Vec<Happened>) -> Vec<Happened> {
    timeline.sort_by_key(|happened| (happened.what == MADE, std::cmp::Reverse(happened.at)));
    timeline
}

/// What its own columns tell, newest first.
fn known(voucher: &Voucher) -> Vec<Happened> {
    let happened = |what: &str, at: Option<DateTime<Utc>>, reason: &str| {
        let (what, reason) = (what.to_owned(), reason.to_owned());
        at.map(|at| Happened { at, what, actor: String::new(), reason, detail: serde_json::Value::Null })
    };
    // A void one says so in its history, with who and why.
    let ended = voucher.ended_at.filter(|_| voucher.status != super::Status::Void);
    [
        happened("removed", voucher.removed_at, ""),
        happened("ended", ended, &voucher.end_reason),
        happened("first_login", voucher.first_login_at, ""),
        happened("sold", voucher.sold_at, ""),
        happened(MADE, Some(voucher.created_at), ""),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_dated_before_the_making_still_comes_after_it() {
        let happened = |what: &str, millis: i64| Happened {
            at: DateTime::from_timestamp_millis(millis).unwrap(),
            what: what.to_owned(),
            actor: String::new(),
            reason: String::new(),
            detail: serde_json::Value::Null,
        };
        let noted = vec![happened("made", 7_400), happened("block", 9_000), happened("first_login", 7_000)];
        let told: Vec<String> = newest_first(noted).into_iter().map(|happened| happened.what).collect();
        assert_eq!(told, ["block", "first_login", "made"]);
    }
}
