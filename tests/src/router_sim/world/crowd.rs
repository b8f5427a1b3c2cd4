//! A crowd for demonstrations: clients of known users that come and go by themselves.
//!
//! Their dice are the simulator's own and seeded, so that a demo looks alive and yet the same every time.

use super::super::router::Router;
use super::{Cause, Login};

/// How long a client stays online, and away, at least and at most.
const ONLINE_MS: (i64, i64) = (60_000, 600_000);
const AWAY_MS: (i64, i64) = (20_000, 240_000);

/// Somebody's account, whose password is its name.
#[derive(Debug, Clone)]
pub(crate) enum Guest {
    Phone(String),
    Home(String),
}

#[derive(Debug)]
struct Client {
    guest: Guest,
    mac: String,
    online: bool,
    next_ms: Option<i64>,
}

/// The clients.
#[derive(Debug)]
pub(crate) struct Crowd {
    clients: Vec<Client>,
    dice: u64,
}

impl Crowd {
    /// So many clients of these accounts, one each at most.
    pub(crate) fn new(guests: Vec<Guest>, clients: usize) -> Self {
        let clients = guests.into_iter().take(clients).enumerate().map(|(index, guest)| Client {
            guest,
            mac: format!("02:00:5E:00:{:02X}:{:02X}", index / 256 % 256, index % 256),
            online: false,
            next_ms: None,
        });
        Self { clients: clients.collect(), dice: 0x9E37_79B9_7F4A_7C15 }
    }

    /// Clients whose time has come arrive or leave.
    pub(crate) fn step(&mut self, router: &mut Router, now: i64) {
        for index in 0..self.clients.len() {
            let Some(next) = self.clients[index].next_ms else {
                // At the start they drop in one after another.
                let wait = self.between((0, 30_000));
                self.clients[index].next_ms = Some(now + wait);
                continue;
            };
            if next > now {
                continue;
            }
            let arrives = !self.clients[index].online;
            let stay = self.between(if arrives { ONLINE_MS } else { AWAY_MS });
            let rates = (self.between((500, 20_000)), self.between((5_000, 400_000)));
            let client = &mut self.clients[index];
            client.online = arrives;
            client.next_ms = Some(now + stay);
            client.act(router, now, rates);
        }
    }

    /// A number of the span (xorshift).
    fn between(&mut self, span: (i64, i64)) -> i64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        let width = u64::try_from(span.1 - span.0 + 1).unwrap_or(1);
        span.0 + i64::try_from(self.dice % width).unwrap_or(0)
    }
}

impl Client {
    fn act(&self, router: &mut Router, now: i64, rates: (i64, i64)) {
        let name = match &self.guest {
            Guest::Phone(name) | Guest::Home(name) => name,
        };
        // A refusal is part of the play: the operator may have removed or disabled the account.
        match (&self.guest, self.online) {
            (Guest::Phone(_), true) => {
                let login = Login { user: name.as_bytes(), password: Some(name.as_bytes()), mac: &self.mac };
                let _ = router.hotspot_login(login, now);
            }
            (Guest::Phone(_), false) => {
                router.hotspot_logout(name, Cause::UserRequest);
            }
            (Guest::Home(_), true) => {
                let _ = router.pppoe_dial(name, name, &self.mac);
            }
            (Guest::Home(_), false) => {
                router.pppoe_hangup(name);
            }
        }
        if self.online {
            let rate = |rate: i64| u64::try_from(rate).unwrap_or(0);
            router.set_rates(name, rate(rates.0), rate(rates.1));
        }
    }
}
