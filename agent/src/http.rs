//! The agent's one HTTP call to the controller: small, bounded, with a time limit.

use std::{error::Error as _, io, path::Path, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{config::ControllerUrl, tls};

/// The whole call, from the name to the last byte.
const PATIENCE: Duration = Duration::from_secs(20);
/// Largest answer taken.
const MAX_ANSWER: usize = 64 * 1024;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

/// Why there is none. One variant per cause that `check` tells apart.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("the name {0} cannot be resolved")]
    Dns(String, #[source] io::Error),
    #[error("{0} refuses the connection")]
    Refused(String),
    #[error("{0} cannot be reached")]
    Connect(String, #[source] io::Error),
    #[error("no answer in time")]
    TimedOut,
    #[error("TLS fails: the certificate is not trusted, or this port speaks no TLS")]
    Tls(#[source] io::Error),
    #[error("the CA file cannot be used")]
    Ca(#[source] io::Error),
    #[error("the answer is no HTTP")]
    NotHttp(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// An error with its cause, as a sentence.
pub(crate) fn plain(error: &HttpError) -> String {
    match error.source() {
        Some(source) => format!("{error} ({source})"),
        None => error.to_string(),
    }
}

/// Posts JSON to a path of the controller.
///
/// # Errors
/// [`HttpError`].
pub(crate) async fn post_json(
    url: &ControllerUrl,
    path: &str,
    body: Vec<u8>,
    ca: Option<&Path>,
) -> Result<Answer, HttpError> {
    let request = Request::post(format!("{}{path}", url.base)).header(header::CONTENT_TYPE, "application/json");
    call(url, request, body, ca).await
}

/// Gets a path of the controller.
///
/// # Errors
/// [`HttpError`].
pub(crate) async fn get(url: &ControllerUrl, path: &str, ca: Option<&Path>) -> Result<Answer, HttpError> {
    call(url, Request::get(format!("{}{path}", url.base)), Vec::new(), ca).await
}

async fn call(
    url: &ControllerUrl,
    request: hyper::http::request::Builder,
    body: Vec<u8>,
    ca: Option<&Path>,
) -> Result<Answer, HttpError> {
    let default_port = if url.tls { 443 } else { 80 };
    let host = if url.port == default_port { url.host.clone() } else { format!("{}:{}", url.host, url.port) };
    let request = request
        .header(header::HOST, host)
        .header(header::USER_AGENT, concat!("hiji-agent/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| HttpError::NotHttp(error.into()))?;
    let answer = async {
        let tcp = connect(url).await?;
        if !url.tls {
            return exchange(tcp, request).await;
        }
        let connector = TlsConnector::from(tls::client(ca).map_err(HttpError::Ca)?);
        let host = url.host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).map_err(|error| HttpError::Tls(io::Error::other(error)))?;
        exchange(connector.connect(name, tcp).await.map_err(HttpError::Tls)?, request).await
    };
    timeout(PATIENCE, answer).await.map_err(|_elapsed| HttpError::TimedOut)?
}

async fn connect(url: &ControllerUrl) -> Result<TcpStream, HttpError> {
    let host = url.host.trim_matches(['[', ']']);
    let shown = format!("{}:{}", url.host, url.port);
    let addresses = tokio::net::lookup_host((host, url.port)).await;
    let addresses = addresses.map_err(|error| HttpError::Dns(url.host.clone(), error))?;
    let mut failure = HttpError::Dns(url.host.clone(), io::Error::new(io::ErrorKind::NotFound, "no address"));
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                failure = HttpError::Refused(shown.clone());
            }
            Err(error) => failure = HttpError::Connect(shown.clone(), error),
        }
    }
    Err(failure)
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Answer, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let not_http = |error: hyper::Error| HttpError::NotHttp(error.into());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(not_http)?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(not_http)?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await.map_err(HttpError::NotHttp)?;
        Ok(Answer { status, body: body.to_bytes() })
    };
    // The connection is driven beside the call and ends with it.
    tokio::pin!(connection);
    tokio::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        ended = &mut connection => {
            if let Err(error) = ended {
                return Err(not_http(error));
            }
            exchange.await
        }
    }
}
