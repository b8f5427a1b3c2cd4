//! rumqttd, as far as hiji uses it: its codecs for MQTT 3.1.1 and 5, its router, and links to it.
//!
//! The one file that names the crate. rumqttd's own server is left out: it knows no rules about topics, and one client
//! can stop it for all. The gate (`gate/`) takes its place and speaks in `words.rs`. What reaches the
//! router from here is already checked: plain topics only, no `$share`, no sessions that outlive a connection, no
//! topic aliases, QoS 0 and 1, acknowledgements in order.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use rumqttd::{
    Notification, RouterConfig,
    local::{LinkBuilder, LinkRx, LinkTx},
    protocol::{
        self, ConnAck, ConnAckProperties, ConnectReturnCode, Disconnect, DisconnectReasonCode, Packet, PingReq,
        PingResp, Protocol, PubAck, PubAckReason, Publish, PublishProperties, QoS, RetainForwardRule, SubAck,
        Subscribe, SubscribeReasonCode, UnsubAck, UnsubAckReason, Unsubscribe, v4::V4, v5::V5,
    },
};
use tokio::sync::Semaphore;

use super::{
    gate::frame::{self, Frame},
    words::{
        Connect, ConnectError, DecodeError, Filter, Goodbye, Notice, Refusal, Reply, Request, RouterGone, Version,
        Welcome,
    },
};

/// The router keeps a log for every subscribed filter; when it is full its oldest segment is dropped. 16 x 1 MiB: the
/// one that counts is that of the uplinks. Downlinks never get here.
const SEGMENT_BYTES: usize = 1 << 20;
const SEGMENTS: usize = 16;
/// QoS 0 messages the router hands to a link at once.
const OUTGOING_PACKETS: u64 = 200;
/// Links being opened at the same time: each blocks a thread until the router answers.
const OPENING_LINKS: usize = 4;
/// The router sends up to this many QoS 1 messages before the first is acknowledged; ids run from 1 to it.
pub(super) const MAX_INFLIGHT: u16 = 100;

/// A message, with its properties of MQTT 5.
#[derive(Debug)]
pub(super) struct Message {
    publish: Publish,
    properties: Option<PublishProperties>,
    pub(super) qos: u8,
    pub(super) id: u16,
}

impl Message {
    /// A message of the controller's own.
    pub(super) fn new(topic: String, payload: Bytes, retain: bool) -> Self {
        Self { publish: Publish::new(topic.into(), payload, retain), properties: None, qos: 0, id: 0 }
    }

    /// Empty when it is no UTF-8.
    pub(super) fn topic(&self) -> &str {
        std::str::from_utf8(&self.publish.topic).unwrap_or_default()
    }

    pub(super) fn payload(&self) -> &Bytes {
        &self.publish.payload
    }

    pub(super) fn retain(&self) -> bool {
        self.publish.retain
    }

    pub(super) fn clear_retain(&mut self) {
        self.publish.retain = false;
    }

    /// Does it use what the gate told the client it may not: a topic alias, a subscription id?
    pub(super) fn uses_what_is_not_offered(&self) -> bool {
        self.properties.as_ref().is_some_and(|p| p.topic_alias.is_some() || !p.subscription_identifiers.is_empty())
    }
}

/// The first packet of a connection: the level byte says which codec reads it.
pub(super) fn decode_connect(frame: Frame) -> Result<(Version, Connect), ConnectError> {
    const NAME: &[u8] = b"\0\x04MQTT";
    if frame.kind() != 1 || frame.body().get(..NAME.len()) != Some(NAME) {
        return Err(ConnectError::NotMqtt);
    }
    let version = match frame.body().get(NAME.len()) {
        Some(4) => Version::V4,
        Some(5) => Version::V5,
        Some(_) | None => return Err(ConnectError::Level),
    };
    let Packet::Connect(connect, properties, will, _, login) = read(version, frame)? else {
        return Err(ConnectError::NotMqtt);
    };
    let connect = Connect {
        named_itself: !connect.client_id.is_empty(),
        keep_alive: connect.keep_alive,
        receive_maximum: properties.as_ref().and_then(|p| p.receive_maximum).unwrap_or(MAX_INFLIGHT).min(MAX_INFLIGHT),
        packet_limit: properties.as_ref().and_then(|p| p.max_packet_size),
        login: login.map(|login| (login.username, login.password.into())),
        will: will.map(|will| Message {
            publish: Publish::new(will.topic, will.message, will.retain),
            properties: None,
            qos: 0,
            id: 0,
        }),
    };
    Ok((version, connect))
}

/// Any later packet.
pub(super) fn decode(version: Version, frame: Frame) -> Result<Request, DecodeError> {
    let (kind, qos) = (frame.kind(), frame.qos());
    // Only these reach the decoder; its author did not expect the others from a client.
    if !matches!(kind, 3 | 4 | 8 | 10 | 12 | 14) {
        return Err(DecodeError::Unexpected(kind));
    }
    let id = if kind == 3 && qos > 0 { frame::packet_id(frame.body()) } else { 0 };
    Ok(match read(version, frame)? {
        Packet::Publish(publish, properties) => Request::Publish(Message { publish, properties, qos, id }),
        Packet::PubAck(ack, _) => Request::Acknowledge(ack.pkid),
        Packet::Subscribe(subscribe, _) => {
            let filter = |f: protocol::Filter| Filter { at_least_once: f.qos != QoS::AtMostOnce, path: f.path };
            Request::Subscribe { id: subscribe.pkid, filters: subscribe.filters.into_iter().map(filter).collect() }
        }
        Packet::Unsubscribe(unsubscribe, _) => {
            Request::Unsubscribe { id: unsubscribe.pkid, filters: unsubscribe.filters }
        }
        Packet::PingReq(_) => Request::Ping,
        Packet::Disconnect(disconnect, _) => {
            let with_will = disconnect.reason_code == DisconnectReasonCode::DisconnectWithWillMessage;
            Request::Disconnect { with_will }
        }
        Packet::Connect(..)
        | Packet::ConnAck(..)
        | Packet::PingResp(_)
        | Packet::SubAck(..)
        | Packet::PubRec(..)
        | Packet::PubRel(..)
        | Packet::PubComp(..)
        | Packet::UnsubAck(..) => return Err(DecodeError::Unexpected(kind)),
    })
}

fn read(version: Version, frame: Frame) -> Result<Packet, DecodeError> {
    let mut bytes = frame.into_bytes();
    let limit = bytes.len();
    // None of some hundred thousand mutated packets made them panic; the next one shall not end more than its sender.
    let read = catch_unwind(AssertUnwindSafe(|| match version {
        Version::V4 => V4.read_mut(&mut bytes, limit),
        Version::V5 => V5.read_mut(&mut bytes, limit),
    }));
    read.map_err(|_panic| DecodeError::Panicked)?.map_err(|_error| DecodeError::Malformed)
}

/// Appends the reply to `out`. What cannot be said in this version of MQTT is left unsaid.
pub(super) fn encode(version: Version, reply: Reply, out: &mut BytesMut) -> Result<(), DecodeError> {
    let packet = match reply {
        Reply::Welcome(welcome) => return encode_welcome(version, welcome, out),
        Reply::Refuse(refusal) => {
            Packet::ConnAck(ConnAck { session_present: false, code: refusal_code(version, refusal) }, None)
        }
        Reply::Acknowledge(pkid, allowed) => {
            let reason = if allowed { PubAckReason::Success } else { PubAckReason::NotAuthorized };
            Packet::PubAck(PubAck { pkid, reason }, None)
        }
        Reply::Subscribed(pkid, granted) => {
            let code = |granted: Option<u8>| match (granted, version) {
                (Some(0), _) => SubscribeReasonCode::QoS0,
                (Some(_), _) => SubscribeReasonCode::QoS1,
                (None, Version::V4) => SubscribeReasonCode::Failure,
                (None, Version::V5) => SubscribeReasonCode::NotAuthorized,
            };
            Packet::SubAck(SubAck { pkid, return_codes: granted.into_iter().map(code).collect() }, None)
        }
        Reply::Unsubscribed(pkid, known) => {
            let reason = |known| if known { UnsubAckReason::Success } else { UnsubAckReason::NoSubscriptionExisted };
            Packet::UnsubAck(UnsubAck { pkid, reasons: known.into_iter().map(reason).collect() }, None)
        }
        Reply::Pong => Packet::PingResp(PingResp),
        Reply::Goodbye(_) if version == Version::V4 => return Ok(()),
        Reply::Goodbye(goodbye) => Packet::Disconnect(Disconnect { reason_code: goodbye_code(goodbye) }, None),
        Reply::Deliver(message) => {
            // Version 4 has no properties, and its encoder stops at them.
            Packet::Publish(message.publish, message.properties.filter(|_| version == Version::V5))
        }
    };
    write(version, packet, out)
}

fn encode_welcome(version: Version, welcome: Welcome, out: &mut BytesMut) -> Result<(), DecodeError> {
    let properties = ConnAckProperties {
        session_expiry_interval: Some(0),
        receive_max: Some(MAX_INFLIGHT),
        max_qos: Some(1),
        max_packet_size: Some(welcome.packet_limit),
        topic_alias_max: Some(0),
        shared_subscription_available: Some(0),
        subscription_identifiers_available: Some(0),
        server_keep_alive: welcome.keep_alive,
        assigned_client_identifier: welcome.assigned_id,
        ..ConnAckProperties::default()
    };
    let ack = ConnAck { session_present: false, code: ConnectReturnCode::Success };
    write(version, Packet::ConnAck(ack, Some(properties)), out)
}

fn write(version: Version, packet: Packet, out: &mut BytesMut) -> Result<(), DecodeError> {
    let written = match version {
        Version::V4 => V4.write(packet, out),
        Version::V5 => V5.write(packet, out),
    };
    written.map(|_length| ()).map_err(|_error| DecodeError::Malformed)
}

fn refusal_code(version: Version, refusal: Refusal) -> ConnectReturnCode {
    match (refusal, version) {
        (Refusal::BadCredentials, _) => ConnectReturnCode::BadUserNamePassword,
        (Refusal::NotAuthorized, _) => ConnectReturnCode::NotAuthorized,
        (Refusal::Busy | Refusal::TooOften, Version::V4) => ConnectReturnCode::ServiceUnavailable,
        (Refusal::Busy, Version::V5) => ConnectReturnCode::ServerBusy,
        (Refusal::TooOften, Version::V5) => ConnectReturnCode::ConnectionRateExceeded,
    }
}

fn goodbye_code(goodbye: Goodbye) -> DisconnectReasonCode {
    match goodbye {
        Goodbye::Malformed => DisconnectReasonCode::MalformedPacket,
        Goodbye::NotAuthorized => DisconnectReasonCode::NotAuthorized,
        Goodbye::KeepAlive => DisconnectReasonCode::KeepAliveTimeout,
        Goodbye::TakenOver => DisconnectReasonCode::SessionTakenOver,
        Goodbye::TooLarge => DisconnectReasonCode::PacketTooLarge,
        Goodbye::QosTwo => DisconnectReasonCode::QoSNotSupported,
        Goodbye::TopicAlias => DisconnectReasonCode::TopicAliasInvalid,
        Goodbye::Administrative => DisconnectReasonCode::AdministrativeAction,
        Goodbye::Restarting => DisconnectReasonCode::ServerBusy,
        Goodbye::ShuttingDown => DisconnectReasonCode::ServerShuttingDown,
    }
}

type OpenLink = dyn Fn(&str) -> Result<(LinkTx, LinkRx, Notification), RouterGone> + Send + Sync;

/// rumqttd's router: a thread of its own. It cannot be stopped; when the process lets go of it, it sleeps for ever.
#[derive(Clone)]
pub(super) struct Router {
    // The router's sender cannot be named outside rumqttd, so it is caught in a closure.
    open: Arc<OpenLink>,
    opening: Arc<Semaphore>,
    slots: Arc<Mutex<Slots>>,
}

/// Names of links. The router remembers every name it ever saw and ends a link whose name comes again, so names are
/// numbers that are used again once they are free.
#[derive(Default)]
struct Slots {
    free: Vec<usize>,
    used: usize,
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Router").finish_non_exhaustive()
    }
}

impl Router {
    /// Starts a router for this many links.
    pub(super) fn spawn(links: usize) -> Self {
        let config = RouterConfig {
            max_connections: links,
            max_outgoing_packet_count: OUTGOING_PACKETS,
            max_segment_size: SEGMENT_BYTES,
            max_segment_count: SEGMENTS,
            ..RouterConfig::default()
        };
        let sender = rumqttd::Router::new(0, config).spawn();
        let open = move |name: &str| {
            let link = LinkBuilder::new(name, sender.clone());
            let link = link.clean_session(true).topic_alias_max(0).dynamic_filters(false);
            link.build().map_err(|_error| RouterGone)
        };
        Self { open: Arc::new(open), opening: Arc::new(Semaphore::new(OPENING_LINKS)), slots: Arc::default() }
    }

    /// Opens a link.
    pub(super) async fn link(&self) -> Result<(Outlet, Inlet), RouterGone> {
        let _permit = self.opening.acquire().await.map_err(|_closed| RouterGone)?;
        let open = Arc::clone(&self.open);
        let slot = Slot::take(&self.slots);
        let name = slot.name();
        let opened = tokio::task::spawn_blocking(move || open(&name)).await;
        let (sender, receiver, _ack) = opened.map_err(|_panic| RouterGone)??;
        Ok((Outlet { sender, _slot: slot }, Inlet { receiver, paused: false }))
    }
}

struct Slot {
    number: usize,
    slots: Arc<Mutex<Slots>>,
}

impl Slot {
    fn take(slots: &Arc<Mutex<Slots>>) -> Self {
        let mut guard = slots.lock().unwrap_or_else(PoisonError::into_inner);
        let number = guard.free.pop().unwrap_or(guard.used);
        guard.used = guard.used.max(number + 1);
        drop(guard);
        Self { number, slots: Arc::clone(slots) }
    }

    fn name(&self) -> String {
        format!("link-{}", self.number)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).free.push(self.number);
    }
}

/// The way into the router. Dropping it closes the link.
///
/// Packets are queued and sent on by [`Outlet::flush`]: one event for the router however many they are. That blocks the
/// thread for the moment in which the router's queue of 1,000 events is full; the router's own thread empties it.
pub(super) struct Outlet {
    sender: LinkTx,
    // After `sender`: its name is free once the router was told that it left.
    _slot: Slot,
}

impl std::fmt::Debug for Outlet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outlet").finish_non_exhaustive()
    }
}

impl Outlet {
    pub(super) fn publish(&self, message: Message) {
        self.queue(Packet::Publish(message.publish, message.properties));
    }

    pub(super) fn acknowledge(&self, id: u16) {
        self.queue(Packet::PubAck(PubAck { pkid: id, reason: PubAckReason::Success }, None));
    }

    pub(super) fn subscribe(&self, filters: Vec<Filter>) {
        let filter = |filter: Filter| protocol::Filter {
            path: filter.path,
            qos: if filter.at_least_once { QoS::AtLeastOnce } else { QoS::AtMostOnce },
            nolocal: false,
            preserve_retain: false,
            retain_forward_rule: RetainForwardRule::OnNewSubscribe,
        };
        let filters = filters.into_iter().map(filter).collect();
        // The id is of no use: the gate has answered the client already.
        self.queue(Packet::Subscribe(Subscribe { pkid: 1, filters }, None));
    }

    pub(super) fn unsubscribe(&self, filters: Vec<String>) {
        self.queue(Packet::Unsubscribe(Unsubscribe { pkid: 1, filters }, None));
    }

    /// Tells the router that something is queued. It answers each flush with a pong, after what it had to say before.
    pub(super) fn flush(&mut self) -> Result<(), RouterGone> {
        match self.sender.send(Packet::PingReq(PingReq)).now_or_never() {
            Some(Ok(_)) => Ok(()),
            Some(Err(_)) | None => Err(RouterGone),
        }
    }

    fn queue(&self, packet: Packet) {
        self.sender.buffer().push_back(packet);
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let goodbye = Disconnect { reason_code: DisconnectReasonCode::NormalDisconnection };
        self.queue(Packet::Disconnect(goodbye, None));
        // A router that is gone needs no goodbye.
        let _gone = self.flush();
    }
}

/// The way out of the router.
#[derive(Debug)]
pub(super) struct Inlet {
    receiver: LinkRx,
    /// The router has put as much as it will into our buffer, and waits to be told that it was read. Forgetting that
    /// is the trap of its local links: they fall silent after 200 messages.
    paused: bool,
}

impl Inlet {
    /// The next notice. Cancelling it loses nothing. While it is not called, the router keeps what it has for us in
    /// the logs, and drops their oldest segments when they are full.
    pub(super) async fn next(&mut self) -> Result<Notice, RouterGone> {
        loop {
            if self.paused {
                self.receiver.wake().await.map_err(|_error| RouterGone)?;
                self.paused = false;
            }
            let notification = self.receiver.next().await.map_err(|_error| RouterGone)?;
            if let Some(notice) = self.take(notification) {
                return Ok(notice);
            }
        }
    }

    /// The next notice that is there already.
    pub(super) fn try_next(&mut self) -> Option<Result<Notice, RouterGone>> {
        self.next().now_or_never()
    }

    fn take(&mut self, notification: Option<Notification>) -> Option<Notice> {
        let notification = notification?;
        if matches!(notification, Notification::Unschedule) {
            self.paused = true;
            return None;
        }
        match Option::<Packet>::from(notification)? {
            Packet::Publish(publish, properties) => {
                Some(Notice::Deliver(Message { publish, properties, qos: 0, id: 0 }))
            }
            Packet::PubAck(ack, _) => Some(Notice::Acknowledged(ack.pkid)),
            Packet::PingResp(_) => Some(Notice::Pong),
            // Subscriptions were answered by the gate; the rest is never for a link.
            Packet::SubAck(..)
            | Packet::UnsubAck(..)
            | Packet::Connect(..)
            | Packet::ConnAck(..)
            | Packet::PingReq(_)
            | Packet::Subscribe(..)
            | Packet::PubRec(..)
            | Packet::PubRel(..)
            | Packet::PubComp(..)
            | Packet::Unsubscribe(..)
            | Packet::Disconnect(..) => None,
        }
    }
}

/// Ends the router's thread the way a hostile client would, were there no gate: its topic matcher cuts the first byte
/// off a letter of two.
#[cfg(test)]
pub(super) fn crash(outlet: &mut Outlet) {
    outlet.publish(Message::new("é/x".to_owned(), Bytes::from_static(b"x"), false));
    let _gone = outlet.flush();
}
