//! Sizes of paper, as style sheets that are their own address: pages allow no style within them, and a strip of a roll is
//! as long as what stands on it. Invoices, receipts and statements are printed with them.

use axum::{
    Router as Routes,
    extract::Path,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Height of a line of text on a roll, tenths of a millimetre.
const LINE: usize = 42;
/// What is above and below, and what a printer needs to cut.
const ENDS: usize = 160;
/// Strips are as long as a multiple of this, so that few addresses are made.
const STEP_MM: usize = 10;
/// Longest strip, millimetres.
const MAX_MM: usize = 3_000;
/// White on both sides of a roll, millimetres.
const SIDE_MM: usize = 3;

/// The address of A4.
#[must_use]
pub fn a4() -> String {
    "/paper/a4.css".to_owned()
}

/// The address of a strip of a roll of so many millimetres, for so many lines of text.
#[must_use]
pub fn roll(width_mm: usize, lines: usize) -> String {
    let high = lines.saturating_mul(LINE).saturating_add(ENDS).div_ceil(10);
    let high = (high.div_ceil(STEP_MM) * STEP_MM).min(MAX_MM);
    format!("/paper/{width_mm}x{high}.css")
}

/// What an address says; nothing for one that none of ours can be.
fn css(name: &str) -> Option<String> {
    let name = name.strip_suffix(".css")?;
    if name == "a4" {
        return Some("@page{size:A4;margin:14mm 16mm}".to_owned());
    }
    let (width, high) = name.split_once('x')?;
    let (width, high): (usize, usize) = (width.parse().ok()?, high.parse().ok()?);
    let known = matches!(width, 58 | 80) && (STEP_MM..=MAX_MM).contains(&high) && high.is_multiple_of(STEP_MM);
    known.then(|| format!("@page{{size:{width}mm {high}mm;margin:2mm {SIDE_MM}mm}}"))
}

/// `/paper/{name}`: nothing in it is secret.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Routes<S> {
    Routes::new().route("/paper/{name}", get(sheet))
}

async fn sheet(Path(name): Path<String>) -> Response {
    let Some(css) = css(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let kind = HeaderValue::from_static("text/css; charset=utf-8");
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, FOR_EVER)], css).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strip_is_as_long_as_its_lines() {
        for (width, lines, address) in
            [(58, 0, "/paper/58x20.css"), (80, 30, "/paper/80x150.css"), (58, 100_000, "/paper/58x3000.css")]
        {
            assert_eq!(roll(width, lines), address);
            assert!(css(address.rsplit('/').next().unwrap()).unwrap().contains(&format!("size:{width}mm")));
        }
        assert!(css("a4.css").unwrap().contains("A4"));
        for strange in ["58x155.css", "58x99999.css", "70x150.css", "58x.css", "x", "a4", "58x-10.css"] {
            assert_eq!(css(strange), None, "{strange}");
        }
    }
}
