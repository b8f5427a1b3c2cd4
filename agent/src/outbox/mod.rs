//! Events on disk until the controller has committed them: append-only segment files with an epoch and sequence
//! numbers without gaps.
//!
//! A record may be sent only once it is on the disk ([`Outbox::sync_point`]), so a number is never used twice, whatever
//! a power cut takes. When the disk is full the oldest mirror deltas go first (a new snapshot replaces them), session
//! events last, and a gap is reported. Leaves out what the records mean and how they travel.

mod ack;
mod files;
mod segment;

use std::{
    collections::VecDeque,
    fs::File,
    io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::Arc,
};

use self::{
    ack::{Ack, AckFile},
    files::Segment,
};

/// Bytes of one segment file before the next is begun.
const SEGMENT_BYTES: u64 = 64 * 1024;
/// Bytes of all segments; over it the oldest records go.
const CAP_BYTES: u64 = 8 * 1024 * 1024;
/// Records kept in memory for sending, so that a live connection does not read files.
const TAIL_RECORDS: usize = hiji_shared::limits::EVENT_WINDOW;
const TAIL_BYTES: usize = 128 * 1024;
/// Records held in memory while the disk takes none.
const UNWRITTEN_RECORDS: usize = 1_000;

/// What may be lost first when there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Sessions, results, ends: kept as long as anything is.
    Keep,
    /// A snapshot makes it good.
    Mirror,
}

/// Records that had to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) n: u64,
}

/// The outbox of one agent.
#[derive(Debug)]
pub(crate) struct Outbox {
    dir: PathBuf,
    cap_bytes: u64,
    ep: i64,
    /// Highest number given.
    last: u64,
    /// The controller has everything up to here.
    acked: u64,
    /// On disk for certain up to here.
    durable: u64,
    /// Highest number that was there when this run began.
    opened_last: u64,
    /// Highest number that may ever have been sent.
    sent_max: u64,
    segments: VecDeque<Segment>,
    current: Option<Arc<File>>,
    ack_file: AckFile,
    tail: VecDeque<(u64, Box<[u8]>)>,
    tail_bytes: usize,
    /// Not on disk because it refused them; oldest first.
    unwritten: VecDeque<(u64, Box<[u8]>)>,
    /// Lost and not yet reported.
    gap: Option<Gap>,
    /// Numbers are missing among the unacknowledged: only a new epoch can go on.
    holes: bool,
}

/// Records being collected for one message.
struct Batch {
    records: Vec<(u64, Box<[u8]>)>,
    bytes: usize,
    max_records: usize,
    max_bytes: usize,
}

impl Batch {
    /// Takes records in the range until a limit is reached.
    fn fill<'a>(&mut self, from: impl Iterator<Item = (u64, &'a [u8])>, range: &RangeInclusive<u64>) {
        for (seq, body) in from.filter(|(seq, _)| range.contains(seq)) {
            self.bytes += body.len();
            let fits = self.records.len() < self.max_records && self.bytes <= self.max_bytes;
            if !fits && !self.records.is_empty() {
                return;
            }
            self.records.push((seq, body.get(1..).unwrap_or_default().into()));
        }
    }
}

/// What a welcome meant for the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Welcomed {
    /// Go on after the acknowledged record.
    SameEpoch,
    /// A new epoch was begun; what was not acknowledged got new numbers.
    NewEpoch,
}

impl Outbox {
    /// Opens or makes the outbox in a directory.
    ///
    /// # Errors
    /// The directory cannot be made, read or written.
    pub(crate) fn open(dir: &Path, now_ms: i64) -> io::Result<Self> {
        Self::open_capped(dir, now_ms, CAP_BYTES)
    }

    fn open_capped(dir: &Path, now_ms: i64, cap_bytes: u64) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let (mut ack_file, ack) = AckFile::open(&dir.join("ack.bin"))?;
        let mut segments = files::scan(dir)?;
        let ack = match (ack, segments.iter().map(|segment| segment.ep).max()) {
            (Some(ack), _) => ack,
            (None, Some(ep)) => {
                let first = segments.iter().filter(|segment| segment.ep == ep).map(|segment| segment.first).min();
                Ack { ep, seq: first.unwrap_or(1) - 1 }
            }
            (None, None) => {
                let ack = Ack { ep: now_ms.max(1), seq: 0 };
                ack_file.write(ack)?;
                ack
            }
        };
        // Another epoch's files are what a crash left of a change of epoch, before or after it was committed.
        files::keep_only(dir, &mut segments, ack.ep)?;
        let last = segments.back().map_or(0, |segment| segment.last).max(ack.seq);
        let mut outbox = Self {
            dir: dir.to_owned(),
            cap_bytes,
            ep: ack.ep,
            last,
            acked: ack.seq,
            durable: last,
            opened_last: last,
            sent_max: last,
            segments,
            current: None,
            ack_file,
            tail: VecDeque::new(),
            tail_bytes: 0,
            unwritten: VecDeque::new(),
            gap: None,
            holes: false,
        };
        outbox.find_holes()?;
        outbox.drop_acked()?;
        Ok(outbox)
    }

    /// The current epoch.
    pub(crate) fn epoch(&self) -> i64 {
        self.ep
    }

    /// Highest number given; 0 = none yet.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// First number the controller lacks.
    pub(crate) fn first(&self) -> u64 {
        self.acked + 1
    }

    /// Everything up to here may be sent.
    pub(crate) fn sendable(&self) -> u64 {
        if self.holes {
            return 0;
        }
        // A disk that takes nothing must not silence the agent; a number used twice is then found at the next welcome.
        if self.unwritten.is_empty() { self.durable } else { self.last }
    }

    /// Do records wait that are not yet certain to be on the disk?
    pub(crate) fn needs_sync(&self) -> bool {
        self.durable < self.last
    }

    /// Only a welcome lets it go on: numbers are missing.
    pub(crate) fn needs_welcome(&self) -> bool {
        self.holes
    }

    /// Appends a record and gives its number. `json` is the record's JSON object without `seq`.
    pub(crate) fn append(&mut self, class: Class, json: &[u8]) -> u64 {
        let mut body = Vec::with_capacity(json.len() + 1);
        body.push(match class {
            Class::Keep => b'k',
            Class::Mirror => b'm',
        });
        body.extend_from_slice(json);
        self.append_body(body.into())
    }

    fn append_body(&mut self, body: Box<[u8]>) -> u64 {
        if self.unwritten.len() >= UNWRITTEN_RECORDS {
            self.lost(self.last + 1, self.last + 1, 1);
            return self.last;
        }
        self.last += 1;
        let seq = self.last;
        self.write_out();
        if !self.unwritten.is_empty() {
            self.unwritten.push_back((seq, body));
            return seq;
        }
        if let Err(error) = self.write(seq, &body) {
            tracing::error!(%error, "cannot write to the outbox; records are kept in memory");
            self.unwritten.push_back((seq, body));
            return seq;
        }
        self.remember(seq, body);
        seq
    }

    /// Tries again to write what the disk refused.
    pub(crate) fn write_out(&mut self) {
        while let Some((seq, body)) = self.unwritten.pop_front() {
            if self.write(seq, &body).is_err() {
                self.unwritten.push_front((seq, body));
                return;
            }
            self.remember(seq, body);
        }
    }

    fn remember(&mut self, seq: u64, body: Box<[u8]>) {
        self.tail_bytes += body.len();
        self.tail.push_back((seq, body));
        while self.tail.len() > TAIL_RECORDS || self.tail_bytes > TAIL_BYTES {
            let Some((_, body)) = self.tail.pop_front() else { return };
            self.tail_bytes -= body.len();
        }
    }

    /// The file to sync, and the number that is then durable. Sync it outside any lock, then call [`Self::synced`].
    pub(crate) fn sync_point(&self) -> Option<(Arc<File>, i64, u64)> {
        let written = self.unwritten.front().map_or(self.last, |(seq, _)| seq - 1);
        let file = self.current.as_ref()?;
        (self.durable < written).then(|| (Arc::clone(file), self.ep, written))
    }

    /// The sync of [`Self::sync_point`] succeeded.
    pub(crate) fn synced(&mut self, ep: i64, seq: u64) {
        if ep == self.ep {
            self.durable = self.durable.max(seq);
        }
    }

    /// Records after `after`, as JSON without their number, within the limits; at least one if there is one.
    pub(crate) fn batch(&mut self, after: u64, max_records: usize, max_bytes: usize) -> Vec<(u64, Box<[u8]>)> {
        let wanted = after.max(self.acked) + 1;
        let range = wanted..=self.sendable();
        let mut batch = Batch { records: Vec::new(), bytes: 0, max_records, max_bytes };
        if self.tail.front().is_some_and(|(first, _)| *first <= wanted) {
            batch.fill(self.tail.iter().map(|(seq, body)| (*seq, &**body)), &range);
        } else if let Some(segment) = self.segments.iter().find(|segment| segment.last >= wanted) {
            match segment.read(&self.dir) {
                Ok(records) => batch.fill(records.iter().map(|record| (record.seq, &*record.body)), &range),
                Err(error) => tracing::error!(%error, "cannot read the outbox"),
            }
        }
        if batch.records.is_empty() {
            batch.fill(self.unwritten.iter().map(|(seq, body)| (*seq, &**body)), &range);
        }
        let batch = batch.records;
        if let Some((seq, _)) = batch.last() {
            self.sent_max = self.sent_max.max(*seq);
        }
        batch
    }

    /// The controller has everything up to `seq` of an epoch. True when that was news.
    pub(crate) fn ack(&mut self, ep: i64, seq: u64) -> bool {
        if ep != self.ep || seq <= self.acked || seq > self.last {
            return false;
        }
        self.acked = seq;
        while self.tail.front().is_some_and(|(first, _)| *first <= seq) {
            if let Some((_, body)) = self.tail.pop_front() {
                self.tail_bytes -= body.len();
            }
        }
        self.unwritten.retain(|(number, _)| *number > seq);
        if let Err(error) = self.drop_acked() {
            tracing::warn!(%error, "cannot clear the outbox");
        }
        true
    }

    /// The controller's answer to hello: where it stands, and an epoch that must be exceeded. `gap_record` makes the
    /// JSON of the record that tells of a gap.
    ///
    /// # Errors
    /// A new epoch was needed and could not be written; the old one stands.
    pub(crate) fn welcome(
        &mut self,
        known: (i64, u64),
        min_ep: Option<i64>,
        now_ms: i64,
        gap_record: impl Fn(Gap) -> Vec<u8>,
    ) -> io::Result<Welcomed> {
        let (ep, seq) = known;
        // More than was ever sent: the disk lost its tail, and these numbers mean something else over there.
        let conflict = ep == self.ep && seq > self.sent_max;
        if !conflict {
            self.ack(ep, seq);
        }
        let behind = min_ep.is_some_and(|min| min >= self.ep) || ep > self.ep;
        if !conflict && !behind && !self.holes {
            return Ok(Welcomed::SameEpoch);
        }
        let keep_after = if conflict { self.opened_last.max(self.acked) } else { self.acked };
        let new_ep = now_ms.max(self.ep + 1).max(ep + 1).max(min_ep.map_or(0, |min| min + 1));
        tracing::warn!(epoch = new_ep, "the outbox begins a new epoch");
        self.begin_epoch(new_ep, keep_after, gap_record)?;
        Ok(Welcomed::NewEpoch)
    }

    /// Makes everything durable, for a clean stop.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        self.write_out();
        if let Some(file) = &self.current {
            file.sync_data()?;
        }
        self.ack_file.write(Ack { ep: self.ep, seq: self.acked })
    }

    fn lost(&mut self, from: u64, to: u64, n: u64) {
        let gap = self.gap.get_or_insert(Gap { from, to, n: 0 });
        gap.from = gap.from.min(from);
        gap.to = gap.to.max(to);
        gap.n = gap.n.saturating_add(n);
    }
}

#[cfg(test)]
mod tests;
