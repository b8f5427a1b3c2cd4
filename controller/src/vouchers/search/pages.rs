//! What the pages of the search and of what ends next show.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{query::Typed, rules::Meaning};
use crate::{
    http::{
        form::{Choice, FieldError, FormErrors},
        page::Page,
    },
    ids::VoucherId,
    vouchers::{Status, search::VoucherLine},
};

const DAY: i64 = 86_400;

/// A voucher as lists show it: no more than they show.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Line {
    pub(crate) id: VoucherId,
    pub(crate) code: String,
    /// Missing: the code itself, or not for this caller.
    pub(crate) password: Option<String>,
    pub(crate) status: Status,
    pub(crate) failure: String,
    pub(crate) package: String,
    pub(crate) router: String,
    pub(crate) timezone: String,
    pub(crate) seller: Option<String>,
    pub(crate) mac: String,
    pub(crate) valid_until: Option<DateTime<Utc>>,
    pub(crate) ended_at: Option<DateTime<Utc>>,
    pub(crate) is_online: bool,
    /// Sold over the counter, and nobody used it yet.
    pub(crate) is_sold: bool,
    /// Until its end by the clock, while it is active.
    pub(crate) left: Option<Left>,
}

/// What is left until an instant: whole days and a clock, as the browser goes on counting it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Left {
    pub(crate) secs: i64,
    pub(crate) days: i64,
    /// `03:12:45`.
    pub(crate) clock: String,
}

impl Left {
    pub(crate) fn until(end: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let secs = (end - now).num_seconds().max(0);
        let rest = secs % DAY;
        let clock = format!("{:02}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60);
        Self { secs, days: secs / DAY, clock }
    }
}

impl Line {
    pub(crate) fn of(voucher: VoucherLine, is_online: bool, now: DateTime<Utc>) -> Self {
        let left = voucher.valid_until.filter(|_| voucher.status == Status::Active).map(|at| Left::until(at, now));
        let is_unused = matches!(voucher.status, Status::Draft | Status::Ready);
        Self {
            is_sold: is_unused && voucher.sold_at.is_some(),
            id: voucher.id,
            code: voucher.code,
            password: voucher.password,
            status: voucher.status,
            failure: voucher.failure,
            package: voucher.package,
            router: voucher.router,
            timezone: voucher.timezone,
            seller: voucher.seller.filter(|name| !name.is_empty()),
            mac: voucher.mac,
            valid_until: voucher.valid_until,
            ended_at: voucher.ended_at,
            is_online,
            left,
        }
    }
}

/// The search over all vouchers.
#[derive(Debug, Serialize)]
pub(crate) struct SearchPage {
    pub(crate) typed: Typed,
    pub(crate) errors: FormErrors,
    pub(crate) has_filters: bool,
    pub(crate) lines: Vec<Line>,
    pub(crate) meaning: Meaning,
    pub(crate) total: Option<u64>,
    pub(crate) counted: u64,
    pub(crate) is_partly: bool,
    pub(crate) window: i64,
    pub(crate) statuses: Vec<&'static str>,
    pub(crate) sorts: Vec<&'static str>,
    pub(crate) sites: Vec<Choice>,
    pub(crate) routers: Vec<Choice>,
    pub(crate) packages: Vec<Choice>,
    pub(crate) sellers: Vec<Choice>,
    /// The search as part of a link.
    pub(crate) query: String,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) now: DateTime<Utc>,
}

/// What ends next, what ended, who is online.
#[derive(Debug, Serialize)]
pub(crate) struct MonitorPage {
    pub(crate) lines: Vec<Line>,
    pub(crate) show: &'static str,
    pub(crate) shows: Vec<&'static str>,
    pub(crate) router_id: String,
    pub(crate) site_id: String,
    pub(crate) q: String,
    pub(crate) routers: Vec<Choice>,
    pub(crate) sites: Vec<Choice>,
    pub(crate) errors: FormErrors,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) now: DateTime<Utc>,
}

fn sample_lines() -> Vec<Line> {
    let line = |(number, status): (i64, Status)| {
        let used = !matches!(status, Status::Draft | Status::Ready);
        let at = used.then_some(DateTime::UNIX_EPOCH);
        Line {
            id: VoucherId(number),
            code: "KBX7M2QP".to_owned(),
            password: used.then(|| "123456".to_owned()),
            status,
            failure: if status == Status::Draft { "name_taken".to_owned() } else { String::new() },
            package: "12 Jam".to_owned(),
            router: "Kebon 1".to_owned(),
            timezone: "Asia/Jakarta".to_owned(),
            seller: used.then(|| "Warung Ani".to_owned()),
            mac: if used { "AA:BB:CC:00:11:22".to_owned() } else { String::new() },
            valid_until: at,
            ended_at: at.filter(|_| status.is_over()),
            is_online: status == Status::Active,
            is_sold: status == Status::Ready,
            left: (status == Status::Active).then(|| Left { secs: 90_061, days: 1, clock: "01:01:01".to_owned() }),
        }
    };
    let mut lines: Vec<Line> = (1..).zip(Status::ALL).map(line).collect();
    let mut last_day = line((9, Status::Active));
    last_day.left = Some(Left { secs: 61, days: 0, clock: "00:01:01".to_owned() });
    let endless = Line { left: None, valid_until: None, ..line((10, Status::Active)) };
    lines.extend([last_day, endless]);
    lines
}

impl Page for SearchPage {
    const TEMPLATE: &'static str = "vouchers/search.html";

    fn samples() -> Vec<Self> {
        let page = |lines: Vec<Line>, q: &str, meaning, total, is_partly| Self {
            typed: Typed { q: q.to_owned(), status: vec!["active".to_owned()], ..Typed::default() },
            errors: FormErrors::default(),
            has_filters: q.is_empty(),
            meaning,
            total,
            counted: super::COUNTED,
            is_partly,
            window: super::PART_WINDOW,
            statuses: statuses(),
            sorts: sorts(),
            sites: vec![Choice::new(1, "Kebon"), Choice::new(2, "Waena")],
            routers: vec![Choice::new(1, "Kebon 1"), Choice::new(2, "Waena 1")],
            packages: vec![Choice::new(1, "12 Jam")],
            sellers: vec![Choice::new(1, "Warung Ani")],
            query: "?q=kb".to_owned(),
            next: (!lines.is_empty()).then(|| "x".to_owned()),
            is_later: !lines.is_empty(),
            lines,
            now: DateTime::UNIX_EPOCH,
        };
        let mut refused = page(Vec::new(), "", Meaning::Nothing, None, false);
        refused.errors = FormErrors::of("status", FieldError::new("not_offered"));
        refused.errors.add("cursor", FieldError::new("bad_cursor"));
        refused.errors.add("sold", FieldError::new("not_offered"));
        refused.errors.add("mac", FieldError::new("bad_mac"));
        refused.errors.add("sort", FieldError::new("sort_not_carried"));
        vec![
            refused,
            page(Vec::new(), "", Meaning::Nothing, Some(0), false),
            page(Vec::new(), "kb", Meaning::CodeHas("kb".to_owned()), None, true),
            page(sample_lines(), "kb", Meaning::CodeHas("kb".to_owned()), Some(8), false),
            page(sample_lines(), "kb", Meaning::CodeBegins("kb".to_owned()), Some(1_001), false),
            page(sample_lines(), "vb-1", Meaning::Batch("VB-1".to_owned()), None, false),
            page(sample_lines(), "aa:bb", Meaning::Mac("AA:BB".to_owned()), None, true),
        ]
    }
}

impl Page for MonitorPage {
    const TEMPLATE: &'static str = "vouchers/monitor.html";

    fn samples() -> Vec<Self> {
        let page = |lines: Vec<Line>, show, errors| Self {
            next: (!lines.is_empty()).then(|| "x".to_owned()),
            is_later: !lines.is_empty(),
            lines,
            show,
            shows: super::monitor::Show::ALL.map(super::monitor::Show::as_str).to_vec(),
            router_id: "1".to_owned(),
            site_id: String::new(),
            q: String::new(),
            routers: vec![Choice::new(1, "Kebon 1"), Choice::new(2, "Waena 1")],
            sites: vec![Choice::new(1, "Kebon"), Choice::new(2, "Waena")],
            errors,
            now: DateTime::UNIX_EPOCH,
        };
        let mut pages = Vec::new();
        for show in super::monitor::Show::ALL {
            pages.push(page(Vec::new(), show.as_str(), FormErrors::default()));
            pages.push(page(sample_lines(), show.as_str(), FormErrors::default()));
        }
        pages.push(page(Vec::new(), "soon", super::query::bad_cursor()));
        pages
    }
}

/// Statuses as a filter offers them.
pub(crate) fn statuses() -> Vec<&'static str> {
    Status::ALL.map(Status::as_str).to_vec()
}

/// Orders as a filter offers them.
pub(crate) fn sorts() -> Vec<&'static str> {
    super::rules::Sort::ALL.map(super::rules::Sort::as_str).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_days_and_a_clock() {
        let at = |secs| DateTime::from_timestamp(secs, 0).unwrap();
        let left = Left::until(at(2 * DAY + 3 * 3_600 + 4 * 60 + 5), at(0));
        assert_eq!((left.days, left.clock.as_str()), (2, "03:04:05"));
        assert_eq!(Left::until(at(0), at(10)), Left { secs: 0, days: 0, clock: "00:00:00".to_owned() });
    }
}
