//! What money and time make of a subscription. Pure.

use chrono::{DateTime, NaiveDate, Utc};

use super::{
    Access, Calendar, State, Subscription,
    periods::{Payment, paid_from},
    standing::{Facts, Standing, standing},
};
use crate::ledger::aging::local_day;

/// What is owed for a subscription, of invoices that service hangs on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Owed {
    /// The last day to pay of what is owed longest; drafts are not owed yet.
    pub(super) oldest_due: Option<NaiveDate>,
    /// The same of drafts.
    pub(super) draft_due: Option<NaiveDate>,
    /// The first day of the earliest period that is not paid, drafts too.
    pub(super) unpaid_from: Option<NaiveDate>,
    pub(super) first_is_unpaid: bool,
}

/// What is done with a subscription whose service was taken away too long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    /// What is paid late begins on the day of payment.
    pub(super) late_shifts: bool,
}

/// What the router shall do with the user of a subscription that stands so.
pub(super) fn access(of: &Subscription) -> Access {
    match of.state {
        // Known to the router, so that modems can be set up; not let in.
        State::Pending | State::Paused => Access::Disabled,
        State::Active | State::Grace => Access::Open,
        State::Isolated => Access::taken_away(of.on_expiry),
        State::Ended => Access::Removed,
    }
}

/// Brings a subscription in line with what is owed and with the time.
pub(super) fn refresh(of: &mut Subscription, owed: Owed, policy: Policy, now: DateTime<Utc>) {
    let today = local_day(now, of.zone());
    let before = of.covered_until;
    let covered = owed.unpaid_from.or(of.billed_until);
    let is_paid_on = covered > before;
    of.covered_until = covered;
    if is_paid_on && of.is_prepaid && !owed.first_is_unpaid {
        begin_late(of, before, policy, today);
    }
    let found: Standing = standing(&facts(of, owed), now);
    of.state = found.state;
    of.lapses_at = found.lapses_at;
    of.acts_at = found.acts_at;
}

/// A prepaid period that was paid when service was away begins on the day of payment, and the days it is counted from
/// move there.
fn begin_late(of: &mut Subscription, before: Option<NaiveDate>, policy: Policy, today: NaiveDate) {
    let (Some(calendar), Some(start)) = (of.calendar(), before.or(of.started_on)) else { return };
    let was_away = match of.state {
        State::Isolated => !of.is_held,
        State::Pending => true,
        State::Active | State::Grace | State::Paused | State::Ended => false,
    };
    let payment =
        Payment { covered_until: start, paid_on: today, was_isolated: was_away, late_shifts: policy.late_shifts };
    let from = paid_from(calendar.step(), payment);
    if from == start {
        return;
    }
    // Prepaid service is asked for one period at a time: as long as that, from its day on.
    let until = Calendar::new(calendar.step(), from).boundary(1);
    of.anchor = Some(from);
    if of.state == State::Pending {
        of.started_on = Some(from);
    }
    of.billed_until = Some(until);
    of.covered_until = Some(until);
}

/// What is known of where it stands.
pub(super) fn facts(of: &Subscription, owed: Owed) -> Facts {
    // An invoice that was voided, or dropped, paid nothing.
    let has_nothing = of.covered_until.is_none() || of.covered_until <= of.started_on;
    Facts {
        zone: of.zone(),
        state: of.state,
        is_prepaid: of.is_prepaid,
        started_on: of.started_on,
        covered_until: of.covered_until,
        oldest_due: owed.oldest_due,
        draft_due: owed.draft_due,
        first_is_unpaid: owed.first_is_unpaid || has_nothing,
        grace_days: of.customer_grace_days.unwrap_or(of.grace_days),
        promise_until: of.promise_until,
        is_exempt: of.is_exempt,
        is_held: of.is_held,
        paused_from: of.paused_from,
        paused_until: of.paused_until,
        ends_on: of.ends_on,
        next_package_from: of.next_package_from,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::sample, *};

    const SHIFTS: Policy = Policy { late_shifts: true };

    fn day(text: &str) -> Option<NaiveDate> {
        Some(text.parse().unwrap())
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// Prepaid, month by month from 10 November; December is invoiced.
    fn prepaid(state: State) -> Subscription {
        Subscription {
            state,
            is_prepaid: true,
            cycle: "anniversary".into(),
            bill_day: None,
            started_on: day("2026-11-10"),
            anchor: day("2026-11-10"),
            billed_until: day("2027-01-10"),
            covered_until: day("2026-12-10"),
            ..sample()
        }
    }

    fn owing() -> Owed {
        Owed { oldest_due: day("2026-12-09"), unpaid_from: day("2026-12-10"), ..Owed::default() }
    }

    #[test]
    fn a_payment_in_time_or_in_grace_adds_to_what_was_paid() {
        for (state, now) in [(State::Active, "2026-12-01T00:00:00Z"), (State::Grace, "2026-12-11T00:00:00Z")] {
            let mut of = prepaid(state);
            refresh(&mut of, Owed::default(), SHIFTS, at(now));
            assert_eq!((of.state, of.covered_until, of.anchor), (State::Active, day("2027-01-10"), day("2026-11-10")));
            assert_eq!(of.lapses_at, Some(at("2027-01-09T17:00:00Z")));
        }
    }

    #[test]
    fn a_payment_after_isolation_begins_on_its_day() {
        let mut of = prepaid(State::Isolated);
        refresh(&mut of, Owed::default(), SHIFTS, at("2026-12-20T03:00:00Z"));
        assert_eq!((of.state, of.anchor), (State::Active, day("2026-12-20")));
        assert_eq!((of.covered_until, of.billed_until), (day("2027-01-20"), day("2027-01-20")));
        // Not where the operator says otherwise, and not where the day is fixed.
        let mut of = prepaid(State::Isolated);
        refresh(&mut of, Owed::default(), Policy { late_shifts: false }, at("2026-12-20T03:00:00Z"));
        assert_eq!((of.covered_until, of.anchor), (day("2027-01-10"), day("2026-11-10")));
        let mut of = Subscription { cycle: "monthly".into(), bill_day: Some(10), ..prepaid(State::Isolated) };
        refresh(&mut of, Owed::default(), SHIFTS, at("2026-12-20T03:00:00Z"));
        assert_eq!((of.covered_until, of.state), (day("2027-01-10"), State::Active));
    }

    #[test]
    fn a_payment_taken_back_uncovers_what_it_paid() {
        let mut of = prepaid(State::Active);
        of.covered_until = day("2027-01-10");
        refresh(&mut of, owing(), SHIFTS, at("2026-12-20T03:00:00Z"));
        assert_eq!((of.state, of.covered_until), (State::Grace, day("2026-12-10")));
        // And once more in time.
        refresh(&mut of, Owed::default(), SHIFTS, at("2026-12-20T03:00:00Z"));
        assert_eq!((of.state, of.covered_until), (State::Active, day("2027-01-10")));
    }

    #[test]
    fn the_first_payment_begins_a_prepaid_service_on_its_day() {
        let pending = Subscription {
            billed_until: day("2026-12-10"),
            covered_until: day("2026-11-10"),
            ..prepaid(State::Pending)
        };
        let (due, from) = (day("2026-11-10"), day("2026-11-10"));
        let first = Owed { oldest_due: due, unpaid_from: from, first_is_unpaid: true, ..Owed::default() };
        let mut of = pending.clone();
        refresh(&mut of, first, SHIFTS, at("2026-11-12T03:00:00Z"));
        assert_eq!((of.state, access(&of)), (State::Pending, Access::Disabled));
        refresh(&mut of, Owed::default(), SHIFTS, at("2026-11-12T03:00:00Z"));
        assert_eq!((of.state, of.started_on, of.covered_until), (State::Active, day("2026-11-12"), day("2026-12-12")));
        assert_eq!(access(&of), Access::Open);
        let mut of = pending;
        refresh(&mut of, Owed::default(), SHIFTS, at("2026-11-10T03:00:00Z"));
        assert_eq!((of.started_on, of.covered_until), (day("2026-11-10"), day("2026-12-10")));
    }

    #[test]
    fn what_expiry_does_is_what_was_agreed() {
        use crate::packages::OnExpiry;
        for (on_expiry, expected) in [
            (OnExpiry::Isolate, Access::Isolated),
            (OnExpiry::Disable, Access::Disabled),
            (OnExpiry::Remove, Access::Removed),
        ] {
            assert_eq!(access(&Subscription { on_expiry, ..prepaid(State::Isolated) }), expected);
        }
        assert_eq!(access(&prepaid(State::Grace)), Access::Open);
        assert_eq!(access(&prepaid(State::Ended)), Access::Removed);
        assert_eq!(access(&prepaid(State::Paused)), Access::Disabled);
    }
}
