//! The two brokers, as the tests use them: a bus, two agents with accounts, what reached the controller.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use futures_util::future::BoxFuture;
use hiji_controller::mqtt::{
    AgentGrant, Authenticator, Bus, BusEvent, Deny, GateConfig, Identity, Limits, Login, Rate, Timing, TlsListen,
    start_embedded, start_external,
};
use hiji_shared::{
    agent_id::AgentId,
    topic::{Down, Topic, Up, agent_publishes, agent_subscribes, all_uplinks, site_stream},
};
use hiji_tests::mosquitto::Mosquitto;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::raw::PATIENCE;

/// Names and passwords of two who may publish and subscribe `chat/#`, and of one who may read the stream of site 1.
pub(crate) const CHATTERS: [(&str, &str); 2] = [("chatter", "chatter's password"), ("babbler", "babbler's password")];
/// One who may read what all agents send, as a controller elsewhere would.
pub(crate) const LISTENER: (&str, &str) = ("listener", "listeners-password");
pub(crate) const VIEWER: (&str, &str) = ("s-viewer", "viewer's password");

/// Agents in the crowd.
const CROWD: u8 = 8;

/// An agent's account.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) agent: AgentId,
    pub(crate) password: String,
}

impl Account {
    pub(crate) fn new(seed: u8) -> Self {
        Self { agent: AgentId::from_random([seed; 10]), password: format!("password of {seed}") }
    }

    pub(crate) fn name(&self) -> &str {
        self.agent.as_str()
    }

    pub(crate) fn login(&self) -> (&str, &str) {
        (self.agent.as_str(), &self.password)
    }

    pub(crate) fn up(&self, up: Up) -> Topic {
        Topic::Up(self.agent.clone(), up)
    }

    pub(crate) fn down(&self, down: Down) -> Topic {
        Topic::Down(self.agent.clone(), down)
    }
}

struct Accounts(HashMap<String, (SecretString, Identity)>);

impl Accounts {
    fn new(agents: &[Account]) -> Self {
        let mut accounts = HashMap::new();
        for account in agents {
            let identity = Identity {
                session: format!("a.{}", account.agent),
                agent: Some(account.agent.clone()),
                publish: vec![agent_publishes(&account.agent)],
                subscribe: vec![agent_subscribes(&account.agent)],
                retain: vec![account.up(Up::Presence).to_string()],
            };
            accounts.insert(account.name().to_owned(), (account.password.clone().into(), identity));
        }
        let identity = |name: &str, publish: Vec<String>, subscribe: Vec<String>| Identity {
            session: format!("s.{name}"),
            agent: None,
            retain: publish.clone(),
            publish,
            subscribe,
        };
        for (name, password) in CHATTERS {
            let chatter = identity(name, vec!["chat/#".into()], vec!["chat/#".into()]);
            accounts.insert(name.to_owned(), (password.into(), chatter));
        }
        let listener = identity(LISTENER.0, vec![], vec![all_uplinks()]);
        accounts.insert(LISTENER.0.to_owned(), (LISTENER.1.into(), listener));
        let viewer = identity(VIEWER.0, vec![], site_stream("1").to_vec());
        accounts.insert(VIEWER.0.to_owned(), (VIEWER.1.into(), viewer));
        Self(accounts)
    }
}

impl Authenticator for Accounts {
    fn authenticate(&self, login: Login) -> BoxFuture<'static, Result<Identity, Deny>> {
        let account = self.0.get(&login.username);
        let answer = match account {
            Some((password, identity)) if password.expose_secret() == login.password.expose_secret() => {
                Ok(identity.clone())
            }
            _ => Err(Deny::BadCredentials),
        };
        Box::pin(async move { answer })
    }
}

/// A broker with its bus and two agents, A and B. At the gate there is also a crowd of agents.
pub(crate) struct Broker {
    pub(crate) bus: Bus,
    pub(crate) addr: SocketAddr,
    pub(crate) tls: Option<SocketAddr>,
    pub(crate) a: Account,
    pub(crate) b: Account,
    pub(crate) crowd: Vec<Account>,
    pub(crate) mosquitto: Option<Mosquitto>,
    events: mpsc::Receiver<BusEvent>,
    stop: CancellationToken,
    tracker: TaskTracker,
}

/// As the product's, but for limits that are in the way of tests.
pub(crate) fn config() -> GateConfig {
    GateConfig {
        listen: Some((Ipv4Addr::LOCALHOST, 0).into()),
        limits: Limits {
            connects_per_identity: Rate { per_second: 100_000, burst: 100_000 },
            topics_per_identity: 100_000,
            filters_per_identity: 1_000,
            ..Limits::default()
        },
        timing: Timing { drain: Duration::from_secs(1), ..Timing::default() },
        ..GateConfig::default()
    }
}

pub(crate) fn with_tls(cert: &std::path::Path, key: &std::path::Path) -> GateConfig {
    let addr = (Ipv4Addr::LOCALHOST, 0).into();
    GateConfig { tls: Some(TlsListen { addr, cert: cert.to_owned(), key: key.to_owned() }), ..config() }
}

impl Broker {
    pub(crate) async fn embedded() -> anyhow::Result<Self> {
        Self::embedded_with(config()).await
    }

    pub(crate) async fn embedded_with(config: GateConfig) -> anyhow::Result<Self> {
        let (a, b) = (Account::new(1), Account::new(2));
        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        let crowd: Vec<Account> = (100..100 + CROWD).map(Account::new).collect();
        let accounts = Arc::new(Accounts::new(&[&[a.clone(), b.clone()][..], &crowd].concat()));
        let (bus, events, addr, tls) = start_embedded(config, accounts, stop.clone(), &tracker).await?;
        let addr = addr.context("no plain listener")?;
        let mut broker = Self { bus, addr, tls, a, b, crowd, mosquitto: None, events, stop, tracker };
        ensure!(broker.event().await? == BusEvent::Restarted, "the first news is that the broker is up");
        Ok(broker)
    }

    /// A Mosquitto whose accounts are made by hiji's client.
    pub(crate) async fn external() -> anyhow::Result<Self> {
        let mosquitto = Mosquitto::start().await?;
        let (a, b) = (Account::new(1), Account::new(2));
        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        let (bus, events) = start_external(&mosquitto.url.clone().into(), stop.clone(), &tracker).await?;
        let addr = mosquitto.addr;
        let crowd = Vec::new();
        let broker = Self { bus, addr, tls: None, a, b, crowd, mosquitto: Some(mosquitto), events, stop, tracker };
        for account in [&broker.a, &broker.b] {
            broker.grant(account).await?;
        }
        Ok(broker)
    }

    /// Grants until the broker is there.
    pub(crate) async fn grant(&self, account: &Account) -> anyhow::Result<()> {
        let grant = AgentGrant { agent: account.agent.clone(), password: account.password.clone().into() };
        let deadline = Instant::now() + PATIENCE * 2;
        loop {
            match self.bus.grant(&grant).await {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error).context("granting an account"),
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    }

    pub(crate) async fn event(&mut self) -> anyhow::Result<BusEvent> {
        timeout(PATIENCE, self.events.recv()).await.context("the bus says nothing")?.context("the bus has ended")
    }

    /// Forgets what was told so far.
    pub(crate) fn forget(&mut self) {
        while self.events.try_recv().is_ok() {}
    }

    /// The next event that passes.
    pub(crate) async fn event_that(&mut self, mut passes: impl FnMut(&BusEvent) -> bool) -> anyhow::Result<BusEvent> {
        loop {
            let event = self.event().await?;
            if passes(&event) {
                return Ok(event);
            }
        }
    }

    /// All messages up to the one with this payload, that one included.
    pub(crate) async fn messages_until(&mut self, last: &str) -> anyhow::Result<Vec<(String, String)>> {
        let mut messages = Vec::new();
        loop {
            let event = self.event().await.with_context(|| format!("waiting for {last:?}, got {messages:?}"))?;
            if let BusEvent::Message { topic, payload } = event {
                let payload = String::from_utf8_lossy(&payload).into_owned();
                let found = payload == last;
                messages.push((topic, payload));
                if found {
                    return Ok(messages);
                }
            }
        }
    }

    /// Sends to B, repeating while the broker's queue is full.
    pub(crate) async fn tell_b(&self, payload: &str) -> anyhow::Result<()> {
        Ok(self.bus.publish(&self.b.down(Down::Command), payload.as_bytes().to_vec(), false).await?)
    }

    /// Stops the bus and waits for all its tasks; answers what was still to be told.
    pub(crate) async fn stop(mut self) -> anyhow::Result<Vec<BusEvent>> {
        self.stop.cancel();
        let mut rest = Vec::new();
        while let Some(event) = timeout(PATIENCE * 2, self.events.recv()).await.context("the bus does not end")? {
            rest.push(event);
        }
        self.tracker.close();
        timeout(PATIENCE, self.tracker.wait()).await.context("a task of the bus does not end")?;
        Ok(rest)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
