//! QR codes as SVG, small enough to stand in a page a hundred times. Names `fast_qr`; no other file does.
//!
//! Level M, the quiet zone of four modules that scanners want, black on a white ground of its own (so it also reads on a
//! dark page). No size: the place it stands in gives it one.

use std::fmt::Write as _;

use fast_qr::{ECL, QRBuilder};

/// Longer texts make codes too fine for a printed voucher; login addresses have about a hundred.
pub const MAX_TEXT: usize = 512;
/// Modules of white around the code.
const QUIET: usize = 4;

/// Why there is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    #[error("nothing to encode")]
    Empty,
    #[error("longer than {MAX_TEXT} bytes")]
    TooLong,
}

/// The code of a text as an `<svg>` element of class `qr`: safe to put into a page as it is, since nothing of the text
/// stands in it as text. Takes about 0.1 ms: more than a few belong on a blocking thread.
///
/// # Errors
/// [`QrError`]: nothing or too much to encode.
pub fn svg(text: &str) -> Result<String, QrError> {
    if text.is_empty() {
        return Err(QrError::Empty);
    }
    if text.len() > MAX_TEXT {
        return Err(QrError::TooLong);
    }
    let code = QRBuilder::new(text).ecl(ECL::M).build().map_err(|_too_long| QrError::TooLong)?;
    let dark = |row: usize, column: usize| code[row][column].value();
    let side = code.size + 2 * QUIET;
    let mut out = String::with_capacity(4096);
    // Writing to a String never fails.
    let _ = write!(
        out,
        r##"<svg class="qr" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges" aria-hidden="true"><path fill="#fff" d="M0 0h{side}v{side}H0z"/><path fill="#000" d=""##
    );
    for row in 0..code.size {
        let mut column = 0;
        while column < code.size {
            let run = (column..code.size).take_while(|at| dark(row, *at)).count();
            if run > 0 {
                let _ = write!(out, "M{} {}h{run}v1h-{run}z", column + QUIET, row + QUIET);
            }
            column += run.max(1);
        }
    }
    out.push_str(r#""/></svg>"#);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Modules of a picture's side in pixels.
    const SCALE: usize = 4;

    /// Draws the runs of an SVG of ours and reads them with a decoder that is not ours.
    fn read(svg: &str) -> String {
        let number = |text: &str| text.parse::<usize>().unwrap();
        let side = number(svg.split_once("viewBox=\"0 0 ").unwrap().1.split(' ').next().unwrap());
        let path = svg.rsplit_once(" d=\"").unwrap().1.split('"').next().unwrap();
        let mut dark = vec![vec![false; side]; side];
        for run in path.split('M').skip(1) {
            let (column, rest) = run.split_once(' ').unwrap();
            let (row, rest) = rest.split_once('h').unwrap();
            let length = number(rest.split('v').next().unwrap());
            dark[number(row)][number(column)..][..length].fill(true);
        }
        let mut picture =
            rqrr::PreparedImage::prepare_from_bitmap(side * SCALE, side * SCALE, |x, y| dark[y / SCALE][x / SCALE]);
        let grids = picture.detect_grids();
        assert_eq!(grids.len(), 1, "one code");
        let (meta, text) = grids[0].decode().unwrap();
        assert_eq!(meta.ecc_level, 0, "level M");
        text
    }

    #[test]
    fn a_stranger_reads_what_was_written() {
        for text in [
            "7",
            "KBX7M2QP",
            "0123456789",
            "http://wifi.warung/login?username=KBX7M2QP&password=KBX7M2QP",
            "http://hotspot.kebon-jeruk.example.net/login?username=WARUNGBU-K7M2QPX9ABCD&password=%26%3D%20%2B%C3%A9",
            "https://wa.me/6281234567890?text=Kode%20voucher%20Anda",
        ] {
            assert_eq!(read(&svg(text).unwrap()), text);
        }
    }

    #[test]
    fn every_length_up_to_the_limit_is_read() {
        for length in (1..=MAX_TEXT).step_by(29).chain([MAX_TEXT]) {
            let text: String = "aZ9/?=&%".chars().cycle().take(length).collect();
            assert_eq!(read(&svg(&text).unwrap()), text, "{length}");
        }
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        assert_eq!(svg(""), Err(QrError::Empty));
        assert_eq!(svg(&"a".repeat(MAX_TEXT + 1)), Err(QrError::TooLong));
    }

    #[test]
    fn the_text_never_stands_in_the_page() {
        assert!(!svg("<script>alert(1)</script>").unwrap().contains("script"));
    }
}
