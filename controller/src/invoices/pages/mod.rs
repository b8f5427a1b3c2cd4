//! What the pages of invoices show.

mod drafts;
mod list;
mod one;
mod paper;
mod reports;

pub(crate) use drafts::{DraftFields, DraftsPage};
pub(crate) use list::{CustomerPart, ListPage, Shown};
pub(crate) use one::{ChoosePage, CreditFields, CreditPage, FormPage, ManualFields, SettledLine, ShowPage};
pub(crate) use paper::{Paper, PaperPage, StatementPaper};
pub(crate) use reports::{AgingPage, StatementFields, StatementPage};

use chrono::{DateTime, NaiveDate};
use serde::Serialize;

use super::{
    Head, Invoice, Line, Sum, WriteOff,
    rules::{Kind, LineKind, State},
};
use crate::{
    customers::Customer,
    ids::{CustomerId, EntryId, InvoiceId, SiteId, WriteOffId},
    money::Money,
};

/// Whose invoices they are.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Whose {
    pub(crate) id: CustomerId,
    pub(crate) number: String,
    pub(crate) name: String,
    pub(crate) address: String,
    /// The one that is called first, as people write it.
    pub(crate) phone: String,
    pub(crate) site: String,
    pub(crate) timezone: String,
}

impl From<&Customer> for Whose {
    fn from(customer: &Customer) -> Self {
        Self {
            id: customer.id,
            number: customer.number.clone(),
            name: customer.name.clone(),
            address: customer.address.clone(),
            phone: customer.phones.first().map(|contact| contact.shown.clone()).unwrap_or_default(),
            site: customer.site.clone(),
            timezone: customer.timezone.clone(),
        }
    }
}

fn sample_whose() -> Whose {
    Whose {
        id: CustomerId(7),
        number: "C000123".to_owned(),
        name: "Budi Santoso".to_owned(),
        address: "Jl. Melati 5 RT02/RW03".to_owned(),
        phone: "0812-3456-7890".to_owned(),
        site: "Kebon".to_owned(),
        timezone: "Asia/Jakarta".to_owned(),
    }
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}

fn sample_head(state: State) -> Head {
    let total = Money::idr(183_150);
    let settled = match state {
        State::Paid | State::Uncollectible => total,
        State::PartiallyPaid => Money::idr(100_000),
        State::Draft | State::Open | State::Void => Money::idr(0),
    };
    Head {
        id: InvoiceId(12),
        number: (state != State::Draft).then(|| "INV-202612-000123".to_owned()),
        customer_id: CustomerId(7),
        customer_number: "C000123".to_owned(),
        customer_name: "Budi Santoso".to_owned(),
        site_id: SiteId(1),
        subscription_id: None,
        kind: Kind::Period,
        period_from: Some(day(2026, 12, 1)),
        period_until: Some(day(2027, 1, 1)),
        state,
        net: Money::idr(165_000),
        tax: Money::idr(18_150),
        total,
        settled,
        remaining: total.minus(settled).unwrap_or(total),
        what: "Rumah 10 Mbps".to_owned(),
        issued_on: (state != State::Draft).then(|| day(2026, 11, 25)),
        issued_at: (state != State::Draft).then_some(DateTime::UNIX_EPOCH),
        due_on: day(2026, 12, 10),
        paid_at: (state == State::Paid).then_some(DateTime::UNIX_EPOCH),
        created_at: DateTime::UNIX_EPOCH,
    }
}

fn sample_invoice(state: State) -> Invoice {
    let line = |kind: LineKind, text: &str, amount: i64| Line {
        kind,
        text: text.to_owned(),
        quantity: 1,
        unit_price: Money::idr(amount),
        amount: Money::idr(amount),
        cost: Money::idr(0),
        is_taxed: kind == LineKind::Package,
        package_id: None,
        addon_id: None,
        from_day: (kind == LineKind::Package).then(|| day(2026, 12, 1)),
        until_day: (kind == LineKind::Package).then(|| day(2027, 1, 1)),
    };
    Invoice {
        head: sample_head(state),
        notes: "Terima kasih".to_owned(),
        tax_label: "PPN 12% × 11/12".to_owned(),
        entry_id: None,
        void_reason: if state == State::Void { "pindah".to_owned() } else { String::new() },
        voided_at: (state == State::Void).then_some(DateTime::UNIX_EPOCH),
        created_by: None,
        token: String::new(),
        lines: vec![
            line(LineKind::Package, "Rumah 10 Mbps", 180_000),
            line(LineKind::Discount, "Diskon <tetangga>", -15_000),
        ],
        credit_notes: Vec::new(),
        write_offs: if state == State::Uncollectible { sample_write_offs() } else { Vec::new() },
        written_off: Money::idr(if state == State::Uncollectible { 83_150 } else { 0 }),
        paid: Money::idr(if state == State::Uncollectible { 100_000 } else { 0 }),
    }
}

/// One that holds, and one that was taken back.
fn sample_write_offs() -> Vec<WriteOff> {
    let held = WriteOff {
        id: WriteOffId(2),
        customer_id: CustomerId(7),
        invoice_id: Some(InvoiceId(12)),
        amount: Money::idr(83_150),
        reason: "pindah <b>".to_owned(),
        entry_id: EntryId(9),
        who: "rina".to_owned(),
        created_at: DateTime::UNIX_EPOCH,
        reversed_at: None,
        reverse_reason: String::new(),
    };
    let reversed = WriteOff {
        id: WriteOffId(1),
        reversed_at: Some(DateTime::UNIX_EPOCH),
        reverse_reason: "mau bayar".to_owned(),
        ..held.clone()
    };
    vec![held, reversed]
}

fn sample_sum() -> Sum {
    Sum { count: 96, total: Money::idr(15_840_000), remaining: Money::idr(15_000_000) }
}
