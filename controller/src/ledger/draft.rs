//! An entry before it is written: made only by `rules.rs`, always balanced. What it changes beside the postings (balances
//! of customers, what is settled of invoices) is derived from it here, for the store and for the proofs alike. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound as _, Utc};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::chart::{Code, Place};
use crate::{
    ids::{AttemptId, CustomerId, EntryId, InvoiceId, SiteId},
    money::{Currency, Money, MoneyError},
};

/// Most postings of an entry: an invoice of many lines.
pub const MAX_POSTINGS: usize = 200;
/// The largest amount of a posting, in minor units: far above any, and far enough from overflow in sums.
pub const MAX_AMOUNT: i64 = 1_000_000_000_000_000;
/// Characters kept of a memo.
pub const MAX_MEMO: usize = 300;
/// Characters of a source's id.
pub const MAX_SOURCE: usize = 120;

/// What kind of fact an entry tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    InvoiceIssued,
    CreditNote,
    Payment,
    GatewayPayment,
    CreditUsed,
    CreditReturned,
    Refund,
    WriteOff,
    VoucherSold,
    VoucherUsed,
    OpeningDebt,
    OpeningCredit,
    OpeningBalance,
    ShiftDifference,
    Transfer,
    Unidentified,
    Identified,
    Reversal,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 18] = [
        Self::InvoiceIssued,
        Self::CreditNote,
        Self::Payment,
        Self::GatewayPayment,
        Self::CreditUsed,
        Self::CreditReturned,
        Self::Refund,
        Self::WriteOff,
        Self::VoucherSold,
        Self::VoucherUsed,
        Self::OpeningDebt,
        Self::OpeningCredit,
        Self::OpeningBalance,
        Self::ShiftDifference,
        Self::Transfer,
        Self::Unidentified,
        Self::Identified,
        Self::Reversal,
    ];

    /// As stored; its text is `entry-<kind>` with dashes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvoiceIssued => "invoice_issued",
            Self::CreditNote => "credit_note",
            Self::Payment => "payment",
            Self::GatewayPayment => "gateway_payment",
            Self::CreditUsed => "credit_used",
            Self::CreditReturned => "credit_returned",
            Self::Refund => "refund",
            Self::WriteOff => "write_off",
            Self::VoucherSold => "voucher_sold",
            Self::VoucherUsed => "voucher_used",
            Self::OpeningDebt => "opening_debt",
            Self::OpeningCredit => "opening_credit",
            Self::OpeningBalance => "opening_balance",
            Self::ShiftDifference => "shift_difference",
            Self::Transfer => "transfer",
            Self::Unidentified => "unidentified",
            Self::Identified => "identified",
            Self::Reversal => "reversal",
        }
    }

    /// The kind of a stored name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether its postings on receivables settle invoices; those of the others make them.
    #[must_use]
    pub fn settles(self) -> bool {
        match self {
            Self::CreditNote
            | Self::Payment
            | Self::GatewayPayment
            | Self::CreditUsed
            | Self::CreditReturned
            | Self::Refund
            | Self::WriteOff
            | Self::Identified => true,
            Self::InvoiceIssued
            | Self::VoucherSold
            | Self::VoucherUsed
            | Self::OpeningDebt
            | Self::OpeningCredit
            | Self::OpeningBalance
            | Self::ShiftDifference
            | Self::Transfer
            | Self::Unidentified
            | Self::Reversal => false,
        }
    }

    /// Whether somebody may reverse it in the journal. The others have a document of their own, whose state must follow:
    /// they are reversed there.
    #[must_use]
    pub fn by_hand(self) -> bool {
        match self {
            Self::OpeningDebt | Self::OpeningCredit | Self::OpeningBalance | Self::Transfer | Self::Unidentified => {
                true
            }
            Self::InvoiceIssued
            | Self::CreditNote
            | Self::Payment
            | Self::GatewayPayment
            | Self::CreditUsed
            | Self::CreditReturned
            | Self::Refund
            | Self::WriteOff
            | Self::VoucherSold
            | Self::VoucherUsed
            | Self::ShiftDifference
            | Self::Identified
            | Self::Reversal => false,
        }
    }
}

/// The document that an entry tells of: `payment` `817`. With the kind it is unique.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    pub r#type: String,
    pub id: String,
}

impl Source {
    /// A document of a type by its id.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "ids are copied; a reference would only burden callers")]
    pub fn new(r#type: &str, id: impl ToString) -> Self {
        Self { r#type: r#type.to_owned(), id: id.to_string() }
    }
}

/// An amount on an account: debit +, credit −.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    pub place: Place,
    pub amount: Money,
    pub customer: Option<CustomerId>,
    pub invoice: Option<InvoiceId>,
    pub attempt: Option<AttemptId>,
}

/// What stands above the postings of an entry.
#[derive(Debug, Clone)]
pub struct Fact {
    pub source: Source,
    pub occurred_at: DateTime<Utc>,
    pub site: Option<SiteId>,
    /// For people; longer ones than [`MAX_MEMO`] are cut.
    pub memo: String,
}

/// Why there is no such entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error("an amount is negative, or so large that it cannot be meant")]
    Amount,
    #[error("the postings do not sum to zero")]
    Unbalanced,
    #[error("there is nothing to book")]
    Empty,
    #[error("more postings than an entry may have")]
    TooMany,
    #[error("a place that holds no money, or a customer where none belongs")]
    WrongPlace,
    #[error("what shall be settled is not due")]
    NotDue,
    #[error("the source has no type or id, or a too long one")]
    Source,
}

impl From<MoneyError> for RuleError {
    fn from(error: MoneyError) -> Self {
        match error {
            MoneyError::Mixed => Self::Unbalanced,
            MoneyError::Overflow => Self::Amount,
        }
    }
}

/// An entry ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    kind: Kind,
    source: Source,
    occurred_at: DateTime<Utc>,
    site: Option<SiteId>,
    memo: String,
    postings: Vec<Posting>,
    reverses: Option<(EntryId, Kind)>,
}

/// What an entry does to a customer's balance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effect {
    pub receivable: i64,
    pub credit: i64,
}

impl Draft {
    /// Checks and makes it. Postings of nothing are left out.
    pub(super) fn new(kind: Kind, fact: Fact, mut postings: Vec<Posting>) -> Result<Self, RuleError> {
        let Fact { source, occurred_at, site, memo } = fact;
        let too_long = |text: &str| text.is_empty() || text.chars().count() > MAX_SOURCE;
        if too_long(&source.r#type) || too_long(&source.id) {
            return Err(RuleError::Source);
        }
        postings.retain(|posting| posting.amount.minor() != 0);
        if postings.is_empty() {
            return Err(RuleError::Empty);
        }
        if postings.len() > MAX_POSTINGS {
            return Err(RuleError::TooMany);
        }
        let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
        let currencies: Vec<Currency> = postings.iter().map(|posting| posting.amount.currency()).collect();
        for (posting, currency) in postings.iter().zip(&currencies) {
            let minor = posting.amount.minor();
            if minor.unsigned_abs() > MAX_AMOUNT.unsigned_abs() {
                return Err(RuleError::Amount);
            }
            let code = posting.place.code();
            let misplaced = posting.invoice.is_some() && code != Code::Receivable;
            if misplaced || code.is_customers() != posting.customer.is_some() {
                return Err(RuleError::WrongPlace);
            }
            let sum = sums.entry(currency.code()).or_default();
            *sum = sum.checked_add(minor).ok_or(RuleError::Amount)?;
        }
        if sums.values().any(|sum| *sum != 0) {
            return Err(RuleError::Unbalanced);
        }
        let memo = memo.trim().chars().take(MAX_MEMO).collect();
        let occurred_at = occurred_at.trunc_subsecs(3);
        Ok(Self { kind, source, occurred_at, site, memo, postings, reverses: None })
    }

    pub(super) fn reversing(mut self, entry: EntryId, kind: Kind) -> Self {
        self.reverses = Some((entry, kind));
        self
    }

    /// What kind of fact it tells.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The document it tells of.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// When the fact happened.
    #[must_use]
    pub fn occurred_at(&self) -> DateTime<Utc> {
        self.occurred_at
    }

    /// At which site.
    #[must_use]
    pub fn site(&self) -> Option<SiteId> {
        self.site
    }

    /// The words for people.
    #[must_use]
    pub fn memo(&self) -> &str {
        &self.memo
    }

    /// Its postings; they sum to 0.
    #[must_use]
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }

    /// The entry it takes back.
    #[must_use]
    pub fn reverses(&self) -> Option<EntryId> {
        self.reverses.map(|(entry, _)| entry)
    }

    /// What it does to the balances of customers.
    ///
    /// # Errors
    /// [`RuleError::Amount`] on overflow.
    pub fn effects(&self) -> Result<Vec<(CustomerId, Currency, Effect)>, RuleError> {
        effects(&self.postings)
    }

    /// What it settles of invoices (gives back: negative), in the order of invoices.
    ///
    /// # Errors
    /// [`RuleError::Amount`] on overflow.
    pub fn allocations(&self) -> Result<Vec<(InvoiceId, CustomerId, Money)>, RuleError> {
        allocations_of(self.reverses.map_or(self.kind, |(_, kind)| kind), &self.postings)
    }

    /// A hash of what it books. The same source with another hash is another fact.
    #[must_use]
    pub fn digest(&self) -> String {
        digest(self.site, self.reverses(), &self.postings)
    }
}

/// What postings of an entry of a kind settle; of a reversal it is the kind of what it takes back.
///
/// # Errors
/// [`RuleError::Amount`] on overflow.
pub fn allocations_of(kind: Kind, postings: &[Posting]) -> Result<Vec<(InvoiceId, CustomerId, Money)>, RuleError> {
    let mut found: Vec<(InvoiceId, CustomerId, Money)> = Vec::new();
    if !kind.settles() {
        return Ok(found);
    }
    for posting in postings.iter().filter(|posting| posting.place.code() == Code::Receivable) {
        let (Some(invoice), Some(customer)) = (posting.invoice, posting.customer) else { continue };
        let settled = posting.amount.times(-1)?;
        if let Some((_, _, amount)) = found.iter_mut().find(|(known, ..)| *known == invoice) {
            *amount = amount.plus(settled)?;
        } else {
            found.push((invoice, customer, settled));
        }
    }
    found.retain(|(_, _, amount)| amount.minor() != 0);
    found.sort_by_key(|(invoice, ..)| *invoice);
    Ok(found)
}

/// What postings do to the balances of customers, in the order of customers.
///
/// # Errors
/// [`RuleError::Amount`] on overflow.
pub fn effects(postings: &[Posting]) -> Result<Vec<(CustomerId, Currency, Effect)>, RuleError> {
    let mut found: BTreeMap<(CustomerId, String), (Currency, Effect)> = BTreeMap::new();
    for posting in postings {
        let Some(customer) = posting.customer else { continue };
        let (currency, minor) = (posting.amount.currency(), posting.amount.minor());
        let (_, effect) = found.entry((customer, currency.code().to_owned())).or_insert((currency, Effect::default()));
        if posting.place.code() == Code::Receivable {
            effect.receivable = effect.receivable.checked_add(minor).ok_or(RuleError::Amount)?;
        } else {
            effect.credit = effect.credit.checked_sub(minor).ok_or(RuleError::Amount)?;
        }
    }
    Ok(found.into_iter().map(|((customer, _), (currency, effect))| (customer, currency, effect)).collect())
}

/// The hash of an entry's content, whatever the order of its postings. Time and memo are not in it: who repeats a
/// request says them anew.
#[must_use]
pub fn digest(site: Option<SiteId>, reverses: Option<EntryId>, postings: &[Posting]) -> String {
    let number = |id: Option<i64>| id.map_or_else(|| "-".to_owned(), |id| id.to_string());
    let line = |posting: &Posting| {
        let Posting { place, amount, customer, invoice, attempt } = posting;
        let (customer, invoice, attempt) =
            (number(customer.map(|id| id.0)), number(invoice.map(|id| id.0)), number(attempt.map(|id| id.0)));
        let (code, sub, currency) = (place.code().as_str(), place.sub(), amount.currency());
        format!("{code} {sub} {} {} {customer} {invoice} {attempt}", amount.minor(), currency.code())
    };
    let mut lines: Vec<String> = postings.iter().map(line).collect();
    lines.sort_unstable();
    let mut hasher = Sha256::new();
    hasher.update(format!("{} {}\n", number(site.map(|id| id.0)), number(reverses.map(|id| id.0))));
    hasher.update(lines.join("\n"));
    hiji_shared::signed::hex(&hasher.finalize())
}
