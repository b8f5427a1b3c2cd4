//! Pure decisions about invoices: what they sum up to, the tax of it, where they stand, when they are due, how their
//! numbers count, what a credit note takes back.

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{
    db::paging::{BadCursor, PageOf},
    ids::InvoiceId,
    ledger::{
        aging,
        draft::RuleError,
        tax::{self, TaxRate, Taxed},
    },
    money::{Money, MoneyError},
};

/// Lines of an invoice.
pub const MAX_LINES: usize = 50;
/// Characters of a line.
pub const MAX_TEXT: usize = 200;
/// Characters of the notes, which are printed.
pub const MAX_NOTES: usize = 500;
/// Characters of a reason.
pub const MAX_REASON: usize = 200;
/// The largest total: a hundred times the largest price.
pub const MAX_TOTAL: i64 = 100_000_000_000;
/// Most days from today to the last day to pay.
pub const MAX_DUE_DAYS: u64 = 366;

/// What an invoice is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InvoiceKind)]
pub enum Kind {
    /// A period of a subscription.
    Period,
    /// Its first days, and the set-up.
    First,
    /// The difference when its package changes.
    Change,
    /// What is left when it ends.
    Final,
    /// Made by hand.
    Manual,
    /// What was owed when the customer was taken over.
    Opening,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Period, Self::First, Self::Change, Self::Final, Self::Manual, Self::Opening];

    /// As stored; its text is `invoice-kind-<kind>`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Period => "period",
            Self::First => "first",
            Self::Change => "change",
            Self::Final => "final",
            Self::Manual => "manual",
            Self::Opening => "opening",
        }
    }

    /// The kind of a stored name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether a subscription is served no longer while it is not paid.
    #[must_use]
    pub fn is_of_service(self) -> bool {
        matches!(self, Self::Period | Self::First | Self::Change | Self::Final)
    }
}

/// Where an invoice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InvoiceState)]
pub enum State {
    /// Not issued: no number, nothing owed.
    Draft,
    Open,
    PartiallyPaid,
    Paid,
    Void,
    /// Nothing is asked for any more, since the rest was given up.
    Uncollectible,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Draft, Self::Open, Self::PartiallyPaid, Self::Paid, Self::Void, Self::Uncollectible];

    /// As stored; its text is `invoice-state-<state>` with dashes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::PartiallyPaid => "partially_paid",
            Self::Paid => "paid",
            Self::Void => "void",
            Self::Uncollectible => "uncollectible",
        }
    }

    /// The state of a stored name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether something of it is to be paid.
    #[must_use]
    pub fn is_owed(self) -> bool {
        matches!(self, Self::Open | Self::PartiallyPaid)
    }
}

/// What a line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InvoiceLineKind)]
pub enum LineKind {
    Package,
    Addon,
    Setup,
    Discount,
    Proration,
    Other,
}

impl LineKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Package, Self::Addon, Self::Setup, Self::Discount, Self::Proration, Self::Other];

    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::Addon => "addon",
            Self::Setup => "setup",
            Self::Discount => "discount",
            Self::Proration => "proration",
            Self::Other => "other",
        }
    }

    /// The kind of a stored name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Whether what is proposed waits for approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issue {
    /// It does: no number, nothing booked.
    Draft,
    Now,
}

/// Why there is no such invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("it has no lines, or more than an invoice may have")]
    Lines,
    #[error("it would be negative")]
    Negative,
    #[error("amounts of different currencies, or beyond any that can be meant")]
    Amount,
    #[error("what is credited is nothing, or more than is left of it")]
    Credit,
}

impl From<MoneyError> for Fault {
    fn from(_: MoneyError) -> Self {
        Self::Amount
    }
}

impl From<RuleError> for Fault {
    fn from(_: RuleError) -> Self {
        Self::Amount
    }
}

/// What an invoice sums up to: `net + tax = total`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    pub net: Money,
    pub tax: Money,
    pub total: Money,
    /// Of the rate; empty where there is no tax.
    pub tax_label: String,
}

/// The totals of lines (amount, whether it is taxed). The tax is rounded once, half up, over all taxed lines.
///
/// # Errors
/// [`Fault`].
pub fn totals(lines: &[(Money, bool)], rate: Option<&TaxRate>) -> Result<Totals, Fault> {
    let Some((first, _)) = lines.first() else { return Err(Fault::Lines) };
    if lines.len() > MAX_LINES {
        return Err(Fault::Lines);
    }
    let none = Money::new(0, first.currency());
    let (mut taxed, mut free) = (none, none);
    for (amount, is_taxed) in lines {
        let sum = if *is_taxed { &mut taxed } else { &mut free };
        *sum = sum.plus(*amount)?;
    }
    let sum = taxed.plus(free)?;
    if sum.minor() < 0 {
        return Err(Fault::Negative);
    }
    let (tax, total, tax_label) = match rate {
        // Of a discount larger than what is taxed there is no tax, and none to give back.
        Some(rate) if taxed.minor() > 0 => {
            let Taxed { tax, total, .. } = rate.split(taxed)?;
            (tax, total.plus(free)?, rate.label.clone())
        }
        Some(_) | None => (none, sum, String::new()),
    };
    if total.minor() > MAX_TOTAL {
        return Err(Fault::Amount);
    }
    // Prices with the tax in them and a discount without: the tax may be more than what is left.
    if total.minor() < tax.minor() {
        return Err(Fault::Negative);
    }
    Ok(Totals { net: total.minus(tax)?, tax, total, tax_label })
}

/// The rate of a day, where the operator collects any.
#[must_use]
pub fn rate_of(is_taxable: bool, rates: &[TaxRate], day: NaiveDate) -> Option<&TaxRate> {
    if is_taxable { tax::rate_on(rates, day) } else { None }
}

/// Where an issued invoice stands, by what is left of it and whether something was given up.
#[must_use]
pub fn state_of(total: Money, remaining: Money, is_given_up: bool) -> State {
    match remaining.minor() {
        ..=0 if is_given_up => State::Uncollectible,
        ..=0 => State::Paid,
        left if left < total.minor() => State::PartiallyPaid,
        _ => State::Open,
    }
}

/// The local day of an instant at a site.
#[must_use]
pub fn today(now: DateTime<Utc>, zone: Tz) -> NaiveDate {
    aging::local_day(now, zone)
}

/// The last day to pay of something invoiced on a day.
#[must_use]
pub fn due_on(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_add_days(Days::new(days)).unwrap_or(day)
}

/// The day by which an invoice is numbered: December's are December's, also those issued at the end of November. What is
/// made up for later counts among those of its day.
#[must_use]
pub fn numbered_by(issued_on: NaiveDate, period_from: Option<NaiveDate>) -> NaiveDate {
    period_from.map_or(issued_on, |from| from.max(issued_on))
}

/// The last day to pay of a draft that is approved on a day: after its day it is not late at once. Debts taken over are as
/// old as they are.
#[must_use]
pub fn due_when_approved(kind: Kind, due_on: NaiveDate, issued_on: NaiveDate) -> NaiveDate {
    if kind == Kind::Opening { due_on } else { due_on.max(issued_on) }
}

/// How many days something is late on a day; 0 = it is not.
#[must_use]
pub fn days_late(due_on: NaiveDate, today: NaiveDate) -> i64 {
    (today - due_on).num_days().max(0)
}

/// What a credit note takes back: its parts, and where they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credited {
    pub net: Money,
    pub tax: Money,
    pub amount: Money,
    /// Off what is left of the invoice.
    pub off: Money,
    /// To the customer's balance.
    pub to_credit: Money,
}

/// What is there to be credited.
#[derive(Debug, Clone, Copy)]
pub struct Creditable {
    pub total: Money,
    pub tax: Money,
    /// Credited before: of the total, and of the tax.
    pub credited: (Money, Money),
    pub remaining: Money,
}

/// Splits a credit over net and tax, by the share of the invoice: all notes together take back exactly its tax. Without
/// an amount it is all that is left to be credited.
///
/// # Errors
/// [`Fault::Credit`] when it is nothing or too much.
pub fn credited(of: &Creditable, amount: Option<Money>) -> Result<Credited, Fault> {
    let left = of.total.minus(of.credited.0)?;
    let amount = amount.unwrap_or(left);
    if amount.minor() <= 0 || amount.minus(left)?.minor() > 0 {
        return Err(Fault::Credit);
    }
    let so_far = of.credited.0.plus(amount)?;
    let tax = share(of.tax, so_far, of.total)?.minus(of.credited.1)?;
    let off = Money::new(amount.minor().min(of.remaining.minor()).max(0), amount.currency());
    Ok(Credited { net: amount.minus(tax)?, tax, amount, off, to_credit: amount.minus(off)? })
}

/// `whole × part / of`, half up. Nothing here is negative.
fn share(whole: Money, part: Money, of: Money) -> Result<Money, Fault> {
    let (whole_minor, part, of) = (i128::from(whole.minor()), i128::from(part.minor()), i128::from(of.minor()));
    if of <= 0 {
        return Err(Fault::Credit);
    }
    let minor = (whole_minor * part * 2 + of) / (of * 2);
    Ok(Money::new(i64::try_from(minor).map_err(|_too_large| Fault::Amount)?, whole.currency()))
}

/// A place in the lists, which are by due day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    pub due_on: NaiveDate,
    pub id: InvoiceId,
}

impl Key {
    /// As a cursor carries it.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}.{}", self.due_on, self.id)
    }

    /// Where a page begins; nothing on the first.
    ///
    /// # Errors
    /// [`BadCursor`].
    pub fn of(page: &PageOf) -> Result<Option<Self>, BadCursor> {
        let Some(text) = page.after() else { return Ok(None) };
        let (due_on, id) = text.split_once('.').ok_or(BadCursor)?;
        let due_on = due_on.parse().map_err(|_not_ours| BadCursor)?;
        let id = InvoiceId(id.parse().map_err(|_not_ours| BadCursor)?);
        Ok(Some(Self { due_on, id }))
    }
}
