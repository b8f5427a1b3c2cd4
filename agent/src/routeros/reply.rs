//! What a router answers: a sentence sorted into kind, tag, attributes and the rest.
//!
//! Words may come in any order. Nothing here fails: an odd word is kept in `rest`, odd bytes in a value are kept as they are.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use super::codec::Sentence;

/// The first word of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyKind {
    /// `!re`: one record.
    Re,
    /// `!done`: the command has ended.
    Done,
    /// `!trap`: it failed; `!done` still follows.
    Trap,
    /// `!fatal`: the connection ends.
    Fatal,
    /// `!empty`: a print matched nothing (RouterOS 7.18 and later); `!done` still follows.
    Empty,
    /// Anything else, kept as it was.
    Other(Bytes),
}

/// One reply sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub kind: ReplyKind,
    /// The value of `.tag`, when the reply has one.
    pub tag: Option<Bytes>,
    /// The `=name=value` words.
    pub attrs: Row,
    /// Words of no known form: the reason of a `!fatal`, API attributes other than `.tag`.
    pub rest: Vec<Bytes>,
}

impl Reply {
    /// Sorts a sentence's words. The sentence of a decoder is never empty; one without words is an `Other` kind.
    #[must_use]
    pub fn parse(sentence: Sentence) -> Self {
        let attributes = sentence.words.iter().filter(|word| word.starts_with(b"="));
        let bytes = attributes.clone().map(|word| word.len() - 1).sum();
        let attrs = Row::with_capacity(attributes.count(), bytes);
        let mut words = sentence.words.into_iter();
        let kind = kind_of(words.next().unwrap_or_default());
        let mut reply = Self { kind, tag: None, attrs, rest: Vec::new() };
        for word in words {
            if let Some(attribute) = word.strip_prefix(b"=") {
                let (name, value) = split_attribute(attribute);
                reply.attrs.push(name, value);
            } else if word.starts_with(TAG) {
                reply.tag = Some(word.slice(TAG.len()..));
            } else {
                reply.rest.push(word);
            }
        }
        reply
    }

    /// The text of a `!trap` or `!fatal`: its message, else its bare words.
    #[must_use]
    pub fn message(&self) -> String {
        if self.attrs.has("message") {
            return self.attrs.text("message").into_owned();
        }
        self.rest.iter().map(|word| decode_text(word)).collect::<Vec<_>>().join(" ")
    }
}

/// How the word of a tag begins.
pub(crate) const TAG: &[u8] = b".tag=";

fn kind_of(word: Bytes) -> ReplyKind {
    match word.as_ref() {
        b"!re" => ReplyKind::Re,
        b"!done" => ReplyKind::Done,
        b"!trap" => ReplyKind::Trap,
        b"!fatal" => ReplyKind::Fatal,
        b"!empty" => ReplyKind::Empty,
        _ => ReplyKind::Other(word),
    }
}

/// `name=value`, cut at the first `=`: the value may hold any byte. `name` alone has an empty value.
fn split_attribute(body: &[u8]) -> (&[u8], &[u8]) {
    let at = body.iter().position(|byte| *byte == b'=').unwrap_or(body.len());
    (body.get(..at).unwrap_or_default(), body.get(at + 1..).unwrap_or_default())
}

/// The attributes of a reply in the router's order. When a name comes twice, the last one counts.
///
/// Names and values stand in one buffer of their own: an agent holds thousands of rows in a few megabytes, and a kept
/// row must not keep the whole read buffer alive.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Row {
    data: Vec<u8>,
    /// For each field where its name ends and where its value ends in `data`.
    ends: Vec<(u32, u32)>,
}

impl Row {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a field.
    pub fn push(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let name_end = self.data.len() + name.as_ref().len();
        let value_end = name_end + value.as_ref().len();
        // A row of 4 GiB comes from no router: the decoder's caps are a thousand times lower.
        if let (Ok(name_end), Ok(value_end)) = (u32::try_from(name_end), u32::try_from(value_end)) {
            self.data.extend_from_slice(name.as_ref());
            self.data.extend_from_slice(value.as_ref());
            self.ends.push((name_end, value_end));
        }
    }

    /// The value as bytes; `None` when the field is absent. RouterOS leaves out many empty fields: see [`Self::text`].
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        (0..self.ends.len())
            .rev()
            .map(|index| self.field(index))
            .find(|(field, _)| *field == name.as_bytes())
            .map(|(_, value)| value)
    }

    /// The value as text, empty when the field is absent (RouterOS means the same by both). Bytes that are not UTF-8
    /// are read as Windows-1252, which is what WinBox writes: a bad comment never costs a record.
    #[must_use]
    pub fn text(&self, name: &str) -> Cow<'_, str> {
        decode_text(self.get(name).unwrap_or_default())
    }

    /// Whether the field is there at all, even if empty.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Every field in the router's order, repeated names included.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        (0..self.ends.len()).map(|index| self.field(index))
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// About how much memory the row takes.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + self.data.len() + size_of_val(self.ends.as_slice())
    }

    fn field(&self, index: usize) -> (&[u8], &[u8]) {
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |(_, end)| *end);
        let (name_end, value_end) = self.ends.get(index).copied().unwrap_or((start, start));
        (self.slice(start, name_end), self.slice(name_end, value_end))
    }

    fn slice(&self, from: u32, to: u32) -> &[u8] {
        let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
        range.and_then(|(from, to)| self.data.get(from..to)).unwrap_or_default()
    }

    fn with_capacity(fields: usize, bytes: usize) -> Self {
        Self { data: Vec::with_capacity(bytes), ends: Vec::with_capacity(fields) }
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Row {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut row = Self::new();
        fields.into_iter().for_each(|(name, value)| row.push(name, value));
        row
    }
}

impl fmt::Debug for Row {
    /// Secrets are masked, so that a row may stand in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.iter().map(|(name, value)| {
            let name = decode_text(name);
            let value = if is_secret(&name) { Cow::Borrowed("***") } else { decode_text(value) };
            (name, value)
        });
        f.debug_map().entries(shown).finish()
    }
}

/// Whether a field of this name carries a secret: passwords, shared secrets, scripts' and logins' returned values.
pub(crate) fn is_secret(name: &str) -> bool {
    ["password", "secret", "key", "response", "ret"].iter().any(|word| name.ends_with(word))
}

/// UTF-8 if it is, Windows-1252 otherwise; never fails.
#[must_use]
pub fn decode_text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| windows_1252(*byte)).collect()),
    }
}

/// The bytes that [`decode_text`] read as this text when they were not UTF-8; `None` when none can be.
pub(crate) fn encode_windows_1252(text: &str) -> Option<Vec<u8>> {
    text.chars()
        .map(|c| u8::try_from(c).ok().filter(|byte| windows_1252(*byte) == c).or_else(|| high_byte(c)))
        .collect()
}

fn high_byte(c: char) -> Option<u8> {
    (0x80..=0x9F).find(|byte| windows_1252(*byte) == c)
}

fn windows_1252(byte: u8) -> char {
    // 0x80-0x9F; the five unassigned bytes keep their control character, as browsers do.
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9F => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}
