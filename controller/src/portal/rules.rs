//! How a voucher stands, for its guest. Pure; the agent's `status/standing.rs` decides the same from what it knows.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    monitoring::Use,
    vouchers::{Looked, Status},
};

/// What a guest is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Its sentence is the text `guest-<state>`.
    pub state: &'static str,
    /// `ok`, `warn` or `bad`.
    pub tone: &'static str,
    /// Whether it can be used now or later.
    pub lives: bool,
    /// Seconds until it ends by the clock.
    pub left_secs: Option<i64>,
    /// Online time left and allowed.
    pub online: Option<(i64, i64)>,
    /// Bytes left and allowed.
    pub bytes: Option<(i64, i64)>,
    /// A device is online with it; told only while it is active.
    pub is_online: Option<bool>,
}

/// How a voucher stands now. A report of its end may still be on its way, so the clock and the use decide too.
#[must_use]
pub fn standing(looked: &Looked, used: &Use, now: DateTime<Utc>) -> Standing {
    let left = |limit: Option<i64>, used: i64| limit.filter(|of| *of > 0).map(|of| ((of - used).clamp(0, of), of));
    let online = left(looked.online_secs, used.uptime_secs.max(looked.uptime_secs));
    let bytes = left(looked.limit_bytes, used.bytes.max(looked.bytes));
    let used_up = [online, bytes].into_iter().flatten().any(|(left, _)| left == 0);
    let expired = looked.valid_until.is_some_and(|until| until <= now);
    let too_late = looked.first_login_at.is_none() && looked.activate_before.is_some_and(|before| before <= now);
    let (state, tone) = match looked.status {
        Status::Void => ("void", "bad"),
        Status::Blocked => ("blocked", "bad"),
        Status::UsedUp => ("used-up", "bad"),
        Status::Expired if looked.end_reason == "not_activated" => ("too-late", "bad"),
        Status::Expired => ("expired", "bad"),
        Status::Draft | Status::Ready | Status::Active if expired => ("expired", "bad"),
        Status::Draft | Status::Ready | Status::Active if used_up => ("used-up", "bad"),
        Status::Draft | Status::Ready | Status::Active if too_late => ("too-late", "bad"),
        Status::Draft => ("preparing", "warn"),
        Status::Ready => ("ready", "ok"),
        Status::Active => ("active", "ok"),
    };
    let lives = tone != "bad";
    // Of what is over nothing is left to be used; of what is used up it says what was.
    let (online, bytes) = if matches!(state, "void" | "expired" | "too-late") { (None, None) } else { (online, bytes) };
    Standing {
        state,
        tone,
        lives,
        left_secs: looked.valid_until.filter(|_| lives).map(|until| (until - now).num_seconds().max(0)),
        online,
        bytes,
        is_online: (lives && looked.status == Status::Active).then_some(used.is_online),
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::ids::{RouterId, SiteId};

    fn looked(status: Status) -> Looked {
        Looked {
            site: SiteId(1),
            router: RouterId(1),
            code: "KB1".to_owned(),
            status,
            end_reason: String::new(),
            first_login_at: None,
            valid_until: None,
            active_secs: Some(3_600),
            activate_before: None,
            online_secs: Some(600),
            limit_bytes: Some(1_000),
            uptime_secs: 0,
            bytes: 0,
        }
    }

    fn at(secs: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::seconds(secs)
    }

    fn state(looked: &Looked, used: Use, now: i64) -> &'static str {
        standing(looked, &used, at(now)).state
    }

    #[test]
    fn every_status_is_told() {
        let table = [
            (Status::Draft, "preparing"),
            (Status::Ready, "ready"),
            (Status::Active, "active"),
            (Status::Expired, "expired"),
            (Status::UsedUp, "used-up"),
            (Status::Blocked, "blocked"),
            (Status::Void, "void"),
        ];
        for (status, expected) in table {
            assert_eq!(state(&looked(status), Use::default(), 1), expected);
        }
        let late = Looked { end_reason: "not_activated".to_owned(), ..looked(Status::Expired) };
        assert_eq!(state(&late, Use::default(), 1), "too-late");
    }

    #[test]
    fn the_clock_counts_before_the_report_of_the_end() {
        let active = Looked { first_login_at: Some(at(0)), valid_until: Some(at(100)), ..looked(Status::Active) };
        let told = standing(&active, &Use { is_online: true, ..Use::default() }, at(40));
        assert_eq!((told.state, told.left_secs, told.is_online), ("active", Some(60), Some(true)));
        assert_eq!(state(&active, Use::default(), 100), "expired");
        let unused = Looked { activate_before: Some(at(50)), ..looked(Status::Ready) };
        assert_eq!(state(&unused, Use::default(), 50), "too-late");
    }

    #[test]
    fn of_what_is_over_nothing_is_left() {
        let void = standing(&looked(Status::Void), &Use::default(), at(1));
        assert_eq!((void.state, void.online, void.bytes), ("void", None, None));
        let late = Looked { activate_before: Some(at(50)), ..looked(Status::Ready) };
        assert_eq!(standing(&late, &Use::default(), at(60)).online, None);
        let used = standing(&looked(Status::UsedUp), &Use { uptime_secs: 600, ..Use::default() }, at(1));
        assert_eq!((used.state, used.online), ("used-up", Some((0, 600))));
        // It can be used again when it is unblocked.
        assert_eq!(standing(&looked(Status::Blocked), &Use::default(), at(1)).online, Some((600, 600)));
    }

    #[test]
    fn what_is_left_is_never_below_nothing() {
        let active = looked(Status::Active);
        let used = Use { uptime_secs: 200, bytes: 400, ..Use::default() };
        let told = standing(&active, &used, at(1));
        assert_eq!((told.online, told.bytes), (Some((400, 600)), Some((600, 1_000))));
        let over = Use { uptime_secs: 900, ..Use::default() };
        assert_eq!(standing(&active, &over, at(1)).online, Some((0, 600)));
        assert_eq!(state(&active, over, 1), "used-up");
    }
}
