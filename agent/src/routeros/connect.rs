//! The way to a router: resolve, connect, TLS, login; each failure under its own name.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::client::Inner;
use super::codec::{Decoder, Limits};
use super::demux::{Demux, Reader, Times, Writer, drive};
use super::error::{ConnectError, Fingerprint};
use super::login::login;
use super::options::{ConnectOptions, Tls};
use super::pending::Tags;
use super::tls;

/// A way in both directions, plain or encrypted.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A socket to the router, before the login.
struct Dialled {
    stream: Box<dyn Duplex>,
    fingerprint: Option<[u8; 32]>,
    local: Option<IpAddr>,
}

/// Makes a connection, logs in and starts the task that drives it.
pub(crate) async fn connect(options: &ConnectOptions) -> Result<Inner, ConnectError> {
    let Dialled { mut stream, fingerprint, local } = dial(options).await?;
    let mut decoder = Decoder::new(Limits::DEFAULT);
    timeout(options.login_timeout, login(&mut stream, &mut decoder, &options.user, &options.password))
        .await
        .map_err(|_elapsed| ConnectError::LoginTimedOut { host: options.host.clone() })??;

    let (reader, writer) = tokio::io::split(stream);
    let (reader, writer): (Reader, Writer) = (Box::new(reader), Box::new(writer));
    let (orders, order_receiver) = mpsc::unbounded_channel();
    let (closed_sender, closed) = watch::channel(None);
    let tags = Tags::new();
    let demux = Demux::new(reader, decoder, order_receiver, Arc::clone(&tags), Times::of(options));
    // Ends by itself once the last handle is gone: its queue of orders closes then.
    tokio::spawn(drive(demux, writer, closed_sender));
    let ConnectOptions { idle_timeout, write_timeout, .. } = *options;
    Ok(Inner { orders, closed, tags, fingerprint, local, idle_timeout, write_timeout })
}

/// Resolves, connects, and shakes hands when TLS is on. All of it within the connect timeout.
async fn dial(options: &ConnectOptions) -> Result<Dialled, ConnectError> {
    let deadline = Instant::now() + options.connect_timeout;
    let tcp = timeout_at(deadline, dial_tcp(&options.host, options.port));
    let tcp = tcp.await.map_err(|_elapsed| ConnectError::TimedOut { host: options.host.clone() })??;
    // Sentences are small and wait for each other's answers: Nagle's algorithm would add 40 ms to each.
    tcp.set_nodelay(true).map_err(|source| ConnectError::Io { source })?;
    let local = tcp.local_addr().ok().map(|address| address.ip());
    if options.tls == Tls::Plain {
        return Ok(Dialled { stream: Box::new(tcp), fingerprint: None, local });
    }
    let handshake = timeout_at(deadline, tls::handshake(tcp, &options.host, &options.tls));
    let (stream, seen) = handshake.await.map_err(|_elapsed| ConnectError::Tls {
        reason: "the handshake is not answered; does this port speak TLS?".to_owned(),
    })??;
    match options.tls {
        // Nothing but the handshake was said so far; the password goes only to the right certificate.
        Tls::Fingerprint(expected) if expected != seen => {
            Err(ConnectError::CertificateMismatch { expected: Fingerprint(expected), seen: Fingerprint(seen) })
        }
        Tls::Plain | Tls::Insecure | Tls::Fingerprint(_) | Tls::Ca(_) => {
            Ok(Dialled { stream: Box::new(stream), fingerprint: Some(seen), local })
        }
    }
}

/// Tries every address of the name; the error is that of the last one.
async fn dial_tcp(host: &str, port: u16) -> Result<TcpStream, ConnectError> {
    let dns = |source| ConnectError::Dns { host: host.to_owned(), source };
    let addresses = lookup_host((host, port)).await.map_err(dns)?;
    let mut failure = dns(io::Error::new(io::ErrorKind::NotFound, "no address"));
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = sort_error(address, error),
        }
    }
    Err(failure)
}

fn sort_error(address: SocketAddr, source: io::Error) -> ConnectError {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable, TimedOut};
    let kind = source.kind();
    if kind == ConnectionRefused {
        ConnectError::Refused { address }
    } else if kind == TimedOut {
        ConnectError::TimedOut { host: address.to_string() }
    } else if kind == HostUnreachable || kind == NetworkUnreachable {
        ConnectError::Unreachable { address, source }
    } else {
        ConnectError::Io { source }
    }
}
