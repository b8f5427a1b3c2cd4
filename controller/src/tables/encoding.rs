//! Which encoding a text file is in, by its mark and its bytes.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::ReadError;

/// Bytes looked at to find UTF-16 without a mark.
const LOOKED_AT: usize = 4096;

/// The text and the name of its encoding.
pub(super) fn decode(bytes: &[u8]) -> Result<(String, &'static str), ReadError> {
    let encoding = Encoding::for_bom(bytes).map_or_else(|| guessed(bytes), |(encoding, _)| encoding);
    let (text, _, _) = encoding.decode(bytes);
    // Text has no zero bytes: this is a picture, or an old workbook.
    if text.contains('\0') {
        return Err(ReadError::NotAList);
    }
    Ok((text.into_owned(), encoding.name()))
}

/// Without a mark: UTF-16 has zeros in every other byte of ASCII; what is no UTF-8 was written by an old spreadsheet.
fn guessed(bytes: &[u8]) -> &'static Encoding {
    let head = bytes.get(..LOOKED_AT).unwrap_or(bytes);
    let zeros = |at: usize| head.iter().skip(at).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    if odd > head.len() / 4 && even == 0 {
        UTF_16LE
    } else if even > head.len() / 4 && odd == 0 {
        UTF_16BE
    } else if std::str::from_utf8(bytes).is_ok() {
        UTF_8
    } else {
        WINDOWS_1252
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, mark: bool, little: bool) -> Vec<u8> {
        let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
        units.flat_map(|unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    }

    #[test]
    fn encodings_are_found_with_and_without_a_mark() {
        let text = "nama;alamat\nSiti Café;Jl. Melati";
        let one_byte: Vec<u8> = text.chars().map(|char| u8::try_from(u32::from(char)).unwrap()).collect();
        for (bytes, name) in [
            (text.as_bytes().to_vec(), "UTF-8"),
            ([b"\xef\xbb\xbf", text.as_bytes()].concat(), "UTF-8"),
            (utf16(text, true, true), "UTF-16LE"),
            (utf16(text, true, false), "UTF-16BE"),
            (utf16(text, false, true), "UTF-16LE"),
            (utf16(text, false, false), "UTF-16BE"),
            (one_byte, "windows-1252"),
        ] {
            assert_eq!(decode(&bytes), Ok((text.to_owned(), name)), "{name}");
        }
    }

    #[test]
    fn a_picture_is_no_list() {
        assert_eq!(decode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\0\x01"), Err(ReadError::NotAList));
    }
}
