//! The papers there are and how cells lie on them: pure geometry, in hundredths of a millimetre.
//!
//! Rows times columns fill a sheet exactly, so that a page's worth of vouchers never spills over. Only the margin can be
//! chosen; a row is as high as fits, unless a lower one is wanted.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A4, hundredths of a millimetre.
const A4: (i32, i32) = (21_000, 29_700);
/// Left and right of a sheet.
const SIDE: i32 = 500;
/// Printers that feed sheets cannot print nearer to the lower edge than this.
pub(crate) const MIN_MARGIN: i32 = 500;
/// More is wasted.
pub(crate) const MAX_MARGIN: i32 = 1_500;
/// Together with it rows of 7.0 mm: 40 × 7.0 + 2 × 8.5 = 297.
pub(crate) const SAFE_MARGIN: i32 = 850;
/// Drivers of roll printers cut longer papers off.
const MAX_STRIP: i32 = 327_000;

/// A paper with its arrangement of vouchers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum Format {
    /// A4, 3 × 40.
    #[default]
    #[serde(rename = "a4-120")]
    A4120,
    /// A4, 3 × 12, with the QR code that logs in.
    #[serde(rename = "a4-36-qr")]
    A436Qr,
    /// A4, 3 × 10, with the QR code that logs in.
    #[serde(rename = "a4-30-qr")]
    A430Qr,
    /// Roll of 58 mm.
    #[serde(rename = "thermal-58")]
    Thermal58,
    /// Roll of 80 mm.
    #[serde(rename = "thermal-80")]
    Thermal80,
}

/// Formats that share a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Many small cells.
    Sheet,
    /// Sheets with QR codes.
    Qr,
    /// Rolls.
    Thermal,
}

impl Format {
    /// All, in the order they are offered.
    pub const ALL: [Self; 5] = [Self::A4120, Self::A436Qr, Self::A430Qr, Self::Thermal58, Self::Thermal80];

    /// As in addresses and the database; its text is `print-format-<name>`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A4120 => "a4-120",
            Self::A436Qr => "a4-36-qr",
            Self::A430Qr => "a4-30-qr",
            Self::Thermal58 => "thermal-58",
            Self::Thermal80 => "thermal-80",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// Which layouts it takes.
    #[must_use]
    pub fn family(self) -> Family {
        match self {
            Self::A4120 => Family::Sheet,
            Self::A436Qr | Self::A430Qr => Family::Qr,
            Self::Thermal58 | Self::Thermal80 => Family::Thermal,
        }
    }

    /// Has it room for a QR code?
    #[must_use]
    pub fn has_qr(self) -> bool {
        self.family() != Family::Sheet
    }

    /// Columns and rows of a sheet; a roll has one column.
    #[must_use]
    pub(crate) fn grid(self) -> (i32, Option<i32>) {
        match self {
            Self::A4120 => (3, Some(40)),
            Self::A436Qr => (3, Some(12)),
            Self::A430Qr => (3, Some(10)),
            Self::Thermal58 | Self::Thermal80 => (1, None),
        }
    }
}

impl Family {
    /// All.
    pub const ALL: [Self; 3] = [Self::Sheet, Self::Qr, Self::Thermal];

    /// As in addresses and the database; its text is `print-family-<name>`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sheet => "sheet",
            Self::Qr => "qr",
            Self::Thermal => "thermal",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// The format a layout of this family is shown with first.
    #[must_use]
    pub(crate) fn formats(self) -> Vec<Format> {
        Format::ALL.into_iter().filter(|format| format.family() == self).collect()
    }
}

/// Where everything lies, hundredths of a millimetre.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) paper: (i32, i32),
    /// Of the last strip of a roll; the same as `paper` on sheets.
    pub(crate) last_paper: (i32, i32),
    /// Above and below, left and right.
    pub(crate) margin: (i32, i32),
    pub(crate) columns: i32,
    pub(crate) cell: (i32, i32),
    /// Cells of one sheet or strip.
    pub(crate) per_sheet: usize,
}

/// The highest row that fits between margins, down to whole tenths of a millimetre.
pub(crate) fn fitting_row(margin: i32, rows: i32) -> i32 {
    (A4.1 - 2 * margin) / rows / 10 * 10
}

impl Geometry {
    /// Where the cells of a print lie. `cell_height` is that of a voucher on a roll, or a lower row wanted on a sheet;
    /// it is cut to what fits. `count` vouchers are printed.
    pub(crate) fn new(format: Format, margin: i32, cell_height: Option<i32>, count: usize) -> Self {
        let margin = margin.clamp(MIN_MARGIN, MAX_MARGIN);
        match format.grid() {
            (columns, Some(rows)) => {
                let fits = fitting_row(margin, rows);
                let row = cell_height.map_or(fits, |wanted| wanted.clamp(fits / 2, fits));
                Self {
                    paper: A4,
                    last_paper: A4,
                    margin: (margin, SIDE),
                    columns,
                    cell: ((A4.0 - 2 * SIDE) / columns / 10 * 10, row),
                    per_sheet: usize::try_from(columns * rows).unwrap_or(1),
                }
            }
            (_, None) => Self::roll(format, cell_height.unwrap_or(4_000).max(1_000), count),
        }
    }

    fn roll(format: Format, cell_height: i32, count: usize) -> Self {
        // What the print head reaches: 48 and 72 mm.
        let (paper, head) = if format == Format::Thermal58 { (5_800, 4_800) } else { (8_000, 7_200) };
        let per_sheet = usize::try_from(MAX_STRIP / cell_height).unwrap_or(1).min(count.max(1)).max(1);
        // A hair more than the cells: a browser that rounds up must not begin another page.
        let high =
            |cells: usize| i32::try_from(cells).unwrap_or(i32::MAX).saturating_mul(cell_height).saturating_add(50);
        let last = count.max(1).checked_rem(per_sheet).filter(|rest| *rest > 0).unwrap_or(per_sheet);
        Self {
            paper: (paper, high(per_sheet)),
            last_paper: (paper, high(last)),
            margin: (0, (paper - head) / 2),
            columns: 1,
            cell: (head, cell_height),
            per_sheet,
        }
    }

    /// Is a sheet of `cells` cells that comes after `before` cells the last of `count`?
    pub(crate) fn is_last(&self, before: usize, count: usize) -> bool {
        before + self.per_sheet >= count
    }
}

/// Hundredths of a millimetre as CSS writes them: `7mm`, `66.6mm`.
pub(crate) fn mm(hundredths: i32) -> String {
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    match rest {
        0 => format!("{whole}mm"),
        rest if rest % 10 == 0 => format!("{whole}.{}mm", rest / 10),
        rest => format!("{whole}.{rest:02}mm"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for format in Format::ALL {
            assert_eq!(Format::parse(format.as_str()), Some(format));
            assert_eq!(serde_json::to_value(format).unwrap(), format.as_str());
            assert!(format.family().formats().contains(&format));
        }
        for family in Family::ALL {
            assert_eq!(Family::parse(family.as_str()), Some(family));
        }
        assert_eq!(Format::parse("a5"), None);
    }

    #[test]
    fn the_safe_sheet_is_what_was_measured() {
        let geometry = Geometry::new(Format::A4120, SAFE_MARGIN, None, 120);
        assert_eq!((geometry.cell, geometry.per_sheet), ((6_660, 700), 120));
        assert_eq!(Geometry::new(Format::A436Qr, SAFE_MARGIN, None, 1).cell.1, 2_330);
        assert_eq!(Geometry::new(Format::A430Qr, SAFE_MARGIN, None, 1).cell.1, 2_800);
    }

    #[test]
    fn no_margin_makes_a_sheet_higher_than_its_paper() {
        for margin in (0..2_000).step_by(10) {
            for format in [Format::A4120, Format::A436Qr, Format::A430Qr] {
                for row in [None, Some(1), Some(100_000)] {
                    let geometry = Geometry::new(format, margin, row, 500);
                    let rows = format.grid().1.unwrap();
                    assert!(geometry.cell.1 * rows + 2 * geometry.margin.0 <= A4.1, "{format:?} {margin}");
                    assert!(geometry.cell.0 * 3 + 2 * geometry.margin.1 <= A4.0);
                    assert!(geometry.margin.0 >= MIN_MARGIN);
                }
            }
        }
    }

    #[test]
    fn a_roll_is_one_strip_until_the_printer_would_cut_it() {
        let one = Geometry::new(Format::Thermal58, 0, Some(4_000), 10);
        assert_eq!((one.paper, one.last_paper, one.per_sheet), ((5_800, 40_050), (5_800, 40_050), 10));
        let many = Geometry::new(Format::Thermal80, 0, Some(4_000), 100);
        assert_eq!((many.per_sheet, many.last_paper), (81, (8_000, 76_050)));
        assert!(many.paper.1 <= MAX_STRIP + 50);
        assert!(!many.is_last(0, 100) && many.is_last(81, 100));
        assert_eq!(Geometry::new(Format::Thermal58, 0, Some(4_000), 0).per_sheet, 1);
    }

    #[test]
    fn lengths_are_written_as_css_reads_them() {
        for (hundredths, text) in [(700, "7mm"), (6_660, "66.6mm"), (2_333, "23.33mm"), (5, "0.05mm")] {
            assert_eq!(mm(hundredths), text);
        }
    }
}
