//! An agent between a simulated router and a scripted controller behind the real gate.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use hiji_agent::{
    RunError,
    clock::{Clock, Wait},
    config::{Config, RouterAddress, RouterTls, Secret},
};
use hiji_controller::mqtt::{Authenticator, Bus, BusEvent, Deny, GateConfig, Identity, Login, start_embedded};
use hiji_shared::{
    agent_id::AgentId,
    command::{AgentConfig, Command, Op},
    desired::{Desired, DesiredUser, ItemResult, Mark, Object, Rev},
    device::{Kind, Row, Service, Used},
    envelope::{Envelope, VERSION},
    event::Event,
    signed::{self, Purpose},
    topic::{self, Down, Topic, Up},
    uplink::{Ack, Hello, Metrics, SnapshotChunk, Sync},
};
use hiji_tests::router_sim::{RouterSim, SimClock, SimConfig};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// 2026-11-22 12:42:07 UTC.
pub(super) const START_MS: i64 = 1_795_351_327_000;
/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(20);
const SECRET: [u8; 32] = [5; 32];

/// A clock for agent and router: runs, and is advanced by hand.
#[derive(Debug)]
pub(super) struct TestClock {
    began: Instant,
    ahead_ms: AtomicI64,
    jump_ms: AtomicI64,
    moved: Notify,
}

impl TestClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            ahead_ms: AtomicI64::new(0),
            jump_ms: AtomicI64::new(0),
            moved: Notify::new(),
        })
    }

    /// Time passes, everywhere.
    pub(super) fn advance(&self, secs: i64) {
        self.ahead_ms.fetch_add(secs * 1_000, Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Only the agent's wall clock is set to something else.
    pub(super) fn jump(&self, secs: i64) {
        self.jump_ms.fetch_add(secs * 1_000, Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    fn passed_ms(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap() + self.ahead_ms.load(Ordering::SeqCst)
    }

    /// The true time.
    pub(super) fn true_ms(&self) -> i64 {
        START_MS + self.passed_ms()
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> i64 {
        self.true_ms() + self.jump_ms.load(Ordering::SeqCst)
    }

    fn monotonic_ms(&self) -> u64 {
        self.passed_ms().unsigned_abs()
    }

    fn sleep_until(&self, unix_ms: i64) -> Wait<'_> {
        Box::pin(async move {
            while Clock::now_ms(self) < unix_ms {
                let moved = self.moved.notified();
                let left = u64::try_from(unix_ms - Clock::now_ms(self)).unwrap_or(0);
                let _either = tokio::time::timeout(Duration::from_millis(left.min(50)), moved).await;
            }
        })
    }
}

impl SimClock for TestClock {
    fn now_ms(&self) -> i64 {
        self.true_ms()
    }
}

/// What the scripted controller got.
#[derive(Debug, Default)]
pub(super) struct Got {
    pub(super) events: Vec<Event>,
    pub(super) hellos: Vec<Hello>,
    pub(super) snapshots: BTreeMap<Kind, BTreeMap<String, Row>>,
    pub(super) metrics: Vec<Metrics>,
    chunks: BTreeMap<(String, u32), SnapshotChunk>,
    cursor: Option<(i64, u64)>,
    /// Records that came more than once.
    pub(super) repeats: usize,
}

struct Open;

impl Authenticator for Open {
    fn authenticate(&self, login: Login) -> BoxFuture<'static, Result<Identity, Deny>> {
        Box::pin(async move {
            let agent: AgentId = login.username.parse().map_err(|_bad| Deny::BadCredentials)?;
            Ok(Identity {
                session: format!("a.{agent}"),
                publish: vec![topic::agent_publishes(&agent)],
                subscribe: vec![topic::agent_subscribes(&agent)],
                retain: vec![Topic::Up(agent.clone(), Up::Presence).to_string()],
                agent: Some(agent),
            })
        })
    }
}

/// The controller's side: acknowledges, and asks for snapshots of what it has not got.
pub(super) struct Controller {
    bus: Bus,
    pub(super) agent: AgentId,
    got: Arc<Mutex<Got>>,
    away: Arc<AtomicBool>,
    jti: AtomicU64,
    clock: Arc<TestClock>,
}

pub(super) struct World {
    pub(super) clock: Arc<TestClock>,
    pub(super) sim: RouterSim,
    pub(super) controller: Arc<Controller>,
    pub(super) dir: tempfile::TempDir,
    agent: Option<(CancellationToken, JoinHandle<Result<(), RunError>>)>,
    stop: CancellationToken,
    rev: AtomicU64,
    hook: Option<SocketAddr>,
    /// How often lists are read in full where `listen` does not run.
    poll_secs: u32,
    router: SocketAddr,
}

impl World {
    /// A router, a broker, a controller, and an agent that runs.
    pub(super) async fn start() -> Self {
        Self::with(SimConfig::default()).await
    }

    pub(super) async fn with(config: SimConfig) -> Self {
        let mut world = Self::without_agent(config).await;
        world.start_agent();
        // A real controller sends again what an agent that was not there yet has missed; this one does not.
        until("hello", || !world.controller.got().hellos.is_empty()).await;
        world
    }

    pub(super) async fn without_agent(config: SimConfig) -> Self {
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_env("HIJI_TEST_LOG"))
            .with_test_writer()
            .try_init();
        let clock = TestClock::new();
        let shared: Arc<dyn SimClock> = Arc::<TestClock>::clone(&clock);
        let sim = RouterSim::start(SimConfig { clock: shared, ..config }).await.unwrap();
        let stop = CancellationToken::new();
        let listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        let gate = GateConfig { listen, ..GateConfig::default() };
        let (bus, mut events, plain, _) =
            start_embedded(gate, Arc::new(Open), stop.clone(), &TaskTracker::new()).await.unwrap();
        let agent = AgentId::from_random([3; 10]);
        let controller = Arc::new(Controller {
            bus,
            agent: agent.clone(),
            got: Arc::default(),
            away: Arc::default(),
            jti: AtomicU64::new(0),
            clock: Arc::clone(&clock),
        });
        let dir = tempfile::tempdir().unwrap();
        let mqtt = plain.unwrap();
        let credentials = serde_json::json!({
            "agent": agent, "secret": signed::hex(&SECRET), "mqtt_url": format!("mqtt://{mqtt}"),
        });
        std::fs::write(dir.path().join("credentials.json"), credentials.to_string()).unwrap();
        let listener = Arc::clone(&controller);
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if let BusEvent::Message { topic, payload } = event {
                    listener.hear(&topic, &payload).await;
                }
            }
        });
        let router = sim.api_addr();
        Self {
            clock,
            sim,
            controller,
            dir,
            agent: None,
            stop,
            rev: AtomicU64::new(0),
            hook: None,
            poll_secs: 30,
            router,
        }
    }

    pub(super) fn config(&self) -> Config {
        let address = self.router;
        Config {
            controller: "http://127.0.0.1:1".parse().unwrap(),
            enroll_token: None,
            router: RouterAddress {
                host: address.ip().to_string(),
                port: address.port(),
                user: "admin".to_owned(),
                password: Secret::new("secret"),
                tls: RouterTls::Off,
            },
            hook_listen: self.hook,
            // As the agent sees itself from the router.
            hook_url: None,
            data_dir: self.dir.path().to_owned(),
            poll_secs: self.poll_secs,
            tls_ca: None,
            log: String::new(),
        }
    }

    pub(super) fn scan_every(&mut self, secs: u32) {
        self.poll_secs = secs;
    }

    pub(super) fn use_hook(&mut self, address: SocketAddr) {
        self.hook = Some(address);
    }

    /// Another router than the simulator.
    pub(super) fn use_router(&mut self, address: SocketAddr) {
        self.router = address;
    }

    pub(super) fn start_agent(&mut self) {
        let stop = CancellationToken::new();
        let clock: Arc<dyn Clock> = Arc::<TestClock>::clone(&self.clock);
        let task = tokio::spawn(hiji_agent::run(self.config(), clock, stop.clone()));
        self.agent = Some((stop, task));
    }

    /// Stops the agent as asked.
    pub(super) async fn stop_agent(&mut self) {
        if let Some((stop, task)) = self.agent.take() {
            stop.cancel();
            task.await.unwrap().unwrap();
        }
    }

    /// Ends the agent in the middle of whatever it does.
    pub(super) async fn kill_agent(&mut self) {
        if let Some((_, task)) = self.agent.take() {
            task.abort();
            let _ = task.await;
        }
    }

    /// Wants objects; answers the last revision.
    pub(super) async fn want(&self, objects: impl IntoIterator<Item = Object>) -> Rev {
        let objects: Vec<Object> = objects.into_iter().collect();
        for chunk in objects.chunks(100) {
            let from = self.rev.load(Ordering::SeqCst);
            let objects: Vec<Desired> =
                (from + 1..).zip(chunk).map(|(rev, object)| Desired { rev, object: object.clone() }).collect();
            let to = from + u64::try_from(chunk.len()).unwrap();
            self.rev.store(to, Ordering::SeqCst);
            self.controller.send(Op::DesiredPut { from_rev: from, to_rev: to, reset: false, objects }).await;
        }
        self.rev.load(Ordering::SeqCst)
    }

    /// Users of the hotspot but the router's own.
    pub(super) fn users(&self) -> Vec<BTreeMap<String, String>> {
        let rows = self.sim.rows("/ip/hotspot/user");
        rows.into_iter().filter(|row| row.get("default").is_none_or(|value| value != "true")).collect()
    }

    pub(super) fn user(&self, name: &str) -> Option<BTreeMap<String, String>> {
        self.sim.row("/ip/hotspot/user", name)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some((stop, _)) = &self.agent {
            stop.cancel();
        }
        self.stop.cancel();
    }
}

impl Controller {
    pub(super) fn got(&self) -> MutexGuard<'_, Got> {
        self.got.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hears and answers nothing any more.
    pub(super) fn go_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    pub(super) async fn send(&self, op: Op) -> String {
        let jti = format!("j{}", self.jti.fetch_add(1, Ordering::SeqCst));
        self.send_as(&jti, op, 3_600, &signed::derive(&SECRET, Purpose::Command)).await;
        jti
    }

    pub(super) async fn send_as(&self, jti: &str, op: Op, lives_secs: i64, key: &[u8]) {
        let now = self.clock.true_ms() / 1_000;
        let command =
            Command { aud: self.agent.clone(), jti: jti.to_owned(), iat: now, exp: now + lives_secs, cseq: 1, op };
        let token = signed::sign(key, &command).unwrap();
        self.tell(Down::Command, token.into_bytes()).await;
    }

    /// Sets the interval of the active lists.
    pub(super) async fn poll_every(&self, secs: u32) {
        let config = AgentConfig { rev: 1, active_poll_secs: secs, ..AgentConfig::default() };
        self.tell_json(Down::Config, &config).await;
    }

    async fn tell(&self, down: Down, body: Vec<u8>) {
        self.bus.publish(&Topic::Down(self.agent.clone(), down), body, false).await.unwrap();
    }

    async fn tell_json(&self, down: Down, value: &impl serde::Serialize) {
        self.tell(down, serde_json::to_vec(value).unwrap()).await;
    }

    async fn hear(&self, topic: &str, payload: &[u8]) {
        if self.away.load(Ordering::SeqCst) {
            return;
        }
        let Ok(Topic::Up(_, up)) = topic.parse() else { panic!("{topic}") };
        let srv_ts = self.clock.true_ms();
        match up {
            Up::Presence | Up::Log => {}
            Up::Metrics => self.got().metrics.push(serde_json::from_slice(payload).unwrap()),
            Up::Hello => {
                let hello: Hello = serde_json::from_slice(payload).unwrap();
                let (ep, seq) = self.got().cursor.unwrap_or((hello.ep, 0));
                let behind = ep > hello.ep || (ep == hello.ep && seq > hello.last_seq);
                let min_ep = behind.then_some(ep.max(hello.ep));
                let missing: Vec<Kind> = {
                    let mut got = self.got();
                    let digests = hello.digests.iter().map(|digest| digest.kind);
                    let missing = digests.filter(|kind| !got.snapshots.contains_key(kind)).collect();
                    got.hellos.push(hello);
                    missing
                };
                self.tell_json(Down::Sync, &Sync::Welcome { srv_ts, ep, seq, min_ep }).await;
                for kind in missing {
                    self.tell_json(Down::Sync, &Sync::Snapshot { kind }).await;
                }
            }
            Up::Events => {
                let envelope: Envelope = serde_json::from_slice(payload).unwrap();
                let (ack, wanted) = self.take(envelope, srv_ts);
                self.tell_json(Down::Ack, &ack).await;
                for kind in wanted {
                    self.tell_json(Down::Sync, &Sync::Snapshot { kind }).await;
                }
            }
            Up::Snapshot => {
                let chunk: SnapshotChunk = serde_json::from_slice(payload).unwrap();
                let (snap, kind, n) = (chunk.snap.clone(), chunk.kind, chunk.n);
                let mut got = self.got();
                got.chunks.insert((snap.clone(), chunk.i), chunk);
                let whole: Vec<SnapshotChunk> =
                    (0..n).filter_map(|i| got.chunks.get(&(snap.clone(), i)).cloned()).collect();
                if whole.len() == usize::try_from(n).unwrap() {
                    let rows = whole.into_iter().flat_map(|chunk| chunk.typed_rows().unwrap());
                    got.snapshots.insert(kind, rows.map(|row| (row.key().to_owned(), row)).collect());
                }
            }
        }
    }

    fn take(&self, envelope: Envelope, srv_ts: i64) -> (Ack, Vec<Kind>) {
        let mut got = self.got();
        let mut wanted = Vec::new();
        let (ep, mut seq) = got.cursor.filter(|(ep, _)| *ep == envelope.ep).unwrap_or((envelope.ep, 0));
        for record in envelope.recs {
            if record.seq != seq + 1 {
                got.repeats += usize::from(record.seq <= seq);
                continue;
            }
            seq = record.seq;
            if let Event::MirrorDigest { kind, .. } = &record.event {
                wanted.push(*kind);
            }
            got.events.push(record.event);
        }
        got.cursor = Some((ep, seq));
        (Ack { v: VERSION, ep, seq, srv_ts }, wanted)
    }

    /// Every outcome reported so far.
    pub(super) fn results(&self) -> Vec<ItemResult> {
        let got = self.got();
        let results = got.events.iter().filter_map(|event| match event {
            Event::DesiredResult { items } => Some(items.clone()),
            _ => None,
        });
        results.flatten().collect()
    }

    pub(super) fn count(&self, is: impl Fn(&Event) -> bool) -> usize {
        self.got().events.iter().filter(|event| is(event)).count()
    }

    /// The first event that is asked for.
    pub(super) fn find<T>(&self, of: impl Fn(&Event) -> Option<T>) -> Option<T> {
        self.got().events.iter().find_map(of)
    }
}

/// Waits until a condition holds.
pub(super) async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until something is there.
pub(super) async fn some<T>(what: &str, get: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = get() {
            return value;
        }
        assert!(Instant::now() < deadline, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A voucher of an hour from its first login.
pub(super) fn voucher(name: &str) -> DesiredUser {
    DesiredUser {
        service: Service::Hotspot,
        name: name.to_owned(),
        password: name.to_owned(),
        profile: "default".to_owned(),
        server: String::new(),
        disabled: false,
        online_secs: Some(43_200),
        limit_bytes: None,
        mac: String::new(),
        mac_lock: true,
        used: Used::default(),
        moves: 0,
        over: false,
        remote_address: String::new(),
        adopt: false,
        mark: Mark::Voucher {
            marker: "VOUCHER_SYSTEM".to_owned(),
            price: 3_000,
            active_secs: Some(3_600),
            activate_before: None,
            first_login: None,
            valid_until: None,
        },
    }
}

pub(super) fn vouchers(count: usize) -> Vec<Object> {
    (0..count).map(|n| Object::User(voucher(&format!("KB{n:05}")))).collect()
}
