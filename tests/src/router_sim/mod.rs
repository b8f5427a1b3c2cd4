//! A RouterOS simulator on the real wire: API, menus, a world of clients, faults.
//!
//! Everything here follows facts/routeros.md as documented there; no real router was at hand, so what it proves is
//! "verified against the simulator". Where a text or a rule is not known from any source, the code says so.
//!
//! * wire: `wire`, `request`, `session`, `login`; the codec is the agent's.
//! * data: `menus` (what exists), `table`, `value`, `query`, `commands`.
//! * world: `world` (phones, home routers, time), `hooks` (the POST of hiji's on-login line).
//! * driving it: [`RouterSim`] from Rust, [`control`] by HTTP.
//!
//! Left out: a script interpreter, RADIUS, DHCP, REST, WinBox, real packet flow.

mod clock;
mod commands;
pub mod control;
mod faults;
mod handle;
mod hooks;
mod journal;
mod login;
mod menus;
mod query;
mod request;
mod router;
mod schema;
mod seed;
mod session;
mod table;
mod tls;
mod traps;
mod value;
mod version;
mod wire;
mod world;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

pub use clock::{SimClock, SystemSimClock};
pub use faults::Fault;
pub use handle::Record;
pub use hooks::{HookCall, HookStats};
pub use journal::Write;
pub use version::Version;
pub use world::firewall::{Packet, Verdict};
pub use world::{Refusal, SessionView};

use faults::Faults;
use hooks::HookQueue;
use router::Router;

/// How often the world catches up with the clock by itself.
const TICK: Duration = Duration::from_millis(200);
/// How far a command may be answered early to make up for a timer that was late; keeps the mean at `answer_ms`.
const TURN_SLACK: Duration = Duration::from_millis(2);
/// How long a stop waits for connections to end.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// What kind of router to simulate.
#[derive(Clone)]
pub struct SimConfig {
    pub version: Version,
    /// `/system/identity name`.
    pub identity: String,
    /// The API user, of the group `full`.
    pub user: String,
    pub password: String,
    /// Where the API listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Also listen with TLS, on the next port (or a free one), with a self-signed certificate.
    pub tls: bool,
    /// The MD5 login of before 6.43.
    pub legacy_login: bool,
    /// How long each command takes, one after another over all connections.
    pub answer_ms: u64,
    pub clock: Arc<dyn SimClock>,
    /// Serial number; empty: made from the identity.
    pub serial: String,
    /// `/system/license nlevel`: 4 allows 200 hotspot sessions, 5 allows 500, 6 any number.
    pub license_level: u8,
    /// From 7.21 on: print secrets only with `show-sensitive`. Which way real routers go is not known.
    pub hides_secrets: bool,
    /// `dns-name` of the hotspot; empty: `wifi.<identity>.test`.
    pub dns_name: String,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            version: Version::V7_16,
            identity: "Kebon".to_owned(),
            user: "admin".to_owned(),
            password: "secret".to_owned(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: false,
            legacy_login: false,
            answer_ms: 0,
            clock: Arc::new(SystemSimClock),
            serial: String::new(),
            license_level: 6,
            hides_secrets: false,
            dns_name: String::new(),
        }
    }
}

impl fmt::Debug for SimConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, identity, user, listen, tls, .. } = self;
        let mut text = f.debug_struct("SimConfig");
        text.field("version", version).field("identity", identity).field("user", user);
        text.field("listen", listen).field("tls", tls).finish_non_exhaustive()
    }
}

/// What connections, tasks and the handle share.
pub(crate) struct Shared {
    router: Mutex<Router>,
    pub(crate) faults: Faults,
    pub(crate) legacy_login: bool,
    answer_ms: AtomicU64,
    /// When the router's one console is free again.
    free_at: Mutex<Instant>,
    kick: Mutex<CancellationToken>,
}

impl Shared {
    /// The router's state. Never held over an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Router> {
        self.router.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for this command's turn: a router works on one at a time, whoever asks.
    pub(crate) async fn turn(&self) {
        let takes = Duration::from_millis(self.answer_ms.load(Ordering::Relaxed)) + self.faults.slow();
        if takes.is_zero() {
            return;
        }
        let until = {
            let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            *free_at = (*free_at).max(now.checked_sub(TURN_SLACK).unwrap_or(now)) + takes;
            *free_at
        };
        tokio::time::sleep_until(until).await;
    }

    /// Cancelled when every connection of this moment is to end.
    pub(crate) fn kick_token(&self) -> CancellationToken {
        self.kick.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends all connections at once.
    pub(crate) fn kick_all(&self) {
        let mut kick = self.kick.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *kick).cancel();
    }

    /// Power off and on.
    pub(crate) fn reboot(&self, clock_1970: bool) {
        self.kick_all();
        self.lock().reboot(clock_1970);
    }
}

/// A running simulated router. Clones drive the same one.
#[derive(Clone)]
pub struct RouterSim {
    shared: Arc<Shared>,
    api_addr: SocketAddr,
    tls: Option<(SocketAddr, String)>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl RouterSim {
    /// Starts a router with factory defaults, a hotspot server `hs1` and pools, listening.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub async fn start(config: SimConfig) -> anyhow::Result<Self> {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let shared = Arc::new(Shared {
            router: Mutex::new(new_router(&config, HookQueue::start(&tasks, stop.clone()))),
            faults: Faults::default(),
            legacy_login: config.legacy_login,
            answer_ms: AtomicU64::new(config.answer_ms),
            free_at: Mutex::new(Instant::now()),
            kick: Mutex::default(),
        });
        let listener = listen(config.listen).await?;
        let api_addr = listener.local_addr()?;
        let mut sim = Self { shared, api_addr, tls: None, tasks, stop };
        sim.spawn_accept(listener, |stream| async { Some(stream) });
        if config.tls {
            let port = if config.listen.port() == 0 { 0 } else { api_addr.port().saturating_add(1) };
            let listener = listen(SocketAddr::new(config.listen.ip(), port)).await?;
            let tls_addr = listener.local_addr()?;
            let (acceptor, fingerprint) = tls::self_signed(&config.identity)?;
            sim.tls = Some((tls_addr, fingerprint));
            sim.spawn_accept(listener, move |stream| {
                let acceptor = acceptor.clone();
                async move { tls::accept(&acceptor, stream).await }
            });
        }
        sim.spawn_ticks();
        Ok(sim)
    }

    /// Stops listening, ends all connections and tasks.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.shared.kick_all();
        self.tasks.close();
        if tokio::time::timeout(STOP_WITHIN, self.tasks.wait()).await.is_err() {
            warn!("a connection of the simulated router did not end in time");
        }
    }

    /// Accepts connections; `wrap` makes a stream of a socket, or nothing.
    fn spawn_accept<S, F>(&self, listener: TcpListener, wrap: impl Fn(TcpStream) -> F + Send + Sync + 'static)
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
        F: Future<Output = Option<S>> + Send + 'static,
    {
        let (sim, tasks) = (self.clone(), self.tasks.clone());
        self.tasks.spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = sim.stop.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                let stream = match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        warn!(%error, "accepting failed");
                        tokio::time::sleep(TICK).await;
                        continue;
                    }
                };
                if sim.shared.faults.api_down() {
                    reset(&stream);
                    continue;
                }
                if let Err(error) = stream.set_nodelay(true) {
                    debug!(%error, "no TCP_NODELAY");
                }
                let (shared, kick, wrapped) = (Arc::clone(&sim.shared), sim.shared.kick_token(), wrap(stream));
                tasks.spawn(async move {
                    let stream = tokio::select! {
                        () = kick.cancelled() => None,
                        stream = wrapped => stream,
                    };
                    if let Some(stream) = stream {
                        session::serve(shared, stream).await;
                    }
                });
            }
        });
    }

    fn spawn_ticks(&self) {
        let sim = self.clone();
        self.tasks.spawn(async move {
            let mut ticks = tokio::time::interval(TICK);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    () = sim.stop.cancelled() => return,
                    _ = ticks.tick() => sim.tick(),
                }
            }
        });
    }
}

impl fmt::Debug for RouterSim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouterSim").field("api_addr", &self.api_addr).field("tls", &self.tls).finish_non_exhaustive()
    }
}

fn new_router(config: &SimConfig, hooks: HookQueue) -> Router {
    let mut router = Router::new(config.version, Arc::clone(&config.clock), hooks);
    let plain: String = config.identity.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let number = config.identity.bytes().fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let serial = if config.serial.is_empty() { format!("HIJI{number:08X}") } else { config.serial.clone() };
    let dns_name = if config.dns_name.is_empty() { format!("wifi.{plain}.test") } else { config.dns_name.clone() };
    let owner = seed::Owner {
        identity: &config.identity,
        user: &config.user,
        password: &config.password,
        serial: &serial,
        license_level: config.license_level,
        dns_name: &dns_name,
    };
    seed::factory(&mut router, &owner);
    router.hides_secrets = config.hides_secrets && config.version.show_sensitive();
    router
}

async fn listen(addr: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(addr).await.with_context(|| format!("listening on {addr}"))
}

/// Closes with a reset, as a port nobody listens on would.
fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        debug!(%error, "closing without a reset");
    }
}
