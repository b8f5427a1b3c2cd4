//! Paying early never loses time: whole lives of prepaid services, day after day, with the functions that bill and follow
//! them. Every day that was paid for is served.

use chrono::{DateTime, Days, Duration, NaiveDate, Utc};
use proptest::prelude::*;

use super::{
    Access, State, Step, Subscription,
    bill::{self, Bill, First, Terms},
    change::{self, Owed, Policy},
    tests::sample,
};
use crate::{invoices::Kind, ledger::aging::day_start, money::Money, packages::FirstPeriod};

/// Days ahead that nights invoice.
const AHEAD: u64 = 7;
/// Days of the shortest month.
const SHORTEST: i64 = 28;

/// What somebody does with his service.
#[derive(Debug, Clone, Copy)]
enum Deed {
    /// Pays the oldest invoice, if there is one.
    Pay,
    /// Pays all there is, and so many periods more.
    Renew(usize),
    /// So many periods are invoiced ahead, and paid when he likes.
    Ask(usize),
}

#[derive(Debug, Clone, Copy)]
struct Invoice {
    kind: Kind,
    from: NaiveDate,
    until: NaiveDate,
    due_on: NaiveDate,
    is_paid: bool,
}

/// A service with its invoices.
struct Life {
    of: Subscription,
    invoices: Vec<Invoice>,
    policy: Policy,
    today: NaiveDate,
    paid: i64,
    served: i64,
}

impl Life {
    fn new((cycle, bill_day): (&str, Option<i32>), zone: &str, start: NaiveDate, grace_days: i32) -> Self {
        let step = Step::named(cycle, bill_day).unwrap();
        let of = Subscription {
            state: State::Pending,
            is_prepaid: true,
            due_days: 0,
            grace_days,
            customer_grace_days: None,
            cycle: cycle.to_owned(),
            bill_day,
            timezone: zone.to_owned(),
            started_on: Some(start),
            anchor: Some(step.anchor(start)),
            billed_until: Some(start),
            covered_until: Some(start),
            ..sample()
        };
        let policy = Policy { late_shifts: true, isolates_prorated: true };
        let mut life = Self { of, invoices: Vec::new(), policy, today: start, paid: 0, served: 0 };
        let first = First { period: FirstPeriod::Prorate, setup_fee: Money::idr(0), due_on: start };
        let bill = bill::first(&life.of, &[], &first, Terms { horizon: start, today: start, rounding: 1 }).unwrap();
        life.issue(bill);
        life.follow(life.at(10));
        life
    }

    fn at(&self, hour: i64) -> DateTime<Utc> {
        day_start(self.today, self.of.zone()) + Duration::hours(hour)
    }

    fn issue(&mut self, bill: Bill) {
        for proposal in bill.proposals {
            let (from, until) = proposal.period.unwrap();
            let is_away = self.of.state == State::Isolated;
            assert!(is_away || proposal.due_on >= self.today, "due before it was made: {proposal:?}");
            self.invoices.push(Invoice { kind: proposal.kind, from, until, due_on: proposal.due_on, is_paid: false });
        }
        self.of.billed_until = bill.billed_until.or(self.of.billed_until);
    }

    fn owed(&self) -> Owed {
        let open = || self.invoices.iter().filter(|invoice| !invoice.is_paid);
        let later = open().filter(|invoice| invoice.kind != Kind::First);
        Owed {
            oldest_due: open().map(|invoice| invoice.due_on).min(),
            later_due: later.map(|invoice| invoice.due_on).min(),
            draft_due: None,
            unpaid_from: open().map(|invoice| invoice.from).min(),
            given_up_from: None,
            first_is_unpaid: open().any(|invoice| invoice.kind == Kind::First),
        }
    }

    /// As `follow` does it; whether what was paid began late.
    fn follow(&mut self, now: DateTime<Utc>) {
        let owed = self.owed();
        if let Some(moved) = change::refresh(&mut self.of, owed, self.policy, now) {
            for invoice in self.invoices.iter_mut().filter(|invoice| !invoice.is_paid) {
                (invoice.from, invoice.until) = (moved.day(invoice.from), moved.day(invoice.until));
                invoice.due_on = bill::due_on(&self.of, invoice.from);
            }
            let owed = self.owed();
            assert_eq!(change::refresh(&mut self.of, owed, self.policy, now), None);
        }
    }

    /// A day: the night first, then deeds, then whether he was online that evening.
    fn day(&mut self, deeds: &[Deed]) {
        let now = self.at(1);
        self.follow(now);
        let horizon = self.today.checked_add_days(Days::new(AHEAD)).unwrap();
        let bill = bill::until(&self.of, &[], None, Terms { horizon, today: self.today, rounding: 1 }).unwrap();
        self.issue(bill);
        self.follow(now);
        let is_fixed = self.of.calendar().unwrap().step().is_fixed();
        // Where days are fixed nobody is left without service here: he pays for the days on which he was not served.
        if !is_fixed && self.of.state == State::Grace && self.of.acts_at.is_some_and(|at| at <= now) {
            self.of.state = State::Isolated;
        }
        for deed in deeds {
            match deed {
                Deed::Pay => self.pay(),
                Deed::Renew(periods) => {
                    self.ask(*periods);
                    while self.invoices.iter().any(|invoice| !invoice.is_paid) {
                        self.mark_oldest();
                    }
                    self.follow(self.at(12));
                }
                Deed::Ask(periods) => self.ask(*periods),
            }
        }
        if change::access(&self.of) == Access::Open {
            self.served += 1;
        }
        self.today = self.today.succ_opt().unwrap();
    }

    fn ask(&mut self, periods: usize) {
        let bill = bill::ahead(&self.of, &[], None, (periods, self.today, 1)).unwrap();
        assert_eq!(bill.proposals.len(), periods);
        self.issue(bill);
        self.follow(self.at(12));
    }

    fn pay(&mut self) {
        self.mark_oldest();
        self.follow(self.at(12));
    }

    /// Counts what was paid for: the invoice's days; of months that begin anew no more than each month has.
    fn mark_oldest(&mut self) {
        let away = matches!(self.of.state, State::Isolated | State::Pending);
        let step = self.of.calendar().unwrap().step();
        let Some(oldest) = self.invoices.iter_mut().filter(|invoice| !invoice.is_paid).min_by_key(|each| each.from)
        else {
            return;
        };
        oldest.is_paid = true;
        let days = (oldest.until - oldest.from).num_days();
        self.paid += match step {
            Step::Months(months) if away => days.min(i64::from(months) * SHORTEST),
            Step::BillDay(_) | Step::Months(_) | Step::Days(_) => days,
        };
    }
}

fn any_cycle() -> impl Strategy<Value = (String, Option<i32>)> {
    prop_oneof![
        (1i32..=28).prop_map(|day| ("monthly".to_owned(), Some(day))),
        Just(("anniversary".to_owned(), None)),
        (2u16..=6).prop_map(|months| (format!("months_{months}"), None)),
        (1u16..=4).prop_map(|weeks| (format!("weeks_{weeks}"), None)),
        (3u16..=45).prop_map(|days| (format!("days_{days}"), None)),
    ]
}

fn any_deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => Just(Deed::Pay),
        2 => (1usize..=3).prop_map(Deed::Renew),
        1 => (1usize..=3).prop_map(Deed::Ask),
    ]
}

fn any_zone() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura", "America/Santiago", "UTC"])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_day_that_was_paid_for_is_served(
        (cycle, bill_day) in any_cycle(),
        zone in any_zone(),
        start in 0u64..1_500,
        grace_days in 0i32..5,
        // How many days go by before each deed.
        deeds in proptest::collection::vec((0usize..40, any_deed()), 1..14),
    ) {
        let start = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + Days::new(start);
        let mut life = Life::new((&cycle, bill_day), zone, start, grace_days);
        for (days, deed) in deeds {
            for _quiet in 0..days {
                life.day(&[]);
            }
            life.day(&[deed]);
        }
        // And to the end of what is paid.
        while life.of.covered_until.is_some_and(|until| life.today < until) {
            prop_assert!(life.of.state == State::Active || life.of.state == State::Grace || life.paid == 0, "{:?}", life.of);
            life.day(&[]);
        }
        prop_assert!(life.served >= life.paid, "{} of {} days: {:?} {:?}", life.served, life.paid, life.of, life.invoices);
    }
}
