//! The bytes of a segment file: a header, then records one after another, each with its own checksum.
//!
//! A record that does not check ends the file: it is the torn tail of a power cut. Leaves out which files there are.

/// Bytes of a header.
pub(super) const HEADER_LEN: usize = 24;
/// Bytes in front of a record's body.
const RECORD_HEAD: usize = 16;
const MAGIC: &[u8; 4] = b"HJO1";
/// Largest body believed when reading; far above what is ever written.
const MAX_BODY: usize = 1024 * 1024;

/// One record as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) seq: u64,
    pub(super) body: Box<[u8]>,
}

/// What a file held.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) records: Vec<Stored>,
    /// Length up to which everything checks.
    pub(super) good_len: usize,
}

/// The header of a segment whose first record has `first`.
pub(super) fn header(ep: i64, first: u64) -> [u8; HEADER_LEN] {
    let mut bytes = [0; HEADER_LEN];
    bytes[..4].copy_from_slice(MAGIC);
    bytes[8..16].copy_from_slice(&ep.to_le_bytes());
    bytes[16..24].copy_from_slice(&first.to_le_bytes());
    let crc = crc32(&[&bytes[8..]]);
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Epoch and first sequence number, if the header checks.
pub(super) fn read_header(bytes: &[u8]) -> Option<(i64, u64)> {
    let head = bytes.get(..HEADER_LEN)?;
    let intact = &head[..4] == MAGIC && crc32(&[&head[8..]]) == u32_at(head, 4)?;
    intact.then_some(())?;
    Some((i64::from_le_bytes(head[8..16].try_into().ok()?), u64_at(head, 16)?))
}

/// A record as it is appended.
pub(super) fn encode(seq: u64, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(RECORD_HEAD + body.len());
    bytes.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(&crc32(&[&seq.to_le_bytes(), body]).to_le_bytes());
    bytes.extend_from_slice(&seq.to_le_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// Every record of a file up to the first that does not check. Sequence numbers only rise; holes are allowed.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    if read_header(bytes).is_none() {
        return Parsed::default();
    }
    let mut parsed = Parsed { records: Vec::new(), good_len: HEADER_LEN };
    let mut last = 0;
    while let Some(stored) = record_at(bytes, parsed.good_len) {
        if stored.seq <= last {
            break;
        }
        last = stored.seq;
        parsed.good_len += RECORD_HEAD + stored.body.len();
        parsed.records.push(stored);
    }
    parsed
}

fn record_at(bytes: &[u8], at: usize) -> Option<Stored> {
    let head = bytes.get(at..at + RECORD_HEAD)?;
    let len = usize::try_from(u32_at(head, 0)?).ok().filter(|len| *len <= MAX_BODY)?;
    let seq = u64_at(head, 8)?;
    let body = bytes.get(at + RECORD_HEAD..at + RECORD_HEAD + len)?;
    let intact = crc32(&[&seq.to_le_bytes(), body]) == u32_at(head, 4)?;
    intact.then(|| Stored { seq, body: body.into() })
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

const TABLE: [u32; 256] = table();

#[expect(clippy::cast_possible_truncation, reason = "the index stays below 256")]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0xEDB8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

/// CRC-32 (IEEE) over the parts, one after another.
pub(super) fn crc32(parts: &[&[u8]]) -> u32 {
    let mut crc = u32::MAX;
    for byte in parts.iter().flat_map(|part| part.iter()) {
        let index = (crc ^ u32::from(*byte)) & 0xFF;
        crc = (crc >> 8) ^ TABLE[usize::try_from(index).unwrap_or(0)];
    }
    !crc
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(crc32(&[b"123456789"]), 0xCBF4_3926);
        assert_eq!(crc32(&[b"1234", b"56789"]), 0xCBF4_3926);
    }

    proptest! {
        #[test]
        fn a_file_cut_anywhere_loses_only_its_tail(
            bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..12),
            garbage in proptest::collection::vec(any::<u8>(), 0..40),
            cut in any::<proptest::sample::Index>(),
        ) {
            let mut file = header(7, 1).to_vec();
            let mut ends = vec![file.len()];
            for (seq, body) in (1u64..).zip(&bodies) {
                file.extend(encode(seq, body));
                ends.push(file.len());
            }
            let cut = cut.index(file.len() + 1);
            let whole = ends.iter().filter(|end| **end <= cut).count().saturating_sub(1);
            let mut torn = file[..cut].to_vec();
            torn.extend(&garbage);
            let parsed = parse(&torn);
            prop_assert!(parsed.records.len() >= whole);
            for (stored, body) in parsed.records.iter().take(whole).zip(&bodies) {
                prop_assert_eq!(&*stored.body, body.as_slice());
            }
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            parse(&bytes);
        }
    }
}
