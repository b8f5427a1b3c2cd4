//! Accepts connections, one task each. TLS is spoken in that task, so that a peer who says nothing keeps nobody else
//! waiting.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::Instant,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::{
    Gate, StartError,
    handshake::{self, Refused},
    session,
    tls::Certificate,
};

/// Pause after a failed accept (no file descriptors left, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

pub(super) async fn bind(addr: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(addr).await.map_err(|source| StartError::Listen { addr, source })
}

/// Accepts until the gate stops.
pub(super) async fn run(gate: Arc<Gate>, listener: TcpListener, tls: Option<TlsAcceptor>, tracker: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            () = gate.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept MQTT connections for the moment");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if !gate.addresses.may_connect(peer.ip(), Instant::now()) {
            gate.counters.refused_by_limits.one();
            continue;
        }
        // Acknowledgements are small and wanted at once; if this fails they are only slower.
        let _slower = stream.set_nodelay(true);
        tracker.spawn(serve(Arc::clone(&gate), stream, peer, tls.clone()));
    }
}

/// Looks at the certificate files until the gate stops.
pub(super) async fn refresh(gate: Arc<Gate>, certificate: Arc<Certificate>) {
    loop {
        tokio::select! {
            () = gate.stop.cancelled() => return,
            () = tokio::time::sleep(gate.config.timing.certificate_check) => {}
        }
        let certificate = Arc::clone(&certificate);
        match tokio::task::spawn_blocking(move || certificate.refresh()).await {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => tracing::info!("MQTT listener uses the new certificate"),
            Ok(Err(error)) => tracing::warn!(%error, "the new certificate cannot be used, the old one stays"),
            Err(error) => tracing::error!(%error, "the certificate files were not looked at"),
        }
    }
}

async fn serve(gate: Arc<Gate>, stream: TcpStream, peer: SocketAddr, tls: Option<TlsAcceptor>) {
    let seat = gate.lobby.enter();
    let deadline = Instant::now() + gate.config.timing.connect;
    match tls {
        None => converse(gate, stream, peer, seat, deadline).await,
        Some(tls) => {
            let spoken = tokio::select! {
                () = gate.stop.cancelled() => return,
                () = seat.taken.cancelled() => return,
                spoken = tokio::time::timeout_at(deadline, tls.accept(stream)) => spoken,
            };
            match spoken {
                // A TLS stream is large; the connections of the plain listener shall not carry its size.
                Ok(Ok(stream)) => Box::pin(converse(gate, stream, peer, seat, deadline)).await,
                Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS"),
                Err(_late) => tracing::debug!(%peer, "TLS not spoken in time"),
            }
        }
    }
}

/// From CONNECT to the end.
async fn converse<S>(gate: Arc<Gate>, mut stream: S, peer: SocketAddr, seat: super::lobby::Seat, deadline: Instant)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let admitted = tokio::select! {
        () = gate.stop.cancelled() => return,
        () = seat.taken.cancelled() => return,
        admitted = handshake::admit(&gate, &mut stream, peer, deadline) => admitted,
    };
    drop(seat);
    match admitted {
        Ok(admitted) => session::serve(&gate, stream, admitted).await,
        Err(refused) => {
            match &refused {
                Refused::Login(_) => gate.counters.refused_logins.one(),
                Refused::TooOften | Refused::Full(_) => gate.counters.refused_by_limits.one(),
                Refused::Malformed(_) => gate.counters.malformed.one(),
                Refused::Will | Refused::Silent | Refused::Router => {}
            }
            tracing::debug!(%peer, "connection refused: {refused}");
        }
    }
}
