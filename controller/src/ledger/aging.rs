//! How old debts are on a day, in the days of a site. Together they are the receivable. Pure.

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::draft::RuleError;
use crate::money::{Currency, Money};

/// A debt, and what was settled of it and when (given back: negative).
#[derive(Debug, Clone)]
pub struct Debt {
    pub due_on: NaiveDate,
    pub made_at: DateTime<Utc>,
    pub total: Money,
    pub settled: Vec<(DateTime<Utc>, Money)>,
}

/// What is owed, by days overdue; and credit, which stands beside and is not taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Aging {
    pub not_due: Money,
    pub to_30: Money,
    pub to_60: Money,
    pub to_90: Money,
    pub older: Money,
    pub credit: Money,
}

impl Aging {
    /// Nobody owes anything.
    #[must_use]
    pub fn none(currency: Currency) -> Self {
        let none = Money::new(0, currency);
        Self { not_due: none, to_30: none, to_60: none, to_90: none, older: none, credit: none }
    }

    /// Adds what is owed of something due on a day.
    ///
    /// # Errors
    /// [`RuleError`] on overflow or mixed currencies.
    pub fn add(&mut self, due_on: NaiveDate, as_of: NaiveDate, owed: Money) -> Result<(), RuleError> {
        let bucket = match (as_of - due_on).num_days() {
            ..=0 => &mut self.not_due,
            1..=30 => &mut self.to_30,
            31..=60 => &mut self.to_60,
            61..=90 => &mut self.to_90,
            _ => &mut self.older,
        };
        *bucket = bucket.plus(owed)?;
        Ok(())
    }

    /// Both together.
    ///
    /// # Errors
    /// [`RuleError`] on overflow or mixed currencies.
    pub fn plus(&self, other: &Self) -> Result<Self, RuleError> {
        Ok(Self {
            not_due: self.not_due.plus(other.not_due)?,
            to_30: self.to_30.plus(other.to_30)?,
            to_60: self.to_60.plus(other.to_60)?,
            to_90: self.to_90.plus(other.to_90)?,
            older: self.older.plus(other.older)?,
            credit: self.credit.plus(other.credit)?,
        })
    }

    /// All that is owed.
    ///
    /// # Errors
    /// [`RuleError::Amount`] on overflow.
    pub fn receivable(&self) -> Result<Money, RuleError> {
        let Self { not_due, to_30, to_60, to_90, older, credit: _ } = *self;
        [to_30, to_60, to_90, older].into_iter().try_fold(not_due, |sum, part| Ok(sum.plus(part)?))
    }
}

/// The ages of debts at the end of a local day: what was settled later does not count.
///
/// # Errors
/// [`RuleError`] on overflow or mixed currencies.
pub fn aging(debts: &[Debt], credit: Money, as_of: NaiveDate, zone: Tz) -> Result<Aging, RuleError> {
    let end = day_end(as_of, zone);
    let mut found = Aging { credit, ..Aging::none(credit.currency()) };
    for debt in debts.iter().filter(|debt| debt.made_at < end) {
        let settled = debt.settled.iter().filter(|(at, _)| *at < end);
        let remaining = settled.map(|(_, amount)| *amount).try_fold(debt.total, Money::minus)?;
        found.add(debt.due_on, as_of, remaining)?;
    }
    Ok(found)
}

/// The local day of an instant.
#[must_use]
pub fn local_day(at: DateTime<Utc>, zone: Tz) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// The first instant after a local day. Where clocks jump over midnight, it is the first that exists.
#[must_use]
pub fn day_end(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    day_start(day.succ_opt().unwrap_or(day), zone)
}

/// The first instant of a local day.
#[must_use]
pub fn day_start(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    // Longest jump of a clock that any zone made, in steps that every jump is a multiple of.
    const STEPS: i64 = 24 * 4;
    let midnight = day.and_time(NaiveTime::MIN);
    (0..=STEPS)
        .find_map(|step| zone.from_local_datetime(&(midnight + Duration::minutes(step * 15))).earliest())
        .map_or_else(|| midnight.and_utc(), |found| found.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America::Santiago, Asia};

    use super::*;

    fn day(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn debt(due_on: NaiveDate, total: i64, settled: Vec<(DateTime<Utc>, Money)>) -> Debt {
        Debt { due_on, made_at: at("2026-01-01T00:00:00Z"), total: Money::idr(total), settled }
    }

    #[test]
    fn a_debt_is_as_old_as_the_days_since_it_was_due() {
        let as_of = day(2026, 11, 24);
        for (due_on, bucket) in [
            (day(2026, 12, 1), 0),
            (day(2026, 11, 24), 0),
            (day(2026, 11, 23), 1),
            (day(2026, 10, 25), 1),
            (day(2026, 10, 24), 2),
            (day(2026, 9, 25), 2),
            (day(2026, 9, 24), 3),
            (day(2026, 8, 26), 3),
            (day(2026, 8, 25), 4),
        ] {
            let found = aging(&[debt(due_on, 7, Vec::new())], Money::idr(0), as_of, Asia::Jakarta).unwrap();
            let buckets = [found.not_due, found.to_30, found.to_60, found.to_90, found.older];
            assert_eq!(buckets.iter().position(|money| money.minor() == 7), Some(bucket), "{due_on}");
        }
    }

    #[test]
    fn what_was_settled_after_the_local_day_does_not_count() {
        // 24 November ends at 15:00 UTC in Jayapura and at 17:00 in Jakarta.
        let debts = [debt(day(2026, 11, 1), 100, vec![(at("2026-11-24T16:00:00Z"), Money::idr(60))])];
        let owed = |zone| aging(&debts, Money::idr(0), day(2026, 11, 24), zone).unwrap().receivable().unwrap().minor();
        assert_eq!((owed(Asia::Jayapura), owed(Asia::Jakarta)), (100, 40));
    }

    #[test]
    fn a_day_begins_after_the_jump_where_midnight_does_not_exist() {
        // Chile's clocks went from 24:00 to 1:00 on 2024-09-08.
        assert_eq!(day_start(day(2024, 9, 8), Santiago), at("2024-09-08T04:00:00Z"));
        assert_eq!(day_end(day(2024, 9, 7), Santiago), at("2024-09-08T04:00:00Z"));
        assert_eq!(local_day(at("2026-11-24T15:00:00Z"), Asia::Jayapura), day(2026, 11, 25));
    }
}
