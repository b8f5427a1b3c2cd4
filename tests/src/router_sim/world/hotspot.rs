//! Phones on the hotspot: login, limits, cookies, logout.

use std::net::Ipv4Addr;

use super::super::hooks::Vars;
use super::super::router::Router;
use super::super::value::{self, Text, duration, parse_duration};
use super::grant::Grant;
use super::meter::{ByteLimits, Meter};
use super::{Cause, Refusal, SessionView, USUAL_RATES, byte_limit, id_text};

const ACTIVE: &str = "/ip/hotspot/active";
const COOKIE: &str = "/ip/hotspot/cookie";
const HOST: &str = "/ip/hotspot/host";
pub(super) const PROFILE: &str = "/ip/hotspot/user/profile";
pub(super) const SERVER: &str = "/ip/hotspot";
pub(super) const USER: &str = "/ip/hotspot/user";

/// A phone, also while it is not logged in.
#[derive(Debug, Default)]
pub(super) struct Phone {
    /// In reach of the hotspot: then it comes back by its cookie as soon as its session is taken away.
    present: bool,
    address: Option<Ipv4Addr>,
}

/// An open session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) user: Text,
    pub(super) user_id: u32,
    mac: String,
    address: Ipv4Addr,
    server: u32,
    login_by: &'static str,
    pub(super) started_ms: i64,
    pub(super) meter: Meter,
    /// Online time from the start on, when something limits it.
    pub(super) time_left_ms: Option<i64>,
    idle_timeout_ms: Option<i64>,
    limits: ByteLimits,
    pub(super) queue: Option<u32>,
    list: Option<u32>,
    profile: u32,
}

impl Session {
    /// When it ends if nothing else happens, and why.
    pub(super) fn ends(&self) -> Option<(i64, Cause)> {
        let time = self.time_left_ms.map(|left| (self.started_ms.saturating_add(left), Cause::SessionTimeout));
        let traffic = self.meter.reaches(&self.limits).map(|at| (at, Cause::TrafficLimit));
        let idle =
            self.meter.idle_since().zip(self.idle_timeout_ms).map(|(since, ms)| (since + ms, Cause::IdleTimeout));
        [time, traffic, idle].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

/// How somebody asks to be let in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Login<'a> {
    pub(crate) user: &'a [u8],
    /// `None`: by the cookie.
    pub(crate) password: Option<&'a [u8]>,
    pub(crate) mac: &'a str,
}

impl Router {
    /// A phone logs in, by password or by cookie, at a moment of the world.
    ///
    /// # Errors
    /// The text of `errors.txt` the guest would read.
    pub(crate) fn hotspot_login(&mut self, login: Login<'_>, at: i64) -> Result<u32, Refusal> {
        let name = String::from_utf8_lossy(login.user).into_owned();
        let mac = value::mac(login.mac).ok_or_else(|| format!("`{}` is not a MAC address", login.mac))?;
        let login = Login { mac: &mac, ..login };
        if let Some(id) = self.world.hotspot_by_mac.get(&mac).copied() {
            if self.world.hotspot.get(&id).is_some_and(|session| session.user == login.user) {
                return Ok(id);
            }
            self.close_hotspot(id, Cause::UserRequest, at);
        }
        let opened = self.grant(&login, at).and_then(|grant| self.open_hotspot(&login, &grant, at));
        if let Err(text) = &opened {
            self.log("hotspot,info,debug", &format!("->: {name} ({mac}): login failed: {text}"));
        }
        opened
    }

    /// All sessions of a user end because the guest pressed log-out and left; returns how many.
    pub(crate) fn hotspot_logout(&mut self, user: &str, cause: Cause) -> usize {
        let now = self.now();
        let own = self.world.hotspot.iter().filter(|(_, session)| session.user == user.as_bytes());
        let ids: Vec<u32> = own.map(|(id, _)| *id).collect();
        for id in &ids {
            self.end_hotspot(*id, cause, now);
        }
        ids.len()
    }

    /// A phone comes into reach again and uses its cookie, if it still has one.
    ///
    /// # Errors
    /// `you are not logged in`, or why the cookie does not help.
    pub(crate) fn hotspot_return(&mut self, mac: &str) -> Result<u32, Refusal> {
        let mac = value::mac(mac).ok_or_else(|| format!("`{mac}` is not a MAC address"))?;
        self.phone(&mac).present = true;
        self.cookie_login(&mac, self.now()).unwrap_or_else(|| Err("you are not logged in".to_owned()))
    }

    fn open_hotspot(&mut self, login: &Login<'_>, grant: &Grant, at: i64) -> Result<u32, Refusal> {
        let address = self.hotspot_address(login.mac, grant)?;
        let session = self.new_session(login, grant, address, at);
        let (rate_limit, address_list) = self
            .menu(PROFILE)
            .get(grant.profile)
            .map(|row| (row.text("rate-limit").into_owned(), row.read("address-list").to_vec()))
            .unwrap_or_default();
        let id = self.add_active_row(&session);
        let queue_name = self.free_dynamic_name("/queue/simple", "hotspot", login.user);
        let queue = self.add_queue(queue_name, address, &rate_limit, id);
        let list = self.add_to_list(&address_list, address, at);
        self.set_host(login.mac, address, grant.server, true, at);
        self.keep_cookie(login, grant, at);
        self.world.hotspot_by_mac.insert(login.mac.to_owned(), id);
        self.world.hotspot.insert(id, Session { queue, list, ..session });
        let phone = self.phone(login.mac);
        phone.present = true;
        phone.address = Some(address);
        let name = String::from_utf8_lossy(login.user).into_owned();
        self.log("hotspot,account,info,debug", &format!("->: {name} ({address}): logged in"));
        self.run_hotspot_script(id, "on-login", None, at);
        Ok(id)
    }

    fn new_session(&self, login: &Login<'_>, grant: &Grant, address: Ipv4Addr, at: i64) -> Session {
        let left = self.limit_ms(USER, grant.user_id, "limit-uptime").map(|limit| limit - grant.used.uptime_ms);
        let timeout = self.limit_ms(PROFILE, grant.profile, "session-timeout");
        let user = self.menu(USER).get(grant.user_id);
        let bytes_left = |field: &str, used: u64| {
            user.and_then(|row| byte_limit(row, field)).map(|limit| limit.saturating_sub(used))
        };
        let used = &grant.used;
        Session {
            user: login.user.to_vec(),
            user_id: grant.user_id,
            mac: login.mac.to_owned(),
            address,
            server: grant.server,
            login_by: if login.password.is_some() { "http-pap" } else { "mac-cookie" },
            started_ms: at,
            meter: Meter::new(at, USUAL_RATES.0, USUAL_RATES.1),
            time_left_ms: [left, timeout].into_iter().flatten().min(),
            idle_timeout_ms: self.limit_ms(PROFILE, grant.profile, "idle-timeout"),
            limits: ByteLimits {
                up: bytes_left("limit-bytes-in", used.up),
                down: bytes_left("limit-bytes-out", used.down),
                total: bytes_left("limit-bytes-total", used.up.saturating_add(used.down)),
            },
            queue: None,
            list: None,
            profile: grant.profile,
        }
    }

    fn add_active_row(&mut self, session: &Session) -> u32 {
        let profile = self.menu(PROFILE).get(session.profile);
        let timeout = |field: &str| profile.map(|row| row.read(field).to_vec()).unwrap_or_default();
        let mut values = vec![
            ("server", id_text(session.server).into_bytes()),
            ("user", session.user.clone()),
            ("address", session.address.to_string().into_bytes()),
            ("mac-address", session.mac.clone().into_bytes()),
            ("login-by", session.login_by.as_bytes().to_vec()),
            ("idle-timeout", timeout("idle-timeout")),
            ("keepalive-timeout", timeout("keepalive-timeout")),
        ];
        let limits = [
            ("limit-bytes-in", session.limits.up),
            ("limit-bytes-out", session.limits.down),
            ("limit-bytes-total", session.limits.total),
        ];
        values.extend(limits.into_iter().filter_map(|(field, limit)| Some((field, limit?.to_string().into_bytes()))));
        let comment = self.menu(USER).get(session.user_id).and_then(|row| row.stored("comment"));
        values.extend(comment.map(|comment| ("comment", comment.to_vec())));
        self.menu_mut(ACTIVE).insert(values)
    }

    /// The user's own address, else the phone's last one, else a free one of the pool.
    fn hotspot_address(&mut self, mac: &str, grant: &Grant) -> Result<Ipv4Addr, Refusal> {
        let own = self.menu(USER).get(grant.user_id).and_then(|row| row.text("address").parse::<Ipv4Addr>().ok());
        let last = self.world.phones.get(mac).and_then(|phone| phone.address);
        let fixed = own.filter(|address| !address.is_unspecified());
        for address in [fixed, last].into_iter().flatten() {
            if self.world.addresses.claim(address) {
                return Ok(address);
            }
        }
        let of_profile = self.menu(PROFILE).get(grant.profile).and_then(|row| row.stored("address-pool"));
        let of_server = self.menu(SERVER).get(grant.server).and_then(|row| row.stored("address-pool"));
        let pools = [of_profile, of_server];
        let pool = pools.into_iter().flatten().find_map(|pool| self.referenced("/ip/pool", pool));
        let (pool, ranges) = pool.map(|row| (row.id, row.text("ranges").into_owned())).unwrap_or_default();
        let address = self.world.addresses.take(pool, &ranges);
        address.ok_or_else(|| "cannot assign ip address - no more free addresses from pool".to_owned())
    }

    fn phone(&mut self, mac: &str) -> &mut Phone {
        self.world.phones.entry(mac.to_owned()).or_default()
    }

    fn set_host(&mut self, mac: &str, address: Ipv4Addr, server: u32, authorized: bool, at: i64) {
        let flag = if authorized { b"true".to_vec() } else { b"false".to_vec() };
        let known = self.menu(HOST).find("mac-address", mac.as_bytes()).map(|row| row.id);
        if let Some(id) = known {
            let address = address.to_string().into_bytes();
            self.menu_mut(HOST).update(id, [("authorized", Some(flag)), ("address", Some(address))]);
            return;
        }
        self.menu_mut(HOST).insert([
            ("mac-address", mac.as_bytes().to_vec()),
            ("address", address.to_string().into_bytes()),
            ("to-address", address.to_string().into_bytes()),
            ("server", id_text(server).into_bytes()),
            ("authorized", flag),
            ("found-by", b"ARP".to_vec()),
            ("seen-ms", at.to_string().into_bytes()),
        ]);
    }

    /// Gives the phone its MAC cookie, or makes the one it has last longer.
    fn keep_cookie(&mut self, login: &Login<'_>, grant: &Grant, at: i64) {
        let server_profile = self.menu(SERVER).get(grant.server).map(|row| row.read("profile").to_vec());
        let server_profile = server_profile.and_then(|id| self.referenced("/ip/hotspot/profile", &id));
        let by_cookie = server_profile.is_some_and(|row| row.text("login-by").split(',').any(|by| by == "mac-cookie"));
        let wanted = self.menu(PROFILE).get(grant.profile).is_some_and(|row| row.is("add-mac-cookie"));
        let lasts = self.limit_ms(PROFILE, grant.profile, "mac-cookie-timeout");
        let (true, true, Some(lasts)) = (by_cookie, wanted, lasts) else { return };
        let expires = at.saturating_add(lasts).to_string().into_bytes();
        let known = self.menu(COOKIE).find("mac-address", login.mac.as_bytes()).map(|row| row.id);
        if let Some(id) = known {
            self.menu_mut(COOKIE).update(id, [("user", Some(login.user.to_vec())), ("expires-ms", Some(expires))]);
            return;
        }
        self.menu_mut(COOKIE).insert([
            ("user", login.user.to_vec()),
            ("mac-address", login.mac.as_bytes().to_vec()),
            ("expires-ms", expires),
        ]);
    }

    /// Logs a phone in by its cookie; `None` when it has no living one.
    fn cookie_login(&mut self, mac: &str, at: i64) -> Option<Result<u32, Refusal>> {
        let cookie = self.menu(COOKIE).find("mac-address", mac.as_bytes())?;
        let user = (cookie.number("expires-ms") > at).then(|| cookie.read("user").to_vec())?;
        Some(self.hotspot_login(Login { user: &user, password: None, mac }, at))
    }

    /// Ends a session. A phone that is still there comes back at once by its cookie, unless it left by itself: that
    /// is why an expired user must lose cookie and account before, or in one go with, the session.
    pub(crate) fn end_hotspot(&mut self, id: u32, cause: Cause, at: i64) {
        let Some(mac) = self.close_hotspot(id, cause, at) else { return };
        let left = matches!(cause, Cause::UserRequest | Cause::KeepaliveTimeout);
        if left {
            self.phone(&mac).present = false;
            self.remove_host(&mac);
        }
        // An idle phone sends nothing, so nothing brings it back until it wakes.
        if !left && cause != Cause::IdleTimeout && self.phone(&mac).present {
            let _ = self.cookie_login(&mac, at);
        }
    }

    /// Takes a session away and flushes its counters; answers its phone's MAC address.
    fn close_hotspot(&mut self, id: u32, cause: Cause, at: i64) -> Option<String> {
        if self.world.hotspot.contains_key(&id) {
            self.run_hotspot_script(id, "on-logout", Some(cause), at);
        }
        let session = self.world.hotspot.remove(&id)?;
        self.world.hotspot_by_mac.remove(&session.mac);
        self.world.addresses.release(session.address);
        self.menu_mut(ACTIVE).remove(id);
        self.remove_dynamic(session.queue, session.list);
        self.flush(&session, at);
        self.set_host(&session.mac, session.address, session.server, false, at);
        let name = String::from_utf8_lossy(&session.user).into_owned();
        let text = format!("->: {name} ({}): logged out: {}", session.address, cause.hotspot());
        self.log("hotspot,account,info,debug", &text);
        Some(session.mac)
    }

    /// An admin removes a host: its session ends too, and a phone with a cookie comes back at once.
    pub(crate) fn remove_hotspot_host(&mut self, id: u32, at: i64) {
        let Some(mac) = self.menu(HOST).get(id).map(|row| row.text("mac-address").into_owned()) else { return };
        match self.world.hotspot_by_mac.get(&mac).copied() {
            Some(session) => self.end_hotspot(session, Cause::AdminReset, at),
            None => self.remove_host(&mac),
        }
    }

    fn remove_host(&mut self, mac: &str) {
        let host = self.menu(HOST).find("mac-address", mac.as_bytes()).map(|row| row.id);
        if let Some(id) = host {
            self.menu_mut(HOST).remove(id);
        }
    }

    /// The counters of the user's row, which the router updates at logout only.
    fn flush(&mut self, session: &Session, at: i64) {
        let Some(user) = self.menu(USER).get(session.user_id) else { return };
        let (up, down) = session.meter.at(at);
        let sum = |field: &str, more: u64| {
            let have = u64::try_from(user.number(field)).unwrap_or(0);
            Some(have.saturating_add(more).to_string().into_bytes())
        };
        let before = parse_duration(&user.text("uptime")).unwrap_or(0);
        let uptime = duration(before.saturating_add((at - session.started_ms).max(0)) / 1000 * 1000);
        let values = [
            ("uptime", Some(uptime.into_bytes())),
            ("bytes-in", sum("bytes-in", up)),
            ("bytes-out", sum("bytes-out", down)),
            ("packets-in", sum("packets-in", up.div_ceil(900))),
            ("packets-out", sum("packets-out", down.div_ceil(900))),
        ];
        self.menu_mut(USER).update(session.user_id, values);
    }

    fn run_hotspot_script(&mut self, id: u32, which: &'static str, cause: Option<Cause>, at: i64) {
        let Some(session) = self.world.hotspot.get(&id) else { return };
        let Some(script) = self.menu(PROFILE).get(session.profile).and_then(|row| row.stored(which)) else { return };
        let (up, down) = session.meter.at(at);
        let server = self.menu(SERVER).get(session.server);
        let interface = server.map(|row| self.name_of("/interface", row.read("interface")).to_vec());
        let text = |value: String| value.into_bytes();
        let mut vars: Vars = vec![
            ("user", session.user.clone()),
            ("username", session.user.clone()),
            ("address", text(session.address.to_string())),
            ("mac-address", text(session.mac.clone())),
            ("interface", interface.unwrap_or_default()),
        ];
        if let Some(cause) = cause {
            vars.extend([
                ("cause", text(cause.hotspot().to_owned())),
                ("uptime-secs", text(((at - session.started_ms) / 1000).to_string())),
                ("bytes-in", text(up.to_string())),
                ("bytes-out", text(down.to_string())),
                ("bytes-total", text(up.saturating_add(down).to_string())),
            ]);
        }
        let script = String::from_utf8_lossy(script).into_owned();
        self.hooks.run(&script, &vars);
    }

    /// A session as tests see it.
    pub(crate) fn hotspot_view(&self, id: u32) -> Option<SessionView> {
        let session = self.world.hotspot.get(&id)?;
        let (bytes_in, bytes_out) = session.meter.at(self.now());
        let server = self.menu(SERVER).get(session.server).map(|row| row.text("name").into_owned());
        Some(SessionView {
            id: id_text(id),
            user: String::from_utf8_lossy(&session.user).into_owned(),
            address: session.address.to_string(),
            mac: session.mac.clone(),
            server: server.unwrap_or_default(),
            login_by: session.login_by.to_owned(),
            uptime_secs: u64::try_from((self.now() - session.started_ms) / 1000).unwrap_or(0),
            bytes_in,
            bytes_out,
        })
    }
}
