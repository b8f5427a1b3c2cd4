//! The calendar of a subscription, and the money of a part of a period. Pure.
//!
//! Days are local days of the site; periods are half-open. A boundary is always counted from the anchor, never from the
//! boundary before it: 31 January, 28 February, 31 March.

use chrono::{Datelike as _, Days, Months, NaiveDate};
use serde::Serialize;

use crate::{
    money::{Money, MoneyError},
    packages::Cycle,
};

/// The last day that every month has.
const LAST_BILL_DAY: u32 = 28;

/// How periods follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// On this day of every month.
    BillDay(u32),
    /// So many months, from the anchor.
    Months(u16),
    /// So many days, from the anchor.
    Days(u16),
}

/// Days of service: `from` is the first, `until` the first that is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Period {
    pub from: NaiveDate,
    pub until: NaiveDate,
}

/// The periods of one subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    step: Step,
    anchor: NaiveDate,
}

impl Step {
    /// The step of a cycle; one on a day of the month that has none is on the first.
    #[must_use]
    pub fn of(cycle: Cycle, bill_day: Option<i32>) -> Self {
        match cycle {
            Cycle::Monthly => {
                let day = bill_day.and_then(|day| u32::try_from(day).ok()).unwrap_or(1);
                Self::BillDay(day.clamp(1, LAST_BILL_DAY))
            }
            Cycle::Anniversary => Self::Months(1),
            Cycle::Months(months) => Self::Months(months),
            Cycle::Weeks(weeks) => Self::Days(weeks.saturating_mul(7)),
            Cycle::Days(days) => Self::Days(days),
        }
    }

    /// The step of a cycle's stored name.
    #[must_use]
    pub fn named(cycle: &str, bill_day: Option<i32>) -> Option<Self> {
        Cycle::parse(cycle).map(|cycle| Self::of(cycle, bill_day))
    }

    /// Whether periods begin on a day that no payment moves.
    #[must_use]
    pub fn is_fixed(self) -> bool {
        matches!(self, Self::BillDay(_))
    }

    /// The day periods are counted from, for service that begins on `start`.
    #[must_use]
    pub fn anchor(self, start: NaiveDate) -> NaiveDate {
        match self {
            Self::Months(_) | Self::Days(_) => start,
            Self::BillDay(day) => {
                let this_month = start.with_day(day.clamp(1, LAST_BILL_DAY)).unwrap_or(start);
                if this_month <= start { this_month } else { months_from(this_month, -1) }
            }
        }
    }
}

impl Period {
    /// Its days.
    #[must_use]
    pub fn days(self) -> i64 {
        (self.until - self.from).num_days()
    }

    /// The last day of it.
    #[must_use]
    pub fn last(self) -> NaiveDate {
        self.until.pred_opt().unwrap_or(self.until)
    }

    /// What both have in common; nothing when they do not meet.
    #[must_use]
    pub fn within(self, other: Self) -> Option<Self> {
        let both = Self { from: self.from.max(other.from), until: self.until.min(other.until) };
        (both.from < both.until).then_some(both)
    }
}

impl Calendar {
    /// Periods that follow `step`, counted from `anchor`.
    #[must_use]
    pub fn new(step: Step, anchor: NaiveDate) -> Self {
        Self { step, anchor }
    }

    /// Periods of service that begins on `start`.
    #[must_use]
    pub fn from_start(step: Step, start: NaiveDate) -> Self {
        Self { step, anchor: step.anchor(start) }
    }

    /// How its periods follow each other.
    #[must_use]
    pub fn step(self) -> Step {
        self.step
    }

    /// The day its periods are counted from.
    #[must_use]
    pub fn anchor(self) -> NaiveDate {
        self.anchor
    }

    /// The day on which period `nth` begins; the anchor is that of period 0.
    #[must_use]
    pub fn boundary(self, nth: i64) -> NaiveDate {
        match self.step {
            Step::BillDay(_) => months_from(self.anchor, nth),
            Step::Months(months) => months_from(self.anchor, nth.saturating_mul(i64::from(months))),
            Step::Days(days) => days_from(self.anchor, nth.saturating_mul(i64::from(days))),
        }
    }

    /// The whole period that a day lies in.
    #[must_use]
    pub fn around(self, day: NaiveDate) -> Period {
        let nth = self.index(day);
        Period { from: self.boundary(nth), until: self.boundary(nth + 1) }
    }

    /// Which period begins on a day; nothing when none does.
    #[must_use]
    pub fn nth(self, day: NaiveDate) -> Option<i64> {
        Some(self.index(day)).filter(|nth| self.boundary(*nth) == day)
    }

    fn index(self, day: NaiveDate) -> i64 {
        let mut nth = self.guess(day);
        while self.boundary(nth) > day {
            nth -= 1;
        }
        while self.boundary(nth + 1) <= day && self.boundary(nth + 1) > self.boundary(nth) {
            nth += 1;
        }
        nth
    }

    /// Service from a day to the end of the period it lies in.
    #[must_use]
    pub fn rest(self, from: NaiveDate) -> Period {
        Period { from, until: self.around(from).until }
    }

    fn guess(self, day: NaiveDate) -> i64 {
        let months =
            i64::from(day.year() - self.anchor.year()) * 12 + i64::from(day.month()) - i64::from(self.anchor.month());
        match self.step {
            Step::BillDay(_) => months,
            Step::Months(each) => months.div_euclid(i64::from(each.max(1))),
            Step::Days(each) => (day - self.anchor).num_days().div_euclid(i64::from(each.max(1))),
        }
    }
}

/// A day so many months away, in the same day of the month or the month's last.
fn months_from(day: NaiveDate, months: i64) -> NaiveDate {
    let count = Months::new(u32::try_from(months.unsigned_abs()).unwrap_or(u32::MAX));
    if months < 0 {
        day.checked_sub_months(count).unwrap_or(NaiveDate::MIN)
    } else {
        day.checked_add_months(count).unwrap_or(NaiveDate::MAX)
    }
}

fn days_from(day: NaiveDate, days: i64) -> NaiveDate {
    let count = Days::new(days.unsigned_abs());
    if days < 0 {
        day.checked_sub_days(count).unwrap_or(NaiveDate::MIN)
    } else {
        day.checked_add_days(count).unwrap_or(NaiveDate::MAX)
    }
}

/// How a period was paid.
#[derive(Debug, Clone, Copy)]
pub struct Payment {
    /// The first day that was not paid.
    pub covered_until: NaiveDate,
    pub paid_on: NaiveDate,
    pub away: Away,
    /// The operator's choice: what is paid late begins on the day of payment.
    pub late_shifts: bool,
}

/// Whether there was service when a payment came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Away {
    /// It was there.
    No,
    /// It had been taken away.
    Isolated,
    /// It had never begun.
    NotBegun,
}

/// The first day of the period that a prepaid payment buys. Who pays early, or before service is taken away, goes on
/// where he was; who pays later begins anew, unless his day is fixed. What never began begins with its payment, on
/// whatever day: nobody pays for days on which he was not let in.
#[must_use]
pub fn paid_from(step: Step, payment: Payment) -> NaiveDate {
    let moves = match payment.away {
        Away::No => false,
        Away::Isolated => payment.late_shifts && !step.is_fixed(),
        Away::NotBegun => true,
    };
    if moves { payment.covered_until.max(payment.paid_on) } else { payment.covered_until }
}

/// Periods that begin on another day than they were invoiced for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    was: Calendar,
    is: Calendar,
    /// The first day of the first of them, as it was.
    start: NaiveDate,
    /// Days.
    by: i64,
}

impl Moved {
    /// Service of a calendar that was to go on from `start` and does so from a later day: as many whole periods are as
    /// many whole periods, other stretches as many days. Where periods begin on a fixed day they go on doing so.
    #[must_use]
    pub fn new(was: Calendar, start: NaiveDate, from: NaiveDate) -> Self {
        let by = (from - start).num_days();
        let anchor = match (was.step.is_fixed(), was.nth(start)) {
            (true, _) => was.anchor,
            (false, Some(_)) => from,
            (false, None) => days_from(was.anchor, by),
        };
        Self { was, is: Calendar::new(was.step, anchor), start, by }
    }

    /// Periods as they follow each other now.
    #[must_use]
    pub fn calendar(self) -> Calendar {
        self.is
    }

    /// Where a day is now; what lay before the first that moved stays.
    #[must_use]
    pub fn day(self, day: NaiveDate) -> NaiveDate {
        if day < self.start {
            return day;
        }
        let first = self.was.nth(self.start).filter(|_| !self.was.step.is_fixed());
        let Some(first) = first else { return days_from(day, self.by) };
        let nth = self.was.index(day);
        let into = (day - self.was.boundary(nth)).num_days();
        days_from(self.is.boundary(nth - first), into).min(self.is.boundary(nth - first + 1))
    }
}

/// What `days` of a period of `of` days cost, rounded half up to a multiple of `rounding` minor units.
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn prorated(price: Money, days: i64, of: i64, rounding: i64) -> Result<Money, MoneyError> {
    if days >= of {
        return Ok(price);
    }
    rounded(price, i128::from(price.minor()) * i128::from(days.max(0)), of, rounding)
}

/// `parts` of what is split in `of` parts, which may be more than the whole; rounded as [`prorated`].
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn parts(price: Money, parts: i64, of: i64, rounding: i64) -> Result<Money, MoneyError> {
    rounded(price, i128::from(price.minor()) * i128::from(parts.max(0)), of, rounding)
}

/// What `days` of a period of `of` days cost more (or less: negative) at the new price than at the old one; the
/// difference is rounded, not its parts.
///
/// # Errors
/// [`MoneyError`].
pub fn difference(old: Money, new: Money, (days, of): (i64, i64), rounding: i64) -> Result<Money, MoneyError> {
    let more = new.minus(old)?;
    rounded(more, i128::from(more.minor()) * i128::from(days.clamp(0, of.max(0))), of, rounding)
}

/// `numerator / of`, rounded half away from zero to a multiple of `rounding`.
fn rounded(like: Money, numerator: i128, of: i64, rounding: i64) -> Result<Money, MoneyError> {
    let unit = i128::from(rounding.max(1));
    let denominator = i128::from(of.max(1)) * unit;
    let (whole, rest) = (numerator.abs() / denominator, numerator.abs() % denominator);
    let steps = if rest * 2 >= denominator { whole + 1 } else { whole };
    let minor = i64::try_from(numerator.signum() * steps * unit).map_err(|_too_large| MoneyError::Overflow)?;
    Ok(Money::new(minor, like.currency()))
}
