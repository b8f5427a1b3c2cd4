//! The local HTTP endpoint for on-login and on-up scripts, and the guests' page ([`crate::status`]). It answers at once and only makes the agent look: what a
//! script says is never taken as truth, since whoever logs in chooses the words.

use std::{convert::Infallible, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use hiji_shared::{device::Service, signed};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, task::JoinSet, time::timeout};

use crate::{ctx::Ctx, status};

/// Largest body read.
const MAX_BODY: usize = 2 * 1024;
/// Connections at once; the router makes one a login.
const MAX_CONNECTIONS: usize = 32;
/// A connection lives at most this long.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a script shows as proof.
const TOKEN_HEADER: &str = "x-hiji";

/// Serves until the agent stops. A hook that cannot listen is no reason to stop: only latency suffers.
pub(crate) async fn run(ctx: &Arc<Ctx>) {
    let Some(address) = ctx.config.hook_listen else { return };
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, %address, "the hook cannot listen; logins are seen by polling alone");
            return;
        }
    };
    let token: Arc<str> = ctx.keys.hook_token().into();
    let desk = Arc::new(status::Desk::default());
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, peer)) => {
                    let door = Door { ctx: Arc::clone(ctx), token: Arc::clone(&token), desk: Arc::clone(&desk) };
                    connections.spawn(serve(stream, peer.ip().to_canonical(), door));
                }
                Err(error) => {
                    tracing::warn!(%error, "the hook cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_ended) = connections.join_next(), if !connections.is_empty() => {}
            () = ctx.stop.cancelled() => return,
        }
    }
}

/// What a connection needs.
#[derive(Clone)]
struct Door {
    ctx: Arc<Ctx>,
    token: Arc<str>,
    desk: Arc<status::Desk>,
}

async fn serve(stream: tokio::net::TcpStream, peer: IpAddr, door: Door) {
    let service = service_fn(move |request: Request<Incoming>| {
        let door = door.clone();
        async move {
            Ok::<_, Infallible>(if status::is_ours(request.uri().path()) {
                door.desk.answer(&request, peer, &door.ctx).await
            } else {
                answer(request, &door.ctx, &door.token).await
            })
        }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(false);
    let connection = server.serve_connection(TokioIo::new(stream), service);
    // Half a request is the peer's loss.
    let _ended = timeout(PATIENCE, connection).await;
}

async fn answer(request: Request<Incoming>, ctx: &Ctx, token: &str) -> Response<Full<Bytes>> {
    let shown = request.headers().get(TOKEN_HEADER).map(hyper::header::HeaderValue::as_bytes).unwrap_or_default();
    let service = match request.uri().path() {
        "/h/login" | "/h/logout" => Service::Hotspot,
        "/h/up" | "/h/down" => Service::Pppoe,
        _ => return code(StatusCode::NOT_FOUND),
    };
    if request.method() != Method::POST {
        return code(StatusCode::METHOD_NOT_ALLOWED);
    }
    if !signed::same(shown, token.as_bytes()) {
        return code(StatusCode::UNAUTHORIZED);
    }
    if Limited::new(request.into_body(), MAX_BODY).collect().await.is_err() {
        return code(StatusCode::PAYLOAD_TOO_LARGE);
    }
    ctx.active_wake(service).notify_one();
    code(StatusCode::NO_CONTENT)
}

fn code(code: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = code;
    response
}
