//! The router's keeper, and the controller's own link to it.
//!
//! A router that died, or does not answer any more, is replaced: its sessions are ended and come back by themselves;
//! what was in its logs is lost, and repeated by the agents.

use std::{sync::Arc, sync::atomic::Ordering::Relaxed, time::Duration};

use hiji_shared::topic;
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

use super::{Gate, GateConfig, Timing, session::GOODBYE_TIME, sessions::Kick};
use crate::mqtt::{
    BusEvent,
    broker::{Inlet, Message, Outlet, Router},
    words::{Filter, Notice, RouterGone},
};

/// Links beside those of sessions: the controller's, the watchdog's, and those that are just closing.
const SPARE_LINKS: usize = 64;
/// Messages of the controller handed over at once.
const BATCH: usize = 128;
/// Before a router that could not be started is tried again.
const RETRY: Duration = Duration::from_millis(200);
/// How often it is looked whether all sessions have left.
const DRAIN_STEP: Duration = Duration::from_millis(10);

pub(super) fn new_router(config: &GateConfig) -> Router {
    Router::spawn(config.max_connections + SPARE_LINKS)
}

/// The controller's link to a router, subscribed to all agents: from here on nothing they send is missed.
pub(super) async fn open(router: &Router, patience: Duration) -> Result<Link, RouterGone> {
    let link = timeout(patience, router.link()).await;
    let (mut outlet, inlet) = link.map_err(|_late| RouterGone)??;
    // QoS 0: the router keeps what is not read yet either way, and needs no acknowledgements for it.
    outlet.subscribe(vec![Filter { path: topic::all_uplinks(), at_least_once: false }]);
    outlet.flush()?;
    Ok(Link { outlet, inlet, flushes: 1 })
}

/// The controller's link.
#[derive(Debug)]
pub(super) struct Link {
    outlet: Outlet,
    pub(super) inlet: Inlet,
    /// How often the outlet was flushed; the router answers each with a pong.
    flushes: usize,
}

/// Runs until the gate stops.
pub(super) async fn run(
    gate: Arc<Gate>,
    events: mpsc::Sender<BusEvent>,
    mut outgoing: mpsc::Receiver<Message>,
    first: Link,
) {
    let mut link = first;
    let mut news = vec![BusEvent::Restarted];
    loop {
        gate.up.store(true, Relaxed);
        serve(&gate, link, &events, &mut outgoing, news).await;
        gate.up.store(false, Relaxed);
        if gate.stop.is_cancelled() {
            return;
        }
        tracing::error!("the embedded broker's router died; a new one takes its place, agents come back by themselves");
        gate.counters.restarts.one();
        link = replace(&gate).await;
        news = vec![BusEvent::Down { reason: "the broker's router died".to_owned() }, BusEvent::Restarted];
    }
}

/// One router's life.
async fn serve(
    gate: &Gate,
    link: Link,
    events: &mpsc::Sender<BusEvent>,
    outgoing: &mut mpsc::Receiver<Message>,
    news: Vec<BusEvent>,
) {
    let Link { mut outlet, inlet, mut flushes } = link;
    // How many pongs the reader shall see before it ends; known when nothing is published any more.
    let (last, mut last_pong) = watch::channel(None);
    let work = async {
        tokio::select! {
            () = publish(&mut outlet, outgoing, &mut flushes) => {}
            () = until_dead(gate.router(), gate.config.timing) => {}
            () = gate.stop.cancelled() => {
                drain(gate).await;
                // The router answers after all it was sent before.
                if outlet.flush().is_ok() {
                    let _reader_ended = last.send(Some(flushes + 1));
                    sleep(gate.config.timing.drain).await;
                }
            }
        }
    };
    tokio::select! {
        () = work => {}
        () = read(gate, inlet, events, news, &mut last_pong) => {}
    }
}

async fn replace(gate: &Gate) -> Link {
    loop {
        let router = new_router(&gate.config);
        let opened = open(&router, gate.config.timing.wedged).await;
        let Ok(link) = opened else {
            sleep(RETRY).await;
            continue;
        };
        gate.install(router);
        // Whoever is connected has a link to the old one.
        gate.sessions.kick_all(&Kick::RouterRestarted);
        return link;
    }
}

/// Hands the controller's messages to the router, until that is gone.
async fn publish(outlet: &mut Outlet, outgoing: &mut mpsc::Receiver<Message>, flushes: &mut usize) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        if outgoing.recv_many(&mut batch, BATCH).await == 0 {
            // Nobody is left who could publish; the agents may still have something to say.
            return std::future::pending().await;
        }
        batch.drain(..).for_each(|message| outlet.publish(message));
        *flushes += 1;
        if outlet.flush().is_err() {
            return;
        }
    }
}

/// Returns when the router does not answer.
async fn until_dead(router: Router, timing: Timing) {
    let Ok(Ok((mut outlet, mut inlet))) = timeout(timing.wedged, router.link()).await else { return };
    while outlet.flush().is_ok() {
        match timeout(timing.wedged, inlet.next()).await {
            Ok(Ok(_)) => sleep(timing.heartbeat).await,
            Ok(Err(RouterGone)) | Err(_) => return,
        }
    }
}

/// Tells the controller what agents send, until the last pong or the router's death. While the controller has no room,
/// nothing is read: see [`crate::mqtt::EVENTS`].
async fn read(
    gate: &Gate,
    mut inlet: Inlet,
    events: &mpsc::Sender<BusEvent>,
    news: Vec<BusEvent>,
    last_pong: &mut watch::Receiver<Option<usize>>,
) {
    for event in news {
        tell(events, event).await;
    }
    let mut pongs = 0;
    loop {
        let notice = tokio::select! {
            notice = inlet.next() => Some(notice),
            () = gate.presence.changed() => None,
        };
        // First who came: nobody's message is told before that he is online.
        for event in gate.presence.take() {
            tell(events, event).await;
        }
        match notice {
            Some(Ok(Notice::Deliver(message))) => {
                let event = BusEvent::Message { topic: message.topic().to_owned(), payload: message.payload().clone() };
                tell(events, event).await;
            }
            Some(Ok(Notice::Pong)) => pongs += 1,
            Some(Ok(Notice::Acknowledged(_))) | None => {}
            Some(Err(RouterGone)) => return,
        }
        if last_pong.borrow_and_update().is_some_and(|last| pongs >= last) {
            return;
        }
    }
}

/// If nobody listens any more, the controller is ending and needs no telling.
async fn tell(events: &mpsc::Sender<BusEvent>, event: BusEvent) {
    let _ended = events.send(event).await;
}

/// The soft stop: clients get their last acknowledgements and are told.
async fn drain(gate: &Gate) {
    gate.sessions.kick_all(&Kick::ShuttingDown);
    let gone = async {
        while gate.sessions.len() > 0 {
            sleep(DRAIN_STEP).await;
        }
    };
    if timeout(gate.config.timing.drain + GOODBYE_TIME, gone).await.is_err() {
        tracing::warn!(sessions = gate.sessions.len(), "some MQTT clients did not leave in time");
    }
}
