//! `ack.bin`: the current epoch and how far the controller has it, in two slots written by turns, so that a torn write
//! leaves the other.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use super::segment::{crc32, u32_at, u64_at};

const SLOT: usize = 32;

/// How far the controller has an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ack {
    pub(super) ep: i64,
    pub(super) seq: u64,
}

/// The open file.
#[derive(Debug)]
pub(super) struct AckFile {
    file: File,
    turn: u64,
}

impl AckFile {
    /// Opens or creates it; `None` when neither slot checks.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Option<Ack>)> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = Vec::new();
        (&mut file).take(2 * SLOT as u64).read_to_end(&mut bytes)?;
        let newest = bytes.chunks_exact(SLOT).filter_map(read_slot).max_by_key(|(turn, _)| *turn);
        Ok((Self { file, turn: newest.map_or(0, |(turn, _)| turn) }, newest.map(|(_, ack)| ack)))
    }

    /// Writes the other slot and waits until it is on the disk.
    pub(super) fn write(&mut self, ack: Ack) -> io::Result<()> {
        let turn = self.turn + 1;
        let at = if turn.is_multiple_of(2) { 0 } else { SLOT as u64 };
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(&slot(turn, ack))?;
        self.file.sync_data()?;
        self.turn = turn;
        Ok(())
    }
}

fn slot(turn: u64, ack: Ack) -> [u8; SLOT] {
    let mut bytes = [0; SLOT];
    bytes[8..16].copy_from_slice(&turn.to_le_bytes());
    bytes[16..24].copy_from_slice(&ack.ep.to_le_bytes());
    bytes[24..32].copy_from_slice(&ack.seq.to_le_bytes());
    let crc = crc32(&[&bytes[8..]]);
    bytes[..4].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn read_slot(bytes: &[u8]) -> Option<(u64, Ack)> {
    let turn = u64_at(bytes, 8)?;
    let intact = turn > 0 && crc32(&[bytes.get(8..)?]) == u32_at(bytes, 0)?;
    let ep = i64::from_le_bytes(bytes.get(16..24)?.try_into().ok()?);
    intact.then_some((turn, Ack { ep, seq: u64_at(bytes, 24)? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_slot_leaves_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ack.bin");
        let (mut file, none) = AckFile::open(&path).unwrap();
        assert_eq!(none, None);
        for seq in 1..=5 {
            file.write(Ack { ep: 9, seq }).unwrap();
        }
        assert_eq!(AckFile::open(&path).unwrap().1, Some(Ack { ep: 9, seq: 5 }));
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut torn = whole.clone();
            torn[at] ^= 0x40;
            std::fs::write(&path, &torn).unwrap();
            let ack = AckFile::open(&path).unwrap().1.unwrap();
            assert!(ack.seq >= 4, "byte {at}: {ack:?}");
            std::fs::write(&path, &whole[..at]).unwrap();
            AckFile::open(&path).unwrap();
        }
    }
}
