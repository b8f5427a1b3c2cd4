//! The money of changes within periods that are invoiced: what is asked for, what is given back, and of which invoice.
//! Pure.
//!
//! Days that were invoiced and are not served are taken back from the invoices that asked for them, line by line, so
//! that discounts, add-ons and tax are given back as they were charged. Service that was moved by a pause goes on after
//! the days its invoice names: what is left of it is looked for as many days earlier. Days that were given back and are
//! invoiced anew belong to the later invoice.

use chrono::{Days, NaiveDate};
use serde::Serialize;

use super::super::periods::{Calendar, Period, difference, prorated};
use crate::{
    ids::InvoiceId,
    money::{Money, MoneyError},
};

/// Periods that one change is reckoned over; who paid for more has more than ten years of months.
const MAX_PARTS: usize = 400;
/// Shares of amounts are kept to this part of a minor unit until they are rounded.
const FINE: i128 = 1_000_000;

/// Days within one whole period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Part {
    pub days: Period,
    /// So many.
    pub count: i64,
    /// Days of the whole period.
    pub of: i64,
}

/// What a change of price makes of days that are invoiced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Difference {
    pub parts: Vec<Part>,
    /// Of the old price, for these days.
    pub old: Money,
    /// Of the new one.
    pub new: Money,
    /// What is asked for; negative: what is given back. Rounded as a whole, which its parts are not.
    pub amount: Money,
}

/// An invoice of a subscription, as what was charged is taken back from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Billed {
    pub invoice: InvoiceId,
    pub number: String,
    pub lines: Vec<BilledLine>,
    pub total: Money,
    /// In the total.
    pub tax: Money,
    /// What was not taken back before.
    pub left: Money,
    pub is_draft: bool,
    /// Something of it was paid.
    pub is_paid: bool,
    /// The debt was given up: its days were never paid, so nothing is given back for them.
    pub is_given_up: bool,
    /// The period that it asks for; none: for something within one.
    pub period: Option<Period>,
}

/// A line that asks for days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BilledLine {
    pub amount: Money,
    pub is_taxed: bool,
    /// `None`: not for days; it is never given back.
    pub days: Option<Period>,
}

/// What is given back of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct GivenBack {
    #[schema(value_type = i64)]
    pub invoice: InvoiceId,
    pub number: String,
    /// Tax included.
    pub amount: Money,
    /// It is not issued yet.
    #[serde(skip)]
    #[schema(ignore)]
    pub is_draft: bool,
    /// All of an invoice of which nothing was paid: it need not be there.
    #[serde(skip)]
    #[schema(ignore)]
    pub is_whole: bool,
}

/// All that is given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Returned {
    /// Newest first.
    pub of_invoices: Vec<GivenBack>,
    /// For days that were paid before hiji knew the customer: no invoice asked for them.
    pub loose: Money,
    pub total: Money,
}

/// What was paid for before hiji made invoices: until which day, and what a period costs.
#[derive(Debug, Clone, Copy)]
pub struct Before {
    pub until: Option<NaiveDate>,
    pub price: Money,
}

/// The parts of whole periods that days lie in.
#[must_use]
pub fn parts(calendar: Calendar, days: Period) -> Vec<Part> {
    let mut found = Vec::new();
    let mut from = days.from;
    while from < days.until && found.len() < MAX_PARTS {
        let whole = calendar.around(from);
        let until = whole.until.min(days.until);
        if until <= from {
            break;
        }
        let days = Period { from, until };
        found.push(Part { days, count: days.days(), of: whole.days() });
        from = until;
    }
    found
}

/// What days that were invoiced at the old price cost more, or less, at the new one.
///
/// # Errors
/// [`MoneyError`].
pub fn change(
    calendar: Calendar,
    days: Period,
    (old, new): (Money, Money),
    rounding: i64,
) -> Result<Difference, MoneyError> {
    let parts = parts(calendar, days);
    let none = Money::new(0, old.currency());
    let mut found = Difference { parts: Vec::new(), old: none, new: none, amount: none };
    for part in &parts {
        let days = part.count;
        found.old = found.old.plus(prorated(old, days, part.of, 1)?)?;
        found.new = found.new.plus(prorated(new, days, part.of, 1)?)?;
        // Whole periods have whole prices.
        let more = if days >= part.of { new.minus(old)? } else { difference(old, new, (days, part.of), rounding)? };
        found.amount = found.amount.plus(more)?;
    }
    Ok(Difference { parts, ..found })
}

/// What a price is for days, each part of a period rounded.
///
/// # Errors
/// [`MoneyError`].
pub fn price_of(calendar: Calendar, days: Period, price: Money, rounding: i64) -> Result<Money, MoneyError> {
    let none = Money::new(0, price.currency());
    parts(calendar, days)
        .into_iter()
        .try_fold(none, |sum, part| sum.plus(prorated(price, part.count, part.of, rounding)?))
}

/// What is given back for days that were invoiced. `billed` = the invoices that may have asked for them, newest first;
/// `end` = the first day that is not invoiced.
///
/// # Errors
/// [`MoneyError`].
pub fn unused(
    billed: &[Billed],
    (days, end): (Period, NaiveDate),
    (calendar, before): (Calendar, Before),
    rounding: i64,
) -> Result<Returned, MoneyError> {
    let none = Money::new(0, before.price.currency());
    let cuts = cuts(billed);
    let named = billed.iter().zip(&cuts).filter_map(|(each, cut)| Some(each.until()?.min(*cut)));
    let named_until = named.max();
    // A pause moved service on behind the days that invoices name.
    let moved = named_until.map_or(0, |until| (end - until).num_days().max(0));
    let moved = if calendar.step().is_fixed() || named_until.is_none() { 0 } else { moved };
    let sought = Period { from: earlier(days.from, moved), until: earlier(days.until, moved) };
    let mut found = Returned { of_invoices: Vec::new(), loose: none, total: none };
    let mut lefts: Vec<Money> = Vec::with_capacity(billed.len());
    for (invoice, cut) in billed.iter().zip(&cuts) {
        let amount = invoice.share(Period { until: sought.until.min(*cut), ..sought }, rounding)?;
        let amount = if amount.minor() > invoice.left.minor() { invoice.left } else { amount };
        lefts.push(invoice.left.minus(amount)?);
        found.add(invoice, amount)?;
    }
    // Days between invoices that a pause moved apart.
    let gap = if calendar.step().is_fixed() { Vec::new() } else { gap((billed, &cuts), sought) };
    let extra = gaps_price(&gap, calendar, before.price, rounding)?;
    let rest = found.spread(billed, &mut lefts, extra)?;
    let old = before.until.and_then(|until| {
        let first = billed.iter().filter_map(Billed::from).min().map_or(until, |first| first.min(until));
        days.within(Period { from: days.from, until: first })
    });
    let loose = old.map_or(Ok(none), |days| price_of(calendar, days, before.price, rounding))?;
    found.loose = loose.plus(rest)?;
    found.total = found.total.plus(found.loose)?;
    Ok(found)
}

/// Takes an amount back from invoices, the newest first, as far as they go; the rest of it stays loose.
///
/// # Errors
/// [`MoneyError`].
pub fn from_newest(billed: &[Billed], amount: Money, is_taxed: bool) -> Result<Returned, MoneyError> {
    let none = Money::new(0, amount.currency());
    let mut found = Returned { of_invoices: Vec::new(), loose: none, total: none };
    let mut left = amount;
    for invoice in billed {
        if left.minor() <= 0 {
            break;
        }
        let whole = invoice.with_tax(left, is_taxed)?;
        let taken = if whole.minor() > invoice.left.minor() { invoice.left } else { whole };
        found.add(invoice, taken)?;
        // What of the wish the invoice bore, without its tax.
        let net = if taken == whole { left } else { invoice.without_tax(taken, is_taxed)? };
        left = left.minus(net)?;
    }
    if left.minor() > 0 {
        found.loose = left;
        found.total = found.total.plus(left)?;
    }
    Ok(found)
}

impl Returned {
    /// Nothing is given back.
    #[must_use]
    pub fn nothing(like: Money) -> Self {
        let none = Money::new(0, like.currency());
        Self { of_invoices: Vec::new(), loose: none, total: none }
    }

    fn add(&mut self, invoice: &Billed, amount: Money) -> Result<(), MoneyError> {
        if amount.minor() <= 0 || invoice.is_given_up {
            return Ok(());
        }
        self.total = self.total.plus(amount)?;
        if let Some(known) = self.of_invoices.iter_mut().find(|known| known.invoice == invoice.invoice) {
            known.amount = known.amount.plus(amount)?;
            known.is_whole = invoice.is_all(known.amount);
            return Ok(());
        }
        self.of_invoices.push(GivenBack {
            invoice: invoice.invoice,
            number: invoice.number.clone(),
            amount,
            is_draft: invoice.is_draft,
            is_whole: invoice.is_all(amount),
        });
        Ok(())
    }

    /// Takes more from what is left of invoices; what none bears is answered.
    fn spread(&mut self, billed: &[Billed], lefts: &mut [Money], amount: Money) -> Result<Money, MoneyError> {
        let mut open = amount;
        for (invoice, left) in billed.iter().zip(lefts) {
            let taken = Money::new(open.minor().min(left.minor()).max(0), open.currency());
            self.add(invoice, taken)?;
            *left = left.minus(taken)?;
            open = open.minus(taken)?;
        }
        Ok(open)
    }
}

impl Billed {
    /// Whether giving so much back leaves nothing of it.
    fn is_all(&self, amount: Money) -> bool {
        !self.is_paid && self.left == self.total && amount == self.total
    }

    fn from(&self) -> Option<NaiveDate> {
        self.lines.iter().filter_map(|line| line.days).map(|days| days.from).min()
    }

    fn until(&self) -> Option<NaiveDate> {
        self.lines.iter().filter_map(|line| line.days).map(|days| days.until).max()
    }

    /// What was charged for these days, with its tax. Rounded once; what is wholly given back is not rounded.
    fn share(&self, days: Period, rounding: i64) -> Result<Money, MoneyError> {
        let (mut taxed, mut free, mut is_whole) = (0_i128, 0_i128, true);
        for line in &self.lines {
            let Some(all) = line.days else { continue };
            let both = all.within(days).map_or(0, Period::days);
            is_whole &= both == all.days();
            let share = i128::from(line.amount.minor()) * FINE * i128::from(both) / i128::from(all.days().max(1));
            *(if line.is_taxed { &mut taxed } else { &mut free }) += share;
        }
        let tax = match self.taxed() {
            base if base > 0 && self.tax_is_on_top() => taxed * i128::from(self.tax.minor()) / i128::from(base),
            _ => 0,
        };
        let unit = if is_whole { FINE } else { i128::from(rounding.max(1)) * FINE };
        let steps = ((taxed + free + tax).max(0) + unit / 2) / unit;
        let minor = i64::try_from(steps * (unit / FINE)).map_err(|_too_large| MoneyError::Overflow)?;
        Ok(Money::new(minor, self.total.currency()))
    }

    /// The sum of lines with tax.
    fn taxed(&self) -> i64 {
        self.lines.iter().filter(|line| line.is_taxed).map(|line| line.amount.minor()).sum()
    }

    fn tax_is_on_top(&self) -> bool {
        let sum: i64 = self.lines.iter().map(|line| line.amount.minor()).sum();
        self.tax.minor() > 0 && sum != self.total.minor()
    }

    /// An amount as the invoice charged it: with its tax on top, where it has one.
    fn with_tax(&self, amount: Money, is_taxed: bool) -> Result<Money, MoneyError> {
        let base = self.taxed();
        if !is_taxed || base <= 0 || !self.tax_is_on_top() {
            return Ok(amount);
        }
        amount.plus(ratio(amount, self.tax.minor(), base)?)
    }

    fn without_tax(&self, amount: Money, is_taxed: bool) -> Result<Money, MoneyError> {
        let base = self.taxed();
        if !is_taxed || base <= 0 || !self.tax_is_on_top() {
            return Ok(amount);
        }
        ratio(amount, base, base.saturating_add(self.tax.minor()))
    }
}

/// `amount × part / of`, half up. Nothing here is negative.
fn ratio(amount: Money, part: i64, of: i64) -> Result<Money, MoneyError> {
    let (part, of) = (i128::from(part), i128::from(of.max(1)));
    let minor = (i128::from(amount.minor()) * part * 2 + of) / (of * 2);
    i64::try_from(minor).map(|minor| Money::new(minor, amount.currency())).map_err(|_too_large| MoneyError::Overflow)
}

fn earlier(day: NaiveDate, days: i64) -> NaiveDate {
    day.checked_sub_days(Days::new(days.unsigned_abs())).unwrap_or(day)
}

/// From when on what each invoice asked for was given back, and asked for anew by a later one.
fn cuts(billed: &[Billed]) -> Vec<NaiveDate> {
    let cut = |invoice: &Billed| {
        let later = billed.iter().filter(|later| later.invoice > invoice.invoice);
        later.filter_map(|later| later.period).map(|period| period.from).min().unwrap_or(NaiveDate::MAX)
    };
    billed.iter().map(cut).collect()
}

/// The days of a stretch that lie between invoices, so that no line names them.
fn gap((billed, cuts): (&[Billed], &[NaiveDate]), days: Period) -> Vec<Period> {
    let of = |(each, cut): (&Billed, &NaiveDate)| {
        let named = each.lines.iter().filter_map(|line| line.days);
        named.map(|days| Period { until: days.until.min(*cut), ..days }).collect::<Vec<_>>()
    };
    let mut named: Vec<Period> = billed.iter().zip(cuts).flat_map(of).filter(|days| days.days() > 0).collect();
    named.sort_by_key(|days| days.from);
    let mut found = Vec::new();
    let mut reached: Option<NaiveDate> = None;
    for next in named {
        if let Some(until) = reached.filter(|until| *until < next.from) {
            found.extend(Period { from: until, until: next.from }.within(days));
        }
        reached = Some(reached.map_or(next.until, |until| until.max(next.until)));
    }
    found
}

fn gaps_price(gaps: &[Period], calendar: Calendar, price: Money, rounding: i64) -> Result<Money, MoneyError> {
    let none = Money::new(0, price.currency());
    gaps.iter().try_fold(none, |sum, days| sum.plus(price_of(calendar, *days, price, rounding)?))
}
