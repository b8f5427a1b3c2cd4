//! The local HTTP endpoint for the scripts of profiles, and for the guests' page ([`crate::status`]). It answers at once and works later: what a script says is a
//! hint where to look, never taken as truth, since whoever logs in chooses some of the words.
//!
//! Everything is bounded: connections in all and of one peer, calls a second, bytes, time. Calls with a wrong token
//! are counted and told once an hour, so that nobody can fill a log with them.

mod limits;
pub(crate) mod probe;
mod work;

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use hiji_shared::{
    script::{Hint, MAX_BODY, Slot, TOKEN_HEADER, hint},
    signed,
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::timeout,
};

use self::limits::Peers;
use crate::{ctx::Ctx, status};

/// Connections at once; the router makes one a login.
const MAX_CONNECTIONS: usize = 64;
/// Half a request is waited for this long: a script must have its answer within a second.
const PATIENCE: Duration = Duration::from_millis(900);
/// Hints waiting to be worked on; more are dropped, polling sees those logins.
const MAX_WAITING: usize = 256;
/// Where a test calls.
const TEST_PATH: &str = "/h/test";
/// Tests at once.
const MAX_TESTS: usize = 4;

/// The hook as it listens.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) address: SocketAddr,
    pub(crate) endpoint: Arc<Endpoint>,
}

/// What the connections of a hook share.
pub(crate) struct Endpoint {
    token: Box<str>,
    reports: mpsc::Sender<Report>,
    tests: Mutex<Vec<(Box<str>, oneshot::Sender<()>)>>,
    /// Calls with a wrong token since it was last told.
    wrong: AtomicU32,
}

/// A call that was let in.
#[derive(Debug)]
struct Report {
    slot: Slot,
    /// What it said, where that can be read: a block of an older version only wakes.
    hint: Option<Hint>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("wrong", &self.wrong).finish_non_exhaustive()
    }
}

impl Endpoint {
    fn new(token: String) -> (Arc<Self>, mpsc::Receiver<Report>) {
        let (reports, receiver) = mpsc::channel(MAX_WAITING);
        let (tests, wrong) = (Mutex::default(), AtomicU32::new(0));
        (Arc::new(Self { token: token.into(), reports, tests, wrong }), receiver)
    }

    /// Waits for a call with this word. It is over when the receiver is dropped.
    fn expect(&self, nonce: &str) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let mut tests = self.tests.lock().unwrap_or_else(PoisonError::into_inner);
        tests.retain(|(_, waiting)| !waiting.is_closed());
        if tests.len() < MAX_TESTS {
            tests.push((nonce.into(), sender));
        }
        receiver
    }

    fn arrived(&self, nonce: &str) {
        let mut tests = self.tests.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = tests.iter().position(|(wanted, _)| **wanted == *nonce) {
            // Nobody waits any more: it came too late.
            let _late = tests.swap_remove(at).1.send(());
        }
    }

    /// Takes a call with the right token.
    fn take(&self, path: &str, body: &[u8]) {
        let text = String::from_utf8_lossy(body);
        match Slot::ALL.into_iter().find(|slot| slot.path() == path) {
            // Full: the look that comes anyway sees the login.
            Some(slot) => drop(self.reports.try_send(Report { slot, hint: hint(&text) })),
            None => self.arrived(text.trim()),
        }
    }
}

/// Listens, if there shall be a hook. One that cannot listen is no reason to stop: only latency suffers.
pub(crate) async fn bind(ctx: &Ctx) -> Option<Listening> {
    let wanted = ctx.config.hook_listen?;
    let listened = async {
        let listener = TcpListener::bind(wanted).await?;
        let address = listener.local_addr()?;
        Ok::<_, io::Error>((listener, address))
    };
    match listened.await {
        Ok((listener, address)) => {
            let (endpoint, reports) = Endpoint::new(ctx.keys.hook_token());
            // Bound once a run.
            let _first = ctx.hook.set(Bound { address, endpoint: Arc::clone(&endpoint) });
            Some(Listening { listener, endpoint, reports })
        }
        Err(error) => {
            tracing::error!(%error, address = %wanted, "the hook cannot listen; logins are seen by polling alone");
            None
        }
    }
}

/// A hook that listens and is not served yet.
#[derive(Debug)]
pub(crate) struct Listening {
    listener: TcpListener,
    endpoint: Arc<Endpoint>,
    reports: mpsc::Receiver<Report>,
}

/// Serves until the agent stops.
pub(crate) async fn run(ctx: &Arc<Ctx>, listening: Option<Listening>) {
    let Some(Listening { listener, endpoint, reports }) = listening else { return };
    let guests = Guests { ctx: Arc::clone(ctx), desk: Arc::default() };
    tokio::select! {
        () = accept(&listener, &endpoint, Some(&guests)) => {}
        () = work::run(ctx, &endpoint, reports) => {}
        () = ctx.stop.cancelled() => {}
    }
}

/// Who answers guests.
#[derive(Debug, Clone)]
struct Guests {
    ctx: Arc<Ctx>,
    desk: Arc<status::Desk>,
}

/// Takes connections for ever.
async fn accept(listener: &TcpListener, endpoint: &Arc<Endpoint>, guests: Option<&Guests>) {
    let mut connections = JoinSet::new();
    let mut peers = Peers::default();
    let began = tokio::time::Instant::now();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, peer)) => {
                    let peer = peer.ip().to_canonical();
                    // Too many from there: closed without a word.
                    if peers.enter(peer, began.elapsed()) {
                        connections.spawn(serve(stream, peer, Arc::clone(endpoint), guests.cloned()));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the hook cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                if let Ok(peer) = ended {
                    peers.leave(peer);
                }
            }
        }
    }
}

async fn serve(stream: TcpStream, peer: IpAddr, endpoint: Arc<Endpoint>, guests: Option<Guests>) -> IpAddr {
    let service = service_fn(move |request: Request<Incoming>| {
        let (endpoint, guests) = (Arc::clone(&endpoint), guests.clone());
        async move {
            Ok::<_, Infallible>(match guests.filter(|_| status::is_ours(request.uri().path())) {
                Some(Guests { ctx, desk }) => desk.answer(&request, peer, &ctx).await,
                None => answer(request, &endpoint).await,
            })
        }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(false);
    let connection = server.serve_connection(TokioIo::new(stream), service);
    // Half a request is the peer's loss.
    let _ended = timeout(PATIENCE * 2, connection).await;
    peer
}

async fn answer(request: Request<Incoming>, endpoint: &Endpoint) -> Response<Full<Bytes>> {
    // Scripts of versions without header fields show the token as the last part of the path.
    let path = request.uri().path().to_owned();
    let known = |path: &str| path == TEST_PATH || Slot::ALL.iter().any(|slot| slot.path() == path);
    let in_path = || path.rsplit_once('/').filter(|(path, _)| known(path));
    let (path, in_path) = if known(&path) { (path.as_str(), "") } else { in_path().unwrap_or(("", "")) };
    if path.is_empty() {
        return code(StatusCode::NOT_FOUND);
    }
    if request.method() != Method::POST {
        return code(StatusCode::METHOD_NOT_ALLOWED);
    }
    let shown = request.headers().get(TOKEN_HEADER).map_or(in_path.as_bytes(), hyper::header::HeaderValue::as_bytes);
    if !signed::same(shown, endpoint.token.as_bytes()) {
        endpoint.wrong.fetch_add(1, Ordering::Relaxed);
        return code(StatusCode::UNAUTHORIZED);
    }
    let body = Limited::new(request.into_body(), MAX_BODY).collect();
    match timeout(PATIENCE, body).await {
        Ok(Ok(body)) => endpoint.take(path, &body.to_bytes()),
        Ok(Err(_too_large)) => return code(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_elapsed) => return code(StatusCode::REQUEST_TIMEOUT),
    }
    code(StatusCode::NO_CONTENT)
}

fn code(code: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = code;
    response
}
