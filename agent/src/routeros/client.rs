//! The handle of one connection: commands in, answers out.
//!
//! Any number of tasks may use clones of one [`Client`] at the same time; each command has its own tag and answers come
//! as the router gives them. When the last clone and the last [`RowStream`] are gone the socket is closed. A closed
//! client stays closed: reconnecting is the caller's loop.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::connect::connect;
use super::demux::{Order, Start};
use super::error::{CallError, CloseReason, ConnectError};
use super::options::ConnectOptions;
use super::pending::{Sink, Tags};
use super::reply::Row;
use super::request::Request;
use super::stream::RowStream;

/// Longest word a router takes in a request (since 3.30).
pub const MAX_REQUEST_WORD: usize = 65_536;
/// Most bytes of one request; far over any real command, low enough to be written at once.
pub const MAX_REQUEST: usize = 1 << 20;
/// Rows a stream holds for a consumer that is busy.
const STREAM_ROWS: usize = 256;

/// The answer to a command that ended well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    pub rows: Vec<Row>,
    /// What came with `!done`: the `.id` after an `add`, the number of a `count-only`.
    pub ret: Option<String>,
}

/// A logged-in connection to a router; cheap to clone.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) orders: mpsc::UnboundedSender<Order>,
    pub(crate) closed: watch::Receiver<Option<CloseReason>>,
    pub(crate) tags: Arc<Tags>,
    pub(crate) fingerprint: Option<[u8; 32]>,
    /// This machine's own address on the way to the router.
    pub(crate) local: Option<IpAddr>,
    pub(crate) idle_timeout: Duration,
    pub(crate) write_timeout: Duration,
}

impl Client {
    /// Connects and logs in, by the plain login or, when the router asks for it, by the one before 6.43. Must be called
    /// inside a tokio runtime, of any flavour.
    ///
    /// # Errors
    /// [`ConnectError`], one variant per cause; the socket is closed then.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, ConnectError> {
        connect(options).await.map(|inner| Self { inner: Arc::new(inner) })
    }

    /// Runs a command that changes nothing and collects its rows. For long prints see [`Self::stream`].
    ///
    /// Dropping the future cancels the command on the router.
    ///
    /// # Errors
    /// [`CallError`], never `OutcomeUnknown` or `Lagged`. An error is never an empty list.
    pub async fn call(&self, request: Request) -> Result<Answer, CallError> {
        self.run(&request, false).await
    }

    /// Runs a command that changes something.
    ///
    /// # Errors
    /// As [`Self::call`], but once the command is on its way a timeout or a cut is [`CallError::OutcomeUnknown`]. All
    /// other errors say that the router did not do it, or refused ([`CallError::Trap`]; a command on several items may
    /// have done some of them).
    pub async fn write(&self, request: Request) -> Result<Answer, CallError> {
        self.run(&request, true).await
    }

    /// Runs a finite command (a print) and hands out its rows as they come. A slow consumer slows the router down
    /// rather than losing rows: when 256 rows wait, nothing more is read from this connection, so other commands on it
    /// wait too. Do not wait for another command of the same connection between two rows. A consumer that takes nothing
    /// for the idle timeout gets [`CallError::Lagged`], so that a forgotten stream cannot hold up the others for ever.
    ///
    /// # Errors
    /// Only what can be known before the first row; the rest comes through the stream.
    pub async fn stream(&self, request: Request) -> Result<RowStream, CallError> {
        self.open(&request, false).await
    }

    /// Listens to the changes of a menu, `/ip/hotspot/active`. The stream has no end and no idle timeout. A consumer
    /// 256 rows behind gets [`CallError::Lagged`] and the end, and holds up nobody: a listener has to list the menu
    /// anyway to know what is.
    ///
    /// # Errors
    /// As [`Self::stream`].
    pub async fn listen(&self, path: &str) -> Result<RowStream, CallError> {
        self.follow(Request::new(&format!("{}/listen", path.trim_end_matches('/')))).await
    }

    /// The same for any endless command: a `listen` with a proplist, `print` with `follow`, `monitor-traffic`.
    ///
    /// # Errors
    /// As [`Self::stream`].
    pub async fn follow(&self, request: Request) -> Result<RowStream, CallError> {
        self.open(&request, true).await
    }

    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner.closed.borrow().is_some()
    }

    /// Waits until the connection is closed and says why.
    pub async fn closed(&self) -> CloseReason {
        let mut closed = self.inner.closed.clone();
        let reason = closed.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
        // Without a reason the runtime that drove the connection is gone.
        reason.unwrap_or(CloseReason::Dropped)
    }

    /// SHA-256 of the router's certificate; `None` without TLS. What an admin is shown when a router is first adopted.
    #[must_use]
    pub fn certificate_fingerprint(&self) -> Option<[u8; 32]> {
        self.inner.fingerprint
    }

    /// The address of this machine on the connection: where the router reaches it, unless something translates it.
    #[must_use]
    pub fn local_ip(&self) -> Option<IpAddr> {
        self.inner.local
    }

    async fn run(&self, request: &Request, write: bool) -> Result<Answer, CallError> {
        let (answer, receiver) = oneshot::channel();
        let patience = if write { self.inner.write_timeout } else { self.inner.idle_timeout };
        let tag = self.start(request, Sink::collect(answer, write), Some(patience)).await?;
        let mut waiting = Waiting { client: self, tag, receiver, answered: false };
        let answer = (&mut waiting.receiver).await;
        waiting.answered = true;
        // No word from the connection's task means that its runtime was shut down under it.
        answer.unwrap_or(Err(if write { CallError::OutcomeUnknown } else { CallError::Closed }))
    }

    async fn open(&self, request: &Request, endless: bool) -> Result<RowStream, CallError> {
        let (rows, row_receiver) = mpsc::channel(STREAM_ROWS);
        let (end, end_receiver) = oneshot::channel();
        let patience = (!endless).then_some(self.inner.idle_timeout);
        let tag = self.start(request, Sink::stream(rows, end, endless), patience).await?;
        Ok(RowStream::new(self.clone(), tag, row_receiver, end_receiver))
    }

    /// Hands a command to the connection; answers its tag.
    async fn start(&self, request: &Request, sink: Sink, patience: Option<Duration>) -> Result<u32, CallError> {
        let (longest, total) = request.sizes();
        if longest > MAX_REQUEST_WORD || total > MAX_REQUEST {
            return Err(CallError::TooLarge("request"));
        }
        if self.is_closed() {
            return Err(CallError::Closed);
        }
        let tag = timeout(self.inner.idle_timeout, Tags::take(&self.inner.tags));
        let tag = tag.await.map_err(|_elapsed| CallError::IdleTimeout)?;
        let value = tag.value();
        let start = Start { wire: request.to_wire(Some(value)), tag, sink, patience };
        self.inner.orders.send(Order::Start(start)).map_err(|_unsent| CallError::Closed)?;
        Ok(value)
    }

    /// Asks for the command of a dropped future or stream to be stopped.
    pub(crate) fn cancel(&self, tag: u32) {
        // A closed connection has stopped it already.
        let _closed = self.inner.orders.send(Order::Cancel(tag));
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("closed", &*self.inner.closed.borrow()).finish_non_exhaustive()
    }
}

/// A command whose answer is awaited; dropped before that, it is cancelled on the router.
struct Waiting<'a> {
    client: &'a Client,
    tag: u32,
    receiver: oneshot::Receiver<Result<Answer, CallError>>,
    answered: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.answered {
            // Closed first: the connection cancels only commands that nobody waits for.
            self.receiver.close();
            self.client.cancel(self.tag);
        }
    }
}
