//! A request sentence, sorted: path, command, arguments, queries, tag.

use bytes::Bytes;
use hiji_agent::routeros::codec::Sentence;

use super::query::{Query, parse};
use super::value::Text;

/// One command as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// `/ip/hotspot/user`.
    pub(crate) path: String,
    /// `add`.
    pub(crate) verb: String,
    pub(crate) tag: Option<Bytes>,
    /// `=name=value` words in order.
    pub(crate) args: Vec<(Text, Text)>,
    pub(crate) queries: Vec<Query>,
    pub(crate) proplist: Option<Vec<Text>>,
}

impl Request {
    /// Reads a sentence. What is no path becomes an empty one, which no menu has.
    pub(crate) fn read(sentence: &Sentence) -> Self {
        let mut words = sentence.words.iter();
        let command = words.next().map(|word| String::from_utf8_lossy(word).into_owned()).unwrap_or_default();
        let (path, verb) = command.rsplit_once('/').unwrap_or(("", ""));
        let mut request = Self {
            path: path.to_owned(),
            verb: verb.to_owned(),
            tag: None,
            args: Vec::new(),
            queries: Vec::new(),
            proplist: None,
        };
        for word in words {
            request.word(word);
        }
        request
    }

    fn word(&mut self, word: &Bytes) {
        if let Some(tag) = word.strip_prefix(b".tag=") {
            self.tag = Some(Bytes::copy_from_slice(tag));
        } else if let Some(query) = parse(word) {
            self.queries.push(query);
        } else if let Some(names) = word.strip_prefix(b"=.proplist=").or_else(|| word.strip_prefix(b".proplist=")) {
            self.proplist = Some(names.split(|byte| *byte == b',').map(<[u8]>::to_vec).collect());
        } else if let Some(attribute) = word.strip_prefix(b"=") {
            let end = attribute.iter().position(|byte| *byte == b'=').unwrap_or(attribute.len());
            let value = attribute.get(end + 1..).unwrap_or_default();
            self.args.push((attribute[..end].to_vec(), value.to_vec()));
        }
    }

    /// The last argument of that name.
    pub(crate) fn arg(&self, name: &str) -> Option<&[u8]> {
        self.args.iter().rev().find(|(key, _)| key == name.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// An argument as text, empty when it is not there.
    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(self.arg(name).unwrap_or_default()).into_owned()
    }

    /// Is a switch such as `=count-only=` given, and not as `no`?
    pub(crate) fn switch(&self, name: &str) -> bool {
        self.arg(name).is_some_and(|value| !matches!(value, b"no" | b"false"))
    }

    /// The whole command.
    pub(crate) fn command(&self) -> String {
        format!("{}/{}", self.path, self.verb)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_sorted_whatever_their_order() {
        let words = ["/ip/hotspot/user/print", "=count-only=", "?name=a=b", ".tag=7", "=.proplist=.id,name", "?#!"];
        let words = words.iter().map(|word| Bytes::from_static(word.as_bytes())).collect();
        let request = Request::read(&Sentence { words });
        assert_eq!((request.path.as_str(), request.verb.as_str()), ("/ip/hotspot/user", "print"));
        assert_eq!(request.tag.as_deref(), Some(&b"7"[..]));
        assert!(request.switch("count-only"));
        assert_eq!((request.queries.len(), request.proplist.map(|names| names.len())), (2, Some(2)));
    }
}
