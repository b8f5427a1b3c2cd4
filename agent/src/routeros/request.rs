//! One command to a router, built word by word.
//!
//! The order of attributes does not matter to a router, the order of queries does; both are kept. The tag is not part
//! of a request: the connection gives it.

use std::fmt;

use bytes::{Bytes, BytesMut};

use super::codec::encode;
use super::reply::{decode_text, is_secret};

/// A command: `Request::new("/ip/hotspot/user/print").query("?name=siti").proplist(&[".id", "name"])`.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    words: Vec<Bytes>,
}

impl Request {
    /// The command with slashes, `/ip/hotspot/user/print`; the API accepts no spaces there.
    #[must_use]
    pub fn new(command: &str) -> Self {
        Self { words: vec![Bytes::copy_from_slice(command.as_bytes())] }
    }

    /// `=name=value`. Values are bytes to the router, quotes and line ends need no escape. An empty value clears text
    /// fields such as `comment`.
    #[must_use]
    pub fn attr(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        let mut word = BytesMut::with_capacity(name.len() + value.len() + 2);
        word.extend_from_slice(b"=");
        word.extend_from_slice(name.as_bytes());
        word.extend_from_slice(b"=");
        word.extend_from_slice(value);
        self.words.push(word.freeze());
        self
    }

    /// `=!name=`: clears a field that an empty value does not clear, such as `limit-uptime`.
    #[must_use]
    pub fn clear(self, name: &str) -> Self {
        self.attr(&format!("!{name}"), "")
    }

    /// A query word as it goes on the wire, with its question mark: `?name=siti`, `?>comment=`, `?#|`.
    #[must_use]
    pub fn query(mut self, word: impl AsRef<[u8]>) -> Self {
        self.words.push(Bytes::copy_from_slice(word.as_ref()));
        self
    }

    /// The fields wanted back. Ask for `.id` too: a router sends it only when it is named.
    #[must_use]
    pub fn proplist(self, names: &[&str]) -> Self {
        self.attr(".proplist", names.join(","))
    }

    /// The command word.
    #[must_use]
    pub fn command(&self) -> &[u8] {
        self.words.first().map(AsRef::as_ref).unwrap_or_default()
    }

    /// All words, the command first.
    #[must_use]
    pub fn words(&self) -> &[Bytes] {
        &self.words
    }

    /// The sentence on the wire. The tag goes last, where most clients put it.
    pub(crate) fn to_wire(&self, tag: Option<u32>) -> Bytes {
        let mut words = self.words.clone();
        words.extend(tag.map(|tag| Bytes::from(format!(".tag={tag}"))));
        let mut out = BytesMut::new();
        encode(&words, &mut out);
        out.freeze()
    }

    /// Length of the longest word, and of all words together.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        let lengths = || self.words.iter().map(Bytes::len);
        (lengths().max().unwrap_or_default(), lengths().sum())
    }
}

impl fmt::Debug for Request {
    /// Secrets are masked, so that a request may stand in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.words.iter().map(|word| {
            let word = decode_text(word);
            let name = word.strip_prefix('=').and_then(|word| word.split_once('=')).map(|(name, _)| name);
            match name {
                Some(name) if is_secret(name) => format!("={name}=***"),
                Some(_) | None => word.into_owned(),
            }
        });
        f.debug_list().entries(shown).finish()
    }
}
