//! Pure decisions of the search: what somebody typed may mean, what days are at a place, and where a page begins.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::super::life::Status;
use crate::{
    db::paging::BadCursor,
    ids::{BatchId, PackageId, RouterId, SiteId},
};

/// Hex digits of a MAC address.
const MAC_DIGITS: usize = 12;
/// Hex digits with which the beginning of one is worth a search.
const MIN_MAC_DIGITS: usize = 4;
/// What the numbers of batches begin with.
const BATCH_MARK: &str = "VB-";

/// The order of what is found. Each is one that an index has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// Made last, first.
    Newest,
    /// As made: how a batch is printed.
    Oldest,
    /// By code, small and capital letters alike.
    Code,
    /// Made last, by time.
    Made,
    /// Used first of late, latest first. Only vouchers that were used.
    FirstLogin,
    /// What ends next, first. Only vouchers that have an end.
    ValidUntil,
    /// What ended last, first. Only what ended.
    Ended,
    /// Sold over the counter last, first. Only what was sold there.
    Sold,
}

impl Sort {
    /// Those that are offered, the usual one first.
    pub const ALL: [Self; 6] = [Self::Newest, Self::ValidUntil, Self::FirstLogin, Self::Ended, Self::Sold, Self::Code];

    /// As in a query.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Oldest => "oldest",
            Self::Code => "code",
            Self::Made => "made",
            Self::FirstLogin => "first_login_at",
            Self::ValidUntil => "valid_until",
            Self::Ended => "ended_at",
            Self::Sold => "sold_at",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// Whether the largest comes first.
    #[must_use]
    pub fn is_descending(self) -> bool {
        match self {
            Self::Newest | Self::Made | Self::FirstLogin | Self::Ended | Self::Sold => true,
            Self::Oldest | Self::Code | Self::ValidUntil => false,
        }
    }
}

/// A stretch of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Span {
    #[default]
    Any,
    /// From the first instant, before the second.
    Between(Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    /// Whole days, both included, as each site's calendar has them.
    Days(Option<NaiveDate>, Option<NaiveDate>),
}

impl Span {
    /// Is it no limit at all?
    #[must_use]
    pub fn is_any(&self) -> bool {
        matches!(self, Self::Any)
    }

    /// Its instants at a place.
    #[must_use]
    pub fn at(&self, zone: Tz) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        match *self {
            Self::Any => (None, None),
            Self::Between(from, to) => (from, to),
            Self::Days(from, to) => {
                let next = |day: NaiveDate| day.checked_add_days(Days::new(1));
                (from.and_then(|day| midnight(day, zone)), to.and_then(next).and_then(|day| midnight(day, zone)))
            }
        }
    }
}

/// The first instant of a day at a place. Where clocks skip midnight the day begins later.
#[must_use]
pub fn midnight(day: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
    let begins = |hour: u32| zone.from_local_datetime(&day.and_time(NaiveTime::from_hms_opt(hour, 0, 0)?)).earliest();
    (0..4).find_map(begins).map(|at| at.with_timezone(&Utc))
}

/// Which vouchers are wanted. All conditions hold together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// The box: a code, its beginning or a part of it, a batch's number, a MAC address.
    pub q: String,
    pub batch: Option<BatchId>,
    pub site: Option<SiteId>,
    pub router: Option<RouterId>,
    pub package: Option<PackageId>,
    pub seller: Option<i64>,
    /// Any of them; empty = every.
    pub statuses: Vec<Status>,
    /// A MAC address or its beginning, as [`mac`] writes it.
    pub mac: String,
    pub made: Span,
    pub first_login: Span,
    pub until: Span,
    pub ended: Span,
    /// Only those that were sold over the counter; or only those that nobody bought there and nobody used.
    pub sold: Option<bool>,
    /// Only those with an open session.
    pub online: bool,
    /// Only active ones whose end no clock brings.
    pub endless: bool,
    /// Unless said, what suits the rest.
    pub sort: Option<Sort>,
}

impl Search {
    /// Does nothing narrow it?
    #[must_use]
    pub fn is_all(&self) -> bool {
        Self { sort: None, ..self.clone() } == Self::default()
    }

    /// The statuses that are looked for; none = every. What nobody bought or used is on its way or ready, unless another
    /// status is asked for.
    #[must_use]
    pub fn looked_for(&self) -> Vec<Status> {
        if self.sold == Some(false) && self.statuses.is_empty() {
            return vec![Status::Draft, Status::Ready];
        }
        self.statuses.clone()
    }

    /// The order: the one asked for, else by the time that is asked for.
    #[must_use]
    pub fn order(&self) -> Sort {
        self.sort.unwrap_or(if self.batch.is_some() {
            Sort::Oldest
        } else if !self.ended.is_any() {
            Sort::Ended
        } else if !self.until.is_any() {
            Sort::ValidUntil
        } else if !self.first_login.is_any() {
            Sort::FirstLogin
        } else if !self.made.is_any() {
            Sort::Made
        } else if self.sold == Some(true) {
            Sort::Sold
        } else {
            Sort::Newest
        })
    }
}

/// What a typed text may mean, the closest first. The first that finds something is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "text")]
pub enum Meaning {
    /// Nothing was typed.
    Nothing,
    /// The number of a batch, or its beginning.
    Batch(String),
    Code(String),
    Mac(String),
    CodeBegins(String),
    /// A part of a code: looked for in some vouchers at a time.
    CodeHas(String),
}

/// The meanings of a text. Phones write small letters, and a capital first one; people put spaces into codes.
#[must_use]
pub fn meanings(q: &str) -> Vec<Meaning> {
    let typed: String = q.chars().filter(|char| !char.is_whitespace()).collect();
    if typed.is_empty() {
        return vec![Meaning::Nothing];
    }
    let upper = typed.to_uppercase();
    if upper.starts_with(BATCH_MARK) && upper.is_ascii() {
        return vec![Meaning::Batch(upper)];
    }
    let address = mac(&typed);
    let mut found = Vec::new();
    // Codes have no other characters; what has is no code.
    let code = typed.bytes().all(|byte| byte.is_ascii_graphic()).then(|| typed.to_ascii_lowercase());
    found.extend(code.clone().map(Meaning::Code));
    found.extend(address.map(Meaning::Mac));
    found.extend(code.clone().map(Meaning::CodeBegins));
    found.extend(code.map(Meaning::CodeHas));
    found
}

/// A MAC address, or its beginning, in any spelling, as routers write it: `AA:BB:CC:00:11:22`.
#[must_use]
pub fn mac(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|char| !matches!(char, ':' | '-' | '.' | ' ')).collect();
    let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !hex || !(MIN_MAC_DIGITS..=MAC_DIGITS).contains(&digits.len()) {
        return None;
    }
    let upper = digits.to_ascii_uppercase();
    let pairs: Vec<&str> =
        (0..upper.len()).step_by(2).filter_map(|at| upper.get(at..(at + 2).min(upper.len()))).collect();
    Some(pairs.join(":"))
}

/// The place of a row in an order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// By id alone.
    Id(i64),
    /// By code.
    Code(String, i64),
    /// By a time in nanoseconds.
    Time(i64, i64),
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// After a row.
    Row(Key),
    /// Below an id, in the search for a part of a code.
    Part(i64),
}

impl After {
    /// As a cursor carries it. Ids stand bare, as in every other list.
    #[must_use]
    pub fn text(&self, sort: Sort) -> String {
        let mark = match sort {
            Sort::Made => 'm',
            Sort::FirstLogin => 'f',
            Sort::ValidUntil => 'u',
            Sort::Ended => 'e',
            Sort::Sold => 's',
            Sort::Newest | Sort::Oldest | Sort::Code => 't',
        };
        match self {
            Self::Part(id) => format!("p:{id}"),
            Self::Row(Key::Id(id)) => id.to_string(),
            Self::Row(Key::Code(code, id)) => format!("c:{id}:{code}"),
            Self::Row(Key::Time(at, id)) => format!("{mark}:{id}:{at}"),
        }
    }

    /// The place a cursor names, and the order it belongs to where it says so.
    ///
    /// # Errors
    /// [`BadCursor`].
    pub fn parse(text: &str) -> Result<(Option<Sort>, Self), BadCursor> {
        let number = |text: &str| text.parse::<i64>().map_err(|_bad| BadCursor);
        let Some((mark, rest)) = text.split_once(':') else {
            return Ok((None, Self::Row(Key::Id(number(text)?))));
        };
        if mark == "p" {
            return Ok((None, Self::Part(number(rest)?)));
        }
        let (id, value) = rest.split_once(':').ok_or(BadCursor)?;
        let sort = match mark {
            "c" => return Ok((Some(Sort::Code), Self::Row(Key::Code(value.to_owned(), number(id)?)))),
            "m" => Sort::Made,
            "f" => Sort::FirstLogin,
            "u" => Sort::ValidUntil,
            "e" => Sort::Ended,
            "s" => Sort::Sold,
            _ => return Err(BadCursor),
        };
        let at = number(value)?;
        Ok((Some(sort), Self::Row(Key::Time(at, number(id)?))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_mac_address_is_read_in_any_spelling() {
        for text in ["aa:bb:cc:00:11:22", "AA-BB-CC-00-11-22", "aabb.cc00.1122", "aabbcc001122", "AA BB CC 00 11 22"] {
            assert_eq!(mac(text).as_deref(), Some("AA:BB:CC:00:11:22"), "{text}");
        }
        assert_eq!(mac("aa:bb:c").as_deref(), Some("AA:BB:C"));
        for text in ["aab", "KBX7M2QP", "aa:bb:cc:00:11:22:33", "", "é"] {
            assert_eq!(mac(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_typed_has_its_closest_meaning_first() {
        assert_eq!(meanings("  "), [Meaning::Nothing]);
        assert_eq!(meanings("vb-20261122-0001"), [Meaning::Batch("VB-20261122-0001".into())]);
        let code =
            |text: &str| [Meaning::Code(text.into()), Meaning::CodeBegins(text.into()), Meaning::CodeHas(text.into())];
        assert_eq!(meanings("Kb x7m 2qp"), code("kbx7m2qp"));
        assert_eq!(meanings("aa:bb:cc:00:11:22")[1], Meaning::Mac("AA:BB:CC:00:11:22".into()));
        assert!(meanings("kopi ☕").is_empty());
    }

    #[test]
    fn a_day_is_that_of_the_place() {
        let (from, to) = Span::Days(Some(day("2026-11-22")), Some(day("2026-11-22"))).at(Tz::Asia__Jayapura);
        assert_eq!(from.unwrap().to_rfc3339(), "2026-11-21T15:00:00+00:00");
        assert_eq!(to.unwrap().to_rfc3339(), "2026-11-22T15:00:00+00:00");
        // In Beirut midnight of that day was skipped.
        let skipped = midnight(day("2022-03-27"), Tz::Asia__Beirut).unwrap();
        assert_eq!(skipped.to_rfc3339(), "2022-03-26T22:00:00+00:00");
    }

    #[test]
    fn cursors_read_back_and_foreign_ones_are_refused() {
        for (sort, key) in [
            (Sort::Newest, Key::Id(7)),
            (Sort::Code, Key::Code("kb:x".into(), 7)),
            (Sort::ValidUntil, Key::Time(1_795_351_327_000_000_001, 7)),
            (Sort::Ended, Key::Time(-5, 7)),
            (Sort::Sold, Key::Time(5, 7)),
        ] {
            let after = After::Row(key);
            let (of, read) = After::parse(&after.text(sort)).unwrap();
            assert_eq!(read, after);
            assert!(of.is_none_or(|of| of == sort));
        }
        assert_eq!(After::parse("p:9").unwrap().1, After::Part(9));
        for bad in ["", "x", "c:1", "z:1:2", "u:1:x", "u::1", "p:"] {
            assert_eq!(After::parse(bad), Err(BadCursor), "{bad}");
        }
    }

    #[test]
    fn the_order_suits_what_is_asked_for() {
        let days = Span::Days(Some(day("2026-11-22")), None);
        assert_eq!(Search::default().order(), Sort::Newest);
        assert_eq!(Search { ended: days, ..Search::default() }.order(), Sort::Ended);
        assert_eq!(Search { made: days, ..Search::default() }.order(), Sort::Made);
        assert_eq!(Search { batch: Some(BatchId(1)), ..Search::default() }.order(), Sort::Oldest);
        assert_eq!(Search { sold: Some(true), ..Search::default() }.order(), Sort::Sold);
        assert_eq!(Search { sold: Some(false), ..Search::default() }.order(), Sort::Newest);
        assert!(Search::default().is_all() && !Search { made: days, ..Search::default() }.is_all());
    }
}
