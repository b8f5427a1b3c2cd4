//! Where a subscription stands, from what is owed and what was agreed. Pure.

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;

use super::State;
use crate::ledger::aging::{day_end, day_start, local_day};

/// What is known of a subscription.
#[derive(Debug, Clone)]
pub struct Facts {
    pub zone: Tz,
    pub state: State,
    pub is_prepaid: bool,
    pub started_on: Option<NaiveDate>,
    /// The first day that is not paid.
    pub covered_until: Option<NaiveDate>,
    /// The last day to pay of what is owed longest, of invoices that service hangs on.
    pub oldest_due: Option<NaiveDate>,
    /// The same of what waits for approval: it is looked at again then.
    pub draft_due: Option<NaiveDate>,
    /// Its first invoice is not paid.
    pub first_is_unpaid: bool,
    pub grace_days: i32,
    pub promise_until: Option<DateTime<Utc>>,
    pub is_exempt: bool,
    pub is_held: bool,
    pub paused_from: Option<NaiveDate>,
    pub paused_until: Option<NaiveDate>,
    pub ends_on: Option<NaiveDate>,
    pub next_package_from: Option<NaiveDate>,
}

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub state: State,
    /// When it is no longer paid for; `None` = nothing falls due.
    pub lapses_at: Option<DateTime<Utc>>,
    /// When it may be isolated; `None` = never, as things are.
    pub isolates_at: Option<DateTime<Utc>>,
    /// When the next thing falls due.
    pub acts_at: Option<DateTime<Utc>>,
}

/// When a lapsed service may be taken away: after its days of grace, counted in days of the site, and not before the day
/// that was promised.
#[must_use]
pub fn isolates_at(facts: &Facts, lapses_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if facts.is_exempt {
        return None;
    }
    let grace = Days::new(u64::try_from(facts.grace_days).unwrap_or(0));
    let day = local_day(lapses_at, facts.zone).checked_add_days(grace)?;
    let due = day_start(day, facts.zone).max(lapses_at);
    Some(facts.promise_until.map_or(due, |promised| promised.max(due)))
}

/// When it is no longer paid for: after the last day to pay of what is owed longest; prepaid service that owes nothing
/// ends with what is paid. Who has service keeps it while his next invoice waits for approval: he cannot pay it yet.
#[must_use]
pub fn lapses_at(facts: &Facts) -> Option<DateTime<Utc>> {
    let owed = facts.oldest_due.map(|day| day_end(day, facts.zone));
    let waits = facts.draft_due.is_some() && matches!(facts.state, State::Active | State::Grace);
    let is_ended_by_days = facts.is_prepaid && !waits;
    let paid = facts.covered_until.filter(|_| is_ended_by_days).map(|day| day_start(day, facts.zone));
    owed.or(paid)
}

/// Where it stands now. Nothing but time and money moves it here: only a plan or a person isolates, pauses, ends.
#[must_use]
pub fn standing(facts: &Facts, now: DateTime<Utc>) -> Standing {
    let starts = |day: Option<NaiveDate>| day.map(|day| day_start(day, facts.zone));
    let nothing = Standing { state: facts.state, lapses_at: None, isolates_at: None, acts_at: None };
    let lapses = lapses_at(facts);
    let has_lapsed = lapses.is_some_and(|at| at <= now);
    let begins = starts(facts.started_on);
    let waits = match facts.state {
        State::Ended => return nothing,
        State::Paused => {
            let acts_at = earliest([starts(facts.paused_until), starts(facts.ends_on)]);
            return Standing { lapses_at: lapses, acts_at, ..nothing };
        }
        State::Pending => facts.is_prepaid && facts.first_is_unpaid,
        State::Active | State::Grace | State::Isolated => false,
    };
    let is_early = facts.state == State::Pending && begins.is_none_or(|at| at > now);
    if waits || is_early {
        // Nothing but money begins what was not paid.
        let acts_at = earliest([begins.filter(|_| !waits), starts(facts.ends_on)]);
        return Standing { state: State::Pending, acts_at, ..nothing };
    }
    let state = match (facts.state, has_lapsed) {
        (State::Isolated, true) => State::Isolated,
        (State::Isolated, false) if facts.is_held => State::Isolated,
        (_, true) => State::Grace,
        (_, false) => State::Active,
    };
    let isolates = lapses.and_then(|at| isolates_at(facts, at));
    let by_money = match state {
        State::Active => lapses,
        State::Grace => isolates,
        State::Pending | State::Isolated | State::Paused | State::Ended => None,
    };
    // What is not approved is not owed; by its day it may be.
    let tomorrow = day_end(local_day(now, facts.zone), facts.zone);
    let approved = facts.draft_due.map(|day| day_end(day, facts.zone).max(tomorrow));
    let planned = [approved, starts(facts.paused_from), starts(facts.ends_on), starts(facts.next_package_from)];
    Standing { state, lapses_at: lapses, isolates_at: isolates, acts_at: earliest([by_money, earliest(planned)]) }
}

fn earliest<const N: usize>(instants: [Option<DateTime<Utc>>; N]) -> Option<DateTime<Utc>> {
    instants.into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Option<NaiveDate> {
        Some(text.parse().unwrap())
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// Postpaid in Jakarta, three days of grace, active since 24 November.
    fn facts() -> Facts {
        Facts {
            zone: Tz::Asia__Jakarta,
            state: State::Active,
            is_prepaid: false,
            started_on: day("2026-11-24"),
            covered_until: day("2026-12-01"),
            oldest_due: None,
            draft_due: None,
            first_is_unpaid: false,
            grace_days: 3,
            promise_until: None,
            is_exempt: false,
            is_held: false,
            paused_from: None,
            paused_until: None,
            ends_on: None,
            next_package_from: None,
        }
    }

    #[test]
    fn what_is_owed_lapses_after_its_last_day_and_is_isolated_after_grace() {
        // W4: due on the 10th, three days of grace: isolated on the 14th.
        let owing = Facts { oldest_due: day("2026-12-10"), ..facts() };
        let before = standing(&owing, at("2026-12-10T16:59:59Z"));
        assert_eq!((before.state, before.acts_at), (State::Active, Some(at("2026-12-10T17:00:00Z"))));
        let after = standing(&owing, at("2026-12-10T17:00:00Z"));
        assert_eq!((after.state, after.acts_at), (State::Grace, Some(at("2026-12-13T17:00:00Z"))));
        assert_eq!(after.isolates_at, after.acts_at);
        // It is no longer than its plan says, but nothing isolates it by itself.
        assert_eq!(standing(&owing, at("2027-01-01T00:00:00Z")).state, State::Grace);
        for (zone, expected) in [
            (Tz::Asia__Makassar, "2026-12-13T16:00:00Z"),
            (Tz::Asia__Jayapura, "2026-12-13T15:00:00Z"),
            (Tz::UTC, "2026-12-14T00:00:00Z"),
        ] {
            let there = Facts { zone, ..owing.clone() };
            assert_eq!(standing(&there, at("2026-12-12T00:00:00Z")).isolates_at, Some(at(expected)), "{zone}");
        }
    }

    #[test]
    fn days_of_grace_are_days_also_where_clocks_change() {
        // Santiago skips midnight of 6 September: the third day of grace begins at one in the morning.
        let owing = Facts { zone: Tz::America__Santiago, oldest_due: day("2026-09-02"), ..facts() };
        assert_eq!(standing(&owing, at("2026-09-04T00:00:00Z")).isolates_at, Some(at("2026-09-06T04:00:00Z")));
    }

    #[test]
    fn prepaid_service_ends_with_what_is_paid() {
        let paid = Facts { is_prepaid: true, covered_until: day("2026-12-24"), grace_days: 0, ..facts() };
        let now = at("2026-12-23T16:59:59Z");
        assert_eq!(standing(&paid, now).lapses_at, Some(at("2026-12-23T17:00:00Z")));
        assert_eq!(standing(&paid, now).state, State::Active);
        let over = standing(&paid, at("2026-12-23T17:00:00Z"));
        assert_eq!((over.state, over.isolates_at), (State::Grace, Some(at("2026-12-23T17:00:00Z"))));
        // Postpaid service that owes nothing ends never.
        let open = Facts { is_prepaid: false, ..paid };
        let found = standing(&open, at("2030-01-01T00:00:00Z"));
        assert_eq!((found.state, found.lapses_at, found.acts_at), (State::Active, None, None));
    }

    #[test]
    fn a_prepaid_service_waits_for_its_first_payment_and_any_service_for_its_first_day() {
        let waiting = Facts {
            state: State::Pending,
            is_prepaid: true,
            first_is_unpaid: true,
            oldest_due: day("2026-11-24"),
            covered_until: day("2026-11-24"),
            ..facts()
        };
        let now = at("2026-11-25T00:00:00Z");
        let found = standing(&waiting, now);
        assert_eq!((found.state, found.lapses_at, found.acts_at), (State::Pending, None, None));
        let paid = Facts { first_is_unpaid: false, oldest_due: None, covered_until: day("2026-12-24"), ..waiting };
        assert_eq!(standing(&paid, now).state, State::Active);
        let later = Facts { started_on: day("2026-11-27"), ..paid };
        let found = standing(&later, now);
        assert_eq!((found.state, found.acts_at), (State::Pending, Some(at("2026-11-26T17:00:00Z"))));
        assert_eq!(standing(&later, at("2026-11-26T17:00:00Z")).state, State::Active);
        let postpaid = Facts { is_prepaid: false, first_is_unpaid: true, oldest_due: day("2026-11-27"), ..later };
        assert_eq!(standing(&postpaid, at("2026-11-26T17:00:00Z")).state, State::Active);
    }

    #[test]
    fn a_promise_postpones_and_an_exemption_prevents_isolation() {
        let owing = Facts { oldest_due: day("2026-12-10"), state: State::Grace, ..facts() };
        let now = at("2026-12-20T00:00:00Z");
        let promised = Facts { promise_until: Some(at("2026-12-21T17:00:00Z")), ..owing };
        assert_eq!(standing(&promised, now).isolates_at, Some(at("2026-12-21T17:00:00Z")));
        // An old promise takes no grace away.
        let old = Facts { promise_until: Some(at("2026-12-01T17:00:00Z")), ..owing };
        assert_eq!(standing(&old, now).isolates_at, Some(at("2026-12-13T17:00:00Z")));
        let exempt = standing(&Facts { is_exempt: true, ..owing }, now);
        assert_eq!((exempt.state, exempt.isolates_at, exempt.acts_at), (State::Grace, None, None));
    }

    #[test]
    fn paying_restores_what_lapsed_but_not_what_a_person_holds() {
        let isolated = Facts { state: State::Isolated, ..facts() };
        let now = at("2026-12-20T00:00:00Z");
        assert_eq!(standing(&isolated, now).state, State::Active);
        let held = Facts { is_held: true, ..isolated };
        assert_eq!(standing(&held, now).state, State::Isolated);
        let owing = Facts { oldest_due: day("2026-12-10"), ..isolated };
        let found = standing(&owing, now);
        assert_eq!((found.state, found.acts_at), (State::Isolated, None));
    }

    #[test]
    fn what_waits_for_approval_is_not_owed_but_looked_at_again() {
        let draft = Facts { draft_due: day("2026-12-10"), ..facts() };
        let found = standing(&draft, at("2026-12-01T00:00:00Z"));
        assert_eq!((found.state, found.lapses_at), (State::Active, None));
        assert_eq!(found.acts_at, Some(at("2026-12-10T17:00:00Z")));
        let late = standing(&draft, at("2026-12-20T00:00:00Z"));
        assert_eq!((late.state, late.acts_at), (State::Active, Some(at("2026-12-20T17:00:00Z"))));
    }

    #[test]
    fn prepaid_service_is_not_taken_away_while_its_invoice_waits_for_approval() {
        let draft = Facts { is_prepaid: true, draft_due: day("2026-11-30"), ..facts() };
        let now = at("2026-12-05T00:00:00Z");
        let found = standing(&draft, now);
        assert_eq!((found.state, found.lapses_at, found.isolates_at), (State::Active, None, None));
        assert_eq!(found.acts_at, Some(at("2026-12-05T17:00:00Z")));
        let approved = Facts { oldest_due: draft.draft_due, draft_due: None, ..draft };
        assert_eq!(standing(&approved, now).state, State::Grace);
        let dropped = Facts { draft_due: None, ..draft };
        assert_eq!(standing(&dropped, now).lapses_at, Some(at("2026-11-30T17:00:00Z")));
        // A draft gives nothing back to whom it was taken from.
        let isolated = Facts { state: State::Isolated, ..draft };
        assert_eq!(standing(&isolated, now).state, State::Isolated);
    }

    #[test]
    fn what_is_planned_acts_when_its_day_begins() {
        let planned = Facts { paused_from: day("2026-12-15"), ends_on: day("2027-01-01"), ..facts() };
        let now = at("2026-12-01T00:00:00Z");
        assert_eq!(standing(&planned, now).acts_at, Some(at("2026-12-14T17:00:00Z")));
        let paused = Facts { state: State::Paused, paused_until: day("2027-01-15"), ends_on: None, ..planned };
        let found = standing(&paused, now);
        assert_eq!((found.state, found.acts_at), (State::Paused, Some(at("2027-01-14T17:00:00Z"))));
        let ended = Facts { state: State::Ended, ..paused };
        assert_eq!(standing(&ended, now).acts_at, None);
    }
}
