//! What scripts and streams told of logins and logouts, kept for a moment; pure.
//!
//! The active list is the truth. A glimpse says when somebody came whom no look at the list ever showed, and what a
//! session had used when it ended. It is believed only together with a session or a user's own counters.

use std::collections::VecDeque;

use hiji_shared::{
    device::Service,
    event::{Logout, Source},
    script::Hint,
};

/// Glimpses and last words kept; the oldest goes first.
const MAX_KEPT: usize = 256;
/// A glimpse is of use this long: the user's counters may be read only minutes later.
const KEEP_MS: u64 = 900_000;
/// A session whose script called is looked for this long, before it is taken to be over already.
const EXPECT_MS: u64 = 3_000;
/// The last words of a session and its end in the list are this near to each other.
const LAST_WORDS_MS: u64 = 60_000;
/// Counters may be this far behind what was seen in the list: they are rounded differently.
const ROUNDING_SECS: u64 = 2;
/// Longest cause kept, bytes.
const MAX_CAUSE: usize = 60;

/// A login somebody told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glimpse {
    pub(crate) service: Service,
    pub(crate) user: Box<str>,
    pub(crate) mac: Box<str>,
    pub(crate) address: Box<str>,
    /// Corrected wall clock of the login.
    pub(crate) at_ms: i64,
    pub(crate) src: Source,
    mono_ms: u64,
}

/// The glimpses of a router.
#[derive(Debug, Default)]
pub(crate) struct Glimpses {
    logins: VecDeque<Glimpse>,
    logouts: VecDeque<LastWords>,
}

/// What a session's script said at its end.
#[derive(Debug)]
struct LastWords {
    service: Service,
    hint: Hint,
    /// Corrected wall clock of the logout.
    at_ms: i64,
    mono_ms: u64,
}

impl Glimpses {
    /// Somebody told of a login. The first to tell counts while it is kept: a second witness of the same login is later.
    pub(crate) fn login(&mut self, service: Service, hint: &Hint, src: Source, at_ms: i64, mono_ms: u64) {
        self.forget(mono_ms);
        if self.logins.iter().any(|known| known.service == service && *known.user == *hint.user) {
            return;
        }
        if self.logins.len() == MAX_KEPT {
            self.logins.pop_front();
        }
        let (user, mac, address) = (hint.user.as_str().into(), hint.mac.as_str().into(), hint.address.as_str().into());
        self.logins.push_back(Glimpse { service, user, mac, address, at_ms, src, mono_ms });
    }

    /// Somebody told of a logout, with what the session had used.
    pub(crate) fn logout(&mut self, service: Service, hint: Hint, at_ms: i64, mono_ms: u64) {
        self.forget(mono_ms);
        if self.logouts.len() == MAX_KEPT {
            self.logouts.pop_front();
        }
        self.logouts.push_back(LastWords { service, hint, at_ms, mono_ms });
    }

    /// The earliest login told of a user.
    pub(crate) fn first(&self, service: Service, user: &str) -> Option<&Glimpse> {
        self.logins.iter().find(|known| known.service == service && *known.user == *user)
    }

    /// Users who were told to have logged in and whom no look has shown: those to be looked for again now, and those
    /// who must have left already.
    pub(crate) fn unseen(&self, service: Service, mono_ms: u64, seen: impl Fn(&str) -> bool) -> (usize, Vec<Box<str>>) {
        let unseen = self.logins.iter().filter(|known| known.service == service && !seen(&known.user));
        let (mut expected, mut over) = (0, Vec::new());
        for known in unseen {
            if mono_ms.saturating_sub(known.mono_ms) < EXPECT_MS {
                expected += 1;
            }
            over.push(known.user.clone());
        }
        (expected, over)
    }

    /// The user's first login is known, or is none of hiji's business.
    pub(crate) fn settle(&mut self, service: Service, user: &str) {
        self.logins.retain(|known| known.service != service || *known.user != *user);
    }

    /// Gives a session that ended its last words, if its script told any that fit what was seen of it.
    pub(crate) fn finish(&mut self, logout: &mut Logout, mono_ms: u64) {
        let session = &logout.session;
        let fits = |last: &LastWords| {
            last.service == session.service
                && last.hint.user == session.user
                && (last.hint.mac.is_empty() || last.hint.mac.eq_ignore_ascii_case(&session.mac))
                && mono_ms.saturating_sub(last.mono_ms) < LAST_WORDS_MS
        };
        let Some(at) = self.logouts.iter().position(fits) else { return };
        let Some(LastWords { hint, at_ms, .. }) = self.logouts.remove(at) else { return };
        let grew = |told: Option<u64>, seen: u64| told.filter(|told| *told >= seen).unwrap_or(seen);
        let lived = u64::try_from(at_ms.saturating_sub(session.started_ts) / 1_000).unwrap_or(0);
        // No session is longer than it lasted, whatever a script says.
        let believable = hint.uptime_secs.filter(|told| *told <= lived.saturating_add(ROUNDING_SECS));
        if let Some(told) = believable.filter(|told| told.saturating_add(ROUNDING_SECS) >= logout.uptime_secs) {
            logout.uptime_secs = told;
            logout.ended_ts = at_ms.max(session.started_ts);
        }
        logout.bytes_in = grew(hint.bytes_in, logout.bytes_in);
        logout.bytes_out = grew(hint.bytes_out, logout.bytes_out);
        if logout.reason == "logout" && !hint.cause.is_empty() && !hint.cause.chars().any(char::is_control) {
            logout.reason = hint.cause;
            logout.reason.truncate(logout.reason.floor_char_boundary(MAX_CAUSE));
        }
    }

    fn forget(&mut self, mono_ms: u64) {
        self.logins.retain(|known| mono_ms.saturating_sub(known.mono_ms) < KEEP_MS);
        self.logouts.retain(|last| mono_ms.saturating_sub(last.mono_ms) < KEEP_MS);
    }
}

#[cfg(test)]
mod tests {
    use hiji_shared::device::RouterSession;

    use super::*;

    fn hint(user: &str) -> Hint {
        Hint { user: user.into(), mac: "AA:BB".into(), ..Hint::default() }
    }

    fn logout() -> Logout {
        Logout {
            session: RouterSession {
                service: Service::Hotspot,
                user: "KB1".into(),
                sid: "h-1".into(),
                address: "10.5.50.2".into(),
                mac: "aa:bb".into(),
                server: String::new(),
                started_ts: 0,
            },
            ended_ts: 80_000,
            uptime_secs: 70,
            bytes_in: 10,
            bytes_out: 20,
            reason: "logout".into(),
        }
    }

    #[test]
    fn the_first_witness_of_a_login_dates_it() {
        let mut glimpses = Glimpses::default();
        glimpses.login(Service::Hotspot, &hint("KB1"), Source::Hook, 5_000, 10);
        glimpses.login(Service::Hotspot, &hint("KB1"), Source::Stream, 6_000, 20);
        let first = glimpses.first(Service::Hotspot, "KB1").unwrap();
        assert_eq!((first.at_ms, first.src), (5_000, Source::Hook));
        assert_eq!(glimpses.first(Service::Pppoe, "KB1"), None);
        assert_eq!(glimpses.unseen(Service::Hotspot, 100, |_| false), (1, vec!["KB1".into()]));
        assert_eq!(glimpses.unseen(Service::Hotspot, 9_000, |_| false), (0, vec!["KB1".into()]));
        assert_eq!(glimpses.unseen(Service::Hotspot, 100, |_| true), (0, vec![]));
        glimpses.settle(Service::Hotspot, "KB1");
        assert_eq!(glimpses.first(Service::Hotspot, "KB1"), None);
    }

    #[test]
    fn a_flood_of_names_keeps_to_its_room_and_goes_away() {
        let mut glimpses = Glimpses::default();
        for n in 0..10_000 {
            glimpses.login(Service::Hotspot, &hint(&n.to_string()), Source::Hook, 0, 0);
            glimpses.logout(Service::Hotspot, hint(&n.to_string()), 0, 0);
        }
        assert_eq!((glimpses.logins.len(), glimpses.logouts.len()), (MAX_KEPT, MAX_KEPT));
        glimpses.login(Service::Hotspot, &hint("a"), Source::Hook, 0, KEEP_MS + 1);
        assert_eq!((glimpses.logins.len(), glimpses.logouts.len()), (1, 0));
    }

    #[test]
    fn last_words_that_fit_the_session_are_its_end() {
        let words = |uptime, bytes, cause: &str| Hint {
            cause: cause.into(),
            uptime_secs: Some(uptime),
            bytes_in: Some(bytes),
            ..hint("KB1")
        };
        let finished = |words: Hint| {
            let (mut glimpses, mut logout) = (Glimpses::default(), logout());
            glimpses.logout(Service::Hotspot, words, 76_000, 100);
            glimpses.finish(&mut logout, 200);
            logout
        };
        let told = finished(words(75, 99, "keepalive timeout"));
        assert_eq!((told.uptime_secs, told.bytes_in, told.bytes_out), (75, 99, 20));
        assert_eq!(told.ended_ts, 76_000);
        assert_eq!(told.reason, "keepalive timeout");
        let lies = finished(words(999_999, 1, "a\nb"));
        assert_eq!((lies.uptime_secs, lies.bytes_in, lies.reason.as_str()), (70, 10, "logout"));
        let other = finished(Hint { mac: "CC".into(), ..words(75, 99, "x") });
        assert_eq!((other.uptime_secs, other.bytes_in), (70, 10));
    }
}
