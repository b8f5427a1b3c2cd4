//! Answers on their way out: sentences in one buffer, with the ends known so that a fault can cut between or inside them.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use hiji_agent::routeros::codec::encode;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::traps::Trap;
use super::value::Text;

/// A few sentences, ready to be written.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    bytes: BytesMut,
    ends: Vec<usize>,
}

impl Chunk {
    /// Appends a sentence; the tag comes right after the reply word, as in real recordings.
    pub(crate) fn sentence(&mut self, kind: &str, tag: Option<&Bytes>, words: impl IntoIterator<Item = Text>) {
        let mut all: Vec<Text> = vec![kind.as_bytes().to_vec()];
        all.extend(tag.map(|tag| [&b".tag="[..], tag].concat()));
        all.extend(words);
        encode(&all, &mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    /// `!done`, with `=ret=` when there is something to return.
    pub(crate) fn done(&mut self, tag: Option<&Bytes>, ret: Option<&[u8]>) {
        self.sentence("!done", tag, ret.map(|ret| attribute("ret", ret)));
    }

    /// `!trap` alone; `!done` must follow.
    pub(crate) fn trap(&mut self, tag: Option<&Bytes>, trap: &Trap) {
        let category = trap.category.map(|category| attribute("category", category.to_string().as_bytes()));
        let words = category.into_iter().chain([attribute("message", trap.message.as_bytes())]);
        self.sentence("!trap", tag, words);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// What is written when the connection is cut in the sentence after `whole` more; the number of sentences left
    /// otherwise.
    fn cut(&self, whole: usize) -> Result<&[u8], usize> {
        let Some(end) = self.ends.get(whole) else { return Err(whole - self.ends.len()) };
        let start = whole.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or(0);
        Ok(&self.bytes[..start + (end - start) / 2])
    }
}

/// `=name=value`.
pub(crate) fn attribute(name: &str, value: &[u8]) -> Text {
    let mut word = Vec::with_capacity(name.len() + value.len() + 2);
    word.push(b'=');
    word.extend_from_slice(name.as_bytes());
    word.push(b'=');
    word.extend_from_slice(value);
    word
}

/// Writes chunks until there are no more, the peer is gone, or everyone is kicked.
pub(crate) async fn write_out<W: AsyncWrite + Unpin>(
    mut socket: W,
    mut chunks: mpsc::Receiver<Chunk>,
    shared: Arc<Shared>,
    kick: CancellationToken,
) {
    loop {
        let chunk = tokio::select! {
            () = kick.cancelled() => return,
            chunk = chunks.recv() => chunk,
        };
        let Some(chunk) = chunk else { break };
        if shared.faults.silent() {
            continue;
        }
        if let Some(part) = shared.faults.cut_sentence(|whole| chunk.cut(whole).map(<[u8]>::to_vec)) {
            let _ = socket.write_all(&part).await;
            let _ = socket.flush().await;
            break;
        }
        let written = async {
            socket.write_all(&chunk.bytes).await?;
            socket.flush().await
        };
        let written = tokio::select! {
            () = kick.cancelled() => return,
            written = written => written,
        };
        if written.is_err() {
            return;
        }
    }
    let _ = socket.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_falls_inside_the_sentence_after_the_whole_ones() {
        let mut chunk = Chunk::default();
        chunk.done(None, None);
        chunk.done(None, Some(b"*1"));
        let first = chunk.ends[0];
        let cut = chunk.cut(1).unwrap();
        assert!(cut.len() > first && cut.len() < chunk.bytes.len());
        assert!(chunk.cut(0).is_ok_and(|part| part.len() < first));
        assert_eq!(chunk.cut(5), Err(3));
    }
}
