//! Serves one admitted client until it ends: what it sends goes to the router if it may, what the router has for it
//! goes out as fast as it reads.
//!
//! Only [`Session::run`] waits; all it calls decides at once. Memory for one client is bounded: [`MAX_PACKET`] of
//! input, [`OUTPUT_FULL`] plus one packet of output, and the window of messages it has not acknowledged.

use std::{collections::HashMap, fmt, io, ops::ControlFlow, sync::Arc, time::Duration};

use bytes::BytesMut;
use hiji_shared::{limits::MAX_PAYLOAD, topic};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    time::{Instant, sleep_until, timeout},
};

use super::{
    Gate, acl,
    frame::{self, Frame, FrameError},
    handshake::{Admitted, shown},
    mail::Mail,
    quota::Usage,
    sessions::{Kick, Place},
    window::Window,
};
use crate::mqtt::{
    Identity,
    broker::{self, Inlet, Message, Outlet},
    words::{DecodeError, Filter, Goodbye, Notice, Reply, Request, RouterGone, Version},
};

/// Largest packet, its fixed header not counted: the largest payload, and room for topic and properties.
pub(super) const MAX_PACKET: usize = MAX_PAYLOAD + 4096;
/// With this much waiting for the client, nothing more is taken from it or for it.
const OUTPUT_FULL: usize = 256 * 1024;
/// A buffer that grew beyond this is given back when it is empty.
const BUFFER_KEPT: usize = 16 * 1024;
/// Room made for each read.
const READ_CHUNK: usize = 2048;
/// Filters in one SUBSCRIBE or UNSUBSCRIBE.
const MAX_FILTERS: usize = 64;
/// For the last words to leave.
pub(super) const GOODBYE_TIME: Duration = Duration::from_secs(1);

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ending {
    Left,
    LeftWithWill,
    Lost,
    KeepAlive,
    SlowReader,
    RouterGone,
    Kicked(Kick),
    Undecodable(DecodeError),
    Unframed(FrameError),
    QosTwo,
    NotOffered,
    TooManyFilters,
    TooManyDenials,
}

impl Ending {
    /// What a client that speaks MQTT 5 is told.
    fn goodbye(&self) -> Option<Goodbye> {
        match self {
            Self::Left | Self::LeftWithWill | Self::Lost | Self::SlowReader => None,
            Self::KeepAlive => Some(Goodbye::KeepAlive),
            Self::RouterGone | Self::Kicked(Kick::RouterRestarted) => Some(Goodbye::Restarting),
            Self::Kicked(Kick::TakenOver) => Some(Goodbye::TakenOver),
            Self::Kicked(Kick::Revoked(_)) => Some(Goodbye::Administrative),
            Self::Kicked(Kick::ShuttingDown) => Some(Goodbye::ShuttingDown),
            Self::Unframed(FrameError::TooLarge(_)) => Some(Goodbye::TooLarge),
            Self::Unframed(FrameError::Length) | Self::Undecodable(_) | Self::TooManyFilters => {
                Some(Goodbye::Malformed)
            }
            Self::QosTwo => Some(Goodbye::QosTwo),
            Self::NotOffered => Some(Goodbye::TopicAlias),
            Self::TooManyDenials => Some(Goodbye::NotAuthorized),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left => f.write_str("disconnected"),
            Self::LeftWithWill => f.write_str("disconnected, will wanted"),
            Self::Lost => f.write_str("connection lost"),
            Self::KeepAlive => f.write_str("keep alive timed out"),
            Self::SlowReader => f.write_str("does not read"),
            Self::RouterGone => f.write_str("broker restarted"),
            Self::Kicked(kick) => kick.fmt(f),
            Self::Undecodable(error) => error.fmt(f),
            Self::Unframed(error) => error.fmt(f),
            Self::QosTwo => f.write_str("QoS 2 is not offered"),
            Self::NotOffered => f.write_str("topic aliases are not offered"),
            Self::TooManyFilters => f.write_str("too many filters at once"),
            Self::TooManyDenials => f.write_str("too many denied attempts"),
        }
    }
}

type Flow = ControlFlow<Ending>;

/// Serves the client, says goodbye, publishes its will, gives its place back.
pub(super) async fn serve<S>(gate: &Arc<Gate>, stream: S, admitted: Admitted)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Admitted { permit, mut place, will, .. } = admitted;
    let (reader, writer) = tokio::io::split(stream);
    let now = Instant::now();
    let mut session = Session {
        gate,
        identity: admitted.identity,
        version: admitted.version,
        usage: admitted.usage,
        outlet: admitted.outlet,
        inlet: admitted.inlet,
        reader,
        writer,
        input: admitted.input,
        output: admitted.output,
        unflushed: false,
        window: Window::new(admitted.receive_maximum),
        packet_limit: admitted.packet_limit,
        keep_alive: admitted.keep_alive + admitted.keep_alive / 2,
        heard: now,
        written: now,
        resume: None,
        filters: HashMap::new(),
        denials: 0,
        unanswered: 0,
    };
    gate.counters.accepted.one();
    place.opened();
    let ending = session.run(&mut place).await;
    session.end(&ending).await;
    if matches!(ending, Ending::Kicked(_) | Ending::TooManyDenials) {
        gate.counters.kicked.one();
    }
    tracing::debug!(mqtt.session = session.identity.session, "session ended: {ending}");
    if ending != Ending::Left
        && let Some(will) = will
    {
        session.outlet.publish(will);
    }
    // The link closes before the place is free: a successor's messages come after the will.
    drop(session);
    place.leaving(ending.to_string());
    drop(place);
    drop(permit);
}

struct Session<'a, S> {
    gate: &'a Arc<Gate>,
    identity: Identity,
    version: Version,
    usage: Usage,
    outlet: Outlet,
    inlet: Inlet,
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    input: BytesMut,
    output: BytesMut,
    /// Something was written and may still be in the stream's own buffer.
    unflushed: bool,
    window: Window,
    packet_limit: usize,
    /// Silence after which the client is gone.
    keep_alive: Duration,
    heard: Instant,
    written: Instant,
    /// It is over its quota; nothing is read before this.
    resume: Option<Instant>,
    /// What it subscribed to, and whether with QoS 1.
    filters: HashMap<String, bool>,
    denials: u32,
    /// Flushes of the outlet the router has not answered.
    unanswered: usize,
}

impl<S> Session<'_, S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    async fn run(&mut self, place: &mut Place) -> Ending {
        // Those who came in while all were told to go were not told.
        if self.gate.stop.is_cancelled() {
            return Ending::Kicked(Kick::ShuttingDown);
        }
        // What came in one piece with CONNECT.
        if let ControlFlow::Break(ending) = self.take_frames() {
            return ending;
        }
        loop {
            let roomy = self.output.len() < OUTPUT_FULL;
            let reading = roomy && self.resume.is_none();
            let writing = !self.output.is_empty() || self.unflushed;
            let deadline = self.deadline(reading, writing);
            self.input.reserve(READ_CHUNK);
            let flow = tokio::select! {
                kick = &mut place.kick => return Ending::Kicked(kick.unwrap_or(Kick::TakenOver)),
                left = push(&mut self.writer, &mut self.output), if writing => self.pushed(&left),
                notice = self.inlet.next(), if roomy => self.noticed(notice),
                Some(mail) = place.mail.next(), if roomy && self.window.has_room() => self.post(&mail),
                read = self.reader.read_buf(&mut self.input), if reading => self.received(read),
                () = sleep_until(deadline) => self.overdue(reading, writing),
            };
            if let ControlFlow::Break(ending) = flow {
                return ending;
            }
        }
    }

    fn deadline(&self, reading: bool, writing: bool) -> Instant {
        let silence = reading.then(|| self.heard + self.keep_alive);
        let stuck = writing.then(|| self.written + self.gate.config.timing.write);
        let times = [silence, stuck, self.resume];
        times.into_iter().flatten().min().unwrap_or(self.heard + self.keep_alive)
    }

    fn overdue(&mut self, reading: bool, writing: bool) -> Flow {
        let now = Instant::now();
        if self.resume.is_some_and(|resume| resume <= now) {
            self.resume = None;
            self.heard = now;
            return self.take_frames();
        }
        if writing && self.written + self.gate.config.timing.write <= now {
            return ControlFlow::Break(Ending::SlowReader);
        }
        if reading && self.heard + self.keep_alive <= now {
            return ControlFlow::Break(Ending::KeepAlive);
        }
        ControlFlow::Continue(())
    }

    fn pushed(&mut self, left: &io::Result<bool>) -> Flow {
        match left {
            Ok(flushed) => self.unflushed = !*flushed,
            Err(_) => return ControlFlow::Break(Ending::Lost),
        }
        self.written = Instant::now();
        if self.output.is_empty() && self.output.capacity() > BUFFER_KEPT {
            self.output = BytesMut::new();
        }
        ControlFlow::Continue(())
    }

    fn received(&mut self, read: io::Result<usize>) -> Flow {
        if !read.is_ok_and(|bytes| bytes > 0) {
            return ControlFlow::Break(Ending::Lost);
        }
        self.heard = Instant::now();
        self.take_frames()
    }

    /// Handles every whole packet in the input; the router gets them in one go.
    fn take_frames(&mut self) -> Flow {
        let (mut messages, mut bytes, mut queued) = (0, 0, false);
        let flow = loop {
            let frame = match Frame::take(&mut self.input, MAX_PACKET) {
                Ok(Some(frame)) => frame,
                Ok(None) => break ControlFlow::Continue(()),
                Err(error) => break ControlFlow::Break(Ending::Unframed(error)),
            };
            let request = match broker::decode(self.version, frame) {
                Ok(request) => request,
                Err(error) => break ControlFlow::Break(Ending::Undecodable(error)),
            };
            if let Request::Publish(message) = &request {
                messages += 1;
                bytes += message.payload().len();
            }
            match self.handle(request) {
                ControlFlow::Continue(for_router) => queued |= for_router,
                ControlFlow::Break(ending) => break ControlFlow::Break(ending),
            }
        };
        self.account(messages, bytes);
        if queued && self.flush().is_err() {
            return ControlFlow::Break(Ending::RouterGone);
        }
        if let ControlFlow::Break(Ending::Undecodable(error)) = &flow {
            let counters = &self.gate.counters;
            if *error == DecodeError::Panicked { &counters.decoder_panics } else { &counters.malformed }.one();
        }
        if self.input.is_empty() && self.input.capacity() > BUFFER_KEPT {
            self.input = BytesMut::new();
        }
        flow
    }

    /// Charges what it published to its quota.
    fn account(&mut self, messages: usize, bytes: usize) {
        if messages == 0 {
            return;
        }
        self.gate.counters.messages_in.add(messages);
        self.gate.counters.bytes_in.add(bytes);
        let now = Instant::now();
        let pause = self.usage.published(now, messages, bytes);
        if !pause.is_zero() {
            self.gate.counters.throttled.one();
            self.resume = Some(now + pause);
        }
    }

    fn flush(&mut self) -> Result<(), RouterGone> {
        self.unanswered += 1;
        self.outlet.flush()
    }

    /// True: something is queued for the router.
    fn handle(&mut self, request: Request) -> ControlFlow<Ending, bool> {
        match request {
            Request::Publish(message) => self.publish(message),
            Request::Acknowledge(id) => ControlFlow::Continue(self.acknowledged(id)),
            Request::Subscribe { id, filters } => self.subscribe(id, filters),
            Request::Unsubscribe { id, filters } => self.unsubscribe(id, filters),
            Request::Ping => self.reply(Reply::Pong).map_continue(|()| false),
            Request::Disconnect { with_will: false } => ControlFlow::Break(Ending::Left),
            Request::Disconnect { with_will: true } => ControlFlow::Break(Ending::LeftWithWill),
        }
    }

    fn publish(&mut self, mut message: Message) -> ControlFlow<Ending, bool> {
        if message.qos > 1 {
            return ControlFlow::Break(Ending::QosTwo);
        }
        if message.uses_what_is_not_offered() {
            return ControlFlow::Break(Ending::NotOffered);
        }
        let name = message.topic();
        let covered = |patterns: &[String]| patterns.iter().any(|pattern| acl::covers(pattern, name));
        if !acl::is_topic(name) || !covered(&self.identity.publish) || !self.usage.may_name_topic(name) {
            let what = format!("publish to {:?}", shown(name));
            self.deny(what)?;
            if message.qos == 1 {
                // Acknowledged and dropped: a client that repeats what is refused would never get further.
                self.reply(Reply::Acknowledge(message.id, false))?;
            }
            return ControlFlow::Continue(false);
        }
        if message.retain() && !covered(&self.identity.retain) {
            message.clear_retain();
        }
        self.outlet.publish(message);
        ControlFlow::Continue(true)
    }

    fn subscribe(&mut self, id: u16, filters: Vec<Filter>) -> ControlFlow<Ending, bool> {
        if filters.len() > MAX_FILTERS {
            return ControlFlow::Break(Ending::TooManyFilters);
        }
        let (mut granted, mut allowed) = (Vec::with_capacity(filters.len()), Vec::new());
        for filter in filters {
            let covered = self.identity.subscribe.iter().any(|pattern| acl::covers(pattern, &filter.path));
            if acl::is_filter(&filter.path) && covered && self.usage.may_name_filter(&filter.path) {
                granted.push(Some(u8::from(filter.at_least_once)));
                self.filters.insert(filter.path.clone(), filter.at_least_once);
                // What the controller sends to agents comes without the router.
                if !acl::covers(&topic::all_downlinks(), &filter.path) {
                    allowed.push(filter);
                }
            } else {
                self.deny(format!("subscribe to {:?}", shown(&filter.path)))?;
                granted.push(None);
            }
        }
        self.reply(Reply::Subscribed(id, granted))?;
        let queued = !allowed.is_empty();
        if queued {
            self.outlet.subscribe(allowed);
        }
        ControlFlow::Continue(queued)
    }

    fn unsubscribe(&mut self, id: u16, filters: Vec<String>) -> ControlFlow<Ending, bool> {
        if filters.len() > MAX_FILTERS {
            return ControlFlow::Break(Ending::TooManyFilters);
        }
        let known: Vec<bool> = filters.iter().map(|filter| self.filters.remove(filter).is_some()).collect();
        let gone: Vec<String> =
            filters.into_iter().zip(&known).filter(|(_, known)| **known).map(|(filter, _)| filter).collect();
        self.reply(Reply::Unsubscribed(id, known))?;
        let queued = !gone.is_empty();
        if queued {
            self.outlet.unsubscribe(gone);
        }
        ControlFlow::Continue(queued)
    }

    /// The client has a message. True: the router is told.
    fn acknowledged(&mut self, id: u16) -> bool {
        if !self.window.acknowledge(id) {
            return false;
        }
        let told = self.settle();
        while let Some(packet) = self.window.next_released() {
            self.output.extend_from_slice(&packet);
        }
        self.settle() || told
    }

    fn settle(&mut self) -> bool {
        let mut told = false;
        while let Some(id) = self.window.next_settled() {
            self.outlet.acknowledge(id);
            told = true;
        }
        told
    }

    /// Counts a denied attempt; too many end the session.
    fn deny(&mut self, what: String) -> Flow {
        self.gate.denied(&self.identity.session, what);
        self.denials += 1;
        if self.denials >= self.gate.config.limits.denials {
            return ControlFlow::Break(Ending::TooManyDenials);
        }
        ControlFlow::Continue(())
    }

    fn reply(&mut self, reply: Reply) -> Flow {
        self.starts_writing();
        match broker::encode(self.version, reply, &mut self.output) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(Ending::Undecodable(error)),
        }
    }

    /// The write timeout counts from the first byte that waits.
    fn starts_writing(&mut self) {
        if self.output.is_empty() && !self.unflushed {
            self.written = Instant::now();
        }
    }

    fn noticed(&mut self, notice: Result<Notice, RouterGone>) -> Flow {
        let mut next = Some(notice);
        let mut queued = false;
        while let Some(notice) = next {
            match notice {
                Ok(Notice::Deliver(message)) => queued |= self.deliver(message)?,
                Ok(Notice::Acknowledged(id)) => self.reply(Reply::Acknowledge(id, true))?,
                Ok(Notice::Pong) => self.unanswered = self.unanswered.saturating_sub(1),
                Err(RouterGone) => return ControlFlow::Break(Ending::RouterGone),
            }
            next = if self.output.len() < OUTPUT_FULL { self.inlet.try_next() } else { None };
        }
        if queued && self.flush().is_err() {
            return ControlFlow::Break(Ending::RouterGone);
        }
        ControlFlow::Continue(())
    }

    /// Puts a message of the controller into the output, if the client subscribed to it. There is room in the window.
    fn post(&mut self, mail: &Mail) -> Flow {
        let matching = self.filters.iter().filter(|(filter, _)| acl::covers(filter, &mail.topic));
        let Some(at_least_once) = matching.map(|(_, at_least_once)| *at_least_once).max() else {
            return ControlFlow::Continue(());
        };
        self.starts_writing();
        let (start, id) = (self.output.len(), at_least_once.then(|| self.window.own_id()));
        frame::publish(self.version, &mail.topic, id, &mail.payload, &mut self.output);
        if self.output.len() - start > self.packet_limit {
            self.output.truncate(start);
        } else if let Some(id) = id {
            self.window.sent(id);
        }
        ControlFlow::Continue(())
    }

    /// Puts a message of the router into the output, or keeps it until the client has room.
    /// True: the router is told that it is settled already.
    fn deliver(&mut self, message: Message) -> ControlFlow<Ending, bool> {
        self.starts_writing();
        let start = self.output.len();
        if broker::encode(self.version, Reply::Deliver(message), &mut self.output).is_err() {
            return ControlFlow::Break(Ending::RouterGone);
        }
        let packet = self.output.get(start..).unwrap_or_default();
        let fits = packet.len() <= self.packet_limit;
        let (qos, id) = frame::delivery(packet);
        if qos == 1 && fits && self.window.has_room() {
            self.window.sent(id);
        } else if qos == 1 && fits {
            let packet = self.output.split_off(start).freeze();
            self.window.hold(id, packet);
        } else if !fits {
            // The client said that it takes no packet of this size: as if it had it.
            self.output.truncate(start);
            if qos == 1 {
                self.window.skip(id);
                return ControlFlow::Continue(self.settle());
            }
        }
        ControlFlow::Continue(false)
    }

    /// The last words, for as long as that is worth it.
    async fn end(&mut self, ending: &Ending) {
        if matches!(ending, Ending::Left | Ending::LeftWithWill | Ending::Lost) {
            return;
        }
        if *ending == Ending::Kicked(Kick::ShuttingDown) {
            let _late = timeout(self.gate.config.timing.drain, self.drain()).await;
        }
        if let Some(goodbye) = ending.goodbye() {
            // What cannot be encoded cannot be said; the connection is closed either way.
            let _unsaid = self.reply(Reply::Goodbye(goodbye));
        }
        let last_words = async {
            while !push(&mut self.writer, &mut self.output).await? {}
            self.writer.shutdown().await
        };
        let _late = timeout(GOODBYE_TIME, last_words).await;
    }

    /// Until the router has answered all that it was sent: then every publish is acknowledged.
    async fn drain(&mut self) {
        if self.flush().is_err() {
            return;
        }
        while self.unanswered > 0 {
            let notice = self.inlet.next().await;
            if self.noticed(notice).is_break() {
                return;
            }
        }
    }
}

/// Writes some of `output`; when it is empty, flushes. True: everything has left. Cancelling it loses nothing.
async fn push<W: AsyncWrite + Unpin>(writer: &mut W, output: &mut BytesMut) -> io::Result<bool> {
    if output.is_empty() {
        writer.flush().await?;
        return Ok(true);
    }
    if writer.write_buf(output).await? == 0 {
        return Err(io::ErrorKind::WriteZero.into());
    }
    Ok(false)
}
