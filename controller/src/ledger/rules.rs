//! Each business fact as a balanced entry (DESIGN 7). Amounts given are never negative; what is debit and what is credit
//! is said here and nowhere else. Pure.

use serde::{Deserialize, Serialize};

use super::{
    allocation::{Settlement, Share},
    chart::{Code, Place},
    draft::{Draft, Fact, Kind, Posting, RuleError, Source},
};
use crate::{
    ids::{AttemptId, CustomerId, EntryId, InvoiceId},
    money::Money,
};

/// Postings being put together.
#[derive(Debug, Default)]
struct Lines(Vec<Posting>);

impl Lines {
    fn debit(&mut self, place: Place, amount: Money) -> Result<(), RuleError> {
        self.put(place, not_negative(amount)?, None, None)
    }

    fn credit(&mut self, place: Place, amount: Money) -> Result<(), RuleError> {
        self.put(place, not_negative(amount)?.times(-1)?, None, None)
    }

    /// On an account of customers, debit +, credit −.
    fn customer(
        &mut self,
        code: Code,
        signed: Money,
        customer: CustomerId,
        invoice: Option<InvoiceId>,
    ) -> Result<(), RuleError> {
        self.put(Place::of(code), signed, Some(customer), invoice)
    }

    /// What a payment settles: receivables, and the rest as credit.
    fn settle(&mut self, customer: CustomerId, settlement: &Settlement) -> Result<(), RuleError> {
        for Share { invoice, amount } in &settlement.shares {
            self.customer(Code::Receivable, not_negative(*amount)?.times(-1)?, customer, *invoice)?;
        }
        self.customer(Code::CustomerCredit, not_negative(settlement.rest)?.times(-1)?, customer, None)
    }

    #[expect(clippy::unnecessary_wraps, reason = "the callers chain it")]
    fn put(
        &mut self,
        place: Place,
        amount: Money,
        customer: Option<CustomerId>,
        invoice: Option<InvoiceId>,
    ) -> Result<(), RuleError> {
        self.0.push(Posting { place, amount, customer, invoice, attempt: None });
        Ok(())
    }

    fn of_attempt(mut self, attempt: Option<AttemptId>) -> Vec<Posting> {
        for posting in &mut self.0 {
            posting.attempt = attempt;
        }
        self.0
    }
}

fn not_negative(amount: Money) -> Result<Money, RuleError> {
    if amount.minor() < 0 { Err(RuleError::Amount) } else { Ok(amount) }
}

fn of_money(place: &Place) -> Result<Place, RuleError> {
    if place.holds_money() { Ok(place.clone()) } else { Err(RuleError::WrongPlace) }
}

fn without_rest(settlement: &Settlement) -> Result<(), RuleError> {
    if settlement.rest.minor() == 0 { Ok(()) } else { Err(RuleError::NotDue) }
}

/// What an invoice's line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Income {
    Service,
    Voucher,
    LateFee,
    /// None: a debt taken over, against which the opening balances stand.
    Opening,
}

impl Income {
    fn code(self) -> Code {
        match self {
            Self::Service => Code::ServiceIncome,
            Self::Voucher => Code::VoucherIncome,
            Self::LateFee => Code::LateFee,
            Self::Opening => Code::Opening,
        }
    }
}

/// What an invoice or a credit note says: net lines, tax, and by how much the total was rounded (down: negative).
#[derive(Debug, Clone)]
pub struct Bill {
    pub customer: CustomerId,
    pub lines: Vec<(Income, Money)>,
    pub tax: Money,
    pub rounding: Money,
}

impl Bill {
    /// The incomes, tax and rounding, and their total.
    fn lines(
        &self,
        book: impl Fn(&mut Lines, Place, Money) -> Result<(), RuleError>,
    ) -> Result<(Lines, Money), RuleError> {
        let mut lines = Lines::default();
        let mut total = self.tax.plus(self.rounding)?;
        for (income, amount) in &self.lines {
            book(&mut lines, Place::of(income.code()), not_negative(*amount)?)?;
            total = total.plus(*amount)?;
        }
        book(&mut lines, Place::of(Code::Tax), not_negative(self.tax)?)?;
        book(&mut lines, Place::of(Code::Rounding), self.rounding)?;
        Ok((lines, not_negative(total)?))
    }
}

/// An invoice is issued: the customer owes its total.
///
/// # Errors
/// [`RuleError`], as of every function here.
pub fn invoice_issued(fact: Fact, invoice: InvoiceId, bill: &Bill) -> Result<Draft, RuleError> {
    let (mut lines, total) = bill.lines(|lines, place, amount| lines.put(place, amount.times(-1)?, None, None))?;
    lines.customer(Code::Receivable, total, bill.customer, Some(invoice))?;
    Draft::new(Kind::InvoiceIssued, fact, lines.0)
}

/// A credit note takes back incomes and tax; it settles invoices, and what is left becomes credit.
///
/// # Errors
/// [`RuleError`]; [`RuleError::Unbalanced`] when it settles another amount than it says.
pub fn credit_note(fact: Fact, bill: &Bill, settlement: &Settlement) -> Result<Draft, RuleError> {
    let (mut lines, total) = bill.lines(|lines, place, amount| lines.put(place, amount, None, None))?;
    if settlement.total()? != total {
        return Err(RuleError::Unbalanced);
    }
    lines.settle(bill.customer, settlement)?;
    Draft::new(Kind::CreditNote, fact, lines.0)
}

/// Money of a customer has come.
#[derive(Debug, Clone)]
pub struct Payment<'a> {
    pub customer: CustomerId,
    pub into: Place,
    pub settlement: &'a Settlement,
    pub attempt: Option<AttemptId>,
}

/// Cash, or a transfer that was seen.
///
/// # Errors
/// [`RuleError`].
pub fn payment(fact: Fact, payment: &Payment<'_>) -> Result<Draft, RuleError> {
    let mut lines = Lines::default();
    lines.debit(of_money(&payment.into)?, payment.settlement.total()?)?;
    lines.settle(payment.customer, payment.settlement)?;
    Draft::new(Kind::Payment, fact, lines.of_attempt(payment.attempt))
}

/// Who bears what a gateway keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fee {
    /// It keeps nothing, or says so only later.
    None,
    /// The operator: it is kept from what was paid.
    Operator(Money),
    /// The payer: it was paid on top, and is not ours.
    Payer(Money),
}

/// A gateway confirmed a payment.
///
/// # Errors
/// [`RuleError`].
pub fn gateway_payment(fact: Fact, payment: &Payment<'_>, fee: Fee) -> Result<Draft, RuleError> {
    if payment.into.code() != Code::Gateway {
        return Err(RuleError::WrongPlace);
    }
    let total = payment.settlement.total()?;
    let mut lines = Lines::default();
    match fee {
        Fee::None => lines.debit(payment.into.clone(), total)?,
        Fee::Operator(fee) => {
            lines.debit(payment.into.clone(), total)?;
            lines.debit(Place::of(Code::GatewayFee), fee)?;
            lines.credit(payment.into.clone(), fee)?;
        }
        Fee::Payer(fee) => {
            lines.debit(payment.into.clone(), total.plus(not_negative(fee)?)?)?;
            lines.credit(payment.into.clone(), fee)?;
        }
    }
    lines.settle(payment.customer, payment.settlement)?;
    Draft::new(Kind::GatewayPayment, fact, lines.of_attempt(payment.attempt))
}

/// Where the few rupiah go by which a transfer was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UniqueCode {
    /// They stay the customer's.
    ToCredit(Money),
    /// They are ours.
    ToIncome(Money),
}

/// A bank transfer whose total carries a unique code on top of what it settles.
///
/// # Errors
/// [`RuleError`].
pub fn bank_transfer(fact: Fact, payment: &Payment<'_>, code: UniqueCode) -> Result<Draft, RuleError> {
    let mut lines = Lines::default();
    let (UniqueCode::ToCredit(on_top) | UniqueCode::ToIncome(on_top)) = code;
    lines.debit(of_money(&payment.into)?, payment.settlement.total()?.plus(not_negative(on_top)?)?)?;
    lines.settle(payment.customer, payment.settlement)?;
    match code {
        UniqueCode::ToCredit(on_top) => {
            lines.customer(Code::CustomerCredit, on_top.times(-1)?, payment.customer, None)?;
        }
        UniqueCode::ToIncome(on_top) => lines.credit(Place::of(Code::Rounding), on_top)?,
    }
    Draft::new(Kind::Payment, fact, lines.of_attempt(payment.attempt))
}

/// Invoices are settled from the customer's credit.
///
/// # Errors
/// [`RuleError`]; [`RuleError::NotDue`] when there is a rest.
pub fn credit_used(fact: Fact, customer: CustomerId, settlement: &Settlement) -> Result<Draft, RuleError> {
    without_rest(settlement)?;
    let mut lines = Lines::default();
    lines.customer(Code::CustomerCredit, settlement.total()?, customer, None)?;
    lines.settle(customer, settlement)?;
    Draft::new(Kind::CreditUsed, fact, lines.0)
}

/// What was settled of an invoice becomes the customer's credit: the invoice is open again by so much.
///
/// # Errors
/// [`RuleError`].
pub fn credit_returned(
    fact: Fact,
    customer: CustomerId,
    invoice: InvoiceId,
    amount: Money,
) -> Result<Draft, RuleError> {
    let mut lines = Lines::default();
    lines.customer(Code::Receivable, not_negative(amount)?, customer, Some(invoice))?;
    lines.customer(Code::CustomerCredit, amount.times(-1)?, customer, None)?;
    Draft::new(Kind::CreditReturned, fact, lines.0)
}

/// Money goes back to a customer: from his credit, or of invoices, which are open again then.
///
/// # Errors
/// [`RuleError`].
pub fn refund(fact: Fact, customer: CustomerId, from: &Place, what: &Settlement) -> Result<Draft, RuleError> {
    let mut lines = Lines::default();
    lines.credit(of_money(from)?, what.total()?)?;
    for Share { invoice, amount } in &what.shares {
        lines.customer(Code::Receivable, not_negative(*amount)?, customer, *invoice)?;
    }
    lines.customer(Code::CustomerCredit, not_negative(what.rest)?, customer, None)?;
    Draft::new(Kind::Refund, fact, lines.0)
}

/// A debt is given up.
///
/// # Errors
/// [`RuleError`]; [`RuleError::NotDue`] when there is a rest.
pub fn write_off(fact: Fact, customer: CustomerId, settlement: &Settlement) -> Result<Draft, RuleError> {
    without_rest(settlement)?;
    let mut lines = Lines::default();
    lines.debit(Place::of(Code::BadDebt), settlement.total()?)?;
    lines.settle(customer, settlement)?;
    Draft::new(Kind::WriteOff, fact, lines.0)
}

/// What a customer owed when he was taken over; of an invoice when one was made for it.
///
/// # Errors
/// [`RuleError`].
pub fn opening_debt(
    fact: Fact,
    customer: CustomerId,
    invoice: Option<InvoiceId>,
    amount: Money,
) -> Result<Draft, RuleError> {
    let mut lines = Lines::default();
    lines.customer(Code::Receivable, not_negative(amount)?, customer, invoice)?;
    lines.credit(Place::of(Code::Opening), amount)?;
    Draft::new(Kind::OpeningDebt, fact, lines.0)
}

/// What a customer had paid ahead when he was taken over.
///
/// # Errors
/// [`RuleError`].
pub fn opening_credit(fact: Fact, customer: CustomerId, amount: Money) -> Result<Draft, RuleError> {
    let mut lines = Lines::default();
    lines.debit(Place::of(Code::Opening), amount)?;
    lines.customer(Code::CustomerCredit, amount.times(-1)?, customer, None)?;
    Draft::new(Kind::OpeningCredit, fact, lines.0)
}

/// What lay in a drawer or bank account at the start.
///
/// # Errors
/// [`RuleError`].
pub fn opening_balance(fact: Fact, place: &Place, amount: Money) -> Result<Draft, RuleError> {
    let mut lines = Lines::default();
    lines.debit(of_money(place)?, amount)?;
    lines.credit(Place::of(Code::Opening), amount)?;
    Draft::new(Kind::OpeningBalance, fact, lines.0)
}

/// A drawer was counted and holds another amount than it should.
///
/// # Errors
/// [`RuleError`]; [`RuleError::Empty`] when there is no difference.
pub fn shift_difference(fact: Fact, drawer: &Place, counted: Money, expected: Money) -> Result<Draft, RuleError> {
    let difference = not_negative(counted)?.minus(expected)?;
    let mut lines = Lines::default();
    lines.put(of_money(drawer)?, difference, None, None)?;
    lines.put(Place::of(Code::CashDifference), difference.times(-1)?, None, None)?;
    Draft::new(Kind::ShiftDifference, fact, lines.0)
}

/// Own money moves: a shift is handed over, a gateway pays out.
///
/// # Errors
/// [`RuleError`].
pub fn transfer(fact: Fact, from: &Place, to: &Place, amount: Money) -> Result<Draft, RuleError> {
    if from == to {
        return Err(RuleError::WrongPlace);
    }
    let mut lines = Lines::default();
    lines.debit(of_money(to)?, amount)?;
    lines.credit(of_money(from)?, amount)?;
    Draft::new(Kind::Transfer, fact, lines.0)
}

/// Money came and nobody knows whose it is.
///
/// # Errors
/// [`RuleError`].
pub fn unidentified(fact: Fact, into: &Place, amount: Money) -> Result<Draft, RuleError> {
    let mut lines = Lines::default();
    lines.debit(of_money(into)?, amount)?;
    lines.credit(Place::of(Code::Unidentified), amount)?;
    Draft::new(Kind::Unidentified, fact, lines.0)
}

/// It is known now whose money it was.
///
/// # Errors
/// [`RuleError`].
pub fn identified(fact: Fact, customer: CustomerId, settlement: &Settlement) -> Result<Draft, RuleError> {
    let mut lines = Lines::default();
    lines.debit(Place::of(Code::Unidentified), settlement.total()?)?;
    lines.settle(customer, settlement)?;
    Draft::new(Kind::Identified, fact, lines.0)
}

/// When the income of a voucher is booked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VoucherIncome {
    /// When it is sold.
    #[default]
    AtSale,
    /// When it is used for the first time.
    AtFirstLogin,
}

impl VoucherIncome {
    /// Both.
    pub const ALL: [Self; 2] = [Self::AtSale, Self::AtFirstLogin];

    /// As stored and in forms.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtSale => "at_sale",
            Self::AtFirstLogin => "at_first_login",
        }
    }

    /// Of its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|income| income.as_str() == text)
    }
}

/// A voucher's money: what was paid (tax included), the tax of it, and what it cost.
#[derive(Debug, Clone)]
pub struct VoucherSale {
    pub into: Place,
    pub price: Money,
    pub tax: Money,
    pub cost: Money,
}

/// A voucher is sold: income and cost now, or unearned until it is used.
///
/// # Errors
/// [`RuleError`]; [`RuleError::Empty`] for a free voucher without cost.
pub fn voucher_sold(fact: Fact, sale: &VoucherSale, income: VoucherIncome) -> Result<Draft, RuleError> {
    let mut lines = Lines::default();
    lines.debit(of_money(&sale.into)?, sale.price)?;
    lines.credit(Place::of(Code::Tax), sale.tax)?;
    let net = sale.price.minus(sale.tax)?;
    match income {
        VoucherIncome::AtSale => {
            lines.credit(Place::of(Code::VoucherIncome), net)?;
            lines.debit(Place::of(Code::VoucherCost), sale.cost)?;
            lines.credit(Place::of(Code::VoucherPayable), sale.cost)?;
        }
        VoucherIncome::AtFirstLogin => lines.credit(Place::of(Code::VoucherUnearned), net)?,
    }
    Draft::new(Kind::VoucherSold, fact, lines.0)
}

/// A voucher sold as unearned is used: `net` becomes income, and its cost is booked.
///
/// # Errors
/// [`RuleError`]; [`RuleError::Empty`] for a free voucher without cost.
pub fn voucher_used(fact: Fact, net: Money, cost: Money) -> Result<Draft, RuleError> {
    let mut lines = Lines::default();
    lines.debit(Place::of(Code::VoucherUnearned), net)?;
    lines.credit(Place::of(Code::VoucherIncome), net)?;
    lines.debit(Place::of(Code::VoucherCost), cost)?;
    lines.credit(Place::of(Code::VoucherPayable), cost)?;
    Draft::new(Kind::VoucherUsed, fact, lines.0)
}

/// The source of the entry that takes back another: an entry is reversed once.
#[must_use]
pub fn reversal_source(entry: EntryId) -> Source {
    Source::new("entry", entry)
}

/// The exact inverse of an entry, of its kind and with its postings.
///
/// # Errors
/// [`RuleError`]; never for an entry that was booked.
pub fn reversal(fact: Fact, entry: EntryId, kind: Kind, postings: &[Posting]) -> Result<Draft, RuleError> {
    let inverse = |posting: &Posting| Ok(Posting { amount: posting.amount.times(-1)?, ..posting.clone() });
    let postings: Result<Vec<Posting>, RuleError> = postings.iter().map(inverse).collect();
    Ok(Draft::new(Kind::Reversal, fact, postings?)?.reversing(entry, kind))
}
