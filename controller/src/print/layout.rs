//! How a print looks: a document that is checked field by field, and the style sheet it becomes. Pure.
//!
//! A style sheet is a function of its address: every length and colour stands in it, with a hash of what comes out, so
//! browsers may keep it for ever and no session is needed to fetch it.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::{
    format::{Family, Format, Geometry, MAX_MARGIN, MIN_MARGIN, SAFE_MARGIN, mm},
    rules::{self, MAX_LINE, MAX_LINES},
};
use crate::http::{
    form::{Check, FieldError, FormErrors},
    locale::Locale,
};

/// Smaller codes are mistyped.
pub const MIN_CODE_PT: i64 = 11;
/// Larger codes do not fit.
pub const MAX_CODE_PT: i64 = 18;
/// The lowest row of a sheet that holds a code of 11 pt and two lines, tenths of a millimetre.
pub const MIN_ROW: i64 = 65;
const MAX_ROW: i64 = 290;
/// Bytes of the hash in an address, two letters each.
const HASH_BYTES: usize = 6;
/// Vouchers of one print.
pub(crate) const MAX_COUNT: usize = 100_000;
/// Highest voucher on a roll, hundredths of a millimetre.
const MAX_ROLL_CELL: i32 = 20_000;

/// Which facts of a voucher are printed, where it has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a tick of a form")]
pub struct Fields {
    pub wifi: bool,
    pub number: bool,
    /// How long it lasts.
    pub terms: bool,
    pub price: bool,
    /// Until when it must be used first.
    pub sell_by: bool,
    pub quota: bool,
    pub seller: bool,
    pub package: bool,
    /// The code that logs in, where the format has room.
    pub qr: bool,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            wifi: true,
            number: true,
            terms: true,
            price: true,
            sell_by: true,
            quota: true,
            seller: true,
            package: false,
            qr: true,
        }
    }
}

/// How a print looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Document {
    /// Lines above the code. They may name `{kode}`, `{harga}` and so on.
    pub header: Vec<String>,
    /// Lines below it.
    pub footer: Vec<String>,
    /// `#rrggbb` of the code.
    pub ink: String,
    /// `#rrggbb` of the WiFi name.
    pub accent: String,
    pub fields: Fields,
    /// Size of the code, points.
    pub code_pt: i64,
    /// Language of the print; of whoever prints when there is none.
    #[schema(value_type = Option<String>)]
    pub language: Option<Locale>,
    /// Above and below a sheet, tenths of a millimetre.
    pub margin_tenth_mm: i64,
    /// Height of a row of a sheet, tenths of a millimetre; as high as fits when there is none.
    pub row_tenth_mm: Option<i64>,
}

impl Default for Document {
    fn default() -> Self {
        Self {
            header: Vec::new(),
            footer: Vec::new(),
            ink: "#000000".to_owned(),
            accent: "#000000".to_owned(),
            fields: Fields::default(),
            code_pt: MIN_CODE_PT,
            language: None,
            margin_tenth_mm: i64::from(SAFE_MARGIN / 10),
            row_tenth_mm: None,
        }
    }
}

impl Document {
    /// What a family looks like when nobody chose anything.
    #[must_use]
    pub fn of(family: Family) -> Self {
        let code_pt = match family {
            Family::Sheet => 11,
            Family::Qr => 13,
            Family::Thermal => 18,
        };
        Self { code_pt, ..Self::default() }
    }

    /// The document, trimmed and proven.
    ///
    /// # Errors
    /// The fields that are wrong.
    pub fn check(mut self, family: Family) -> Result<Self, FormErrors> {
        let mut check = Check::default();
        self.header = lines(&mut check, "header", &self.header);
        self.footer = lines(&mut check, "footer", &self.footer);
        for (field, colour) in [("ink", &mut self.ink), ("accent", &mut self.accent)] {
            *colour = colour.trim().to_ascii_lowercase();
            let hex = colour.strip_prefix('#').unwrap_or_default();
            if hex.len() != 6 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                check.refuse(field, FieldError::new("not_a_colour"));
            }
        }
        within(&mut check, "code_pt", self.code_pt, (MIN_CODE_PT, MAX_CODE_PT));
        let margins = (i64::from(MIN_MARGIN / 10), i64::from(MAX_MARGIN / 10));
        within(&mut check, "margin_tenth_mm", self.margin_tenth_mm, margins);
        match (family, self.row_tenth_mm) {
            (Family::Thermal, _) => self.row_tenth_mm = None,
            (Family::Sheet | Family::Qr, Some(row)) => {
                // The rows of a whole page must fit between its margins.
                let rows = family.formats().iter().filter_map(|format| format.grid().1).max().unwrap_or(1);
                let margin = i32::try_from(self.margin_tenth_mm * 10).unwrap_or(SAFE_MARGIN);
                let fits = i64::from(super::format::fitting_row(margin.clamp(MIN_MARGIN, MAX_MARGIN), rows) / 10);
                within(&mut check, "row_tenth_mm", row, (MIN_ROW.min(fits), fits.min(MAX_ROW)));
            }
            (Family::Sheet | Family::Qr, None) => {}
        }
        if check.is_clean() { Ok(self) } else { Err(check.into_errors()) }
    }
}

fn within(check: &mut Check, field: &str, value: i64, (min, max): (i64, i64)) {
    if !(min..=max).contains(&value) {
        check.refuse(field, FieldError::new("out_of_range").arg("min", min).arg("max", max));
    }
}

fn lines(check: &mut Check, field: &str, lines: &[String]) -> Vec<String> {
    let kept: Vec<String> = lines.iter().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    if kept.len() > MAX_LINES {
        check.refuse(field, FieldError::new("too_many_lines").arg("max", i64::try_from(MAX_LINES).unwrap_or(0)));
    }
    for line in &kept {
        if line.chars().count() > MAX_LINE {
            check.refuse(field, FieldError::new("too_long").arg("max", i64::try_from(MAX_LINE).unwrap_or(0)));
        }
        if line.chars().any(char::is_control) {
            check.refuse(field, FieldError::new("control_characters"));
        }
        if let Err(name) = rules::check_line(line) {
            check.refuse(field, FieldError::new("unknown_placeholder").arg("name", name));
        }
    }
    kept
}

/// What a style sheet is made of; stands in its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) format: Format,
    /// Hundredths of a millimetre.
    pub(crate) margin: i32,
    pub(crate) cell_height: Option<i32>,
    pub(crate) count: usize,
    pub(crate) code_pt: i64,
    /// Six hex digits.
    pub(crate) ink: String,
    pub(crate) accent: String,
}

impl Style {
    pub(crate) fn geometry(&self) -> Geometry {
        Geometry::new(self.format, self.margin, self.cell_height, self.count)
    }

    /// The address of the style sheet.
    pub(crate) fn url(&self) -> String {
        format!("/print/style/{}/{}.css", hash(self.css().as_bytes()), self.words())
    }

    fn words(&self) -> String {
        // On sheets the count changes nothing: one style sheet for all of them.
        let count = if self.format.grid().1.is_some() { 0 } else { self.count };
        let height = self.cell_height.unwrap_or(0);
        let Self { format, margin, code_pt, ink, accent, .. } = self;
        format!("{}_{margin}_{height}_{count}_{code_pt}_{ink}_{accent}", format.as_str())
    }

    /// The style of an address's last part; nothing when it is none of ours.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let words: Vec<&str> = name.strip_suffix(".css")?.split('_').collect();
        let [format, margin, height, count, code_pt, ink, accent] = words.as_slice() else { return None };
        let hex =
            |text: &str| (text.len() == 6 && text.bytes().all(|b| b.is_ascii_hexdigit())).then(|| text.to_owned());
        let height: i32 = height.parse().ok()?;
        Some(Self {
            format: Format::parse(format)?,
            margin: margin.parse().ok().filter(|margin| (0..=MAX_MARGIN).contains(margin))?,
            cell_height: (height != 0).then_some(height).filter(|height| (1..=MAX_ROLL_CELL).contains(height)),
            count: count.parse().ok().filter(|count| *count <= MAX_COUNT)?,
            code_pt: code_pt.parse().ok().filter(|pt| (MIN_CODE_PT..=MAX_CODE_PT).contains(pt))?,
            ink: hex(ink)?,
            accent: hex(accent)?,
        })
    }

    /// The style sheet: what of a print depends on its layout. The rest is `print.css`.
    pub(crate) fn css(&self) -> String {
        let at = self.geometry();
        let size = |(width, height): (i32, i32)| format!("{} {}", mm(width), mm(height));
        let mut css = String::with_capacity(600);
        // Writing to a String never fails.
        let _ = writeln!(css, "@page{{size:{};margin:{} {}}}", size(at.paper), mm(at.margin.0), mm(at.margin.1));
        if at.last_paper != at.paper {
            let _ = writeln!(
                css,
                "@page last{{size:{};margin:{} {}}}.p-last{{page:last}}",
                size(at.last_paper),
                mm(at.margin.0),
                mm(at.margin.1)
            );
        }
        let _ = writeln!(
            css,
            ":root{{--p-paper:{};--p-top:{};--p-side:{};--p-columns:{};--p-width:{};--p-height:{};--p-code:{}pt;--p-ink:#{};--p-accent:#{}}}",
            mm(at.paper.0),
            mm(at.margin.0),
            mm(at.margin.1),
            at.columns,
            mm(at.cell.0),
            mm(at.cell.1),
            self.code_pt,
            self.ink,
            self.accent
        );
        css
    }
}

/// The hash of a file in its address.
pub(crate) fn hash(content: &[u8]) -> String {
    hiji_shared::signed::hex(&Sha256::digest(content)).chars().take(HASH_BYTES * 2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(document: Document, family: Family) -> Vec<(String, String)> {
        let errors = document.check(family).unwrap_err();
        errors.iter().map(|(field, error)| (field.to_owned(), error.code().to_owned())).collect()
    }

    #[test]
    fn what_nobody_chose_is_right() {
        for family in Family::ALL {
            let document = Document::of(family);
            assert_eq!(document.clone().check(family).unwrap(), document);
            assert_eq!(serde_json::from_value::<Document>(serde_json::json!({})).unwrap(), Document::default());
        }
    }

    #[test]
    fn what_would_break_a_page_is_refused_by_its_field() {
        let sheet = || Document::of(Family::Sheet);
        for (document, field, code) in [
            (Document { ink: "red".into(), ..sheet() }, "ink", "not_a_colour"),
            (Document { accent: "#12345g".into(), ..sheet() }, "accent", "not_a_colour"),
            (Document { ink: "#000;}*{display:none".into(), ..sheet() }, "ink", "not_a_colour"),
            (Document { code_pt: 10, ..sheet() }, "code_pt", "out_of_range"),
            (Document { margin_tenth_mm: 49, ..sheet() }, "margin_tenth_mm", "out_of_range"),
            (Document { row_tenth_mm: Some(71), ..sheet() }, "row_tenth_mm", "out_of_range"),
            (Document { header: vec!["{rahasia}".into()], ..sheet() }, "header", "unknown_placeholder"),
            (Document { footer: vec!["x".repeat(81)], ..sheet() }, "footer", "too_long"),
            (Document { footer: vec!["x".into(); 4], ..sheet() }, "footer", "too_many_lines"),
            (Document { footer: vec!["a\u{7}b".into()], ..sheet() }, "footer", "control_characters"),
        ] {
            assert_eq!(refused(document, Family::Sheet), [(field.to_owned(), code.to_owned())]);
        }
        assert!(serde_json::from_value::<Document>(serde_json::json!({ "script": "x" })).is_err());
    }

    #[test]
    fn a_lower_row_and_a_wider_margin_go_together() {
        let document =
            |margin, row| Document { margin_tenth_mm: margin, row_tenth_mm: Some(row), ..Document::default() };
        assert!(document(85, 70).check(Family::Sheet).is_ok());
        assert!(document(65, 71).check(Family::Sheet).is_ok());
        assert!(document(65, 72).check(Family::Sheet).is_err());
        assert_eq!(document(85, 999).check(Family::Thermal).unwrap().row_tenth_mm, None);
    }

    #[test]
    fn a_style_sheet_is_its_address() {
        let style = Style {
            format: Format::Thermal58,
            margin: 0,
            cell_height: Some(4_000),
            count: 100,
            code_pt: 16,
            ink: "000000".into(),
            accent: "0f766e".into(),
        };
        let url = style.url();
        let (hash_of, name) = url.trim_start_matches("/print/style/").split_once('/').unwrap();
        let read = Style::parse(name).unwrap();
        assert_eq!(read, style);
        assert_eq!(hash(read.css().as_bytes()), hash_of);
        assert!(read.css().contains("@page{size:58mm 3240.5mm;margin:0mm 5mm}"), "{}", read.css());
        assert!(read.css().contains("@page last{size:58mm 760.5mm"), "{}", read.css());
        for wrong in ["", "x.css", "a4-120_1_2_3_11_000000.css", "a4-120_850_0_0_11_000000_zzzzzz.css"] {
            assert_eq!(Style::parse(wrong), None, "{wrong}");
        }
    }
}
