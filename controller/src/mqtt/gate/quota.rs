//! How often and how much: per address before the login, per identity after it. Pure; `now` is an argument.
//!
//! Own arithmetic rather than the governor crate: a publisher over its quota is slowed down, not refused, so the pace
//! must be able to go into debt and say for how long.

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::config::Limits;

/// Addresses and identities remembered before idle ones are forgotten.
const MAX_TRACKED: usize = 20_000;

/// A steady rate with a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub per_second: u32,
    pub burst: u32,
}

/// Where one party stands against its rate: the instant at which it has used up what it took so far.
#[derive(Debug, Clone, Copy)]
struct Pace {
    paid: Instant,
}

impl Pace {
    const fn new(now: Instant) -> Self {
        Self { paid: now }
    }

    /// Takes `n`, and tells how long to wait before taking more.
    fn take(&mut self, now: Instant, rate: Rate, n: u32) -> Duration {
        self.paid = self.paid.max(now) + time(rate, n);
        (self.paid - now).saturating_sub(time(rate, rate.burst))
    }

    /// Takes one if that is within the burst.
    fn try_take(&mut self, now: Instant, rate: Rate) -> bool {
        let mut taken = *self;
        let within = taken.take(now, rate, 1).is_zero();
        if within {
            *self = taken;
        }
        within
    }

    /// Is there anything left to take now?
    fn has_some(&self, now: Instant, rate: Rate) -> bool {
        let mut taken = *self;
        taken.try_take(now, rate)
    }

    fn idle(&self, now: Instant) -> bool {
        self.paid <= now
    }
}

/// How long `n` take at this rate.
fn time(rate: Rate, n: u32) -> Duration {
    Duration::from_nanos(1_000_000_000 * u64::from(n) / u64::from(rate.per_second.max(1)))
}

/// Connects and failed logins by address.
#[derive(Debug)]
pub(super) struct Addresses {
    limits: Limits,
    seen: Mutex<HashMap<IpAddr, [Pace; 2]>>,
}

impl Addresses {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, seen: Mutex::default() }
    }

    /// May this address open another connection, and has it not failed to log in too often?
    pub(super) fn may_connect(&self, address: IpAddr, now: Instant) -> bool {
        let limits = &self.limits;
        self.with(address, now, true, |[connects, failures]| {
            failures.has_some(now, limits.failed_logins_per_address)
                && connects.try_take(now, limits.connects_per_address)
        })
    }

    /// Its login failed.
    pub(super) fn failed(&self, address: IpAddr, now: Instant) {
        self.with(address, now, (), |[_, failures]| {
            failures.try_take(now, self.limits.failed_logins_per_address);
        });
    }

    fn with<T>(&self, address: IpAddr, now: Instant, exempt: T, f: impl FnOnce(&mut [Pace; 2]) -> T) -> T {
        if address.is_loopback() && !self.limits.count_loopback {
            return exempt;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MAX_TRACKED {
            seen.retain(|_, paces| !paces.iter().all(|pace| pace.idle(now)));
        }
        if seen.len() >= MAX_TRACKED {
            // A flood from more addresses than are worth remembering; the connection limit still holds.
            seen.clear();
        }
        f(seen.entry(network(address)).or_insert_with(|| [Pace::new(now); 2]))
    }
}

/// One party: an IPv4 address, or the /64 an IPv6 host can choose its address from.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

/// What one identity used, kept beyond its connections.
#[derive(Debug)]
pub(super) struct Account {
    connects: Pace,
    messages: Pace,
    bytes: Pace,
    /// Topics and filters it named so far: rumqttd's router keeps every one for ever.
    topics: HashSet<String>,
    filters: HashSet<String>,
}

/// An account, shared by the connections of one identity (one at a time, but they overlap when one takes over).
#[derive(Debug, Clone)]
pub(super) struct Usage {
    limits: Limits,
    account: Arc<Mutex<Account>>,
}

impl Usage {
    /// May it connect again?
    pub(super) fn may_connect(&self, now: Instant) -> bool {
        let rate = self.limits.connects_per_identity;
        self.lock().connects.try_take(now, rate)
    }

    /// It published; how long to wait before reading on.
    pub(super) fn published(&self, now: Instant, messages: usize, bytes: usize) -> Duration {
        let mut account = self.lock();
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let messages = account.messages.take(now, self.limits.messages_per_identity, clamp(messages));
        messages.max(account.bytes.take(now, self.limits.bytes_per_identity, clamp(bytes)))
    }

    /// May it use this topic? False: it has named too many different ones.
    pub(super) fn may_name_topic(&self, topic: &str) -> bool {
        remember(&mut self.lock().topics, topic, self.limits.topics_per_identity)
    }

    /// May it use this filter?
    pub(super) fn may_name_filter(&self, filter: &str) -> bool {
        remember(&mut self.lock().filters, filter, self.limits.filters_per_identity)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remember(known: &mut HashSet<String>, name: &str, limit: usize) -> bool {
    known.contains(name) || (known.len() < limit && known.insert(name.to_owned()))
}

/// All identities' accounts.
#[derive(Debug)]
pub(super) struct Accounts {
    limits: Limits,
    by_session: Mutex<HashMap<String, Arc<Mutex<Account>>>>,
}

impl Accounts {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, by_session: Mutex::default() }
    }

    pub(super) fn usage(&self, session: &str, now: Instant) -> Usage {
        let mut accounts = self.by_session.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= MAX_TRACKED && !accounts.contains_key(session) {
            accounts.retain(|_, account| Arc::strong_count(account) > 1);
        }
        let account = accounts.entry(session.to_owned()).or_insert_with(|| {
            let pace = Pace::new(now);
            let (topics, filters) = (HashSet::new(), HashSet::new());
            Arc::new(Mutex::new(Account { connects: pace, messages: pace, bytes: pace, topics, filters }))
        });
        Usage { limits: self.limits, account: Arc::clone(account) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 5 };

    fn limits() -> Limits {
        Limits {
            connects_per_address: RATE,
            failed_logins_per_address: Rate { per_second: 1, burst: 2 },
            messages_per_identity: RATE,
            topics_per_identity: 2,
            ..Limits::default()
        }
    }

    #[test]
    fn a_burst_is_free_and_then_the_rate_holds() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        assert_eq!((0..10).filter(|_| pace.try_take(now, RATE)).count(), 5);
        assert!(pace.try_take(now + Duration::from_millis(100), RATE));
        assert!(!pace.try_take(now + Duration::from_millis(100), RATE));
        let later = now + Duration::from_secs(60);
        assert_eq!((0..10).filter(|_| pace.try_take(later, RATE)).count(), 5, "idle time is not saved up");
    }

    #[test]
    fn who_publishes_too_much_waits_as_long_as_it_took() {
        let now = Instant::now();
        let usage = Accounts::new(limits()).usage("a.x", now);
        assert_eq!(usage.published(now, 5, 0), Duration::ZERO);
        assert_eq!(usage.published(now, 10, 0), Duration::from_secs(1));
        assert_eq!(usage.published(now + Duration::from_secs(2), 1, 0), Duration::ZERO);
    }

    #[test]
    fn failed_logins_shut_an_address_out_for_a_while() {
        let now = Instant::now();
        let addresses = Addresses::new(limits());
        let (bad, good): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        for _ in 0..2 {
            assert!(addresses.may_connect(bad, now));
            addresses.failed(bad, now);
        }
        assert!(!addresses.may_connect(bad, now));
        assert!(addresses.may_connect(good, now));
        assert!(addresses.may_connect(bad, now + Duration::from_secs(1)));
    }

    #[test]
    fn the_own_machine_is_not_counted_unless_asked() {
        let now = Instant::now();
        let home: IpAddr = [127, 0, 0, 1].into();
        let addresses = Addresses::new(limits());
        assert!((0..100).all(|_| addresses.may_connect(home, now)));
        let addresses = Addresses::new(Limits { count_loopback: true, ..limits() });
        assert_eq!((0..100).filter(|_| addresses.may_connect(home, now)).count(), 5);
    }

    #[test]
    fn an_ipv6_host_is_its_network() {
        assert_eq!(network("2001:db8::1".parse().unwrap()), network("2001:db8::ffff:1".parse().unwrap()));
        assert_ne!(network("2001:db8::1".parse().unwrap()), network("2001:db8:0:1::1".parse().unwrap()));
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), IpAddr::from([192, 0, 2, 1]));
    }

    #[test]
    fn an_identity_names_so_many_topics_and_no_more() {
        let usage = Accounts::new(limits()).usage("a.x", Instant::now());
        assert!(usage.may_name_topic("a") && usage.may_name_topic("b") && usage.may_name_topic("a"));
        assert!(!usage.may_name_topic("c"));
    }

    #[test]
    fn usage_outlives_a_connection() {
        let now = Instant::now();
        let accounts = Accounts::new(Limits { connects_per_identity: RATE, ..limits() });
        assert_eq!((0..20).filter(|_| accounts.usage("a.x", now).may_connect(now)).count(), 5);
        assert!(accounts.usage("a.y", now).may_connect(now));
    }
}
