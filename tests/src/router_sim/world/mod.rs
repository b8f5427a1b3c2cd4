//! The world around the router: phones and home routers that come and go, and what time does to their sessions.
//!
//! Everything happens at a moment of the injected clock: a tick after three days ends each session at the instant its
//! limit was reached, not at the tick. What is not modelled: DHCP, RADIUS, HTTP login pages, walled gardens.

pub(crate) mod crowd;
pub(crate) mod firewall;
mod grant;
mod hotspot;
mod live;
mod log;
mod meter;
mod pool;
mod ppp;

use std::collections::HashMap;
use std::net::Ipv4Addr;

use serde::Serialize;

use super::router::{Router, format_id};
use super::table::Row;
use super::value::Text;
pub(crate) use hotspot::Login;
use meter::Meter;

/// A session as tests see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionView {
    /// `.id` in the active list.
    pub id: String,
    pub user: String,
    pub address: String,
    /// MAC address or caller id.
    pub mac: String,
    /// Hotspot server, or the dynamic interface of a PPPoE session.
    pub server: String,
    pub login_by: String,
    pub uptime_secs: u64,
    /// What the client sent.
    pub bytes_in: u64,
    /// What the client received.
    pub bytes_out: u64,
}

/// Bytes a second an ordinary client moves, until a test says otherwise: up and down.
const USUAL_RATES: (u64, u64) = (2_000, 20_000);

/// How often a phone may come back and end again during one tick; one with a session timeout of a second might for ever.
const ROUNDS_PER_TICK: usize = 10_000;
/// How old the world may be for a command, milliseconds.
const FRESH_MS: i64 = 50;

/// Clients and their sessions.
#[derive(Debug, Default)]
pub(crate) struct World {
    /// Hotspot sessions by their id in `/ip/hotspot/active`.
    hotspot: HashMap<u32, hotspot::Session>,
    /// The session of each phone.
    hotspot_by_mac: HashMap<String, u32>,
    /// PPPoE sessions by their id in `/ppp/active`.
    ppp: HashMap<u32, ppp::Session>,
    /// PPPoE sessions since the last boot, for their session ids.
    ppp_count: u32,
    /// Phones by MAC address.
    phones: HashMap<String, hotspot::Phone>,
    /// Home routers by caller id.
    cpes: HashMap<String, ppp::Cpe>,
    addresses: pool::Addresses,
    ticked_ms: i64,
    pub(crate) crowd: Option<crowd::Crowd>,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    AdminReset,
    SessionTimeout,
    TrafficLimit,
    IdleTimeout,
    UserRequest,
    KeepaliveTimeout,
}

impl Cause {
    /// The hotspot's words: its log and `$cause`.
    fn hotspot(self) -> &'static str {
        match self {
            Self::AdminReset => "admin reset",
            Self::SessionTimeout => "session timeout",
            Self::TrafficLimit => "traffic limit reached",
            Self::IdleTimeout => "idle timeout",
            Self::UserRequest => "user request",
            Self::KeepaliveTimeout => "keepalive timeout",
        }
    }

    /// `last-disconnect-reason` of a secret.
    fn ppp(self) -> &'static str {
        match self {
            Self::AdminReset => "admin-reset",
            Self::SessionTimeout => "session-timeout",
            Self::TrafficLimit => "nas-request",
            Self::IdleTimeout => "idle-timeout",
            Self::UserRequest => "peer-request",
            Self::KeepaliveTimeout => "hung-up",
        }
    }
}

/// How a login or dial was answered when it failed: the text the client sees.
pub type Refusal = String;

impl Router {
    /// Lets the world catch up with the clock.
    pub(crate) fn tick(&mut self) {
        let now = self.now();
        self.world.ticked_ms = now;
        for _ in 0..ROUNDS_PER_TICK {
            let due = self.due_ends(now);
            if due.is_empty() {
                break;
            }
            for (at, end) in due {
                match end {
                    End::Hotspot(id, cause) => self.end_hotspot(id, cause, at),
                    End::Ppp(id, cause) => self.end_ppp(id, cause, at),
                }
            }
        }
        self.forget_expired(now);
        self.redial(now);
        if let Some(mut crowd) = self.world.crowd.take() {
            crowd.step(self, now);
            self.world.crowd = Some(crowd);
        }
    }

    /// The same, unless that was done a moment ago: for whoever looks at the router often.
    pub(crate) fn catch_up(&mut self) {
        if !(0..FRESH_MS).contains(&(self.now() - self.world.ticked_ms)) {
            self.tick();
        }
    }

    /// The sessions that end by `now`, first things first.
    fn due_ends(&self, now: i64) -> Vec<(i64, End)> {
        let hotspot = self
            .world
            .hotspot
            .iter()
            .filter_map(|(id, session)| session.ends().map(|(at, cause)| (at, End::Hotspot(*id, cause))));
        let ppp = self
            .world
            .ppp
            .iter()
            .filter_map(|(id, session)| session.ends().map(|(at, cause)| (at, End::Ppp(*id, cause))));
        let mut due: Vec<(i64, End)> = hotspot.chain(ppp).filter(|(at, _)| *at <= now).collect();
        due.sort_by_key(|(at, end)| (*at, end.id()));
        due
    }

    /// Cookies and address-list entries whose time has come.
    fn forget_expired(&mut self, now: i64) {
        let expired = |row: &&Row| row.stored("expires-ms").is_some() && row.number("expires-ms") <= now;
        for path in ["/ip/hotspot/cookie", "/ip/firewall/address-list"] {
            let ids: Vec<u32> = self.menu(path).rows().filter(expired).map(|row| row.id).collect();
            for id in ids {
                self.menu_mut(path).remove(id);
            }
        }
    }

    /// Power off and on again: sessions and everything dynamic are gone with the counters they had not flushed;
    /// configuration and cookies stay. Clients stay away until the test brings them back.
    pub(crate) fn reboot(&mut self, clock_1970: bool) {
        for path in ["/ip/hotspot/active", "/ip/hotspot/host", "/ppp/active", "/log"] {
            let ids: Vec<u32> = self.menu(path).ids_from(0).collect();
            for id in ids {
                self.menu_mut(path).remove(id);
            }
            self.menu_mut(path).restart_ids();
        }
        for path in ["/queue/simple", "/interface", "/ip/firewall/address-list"] {
            let ids: Vec<u32> = self.menu(path).rows().filter(|row| row.is("dynamic")).map(|row| row.id).collect();
            for id in ids {
                self.menu_mut(path).remove(id);
            }
        }
        self.world.hotspot.clear();
        self.world.hotspot_by_mac.clear();
        self.world.ppp.clear();
        self.world.ppp_count = 0;
        self.world.phones.clear();
        self.world.cpes.clear();
        self.world.addresses.clear();
        self.restart_clock(clock_1970);
        self.log("system,info", "router rebooted");
    }

    /// The clients of a user now move so many bytes a second.
    pub(crate) fn set_rates(&mut self, user: &str, up: u64, down: u64) -> usize {
        let now = self.now();
        self.meters_of(user.as_bytes()).map(|meter| meter.set_rates(now, up, down)).count()
    }

    /// The clients of a user transfer so much at once.
    pub(crate) fn transfer(&mut self, user: &str, up: u64, down: u64) -> usize {
        let now = self.now();
        self.meters_of(user.as_bytes()).map(|meter| meter.add(now, up, down)).count()
    }

    fn meters_of(&mut self, user: &[u8]) -> impl Iterator<Item = &mut Meter> {
        let hotspot = self.world.hotspot.values_mut().filter(move |session| session.user == user);
        let ppp = self.world.ppp.values_mut().filter(move |session| session.user == user);
        hotspot.map(|session| &mut session.meter).chain(ppp.map(|session| &mut session.meter))
    }

    /// Every open session, hotspot first.
    pub(crate) fn sessions(&self) -> Vec<SessionView> {
        let hotspot = self.menu("/ip/hotspot/active").ids_from(0).filter_map(|id| self.hotspot_view(id));
        let ppp = self.menu("/ppp/active").ids_from(0).filter_map(|id| self.ppp_view(id));
        hotspot.chain(ppp).collect()
    }

    /// An entry `<kind-user>` of the dynamic queues or interfaces; further sessions of a user get `-1`, `-2`.
    fn free_dynamic_name(&self, menu: &'static str, kind: &str, user: &[u8]) -> Text {
        let user = String::from_utf8_lossy(user).into_owned();
        let plain = format!("<{kind}-{user}>");
        if self.menu(menu).named(plain.as_bytes()).next().is_none() {
            return plain.into_bytes();
        }
        (1u32..)
            .map(|count| format!("<{kind}-{user}-{count}>").into_bytes())
            .find(|name| self.menu(menu).named(name).next().is_none())
            .unwrap_or_default()
    }

    /// The dynamic queue of a session whose profile limits the rate.
    fn add_queue(&mut self, name: Text, address: Ipv4Addr, rate_limit: &str, session: u32) -> Option<u32> {
        let rates = rate_limit.split_whitespace().next()?;
        let max_limit = super::value::normalise(super::value::Kind::Rates, rates.as_bytes())?;
        Some(self.menu_mut("/queue/simple").insert([
            ("name", name),
            ("target", format!("{address}/32").into_bytes()),
            ("max-limit", max_limit),
            ("dynamic", b"true".to_vec()),
            ("session", session.to_string().into_bytes()),
        ]))
    }

    /// The dynamic address-list entry of a session whose profile names a list.
    fn add_to_list(&mut self, list: &[u8], address: Ipv4Addr, at: i64) -> Option<u32> {
        if list.is_empty() {
            return None;
        }
        let (date, time) = self.local(at);
        Some(self.menu_mut("/ip/firewall/address-list").insert([
            ("list", list.to_vec()),
            ("address", address.to_string().into_bytes()),
            ("dynamic", b"true".to_vec()),
            ("creation-time", format!("{date} {time}").into_bytes()),
        ]))
    }

    fn remove_dynamic(&mut self, queue: Option<u32>, list: Option<u32>) {
        if let Some(id) = queue {
            self.menu_mut("/queue/simple").remove(id);
        }
        if let Some(id) = list {
            self.menu_mut("/ip/firewall/address-list").remove(id);
        }
    }

    /// A duration field in milliseconds; `none` and 0 are no limit.
    fn limit_ms(&self, path: &'static str, id: u32, field: &str) -> Option<i64> {
        let row = self.menu(path).get(id)?;
        super::value::parse_duration(&row.text(field)).filter(|ms| *ms > 0)
    }
}

/// A session that comes to its end.
#[derive(Debug, Clone, Copy)]
enum End {
    Hotspot(u32, Cause),
    Ppp(u32, Cause),
}

impl End {
    fn id(self) -> u32 {
        match self {
            Self::Hotspot(id, _) | Self::Ppp(id, _) => id,
        }
    }
}

/// A byte limit of a row; 0 and absent are no limit.
fn byte_limit(row: &Row, field: &str) -> Option<u64> {
    u64::try_from(row.number(field)).ok().filter(|limit| *limit > 0)
}

fn id_text(id: u32) -> String {
    format_id(id)
}
