//! One connection to the broker: the only file that names the MQTT client library.
//!
//! A connection is used once: after any error a new one is made, because the library drops or repeats what was in
//! flight when it reconnects by itself. Nothing here is trusted to arrive; the outbox and its acknowledgements see to
//! that. Never waits for the broker when publishing: what does not fit is sent later.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use hiji_shared::{limits::MAX_PAYLOAD, topic::Topic};
use rumqttc::{
    NetworkOptions, Outgoing, TlsConfiguration, Transport,
    v5::{
        AsyncClient, ConnectionError, Event, EventLoop, MqttOptions,
        mqttbytes::{
            QoS,
            v5::{ConnectProperties, ConnectReturnCode, LastWill, Packet},
        },
    },
};
use rustls::ClientConfig;
use tokio::{sync::mpsc, task::JoinHandle};

/// Silence after which the broker is asked for a sign of life.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Messages the broker may have sent without our acknowledgement.
const RECEIVE_MAX: u16 = 20;
/// Messages on the way that the broker has not acknowledged.
const IN_FLIGHT: u16 = 20;
/// Requests waiting for the library.
const REQUESTS: usize = 64;
/// Things that happened and wait for the agent.
const EVENTS: usize = 64;

/// Where the broker is.
#[derive(Debug, Clone)]
pub(crate) struct Broker {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

/// Who connects.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) id: String,
    pub(crate) password: String,
    /// What the broker says, retained, when the connection breaks.
    pub(crate) will: (Topic, Vec<u8>),
    /// What is subscribed.
    pub(crate) filter: String,
}

/// What a message is to flow control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// A chunk of a snapshot: few at a time.
    Chunk,
    Other,
}

/// How a message is to be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Once is tried; loss does not matter.
    Once,
    /// Until the broker has it.
    AtLeastOnce,
    /// The same, and the broker keeps it for later subscribers.
    Retained,
}

/// What happened on the connection.
#[derive(Debug)]
pub(crate) enum Happened {
    Connected,
    Message {
        topic: Topic,
        payload: Bytes,
    },
    /// The broker has one more message of this weight.
    Acknowledged(Weight),
    /// It is over.
    Ended(Ended),
}

/// Why a connection is over.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The broker does not accept who we are.
    pub(crate) refused: bool,
    pub(crate) why: String,
}

/// The library's queue is full: try again when something was acknowledged.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// One connection.
#[derive(Debug)]
pub(crate) struct Link {
    client: AsyncClient,
    happened: mpsc::Receiver<Happened>,
    asked: Arc<Mutex<VecDeque<Weight>>>,
    task: JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Link {
    /// Begins to connect; what comes of it is told by [`Self::next`].
    pub(crate) fn open(broker: &Broker, login: Login) -> Self {
        let host = if broker.tls.is_none() && broker.host.contains(':') {
            format!("[{}]", broker.host)
        } else {
            broker.host.clone()
        };
        let mut options = MqttOptions::new(login.id.clone(), host, broker.port);
        options
            .set_keep_alive(KEEP_ALIVE)
            .set_clean_start(true)
            .set_credentials(login.id, login.password)
            .set_outgoing_inflight_upper_limit(IN_FLIGHT)
            .set_last_will(LastWill::new(login.will.0.to_string(), login.will.1, QoS::AtLeastOnce, true, None));
        let mut properties = ConnectProperties::new();
        properties.session_expiry_interval = Some(0);
        properties.receive_maximum = Some(RECEIVE_MAX);
        // The library's own limit of 10 KiB makes it reconnect for ever over a larger message.
        properties.max_packet_size = u32::try_from(MAX_PAYLOAD + 4_096).ok();
        options.set_connect_properties(properties);
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        options.set_network_options(network);
        if let Some(tls) = &broker.tls {
            options.set_transport(Transport::Tls(TlsConfiguration::Rustls(Arc::clone(tls))));
        }
        let (client, events) = AsyncClient::new(options, REQUESTS);
        let (sender, happened) = mpsc::channel(EVENTS);
        let asked = Arc::new(Mutex::new(VecDeque::new()));
        let pump = pump(events, client.clone(), login.filter, sender, Arc::clone(&asked));
        Self { client, happened, asked, task: tokio::spawn(pump) }
    }

    /// What happened next; after [`Happened::Ended`] nothing more.
    pub(crate) async fn next(&mut self) -> Happened {
        let gone = || Happened::Ended(Ended { refused: false, why: "the connection was dropped".to_owned() });
        self.happened.recv().await.unwrap_or_else(gone)
    }

    /// Hands a message to the library.
    ///
    /// # Errors
    /// [`Full`].
    pub(crate) fn publish(&self, topic: &Topic, body: Vec<u8>, delivery: Delivery, weight: Weight) -> Result<(), Full> {
        let (qos, retain) = match delivery {
            Delivery::Once => (QoS::AtMostOnce, false),
            Delivery::AtLeastOnce => (QoS::AtLeastOnce, false),
            Delivery::Retained => (QoS::AtLeastOnce, true),
        };
        // Noted first and under the lock: the other task must find it when the message leaves.
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push_back(weight);
        self.client.try_publish(topic.to_string(), qos, retain, body).map_err(|_full| {
            asked.pop_back();
            Full
        })
    }

    /// Says goodbye after what was published before, and waits for it a moment.
    pub(crate) async fn close(mut self, patience: Duration) {
        if self.client.try_disconnect().is_err() {
            return;
        }
        let ended = async { while !matches!(self.next().await, Happened::Ended(_)) {} };
        let _in_time = tokio::time::timeout(patience, ended).await;
    }
}

/// Drives the library until the connection is over.
async fn pump(
    mut events: EventLoop,
    client: AsyncClient,
    filter: String,
    happened: mpsc::Sender<Happened>,
    asked: Arc<Mutex<VecDeque<Weight>>>,
) {
    let mut in_flight: HashMap<u16, Weight> = HashMap::new();
    loop {
        let told = match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                // Subscriptions are not renewed by the library.
                if client.try_subscribe(filter.clone(), QoS::AtLeastOnce).is_err() {
                    tracing::warn!("cannot subscribe: the library takes no more requests");
                }
                Some(Happened::Connected)
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                let topic = std::str::from_utf8(&publish.topic).ok().and_then(|topic| topic.parse().ok());
                topic.map(|topic| Happened::Message { topic, payload: publish.payload })
            }
            Ok(Event::Incoming(Packet::PubAck(ack))) => in_flight.remove(&ack.pkid).map(Happened::Acknowledged),
            Ok(Event::Incoming(Packet::Disconnect(goodbye))) => {
                let why = format!("the broker ended the connection: {:?}", goodbye.reason_code);
                Some(Happened::Ended(Ended { refused: false, why }))
            }
            Ok(Event::Outgoing(Outgoing::Publish(id))) => {
                let weight = asked.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                if let (Some(weight), true) = (weight, id != 0) {
                    in_flight.insert(id, weight);
                }
                None
            }
            Ok(Event::Outgoing(Outgoing::Disconnect)) => {
                Some(Happened::Ended(Ended { refused: false, why: "disconnected".to_owned() }))
            }
            Ok(Event::Incoming(_) | Event::Outgoing(_)) => None,
            Err(error) => Some(Happened::Ended(ended(&error))),
        };
        let Some(told) = told else { continue };
        let over = matches!(told, Happened::Ended(_));
        if happened.send(told).await.is_err() || over {
            return;
        }
    }
}

fn ended(error: &ConnectionError) -> Ended {
    let refused = matches!(
        error,
        ConnectionError::ConnectionRefused(
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized | ConnectReturnCode::Banned
        )
    );
    Ended { refused, why: error.to_string() }
}
