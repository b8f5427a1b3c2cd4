//! From vouchers to cells: the words on each, and how they lie in the room there is. Pure but for the texts.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::{
    format::{Family, Format},
    layout::{Document, Style},
    rules::{self, Say, Values},
};
use crate::{
    http::{
        format as written,
        locale::{Arg, Locale, Texts},
    },
    ids::{BatchId, VoucherId},
    money::Money,
    qr,
};

/// Width of a code's character, thousandths of a millimetre a point: monospaced fonts are 0.6 em wide.
const CHAR_UM_PER_PT: i64 = 213;
/// Codes up to this width leave room for two lines beside them in a cell of 66 mm.
const MAX_BESIDE_UM: i64 = 25_500;
/// Characters of a line beside a code that are readable at the usual size.
const LONG_LINE: usize = 34;
/// Characters that fit on a roll of 48 and 72 mm at 11 pt.
const SMALL_CODE_PT: i64 = 11;

/// A voucher to be printed.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) id: VoucherId,
    pub(super) batch: BatchId,
    pub(super) number: i32,
    pub(super) code: String,
    pub(super) password: Option<String>,
    pub(super) price: Money,
    pub(super) online_secs: Option<i64>,
    pub(super) active_secs: Option<i64>,
    pub(super) limit_bytes: Option<i64>,
    pub(super) activate_before: Option<DateTime<Utc>>,
}

/// What the vouchers of a batch have in common.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) wifi: String,
    pub(super) package: String,
    pub(super) seller: String,
    pub(super) zone: Tz,
    /// Where guests log in; empty when the router has not told.
    pub(super) login_host: String,
    pub(super) separate: bool,
    /// Characters of its codes.
    pub(super) code_chars: usize,
    /// Some of its vouchers have a sell-by date or a quota.
    pub(super) has_more: bool,
}

/// One voucher on paper.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Cell {
    pub(crate) code: String,
    /// Only where it is not the code itself.
    pub(crate) password: Option<String>,
    pub(crate) number: String,
    pub(crate) title: String,
    pub(crate) header: Vec<String>,
    pub(crate) terms: String,
    /// Sell-by date, quota, seller, package.
    pub(crate) extra: String,
    pub(crate) footer: Vec<String>,
    /// An SVG, or empty.
    pub(crate) qr: String,
    /// How the parts lie: classes of `print.css`.
    pub(crate) class: String,
}

/// How the cells of one print are written.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    pub(super) texts: Texts,
    pub(super) locale: Locale,
    pub(super) format: Format,
    pub(super) document: Document,
}

impl Writer {
    fn say(&self) -> impl Fn(&str, &[(&str, Arg)]) -> String + '_ {
        |key, args| self.texts.text(self.locale, key, args.iter().cloned())
    }

    /// A voucher on paper.
    pub(super) fn cell(&self, row: &Row, context: &Context) -> Cell {
        let say: Say<'_> = &self.say();
        let fields = self.document.fields;
        let sell_by = row.activate_before.map(|at| written::date(at, context.zone, self.locale));
        let quota = row.limit_bytes.filter(|bytes| *bytes > 0).map(|bytes| written::bytes(bytes, self.locale));
        let shown = |wanted: bool, text: String| if wanted { text } else { String::new() };
        let extra = [
            shown(fields.package, context.package.clone()),
            quota
                .as_ref()
                .filter(|_| fields.quota)
                .map_or_else(String::new, |quota| say("print-quota", &[("quota", Arg::from(quota.as_str()))])),
            sell_by
                .as_ref()
                .filter(|_| fields.sell_by)
                .map_or_else(String::new, |date| say("print-sell-by", &[("date", Arg::from(date.as_str()))])),
            shown(fields.seller, context.seller.clone()),
        ];
        let terms = rules::terms(
            say,
            row.online_secs.filter(|_| fields.terms),
            row.active_secs.filter(|_| fields.terms),
            fields.price.then_some(row.price),
        );
        let values = self.values(say, row, context, (quota.unwrap_or_default(), sell_by.unwrap_or_default()));
        let fill = |lines: &[String]| lines.iter().map(|line| rules::fill(line, &values)).collect::<Vec<_>>();
        let mut cell = Cell {
            code: row.code.clone(),
            password: row.password.clone(),
            number: shown(fields.number, rules::number(row.number)),
            title: shown(fields.wifi, context.wifi.clone()),
            header: fill(&self.document.header),
            terms,
            extra: extra.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" · "),
            footer: fill(&self.document.footer),
            qr: self.qr(row, context),
            class: String::new(),
        };
        if self.format.family() == Family::Sheet {
            // Small cells have one line of the operator's: above it stands instead of the WiFi name, below it after the rest.
            if let Some(line) = cell.header.first() {
                cell.title.clone_from(line);
            }
            let below = cell.footer.first().cloned().unwrap_or_default();
            let parts = [std::mem::take(&mut cell.extra), below];
            cell.extra = parts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" · ");
        }
        cell.class = self.class(&cell);
        cell
    }

    fn values(&self, say: Say<'_>, row: &Row, context: &Context, (quota, sell_by): (String, String)) -> Values {
        let span = |seconds: Option<i64>| seconds.map(|seconds| rules::span_text(say, seconds)).unwrap_or_default();
        [
            row.code.clone(),
            row.password.clone().unwrap_or_else(|| row.code.clone()),
            span(row.online_secs),
            span(row.active_secs),
            row.price.to_string(),
            context.wifi.clone(),
            rules::number(row.number),
            context.package.clone(),
            context.seller.clone(),
            quota,
            sell_by,
        ]
    }

    fn qr(&self, row: &Row, context: &Context) -> String {
        if !self.format.has_qr() || !self.document.fields.qr || context.login_host.is_empty() {
            return String::new();
        }
        let url = rules::login_url(&context.login_host, &row.code, row.password.as_deref());
        // Codes and names are short; a text too long for a QR code leaves the cell without one.
        qr::svg(&url).unwrap_or_default()
    }

    fn class(&self, cell: &Cell) -> String {
        let chars = |text: &str| text.chars().count();
        let width =
            |count: usize, pt: i64| i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(CHAR_UM_PER_PT * pt);
        let mut classes = Vec::with_capacity(4);
        match self.format.family() {
            Family::Sheet => {
                let fits = width(chars(&cell.code), self.document.code_pt) <= MAX_BESIDE_UM;
                classes.push(if fits { "p-beside" } else { "p-above" });
                let room = if fits { LONG_LINE } else { LONG_LINE * 2 };
                if chars(&cell.terms) > room || chars(&cell.title) + chars(&cell.number) > room {
                    classes.push("p-tight");
                }
                if !cell.extra.is_empty() {
                    classes.push("p-more");
                }
            }
            Family::Qr | Family::Thermal => {
                if cell.qr.is_empty() {
                    classes.push("p-no-qr");
                }
                let room = self.code_room(!cell.qr.is_empty());
                if width(chars(&cell.code), self.document.code_pt) > room {
                    classes.push("p-small-code");
                }
                if width(chars(&cell.code), SMALL_CODE_PT) > room {
                    classes.push("p-two-lines");
                }
            }
        }
        classes.join(" ")
    }

    /// How wide a code may be, thousandths of a millimetre.
    fn code_room(&self, with_qr: bool) -> i64 {
        match (self.format, with_qr) {
            (Format::A436Qr, true) => 42_000,
            (Format::A430Qr, true) => 37_000,
            (Format::A4120 | Format::A436Qr | Format::A430Qr, _) => 63_000,
            (Format::Thermal58, _) => 47_000,
            (Format::Thermal80, _) => 71_000,
        }
    }
}

/// How high a voucher on a roll is, hundredths of a millimetre: the highest that these vouchers need.
pub(super) fn roll_height(format: Format, document: &Document, contexts: &[Context], has_logo: bool) -> i32 {
    let narrow = format == Format::Thermal58;
    let fields = document.fields;
    let any = |test: &dyn Fn(&Context) -> bool| contexts.iter().any(test);
    let when = |wanted: bool, height: i32| if wanted { height } else { 0 };
    let lines = |count: usize| i32::try_from(count).unwrap_or(0).saturating_mul(if narrow { 700 } else { 400 });
    // Names and codes that need two lines.
    let long_name = if narrow { 18 } else { 30 };
    let room = if narrow { 47_000 } else { 71_000 };
    let width =
        |context: &Context| i64::try_from(context.code_chars).unwrap_or(i64::MAX).saturating_mul(CHAR_UM_PER_PT);
    let with_qr = fields.qr && any(&|context| !context.login_host.is_empty());
    // Above and below, the code, the terms.
    let mut height = 600 + 900 + if narrow { 750 } else { 450 };
    height += when(has_logo, 1_400);
    height += when(fields.wifi || fields.number, 500);
    height += when(fields.wifi && any(&|context| context.wifi.chars().count() > long_name), 450);
    height += when(any(&|context| width(context).saturating_mul(SMALL_CODE_PT) > room), 400);
    height += when(any(&|context| context.separate), 700);
    height += when(with_qr, if narrow { 2_900 } else { 3_300 });
    let more = fields.package || any(&|context| context.has_more || !context.seller.is_empty());
    height += when(more, if narrow { 700 } else { 400 });
    height + lines(document.header.len()) + lines(document.footer.len())
}

/// The style sheet of a print of `count` vouchers.
pub(super) fn style(format: Format, document: &Document, roll_height: i32, count: usize) -> Style {
    let hex = |colour: &str| colour.trim_start_matches('#').to_owned();
    let tenths = |value: i64| i32::try_from(value.saturating_mul(10)).unwrap_or(i32::MAX);
    let cell_height = match format.family() {
        Family::Thermal => Some(roll_height),
        // Formats of a family share the wanted row; the geometry keeps it within the page.
        Family::Sheet | Family::Qr => document.row_tenth_mm.map(tenths),
    };
    let margin = if format.family() == Family::Thermal { 0 } else { tenths(document.margin_tenth_mm) };
    Style {
        format,
        margin,
        cell_height,
        count,
        code_pt: document.code_pt,
        ink: hex(&document.ink),
        accent: hex(&document.accent),
    }
}
