//! The login, in both eras: plain since 6.43, an MD5 challenge before.
//!
//! Only a `!done` without a challenge means logged in. A router that hands out another challenge instead has not let us
//! in, whatever the reply is called.

use bytes::Bytes;
use md5::{Digest, Md5};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::codec::Decoder;
use super::error::{ConnectError, Trap, TrapKind};
use super::reply::{Reply, ReplyKind};
use super::request::Request;

/// Bytes read at once; answers to a login are short.
const CHUNK: usize = 512;
/// A TLS alert begins like this: what a TLS port says to a plain client.
const TLS_ALERT: &[u8] = &[0x15, 0x03];

/// Logs in, without tags: nothing else is said meanwhile.
pub(crate) async fn login<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    decoder: &mut Decoder,
    user: &str,
    password: &SecretString,
) -> Result<(), ConnectError> {
    let plain = Request::new("/login").attr("name", user).attr("password", password.expose_secret());
    let Some(challenge) = ask(stream, decoder, &plain).await? else { return Ok(()) };
    let challenge = decode_hex(&challenge).ok_or_else(|| refused("it sends a challenge of an unknown form"))?;
    let response = response(password.expose_secret(), &challenge);
    let answer = Request::new("/login").attr("name", user).attr("response", response);
    match ask(stream, decoder, &answer).await? {
        None => Ok(()),
        Some(_) => Err(refused("it answers the login with yet another challenge")),
    }
}

/// Sends a login and waits for its end; answers the challenge that came with it, if any.
async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    decoder: &mut Decoder,
    request: &Request,
) -> Result<Option<String>, ConnectError> {
    stream.write_all(&request.to_wire(None)).await.map_err(|_io| ConnectError::ClosedAtLogin)?;
    stream.flush().await.map_err(|_io| ConnectError::ClosedAtLogin)?;
    loop {
        let reply = next_reply(stream, decoder).await?;
        match reply.kind {
            ReplyKind::Done if reply.attrs.has("ret") => return Ok(Some(reply.attrs.text("ret").into_owned())),
            ReplyKind::Done => return Ok(None),
            ReplyKind::Trap | ReplyKind::Fatal => return Err(trapped(&reply)),
            ReplyKind::Re | ReplyKind::Empty => {}
            ReplyKind::Other(word) if word.starts_with(b"!") => {}
            ReplyKind::Other(_) => return Err(ConnectError::NotRouterOs),
        }
    }
}

/// The `!done` after a `!trap` is not awaited: the connection is closed at once.
fn trapped(reply: &Reply) -> ConnectError {
    let trap = Trap::of(reply);
    if trap.kind() == TrapKind::Auth { ConnectError::BadCredentials } else { refused(&trap.message) }
}

fn refused(message: &str) -> ConnectError {
    ConnectError::LoginRefused { message: message.to_owned() }
}

async fn next_reply<S: AsyncRead + Unpin>(stream: &mut S, decoder: &mut Decoder) -> Result<Reply, ConnectError> {
    let mut chunk = [0; CHUNK];
    loop {
        if let Some(sentence) = decoder.next_sentence().map_err(|_codec| ConnectError::NotRouterOs)? {
            return Ok(Reply::parse(sentence));
        }
        check_start(decoder.unread())?;
        let count = stream.read(&mut chunk).await.map_err(|_io| ConnectError::ClosedAtLogin)?;
        if count == 0 {
            return Err(ConnectError::ClosedAtLogin);
        }
        decoder.feed(chunk.get(..count).unwrap_or_default());
    }
}

/// Knows a stranger by the first bytes: an SSH or web server announces by chance a word that would be waited for.
fn check_start(unread: &[u8]) -> Result<(), ConnectError> {
    match unread {
        start if start.starts_with(TLS_ALERT) => Err(ConnectError::TlsExpected),
        [length, first, ..] if *length < 0x80 && *first != b'!' => Err(ConnectError::NotRouterOs),
        _ => Ok(()),
    }
}

/// The pre-6.43 answer: `00` and the MD5 of a zero byte, the password and the challenge.
fn response(password: &str, challenge: &[u8]) -> String {
    let mut md5 = Md5::new();
    md5.update([0]);
    md5.update(password.as_bytes());
    md5.update(challenge);
    md5.finalize().iter().fold("00".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// The challenge is 16 bytes in hexadecimal.
fn decode_hex(text: &str) -> Option<Bytes> {
    const DIGITS: usize = 32;
    if text.len() != DIGITS || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    (0..DIGITS).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
