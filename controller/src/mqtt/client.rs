//! The client of an external broker, and the manager of its accounts. The one file that names rumqttc.
//!
//! rumqttc forgets what was in flight when it reconnects, and does not subscribe again. So each connection has a client
//! of its own, nothing is taken over from the last one, and delivery is left to the application's acknowledgements.
//! Incoming messages are acknowledged when the controller has taken them; until then the broker keeps them, up to the
//! receive maximum.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use hiji_shared::{agent_id::AgentId, limits::MAX_PAYLOAD, signed::hex, topic};
use rumqttc::{
    TlsConfiguration, Transport,
    v5::{
        AsyncClient, Event, EventLoop, MqttOptions,
        mqttbytes::{
            QoS,
            v5::{Packet, Publish, SubscribeReasonCode},
        },
    },
};
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use super::url::UrlError;
use super::{
    AgentGrant, BusEvent, BusKind, BusStatus, EVENTS, ManageError, Provisioning, PublishError,
    dynsec::{self, Command, Response, Standing},
    status::Counters,
    url::Target,
};

/// Messages of the controller waiting for the broker.
const OUTGOING: usize = 1024;
/// Requests waiting inside rumqttc: few, the queue that counts is ours.
const REQUESTS: usize = 64;
/// Messages the broker may send before the first is acknowledged.
const RECEIVE_MAXIMUM: u16 = 100;
/// Messages received and not yet told: those, and some with QoS 0, which are dropped beyond it.
const RECEIVED: usize = 512;
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Largest packet: the largest payload, its topic and properties.
const MAX_PACKET: usize = MAX_PAYLOAD + 4096;
/// For the broker to answer account commands.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// Account commands in one message.
const COMMANDS_AT_ONCE: usize = 50;
/// Waits between attempts to connect, each with up to as much again at random.
const FIRST_RETRY: Duration = Duration::from_millis(250);
const LAST_RETRY: Duration = Duration::from_secs(30);
/// For the last messages to leave at stop.
const STOP_TIME: Duration = Duration::from_secs(1);

/// The controller's hold on the client.
#[derive(Debug, Clone)]
pub(super) struct Handle {
    shared: Arc<Shared>,
    outgoing: mpsc::Sender<Outgoing>,
}

#[derive(Debug)]
struct Outgoing {
    topic: String,
    payload: Vec<u8>,
    retain: bool,
}

#[derive(Debug)]
struct Shared {
    username: String,
    connected: AtomicBool,
    counters: Counters,
    provisioning: Mutex<Provisioning>,
    /// Accounts granted by this process; made sure of again on each connection.
    grants: Mutex<BTreeMap<AgentId, AgentGrant>>,
    control: Mutex<Option<Control>>,
}

impl Handle {
    pub(super) fn publish(&self, topic: String, payload: Vec<u8>, retain: bool) -> Result<(), PublishError> {
        let counters = &self.shared.counters;
        if !self.shared.connected.load(Relaxed) {
            counters.publish_failures.one();
            return Err(PublishError::Down);
        }
        match self.outgoing.try_send(Outgoing { topic, payload, retain }) {
            Ok(()) => {
                counters.messages_out.one();
                Ok(())
            }
            Err(error) => {
                counters.publish_failures.one();
                Err(match error {
                    mpsc::error::TrySendError::Full(_) => PublishError::Full,
                    mpsc::error::TrySendError::Closed(_) => PublishError::Down,
                })
            }
        }
    }

    pub(super) async fn grant(&self, grant: &AgentGrant) -> Result<(), ManageError> {
        lock(&self.shared.grants).insert(grant.agent.clone(), grant.clone());
        let control = self.control()?;
        ensure(&control, std::slice::from_ref(grant)).await
    }

    pub(super) async fn revoke(&self, agent: &AgentId) -> Result<(), ManageError> {
        lock(&self.shared.grants).remove(agent);
        let control = self.control()?;
        control.manage(&dynsec::remove_agent(agent)).await.map(|_answers| ())
    }

    pub(super) fn status(&self) -> BusStatus {
        BusStatus {
            kind: BusKind::External,
            connected: self.shared.connected.load(Relaxed),
            sessions: 0,
            provisioning: lock(&self.shared.provisioning).clone(),
            counts: self.shared.counters.snapshot(),
        }
    }

    fn control(&self) -> Result<Control, ManageError> {
        if matches!(*lock(&self.shared.provisioning), Provisioning::Unavailable(_)) {
            return Err(ManageError::NoAnswer);
        }
        lock(&self.shared.control).clone().ok_or(ManageError::Down)
    }
}

/// A conversation with the dynamic security plugin, over one connection.
#[derive(Debug, Clone)]
struct Control {
    client: AsyncClient,
    serial: Arc<AtomicU64>,
    /// Who waits for which answer.
    waiting: Arc<Mutex<HashMap<String, oneshot::Sender<Response>>>>,
}

impl Control {
    fn new(client: AsyncClient) -> Self {
        Self { client, serial: Arc::default(), waiting: Arc::default() }
    }

    /// Sends commands and waits for all their answers.
    async fn ask(&self, commands: &[Command]) -> Result<Vec<Response>, ManageError> {
        let mut answers = Vec::with_capacity(commands.len());
        for some in commands.chunks(COMMANDS_AT_ONCE) {
            let prefix = self.serial.fetch_add(1, Relaxed).to_string();
            let expected: Vec<_> = (0..some.len())
                .map(|at| {
                    let (answer, answered) = oneshot::channel();
                    lock(&self.waiting).insert(format!("{prefix}.{at}"), answer);
                    answered
                })
                .collect();
            let message = dynsec::message(some, &prefix);
            let conversation = async {
                let sent = self.client.publish(dynsec::REQUESTS, QoS::AtLeastOnce, false, message).await;
                sent.map_err(|_ended| ManageError::Down)?;
                futures_util::future::try_join_all(expected).await.map_err(|_ended| ManageError::Down)
            };
            let answered = timeout(ANSWER_TIME, conversation).await;
            lock(&self.waiting).retain(|key, _| key.split_once('.').is_none_or(|(of, _)| of != prefix));
            answers.extend(answered.map_err(|_late| ManageError::NoAnswer)??);
        }
        Ok(answers)
    }

    /// The same, and none may have failed.
    async fn manage(&self, commands: &[Command]) -> Result<Vec<Response>, ManageError> {
        let answers = self.ask(commands).await?;
        match answers.iter().find_map(dynsec::failure) {
            Some(refused) => Err(ManageError::Refused(refused)),
            None => Ok(answers),
        }
    }

    /// Passes answers on to who waits for them.
    fn answered(&self, payload: &[u8]) {
        for response in dynsec::parse(payload) {
            let waiter = response.correlation.as_ref().and_then(|key| lock(&self.waiting).remove(key));
            if let Some(waiter) = waiter {
                // It may have stopped waiting just now.
                let _gone = waiter.send(response);
            }
        }
    }
}

/// Makes sure of accounts; what is right already is left alone.
async fn ensure(control: &Control, grants: &[AgentGrant]) -> Result<(), ManageError> {
    let questions: Vec<Command> = grants.iter().map(|grant| dynsec::get_client(grant.agent.as_str())).collect();
    let answers = control.manage(&questions).await?;
    let wrong =
        grants.iter().zip(&answers).filter(|(grant, answer)| dynsec::standing(answer, grant) != Standing::Right);
    let commands: Vec<Command> = wrong.flat_map(|(grant, _)| dynsec::create_agent(grant)).collect();
    control.manage(&commands).await.map(|_answers| ())
}

/// Starts the client; see [`super::start_external`].
pub(super) async fn start(
    url: &SecretString,
    stop: CancellationToken,
    tracker: &TaskTracker,
) -> Result<(Handle, mpsc::Receiver<BusEvent>), UrlError> {
    let target = Target::parse(url.expose_secret())?;
    let options = options(&target).await?;
    let (events, told) = mpsc::channel(EVENTS);
    let (outgoing, waiting) = mpsc::channel(OUTGOING);
    let shared = Arc::new(Shared {
        username: target.username,
        connected: AtomicBool::new(false),
        counters: Counters::default(),
        provisioning: Mutex::new(Provisioning::Unknown),
        grants: Mutex::default(),
        control: Mutex::default(),
    });
    tracker.spawn(run(Arc::clone(&shared), options, events, waiting, stop));
    Ok((Handle { shared, outgoing }, told))
}

async fn options(target: &Target) -> Result<MqttOptions, UrlError> {
    // Random: two controllers with one id would end each other's connections for ever.
    let id = format!("hiji-controller-{}", hex(&random()));
    // Without TLS, rumqttc puts host and port together in one text.
    let bare = !target.tls && target.host.contains(':');
    let host = if bare { format!("[{}]", target.host) } else { target.host.clone() };
    let mut options = MqttOptions::new(id, host, target.port);
    options
        .set_credentials(&target.username, target.password.expose_secret())
        .set_clean_start(true)
        .set_keep_alive(KEEP_ALIVE)
        .set_manual_acks(true)
        .set_receive_maximum(Some(RECEIVE_MAXIMUM))
        .set_max_packet_size(u32::try_from(MAX_PACKET).ok());
    if target.tls {
        let config = tls(target.ca.as_deref()).await?;
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::new(config))));
    }
    Ok(options)
}

async fn tls(ca: Option<&str>) -> Result<ClientConfig, UrlError> {
    let mut roots = RootCertStore::empty();
    match ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let unreadable = |source| UrlError::Authority { path: path.to_owned(), source };
            let pem = tokio::fs::read(path).await.map_err(unreadable)?;
            for certificate in rustls_pemfile::certs(&mut pem.as_slice()) {
                let added = roots.add(certificate.map_err(unreadable)?);
                added.map_err(|_malformed| UrlError::NoCertificate(path.to_owned()))?;
            }
            if roots.is_empty() {
                return Err(UrlError::NoCertificate(path.to_owned()));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3");
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Connects for as long as the controller runs.
async fn run(
    shared: Arc<Shared>,
    options: MqttOptions,
    events: mpsc::Sender<BusEvent>,
    mut outgoing: mpsc::Receiver<Outgoing>,
    stop: CancellationToken,
) {
    let mut retry = FIRST_RETRY;
    loop {
        let (client, eventloop) = AsyncClient::new(options.clone(), REQUESTS);
        let connection = Connection { shared: &shared, events: &events, client, control: None };
        let ended = connection.serve(eventloop, &mut outgoing, &stop).await;
        lock(&shared.control).take();
        let was_connected = shared.connected.swap(false, Relaxed);
        if stop.is_cancelled() {
            return;
        }
        if was_connected {
            retry = FIRST_RETRY;
            tracing::warn!("the connection to the MQTT broker is gone: {ended}");
            let _ended = events.send(BusEvent::Down { reason: ended }).await;
        } else {
            tracing::warn!("cannot connect to the MQTT broker: {ended}");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(retry + jitter(retry)) => {}
        }
        retry = (retry * 2).min(LAST_RETRY);
    }
}

/// One connection.
struct Connection<'a> {
    shared: &'a Arc<Shared>,
    events: &'a mpsc::Sender<BusEvent>,
    client: AsyncClient,
    control: Option<Control>,
}

impl Connection<'_> {
    /// Until it ends; says why.
    async fn serve(
        mut self,
        mut eventloop: EventLoop,
        outgoing: &mut mpsc::Receiver<Outgoing>,
        stop: &CancellationToken,
    ) -> String {
        let (received, told) = mpsc::channel(RECEIVED);
        let (subscribed, ready) = oneshot::channel();
        let (client, shared, events) = (self.client.clone(), self.shared, self.events);
        let control = Control::new(client.clone());
        self.control = Some(control.clone());
        let polling = self.poll(&mut eventloop, received, subscribed);
        let telling = tell(&client, events, told);
        let working = async {
            match ready.await {
                Ok(true) => {
                    shared.connected.store(true, Relaxed);
                    shared.counters.restarts.one();
                    let _ended = events.send(BusEvent::Restarted).await;
                    tokio::join!(publish(&client, outgoing), provide(shared, control));
                    std::future::pending().await
                }
                // Perhaps we may give ourselves the right to it.
                Ok(false) => {
                    provide(shared, control).await;
                    "the broker does not let the controller subscribe to its agents".to_owned()
                }
                Err(_) => std::future::pending().await,
            }
        };
        let stopping = async {
            stop.cancelled().await;
            // Behind what is already queued; the broker closes the connection then.
            let _ended = client.disconnect().await;
            sleep(STOP_TIME).await;
        };
        tokio::select! {
            ended = polling => ended,
            () = telling => "the controller stopped listening".to_owned(),
            ended = working => ended,
            () = stopping => "the controller is stopping".to_owned(),
        }
    }

    /// Keeps rumqttc going and sorts what comes in. Never waits for anything else: it also sends the pings.
    async fn poll(
        self,
        eventloop: &mut EventLoop,
        received: mpsc::Sender<Publish>,
        subscribed: oneshot::Sender<bool>,
    ) -> String {
        let mut subscribed = Some(subscribed);
        loop {
            let packet = match eventloop.poll().await {
                Ok(Event::Incoming(packet)) => packet,
                Ok(Event::Outgoing(_)) => continue,
                Err(error) => return error.to_string(),
            };
            match packet {
                Packet::ConnAck(_) => {
                    let first = self.client.try_subscribe(dynsec::RESPONSES, QoS::AtLeastOnce);
                    let second = self.client.try_subscribe(topic::all_uplinks(), QoS::AtLeastOnce);
                    if first.is_err() || second.is_err() {
                        return "cannot subscribe".to_owned();
                    }
                }
                Packet::SubAck(ack) if ack.pkid == UPLINKS => {
                    let granted = matches!(ack.return_codes.as_slice(), [SubscribeReasonCode::Success(_)]);
                    if let Some(subscribed) = subscribed.take() {
                        let _ended = subscribed.send(granted);
                    }
                }
                // Without the answers of dynamic security, it does not answer: that is found out by asking.
                Packet::SubAck(_) => {}
                Packet::Publish(publish) => self.received(publish, &received),
                Packet::Disconnect(disconnect) => {
                    return format!("disconnected by the broker: {:?}", disconnect.reason_code);
                }
                Packet::Auth(_)
                | Packet::Connect(..)
                | Packet::PubAck(_)
                | Packet::PingReq(_)
                | Packet::PingResp(_)
                | Packet::Subscribe(_)
                | Packet::PubRec(_)
                | Packet::PubRel(_)
                | Packet::PubComp(_)
                | Packet::Unsubscribe(_)
                | Packet::UnsubAck(_) => {}
            }
        }
    }

    fn received(&self, publish: Publish, received: &mpsc::Sender<Publish>) {
        if publish.topic == dynsec::RESPONSES {
            let _behind = self.client.try_ack(&publish);
            if let Some(control) = &self.control {
                control.answered(&publish.payload);
            }
            return;
        }
        let counters = &self.shared.counters;
        counters.messages_in.one();
        counters.bytes_in.add(publish.payload.len());
        // Full: only QoS 0 gets here, the others are bounded by the receive maximum.
        if received.try_send(publish).is_err() {
            counters.throttled.one();
        }
    }
}

/// Packet id of the subscription to the agents: the second request of each connection.
const UPLINKS: u16 = 2;

/// Tells the controller what came, and acknowledges what it took.
async fn tell(client: &AsyncClient, events: &mpsc::Sender<BusEvent>, mut received: mpsc::Receiver<Publish>) {
    while let Some(publish) = received.recv().await {
        let topic = String::from_utf8_lossy(&publish.topic).into_owned();
        let event = BusEvent::Message { topic, payload: Bytes::clone(&publish.payload) };
        if events.send(event).await.is_err() || client.ack(&publish).await.is_err() {
            return;
        }
    }
}

async fn publish(client: &AsyncClient, outgoing: &mut mpsc::Receiver<Outgoing>) {
    while let Some(Outgoing { topic, payload, retain }) = outgoing.recv().await {
        if client.publish(topic, QoS::AtLeastOnce, retain, payload).await.is_err() {
            return;
        }
    }
}

/// Sets the broker's rules and accounts right, and says whether it lets itself be managed.
async fn provide(shared: &Shared, control: Control) {
    let provided = set_up(shared, &control).await;
    let state = match &provided {
        Ok(()) => Provisioning::Ready,
        Err(error) => Provisioning::Unavailable(error.to_string()),
    };
    let before = std::mem::replace(&mut *lock(&shared.provisioning), state.clone());
    match provided {
        Ok(()) => *lock(&shared.control) = Some(control),
        Err(error) if before != state => tracing::warn!(
            "the MQTT broker's accounts are not managed ({error}); agents need accounts and rules made by hand: \
             publish hiji/v1/a/AGENT/up/#, subscribe hiji/v1/a/AGENT/dn/#"
        ),
        Err(_) => {}
    }
}

async fn set_up(shared: &Shared, control: &Control) -> Result<(), ManageError> {
    let questions = [dynsec::get_default_access(), dynsec::get_client(&shared.username)];
    let answers = control.manage(&[&questions[..], &[dynsec::create_controller_role()]].concat()).await?;
    if !answers.first().is_some_and(dynsec::denies_by_default) {
        control.manage(&[dynsec::deny_by_default()]).await?;
    }
    if !answers.get(1).is_some_and(dynsec::has_controller_role) {
        // This ends the connection once; the next one finds the role.
        control.manage(&[dynsec::take_controller_role(&shared.username)]).await?;
    }
    let grants: Vec<AgentGrant> = lock(&shared.grants).values().cloned().collect();
    ensure(control, &grants).await
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn jitter(up_to: Duration) -> Duration {
    up_to * u32::from(random()[0]) / 255
}

fn random() -> [u8; 8] {
    let mut bytes = [0; 8];
    // Without randomness: the same id and no jitter, both of which only make reconnecting slower.
    let _unlikely = getrandom::fill(&mut bytes);
    bytes
}
