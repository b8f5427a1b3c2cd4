//! How a layout looks while it is being made: one voucher large, and a whole sheet of them small. Nothing is printed
//! and nothing of the database is shown.

use chrono::DateTime;

use super::super::{
    cells::{self, Cell, Context, Row, Writer},
    format::{Family, Format},
    layout::Document,
    rules,
};
use crate::{
    http::locale::{Locale, Texts},
    ids::{BatchId, VoucherId},
    money::Money,
};

/// Vouchers of a previewed roll.
const ROLL: usize = 3;
/// The sell-by date of the example, 2026-12-31 in Jakarta.
const SELL_BY: i64 = 1_798_736_399;

/// The cells of a preview, and the style sheet they need.
pub(super) struct Drawn {
    pub(super) cells: Vec<Cell>,
    pub(super) style: String,
}

/// Draws example vouchers.
pub(super) fn draw(texts: &Texts, locale: Locale, format: Format, document: &Document, has_logo: bool) -> Drawn {
    let context = Context {
        wifi: "Kebon Net".to_owned(),
        package: "12 Jam".to_owned(),
        seller: "Tini".to_owned(),
        zone: chrono_tz::Asia::Jakarta,
        login_host: "wifi.kebon.net".to_owned(),
        separate: false,
        code_chars: 8,
        has_more: true,
    };
    let count = match format.grid() {
        (columns, Some(rows)) => usize::try_from(columns * rows).unwrap_or(1),
        (_, None) => ROLL,
    };
    let high = cells::roll_height(format, document, std::slice::from_ref(&context), has_logo);
    let style = cells::style(format, document, high, count).url();
    let locale = document.language.unwrap_or(locale);
    let writer = Writer { texts: texts.clone(), locale, format, document: document.clone() };
    // On paper each has its own code; on a small preview they only have to look like it. QR codes take a while.
    let first = writer.cell(&example(1, "KBX7M2QP"), &context);
    let rest = (2..=count).map(|place| {
        let number = i32::try_from(place).unwrap_or(i32::MAX);
        if format.family() != Family::Qr {
            return writer.cell(&example(number, &code(place)), &context);
        }
        let shown = if document.fields.number { rules::number(number) } else { String::new() };
        Cell { number: shown, code: code(place), ..first.clone() }
    });
    let rest: Vec<Cell> = rest.collect();
    Drawn { cells: std::iter::once(first.clone()).chain(rest).collect(), style }
}

fn example(number: i32, code: &str) -> Row {
    Row {
        id: VoucherId(i64::from(number)),
        batch: BatchId(1),
        number,
        code: code.to_owned(),
        password: None,
        price: Money::idr(3_000),
        online_secs: Some(43_200),
        active_secs: Some(259_200),
        limit_bytes: None,
        activate_before: DateTime::from_timestamp(SELL_BY, 0),
    }
}

/// Codes that look drawn by lot and are the same every time.
fn code(place: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";
    let mut state = place.wrapping_mul(2_654_435_761).wrapping_add(97);
    let tail = (0..6).map(|_| {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff;
        char::from(LETTERS.get((state >> 12) % LETTERS.len()).copied().unwrap_or(b'A'))
    });
    "KB".chars().chain(tail).collect()
}
