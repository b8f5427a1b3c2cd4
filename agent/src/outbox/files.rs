//! The outbox's files: which there are, beginning the next, dropping what is acknowledged or no longer fits, and
//! changing the epoch so that a crash at any point leaves either the old or the new.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Gap, Outbox, SEGMENT_BYTES,
    ack::Ack,
    segment::{self, Stored},
};

/// One segment file.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) ep: i64,
    /// The number in its name; the first record may be gone.
    pub(super) first: u64,
    /// Its last record; `first - 1` = none.
    pub(super) last: u64,
    pub(super) bytes: u64,
    /// Mirror records were already taken out.
    pub(super) thinned: bool,
}

impl Segment {
    fn path(&self, dir: &Path) -> PathBuf {
        dir.join(format!("seg-{:020}-{:020}.log", self.ep, self.first))
    }

    /// Its records.
    pub(super) fn read(&self, dir: &Path) -> io::Result<Vec<Stored>> {
        Ok(segment::parse(&fs::read(self.path(dir))?).records)
    }
}

/// All segments in order of epoch and number; torn tails are cut off.
pub(super) fn scan(dir: &Path) -> io::Result<VecDeque<Segment>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".tmp") {
            fs::remove_file(&path)?;
        }
        if !name.starts_with("seg-") || !name.ends_with(".log") {
            continue;
        }
        let bytes = fs::read(&path)?;
        let Some((ep, first)) = segment::read_header(&bytes) else {
            // Cut before its header was on the disk: it never held a record that was sent.
            tracing::warn!(file = name, "a segment of the outbox without a header is dropped");
            fs::remove_file(&path)?;
            continue;
        };
        let parsed = segment::parse(&bytes);
        if parsed.good_len < bytes.len() {
            tracing::warn!(file = name, "a torn record at the end of the outbox is cut off");
            let file = OpenOptions::new().write(true).open(&path)?;
            file.set_len(parsed.good_len as u64)?;
            file.sync_data()?;
        }
        let Some(last) = parsed.records.last().map(|record| record.seq) else {
            fs::remove_file(&path)?;
            continue;
        };
        segments.push(Segment { ep, first, last, bytes: parsed.good_len as u64, thinned: false });
    }
    segments.sort_by_key(|segment| (segment.ep, segment.first));
    if let Some(last) = segments.last() {
        // What a killed process wrote is perhaps only in the page cache; it counts as durable from here on.
        File::open(last.path(dir))?.sync_data()?;
    }
    Ok(segments.into())
}

/// Deletes the files of every other epoch.
pub(super) fn keep_only(dir: &Path, segments: &mut VecDeque<Segment>, ep: i64) -> io::Result<()> {
    for other in segments.iter().filter(|segment| segment.ep != ep) {
        fs::remove_file(other.path(dir))?;
    }
    segments.retain(|segment| segment.ep == ep);
    Ok(())
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

impl Outbox {
    /// Writes one record to the current segment, beginning the next when it is full.
    pub(super) fn write(&mut self, seq: u64, body: &[u8]) -> io::Result<()> {
        let full = self.segments.back().is_none_or(|segment| segment.bytes >= SEGMENT_BYTES);
        if full || self.current.is_none() {
            self.begin_segment(seq)?;
        }
        self.make_room()?;
        let (Some(file), Some(segment)) = (&self.current, self.segments.back_mut()) else {
            return Err(io::Error::other("no segment to write to"));
        };
        let bytes = segment::encode(seq, body);
        if let Err(error) = (&**file).write_all(&bytes) {
            // Half a record must not stand in front of the next one.
            file.set_len(segment.bytes)?;
            return Err(error);
        }
        segment.bytes += bytes.len() as u64;
        segment.last = seq;
        Ok(())
    }

    fn begin_segment(&mut self, first: u64) -> io::Result<()> {
        if let Some(file) = self.current.take() {
            file.sync_data()?;
            self.durable = self.durable.max(self.segments.back().map_or(0, |segment| segment.last));
        }
        let segment = Segment { ep: self.ep, first, last: first - 1, bytes: 0, thinned: false };
        // Not create_new: a crash may have left this very file with its header only.
        let file = OpenOptions::new().append(true).create(true).open(segment.path(&self.dir))?;
        file.set_len(0)?;
        (&file).write_all(&segment::header(self.ep, first))?;
        sync_dir(&self.dir)?;
        self.segments.retain(|old| old.first != first);
        self.segments.push_back(Segment { bytes: segment::HEADER_LEN as u64, ..segment });
        self.current = Some(Arc::new(file));
        Ok(())
    }

    /// Deletes segments the controller has all of. `ack.bin` is on the disk before the first goes: otherwise a power
    /// cut could make numbers be used again.
    pub(super) fn drop_acked(&mut self) -> io::Result<()> {
        let acked = self.acked;
        let done = |segment: &Segment| segment.last <= acked;
        // The one being written stays until it is full.
        let open = usize::from(self.current.is_some());
        if self.segments.len() <= open || !self.segments.front().is_some_and(done) {
            return Ok(());
        }
        self.ack_file.write(Ack { ep: self.ep, seq: acked })?;
        while self.segments.len() > open && self.segments.front().is_some_and(done) {
            if let Some(segment) = self.segments.pop_front() {
                fs::remove_file(segment.path(&self.dir))?;
            }
        }
        Ok(())
    }

    /// Brings the size under the cap: mirror records of the oldest segments go first, then whole segments.
    fn make_room(&mut self) -> io::Result<()> {
        loop {
            let total: u64 = self.segments.iter().map(|segment| segment.bytes).sum();
            if total <= self.cap_bytes || self.segments.len() < 2 {
                return Ok(());
            }
            let oldest = self.segments.len() - 1;
            let thick = self.segments.iter().take(oldest).position(|segment| !segment.thinned);
            match thick {
                Some(index) => self.thin(index)?,
                None => self.drop_oldest()?,
            }
        }
    }

    fn thin(&mut self, index: usize) -> io::Result<()> {
        let Some(segment) = self.segments.get(index) else { return Ok(()) };
        let records = segment.read(&self.dir)?;
        let mut bytes = segment::header(self.ep, segment.first).to_vec();
        let (mut from, mut to, mut n) = (u64::MAX, 0, 0);
        for record in &records {
            if record.body.first() == Some(&b'm') && record.seq > self.acked {
                (from, to, n) = (from.min(record.seq), to.max(record.seq), n + 1);
            } else {
                bytes.extend(segment::encode(record.seq, &record.body));
            }
        }
        if n > 0 {
            let path = segment.path(&self.dir);
            let tmp = self.dir.join("thin.tmp");
            let mut file = File::create(&tmp)?;
            file.write_all(&bytes)?;
            file.sync_data()?;
            fs::rename(&tmp, &path)?;
            self.holes = true;
            self.lost(from, to, n);
        }
        if let Some(segment) = self.segments.get_mut(index) {
            segment.thinned = true;
            segment.bytes = bytes.len() as u64;
        }
        Ok(())
    }

    fn drop_oldest(&mut self) -> io::Result<()> {
        let Some(segment) = self.segments.pop_front() else { return Ok(()) };
        let records = segment.read(&self.dir)?;
        let (first, last) = (records.first().map(|r| r.seq), records.last().map(|r| r.seq));
        if let (Some(first), Some(last)) = (first, last.filter(|last| *last > self.acked)) {
            self.holes = true;
            self.lost(first, last, records.len() as u64);
        }
        tracing::error!(records = records.len(), "the outbox is full; its oldest records are dropped");
        fs::remove_file(segment.path(&self.dir))
    }

    /// After opening: are numbers missing among the unacknowledged?
    pub(super) fn find_holes(&mut self) -> io::Result<()> {
        let mut expected = self.acked + 1;
        let mut missing: Option<(u64, u64, u64)> = None;
        for segment in &self.segments {
            for record in segment.read(&self.dir)?.iter().filter(|record| record.seq > self.acked) {
                if record.seq > expected {
                    let (from, _, n) = missing.unwrap_or((expected, 0, 0));
                    missing = Some((from, record.seq - 1, n + record.seq - expected));
                }
                expected = record.seq + 1;
            }
        }
        if let Some((from, to, n)) = missing {
            self.holes = true;
            self.lost(from, to, n);
        }
        Ok(())
    }

    /// Begins a new epoch with what is unacknowledged after `keep_after`, renumbered from 1; a gap is its first record.
    /// The old epoch stands until the new one is whole on the disk.
    pub(super) fn begin_epoch(
        &mut self,
        new_ep: i64,
        keep_after: u64,
        gap_record: impl Fn(Gap) -> Vec<u8>,
    ) -> io::Result<()> {
        let old: Vec<Segment> = self.segments.drain(..).collect();
        let unwritten = std::mem::take(&mut self.unwritten);
        let before = (self.ep, self.last, self.durable, self.current.take());
        (self.ep, self.last, self.durable) = (new_ep, 0, 0);
        self.tail.clear();
        self.tail_bytes = 0;
        if let Err(error) = self.carry(&old, &unwritten, keep_after, gap_record) {
            self.segments = old.into();
            self.unwritten = unwritten;
            (self.ep, self.last, self.durable, self.current) = before;
            return Err(error);
        }
        (self.acked, self.opened_last, self.sent_max) = (0, self.last, 0);
        (self.holes, self.gap) = (false, None);
        self.durable = self.last;
        for segment in &old {
            fs::remove_file(segment.path(&self.dir))?;
        }
        Ok(())
    }

    fn carry(
        &mut self,
        old: &[Segment],
        unwritten: &VecDeque<(u64, Box<[u8]>)>,
        keep_after: u64,
        gap_record: impl Fn(Gap) -> Vec<u8>,
    ) -> io::Result<()> {
        if let Some(gap) = self.gap {
            let mut body = vec![b'k'];
            body.extend(gap_record(gap));
            self.carry_one(&body)?;
        }
        for segment in old {
            for record in segment.read(&self.dir)?.iter().filter(|record| record.seq > keep_after) {
                self.carry_one(&record.body)?;
            }
        }
        for (_, body) in unwritten.iter().filter(|(seq, _)| *seq > keep_after) {
            self.carry_one(body)?;
        }
        if let Some(file) = &self.current {
            file.sync_data()?;
        }
        // From here on the new epoch counts.
        self.ack_file.write(Ack { ep: self.ep, seq: 0 })
    }

    /// Straight to the file: making room here would lose what is being saved.
    fn carry_one(&mut self, body: &[u8]) -> io::Result<()> {
        self.last += 1;
        let seq = self.last;
        if self.current.is_none() || self.segments.back().is_none_or(|segment| segment.bytes >= SEGMENT_BYTES) {
            self.begin_segment(seq)?;
        }
        let bytes = segment::encode(seq, body);
        if let (Some(file), Some(segment)) = (&self.current, self.segments.back_mut()) {
            (&**file).write_all(&bytes)?;
            segment.bytes += bytes.len() as u64;
            segment.last = seq;
        }
        Ok(())
    }
}
