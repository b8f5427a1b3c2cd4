//! What the pages of the ledger show.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    Account, Difference, EntryLine, Names, Proof,
    chart::Code,
    draft::{Kind, Posting},
    routes::Asked,
};
use crate::{
    http::{misread::Misread, page::Page},
    ids::{AccountId, CustomerId, EntryId, InvoiceId},
    money::Money,
};

/// Every account with its balance.
#[derive(Debug, Serialize)]
pub(crate) struct AccountsPage {
    pub(crate) accounts: Vec<Account>,
    pub(crate) proof: Option<Proof>,
    pub(crate) timezone: String,
}

/// The journal, newest first.
#[derive(Debug, Serialize)]
pub(crate) struct JournalPage {
    pub(crate) lines: Vec<EntryLine>,
    pub(crate) q: String,
    pub(crate) asked: Asked,
    pub(crate) misread: Misread,
    /// The account asked for.
    pub(crate) account: Option<Account>,
    /// The customer asked for: number and name; empty = none, or nobody.
    pub(crate) customer: String,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) timezone: String,
}

/// An entry with its postings.
#[derive(Debug, Serialize)]
pub(crate) struct EntryPage {
    pub(crate) line: EntryLine,
    pub(crate) recorded_at: DateTime<Utc>,
    pub(crate) postings: Vec<PostingLine>,
    /// Whether entries of its kind are reversed here at all.
    pub(crate) by_hand: bool,
    pub(crate) may_reverse: bool,
    pub(crate) reason_missing: bool,
    pub(crate) timezone: String,
}

/// A posting in the columns of accountants.
#[derive(Debug, Serialize)]
pub(crate) struct PostingLine {
    pub(crate) code: &'static str,
    pub(crate) sub: String,
    pub(crate) debit: Option<Money>,
    pub(crate) credit: Option<Money>,
    pub(crate) customer_id: Option<CustomerId>,
    /// Number and name.
    pub(crate) customer: String,
    pub(crate) invoice_id: Option<InvoiceId>,
    /// Its number; empty = it has none yet.
    pub(crate) invoice: String,
}

impl PostingLine {
    /// A posting with what its customer and invoice are called.
    pub(crate) fn new(posting: &Posting, names: &Names) -> Self {
        let amount = posting.amount;
        // Amounts of postings are bounded: their negation fits.
        let (debit, credit) = if amount.minor() > 0 { (Some(amount), None) } else { (None, amount.times(-1).ok()) };
        Self {
            code: posting.place.code().as_str(),
            sub: posting.place.sub().to_owned(),
            debit,
            credit,
            customer: posting.customer.and_then(|id| names.customers.get(&id)).cloned().unwrap_or_default(),
            customer_id: posting.customer,
            invoice: posting.invoice.and_then(|id| names.invoices.get(&id)).cloned().unwrap_or_default(),
            invoice_id: posting.invoice,
        }
    }
}

fn sample_account(code: Code, sub: &str) -> Account {
    Account {
        id: AccountId(1),
        code: code.as_str(),
        kind: code.kind(),
        sub: sub.to_owned(),
        debit: Money::idr(165_000),
        credit: Money::idr(15_000),
        balance: Money::idr(150_000),
    }
}

fn sample_line(kind: Kind) -> EntryLine {
    EntryLine {
        id: EntryId(7),
        occurred_at: DateTime::UNIX_EPOCH,
        kind,
        source_type: "payment".to_owned(),
        source_id: "817".to_owned(),
        memo: "KW/2026/11/000004".to_owned(),
        actor_id: None,
        actor: "rina".to_owned(),
        site_id: None,
        amount: Some(Money::idr(165_000)),
        reverses: None,
        reversed_by: None,
    }
}

fn sample_proof(differences: Vec<Difference>) -> Proof {
    Proof { at: DateTime::UNIX_EPOCH, whole: true, through_entry: EntryId(7), entries: 12_345, differences }
}

/// Every check that can fail, once: each has its words.
fn sample_differences() -> Vec<Difference> {
    [
        "entry_unbalanced",
        "entry_changed",
        "entry_empty",
        "allocation",
        "customer_receivable",
        "customer_credit",
        "account_balance",
        "invoice_over_settled",
    ]
    .map(|check| Difference::new(check, "customer/17 IDR".to_owned(), 5, 4))
    .into()
}

impl Page for AccountsPage {
    const TEMPLATE: &'static str = "ledger/accounts.html";

    fn samples() -> Vec<Self> {
        let page = |accounts, proof| Self { accounts, proof, timezone: "Asia/Jakarta".to_owned() };
        let mut all: Vec<Account> = Code::ALL.into_iter().map(|code| sample_account(code, "")).collect();
        for (code, sub) in [(Code::Cash, "shift/7"), (Code::Bank, "bank/2"), (Code::Gateway, "gateway/duitku")] {
            all.push(sample_account(code, sub));
        }
        vec![
            page(Vec::new(), None),
            page(all.clone(), Some(sample_proof(Vec::new()))),
            page(all, Some(sample_proof(sample_differences()))),
        ]
    }
}

impl Page for JournalPage {
    const TEMPLATE: &'static str = "ledger/journal.html";

    fn samples() -> Vec<Self> {
        let page = |lines, q: &str| Self {
            lines,
            q: q.to_owned(),
            asked: Asked::default(),
            misread: Misread::default(),
            account: None,
            customer: String::new(),
            kinds: Kind::ALL.to_vec(),
            next: None,
            is_later: false,
            timezone: "Asia/Jakarta".to_owned(),
        };
        let mut lines: Vec<EntryLine> = Kind::ALL.into_iter().map(sample_line).collect();
        lines.push(EntryLine { reversed_by: Some(EntryId(9)), ..sample_line(Kind::Transfer) });
        lines.push(EntryLine { reverses: Some(EntryId(7)), amount: None, ..sample_line(Kind::Reversal) });
        let asked = Asked { kind: "payment".to_owned(), from: "2026-11-01".to_owned(), ..Asked::default() };
        vec![
            page(Vec::new(), ""),
            page(Vec::new(), "817"),
            Self { misread: Misread::sample("to", "not_a_date"), ..page(Vec::new(), "") },
            Self {
                account: Some(sample_account(Code::Cash, "shift/7")),
                customer: "C000003 Budi Santoso".to_owned(),
                asked,
                next: Some("x".to_owned()),
                is_later: true,
                ..page(lines, "")
            },
        ]
    }
}

impl Page for EntryPage {
    const TEMPLATE: &'static str = "ledger/entry.html";

    fn samples() -> Vec<Self> {
        let posting = |code: Code, debit: Option<i64>, credit: Option<i64>, customer: Option<i64>| PostingLine {
            code: code.as_str(),
            sub: String::new(),
            debit: debit.map(Money::idr),
            credit: credit.map(Money::idr),
            customer_id: customer.map(CustomerId),
            customer: "C000003 Budi Santoso".to_owned(),
            invoice_id: customer.map(InvoiceId),
            invoice: if debit.is_some() { String::new() } else { "INV-202612-000003".to_owned() },
        };
        let page = |line, by_hand, may_reverse| Self {
            line,
            recorded_at: DateTime::UNIX_EPOCH,
            postings: vec![
                posting(Code::Cash, Some(165_000), None, None),
                posting(Code::Receivable, None, Some(165_000), Some(3)),
                posting(Code::Receivable, Some(1_000), None, Some(3)),
            ],
            by_hand,
            may_reverse,
            reason_missing: false,
            timezone: "Asia/Jakarta".to_owned(),
        };
        vec![
            page(sample_line(Kind::Payment), false, false),
            page(sample_line(Kind::Transfer), true, true),
            Self { reason_missing: true, ..page(sample_line(Kind::Transfer), true, true) },
            page(EntryLine { reversed_by: Some(EntryId(9)), ..sample_line(Kind::Transfer) }, true, false),
            page(EntryLine { reverses: Some(EntryId(7)), ..sample_line(Kind::Reversal) }, false, false),
        ]
    }
}
