//! The ledger under test: facts as tables, random histories, stories on both databases, pages and API.

mod facts;
mod history;
mod pages;
mod proofs;
mod stories;

use chrono::{DateTime, NaiveDate, Utc};

use super::{
    allocation::{Settlement, Share},
    chart::{Code, Place},
    draft::{Draft, Fact, RuleError, Source},
    rules::{self, Bill, Income, Payment},
};
use crate::{
    ids::{CustomerId, InvoiceId},
    money::Money,
};

pub(super) const SITI: CustomerId = CustomerId(1);
pub(super) const BUDI: CustomerId = CustomerId(2);

pub(super) fn at(minute: i64) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-11-22T08:00:00Z".parse().unwrap();
    start + chrono::Duration::minutes(minute)
}

pub(super) fn fact(r#type: &str, id: impl ToString) -> Fact {
    Fact { source: Source::new(r#type, id), occurred_at: at(0), site: None, memo: String::new() }
}

pub(super) fn shares(parts: &[(i64, i64)], rest: i64) -> Settlement {
    let share = |(invoice, amount): &(i64, i64)| Share {
        invoice: (*invoice > 0).then_some(InvoiceId(*invoice)),
        amount: Money::idr(*amount),
    };
    Settlement { shares: parts.iter().map(share).collect(), rest: Money::idr(rest) }
}

/// Invoice `id` of `customer` over `total`, no tax.
pub(super) fn invoice(customer: CustomerId, id: i64, total: i64) -> Draft {
    let bill = Bill {
        customer,
        lines: vec![(Income::Service, Money::idr(total))],
        tax: Money::idr(0),
        rounding: Money::idr(0),
    };
    rules::invoice_issued(fact("invoice", id), InvoiceId(id), &bill).unwrap()
}

/// Cash of `customer` in the drawer of shift 7.
pub(super) fn cash(customer: CustomerId, payment: i64, settlement: &Settlement) -> Result<Draft, RuleError> {
    let what = Payment { customer, into: Place::cash(7), settlement, attempt: None };
    rules::payment(fact("payment", payment), &what)
}

/// `1100 shift/7 +50000`, in the order booked.
pub(super) fn lines(draft: &Draft) -> Vec<String> {
    let line = |posting: &super::draft::Posting| {
        let place = format!("{} {}", posting.place.code().as_str(), posting.place.sub());
        let owner = posting.customer.map_or_else(String::new, |customer| format!(" c{customer}"));
        let of = posting.invoice.map_or_else(String::new, |invoice| format!(" i{invoice}"));
        format!("{} {:+}{owner}{of}", place.trim_end(), posting.amount.minor())
    };
    draft.postings().iter().map(line).collect()
}

pub(super) fn sum_of(draft: &Draft, code: Code) -> i64 {
    draft.postings().iter().filter(|posting| posting.place.code() == code).map(|posting| posting.amount.minor()).sum()
}

pub(super) fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}
