//! Snapshots of mirrored kinds: all rows as of one moment, in chunks, a few on the way at a time.

use std::{collections::VecDeque, sync::Arc};

use hiji_shared::{
    agent_id::AgentId,
    device::Kind,
    envelope,
    limits::{MAX_CHUNK_BYTES, MAX_SNAPSHOT_ROWS},
    topic::{Topic, Up},
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    ctx::Ctx,
    mirror::Observed,
    mqtt::{Delivery, Link, Weight},
    router::{row_json, wire_rows},
};

/// Chunks on the way that the broker has not acknowledged.
const IN_FLIGHT: u32 = 4;

/// The snapshots being sent on one connection.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    running: Option<Running>,
    in_flight: u32,
    made: u32,
}

#[derive(Debug)]
struct Running {
    kind: Kind,
    snap: String,
    ep: i64,
    at_seq: u64,
    n: u32,
    next: u32,
    /// Rows of each chunk still to be sent. They are shared with the mirror, so this costs little.
    chunks: VecDeque<Vec<Arc<Observed>>>,
}

/// [`hiji_shared::uplink::SnapshotChunk`] with rows that are JSON already.
#[derive(Serialize)]
struct Chunk<'a> {
    v: u16,
    agent: &'a AgentId,
    kind: Kind,
    snap: &'a str,
    i: u32,
    n: u32,
    ep: i64,
    at_seq: u64,
    rows: Vec<Box<RawValue>>,
}

impl Snapshots {
    /// The broker has one more chunk.
    pub(super) fn acknowledged(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Sends what may be sent now.
    pub(super) fn send(&mut self, ctx: &Ctx, link: &Link) {
        while self.in_flight < IN_FLIGHT {
            if self.running.as_ref().is_none_or(|running| running.chunks.is_empty()) {
                self.running = self.begin(ctx);
            }
            let Some(running) = &mut self.running else { return };
            let Some(rows) = running.chunks.front() else { return };
            let chunk = Chunk {
                v: envelope::VERSION,
                agent: &ctx.agent,
                kind: running.kind,
                snap: &running.snap,
                i: running.next,
                n: running.n,
                ep: running.ep,
                at_seq: running.at_seq,
                rows: rows.iter().filter_map(|row| RawValue::from_string(row_json(row)).ok()).collect(),
            };
            let body = serde_json::to_vec(&chunk).unwrap_or_default();
            let topic = Topic::Up(ctx.agent.clone(), Up::Snapshot);
            if link.publish(&topic, body, Delivery::AtLeastOnce, Weight::Chunk).is_err() {
                return;
            }
            running.chunks.pop_front();
            running.next += 1;
            self.in_flight += 1;
        }
    }

    /// The next kind that is wanted and was read.
    fn begin(&mut self, ctx: &Ctx) -> Option<Running> {
        let mut core = ctx.core();
        let kind = core.snapshots.iter().copied().find(|kind| core.table(*kind).loaded())?;
        core.snapshots.remove(&kind);
        let rows = wire_rows(&core, kind);
        let (ep, at_seq) = {
            let outbox = ctx.outbox();
            (outbox.epoch(), outbox.last())
        };
        drop(core);
        self.made += 1;
        let chunks = cut(rows);
        let n = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
        tracing::info!(kind = kind.as_str(), chunks = n, "sending a snapshot");
        Some(Running { kind, snap: format!("{:x}-{}", ctx.run, self.made), ep, at_seq, n, next: 0, chunks })
    }
}

/// Rows in chunks within the limits; at least one chunk, so that an empty menu is told too.
fn cut(rows: Vec<Arc<Observed>>) -> VecDeque<Vec<Arc<Observed>>> {
    let mut chunks = VecDeque::from([Vec::new()]);
    let mut bytes = 0;
    for row in rows {
        let size = row_json(&row).len() + 1;
        let full = chunks.back().is_some_and(|chunk| {
            !chunk.is_empty() && (chunk.len() >= MAX_SNAPSHOT_ROWS || bytes + size > MAX_CHUNK_BYTES)
        });
        if full {
            chunks.push_back(Vec::new());
            bytes = 0;
        }
        bytes += size;
        if let Some(chunk) = chunks.back_mut() {
            chunk.push(row);
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mirror::UserRow;

    fn row(n: usize, comment: usize) -> Arc<Observed> {
        let user = UserRow { name: format!("u{n}").into(), comment: "x".repeat(comment).into(), ..UserRow::default() };
        Arc::new(Observed::User(user))
    }

    #[test]
    fn chunks_keep_both_limits_and_lose_no_row() {
        assert_eq!(cut(Vec::new()).len(), 1);
        for comment in [0, 500] {
            let chunks = cut((0..1_000).map(|n| row(n, comment)).collect());
            assert_eq!(chunks.iter().map(Vec::len).sum::<usize>(), 1_000);
            for chunk in &chunks {
                let bytes: usize = chunk.iter().map(|row| row_json(row).len()).sum();
                assert!(chunk.len() <= MAX_SNAPSHOT_ROWS && bytes <= MAX_CHUNK_BYTES);
            }
        }
    }
}
