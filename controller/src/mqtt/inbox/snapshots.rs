//! Snapshots of mirrored kinds: gathered chunk by chunk, applied whole, when everything before them is applied and
//! nothing after them touched the kind. Otherwise another one is asked for.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use hiji_shared::{
    agent_id::AgentId,
    device::Kind,
    event::{Delta, Event},
    uplink::{SnapshotChunk, Sync},
};
use sea_orm::DbErr;

use super::store;
use crate::{
    app::App,
    db::Tx,
    mqtt::report::Reported,
    routers::{AgentState, store as routers, store::AgentRow},
    subscriptions,
};

/// Chunks of one snapshot at most: 100,000 rows.
const MAX_CHUNKS: u32 = 400;
/// A snapshot that is not whole by then is given up and asked for again.
const PATIENCE: Duration = Duration::from_secs(60);

/// Snapshots under way. Lost at a restart: the agents' next hello asks for them again.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    partial: BTreeMap<(AgentId, Kind), Partial>,
    /// Kinds that deltas of this gathering touched.
    touched: Vec<(AgentId, Kind)>,
    /// Digests told in this gathering.
    digests: Vec<(AgentId, Kind, String)>,
}

#[derive(Debug)]
struct Partial {
    snap: String,
    ep: i64,
    at_seq: u64,
    chunks: Vec<Option<SnapshotChunk>>,
    since: Instant,
    /// A delta of the kind was applied after the snapshot was begun.
    touched: bool,
}

impl Snapshots {
    /// Takes notice of an applied record.
    pub(super) fn note(&mut self, report: &Reported) {
        if let Event::Delta(Delta::Put { kind, .. } | Delta::Del { kind, .. }) = &report.event {
            self.touched.push((report.agent.clone(), *kind));
        } else if let Event::MirrorDigest { kind, root, .. } = &report.event {
            self.digests.push((report.agent.clone(), *kind, root.clone()));
        }
    }

    /// Takes chunks, applies what is whole; what to ask for.
    pub(super) async fn apply(
        &mut self,
        tx: &Tx,
        app: &App,
        agents: &HashMap<AgentId, AgentRow>,
        chunks: Vec<SnapshotChunk>,
    ) -> Result<Vec<(AgentId, Sync)>, DbErr> {
        let mut requests = Vec::new();
        for chunk in chunks {
            self.take(chunk);
        }
        for key in std::mem::take(&mut self.touched) {
            if let Some(partial) = self.partial.get_mut(&key) {
                partial.touched = true;
            }
        }
        for (agent, kind, root) in std::mem::take(&mut self.digests) {
            let Some(row) = agents.get(&agent) else { continue };
            if !routers::mirrors(&**tx, row.router, kind, &root).await? {
                requests.push((agent, Sync::Snapshot { kind }));
            }
        }
        let whole: Vec<(AgentId, Kind)> =
            self.partial.iter().filter(|(_, partial)| partial.whole()).map(|(key, _)| key.clone()).collect();
        for key in whole {
            requests.extend(self.finish(tx, app, agents, key).await?);
        }
        let late = |partial: &Partial| partial.since.elapsed() > PATIENCE;
        let given_up: Vec<_> =
            self.partial.iter().filter(|(_, partial)| late(partial)).map(|(key, _)| key.clone()).collect();
        for key in given_up {
            self.partial.remove(&key);
            requests.push((key.0, Sync::Snapshot { kind: key.1 }));
        }
        Ok(requests)
    }

    fn take(&mut self, chunk: SnapshotChunk) {
        if chunk.n == 0 || chunk.n > MAX_CHUNKS || chunk.i >= chunk.n {
            tracing::warn!(agent = %chunk.agent, "snapshot chunk out of range");
            return;
        }
        let key = (chunk.agent.clone(), chunk.kind);
        let partial = self.partial.entry(key).or_insert_with(|| Partial::of(&chunk));
        if partial.snap != chunk.snap || partial.chunks.len() != index(chunk.n) {
            *partial = Partial::of(&chunk);
        }
        let at = index(chunk.i);
        partial.chunks[at] = Some(chunk);
    }

    async fn finish(
        &mut self,
        tx: &Tx,
        app: &App,
        agents: &HashMap<AgentId, AgentRow>,
        key: (AgentId, Kind),
    ) -> Result<Option<(AgentId, Sync)>, DbErr> {
        let (agent, kind) = key.clone();
        let again = Some((agent.clone(), Sync::Snapshot { kind }));
        let Some(row) = agents.get(&agent).filter(|row| row.state == AgentState::Approved) else { return Ok(None) };
        let cursor = store::cursors(&**tx, std::slice::from_ref(&agent)).await?.remove(&agent);
        let applied = cursor.map_or((0, 0), |cursor| (cursor.epoch, cursor.seq));
        let Some(partial) = self.partial.get(&key) else { return Ok(None) };
        if applied.0 == partial.ep && applied.1 < partial.at_seq {
            return Ok(None); // waits for the records before it
        }
        let Some(partial) = self.partial.remove(&key) else { return Ok(None) };
        if partial.touched && applied.1 > partial.at_seq {
            return Ok(again);
        }
        let mut rows = Vec::new();
        for chunk in partial.chunks.into_iter().flatten() {
            match chunk.typed_rows() {
                Ok(typed) => rows.extend(typed),
                Err(error) => {
                    tracing::warn!(%agent, kind = kind.as_str(), "snapshot not understood: {error}");
                    return Ok(None);
                }
            }
        }
        // A router may hold two rows of one name (hotspot users of different servers): the last one counts.
        let unique: BTreeMap<String, _> = rows.into_iter().map(|row| (row.key().to_owned(), row)).collect();
        let rows: Vec<_> = unique.into_values().collect();
        subscriptions::uplink::mirrored(tx, app, (row.router, kind), &rows).await?;
        routers::replace_mirror(&**tx, row.router, kind, app.clock.now(), &rows).await?;
        app.live.send(format!("router-{}", row.router), Some(row.site));
        tracing::info!(router.id = %row.router, kind = kind.as_str(), rows = rows.len(), "mirrored");
        Ok(None)
    }
}

impl Partial {
    fn of(chunk: &SnapshotChunk) -> Self {
        Self {
            snap: chunk.snap.clone(),
            ep: chunk.ep,
            at_seq: chunk.at_seq,
            chunks: (0..chunk.n).map(|_| None).collect(),
            since: Instant::now(),
            touched: false,
        }
    }

    fn whole(&self) -> bool {
        self.chunks.iter().all(Option::is_some)
    }
}

fn index(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
