//! What stands in which column of a file. Pure.

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;

use crate::{
    http::locale::{Locale, Texts},
    vouchers::{Status, Voucher},
};

/// What somebody may see of a voucher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sees {
    pub(crate) passwords: bool,
    pub(crate) costs: bool,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Nothing,
    Text(String),
    Number(i64),
    /// The time on the wall of the voucher's site.
    Time(NaiveDateTime),
}

/// The columns of a file, for one who may see so much.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    pub(crate) sees: Sees,
    heads: Vec<String>,
    statuses: Vec<(Status, String)>,
    /// Where every row speaks of one place.
    zone: Option<Tz>,
}

impl Columns {
    pub(super) fn new(texts: &Texts, locale: Locale, sees: Sees, zone: Option<Tz>) -> Self {
        let mut keys = vec!["voucher-code"];
        if sees.passwords {
            keys.push("voucher-password");
        }
        keys.extend(["voucher-status", "package", "package-price"]);
        if sees.costs {
            keys.push("package-cost");
        }
        keys.extend(["export-currency", "batch", "voucher-seller", "export-zone", "voucher-router", "batch-made"]);
        keys.push("export-sold-at");
        keys.extend(["voucher-first-login", "voucher-valid-until", "voucher-ended", "voucher-device"]);
        keys.extend(["export-uptime", "export-bytes-in", "export-bytes-out", "export-note"]);
        let heads = keys.into_iter().map(|key| texts.text(locale, key, [])).collect();
        let name = |status: Status| texts.text(locale, &format!("voucher-{}", status.as_str().replace('_', "-")), []);
        Self { sees, heads, statuses: Status::ALL.map(|status| (status, name(status))).to_vec(), zone }
    }

    pub(super) fn heads(&self) -> &[String] {
        &self.heads
    }

    pub(super) fn cells(&self, voucher: Voucher) -> Vec<Cell> {
        let zone = self.zone.or_else(|| voucher.timezone.parse().ok()).unwrap_or(Tz::UTC);
        let time = |at: Option<DateTime<Utc>>| {
            at.map_or(Cell::Nothing, |at| Cell::Time(at.with_timezone(&zone).naive_local()))
        };
        let text = |text: String| if text.is_empty() { Cell::Nothing } else { Cell::Text(text) };
        let status = self.statuses.iter().find(|(known, _)| *known == voucher.status);
        let code = voucher.code;
        let mut cells = vec![];
        let password = voucher.password.unwrap_or_else(|| code.clone());
        cells.push(Cell::Text(code));
        if self.sees.passwords {
            cells.push(Cell::Text(password));
        }
        cells.push(Cell::Text(status.map(|(_, name)| name.clone()).unwrap_or_default()));
        cells.push(text(voucher.package));
        cells.push(Cell::Number(voucher.price.minor()));
        if self.sees.costs {
            cells.push(voucher.cost.map_or(Cell::Nothing, |cost| Cell::Number(cost.minor())));
        }
        cells.push(Cell::Text(voucher.price.currency().code().to_owned()));
        cells.push(text(voucher.batch));
        cells.push(text(voucher.seller));
        cells.push(Cell::Text(zone.name().to_owned()));
        cells.push(text(voucher.router));
        cells.push(time(Some(voucher.created_at)));
        cells.push(time(voucher.sold_at));
        cells.push(time(voucher.first_login_at));
        cells.push(time(voucher.valid_until));
        cells.push(time(voucher.ended_at));
        cells.push(text(voucher.mac));
        // An unused one has used nothing; of one in use the last report counts.
        let used = voucher.first_login_at.is_some();
        for number in [voucher.uptime_secs, voucher.bytes_in, voucher.bytes_out] {
            cells.push(if used { Cell::Number(number) } else { Cell::Nothing });
        }
        cells.push(text(voucher.note));
        cells
    }
}

/// A text that a spreadsheet will not take for a formula: those begin with these.
pub(super) fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for text in ["=1+1", "+62812", "-2", "@SUM(A1)", "\t=1", "\r=1"] {
            assert!(harmless(text).starts_with('\''), "{text}");
        }
        assert_eq!(harmless("KBX7M2QP"), "KBX7M2QP");
    }
}
