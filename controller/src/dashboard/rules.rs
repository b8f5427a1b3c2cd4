//! Pure decisions of the dashboard: when a day begins, how figures add up, what needs a person first.

use chrono::{DateTime, Days, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;

use crate::{money::MoneyError, routers::Presence, vouchers::Figures};

/// The local day of a moment, `[from, to)`. A midnight that a clock change skips is the first moment after it.
pub(super) fn day_of(now: DateTime<Utc>, zone: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
    let today = now.with_timezone(&zone).date_naive();
    let midnight = |days: u64| {
        let day = today.checked_add_days(Days::new(days)).unwrap_or(today);
        let local = |hour: u32| {
            let at = day.and_time(NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or(NaiveTime::MIN));
            zone.from_local_datetime(&at).earliest().map(|at| at.with_timezone(&Utc))
        };
        local(0).or_else(|| local(1))
    };
    (midnight(0).unwrap_or(now), midnight(1).unwrap_or(now))
}

/// The sums of each currency, in the order they first appear.
pub(super) fn by_currency(figures: Vec<Figures>) -> Result<Vec<Figures>, MoneyError> {
    let mut sums: Vec<Figures> = Vec::new();
    for figure in figures {
        match sums.iter_mut().find(|sum| sum.revenue.currency() == figure.revenue.currency()) {
            None => sums.push(figure),
            Some(sum) => {
                sum.count = sum.count.saturating_add(figure.count);
                sum.revenue = sum.revenue.plus(figure.revenue)?;
                sum.cost = sum.cost.plus(figure.cost)?;
            }
        }
    }
    Ok(sums)
}

/// Routers that need a person come first.
pub(super) fn urgency(presence: Presence) -> u8 {
    match presence {
        Presence::Waiting => 0,
        Presence::RouterDown => 1,
        Presence::Offline => 2,
        Presence::New => 3,
        Presence::Online => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Money;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_begins_at_the_sites_own_midnight() {
        let now = at("2026-11-22T16:30:00Z");
        assert_eq!(day_of(now, chrono_tz::Asia::Jakarta), (at("2026-11-21T17:00:00Z"), at("2026-11-22T17:00:00Z")));
        assert_eq!(day_of(now, chrono_tz::Asia::Jayapura), (at("2026-11-22T15:00:00Z"), at("2026-11-23T15:00:00Z")));
    }

    #[test]
    fn a_midnight_that_does_not_exist_is_the_hour_after_it() {
        let day = day_of(at("2018-11-04T12:00:00Z"), chrono_tz::America::Sao_Paulo);
        assert_eq!(day, (at("2018-11-04T03:00:00Z"), at("2018-11-05T02:00:00Z")));
    }

    #[test]
    fn figures_add_up_within_a_currency() {
        let figure = |count, rupiah| Figures { count, revenue: Money::idr(rupiah), cost: Money::idr(1000) };
        let sums = by_currency(vec![figure(1, 3000), figure(2, 6000)]).unwrap();
        assert_eq!((sums.len(), sums[0].count, sums[0].profit().unwrap()), (1, 3, Money::idr(7000)));
    }
}
