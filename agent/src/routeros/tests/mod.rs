//! Tests of the protocol, against routers that follow a script on a real socket.

mod answers;
mod cancel;
mod codec;
mod faults;
mod login;
mod reply;
mod tls;
mod values;

use std::future::Future;
use std::time::Duration;

use bytes::BytesMut;
use secrecy::SecretString;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{Client, ConnectOptions, Decoder, Limits, encode};

/// No test may hang; on a busy machine they may be slow.
const PATIENCE: Duration = Duration::from_secs(20);

/// The router's end of a connection.
struct Peer<S = TcpStream> {
    stream: S,
    decoder: Decoder,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    fn new(stream: S) -> Self {
        Self { stream, decoder: Decoder::new(Limits::DEFAULT) }
    }

    /// The next sentence of the client, as text; `None` when the client has closed.
    async fn try_hear(&mut self) -> Option<Vec<String>> {
        let mut chunk = [0; 4096];
        loop {
            if let Some(sentence) = self.decoder.next_sentence().unwrap() {
                let words = sentence.words.iter();
                return Some(words.map(|word| String::from_utf8_lossy(word).into_owned()).collect());
            }
            let count = tokio::time::timeout(PATIENCE, self.stream.read(&mut chunk)).await.expect("a word in time");
            match count {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.decoder.feed(&chunk[..count]),
            }
        }
    }

    async fn hear(&mut self) -> Vec<String> {
        self.try_hear().await.expect("the client is still there")
    }

    /// Hears a command and answers its tag.
    async fn hear_command(&mut self, command: &str) -> String {
        let words = self.hear().await;
        assert_eq!(words[0], command);
        tag_of(&words)
    }

    async fn say(&mut self, words: &[&str]) {
        self.send(&sentence(words)).await;
    }

    /// Says something with a tag as the second word, where RouterOS puts it.
    async fn reply(&mut self, kind: &str, tag: &str, attributes: &[&str]) {
        let tag = format!(".tag={tag}");
        let words: Vec<&str> = [kind, &tag].into_iter().chain(attributes.iter().copied()).collect();
        self.say(&words).await;
    }

    /// Sends raw bytes; a client that has gone by now is no failure of the router.
    async fn send(&mut self, bytes: &[u8]) {
        let _gone = self.stream.write_all(bytes).await;
        let _gone = self.stream.flush().await;
    }

    async fn accept_login(&mut self) {
        assert_eq!(self.hear().await[0], "/login");
        self.say(&["!done"]).await;
    }

    /// Waits for the client to close, ignoring what it says until then.
    async fn until_closed(&mut self) {
        while self.try_hear().await.is_some() {}
    }
}

fn sentence(words: &[&str]) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode(words, &mut out);
    out.to_vec()
}

fn tag_of(words: &[String]) -> String {
    words.iter().find_map(|word| word.strip_prefix(".tag=")).expect("every command has a tag").to_owned()
}

fn options(port: u16) -> ConnectOptions {
    ConnectOptions::new("127.0.0.1", port, "hiji", SecretString::from("rahasia"))
}

/// A router that takes one connection and follows a script, and how to reach it.
async fn router<F, Fut>(script: F) -> (ConnectOptions, JoinHandle<()>)
where
    F: FnOnce(Peer) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        script(Peer::new(stream)).await;
    });
    (options(port), task)
}

/// The same for a client that is logged in; `adjust` shortens what the test waits for.
async fn logged_in<F, Fut>(adjust: impl FnOnce(&mut ConnectOptions), script: F) -> (Client, JoinHandle<()>)
where
    F: FnOnce(Peer) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let (mut options, task) = router(|mut peer| async move {
        peer.accept_login().await;
        script(peer).await;
    })
    .await;
    adjust(&mut options);
    (Client::connect(&options).await.unwrap(), task)
}

fn patient(_options: &mut ConnectOptions) {}
