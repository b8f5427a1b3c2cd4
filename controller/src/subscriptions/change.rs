//! What money and time make of a subscription. Pure.

use chrono::{DateTime, NaiveDate, Utc};

use super::{
    Access, State, Subscription,
    periods::{Away, Moved, Payment, paid_from},
    standing::{Facts, Standing, standing},
};
use crate::{ledger::aging::local_day, settings::Settings};

/// What is owed for a subscription, of invoices that service hangs on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Owed {
    /// The last day to pay of what is owed longest; drafts are not owed yet.
    pub(super) oldest_due: Option<NaiveDate>,
    /// The same without the first invoice.
    pub(super) later_due: Option<NaiveDate>,
    /// The same of drafts.
    pub(super) draft_due: Option<NaiveDate>,
    /// The first day of the earliest period that is not paid, drafts too.
    pub(super) unpaid_from: Option<NaiveDate>,
    /// The same of periods whose debt was given up: nothing is owed, and nothing was paid.
    pub(super) given_up_from: Option<NaiveDate>,
    /// Given up or not.
    pub(super) first_is_unpaid: bool,
}

impl Owed {
    /// The first day that is not paid. Service that was had before it is paid for is over, and with its debt the days are
    /// done with; a prepaid period that was never paid is not given away.
    fn not_paid_from(self, is_prepaid: bool) -> Option<NaiveDate> {
        [self.unpaid_from, self.given_up_from.filter(|_| is_prepaid)].into_iter().flatten().min()
    }
}

/// What the operator chose.
#[derive(Debug, Clone, Copy)]
pub(in crate::subscriptions) struct Policy {
    /// What is paid late begins on the day of payment.
    pub(super) late_shifts: bool,
    /// A first invoice for a part of a period isolates; otherwise the next one does.
    pub(super) isolates_prorated: bool,
}

impl Policy {
    /// That of the settings.
    pub(super) fn of(settings: &Settings) -> Self {
        let services = &settings.services;
        Self { late_shifts: services.late_payment_shifts, isolates_prorated: services.isolates_prorated }
    }
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

/// Brings a subscription in line with what is owed and with the time. Where what was paid begins later than it was
/// invoiced for, so does what is not paid behind it: the answer says by how much its invoices move on.
pub(super) fn refresh(of: &mut Subscription, owed: Owed, policy: Policy, now: DateTime<Utc>) -> Option<Moved> {
    let today = local_day(now, of.zone());
    let before = of.covered_until;
    let covered = owed.not_paid_from(of.is_prepaid).or(of.billed_until);
    let is_paid_on = covered > before;
    of.covered_until = covered;
    let moved =
        if is_paid_on && of.is_prepaid && !owed.first_is_unpaid { begin_late(of, before, policy, today) } else { None };
    let found: Standing = standing(&facts(of, spared(of, owed, policy)), now);
    of.state = found.state;
    of.lapses_at = found.lapses_at;
    of.acts_at = found.acts_at;
    moved.filter(|_| of.covered_until < of.billed_until)
}

/// What is owed as service hangs on it: not on a postpaid first invoice for a part of a period, where the operator wants it
/// so. Such a service is looked at again.
fn spared(of: &Subscription, owed: Owed, policy: Policy) -> Owed {
    let is_part = of.calendar().zip(of.started_on).is_some_and(|(calendar, start)| calendar.nth(start).is_none());
    if policy.isolates_prorated || of.is_prepaid || !is_part || owed.later_due == owed.oldest_due {
        return owed;
    }
    let again = [owed.draft_due, owed.oldest_due].into_iter().flatten().min();
    Owed { oldest_due: owed.later_due, draft_due: again, ..owed }
}

/// Prepaid periods that were paid when service was away, or had not begun, begin on the day of payment, and with them
/// whatever is invoiced or planned behind them.
fn begin_late(of: &mut Subscription, before: Option<NaiveDate>, policy: Policy, today: NaiveDate) -> Option<Moved> {
    let (calendar, start) = (of.calendar()?, before.or(of.started_on)?);
    let away = match of.state {
        State::Isolated if !of.is_held => Away::Isolated,
        State::Pending => Away::NotBegun,
        State::Isolated | State::Active | State::Grace | State::Paused | State::Ended => Away::No,
    };
    let payment = Payment { covered_until: start, paid_on: today, away, late_shifts: policy.late_shifts };
    let from = paid_from(calendar.step(), payment);
    if from == start {
        return None;
    }
    let moved = Moved::new(calendar, start, from);
    of.anchor = Some(moved.calendar().anchor());
    for day in [&mut of.billed_until, &mut of.covered_until, &mut of.next_package_from] {
        *day = day.map(|day| moved.day(day));
    }
    if of.state == State::Pending {
        of.started_on = Some(from);
    }
    Some(moved)
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

    const SHIFTS: Policy = Policy { late_shifts: true, isolates_prorated: true };

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
        refresh(&mut of, Owed::default(), Policy { late_shifts: false, ..SHIFTS }, at("2026-12-20T03:00:00Z"));
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
    fn a_debt_given_up_opens_what_is_paid_afterwards_and_gives_no_prepaid_period_away() {
        let now = at("2026-12-20T03:00:00Z");
        let given_up = Owed { given_up_from: day("2026-12-10"), ..Owed::default() };
        let mut postpaid = Subscription { is_prepaid: false, ..prepaid(State::Isolated) };
        refresh(&mut postpaid, owing(), SHIFTS, now);
        assert_eq!(postpaid.state, State::Isolated);
        refresh(&mut postpaid, given_up, SHIFTS, now);
        assert_eq!((postpaid.state, postpaid.covered_until), (State::Active, day("2027-01-10")));
        let mut prepaid = prepaid(State::Isolated);
        refresh(&mut prepaid, given_up, SHIFTS, now);
        assert_eq!((prepaid.state, prepaid.covered_until), (State::Isolated, day("2026-12-10")));
        // Taken back and paid, it begins on the day of payment.
        refresh(&mut prepaid, owing(), SHIFTS, now);
        refresh(&mut prepaid, Owed::default(), SHIFTS, now);
        assert_eq!((prepaid.state, prepaid.covered_until), (State::Active, day("2027-01-20")));
        // Who never paid the first is not let in by giving it up.
        let mut pending = Subscription {
            billed_until: day("2026-12-10"),
            covered_until: day("2026-11-10"),
            ..tests::prepaid(State::Pending)
        };
        let first = Owed { given_up_from: day("2026-11-10"), first_is_unpaid: true, ..Owed::default() };
        refresh(&mut pending, first, SHIFTS, now);
        assert_eq!((pending.state, access(&pending)), (State::Pending, Access::Disabled));
    }

    #[test]
    fn a_first_payment_that_comes_late_on_a_fixed_day_pays_for_served_days_only() {
        // Seven days from 24 November were invoiced; the next period begins on the first.
        let pending = Subscription {
            cycle: "monthly".into(),
            bill_day: Some(1),
            anchor: day("2026-11-01"),
            started_on: day("2026-11-24"),
            billed_until: day("2026-12-01"),
            covered_until: day("2026-11-24"),
            ..prepaid(State::Pending)
        };
        for (paid_on, from, until) in [
            ("2026-11-20T03:00:00Z", "2026-11-24", "2026-12-01"),
            ("2026-11-24T03:00:00Z", "2026-11-24", "2026-12-01"),
            ("2026-11-26T03:00:00Z", "2026-11-26", "2026-12-03"),
            ("2026-12-05T03:00:00Z", "2026-12-05", "2026-12-12"),
            ("2027-02-28T03:00:00Z", "2027-02-28", "2027-03-07"),
        ] {
            for policy in [SHIFTS, Policy { late_shifts: false, ..SHIFTS }] {
                let mut of = pending.clone();
                assert_eq!(refresh(&mut of, Owed::default(), policy, at(paid_on)), None, "nothing is unpaid");
                assert_eq!((of.started_on, of.covered_until, of.billed_until), (day(from), day(until), day(until)));
                let expected =
                    if from == "2026-11-24" && paid_on < "2026-11-23T17" { State::Pending } else { State::Active };
                assert_eq!(of.state, expected, "{paid_on}: never straight into grace");
                let rest = of.calendar().unwrap().rest(of.billed_until.unwrap());
                assert_eq!(rest.until.to_string().get(8..), Some("01"), "and then on the first again");
            }
        }
    }

    #[test]
    fn several_periods_that_are_paid_late_are_as_many_from_the_day_of_payment() {
        let three = Subscription { billed_until: day("2027-03-10"), ..prepaid(State::Isolated) };
        let mut of = three.clone();
        assert_eq!(refresh(&mut of, Owed::default(), SHIFTS, at("2026-12-20T03:00:00Z")), None);
        assert_eq!((of.covered_until, of.billed_until), (day("2027-03-20"), day("2027-03-20")));
        // One of them is paid: the others move on behind it.
        let mut of = three;
        let owed = Owed { oldest_due: day("2027-01-09"), unpaid_from: day("2027-01-10"), ..Owed::default() };
        let moved = refresh(&mut of, owed, SHIFTS, at("2026-12-20T03:00:00Z")).unwrap();
        assert_eq!((of.covered_until, of.billed_until), (day("2027-01-20"), day("2027-03-20")));
        assert_eq!(day("2027-02-10").map(|day| moved.day(day)), day("2027-02-20"));
    }

    #[test]
    fn a_prorated_first_invoice_isolates_only_where_the_operator_wants_it() {
        // Postpaid on the first; a part of November is owed since the 27th.
        let of = Subscription { started_on: day("2026-11-24"), covered_until: day("2026-11-24"), ..sample() };
        let due = day("2026-11-27");
        let owed = Owed { oldest_due: due, unpaid_from: day("2026-11-24"), first_is_unpaid: true, ..Owed::default() };
        let spares = Policy { isolates_prorated: false, ..SHIFTS };
        let now = at("2026-12-05T03:00:00Z");
        let after = |of: &Subscription, owed: Owed, policy: Policy| {
            let mut of = of.clone();
            refresh(&mut of, owed, policy, now);
            (of.state, of.lapses_at, of.acts_at)
        };
        let lapsed = Some(at("2026-11-27T17:00:00Z"));
        assert_eq!(after(&of, owed, SHIFTS), (State::Grace, lapsed, Some(at("2026-11-30T17:00:00Z"))));
        // It stays open, and is looked at again tomorrow.
        assert_eq!(after(&of, owed, spares), (State::Active, None, Some(at("2026-12-05T17:00:00Z"))));
        // December is not spared, nor is a first invoice of a whole period.
        let both = Owed { later_due: day("2026-12-03"), ..owed };
        assert_eq!(after(&of, both, spares).1, Some(at("2026-12-03T17:00:00Z")));
        let whole = Subscription { started_on: day("2026-11-01"), ..of.clone() };
        assert_eq!(after(&whole, owed, spares).0, State::Grace);
        assert_eq!(after(&Subscription { is_prepaid: true, ..of }, owed, spares).0, State::Grace);
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
