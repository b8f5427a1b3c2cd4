//! Which sessions are open, from one look at the active list to the next; pure.
//!
//! A router's id of a session starts anew after a reboot and is used again, so a session is known by who it is and
//! when it began: the moment it was seen minus its uptime, within a few seconds. Beginnings are compared on the
//! monotonic clock, so a jump of the wall clock closes nothing. Leaves out reading the lists and reporting.

use std::collections::BTreeMap;

use hiji_shared::{
    device::{RouterSession, Service},
    event::Logout,
};
use sha2::{Digest as _, Sha256};

/// Beginnings this near are one session: uptimes are whole seconds, answers take time.
const SAME_MS: i64 = 5_000;
/// The same for a session known from before a restart of the agent, when only wall clocks can be compared.
const SAME_RESTORED_MS: i64 = 60_000;
/// Unseen for longer than this, a session is taken to have ended when it was last seen.
const LONG_UNSEEN_MS: u64 = 60_000;

/// One row of an active list.
#[derive(Debug, Clone, Default)]
pub(crate) struct ActiveRow {
    pub(crate) id: Box<str>,
    pub(crate) user: Box<str>,
    pub(crate) address: Box<str>,
    pub(crate) mac: Box<str>,
    pub(crate) server: Box<str>,
    /// Absent on stand-ins that do not tell.
    pub(crate) uptime_secs: Option<u64>,
    pub(crate) bytes_in: Option<u64>,
    pub(crate) bytes_out: Option<u64>,
}

/// When a list was looked at: between two moments of the monotonic clock, and by the corrected wall clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) asked_mono_ms: u64,
    pub(crate) answered_mono_ms: u64,
    pub(crate) wall_ms: i64,
}

/// One open session.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) session: RouterSession,
    /// When it began on the monotonic clock; below 0 when before this run.
    pub(crate) began_mono_ms: i64,
    /// From before a restart of the agent and not seen since.
    restored: bool,
    id: Box<str>,
    seen_wall_ms: i64,
    seen_mono_ms: u64,
    pub(crate) uptime_secs: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    told: (u64, u64, u64),
    /// Why it is about to end, when hiji ends it.
    ending: Option<&'static str>,
}

/// What changed since the last look.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) logins: Vec<RouterSession>,
    pub(crate) logouts: Vec<Logout>,
}

/// All open sessions of a router.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: Vec<Open>,
}

impl Sessions {
    /// Sessions that were open when the agent last ran.
    pub(crate) fn restore(sessions: Vec<RouterSession>, wall_ms: i64, mono_ms: u64) -> Self {
        let open = sessions.into_iter().map(|session| {
            let age = wall_ms.saturating_sub(session.started_ts).max(0);
            Open {
                began_mono_ms: signed(mono_ms).saturating_sub(age),
                restored: true,
                id: Box::default(),
                seen_wall_ms: wall_ms,
                seen_mono_ms: mono_ms,
                uptime_secs: 0,
                bytes_in: 0,
                bytes_out: 0,
                told: (0, 0, 0),
                ending: None,
                session,
            }
        });
        Self { open: open.collect() }
    }

    /// The open sessions.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Open> {
        self.open.iter()
    }

    /// Sessions of one user.
    pub(crate) fn of<'a>(&'a self, service: Service, user: &'a str) -> impl Iterator<Item = &'a Open> {
        self.open.iter().filter(move |open| open.session.service == service && open.session.user == user)
    }

    /// How many are open.
    pub(crate) fn count(&self, service: Service) -> usize {
        self.open.iter().filter(|open| open.session.service == service).count()
    }

    /// Compares the whole list of one service with what was known.
    pub(crate) fn look(&mut self, service: Service, rows: &[ActiveRow], at: Look) -> Changes {
        let mut changes = Changes::default();
        let mut known: BTreeMap<(String, String, String), Vec<usize>> = BTreeMap::new();
        for (index, open) in self.open.iter().enumerate().filter(|(_, open)| open.session.service == service) {
            let session = &open.session;
            known.entry((session.user.clone(), session.mac.clone(), session.address.clone())).or_default().push(index);
        }
        let mut seen = vec![false; self.open.len()];
        for row in rows.iter().filter(|row| !row.user.is_empty()) {
            let key = (row.user.to_string(), row.mac.to_string(), row.address.to_string());
            let candidates = known.get(&key).map(Vec::as_slice).unwrap_or_default();
            let same = candidates.iter().find(|index| !seen[**index] && self.open[**index].is(row, at));
            if let Some(index) = same {
                seen[*index] = true;
                self.open[*index].update(row, at);
                continue;
            }
            let open = Open::new(service, row, at);
            changes.logins.push(open.session.clone());
            self.open.push(open);
        }
        seen.resize(self.open.len(), true);
        let mut seen = seen.iter();
        self.open.retain(|open| {
            let stays = seen.next().is_none_or(|seen| *seen) || open.session.service != service;
            if !stays {
                changes.logouts.push(open.logout(at, open.ending.unwrap_or("logout")));
            }
            stays
        });
        changes
    }

    /// The router started anew: no session of before is open, and no logout of it will come.
    pub(crate) fn reboot(&mut self) -> Vec<Logout> {
        self.open.drain(..).map(|open| open.logout_at(open.seen_wall_ms, "router-reboot")).collect()
    }

    /// hiji is about to end the sessions of a user.
    pub(crate) fn ending(&mut self, service: Service, user: &str, why: &'static str) {
        for open in &mut self.open {
            if open.session.service == service && open.session.user == user {
                open.ending = Some(why);
            }
        }
    }

    /// Counters that moved since they were last told: sid, uptime, bytes in, bytes out.
    pub(crate) fn moved_counters(&mut self) -> Vec<(String, u64, u64, u64)> {
        let mut moved = Vec::new();
        for open in &mut self.open {
            let now = (open.uptime_secs, open.bytes_in, open.bytes_out);
            if open.told != now {
                open.told = now;
                moved.push((open.session.sid.clone(), now.0, now.1, now.2));
            }
        }
        moved
    }
}

impl Open {
    fn new(service: Service, row: &ActiveRow, at: Look) -> Self {
        let uptime = row.uptime_secs.unwrap_or(0);
        let age_ms = signed(uptime).saturating_mul(1_000);
        let started_ts = at.wall_ms.saturating_sub(age_ms);
        let session = RouterSession {
            service,
            user: row.user.to_string(),
            sid: sid(service, row, started_ts),
            address: row.address.to_string(),
            mac: row.mac.to_string(),
            server: row.server.to_string(),
            started_ts,
        };
        let mut open = Self {
            session,
            began_mono_ms: signed(at.answered_mono_ms).saturating_sub(age_ms),
            restored: false,
            id: row.id.clone(),
            seen_wall_ms: at.wall_ms,
            seen_mono_ms: at.answered_mono_ms,
            uptime_secs: uptime,
            bytes_in: 0,
            bytes_out: 0,
            told: (0, 0, 0),
            ending: None,
        };
        open.update(row, at);
        open
    }

    /// Is the row, of the same user, MAC and address, this session?
    fn is(&self, row: &ActiveRow, at: Look) -> bool {
        let Some(uptime) = row.uptime_secs else {
            return self.id == row.id || self.restored;
        };
        let (first, last) = beginning(uptime, at);
        let near = if self.restored { SAME_RESTORED_MS } else { SAME_MS };
        self.began_mono_ms >= first.saturating_sub(near) && self.began_mono_ms <= last.saturating_add(near)
    }

    fn update(&mut self, row: &ActiveRow, at: Look) {
        if let Some(uptime) = row.uptime_secs {
            // Follows the router's clock, which drifts against ours over days.
            let (first, last) = beginning(uptime, at);
            self.began_mono_ms = self.began_mono_ms.clamp(first, last);
            self.uptime_secs = uptime;
        } else {
            let age = signed(at.answered_mono_ms).saturating_sub(self.began_mono_ms);
            self.uptime_secs = u64::try_from(age / 1_000).unwrap_or(0);
        }
        self.restored = false;
        self.id = row.id.clone();
        (self.seen_wall_ms, self.seen_mono_ms) = (at.wall_ms, at.answered_mono_ms);
        self.bytes_in = row.bytes_in.unwrap_or(self.bytes_in);
        self.bytes_out = row.bytes_out.unwrap_or(self.bytes_out);
    }

    fn logout(&self, at: Look, reason: &str) -> Logout {
        let unseen = at.answered_mono_ms.saturating_sub(self.seen_mono_ms);
        if self.restored || unseen > LONG_UNSEEN_MS {
            return self.logout_at(self.seen_wall_ms, reason);
        }
        let mut logout = self.logout_at(at.wall_ms, reason);
        logout.uptime_secs = self.uptime_secs.saturating_add(unseen / 1_000);
        logout
    }

    fn logout_at(&self, ended_ts: i64, reason: &str) -> Logout {
        Logout {
            session: self.session.clone(),
            ended_ts: ended_ts.max(self.session.started_ts),
            uptime_secs: self.uptime_secs,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            reason: reason.to_owned(),
        }
    }
}

/// Earliest and latest moment a session with this uptime can have begun.
fn beginning(uptime_secs: u64, at: Look) -> (i64, i64) {
    let age = signed(uptime_secs).saturating_mul(1_000);
    let first = signed(at.asked_mono_ms).saturating_sub(age).saturating_sub(1_000);
    let last = signed(at.answered_mono_ms).saturating_sub(age);
    (first.min(last), last)
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn sid(service: Service, row: &ActiveRow, started_ts: i64) -> String {
    let mut hash = Sha256::new();
    for part in [service.as_str(), &row.user, &row.mac, &row.address, &row.id] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.update(started_ts.to_le_bytes());
    let letter = match service {
        Service::Hotspot => 'h',
        Service::Pppoe => 'p',
    };
    let hex = hiji_shared::signed::hex(&hash.finalize());
    format!("{letter}-{}", hex.get(..16).unwrap_or(&hex))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WALL: i64 = 1_795_000_000_000;

    fn row(user: &str, id: &str, uptime: u64) -> ActiveRow {
        ActiveRow {
            user: user.into(),
            id: id.into(),
            mac: "AA".into(),
            uptime_secs: Some(uptime),
            ..ActiveRow::default()
        }
    }

    /// A look at `mono` ms, answered at once.
    fn at(mono: u64) -> Look {
        Look { asked_mono_ms: mono, answered_mono_ms: mono, wall_ms: WALL + signed(mono) }
    }

    #[test]
    fn a_login_found_late_is_dated_from_its_uptime() {
        let mut sessions = Sessions::default();
        let changes = sessions.look(Service::Hotspot, &[row("siti", "*1", 42)], at(100_000));
        assert_eq!(changes.logins[0].started_ts, WALL + 58_000);
        let changes = sessions.look(Service::Hotspot, &[], at(101_000));
        assert_eq!((changes.logouts.len(), changes.logouts[0].uptime_secs), (1, 43));
    }

    #[test]
    fn a_used_again_id_with_a_smaller_uptime_is_another_session() {
        let mut sessions = Sessions::default();
        sessions.look(Service::Hotspot, &[row("siti", "*1", 600)], at(600_000));
        let changes = sessions.look(Service::Hotspot, &[row("siti", "*1", 3)], at(615_000));
        assert_eq!((changes.logins.len(), changes.logouts.len()), (1, 1));
        assert_ne!(changes.logins[0].sid, changes.logouts[0].session.sid);
    }

    #[test]
    fn a_changed_id_of_the_same_session_is_no_news() {
        let mut sessions = Sessions::default();
        sessions.look(Service::Pppoe, &[row("budi", "*1", 600)], at(600_000));
        let changes = sessions.look(Service::Pppoe, &[row("budi", "*9", 615)], at(615_000));
        assert!(changes.logins.is_empty() && changes.logouts.is_empty());
    }

    #[test]
    fn the_lists_of_two_services_do_not_touch() {
        let mut sessions = Sessions::default();
        sessions.look(Service::Pppoe, &[row("a", "*1", 1)], at(1_000));
        let changes = sessions.look(Service::Hotspot, &[row("a", "*1", 1)], at(1_000));
        assert_eq!((changes.logins.len(), changes.logouts.len()), (1, 0));
        assert_eq!(sessions.look(Service::Hotspot, &[], at(2_000)).logouts.len(), 1);
        assert_eq!((sessions.count(Service::Pppoe), sessions.count(Service::Hotspot)), (1, 0));
    }

    #[test]
    fn a_jump_of_the_wall_clock_closes_nothing() {
        let mut sessions = Sessions::default();
        sessions.look(Service::Hotspot, &[row("siti", "*1", 10)], at(10_000));
        let jumped = Look { wall_ms: WALL + 900_000_000, ..at(20_000) };
        let changes = sessions.look(Service::Hotspot, &[row("siti", "*1", 20)], jumped);
        assert!(changes.logins.is_empty() && changes.logouts.is_empty());
    }

    #[test]
    fn a_session_from_before_a_restart_keeps_its_key() {
        let mut sessions = Sessions::default();
        let login = sessions.look(Service::Hotspot, &[row("siti", "*1", 10)], at(10_000)).logins.remove(0);
        // Another run: its monotonic clock starts at 0, the wall went on by ten minutes.
        let mut sessions = Sessions::restore(vec![login.clone()], WALL + 610_000, 50);
        let look = Look { asked_mono_ms: 60, answered_mono_ms: 70, wall_ms: WALL + 610_020 };
        let changes = sessions.look(Service::Hotspot, &[row("siti", "*1", 612)], look);
        assert!(changes.logins.is_empty() && changes.logouts.is_empty());
        assert_eq!(sessions.iter().next().unwrap().session.sid, login.sid);
        let gone = sessions.look(Service::Hotspot, &[row("siti", "*1", 5)], at(700_000));
        assert_eq!((gone.logins.len(), gone.logouts.len()), (1, 1));
    }

    #[test]
    fn without_uptimes_the_id_decides() {
        let mut sessions = Sessions::default();
        let bare = |id: &str| ActiveRow { uptime_secs: None, ..row("siti", id, 0) };
        sessions.look(Service::Hotspot, &[bare("*1")], at(10_000));
        let changes = sessions.look(Service::Hotspot, &[bare("*1")], at(900_000));
        assert!(changes.logins.is_empty() && changes.logouts.is_empty());
        assert_eq!(sessions.look(Service::Hotspot, &[bare("*2")], at(910_000)).logins.len(), 1);
    }

    #[test]
    fn a_reboot_closes_all_at_the_moment_they_were_last_seen() {
        let mut sessions = Sessions::default();
        sessions.look(Service::Hotspot, &[row("siti", "*1", 10)], at(10_000));
        sessions.look(Service::Pppoe, &[row("budi", "*1", 10)], at(20_000));
        let logouts = sessions.reboot();
        assert_eq!(logouts.len(), 2);
        assert!(logouts.iter().all(|logout| logout.reason == "router-reboot"));
        assert_eq!(logouts[1].ended_ts, WALL + 20_000);
        assert_eq!(sessions.iter().count(), 0);
    }

    #[test]
    fn what_hiji_ends_says_why_and_counters_are_told_once() {
        let mut sessions = Sessions::default();
        let mut seen = row("siti", "*1", 10);
        (seen.bytes_in, seen.bytes_out) = (Some(5), Some(6));
        sessions.look(Service::Hotspot, std::slice::from_ref(&seen), at(10_000));
        assert_eq!(sessions.moved_counters().len(), 1);
        assert!(sessions.moved_counters().is_empty());
        sessions.ending(Service::Hotspot, "siti", "expired");
        let logout = sessions.look(Service::Hotspot, &[], at(11_000)).logouts.remove(0);
        assert_eq!((logout.reason.as_str(), logout.bytes_in, logout.bytes_out), ("expired", 5, 6));
    }

    proptest! {
        /// Clients come and go while the lists are read at odd moments with slow answers and whole-second uptimes.
        #[test]
        fn every_session_longer_than_a_look_is_reported_once(
            lives in proptest::collection::vec((0u64..400_000, 25_000u64..200_000), 1..8),
            gaps in proptest::collection::vec((500u64..10_000, 0u64..3_000), 60..120),
        ) {
            let mut sessions = Sessions::default();
            let (mut logins, mut logouts, mut now) = (0, 0, 0u64);
            for (gap, latency) in gaps {
                let asked = now + gap;
                now = asked + latency;
                // The router answers at some moment in between.
                let moment = asked + latency / 2;
                let rows: Vec<ActiveRow> = lives
                    .iter()
                    .enumerate()
                    .filter(|(_, (start, len))| *start <= moment && moment < start + len)
                    .map(|(n, (start, _))| row(&format!("u{n}"), "*1", (moment - start) / 1_000))
                    .collect();
                let look = Look { asked_mono_ms: asked, answered_mono_ms: now, wall_ms: WALL + signed(now) };
                let changes = sessions.look(Service::Hotspot, &rows, look);
                logins += changes.logins.len();
                logouts += changes.logouts.len();
            }
            let begun = lives.iter().filter(|(start, _)| start + 14_000 < now).count();
            prop_assert!(logins >= begun && logins <= lives.len());
            prop_assert_eq!(logins - logouts, sessions.iter().count());
        }
    }
}
