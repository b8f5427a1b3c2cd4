//! The conversation with the controller: presence, hello and welcome, events until they are acknowledged, snapshots,
//! counters; and what the controller says.
//!
//! Events leave the outbox in order, a window at a time, and stay in it until the controller has committed them. After
//! a new connection sending goes on behind the acknowledged one; otherwise only after a time without progress,
//! doubling: resending on a fixed timer makes most of the traffic duplicates.

mod snapshot;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hiji_shared::{
    capability::Capability,
    command::AgentConfig,
    device::{Kind, Service},
    envelope,
    event::Event,
    limits::{EVENT_BATCH, EVENT_WINDOW, MAX_CHUNK_BYTES},
    topic::{self, Down, Topic, Up},
    uplink::{Ack, Hello, Metrics, Presence, Sync},
};
use tokio::time::{Instant, sleep, sleep_until};

use self::snapshot::Snapshots;
use crate::{
    commands,
    ctx::Ctx,
    mqtt::{Broker, Delivery, Ended, Full, Happened, Link, Login, Weight},
    outbox::Welcomed,
    routeros::backoff::Backoff,
};

/// A hello that is not answered is said again.
const HELLO_AGAIN: Duration = Duration::from_secs(10);
/// A welcome that the outbox needs to go on is asked for this often.
const WELCOME_AGAIN: Duration = Duration::from_secs(60);
/// Without progress for this long the window is sent again, doubling up to the second.
const RESEND_FIRST: Duration = Duration::from_secs(10);
const RESEND_LONGEST: Duration = Duration::from_secs(300);
/// Counters of open sessions are sent this often.
const METRICS_EVERY: Duration = Duration::from_secs(15);
/// Sessions of one message of counters.
const METRICS_SESSIONS: usize = 800;
/// The mirror's digests are told this often.
const DIGEST_EVERY: Duration = Duration::from_secs(3_600);
/// Events that come together leave together.
const GATHER: Duration = Duration::from_millis(15);
/// Records wait at most this long for the disk while there is no connection.
const SYNC_EVERY: Duration = Duration::from_secs(2);
/// Longest wait before the broker is tried again.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// The same when the broker does not let us in yet.
const REFUSED_WAIT: Duration = Duration::from_secs(5);
/// A connection that held this long was a good one.
const GOOD_CONNECTION: Duration = Duration::from_secs(60);
/// Time for a goodbye.
const GOODBYE: Duration = Duration::from_secs(3);

/// Talks to the controller until the agent stops.
pub(crate) async fn run(ctx: &Ctx, broker: &Broker) {
    let mut backoff = Backoff::new();
    while !ctx.stop.is_cancelled() {
        let since = Instant::now();
        let ended = connect(ctx, broker).await;
        let Some(Ended { refused, why }) = ended else { return };
        if since.elapsed() > GOOD_CONNECTION {
            backoff.reset();
        }
        let wait = backoff.next_wait();
        let wait = if refused {
            tracing::warn!("the controller does not let this agent in: approve it in the web app, under Routers");
            wait.max(REFUSED_WAIT)
        } else {
            tracing::warn!(why, "no connection to the controller; events are kept until there is");
            wait.min(LONGEST_WAIT)
        };
        tokio::select! {
            () = sleep(wait) => {}
            () = ctx.stop.cancelled() => return,
        }
    }
}

/// Writes events to the disk in groups, also while nobody sends them.
pub(crate) async fn keep_durable(ctx: &Ctx) {
    loop {
        tokio::select! {
            () = sleep(SYNC_EVERY) => {}
            () = ctx.stop.cancelled() => return,
        }
        let waiting = {
            let mut outbox = ctx.outbox();
            outbox.write_out();
            outbox.needs_sync()
        };
        if waiting {
            ctx.commit().await;
        }
    }
}

/// One connection from its beginning to its end; `None` = the agent stops.
async fn connect(ctx: &Ctx, broker: &Broker) -> Option<Ended> {
    let conn = ctx.core().state.next_conn();
    let login = Login {
        id: ctx.agent.to_string(),
        password: ctx.keys.mqtt_password.clone(),
        will: (Topic::Up(ctx.agent.clone(), Up::Presence), json(&presence(ctx, conn, false, "connection lost"))),
        filter: topic::agent_subscribes(&ctx.agent),
    };
    let mut talk = Talk::new(ctx, Link::open(broker, login), conn);
    let ended = loop {
        let wake_at = talk.wake_at();
        tokio::select! {
            happened = talk.link.next() => match happened {
                Happened::Ended(ended) => break Some(ended),
                Happened::Connected => talk.connected(),
                Happened::Acknowledged(weight) => talk.acknowledged(weight),
                Happened::Message { topic, payload } => talk.heard(&topic, &payload).await,
            },
            () = ctx.wake.uplink.notified() => {
                sleep(GATHER).await;
                if ctx.outbox().needs_sync() {
                    ctx.commit().await;
                }
            }
            () = sleep_until(wake_at) => {}
            () = ctx.stop.cancelled() => break None,
        }
        talk.work();
    };
    if ended.is_none() {
        ctx.commit().await;
        talk.send_events();
        let offline = presence(ctx, conn, false, "stopped");
        let _full = talk.say(Up::Presence, json(&offline), Delivery::Retained);
        talk.link.close(GOODBYE).await;
    }
    ended
}

fn presence(ctx: &Ctx, conn: u64, online: bool, reason: &str) -> Presence {
    Presence { v: envelope::VERSION, agent: ctx.agent.clone(), online, conn, reason: reason.to_owned() }
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// The state of one connection.
struct Talk<'a> {
    ctx: &'a Ctx,
    link: Link,
    conn: u64,
    connected: bool,
    /// The controller told where it stands; only then are events sent.
    welcomed: bool,
    hello_at: Instant,
    hello_mono_ms: u64,
    /// Highest number sent on this connection.
    sent: u64,
    resend_at: Instant,
    resend_after: Duration,
    metrics_at: Instant,
    digest_at: Instant,
    snapshots: Snapshots,
}

impl<'a> Talk<'a> {
    fn new(ctx: &'a Ctx, link: Link, conn: u64) -> Self {
        let now = Instant::now();
        Self {
            ctx,
            link,
            conn,
            connected: false,
            welcomed: false,
            hello_at: now,
            hello_mono_ms: 0,
            sent: 0,
            resend_at: now,
            resend_after: RESEND_FIRST,
            metrics_at: now,
            digest_at: now + DIGEST_EVERY,
            snapshots: Snapshots::default(),
        }
    }

    /// When something has to be done even if nothing happens.
    fn wake_at(&self) -> Instant {
        if !self.connected {
            return Instant::now() + HELLO_AGAIN;
        }
        let hello = if self.welcomed && !self.ctx.outbox().needs_welcome() { None } else { Some(self.hello_at) };
        let resend = (self.sent >= self.ctx.outbox().first()).then_some(self.resend_at);
        let first = self.metrics_at.min(self.digest_at);
        [hello, resend].into_iter().flatten().fold(first, Instant::min)
    }

    fn say(&self, up: Up, body: Vec<u8>, delivery: Delivery) -> Result<(), Full> {
        self.link.publish(&Topic::Up(self.ctx.agent.clone(), up), body, delivery, Weight::Other)
    }

    fn connected(&mut self) {
        tracing::info!("connected to the controller's broker");
        self.connected = true;
        let online = presence(self.ctx, self.conn, true, "");
        let _full = self.say(Up::Presence, json(&online), Delivery::Retained);
        self.hello_at = Instant::now();
    }

    fn hello(&mut self) {
        let ctx = self.ctx;
        let at = ctx.moment();
        self.hello_mono_ms = at.mono_ms;
        let hello = {
            let core = ctx.core();
            let outbox = ctx.outbox();
            Hello {
                v: envelope::VERSION,
                agent: ctx.agent.clone(),
                ep: outbox.epoch(),
                first_seq: outbox.first(),
                last_seq: outbox.last(),
                conn: self.conn,
                ver: env!("CARGO_PKG_VERSION").to_owned(),
                caps: capabilities(ctx),
                run: ctx.run,
                up: ctx.up_ms(),
                ts: core.now_ms(at),
                have_rev: core.state.have_rev(),
                reach: core.reach == Some(true),
                digests: core.tables.iter().filter_map(crate::mirror::Table::digest).collect(),
            }
        };
        let _full = self.say(Up::Hello, json(&hello), Delivery::AtLeastOnce);
        self.hello_at = Instant::now() + if self.welcomed { WELCOME_AGAIN } else { HELLO_AGAIN };
    }

    fn acknowledged(&mut self, weight: Weight) {
        match weight {
            Weight::Chunk => self.snapshots.acknowledged(),
            Weight::Other => {}
        }
    }

    /// Everything that can be done now.
    fn work(&mut self) {
        if !self.connected {
            return;
        }
        let now = Instant::now();
        if (!self.welcomed || self.ctx.outbox().needs_welcome()) && now >= self.hello_at {
            self.hello();
        }
        if !self.welcomed {
            return;
        }
        let first = self.ctx.outbox().first();
        if self.sent >= first && now >= self.resend_at {
            tracing::debug!(from = first, "no progress; sending events again");
            self.sent = first.saturating_sub(1);
            self.resend_after = (self.resend_after * 2).min(RESEND_LONGEST);
            self.resend_at = now + self.resend_after;
        }
        self.send_events();
        self.snapshots.send(self.ctx, &self.link);
        if now >= self.digest_at {
            self.digest_at = now + DIGEST_EVERY;
            self.tell_digests();
        }
        if now >= self.metrics_at {
            self.metrics_at = now + METRICS_EVERY;
            self.tell_counters();
        }
    }

    fn send_events(&mut self) {
        let ctx = self.ctx;
        let window = u64::try_from(EVENT_WINDOW).unwrap_or(u64::MAX);
        while self.welcomed {
            let (ep, batch) = {
                let mut outbox = ctx.outbox();
                let after = self.sent.max(outbox.first().saturating_sub(1));
                let room = (outbox.first() + window).saturating_sub(after + 1);
                let records = EVENT_BATCH.min(usize::try_from(room).unwrap_or(0));
                let batch = if records == 0 { Vec::new() } else { outbox.batch(after, records, MAX_CHUNK_BYTES) };
                (outbox.epoch(), batch)
            };
            let Some((last, _)) = batch.last() else { return };
            let last = *last;
            let idle = self.sent < ctx.outbox().first();
            if self.say(Up::Events, self.envelope(ep, &batch), Delivery::AtLeastOnce) == Err(Full) {
                return;
            }
            if idle {
                self.resend_at = Instant::now() + self.resend_after;
            }
            self.sent = last;
        }
    }

    /// An envelope around records that are JSON already.
    fn envelope(&self, ep: i64, batch: &[(u64, Box<[u8]>)]) -> Vec<u8> {
        let ctx = self.ctx;
        let head = format!(
            r#"{{"v":{},"agent":"{}","ep":{ep},"run":{},"sent_up":{},"recs":["#,
            envelope::VERSION,
            ctx.agent,
            ctx.run,
            ctx.up_ms()
        );
        let mut text = head.into_bytes();
        for (index, (seq, body)) in batch.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            text.extend_from_slice(format!(r#"{comma}{{"seq":{seq},"#).as_bytes());
            text.extend_from_slice(body.get(1..).unwrap_or_default());
        }
        text.extend_from_slice(b"]}");
        text
    }

    /// What the controller says.
    async fn heard(&mut self, topic: &Topic, payload: &Bytes) {
        let Topic::Down(agent, down) = topic else { return };
        if *agent != self.ctx.agent {
            return;
        }
        match down {
            Down::Command => commands::handle(self.ctx, payload).await,
            Down::Ack => match serde_json::from_slice(payload) {
                Ok(ack) => self.ack(&ack),
                Err(error) => tracing::warn!(%error, "an acknowledgement is not understood"),
            },
            Down::Sync => match serde_json::from_slice(payload) {
                Ok(sync) => self.sync(&sync),
                Err(error) => tracing::warn!(%error, "a request of the controller is not understood"),
            },
            Down::Config => match serde_json::from_slice(payload) {
                Ok(config) => self.config(config),
                Err(error) => tracing::warn!(%error, "the controller's settings are not understood"),
            },
        }
    }

    fn controller_time(&self, srv_ts: i64, asked_mono_ms: Option<u64>) {
        let at = self.ctx.moment();
        let mut core = self.ctx.core();
        core.clocks.controller_says(srv_ts, asked_mono_ms, at.wall_ms, at.mono_ms);
        if core.doubt.is_some() {
            self.ctx.wake.due.notify_one();
        }
    }

    fn ack(&mut self, ack: &Ack) {
        self.controller_time(ack.srv_ts, None);
        if self.ctx.outbox().ack(ack.ep, ack.seq) {
            self.progress();
        }
    }

    fn progress(&mut self) {
        self.resend_after = RESEND_FIRST;
        self.resend_at = Instant::now() + RESEND_FIRST;
    }

    fn sync(&mut self, sync: &Sync) {
        match sync {
            Sync::Snapshot { kind } => {
                self.ctx.core().snapshots.insert(*kind);
            }
            Sync::Welcome { srv_ts, ep, seq, min_ep } => {
                self.controller_time(*srv_ts, Some(self.hello_mono_ms));
                let ctx = self.ctx;
                let now_ms = ctx.core().now_ms(ctx.moment());
                let gap = |gap| ctx.gap_record(gap);
                let welcomed = ctx.outbox().welcome((*ep, *seq), *min_ep, now_ms, gap);
                match welcomed {
                    Err(error) => {
                        tracing::error!(%error, "the outbox cannot begin a new epoch");
                        return;
                    }
                    // The digests of the hello were of the old numbers.
                    Ok(Welcomed::NewEpoch) => self.tell_digests(),
                    Ok(Welcomed::SameEpoch) => {}
                }
                self.welcomed = true;
                self.sent = ctx.outbox().first().saturating_sub(1);
                self.progress();
            }
        }
    }

    fn config(&mut self, config: AgentConfig) {
        let mut core = self.ctx.core();
        let before = core.state.config().clone();
        let markers_differ =
            before.voucher_marker != config.voucher_marker || before.pppoe_marker != config.pppoe_marker;
        if core.state.set_config(config) && markers_differ {
            // Which rows are hiji's depends on them.
            core.rescan = [true; 4];
            self.ctx.wake.menus.iter().for_each(tokio::sync::Notify::notify_one);
        }
    }

    fn tell_digests(&self) {
        let mut core = self.ctx.core();
        for kind in Kind::ALL {
            if let Some(digest) = core.table(kind).digest() {
                self.ctx.emit(&mut core, &Event::MirrorDigest { kind, n: digest.n, root: digest.root });
            }
        }
    }

    fn tell_counters(&self) {
        let ctx = self.ctx;
        let (hotspot, pppoe, moved, ts) = {
            let mut core = ctx.core();
            let ts = core.now_ms(ctx.moment());
            let count = |service| u32::try_from(core.sessions.count(service)).unwrap_or(u32::MAX);
            let (hotspot, pppoe) = (count(Service::Hotspot), count(Service::Pppoe));
            (hotspot, pppoe, core.sessions.moved_counters(), ts)
        };
        let mut rest = moved.as_slice();
        loop {
            let (now, later) = rest.split_at(rest.len().min(METRICS_SESSIONS));
            let metrics = Metrics {
                v: envelope::VERSION,
                agent: ctx.agent.clone(),
                ts,
                hotspot_active: hotspot,
                pppoe_active: pppoe,
                sessions: now.to_vec(),
            };
            // Latest wins: what does not fit now is told again when it moves.
            let _full = self.say(Up::Metrics, json(&metrics), Delivery::Once);
            if later.is_empty() {
                return;
            }
            rest = later;
        }
    }
}

fn capabilities(ctx: &Ctx) -> Vec<Capability> {
    let hook = ctx.config.hook_listen.map(|_| Capability::Hook);
    let always = [
        Capability::Desired,
        Capability::VoucherLife,
        Capability::Snapshots,
        Capability::ProfileAddresses,
        Capability::Isolation,
        Capability::Adoption,
    ];
    always.into_iter().chain(hook).collect()
}

/// The broker of an address as enrolment told it.
///
/// # Errors
/// The address is none, or TLS cannot be set up.
pub(crate) fn broker(url: &str, ca: Option<&std::path::Path>) -> std::io::Result<Broker> {
    let invalid = || std::io::Error::new(std::io::ErrorKind::InvalidInput, format!("{url} is not a broker's address"));
    let (tls, rest) = match url.split_once("://") {
        Some(("mqtt", rest)) => (false, rest),
        Some(("mqtts", rest)) => (true, rest),
        _ => return Err(invalid()),
    };
    let default_port = if tls { 8883 } else { 1883 };
    let (host, port) = crate::config::host_port(rest.trim_end_matches('/'), default_port).ok_or_else(invalid)?;
    let tls = if tls { Some(crate::tls::client(ca)?) } else { None };
    Ok(Broker { host, port, tls: tls.map(|config| Arc::clone(&config)) })
}
