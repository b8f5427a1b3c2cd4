//! What may be a logo: PNG, JPEG or WebP by its own first bytes, small as a file and as a picture.
//!
//! SVG is refused: it can carry scripts and addresses. What the browser said the file is does not matter.

use axum::{extract::Multipart, http::HeaderValue};

use super::{
    error::AppError,
    form::{FieldError, FormErrors},
};

/// Bytes of a logo.
pub const MAX_LOGO_BYTES: usize = 256 * 1024;
/// Pixels of its longer side: a small file can unpack to gigabytes.
pub const MAX_LOGO_PIXELS: u32 = 2_000;
/// How long a browser keeps one: its address changes with it.
pub const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// A kind of picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Png,
    Jpeg,
    WebP,
}

impl Kind {
    /// Its media type, as stored and served.
    #[must_use]
    pub fn mime(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::WebP => "image/webp",
        }
    }
}

/// Why a file is no logo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogoError {
    #[error("larger than {MAX_LOGO_BYTES} bytes")]
    TooLarge,
    #[error("neither PNG, JPEG nor WebP")]
    NotAPicture,
    #[error("more than {MAX_LOGO_PIXELS} pixels wide or high")]
    TooManyPixels,
}

impl From<LogoError> for AppError {
    fn from(error: LogoError) -> Self {
        let code = match error {
            LogoError::TooLarge => "logo_too_large",
            LogoError::NotAPicture => "logo_not_a_picture",
            LogoError::TooManyPixels => "logo_too_many_pixels",
        };
        FormErrors::of("logo", FieldError::new(code)).into()
    }
}

/// The file `logo` of a form; an empty one takes the logo away.
///
/// # Errors
/// [`AppError::Malformed`], and of a file that is too large, before all of it is read.
pub async fn file_of(mut form: Multipart) -> Result<Option<Vec<u8>>, AppError> {
    let unreadable = |_error| AppError::Malformed;
    while let Some(mut field) = form.next_field().await.map_err(unreadable)? {
        if field.name() != Some("logo") {
            continue;
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(unreadable)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MAX_LOGO_BYTES {
                return Err(LogoError::TooLarge.into());
            }
        }
        return Ok(Some(bytes).filter(|bytes| !bytes.is_empty()));
    }
    Ok(None)
}

/// The kind of a file that may be a logo.
///
/// # Errors
/// [`LogoError`].
pub fn check(bytes: &[u8]) -> Result<Kind, LogoError> {
    if bytes.len() > MAX_LOGO_BYTES {
        return Err(LogoError::TooLarge);
    }
    let as_kind = |kind, size: Option<(u32, u32)>| size.map(|size| (kind, size));
    let found = as_kind(Kind::Png, png(bytes))
        .or_else(|| as_kind(Kind::Jpeg, jpeg(bytes)))
        .or_else(|| as_kind(Kind::WebP, webp(bytes)));
    let (kind, (width, height)) = found.ok_or(LogoError::NotAPicture)?;
    if width == 0 || height == 0 {
        return Err(LogoError::NotAPicture);
    }
    if width.max(height) > MAX_LOGO_PIXELS { Err(LogoError::TooManyPixels) } else { Ok(kind) }
}

fn big(bytes: &[u8], at: usize, count: usize) -> Option<u32> {
    Some(bytes.get(at..at + count)?.iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte)))
}

fn little(bytes: &[u8], at: usize, count: usize) -> Option<u32> {
    Some(bytes.get(at..at + count)?.iter().rev().fold(0, |sum, byte| (sum << 8) | u32::from(*byte)))
}

fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    let header = bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.get(12..16) == Some(b"IHDR");
    header.then(|| Some((big(bytes, 16, 4)?, big(bytes, 20, 4)?))).flatten()
}

/// Walks the segments to the one that begins the picture.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    if !bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        return None;
    }
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        match *bytes.get(at + 1)? {
            0xff => at += 1,
            // SOF0–SOF15, without DHT, JPG and DAC.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Some((big(bytes, at + 7, 2)?, big(bytes, at + 5, 2)?));
            }
            0x01 | 0xd0..=0xd8 => at += 2,
            _ => at += 2 + usize::try_from(big(bytes, at + 2, 2)?.max(2)).ok()?,
        }
    }
}

fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    if !bytes.starts_with(b"RIFF") || bytes.get(8..12)? != b"WEBP" {
        return None;
    }
    match bytes.get(12..16)? {
        b"VP8X" => Some((little(bytes, 24, 3)? + 1, little(bytes, 27, 3)? + 1)),
        b"VP8L" => {
            let bits = little(bytes, 21, 4).filter(|_| bytes.get(20) == Some(&0x2f))?;
            Some(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
        }
        b"VP8 " => {
            let start = bytes.get(23..26)? == [0x9d, 0x01, 0x2a];
            start.then(|| Some((little(bytes, 26, 2)? & 0x3fff, little(bytes, 28, 2)? & 0x3fff))).flatten()
        }
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn png_of(width: u32, height: u32) -> Vec<u8> {
        let mut file = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR".to_vec();
        file.extend(width.to_be_bytes());
        file.extend(height.to_be_bytes());
        file.extend([8, 6, 0, 0, 0]);
        file
    }

    fn jpeg_of(width: u16, height: u16) -> Vec<u8> {
        let mut file = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc0, 0, 17, 8];
        file.extend(height.to_be_bytes());
        file.extend(width.to_be_bytes());
        file
    }

    fn webp_of(kind: &[u8; 4], rest: &[u8]) -> Vec<u8> {
        [b"RIFF\x00\x00\x00\x00WEBP".as_slice(), kind, &[0, 0, 0, 0], rest].concat()
    }

    #[test]
    fn pictures_are_known_by_what_they_are() {
        assert_eq!(check(&png_of(200, 80)), Ok(Kind::Png));
        assert_eq!(check(&jpeg_of(200, 80)), Ok(Kind::Jpeg));
        assert_eq!(check(&webp_of(b"VP8X", &[0, 0, 0, 0, 199, 0, 0, 79, 0, 0])), Ok(Kind::WebP));
        assert_eq!(check(&webp_of(b"VP8L", &[0x2f, 199, 0, 0x10, 0])), Ok(Kind::WebP));
        assert_eq!(check(&webp_of(b"VP8 ", &[0, 0, 0, 0x9d, 1, 0x2a, 200, 0, 80, 0])), Ok(Kind::WebP));
    }

    #[test]
    fn anything_else_and_bombs_are_refused() {
        let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
        for file in [svg.as_slice(), b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"RIFF", &[0xff, 0xd8, 0xff], b"<html>"] {
            assert_eq!(check(file), Err(LogoError::NotAPicture));
        }
        assert_eq!(check(&png_of(2_001, 10)), Err(LogoError::TooManyPixels));
        assert_eq!(check(&jpeg_of(10, 65_000)), Err(LogoError::TooManyPixels));
        assert_eq!(check(&png_of(0, 10)), Err(LogoError::NotAPicture));
        assert_eq!(check(&vec![0; MAX_LOGO_BYTES + 1]), Err(LogoError::TooLarge));
        // A segment that points behind the end, and one that points at itself.
        assert_eq!(check(&[0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff]), Err(LogoError::NotAPicture));
        assert_eq!(check(&[0xff, 0xd8, 0xff, 0xe0, 0, 0, 0xff]), Err(LogoError::NotAPicture));
    }
}
