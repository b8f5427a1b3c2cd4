//! Driving a simulated router from Rust: what an admin, a guest or fate would do.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::commands::{end_of, write};
use super::menus;
use super::router::Router;
use super::schema::Menu;
use super::traps::Trap;
use super::value::Text;
use super::world::firewall::{Packet, Verdict};
use super::world::{Cause, Login, Refusal, SessionView};
use super::{Fault, HookStats, RouterSim, Write, seed};

/// A record by field name, as an admin with all rights sees it.
pub type Record = BTreeMap<String, String>;

impl RouterSim {
    /// Where the API listens.
    #[must_use]
    pub fn api_addr(&self) -> SocketAddr {
        self.api_addr
    }

    /// Where api-ssl listens, when it does.
    #[must_use]
    pub fn tls_addr(&self) -> Option<SocketAddr> {
        self.tls.as_ref().map(|(addr, _)| *addr)
    }

    /// SHA-256 of the certificate, lower-case hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> Option<&str> {
        self.tls.as_ref().map(|(_, fingerprint)| fingerprint.as_str())
    }

    // Guests

    /// A guest types user and password on a phone.
    ///
    /// # Errors
    /// The text of `errors.txt` on the login page.
    pub fn hotspot_login(&self, user: &str, password: &str, mac: &str) -> Result<SessionView, Refusal> {
        self.settled(|router| {
            let now = router.now();
            let login = Login { user: user.as_bytes(), password: Some(password.as_bytes()), mac };
            let id = router.hotspot_login(login, now)?;
            router.hotspot_view(id).ok_or_else(|| "the session ended at once".to_owned())
        })
    }

    /// The guest presses log-out and leaves. The cookie stays. Answers how many sessions ended.
    pub fn hotspot_logout(&self, user: &str) -> usize {
        self.settled(|router| router.hotspot_logout(user, Cause::UserRequest))
    }

    /// The phone is out of reach: the session ends by its keepalive timeout. The cookie stays.
    pub fn hotspot_leave(&self, user: &str) -> usize {
        self.settled(|router| router.hotspot_logout(user, Cause::KeepaliveTimeout))
    }

    /// The phone is back and uses its MAC cookie, if it still has one.
    ///
    /// # Errors
    /// Why it stays outside.
    pub fn hotspot_return(&self, mac: &str) -> Result<SessionView, Refusal> {
        self.settled(|router| {
            let id = router.hotspot_return(mac)?;
            router.hotspot_view(id).ok_or_else(|| "the session ended at once".to_owned())
        })
    }

    /// A home router is switched on and dials. Kicked, it dials again a second later, until it is hung up.
    ///
    /// # Errors
    /// Why it was refused; it goes on trying only after a success.
    pub fn pppoe_dial(&self, user: &str, password: &str, caller_id: &str) -> Result<SessionView, Refusal> {
        self.settled(|router| {
            let id = router.pppoe_dial(user, password, caller_id)?;
            router.ppp_view(id).ok_or_else(|| "the session ended at once".to_owned())
        })
    }

    /// The home routers of a user are switched off.
    pub fn pppoe_hangup(&self, user: &str) -> usize {
        self.settled(|router| router.pppoe_hangup(user))
    }

    /// Every open session, hotspot first.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionView> {
        self.settled(|router| router.sessions())
    }

    /// From now on the clients of a user move so many bytes a second; 0 and 0 is idle.
    pub fn set_rates(&self, user: &str, up: u64, down: u64) -> usize {
        self.settled(|router| router.set_rates(user, up, down))
    }

    /// The clients of a user transfer so much at once.
    pub fn transfer(&self, user: &str, up: u64, down: u64) -> usize {
        let count = self.settled(|router| router.transfer(user, up, down));
        self.tick();
        count
    }

    /// What the firewall makes of a packet that a client sends.
    #[must_use]
    pub fn verdict(&self, packet: Packet<'_>) -> Verdict {
        self.settled(|router| router.verdict(packet))
    }

    // The admin in Winbox

    /// The records of a menu; empty when there is no such menu.
    #[must_use]
    pub fn rows(&self, path: &str) -> Vec<Record> {
        self.settled(|router| {
            let table = router.table(path);
            table.map(|table| table.rows().map(|row| router.record(table, row)).collect()).unwrap_or_default()
        })
    }

    /// The record of that name (or `.id`); of a singleton menu its only one.
    #[must_use]
    pub fn row(&self, path: &str, name: &str) -> Option<Record> {
        self.settled(|router| {
            let id = find(router, path, name).ok()?;
            let table = router.table(path)?;
            table.get(id).map(|row| router.record(table, row))
        })
    }

    /// Adds an item; answers its `.id`.
    ///
    /// # Errors
    /// The router's message.
    pub fn add(&self, path: &str, values: &[(&str, &str)]) -> Result<String, String> {
        self.settled(|router| {
            let menu = menu(path)?;
            if !menu.add {
                return Err(Trap::no_such_command());
            }
            write::add(router, menu, &args(values)).map(super::router::format_id)
        })
        .map_err(|trap| trap.message)
    }

    /// Changes the item of that name (or `.id`).
    ///
    /// # Errors
    /// The router's message.
    pub fn set(&self, path: &str, name: &str, values: &[(&str, &str)]) -> Result<(), String> {
        self.settled(|router| {
            let menu = menu(path)?;
            let id = find(router, path, name)?;
            let mut args = args(values);
            args.push((b".id".to_vec(), super::router::format_id(id).into_bytes()));
            write::set(router, menu, &args)
        })
        .map_err(|trap| trap.message)
    }

    /// Removes the item of that name (or `.id`); in an active list its session ends.
    ///
    /// # Errors
    /// The router's message.
    pub fn remove(&self, path: &str, name: &str) -> Result<(), String> {
        self.settled(|router| {
            let menu = menu(path)?;
            let id = find(router, path, name)?;
            if router.menu(menu.path).get(id).is_some_and(|row| row.is("default")) {
                return Err(Trap::protected());
            }
            if !end_of(router, menu.path, id) {
                router.menu_mut(menu.path).remove(id);
            }
            Ok(())
        })
        .map_err(|trap| trap.message)
    }

    /// Adds so many hotspot users of a profile, `bulk00001` and on, each with its name as password.
    ///
    /// # Errors
    /// When there is no such profile.
    pub fn bulk_users(&self, count: usize, profile: &str) -> Result<usize, String> {
        seed::bulk_users(&mut self.shared.lock(), count, profile)
    }

    /// The demo shop, with so many clients that come and go by themselves.
    pub fn seed_demo(&self, clients: usize) {
        seed::demo(&mut self.shared.lock(), clients);
    }

    // Fate

    /// Switches a fault on.
    pub fn fault(&self, fault: Fault) {
        let faults = &self.shared.faults;
        match fault {
            Fault::ApiDown => {
                faults.set_api_down();
                self.shared.kick_all();
            }
            Fault::Slow { per_command_ms } => faults.set_slow(Duration::from_millis(per_command_ms)),
            Fault::Silent => faults.set_silent(),
            Fault::CutMidSentence { after } => faults.set_cut_sentence(after),
            Fault::CutBeforeDone { path } => faults.set_cut_before_done(path),
            Fault::Reboot { clock_1970 } => self.reboot(clock_1970),
            Fault::FlashFull { after } => self.shared.lock().adds_left = Some(after),
            Fault::UnknownField { field } => self.shared.lock().unknown_field = Some(field),
            Fault::NoScripts => self.shared.lock().hooks.set_off(true),
            Fault::FetchFails { message } => self.shared.lock().hooks.set_fails(Some(message)),
            Fault::NoListen => {
                faults.set_no_listen();
                self.shared.kick_all();
            }
            Fault::LosesScripts => self.shared.lock().loses_scripts = true,
            Fault::DropUnknown => faults.set_drop_unknown(),
        }
    }

    /// Everything works again (what was lost stays lost; a clock of 1970 stays until [`Self::set_clock_offset`]).
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
        let mut router = self.shared.lock();
        (router.adds_left, router.unknown_field) = (None, None);
        router.loses_scripts = false;
        router.hooks.set_off(false);
        router.hooks.set_fails(None);
    }

    /// Power off and on: connections, sessions and unflushed counters are gone, the uptime and the ids of active lists
    /// begin anew, cookies and configuration stay, clients stay away. With `clock_1970` the clock stands there.
    pub fn reboot(&self, clock_1970: bool) {
        self.shared.reboot(clock_1970);
    }

    /// How far the router's clock is off the world's; 0 is what NTP would make of it.
    pub fn set_clock_offset(&self, ms: i64) {
        self.shared.lock().set_clock_offset(ms);
    }

    /// How long each command takes from now on.
    pub fn set_answer_ms(&self, ms: u64) {
        self.shared.answer_ms.store(ms, Ordering::Relaxed);
    }

    /// Lets the world catch up with the clock now.
    pub fn tick(&self) {
        self.shared.lock().tick();
    }

    // What was seen

    /// Every write command that came over the API, oldest first.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        self.shared.lock().journal.writes()
    }

    /// How often the whole of a menu was printed.
    #[must_use]
    pub fn full_prints(&self, path: &str) -> u64 {
        self.shared.lock().journal.full_prints(path)
    }

    /// Commands over the API so far, logins not counted.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.shared.lock().journal.commands()
    }

    /// What became of the profiles' scripts.
    #[must_use]
    pub fn hooks(&self) -> HookStats {
        self.shared.lock().hooks.stats()
    }

    /// Does something to a world that has caught up with the clock.
    fn settled<T>(&self, act: impl FnOnce(&mut Router) -> T) -> T {
        let mut router = self.shared.lock();
        router.catch_up();
        act(&mut router)
    }
}

fn menu(path: &str) -> Result<&'static Menu, Trap> {
    menus::find(path).ok_or_else(Trap::no_such_menu)
}

fn args(values: &[(&str, &str)]) -> Vec<(Text, Text)> {
    values.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

/// One item by name or id; in menus without names (active lists, cookies) also by user or MAC address.
fn find(router: &Router, path: &str, name: &str) -> Result<u32, Trap> {
    let menu = menu(path)?;
    let table = router.menu(menu.path);
    if menu.singleton {
        return table.ids_from(0).next().ok_or_else(|| Trap::no_such_item(router.version));
    }
    let by_id = write::resolve(router, menu, name.as_bytes()).ok().and_then(|ids| ids.first().copied());
    let by_other = || {
        let fields =
            ["user", "mac-address", "address"].into_iter().filter(|field| menu.field(field.as_bytes()).is_some());
        fields.into_iter().find_map(|field| table.find(field, name.as_bytes())).map(|row| row.id)
    };
    by_id.or_else(by_other).ok_or_else(|| Trap::no_such_item(router.version))
}
