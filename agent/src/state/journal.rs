//! A file of lines, each with an HMAC in front: what one process wrote and nobody else.
//!
//! Appending is the only way to change it but a whole rewrite, which is atomic. A line that does not check is skipped;
//! behind the last good one it is the torn tail of a crash and is cut off. Leaves out what the lines mean.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, BufWriter, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use hiji_shared::signed;

/// Hex characters of the shortened HMAC.
const MAC_HEX: usize = 32;
/// Longest line believed when reading.
const MAX_LINE: usize = 1024 * 1024;

/// What reading a journal found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) good: usize,
    /// Bad lines with good ones behind them: the disk, not a crash.
    pub(crate) damaged: bool,
}

/// The open journal.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    key: [u8; 32],
    file: File,
    len: u64,
}

impl Journal {
    /// Opens or makes it and hands every good line to `line`.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub(crate) fn open(path: &Path, key: [u8; 32], mut line: impl FnMut(&[u8])) -> io::Result<(Self, Found)> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut reader = BufReader::new(&file);
        let (mut found, mut len, mut at, mut bad) = (Found::default(), 0, 0, false);
        let mut text = Vec::new();
        loop {
            text.clear();
            let read = reader.by_ref_limited(&mut text)?;
            if read == 0 {
                break;
            }
            at += read as u64;
            match checked(&key, &text) {
                Some(json) => {
                    found.good += 1;
                    found.damaged |= bad;
                    len = at;
                    line(json);
                }
                None => bad = true,
            }
        }
        if len < at {
            tracing::warn!(bytes = at - len, "a torn line at the end of the state is cut off");
            file.set_len(len)?;
            file.sync_data()?;
        }
        file.seek(SeekFrom::Start(len))?;
        Ok((Self { path: path.to_owned(), key, file, len }, found))
    }

    /// Bytes in the file.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Appends lines together; with `sync` they are on the disk when it returns.
    ///
    /// # Errors
    /// The disk refuses; nothing of it stands in the file then.
    pub(crate) fn append(&mut self, json: &[u8], sync: bool) -> io::Result<()> {
        let line = signed_line(&self.key, json);
        let written = self.file.write_all(&line).and_then(|()| if sync { self.file.sync_data() } else { Ok(()) });
        if let Err(error) = written {
            self.file.set_len(self.len)?;
            self.file.seek(SeekFrom::Start(self.len))?;
            return Err(error);
        }
        self.len += line.len() as u64;
        Ok(())
    }

    /// Waits until everything appended is on the disk.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Replaces all lines, atomically.
    ///
    /// # Errors
    /// The disk refuses; the old file stands then.
    pub(crate) fn rewrite(&mut self, lines: impl Iterator<Item = Vec<u8>>) -> io::Result<()> {
        let tmp = self.path.with_extension("tmp");
        let mut writer = BufWriter::new(File::create(&tmp)?);
        let mut len = 0;
        for json in lines {
            let line = signed_line(&self.key, &json);
            writer.write_all(&line)?;
            len += line.len() as u64;
        }
        let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&tmp, &self.path)?;
        if let Some(dir) = self.path.parent() {
            File::open(dir)?.sync_all()?;
        }
        (self.file, self.len) = (file, len);
        Ok(())
    }
}

/// Reads one line, but never more than a line may have.
trait ReadLine {
    fn by_ref_limited(&mut self, into: &mut Vec<u8>) -> io::Result<usize>;
}

impl<R: io::Read> ReadLine for BufReader<R> {
    fn by_ref_limited(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        io::Read::take(self, MAX_LINE as u64).read_until(b'\n', into)
    }
}

fn mac(key: &[u8; 32], json: &[u8]) -> String {
    let mut hex = signed::hex(&signed::hmac(key, &[json]));
    hex.truncate(MAC_HEX);
    hex
}

fn signed_line(key: &[u8; 32], json: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(json.len() + MAC_HEX + 2);
    line.extend_from_slice(mac(key, json).as_bytes());
    line.push(b' ');
    line.extend_from_slice(json);
    line.push(b'\n');
    line
}

fn checked<'a>(key: &[u8; 32], line: &'a [u8]) -> Option<&'a [u8]> {
    let line = line.strip_suffix(b"\n")?;
    let (seal, rest) = line.split_at_checked(MAC_HEX)?;
    let json = rest.strip_prefix(b" ")?;
    signed::same(seal, mac(key, json).as_bytes()).then_some(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn read(path: &Path) -> (Vec<Vec<u8>>, Found) {
        let mut lines = Vec::new();
        let (_, found) = Journal::open(path, KEY, |line| lines.push(line.to_vec())).unwrap();
        (lines, found)
    }

    fn three(path: &Path) -> Vec<u8> {
        let (mut journal, _) = Journal::open(path, KEY, |_| {}).unwrap();
        for text in ["one", "two", "three"] {
            journal.append(text.as_bytes(), true).unwrap();
        }
        fs::read(path).unwrap()
    }

    #[test]
    fn cut_at_every_byte_it_keeps_whole_lines_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j");
        let whole = three(&path);
        for cut in 0..=whole.len() {
            for garbage in [&b""[..], b"\xff\x00garbage\n", b"more"] {
                fs::write(&path, [&whole[..cut], garbage].concat()).unwrap();
                let (lines, found) = read(&path);
                assert!(lines.iter().zip(["one", "two", "three"]).all(|(line, text)| line == text.as_bytes()));
                let ends = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
                assert_eq!((lines.len(), found.damaged), (ends, false), "cut at {cut}");
                let (mut journal, _) = Journal::open(&path, KEY, |_| {}).unwrap();
                journal.append(b"after", false).unwrap();
                assert_eq!(read(&path).0.last().unwrap(), b"after");
            }
        }
    }

    #[test]
    fn a_line_that_was_changed_is_not_believed_and_the_damage_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j");
        let whole = three(&path);
        let mut changed = whole;
        changed[MAC_HEX + 1] = b'X';
        fs::write(&path, &changed).unwrap();
        let (lines, found) = read(&path);
        assert_eq!(lines, [b"two".to_vec(), b"three".to_vec()]);
        assert!(found.damaged);
        let other = Journal::open(&path, [8; 32], |_| panic!("signed by another key")).unwrap();
        assert_eq!(other.1, Found::default());
    }

    #[test]
    fn a_rewrite_replaces_everything_and_can_be_appended_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j");
        three(&path);
        let (mut journal, _) = Journal::open(&path, KEY, |_| {}).unwrap();
        journal.rewrite([b"new".to_vec()].into_iter()).unwrap();
        journal.append(b"next", true).unwrap();
        assert_eq!(journal.len(), fs::metadata(&path).unwrap().len());
        assert_eq!(read(&path).0, [b"new".to_vec(), b"next".to_vec()]);
    }
}
