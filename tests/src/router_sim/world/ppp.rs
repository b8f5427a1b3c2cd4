//! Home routers that dial in by PPPoE: rules, the dynamic interface, redial after a kick, hang-up.

use std::net::Ipv4Addr;

use super::super::hooks::Vars;
use super::super::router::{Router, format_id};
use super::super::table::Row;
use super::super::value::Text;
use super::meter::{ByteLimits, Meter};
use super::{Cause, Refusal, SessionView, USUAL_RATES, byte_limit, id_text};

const ACTIVE: &str = "/ppp/active";
const INTERFACE: &str = "/interface";
const PROFILE: &str = "/ppp/profile";
const SECRET: &str = "/ppp/secret";

/// How long a home router waits before it dials again.
const REDIAL_MS: i64 = 1_000;
/// What RouterOS gives out when neither secret nor profile says.
const FALLBACK_RANGES: &str = "10.112.112.2-10.112.115.254";
/// Stands for the fallback among the pools' ids.
const FALLBACK_POOL: u32 = 0;

/// A home router: while it is switched on it dials again whenever its session is taken away.
#[derive(Debug)]
pub(super) struct Cpe {
    user: Text,
    password: Text,
    redial_ms: Option<i64>,
}

/// An open session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) user: Text,
    secret: u32,
    profile: u32,
    caller_id: String,
    address: Ipv4Addr,
    interface: u32,
    pub(super) started_ms: i64,
    pub(super) meter: Meter,
    session_timeout_ms: Option<i64>,
    idle_timeout_ms: Option<i64>,
    limits: ByteLimits,
    queue: Option<u32>,
    list: Option<u32>,
}

/// Somebody who dials.
#[derive(Debug, Clone, Copy)]
struct Dial<'a> {
    user: &'a [u8],
    password: &'a [u8],
    caller_id: &'a str,
}

/// What a dial found in the tables.
struct Grant {
    secret: u32,
    profile: u32,
}

impl Session {
    /// When it ends if nothing else happens, and why.
    pub(super) fn ends(&self) -> Option<(i64, Cause)> {
        let time = self.session_timeout_ms.map(|ms| (self.started_ms.saturating_add(ms), Cause::SessionTimeout));
        let traffic = self.meter.reaches(&self.limits).map(|at| (at, Cause::TrafficLimit));
        let idle =
            self.meter.idle_since().zip(self.idle_timeout_ms).map(|(since, ms)| (since + ms, Cause::IdleTimeout));
        [time, traffic, idle].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

impl Router {
    /// A home router dials. It goes on dialling after a kick until it is hung up.
    ///
    /// # Errors
    /// Why the router would not have it, in the words of its log.
    pub(crate) fn pppoe_dial(&mut self, user: &str, password: &str, caller_id: &str) -> Result<u32, Refusal> {
        let cpe = Cpe { user: user.into(), password: password.into(), redial_ms: None };
        self.world.cpes.insert(caller_id.to_owned(), cpe);
        let dial = Dial { user: user.as_bytes(), password: password.as_bytes(), caller_id };
        self.dial(dial, self.now())
    }

    /// The home routers of a user are switched off; returns how many sessions ended.
    pub(crate) fn pppoe_hangup(&mut self, user: &str) -> usize {
        self.world.cpes.retain(|_, cpe| cpe.user != user.as_bytes());
        let now = self.now();
        let own = self.world.ppp.iter().filter(|(_, session)| session.user == user.as_bytes());
        let ids: Vec<u32> = own.map(|(id, _)| *id).collect();
        for id in &ids {
            self.end_ppp(*id, Cause::UserRequest, now);
        }
        ids.len()
    }

    /// Home routers whose wait is over dial again.
    pub(super) fn redial(&mut self, now: i64) {
        let due = self.world.cpes.iter().filter(|(_, cpe)| cpe.redial_ms.is_some_and(|at| at <= now));
        let due: Vec<(String, Text, Text)> =
            due.map(|(caller, cpe)| (caller.clone(), cpe.user.clone(), cpe.password.clone())).collect();
        for (caller, user, password) in due {
            let dialled = self.dial(Dial { user: &user, password: &password, caller_id: &caller }, now);
            if let Some(cpe) = self.world.cpes.get_mut(&caller) {
                cpe.redial_ms = dialled.is_err().then_some(now + REDIAL_MS);
            }
        }
    }

    fn dial(&mut self, dial: Dial<'_>, at: i64) -> Result<u32, Refusal> {
        let opened = self.ppp_grant(&dial).and_then(|grant| {
            let address = self.ppp_address(&grant)?;
            Ok(self.open_ppp(&dial, &grant, address, at))
        });
        if let Err(text) = &opened {
            self.log("pppoe,ppp,error", &format!("<{}>: {text}", dial.caller_id));
        }
        opened
    }

    /// May this dial pass? The secret and the profile it gets.
    fn ppp_grant(&self, dial: &Dial<'_>) -> Result<Grant, Refusal> {
        let Dial { user, password, caller_id } = *dial;
        let name = String::from_utf8_lossy(user);
        let failed = || format!("user {name} authentication failed");
        let usable = |row: &&Row| !row.is("disabled") && matches!(row.read("service"), b"any" | b"pppoe");
        let secret = self.menu(SECRET).named(user).find(usable).ok_or_else(failed)?;
        if secret.read("password") != password {
            return Err(failed());
        }
        let bound = secret.text("caller-id");
        if !bound.is_empty() && !bound.eq_ignore_ascii_case(caller_id) {
            return Err(failed());
        }
        // A profile that is gone leaves the default one.
        let profile = self.referenced(PROFILE, secret.read("profile")).or_else(|| self.menu(PROFILE).get(0));
        let profile = profile.ok_or_else(failed)?;
        let open = self.world.ppp.values().any(|session| session.user == user);
        if open && profile.read("only-one") == b"yes" {
            return Err(format!("user {name} is already active"));
        }
        Ok(Grant { secret: secret.id, profile: profile.id })
    }

    /// The secret's address or pool, else the profile's, else what RouterOS makes up.
    fn ppp_address(&mut self, grant: &Grant) -> Result<Ipv4Addr, Refusal> {
        let of_secret = self.menu(SECRET).get(grant.secret).map(|row| row.read("remote-address").to_vec());
        let of_profile = self.menu(PROFILE).get(grant.profile).map(|row| row.read("remote-address").to_vec());
        let wanted = [of_secret, of_profile].into_iter().flatten().find(|value| !value.is_empty()).unwrap_or_default();
        if let Ok(address) = String::from_utf8_lossy(&wanted).parse::<Ipv4Addr>() {
            let claimed = self.world.addresses.claim(address);
            return claimed.then_some(address).ok_or_else(|| format!("address {address} is already in use"));
        }
        let pool = self.referenced("/ip/pool", &wanted).map(|row| (row.id, row.text("ranges").into_owned()));
        let (id, ranges) = pool.unwrap_or_else(|| (FALLBACK_POOL, FALLBACK_RANGES.to_owned()));
        let address = self.world.addresses.take(id, &ranges);
        address.ok_or_else(|| "no more free addresses from pool".to_owned())
    }

    fn open_ppp(&mut self, dial: &Dial<'_>, grant: &Grant, address: Ipv4Addr, at: i64) -> u32 {
        let id = self.add_ppp_row(dial, grant, address);
        let name = self.free_dynamic_name(INTERFACE, "pppoe", dial.user);
        let interface = self.menu_mut(INTERFACE).insert([
            ("name", name.clone()),
            ("type", b"pppoe-in".to_vec()),
            ("mtu", b"1480".to_vec()),
            ("dynamic", b"true".to_vec()),
            ("session", id.to_string().into_bytes()),
        ]);
        let of_profile = |field: &str| self.menu(PROFILE).get(grant.profile).map(|row| row.read(field).to_vec());
        let rate_limit = of_profile("rate-limit").unwrap_or_default();
        let list = of_profile("address-list").unwrap_or_default();
        let queue = self.add_queue(name, address, &String::from_utf8_lossy(&rate_limit), id);
        let list = self.add_to_list(&list, address, at);
        let limit = |field: &str| self.menu(SECRET).get(grant.secret).and_then(|row| byte_limit(row, field));
        let session = Session {
            user: dial.user.to_vec(),
            secret: grant.secret,
            profile: grant.profile,
            caller_id: dial.caller_id.to_owned(),
            address,
            interface,
            started_ms: at,
            meter: Meter::new(at, USUAL_RATES.0, USUAL_RATES.1),
            session_timeout_ms: self.limit_ms(PROFILE, grant.profile, "session-timeout"),
            idle_timeout_ms: self.limit_ms(PROFILE, grant.profile, "idle-timeout"),
            limits: ByteLimits { up: limit("limit-bytes-in"), down: limit("limit-bytes-out"), total: None },
            queue,
            list,
        };
        self.world.ppp.insert(id, session);
        self.log("pppoe,ppp,info", &format!("<pppoe-{}>: connected", String::from_utf8_lossy(dial.user)));
        self.run_ppp_script(id, "on-up");
        id
    }

    fn add_ppp_row(&mut self, dial: &Dial<'_>, grant: &Grant, address: Ipv4Addr) -> u32 {
        self.world.ppp_count += 1;
        let session_id = format!("0x8150{:04x}", self.world.ppp_count & 0xFFFF);
        let secret = self.menu(SECRET).get(grant.secret);
        let of_secret = |field: &str| secret.map(|row| row.read(field).to_vec()).unwrap_or_default();
        let mut values = vec![
            ("name", dial.user.to_vec()),
            ("service", b"pppoe".to_vec()),
            ("caller-id", dial.caller_id.as_bytes().to_vec()),
            ("address", address.to_string().into_bytes()),
            ("session-id", session_id.into_bytes()),
            ("limit-bytes-in", of_secret("limit-bytes-in")),
            ("limit-bytes-out", of_secret("limit-bytes-out")),
        ];
        let comment = secret.and_then(|row| row.stored("comment"));
        values.extend(comment.map(|comment| ("comment", comment.to_vec())));
        self.menu_mut(ACTIVE).insert(values)
    }

    /// Ends a session; a home router that is still switched on dials again a moment later.
    pub(crate) fn end_ppp(&mut self, id: u32, cause: Cause, at: i64) {
        self.run_ppp_script(id, "on-down");
        let Some(session) = self.world.ppp.remove(&id) else { return };
        self.world.addresses.release(session.address);
        self.menu_mut(ACTIVE).remove(id);
        self.menu_mut(INTERFACE).remove(session.interface);
        self.remove_dynamic(session.queue, session.list);
        let (date, time) = self.local(at);
        self.menu_mut(SECRET).update(
            session.secret,
            [
                ("last-logged-out", Some(format!("{date} {time}").into_bytes())),
                ("last-caller-id", Some(session.caller_id.clone().into_bytes())),
                ("last-disconnect-reason", Some(cause.ppp().as_bytes().to_vec())),
            ],
        );
        if let Some(cpe) = self.world.cpes.get_mut(&session.caller_id).filter(|cpe| cpe.user == session.user) {
            cpe.redial_ms = Some(at + REDIAL_MS);
        }
        let name = String::from_utf8_lossy(&session.user).into_owned();
        self.log("pppoe,ppp,info", &format!("<pppoe-{name}>: terminating... - {}", cause.ppp()));
    }

    fn run_ppp_script(&mut self, id: u32, which: &'static str) {
        let Some(session) = self.world.ppp.get(&id) else { return };
        let Some(script) = self.menu(PROFILE).get(session.profile).and_then(|row| row.stored(which)) else { return };
        let local = self.menu(PROFILE).get(session.profile).map(|row| row.read("local-address").to_vec());
        let vars: Vars = vec![
            ("user", session.user.clone()),
            ("local-address", local.unwrap_or_default()),
            ("remote-address", session.address.to_string().into_bytes()),
            ("caller-id", session.caller_id.clone().into_bytes()),
            ("called-id", b"pppoe-server".to_vec()),
            // RouterOS hands over the id here, not the name.
            ("interface", format_id(session.interface).into_bytes()),
        ];
        let script = String::from_utf8_lossy(script).into_owned();
        self.hooks.run(&script, &vars);
    }

    /// A session as tests see it.
    pub(crate) fn ppp_view(&self, id: u32) -> Option<SessionView> {
        let session = self.world.ppp.get(&id)?;
        let (bytes_in, bytes_out) = session.meter.at(self.now());
        let interface = self.menu(INTERFACE).get(session.interface).map(|row| row.text("name").into_owned());
        Some(SessionView {
            id: id_text(id),
            user: String::from_utf8_lossy(&session.user).into_owned(),
            address: session.address.to_string(),
            mac: session.caller_id.clone(),
            server: interface.unwrap_or_default(),
            login_by: "pppoe".to_owned(),
            uptime_secs: u64::try_from((self.now() - session.started_ms) / 1000).unwrap_or(0),
            bytes_in,
            bytes_out,
        })
    }
}
