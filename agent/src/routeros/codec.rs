//! Words and sentences on the wire: a sans-IO decoder with hard caps, and the encoder.
//!
//! A word is a length in 1-5 bytes and that many bytes; a sentence is words up to an empty one. Words are bytes: what
//! they mean is [`super::reply`]'s business. Empty sentences are skipped, as the protocol says.

use std::ops::Range;

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

/// Caps of what a decoder accepts; over one of them the stream is broken for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest word. A router caps request words at 65,536, but answers may be longer (scripts, file contents).
    pub max_word: usize,
    /// Longest sentence, lengths included.
    pub max_sentence: usize,
    /// Most words in one sentence.
    pub max_words: usize,
}

impl Limits {
    /// What a client allows a router.
    pub const DEFAULT: Self = Self { max_word: 1 << 20, max_sentence: 4 << 20, max_words: 4096 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Why a byte stream is not the RouterOS API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CodecError {
    #[error("a word starts with the reserved byte {0:#04x}")]
    ReservedByte(u8),
    #[error("a word of {declared} bytes is announced, over the limit of {limit}")]
    WordTooLong { declared: u64, limit: usize },
    #[error("a sentence is longer than {limit} bytes")]
    SentenceTooLong { limit: usize },
    #[error("a sentence has more than {limit} words")]
    TooManyWords { limit: usize },
}

/// One sentence: at least one word, none of them empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    pub words: Vec<Bytes>,
}

/// Takes bytes as they come, gives whole sentences.
///
/// Time is linear in the bytes fed however they are cut, and memory follows the bytes received, never a length that
/// was only announced. After an error every further call answers the same error.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    buffer: BytesMut,
    /// Where in `buffer` the next word's length starts.
    scanned: usize,
    /// The words of the sentence at hand that are complete.
    words: Vec<Range<usize>>,
    broken: Option<CodecError>,
}

impl Decoder {
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, buffer: BytesMut::new(), scanned: 0, words: Vec::new(), broken: None }
    }

    /// Takes received bytes. Call [`Self::next_sentence`] until it answers `None` before feeding more: only then is
    /// the memory in use bounded by the limits.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.broken.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next whole sentence, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// [`CodecError`] when the stream breaks a limit or the protocol; it cannot be read any further then.
    pub fn next_sentence(&mut self) -> Result<Option<Sentence>, CodecError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let found = self.scan();
        if let Err(error) = found {
            self.broken = Some(error);
            self.words = Vec::new();
            self.buffer = BytesMut::new();
        }
        found.map(|end| end.map(|end| self.take(end)))
    }

    /// Bytes of memory held.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.buffer.capacity() + self.words.capacity() * size_of::<Range<usize>>()
    }

    /// What came after the last complete word.
    pub(crate) fn unread(&self) -> &[u8] {
        self.buffer.get(self.scanned..).unwrap_or_default()
    }

    /// The complete words of the sentence that has begun but not ended.
    pub(crate) fn partial_words(&self) -> impl Iterator<Item = &[u8]> {
        self.words.iter().filter_map(|word| self.buffer.get(word.clone()))
    }

    /// Looks at words until a sentence ends; answers where its end is.
    fn scan(&mut self) -> Result<Option<usize>, CodecError> {
        loop {
            let Some((length, prefix)) = decode_length(self.unread())? else { return Ok(None) };
            let word = usize::try_from(length)
                .ok()
                .filter(|length| *length <= self.limits.max_word)
                .ok_or(CodecError::WordTooLong { declared: length, limit: self.limits.max_word })?;
            let start = self.scanned + prefix;
            let end = start + word;
            if end > self.limits.max_sentence {
                return Err(CodecError::SentenceTooLong { limit: self.limits.max_sentence });
            }
            if word == 0 && self.words.is_empty() {
                self.buffer.advance(start);
                self.scanned = 0;
                continue;
            }
            if word == 0 {
                return Ok(Some(end));
            }
            if self.words.len() == self.limits.max_words {
                return Err(CodecError::TooManyWords { limit: self.limits.max_words });
            }
            if end > self.buffer.len() {
                return Ok(None);
            }
            self.words.push(start..end);
            self.scanned = end;
        }
    }

    /// Cuts the sentence that ends at `end` out of the buffer; its words share that memory.
    fn take(&mut self, end: usize) -> Sentence {
        let bytes = self.buffer.split_to(end).freeze();
        self.scanned = 0;
        if self.buffer.is_empty() {
            // Otherwise the room made for one long sentence would be held for as long as the connection lives.
            self.buffer = BytesMut::new();
        }
        Sentence { words: self.words.drain(..).map(|word| bytes.slice(word)).collect() }
    }
}

/// Reads a word's length: the value and how many bytes it took, or `None` while bytes are missing.
///
/// Forms longer than needed are accepted: some peers send them, and they mean the same.
fn decode_length(bytes: &[u8]) -> Result<Option<(u64, usize)>, CodecError> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    let (prefix, high) = match first {
        0x00..=0x7F => (1, first),
        0x80..=0xBF => (2, first & 0x3F),
        0xC0..=0xDF => (3, first & 0x1F),
        0xE0..=0xEF => (4, first & 0x0F),
        // The low bits are zero by the book; counted as part of the length they land over every cap.
        0xF0..=0xF7 => (5, first & 0x07),
        0xF8..=0xFF => return Err(CodecError::ReservedByte(first)),
    };
    let Some(tail) = bytes.get(1..prefix) else { return Ok(None) };
    let length = tail.iter().fold(u64::from(high), |length, byte| length << 8 | u64::from(*byte));
    Ok(Some((length, prefix)))
}

/// Appends one sentence, ended by the empty word, so that it can be written in one go.
///
/// An empty word would end the sentence early and turn what follows into a sentence of its own, so it is left out.
pub fn encode(words: &[impl AsRef<[u8]>], out: &mut BytesMut) {
    let words = words.iter().map(AsRef::as_ref).filter(|word| !word.is_empty());
    out.reserve(words.clone().map(|word| word.len() + MAX_PREFIX).sum::<usize>() + 1);
    for word in words {
        encode_length(word.len(), out);
        out.extend_from_slice(word);
    }
    out.extend_from_slice(&[0]);
}

const MAX_PREFIX: usize = 5;

/// Appends a length in its shortest form.
fn encode_length(length: usize, out: &mut BytesMut) {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    let [.., top, b3, b2, b1, b0] = length.to_be_bytes();
    match length {
        0..=0x7F => out.extend_from_slice(&[b0]),
        0x80..=0x3FFF => out.extend_from_slice(&[b1 | 0x80, b0]),
        0x4000..=0x1F_FFFF => out.extend_from_slice(&[b2 | 0xC0, b1, b0]),
        0x20_0000..=0x0FFF_FFFF => out.extend_from_slice(&[b3 | 0xE0, b2, b1, b0]),
        0x1000_0000.. => out.extend_from_slice(&[top & 0x07 | 0xF0, b3, b2, b1, b0]),
    }
}
