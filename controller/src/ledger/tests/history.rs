//! Random histories: whatever happens in whatever order, the sums are zero, what is kept beside the postings is what
//! they say, nothing is settled beyond what is owed, and ages add up to the receivable.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{super::aging, *};
use crate::{
    ids::EntryId,
    ledger::{
        allocation::{Choice, Due, allocate},
        draft::{Effect, Kind, Posting},
    },
};

/// What happens; amounts and choices are made to fit what is there.
#[derive(Debug, Clone, Copy)]
enum Step {
    Invoice { customer: i64, total: i64, due_in: i64 },
    Pay { customer: i64, amount: i64, chosen: Option<usize> },
    UseCredit { customer: i64, amount: i64 },
    Refund { customer: i64, amount: i64 },
    OpeningDebt { customer: i64, amount: i64 },
    WriteOff { customer: i64 },
    Reverse { which: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let customer = 1i64..4;
    prop_oneof![
        4 => (customer.clone(), 1i64..300_000, -100i64..40)
            .prop_map(|(customer, total, due_in)| Step::Invoice { customer, total, due_in }),
        6 => (customer.clone(), 1i64..400_000, prop::option::of(0usize..5))
            .prop_map(|(customer, amount, chosen)| Step::Pay { customer, amount, chosen }),
        2 => (customer.clone(), 1i64..200_000).prop_map(|(customer, amount)| Step::UseCredit { customer, amount }),
        1 => (customer.clone(), 1i64..50_000).prop_map(|(customer, amount)| Step::Refund { customer, amount }),
        1 => (customer.clone(), 1i64..50_000).prop_map(|(customer, amount)| Step::OpeningDebt { customer, amount }),
        1 => customer.prop_map(|customer| Step::WriteOff { customer }),
        2 => (0usize..40).prop_map(|which| Step::Reverse { which }),
    ]
}

/// The ledger in memory: what the store does, by the same rules.
#[derive(Debug, Default)]
struct Book {
    entries: Vec<(Kind, Draft, bool)>,
    balances: BTreeMap<CustomerId, Effect>,
    due: BTreeMap<InvoiceId, (CustomerId, NaiveDate)>,
    allocated: BTreeMap<InvoiceId, i64>,
}

impl Book {
    fn postings(&self) -> impl Iterator<Item = &Posting> {
        self.entries.iter().flat_map(|(_, draft, _)| draft.postings())
    }

    fn owed(&self, customer: CustomerId, invoice: Option<InvoiceId>) -> i64 {
        self.postings()
            .filter(|posting| posting.customer == Some(customer) && posting.invoice == invoice)
            .filter(|posting| posting.place.code() == Code::Receivable)
            .map(|posting| posting.amount.minor())
            .sum()
    }

    fn open(&self, customer: CustomerId) -> Vec<Due> {
        let invoices = self.due.iter().filter(|(_, (owner, _))| *owner == customer);
        let mut open: Vec<Due> = invoices
            .map(|(invoice, (_, due_on))| (Some(*invoice), *due_on))
            .chain([(None, day(2026, 1, 1))])
            .map(|(invoice, due_on)| Due { invoice, due_on, remaining: Money::idr(self.owed(customer, invoice)) })
            .collect();
        open.retain(|due| due.remaining.minor() > 0);
        open
    }

    /// As `ledger::post`: refuses what would go below zero.
    fn post(&mut self, kind: Kind, draft: Draft) -> bool {
        let effects = draft.effects().unwrap();
        for (customer, _, effect) in &effects {
            let now = self.balances.get(customer).copied().unwrap_or_default();
            if now.receivable + effect.receivable < 0 || now.credit + effect.credit < 0 {
                return false;
            }
        }
        for posting in draft.postings().iter().filter(|posting| posting.place.code() == Code::Receivable) {
            let customer = posting.customer.unwrap();
            let of_same: i64 = draft
                .postings()
                .iter()
                .filter(|other| other.invoice == posting.invoice && other.place.code() == Code::Receivable)
                .map(|other| other.amount.minor())
                .sum();
            if self.owed(customer, posting.invoice) + of_same < 0 {
                return false;
            }
        }
        for (customer, _, effect) in effects {
            let now = self.balances.entry(customer).or_default();
            now.receivable += effect.receivable;
            now.credit += effect.credit;
        }
        for (invoice, _, amount) in draft.allocations().unwrap() {
            *self.allocated.entry(invoice).or_default() += amount.minor();
        }
        self.entries.push((kind, draft, false));
        true
    }

    fn apply(&mut self, at: usize, step: Step) {
        let number = i64::try_from(at).unwrap() + 1;
        match step {
            Step::Invoice { customer, total, due_in } => {
                let (customer, due_on) = (CustomerId(customer), day(2026, 11, 24) + chrono::Duration::days(due_in));
                self.due.insert(InvoiceId(number), (customer, due_on));
                assert!(self.post(Kind::InvoiceIssued, invoice(customer, number, total)));
            }
            Step::Pay { customer, amount, chosen } => {
                let customer = CustomerId(customer);
                let open = self.open(customer);
                let chosen: Vec<Choice> = chosen
                    .and_then(|at| open.get(at))
                    .map(|due| Choice { invoice: due.invoice, at_most: None })
                    .into_iter()
                    .collect();
                let settlement = allocate(Money::idr(amount), &open, &chosen).unwrap();
                assert!(self.post(Kind::Payment, cash(customer, number, &settlement).unwrap()));
            }
            Step::UseCredit { customer, amount } => {
                let customer = CustomerId(customer);
                let credit = self.balances.get(&customer).map_or(0, |balance| balance.credit);
                let Ok(mut settlement) = allocate(Money::idr(amount.min(credit)), &self.open(customer), &[]) else {
                    return;
                };
                settlement.rest = Money::idr(0);
                if let Ok(draft) = rules::credit_used(fact("credit", number), customer, &settlement) {
                    assert!(self.post(Kind::CreditUsed, draft));
                }
            }
            Step::Refund { customer, amount } => {
                let what = Settlement::to_credit(Money::idr(amount));
                let draft =
                    rules::refund(fact("refund", number), CustomerId(customer), &Place::cash(7), &what).unwrap();
                let credit = self.balances.get(&CustomerId(customer)).map_or(0, |balance| balance.credit);
                assert_eq!(self.post(Kind::Refund, draft), credit >= amount);
            }
            Step::OpeningDebt { customer, amount } => {
                let draft = rules::opening_debt(fact("import", number), CustomerId(customer), None, Money::idr(amount));
                assert!(self.post(Kind::OpeningDebt, draft.unwrap()));
            }
            Step::WriteOff { customer } => {
                let customer = CustomerId(customer);
                let Some(due) = self.open(customer).pop() else { return };
                let share = Share { invoice: due.invoice, amount: due.remaining };
                let settlement = Settlement { shares: vec![share], rest: Money::idr(0) };
                let draft = rules::write_off(fact("write_off", number), customer, &settlement).unwrap();
                assert!(self.post(Kind::WriteOff, draft));
            }
            Step::Reverse { which } => self.reverse(which, number),
        }
    }

    fn reverse(&mut self, which: usize, number: i64) {
        let Some((kind, draft, reversed)) = self.entries.get(which).cloned() else { return };
        if reversed {
            return;
        }
        let entry = EntryId(i64::try_from(which).unwrap());
        let inverse = rules::reversal(fact("entry", number), entry, kind, draft.postings()).unwrap();
        for (there, back) in draft.postings().iter().zip(inverse.postings()) {
            assert_eq!(there.amount.minor(), -back.amount.minor());
            assert_eq!((&there.place, there.customer, there.invoice), (&back.place, back.customer, back.invoice));
        }
        // Refused when what came after stands on it: an invoice that is paid, credit that is spent.
        if self.post(kind, inverse) {
            self.entries[which].2 = true;
            self.entries.last_mut().unwrap().2 = true;
        }
    }

    fn check(&self) {
        let total: i64 = self.postings().map(|posting| posting.amount.minor()).sum();
        assert_eq!(total, 0, "all postings sum to zero");
        for (_, draft, _) in &self.entries {
            let sum: i64 = draft.postings().iter().map(|posting| posting.amount.minor()).sum();
            assert_eq!(sum, 0, "each entry sums to zero");
        }
        let (mut owed_by_all, mut aged) = (0, 0);
        for (customer, kept) in &self.balances {
            let of = |code| -> i64 {
                let theirs = self.postings().filter(|posting| posting.customer == Some(*customer));
                theirs.filter(|posting| posting.place.code() == code).map(|posting| posting.amount.minor()).sum()
            };
            assert_eq!((kept.receivable, kept.credit), (of(Code::Receivable), -of(Code::CustomerCredit)));
            assert!(kept.receivable >= 0 && kept.credit >= 0);
            owed_by_all += kept.receivable;
            aged += self.aged(*customer, kept.credit);
        }
        assert_eq!(aged, owed_by_all, "ages add up to the receivable");
        for (invoice, (customer, _)) in &self.due {
            let left = self.owed(*customer, Some(*invoice));
            assert!(left >= 0, "no invoice is settled beyond what it is");
            assert!(self.allocated.get(invoice).copied().unwrap_or(0) >= 0);
        }
    }

    fn aged(&self, customer: CustomerId, credit: i64) -> i64 {
        let debts: Vec<aging::Debt> = self
            .open(customer)
            .into_iter()
            .map(|due| aging::Debt { due_on: due.due_on, made_at: at(0), total: due.remaining, settled: Vec::new() })
            .collect();
        let zone = chrono_tz::Asia::Jakarta;
        let found = aging::aging(&debts, Money::idr(credit), day(2026, 11, 24), zone).unwrap();
        found.receivable().unwrap().minor()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn the_books_balance_whatever_happens(steps in prop::collection::vec(step(), 1..40)) {
        let mut book = Book::default();
        for (at, step) in steps.into_iter().enumerate() {
            book.apply(at, step);
            book.check();
        }
    }
}
