//! Pure decisions of the night: which step follows which, when a site's day is due, who is isolated, whether a plan waits
//! for a person, when the next wave begins.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{ids::InvoiceId, ledger::aging::local_day};

/// Fewer than so many never make a plan unusually large, whatever share of a small site they are.
pub const NEVER_HELD: usize = 4;
/// A wave that was not proven within so long is over all the same.
pub const WAVE_SECS: i64 = 120;
/// A wave that failed for one in so many stops the plan.
pub const FAILED_ONE_IN: usize = 10;

/// What a night does, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// What was planned for a day that has come.
    Planned,
    /// Invoices of the periods that begin soon.
    Invoices,
    /// Drafts that waited long enough for somebody to say yes.
    Approvals,
    /// Invoices paid from balances.
    Balances,
    /// Services that are no longer paid for.
    Standing,
    Reminders,
    /// Who shall be isolated.
    Plan,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 7] =
        [Self::Planned, Self::Invoices, Self::Approvals, Self::Balances, Self::Standing, Self::Reminders, Self::Plan];

    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Invoices => "invoices",
            Self::Approvals => "approvals",
            Self::Balances => "balances",
            Self::Standing => "standing",
            Self::Reminders => "reminders",
            Self::Plan => "plan",
        }
    }

    /// The step of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == name)
    }

    /// What follows; nothing after the last.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|step| *step > self)
    }
}

/// The day of a site whose night is due, if its hour has come.
#[must_use]
pub fn due_day(now: DateTime<Utc>, zone: Tz, run_hour: u32) -> Option<NaiveDate> {
    let day = local_day(now, zone);
    (now >= begins(day, zone, run_hour)).then_some(day)
}

/// When a site's night begins next.
#[must_use]
pub fn next_run(now: DateTime<Utc>, zone: Tz, run_hour: u32) -> DateTime<Utc> {
    let today = local_day(now, zone);
    let first = begins(today, zone, run_hour);
    if first > now { first } else { begins(today.succ_opt().unwrap_or(today), zone, run_hour) }
}

/// The hour of a day. One that a clock change skips is the first that exists after it.
fn begins(day: NaiveDate, zone: Tz, hour: u32) -> DateTime<Utc> {
    let at = |hour| day.and_time(NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or(NaiveTime::MIN));
    let found = (hour..24).find_map(|hour| zone.from_local_datetime(&at(hour)).earliest());
    found.map_or_else(|| at(hour).and_utc(), |found| found.with_timezone(&Utc))
}

/// An unpaid invoice that a balance could pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    pub invoice: InvoiceId,
    /// Minor units.
    pub left: i64,
    /// Of a prepaid service: it begins only when all of it is paid.
    pub is_prepaid: bool,
    /// Whether the customer wants that service renewed from his balance.
    pub is_auto_renewed: bool,
}

/// Which invoices a balance of so many minor units pays, the oldest first as they come. Prepaid service is renewed only
/// where the customer asked for it, and only as a whole; other invoices as far as the balance goes, if the operator
/// wants that.
#[must_use]
pub fn from_balance(mut credit: i64, open: &[Ask], is_balance_used: bool) -> Vec<InvoiceId> {
    let mut paid = Vec::new();
    for ask in open.iter().filter(|ask| ask.left > 0) {
        let may =
            if ask.is_prepaid { ask.is_auto_renewed && ask.left <= credit } else { is_balance_used && credit > 0 };
        if may {
            credit -= ask.left.min(credit);
            paid.push(ask.invoice);
        }
    }
    paid
}

/// Why a service that is due to be isolated is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// The router's agent is not connected: nobody is punished for an outage.
    RouterOffline,
    /// The router has no profile to isolate with.
    NotPrepared,
    /// Paid since, or nothing is due for another reason.
    Paid,
    Promised,
    Exempt,
    /// Paused, ended, not begun, or isolated already.
    NotInGrace,
    /// The router would not, or the service changed; its own page says why.
    Refused,
}

impl Skip {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::RouterOffline,
        Self::NotPrepared,
        Self::Paid,
        Self::Promised,
        Self::Exempt,
        Self::NotInGrace,
        Self::Refused,
    ];

    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RouterOffline => "router_offline",
            Self::NotPrepared => "not_prepared",
            Self::Paid => "paid",
            Self::Promised => "promised",
            Self::Exempt => "exempt",
            Self::NotInGrace => "not_in_grace",
            Self::Refused => "refused",
        }
    }
}

/// What decides whether a service is isolated.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub is_in_grace: bool,
    /// Served, and nothing of it is late.
    pub is_active: bool,
    pub is_exempt: bool,
    pub promise_until: Option<DateTime<Utc>>,
    /// When its grace is over; `None` = nothing is due.
    pub isolates_at: Option<DateTime<Utc>>,
    pub is_router_online: bool,
    /// Whether the router can do what the package says.
    pub is_prepared: bool,
}

/// Whether a service is isolated now, and why not.
///
/// # Errors
/// The reason why it is not; those that are the customer's come first.
pub fn judge(case: &Case, now: DateTime<Utc>) -> Result<(), Skip> {
    if !case.is_in_grace && !case.is_active {
        return Err(Skip::NotInGrace);
    }
    if case.is_exempt {
        return Err(Skip::Exempt);
    }
    if !case.is_in_grace {
        return Err(Skip::Paid);
    }
    if case.promise_until.is_some_and(|until| until > now) {
        return Err(Skip::Promised);
    }
    if case.isolates_at.is_none_or(|at| at > now) {
        return Err(Skip::Paid);
    }
    if !case.is_router_online {
        return Err(Skip::RouterOffline);
    }
    if case.is_prepared { Ok(()) } else { Err(Skip::NotPrepared) }
}

/// Why a plan waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// More than the setting allows.
    Count,
    /// A larger share of the site's services than the setting allows.
    Share,
    /// Too many of a wave failed.
    Failures,
}

impl Hold {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Count, Self::Share, Self::Failures];

    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Share => "share",
            Self::Failures => "failures",
        }
    }
}

/// Whether a plan that isolates so many of a site's served services waits for a person.
#[must_use]
pub fn hold(isolating: usize, served: usize, most: usize, most_percent: usize) -> Option<Hold> {
    if isolating > most {
        return Some(Hold::Count);
    }
    let is_large = isolating.saturating_mul(100) > served.saturating_mul(most_percent);
    (isolating >= NEVER_HELD && is_large).then_some(Hold::Share)
}

/// The wave of each of so many services, from 1.
#[must_use]
pub fn wave_of(nth: usize, size: usize) -> usize {
    nth / size.max(1) + 1
}

/// How a wave stands on the routers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wave {
    /// Asked for.
    pub asked: usize,
    pub verified: usize,
    pub failed: usize,
}

/// What follows a wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    Wait,
    Next,
    Stop,
}

/// The next wave begins when this one is proven, or its time is over and less than a tenth of it failed.
#[must_use]
pub fn after(wave: Wave, secs: i64) -> After {
    let settled = wave.verified + wave.failed >= wave.asked;
    if !settled && secs < WAVE_SECS {
        return After::Wait;
    }
    if wave.failed > 0 && wave.failed.saturating_mul(FAILED_ONE_IN) >= wave.asked { After::Stop } else { After::Next }
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America::Santiago, Asia};

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn every_step_has_its_name_and_its_place() {
        let mut step = Some(Step::Planned);
        let mut seen = Vec::new();
        while let Some(now) = step {
            assert_eq!(Step::parse(now.as_str()), Some(now));
            seen.push(now);
            step = now.next();
        }
        assert_eq!(seen, Step::ALL);
    }

    #[test]
    fn a_night_begins_at_the_hour_of_its_place() {
        for (zone, now, hour, due) in [
            (Asia::Jakarta, "2026-12-13T17:00:00Z", 0, Some("2026-12-14")),
            (Asia::Jakarta, "2026-12-13T16:59:59Z", 0, Some("2026-12-13")),
            (Asia::Jakarta, "2026-12-13T17:59:59Z", 1, None),
            (Asia::Makassar, "2026-12-13T17:00:00Z", 1, Some("2026-12-14")),
            (Asia::Jayapura, "2026-12-13T17:00:00Z", 2, Some("2026-12-14")),
            (Asia::Jayapura, "2026-12-13T17:00:00Z", 3, None),
            // Midnight of 6 September 2026 does not exist there; the day begins at one.
            (Santiago, "2026-09-06T04:00:00Z", 0, Some("2026-09-06")),
            (Santiago, "2026-09-06T03:59:59Z", 0, Some("2026-09-05")),
        ] {
            assert_eq!(due_day(at(now), zone, hour), due.map(|day| day.parse().unwrap()), "{zone} {now} {hour}");
        }
        assert_eq!(next_run(at("2026-12-13T16:00:00Z"), Asia::Jakarta, 0), at("2026-12-13T17:00:00Z"));
        assert_eq!(next_run(at("2026-12-13T17:00:00Z"), Asia::Jakarta, 0), at("2026-12-14T17:00:00Z"));
        assert_eq!(next_run(at("2026-09-06T03:00:00Z"), Santiago, 0), at("2026-09-06T04:00:00Z"));
    }

    #[test]
    fn a_balance_renews_what_was_asked_for_and_only_as_a_whole() {
        let ask =
            |id, left, is_prepaid, is_auto_renewed| Ask { invoice: InvoiceId(id), left, is_prepaid, is_auto_renewed };
        let ids = |found: Vec<InvoiceId>| found.into_iter().map(|id| id.0).collect::<Vec<_>>();
        let postpaid = [ask(1, 50_000, false, false), ask(2, 165_000, false, false)];
        assert_eq!(ids(from_balance(165_000, &postpaid, true)), [1, 2], "the second in part");
        assert_eq!(ids(from_balance(50_000, &postpaid, true)), [1]);
        assert!(from_balance(165_000, &postpaid, false).is_empty(), "the operator does not want it");
        let prepaid = [ask(1, 165_000, true, true), ask(2, 165_000, true, false), ask(3, 100_000, true, true)];
        assert_eq!(ids(from_balance(270_000, &prepaid, false)), [1, 3], "only what was asked for");
        assert_eq!(ids(from_balance(164_999, &prepaid, true)), [3], "never in part");
        assert!(from_balance(0, &postpaid, true).is_empty());
        assert!(from_balance(10, &[ask(1, 0, false, false)], true).is_empty());
    }

    #[test]
    fn only_who_is_late_and_can_be_reached_is_isolated() {
        let now = at("2026-12-14T00:00:00Z");
        let late = Case {
            is_in_grace: true,
            is_active: false,
            is_exempt: false,
            promise_until: None,
            isolates_at: Some(now),
            is_router_online: true,
            is_prepared: true,
        };
        assert_eq!(judge(&late, now), Ok(()));
        let later = at("2026-12-14T00:00:01Z");
        for (case, why) in [
            (Case { is_in_grace: false, ..late }, Skip::NotInGrace),
            (Case { is_in_grace: false, is_active: true, ..late }, Skip::Paid),
            (Case { is_exempt: true, ..late }, Skip::Exempt),
            (Case { is_in_grace: false, is_active: true, is_exempt: true, ..late }, Skip::Exempt),
            (Case { promise_until: Some(later), ..late }, Skip::Promised),
            (Case { isolates_at: Some(later), ..late }, Skip::Paid),
            (Case { isolates_at: None, ..late }, Skip::Paid),
            (Case { is_router_online: false, ..late }, Skip::RouterOffline),
            (Case { is_prepared: false, ..late }, Skip::NotPrepared),
        ] {
            assert_eq!(judge(&case, now), Err(why));
        }
        assert_eq!(judge(&Case { promise_until: Some(now), ..late }, now), Ok(()), "a promise that is over");
    }

    #[test]
    fn an_unusually_large_plan_waits_for_a_person() {
        for (isolating, served, held) in [
            (1, 100, None),
            (20, 100, None),
            (21, 100, Some(Hold::Share)),
            (50, 1_000, None),
            (51, 1_000, Some(Hold::Count)),
            // One customer of a site with two is nothing unusual; all four of four are.
            (1, 2, None),
            (3, 3, None),
            (4, 4, Some(Hold::Share)),
            (0, 0, None),
        ] {
            assert_eq!(hold(isolating, served, 50, 20), held, "{isolating} of {served}");
        }
    }

    #[test]
    fn waves_follow_one_another_when_they_are_proven() {
        assert_eq!([0, 49, 50, 100].map(|nth| wave_of(nth, 50)), [1, 1, 2, 3]);
        assert_eq!(wave_of(3, 0), 4);
        let wave = |asked, verified, failed| Wave { asked, verified, failed };
        for (stands, secs, what) in [
            (wave(50, 0, 0), 0, After::Wait),
            (wave(50, 49, 0), 119, After::Wait),
            (wave(50, 50, 0), 3, After::Next),
            (wave(50, 46, 4), 3, After::Next),
            (wave(50, 45, 5), 3, After::Stop),
            (wave(50, 10, 4), 120, After::Next),
            (wave(50, 10, 5), 120, After::Stop),
            (wave(1, 0, 1), 3, After::Stop),
            (wave(0, 0, 0), 0, After::Next),
        ] {
            assert_eq!(after(stands, secs), what, "{stands:?} after {secs} s");
        }
    }
}
