//! One API connection: reads sentences, runs commands, answers; streams run beside.
//!
//! Commands of a connection are answered in the order they came, except that long prints and `listen` of tagged
//! commands run on their own, so that quick ones overtake them. How real routers treat untagged commands sent back to
//! back is not known; here the second waits for the first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hiji_agent::routeros::codec::{Decoder, Limits};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::Shared;
use super::commands::{Account, Outcome, PrintJob, execute, is_write};
use super::hooks::HookCall;
use super::login::{Answer, Login};
use super::request::Request;
use super::traps::Trap;
use super::wire::{Chunk, write_out};

/// The router's cap on request words, since 3.30; a longer one ends the connection.
const LIMITS: Limits = Limits { max_word: 65_536, max_sentence: 1 << 20, max_words: 1024 };
/// Answers waiting for the socket; a client that does not read slows its own commands down.
const OUT_QUEUE: usize = 4;
/// Rows a print writes before others may answer.
const ROWS_AT_ONCE: usize = 200;
/// `listen` tells only the last state of what changed within this time.
const COALESCE: Duration = Duration::from_millis(200);
/// Streams and long prints of one connection.
const STREAMS: usize = 64;

/// Serves one connection until it ends.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Send + 'static>(shared: Arc<Shared>, stream: S) {
    let kick = shared.kick_token();
    let (mut read, write) = tokio::io::split(stream);
    let (out, chunks) = mpsc::channel(OUT_QUEUE);
    let writer = tokio::spawn(write_out(write, chunks, Arc::clone(&shared), kick.clone()));
    let mut session = Session {
        login: Login::new(shared.legacy_login),
        shared,
        out,
        account: None,
        running: Arc::default(),
        stop: kick.child_token(),
    };
    tokio::select! {
        () = kick.cancelled() => {}
        () = session.run(&mut read) => {}
    }
    session.stop.cancel();
    drop(session);
    if let Err(error) = writer.await {
        debug!(%error, "writer failed");
    }
}

/// What runs beside: the tag's task and how to stop it.
type Running = Arc<Mutex<HashMap<Bytes, (CancellationToken, JoinHandle<()>)>>>;

struct Session {
    shared: Arc<Shared>,
    out: mpsc::Sender<Chunk>,
    login: Login,
    account: Option<Account>,
    running: Running,
    stop: CancellationToken,
}

/// Does the connection go on?
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Go,
    Close,
}

impl Session {
    async fn run<R: AsyncRead + Unpin>(&mut self, read: &mut R) {
        let mut decoder = Decoder::new(LIMITS);
        let mut buffer = vec![0; 16 * 1024];
        loop {
            match read.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(size) => decoder.feed(&buffer[..size]),
            }
            loop {
                match decoder.next_sentence() {
                    Ok(Some(sentence)) => {
                        if self.shared.faults.silent() {
                            continue;
                        }
                        let request = Request::read(&sentence);
                        let next = match &self.account {
                            _ if Login::wants(&sentence) => self.log_in(&request).await,
                            Some(account) => {
                                let account = account.clone();
                                self.command(&account, request).await
                            }
                            None => self.fatal("not logged in").await,
                        };
                        if next == Next::Close {
                            return;
                        }
                    }
                    Ok(None) => break,
                    Err(error) => {
                        debug!(%error, "closing: not the API");
                        return;
                    }
                }
            }
        }
    }

    async fn log_in(&mut self, request: &Request) -> Next {
        self.shared.turn().await;
        let answer = self.login.answer(&mut self.shared.lock(), request);
        let tag = request.tag.as_ref();
        let mut chunk = Chunk::default();
        match answer {
            Answer::In(account) => {
                self.account = Some(account);
                chunk.done(tag, None);
            }
            Answer::Challenge(challenge) => chunk.done(tag, Some(challenge.as_bytes())),
            Answer::Refused(trap) => {
                chunk.trap(tag, &trap);
                chunk.done(tag, None);
            }
        }
        self.send(chunk).await
    }

    async fn command(&mut self, account: &Account, request: Request) -> Next {
        match request.command().as_str() {
            "/quit" => return self.fatal("session terminated on request").await,
            "/cancel" => return self.cancel(&request).await,
            _ => {}
        }
        self.shared.turn().await;
        let outcome = execute(&mut self.shared.lock(), account, &request);
        let cut = is_write(&request.verb) && self.shared.faults.cut_before_done(&request.path, &request.command());
        if cut {
            return Next::Close;
        }
        let tag = request.tag;
        let mut chunk = Chunk::default();
        match outcome {
            Outcome::Done(ret) => chunk.done(tag.as_ref(), ret.as_deref()),
            Outcome::Unknown(_) if self.shared.faults.drop_unknown() => return Next::Go,
            Outcome::Trap(trap) | Outcome::Unknown(trap) => {
                chunk.trap(tag.as_ref(), &trap);
                chunk.done(tag.as_ref(), None);
            }
            Outcome::Reboot => {
                self.shared.reboot(false);
                return Next::Close;
            }
            Outcome::Fetch(call) => return self.beside(tag, move |stream| stream.fetch(call)).await,
            Outcome::Print(job) => return self.print(job, tag).await,
            Outcome::Listen(..) if self.shared.faults.no_listen() => {
                chunk.trap(tag.as_ref(), &Trap::no_such_command());
                chunk.done(tag.as_ref(), None);
            }
            Outcome::Listen(job, seen) => return self.beside(tag, move |stream| stream.follow(job, seen)).await,
        }
        self.send(chunk).await
    }

    /// Short prints are answered at once; long ones with a tag and those that follow changes run beside.
    async fn print(&mut self, mut job: PrintJob, tag: Option<Bytes>) -> Next {
        let mut chunk = Chunk::default();
        let (finished, seen) = {
            let router = self.shared.lock();
            (job.step(&router, tag.as_ref(), ROWS_AT_ONCE, &mut chunk), router.menu(job.path()).seq())
        };
        let next = self.send(chunk).await;
        if next == Next::Close || (finished && !job.follow) {
            return next;
        }
        if tag.is_some() || job.follow {
            return self.beside(tag, move |stream| stream.rest(job, finished, seen)).await;
        }
        Stream { shared: Arc::clone(&self.shared), out: self.out.clone(), tag }.rest(job, finished, seen).await;
        Next::Go
    }

    /// Runs something beside the connection's other commands until it ends or is cancelled.
    async fn beside<F>(&self, tag: Option<Bytes>, work: impl FnOnce(Stream) -> F) -> Next
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stream = Stream { shared: Arc::clone(&self.shared), out: self.out.clone(), tag: tag.clone() };
        if self.spawn_stream(tag.clone().unwrap_or_default(), work(stream)) {
            return Next::Go;
        }
        let mut chunk = Chunk::default();
        chunk.trap(tag.as_ref(), &Trap::too_many_commands());
        chunk.done(tag.as_ref(), None);
        self.send(chunk).await
    }

    /// False when too many run already.
    fn spawn_stream(&self, key: Bytes, work: impl Future<Output = ()> + Send + 'static) -> bool {
        let token = self.stop.child_token();
        let (stopped, running, done_key) = (token.clone(), Arc::clone(&self.running), key.clone());
        // Held while the task is entered, so that it cannot end before it is known.
        let mut streams = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if streams.len() >= STREAMS {
            return false;
        }
        let task = tokio::spawn(async move {
            let ended = tokio::select! {
                () = stopped.cancelled() => false,
                () = work => true,
            };
            if ended {
                running.lock().unwrap_or_else(PoisonError::into_inner).remove(&done_key);
            }
        });
        streams.insert(key, (token, task));
        true
    }

    /// `/cancel`: the command of `=tag=`, or every one. The cancelled ends with a trap and its own `!done`.
    async fn cancel(&self, request: &Request) -> Next {
        let stopped: Vec<(Bytes, (CancellationToken, JoinHandle<()>))> = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            match request.arg("tag") {
                Some(tag) => running.remove_entry(tag).into_iter().collect(),
                None => running.drain().collect(),
            }
        };
        let mut chunk = Chunk::default();
        let mut ends = Chunk::default();
        for (tag, (token, task)) in stopped {
            token.cancel();
            let _ = task.await;
            let tag = (!tag.is_empty()).then_some(tag);
            chunk.trap(tag.as_ref(), &Trap::interrupted());
            ends.done(tag.as_ref(), None);
        }
        chunk.done(request.tag.as_ref(), None);
        match self.send(chunk).await {
            Next::Go if !ends.is_empty() => self.send(ends).await,
            next @ (Next::Go | Next::Close) => next,
        }
    }

    async fn fatal(&self, reason: &str) -> Next {
        let mut chunk = Chunk::default();
        chunk.sentence("!fatal", None, [reason.as_bytes().to_vec()]);
        let _ = self.send(chunk).await;
        Next::Close
    }

    async fn send(&self, chunk: Chunk) -> Next {
        if chunk.is_empty() || self.out.send(chunk).await.is_ok() { Next::Go } else { Next::Close }
    }
}

/// A command that answers over time.
struct Stream {
    shared: Arc<Shared>,
    out: mpsc::Sender<Chunk>,
    tag: Option<Bytes>,
}

impl Stream {
    /// The rest of a print, and what changes afterwards if that was asked for.
    async fn rest(self, mut job: PrintJob, mut finished: bool, seen: u64) {
        while !finished {
            let mut chunk = Chunk::default();
            finished = job.step(&self.shared.lock(), self.tag.as_ref(), ROWS_AT_ONCE, &mut chunk);
            if !chunk.is_empty() && self.out.send(chunk).await.is_err() {
                return;
            }
        }
        if job.follow {
            self.follow(job, seen).await;
        }
    }

    /// Calls an address for whoever asked, and tells how it went.
    async fn fetch(self, call: HookCall) {
        let hooks = self.shared.lock().hooks.clone();
        let fetched = hooks.fetch(&call).await;
        let mut chunk = Chunk::default();
        if let Err(words) = fetched {
            chunk.trap(self.tag.as_ref(), &Trap::fetch_failed(words));
        }
        chunk.done(self.tag.as_ref(), None);
        // Nobody waits any more.
        let _closed = self.out.send(chunk).await;
    }

    /// Tells changes for ever.
    async fn follow(self, job: PrintJob, mut seen: u64) {
        let mut changes = self.shared.lock().menu(job.path()).watch();
        loop {
            if changes.wait_for(|seq| *seq > seen).await.is_err() {
                return;
            }
            tokio::time::sleep(COALESCE).await;
            let mut chunk = Chunk::default();
            seen = job.changes(&self.shared.lock(), seen, self.tag.as_ref(), &mut chunk);
            if !chunk.is_empty() && self.out.send(chunk).await.is_err() {
                return;
            }
        }
    }
}
