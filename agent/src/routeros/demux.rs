//! The task behind a connection: gives each command its answers, in whatever order the router sends them.
//!
//! One future reads and sorts, another writes; both live in one task that ends with the connection. A slow consumer is
//! waited for only by not reading on, and nothing grows without bound: commands under way are counted by
//! [`Tags`], and the queues hold at most a few words for each of them.

use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::codec::Decoder;
use super::error::{CallError, CloseReason, Trap};
use super::options::ConnectOptions;
use super::pending::{Given, Pending, Sink, Tag, Tags};
use super::reply::{Reply, ReplyKind, Row, TAG};
use super::request::Request;

pub(crate) type Reader = Box<dyn AsyncRead + Send + Unpin>;
pub(crate) type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// Bytes read at once.
const CHUNK: usize = 16 << 10;
/// Commands that nobody waits for and that the router does not end, before the connection is given up: cancelled ones,
/// cancels and keepalives. Each of them holds memory, and most hold one of the tags there are.
const MAX_LEFT: usize = 32;
/// Keepalives in vain after which a connection is given up.
const MAX_PROBES: u32 = 2;

/// What handles ask of the task.
pub(crate) enum Order {
    Start(Start),
    /// Nobody waits for this tag's command any more.
    Cancel(u32),
}

/// A command to send.
pub(crate) struct Start {
    pub(crate) tag: Tag,
    pub(crate) wire: Bytes,
    pub(crate) sink: Sink,
    /// How long it may be without progress; `None` for commands without end.
    pub(crate) patience: Option<Duration>,
}

/// Drives a connection until it ends, then tells everyone who waits.
pub(crate) async fn drive(mut demux: Demux, writer: Writer, closed: watch::Sender<Option<CloseReason>>) {
    let (wire, sentences) = mpsc::unbounded_channel();
    demux.wire = Some(wire);
    let write_timeout = demux.times.write_timeout;
    let reason = tokio::select! {
        reason = demux.run() => reason,
        reason = write(writer, sentences, write_timeout) => reason,
    };
    tracing::debug!(%reason, "RouterOS connection closed");
    // Told first, so that nobody who gets an error finds the connection still open.
    closed.send_replace(Some(reason.clone()));
    demux.end(&reason);
}

/// Writes sentences one by one, each in one go.
async fn write(mut writer: Writer, mut sentences: mpsc::UnboundedReceiver<Bytes>, patience: Duration) -> CloseReason {
    while let Some(sentence) = sentences.recv().await {
        let written = timeout(patience, async {
            writer.write_all(&sentence).await?;
            writer.flush().await
        });
        match written.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return CloseReason::Io(error.to_string()),
            Err(_elapsed) => return CloseReason::WriteStalled,
        }
    }
    CloseReason::Dropped
}

/// Times of [`ConnectOptions`] that matter once the connection stands.
pub(crate) struct Times {
    idle_timeout: Duration,
    write_timeout: Duration,
    keepalive_after: Duration,
    keepalive_wait: Duration,
}

impl Times {
    pub(crate) const fn of(options: &ConnectOptions) -> Self {
        Self {
            idle_timeout: options.idle_timeout,
            write_timeout: options.write_timeout,
            keepalive_after: options.keepalive_after,
            keepalive_wait: options.keepalive_wait,
        }
    }
}

/// The reading side: what is under way, and what has been heard.
pub(crate) struct Demux {
    reader: Reader,
    decoder: Decoder,
    orders: mpsc::UnboundedReceiver<Order>,
    wire: Option<mpsc::UnboundedSender<Bytes>>,
    tags: Arc<Tags>,
    times: Times,
    pending: HashMap<u32, Pending>,
    parked: Option<Parked>,
    /// When the last byte came.
    heard: Instant,
    /// Keepalives sent since then.
    probes: u32,
}

/// A row whose stream is full. While there is one, nothing is read.
struct Parked {
    tag: u32,
    row: Row,
    rows: mpsc::Sender<Row>,
    since: Instant,
}

enum Event {
    Order(Option<Order>),
    Read(io::Result<usize>),
    Room,
    Tick,
}

impl Demux {
    pub(crate) fn new(
        reader: Reader,
        decoder: Decoder,
        orders: mpsc::UnboundedReceiver<Order>,
        tags: Arc<Tags>,
        times: Times,
    ) -> Self {
        let (pending, heard) = (HashMap::new(), Instant::now());
        Self { reader, decoder, orders, wire: None, tags, times, pending, parked: None, heard, probes: 0 }
    }

    async fn run(&mut self) -> CloseReason {
        let mut chunk = vec![0; CHUNK];
        loop {
            let deadline = self.deadline();
            let reading = self.parked.is_none();
            let event = tokio::select! {
                order = self.orders.recv() => Event::Order(order),
                read = self.reader.read(&mut chunk), if reading => Event::Read(read),
                () = room(self.parked.as_ref()), if !reading => Event::Room,
                () = sleep_until(deadline) => Event::Tick,
            };
            let now = Instant::now();
            let flow = match event {
                Event::Order(None) => ControlFlow::Break(CloseReason::Dropped),
                Event::Order(Some(order)) => self.obey(order, now),
                Event::Read(Ok(0)) => ControlFlow::Break(CloseReason::ByPeer),
                Event::Read(Ok(count)) => self.hear(chunk.get(..count).unwrap_or_default(), now),
                Event::Read(Err(error)) => ControlFlow::Break(CloseReason::Io(error.to_string())),
                Event::Room => self.unpark(None, now),
                Event::Tick => self.tick(now),
            };
            if let ControlFlow::Break(reason) = flow {
                return reason;
            }
        }
    }

    fn obey(&mut self, order: Order, now: Instant) -> ControlFlow<CloseReason> {
        match order {
            Order::Start(Start { tag, wire, sink, patience }) => {
                self.pending.insert(tag.value(), Pending::new(tag, sink, patience, now));
                self.send(wire);
            }
            Order::Cancel(tag) => {
                if self.pending.get_mut(&tag).is_some_and(Pending::abandon) {
                    self.send_cancel(tag, now);
                    return self.check_left(now);
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Takes bytes from the router.
    fn hear(&mut self, bytes: &[u8], now: Instant) -> ControlFlow<CloseReason> {
        self.heard = now;
        self.probes = 0;
        self.decoder.feed(bytes);
        self.sort(now)?;
        // A long value on a slow line is progress of the command it belongs to, when that is known already.
        let tag = self.decoder.partial_words().find_map(|word| parse_tag(word.strip_prefix(TAG)?));
        if let Some(pending) = tag.and_then(|tag| self.pending.get_mut(&tag)) {
            pending.progress = now;
        }
        ControlFlow::Continue(())
    }

    /// Hands out the sentences that are complete, until a stream is full.
    fn sort(&mut self, now: Instant) -> ControlFlow<CloseReason> {
        while self.parked.is_none() {
            match self.decoder.next_sentence() {
                Ok(Some(sentence)) => self.deliver(Reply::parse(sentence), now)?,
                Ok(None) => break,
                Err(error) => return ControlFlow::Break(CloseReason::Protocol(error)),
            }
        }
        ControlFlow::Continue(())
    }

    fn deliver(&mut self, reply: Reply, now: Instant) -> ControlFlow<CloseReason> {
        if reply.kind == ReplyKind::Fatal {
            return ControlFlow::Break(CloseReason::Fatal(reply.message()));
        }
        let Some((tag, pending)) = owner(&mut self.pending, &reply) else {
            tracing::debug!(kind = ?reply.kind, tag = ?reply.tag, "a reply to no command of ours");
            return ControlFlow::Continue(());
        };
        pending.progress = now;
        match reply.kind {
            ReplyKind::Re => {
                let given = pending.give(reply.attrs);
                self.given(tag, given, now);
            }
            ReplyKind::Trap => pending.trapped(Trap::of(&reply)),
            ReplyKind::Done => {
                let ret = reply.attrs.has("ret").then(|| reply.attrs.text("ret").into_owned());
                if let Some(pending) = self.pending.remove(&tag) {
                    pending.done(ret);
                }
            }
            ReplyKind::Empty | ReplyKind::Fatal => {}
            ReplyKind::Other(word) => tracing::warn!(?word, "an unknown kind of reply is ignored"),
        }
        ControlFlow::Continue(())
    }

    fn given(&mut self, tag: u32, given: Given, now: Instant) {
        match given {
            Given::Taken => {}
            Given::Full(row, rows) => self.parked = Some(Parked { tag, row, rows, since: now }),
            Given::Refused(error) => self.give_up(tag, error, now),
        }
    }

    /// Goes on reading after a full stream has room again, or was given up with an error.
    fn unpark(&mut self, error: Option<CallError>, now: Instant) -> ControlFlow<CloseReason> {
        if let Some(Parked { tag, row, rows, .. }) = self.parked.take() {
            match error {
                // Ours is the only sender, so the room is still there; a consumer that is gone needs no row.
                None => drop(rows.try_send(row)),
                Some(error) => self.give_up(tag, error, now),
            }
        }
        // The router was not listened to meanwhile, so its silence says nothing.
        self.heard = now;
        self.pending.values_mut().for_each(|pending| pending.progress = now);
        self.sort(now)
    }

    /// The next moment something is overdue.
    fn deadline(&self) -> Instant {
        if let Some(parked) = &self.parked {
            return parked.since + self.times.idle_timeout;
        }
        let commands = self.pending.values().filter_map(Pending::deadline);
        commands.fold(self.keepalive_due(), Instant::min)
    }

    fn keepalive_due(&self) -> Instant {
        self.heard + self.times.keepalive_after + self.times.keepalive_wait * self.probes
    }

    fn tick(&mut self, now: Instant) -> ControlFlow<CloseReason> {
        if let Some(parked) = &self.parked {
            let stalled = now >= parked.since + self.times.idle_timeout;
            return if stalled { self.unpark(Some(CallError::Lagged), now) } else { ControlFlow::Continue(()) };
        }
        let overdue = |pending: &Pending| pending.deadline().is_some_and(|deadline| now >= deadline);
        let overdue: Vec<u32> =
            self.pending.iter().filter(|(_, pending)| overdue(pending)).map(|(tag, _)| *tag).collect();
        for tag in overdue {
            self.give_up(tag, CallError::IdleTimeout, now);
        }
        self.check_left(now)?;
        if now < self.keepalive_due() {
            return ControlFlow::Continue(());
        }
        if self.probes == MAX_PROBES {
            return ControlFlow::Break(CloseReason::Silent);
        }
        self.probes += 1;
        self.send_own(&Request::new("/system/identity/print").proplist(&["name"]), now);
        ControlFlow::Continue(())
    }

    fn check_left(&self, now: Instant) -> ControlFlow<CloseReason> {
        let limit = self.times.idle_timeout;
        let left = self.pending.values().filter(|pending| pending.is_left() && now >= pending.progress + limit);
        if left.count() > MAX_LEFT { ControlFlow::Break(CloseReason::Stuck) } else { ControlFlow::Continue(()) }
    }

    /// Answers a caller with an error and stops the command on the router.
    fn give_up(&mut self, tag: u32, error: CallError, now: Instant) {
        if let Some(pending) = self.pending.get_mut(&tag) {
            pending.fail(error);
            self.send_cancel(tag, now);
        }
    }

    fn send_cancel(&mut self, tag: u32, now: Instant) {
        self.send_own(&Request::new("/cancel").attr("tag", tag.to_string()), now);
    }

    /// Sends one of the connection's own commands, whose answer matters to nobody.
    fn send_own(&mut self, request: &Request, now: Instant) {
        let tag = Tags::take_own(&self.tags);
        let wire = request.to_wire(Some(tag.value()));
        self.pending.insert(tag.value(), Pending::new(tag, Sink::Nobody, None, now));
        self.send(wire);
    }

    fn send(&self, wire: Bytes) {
        // Without a writer the connection ends at this very moment, and everyone is told.
        if let Some(writer) = &self.wire {
            drop(writer.send(wire));
        }
    }

    /// Tells everyone who still waits.
    fn end(mut self, reason: &CloseReason) {
        let error = match reason {
            CloseReason::Fatal(message) => CallError::Fatal(message.clone()),
            CloseReason::Dropped
            | CloseReason::ByPeer
            | CloseReason::Io(_)
            | CloseReason::Protocol(_)
            | CloseReason::Silent
            | CloseReason::Stuck
            | CloseReason::WriteStalled => CallError::Closed,
        };
        for pending in self.pending.values_mut() {
            pending.fail(error.clone());
        }
        self.orders.close();
        while let Ok(order) = self.orders.try_recv() {
            match order {
                // Never sent, so not even a write leaves a doubt.
                Order::Start(start) => start.sink.fail(CallError::Closed, false),
                Order::Cancel(_) => {}
            }
        }
    }
}

/// The command a reply belongs to. Without a tag that is clear only while a single one is under way.
fn owner<'a>(pending: &'a mut HashMap<u32, Pending>, reply: &Reply) -> Option<(u32, &'a mut Pending)> {
    let tag = match &reply.tag {
        Some(tag) => parse_tag(tag)?,
        None if pending.len() == 1 => *pending.keys().next()?,
        None => return None,
    };
    pending.get_mut(&tag).map(|pending| (tag, pending))
}

fn parse_tag(tag: &[u8]) -> Option<u32> {
    std::str::from_utf8(tag).ok()?.parse().ok()
}

/// Waits until a full stream has room or its consumer is gone.
async fn room(parked: Option<&Parked>) {
    match parked {
        Some(parked) => drop(parked.rows.reserve().await),
        None => std::future::pending().await,
    }
}
