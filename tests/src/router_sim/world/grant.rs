//! Whether a hotspot login may pass: all the rules, none of the effects.

use super::super::router::Router;
use super::super::table::Row;
use super::super::value::parse_duration;
use super::hotspot::{Login, PROFILE, SERVER, Session, USER};
use super::{Refusal, byte_limit, id_text};

/// What resets a lock in scripts of Mikhmon.
const NO_MAC: &[u8] = b"00:00:00:00:00:00";

/// What a login found in the tables.
pub(super) struct Grant {
    pub(super) user_id: u32,
    pub(super) profile: u32,
    pub(super) server: u32,
    pub(super) used: Used,
}

/// What a user has used up before this session.
#[derive(Default)]
pub(super) struct Used {
    pub(super) uptime_ms: i64,
    pub(super) up: u64,
    pub(super) down: u64,
}

impl Router {
    /// May this login pass? All the rules, none of the effects.
    pub(super) fn grant(&self, login: &Login<'_>, at: i64) -> Result<Grant, Refusal> {
        let name = String::from_utf8_lossy(login.user);
        let bad = || "invalid username or password".to_owned();
        let server = self.menu(SERVER).rows().find(|row| !row.is("disabled"));
        let server = server.ok_or_else(|| "hotspot service is shutting down".to_owned())?;
        let user = self.hotspot_user(login.user, server.id).ok_or_else(bad)?;
        if login.password.is_some_and(|password| password != user.read("password")) {
            return Err(bad());
        }
        let bound = user.stored("mac-address").filter(|mac| *mac != NO_MAC);
        if bound.is_some_and(|bound| bound != login.mac.as_bytes()) || self.is_blocked(login.mac) {
            return Err(format!("user {name} is not allowed to log in from this MAC address"));
        }
        let used = self.used(user, at);
        if parse_duration(&user.text("limit-uptime")).is_some_and(|limit| limit > 0 && used.uptime_ms >= limit) {
            return Err(format!("user {name} has reached uptime limit"));
        }
        let over = |field: &str, bytes: u64| byte_limit(user, field).is_some_and(|limit| bytes >= limit);
        if over("limit-bytes-in", used.up)
            || over("limit-bytes-out", used.down)
            || over("limit-bytes-total", used.up.saturating_add(used.down))
        {
            return Err(format!("user {name} has reached traffic limit"));
        }
        let profile = self.referenced(PROFILE, user.read("profile"));
        let profile = profile.or_else(|| self.menu(PROFILE).get(0)).ok_or_else(bad)?;
        let open = self.sessions_of(login.user).count();
        let allowed = profile.text("shared-users").parse::<usize>().unwrap_or(usize::MAX);
        if open >= allowed {
            return Err(format!("no more sessions are allowed for user {name}"));
        }
        if self.world.hotspot.len() >= self.licensed_sessions() {
            return Err("session limit reached (license)".to_owned());
        }
        Ok(Grant { user_id: user.id, profile: profile.id, server: server.id, used })
    }

    /// The user of that name for this server, else the one for all.
    fn hotspot_user(&self, name: &[u8], server: u32) -> Option<&Row> {
        let server = id_text(server).into_bytes();
        let usable = |row: &&Row| !row.is("disabled") && !row.is("default");
        let for_server = |row: &&Row| row.stored("server") == Some(server.as_slice());
        let for_all = |row: &&Row| matches!(row.stored("server"), None | Some(b"all"));
        let users = self.menu(USER);
        let own = users.named(name).filter(usable).find(for_server);
        own.or_else(|| users.named(name).filter(usable).find(for_all))
    }

    fn is_blocked(&self, mac: &str) -> bool {
        let mut bindings = self.menu("/ip/hotspot/ip-binding").rows().filter(|row| !row.is("disabled"));
        bindings.any(|row| row.read("mac-address") == mac.as_bytes() && row.read("type") == b"blocked")
    }

    fn sessions_of<'a>(&'a self, user: &'a [u8]) -> impl Iterator<Item = &'a Session> {
        self.world.hotspot.values().filter(move |session| session.user == user)
    }

    /// Flushed counters and those of sessions still open.
    fn used(&self, user: &Row, at: i64) -> Used {
        let counter = |field: &str| u64::try_from(user.number(field)).unwrap_or(0);
        let mut used = Used {
            uptime_ms: parse_duration(&user.text("uptime")).unwrap_or(0),
            up: counter("bytes-in"),
            down: counter("bytes-out"),
        };
        for session in self.world.hotspot.values().filter(|session| session.user_id == user.id) {
            let (up, down) = session.meter.at(at);
            used.uptime_ms = used.uptime_ms.saturating_add(at - session.started_ms);
            used.up = used.up.saturating_add(up);
            used.down = used.down.saturating_add(down);
        }
        used
    }

    /// Sessions the licence allows at once.
    fn licensed_sessions(&self) -> usize {
        match self.single("/system/license").map(|row| row.text("nlevel")).as_deref() {
            Some("1" | "3") => 1,
            Some("4") => 200,
            Some("5") => 500,
            _ => usize::MAX,
        }
    }
}
