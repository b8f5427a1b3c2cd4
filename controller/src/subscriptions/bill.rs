//! What a subscription is to be invoiced for: everything up to a day, less what was invoiced. Pure.
//!
//! A period is proposed under `sub/<id>/<first day>`, so that it is made once however often it is proposed; with a number
//! behind it once days that were invoiced have been given back to be invoiced anew.

use chrono::{Days, NaiveDate};

use super::{
    Addon, Calendar, Discount, Period, State, Subscription,
    periods::{Step, parts, prorated},
};
use crate::{
    invoices::{Kind, LineKind, NewLine, Proposal},
    money::{Money, MoneyError},
    packages::FirstPeriod,
};

/// Periods proposed of one subscription at once; a run that was away for longer comes again.
const MOST: usize = 40;
/// Of a month, where periods are counted in days.
const DAYS_OF_MONTH: i64 = 30;

/// What billing goes by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// Periods that begin on this day, or before it, are invoiced.
    pub(super) horizon: NaiveDate,
    /// The day they are made.
    pub(super) today: NaiveDate,
    /// Minor units that parts of a period are rounded to.
    pub(super) rounding: i64,
}

/// What the first invoice has beside its days.
#[derive(Debug, Clone)]
pub(super) struct First {
    pub(super) period: FirstPeriod,
    pub(super) setup_fee: Money,
    /// The last day to pay.
    pub(super) due_on: NaiveDate,
}

/// What is to be invoiced of one subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bill {
    pub(super) proposals: Vec<Proposal>,
    /// The first day that is not invoiced, after that; `None` = as before.
    pub(super) billed_until: Option<NaiveDate>,
    /// One-off add-ons that are in it.
    pub(super) addons: Vec<i64>,
}

/// The first invoice: from the first day of service to the end of the period it lies in, and what is paid once. What
/// comes to nothing is not proposed.
///
/// # Errors
/// Amounts beyond what fits.
pub(super) fn first(of: &Subscription, addons: &[Addon], first: &First, terms: Terms) -> Result<Bill, MoneyError> {
    let (Some(calendar), Some(start)) = (of.calendar(), of.started_on) else { return Ok(Bill::default()) };
    let period = calendar.rest(start);
    let share = match first.period {
        FirstPeriod::Prorate => Share::of(period, calendar.around(start), terms.rounding),
        FirstPeriod::Full => Share::whole(),
        FirstPeriod::Free => Share::nothing(),
    };
    let mut lines = lines(of, addons, (period, share, calendar))?;
    if first.setup_fee.minor() > 0 {
        let text = of.package.clone();
        lines.push(NewLine { kind: LineKind::Setup, text, is_taxed: of.is_taxed, ..line(first.setup_fee) });
    }
    let mut bill = Bill { billed_until: Some(period.until), ..Bill::default() };
    bill.once(addons, period, &mut lines)?;
    bill.put(of, (Kind::First, period, first.due_on), lines)?;
    Ok(bill)
}

/// Every period that begins by the horizon and is not invoiced. Prepaid service is asked for one period at a time: while
/// one is not paid there is no next. Days after the end are not invoiced, and none behind a pause before that is over:
/// what was paid for may move there. `planned` = the subscription with the package that is planned for a day; from then
/// on it is asked for.
///
/// # Errors
/// Amounts beyond what fits.
pub(super) fn until(
    of: &Subscription,
    addons: &[Addon],
    planned: Option<&Subscription>,
    terms: Terms,
) -> Result<Bill, MoneyError> {
    let mut bill = Bill::default();
    let mut from = of.billed_until;
    for _ in 0..MOST {
        let found = from.and_then(|day| coming(of, planned, day));
        let Some((then, calendar, period)) = found.filter(|(_, _, period)| period.from <= terms.horizon) else { break };
        let waits = of.is_prepaid && (!bill.proposals.is_empty() || of.covered_until < of.billed_until);
        if waits {
            break;
        }
        bill.period((of, then), addons, (calendar, period), (terms.today, terms.rounding))?;
        from = bill.billed_until;
    }
    Ok(bill)
}

/// The next periods, so many of them, whether or not what was invoiced before is paid: who pays ahead is asked for all of
/// it. There are fewer where service ends or pauses before, and where they come to nothing.
///
/// # Errors
/// Amounts beyond what fits.
pub(super) fn ahead(
    of: &Subscription,
    addons: &[Addon],
    planned: Option<&Subscription>,
    (periods, today, rounding): (usize, NaiveDate, i64),
) -> Result<Bill, MoneyError> {
    let mut bill = Bill::default();
    for _ in 0..periods.min(MOST) {
        let from = bill.billed_until.or(of.billed_until);
        let Some((then, calendar, period)) = from.and_then(|day| coming(of, planned, day)) else { break };
        bill.period((of, then), addons, (calendar, period), (today, rounding))?;
    }
    Ok(bill)
}

/// The period that comes from a day on, and the subscription as it is then: with the package that is planned from its day
/// on.
fn coming<'a>(
    of: &'a Subscription,
    planned: Option<&'a Subscription>,
    day: NaiveDate,
) -> Option<(&'a Subscription, Calendar, Period)> {
    let is_planned = of.next_package_from.is_some_and(|begins| begins <= day);
    let then = planned.filter(|_| is_planned).unwrap_or(of);
    let calendar = then.calendar()?;
    // Periods of another length begin on the day that is planned, wherever this one ends.
    let begins = of.next_package_from.filter(|_| planned.is_some_and(|then| then.calendar() != Some(calendar)));
    Some((then, calendar, next(of, (calendar, begins), day)?))
}

/// The last day to pay of a period: postpaid customers have their days from its beginning, prepaid ones pay before.
#[must_use]
pub(super) fn due_on(of: &Subscription, from: NaiveDate) -> NaiveDate {
    usual_due((of.is_prepaid, of.due_days), from)
}

/// The last day to pay of a period that is invoiced on a day. Where the usual one has passed, the days he has count from
/// the day it is made: nothing is late when it is asked for.
#[must_use]
pub(super) fn due_made_on(of: &Subscription, from: NaiveDate, today: NaiveDate) -> NaiveDate {
    // Who was isolated before he was asked is late already: an invoice alone gives nobody his service back.
    if of.is_prepaid && of.state == State::Isolated {
        return due_on(of, from);
    }
    due_of((of.is_prepaid, of.due_days), from, today)
}

/// The same of what was agreed: whether it is paid before, and the days to pay.
#[must_use]
pub(super) fn due_of(agreed: (bool, i32), from: NaiveDate, today: NaiveDate) -> NaiveDate {
    let usual = usual_due(agreed, from);
    let days = Days::new(u64::try_from(agreed.1).unwrap_or(0));
    if usual < today { today.checked_add_days(days).unwrap_or(today) } else { usual }
}

fn usual_due((is_prepaid, due_days): (bool, i32), from: NaiveDate) -> NaiveDate {
    let days = Days::new(u64::try_from(due_days).unwrap_or(0));
    let first = if is_prepaid { from.pred_opt().unwrap_or(from) } else { from };
    first.checked_add_days(days).unwrap_or(first)
}

/// The days of service that are invoiced next, from a day; nothing when there are none.
fn next(of: &Subscription, (calendar, begins): (Calendar, Option<NaiveDate>), from: NaiveDate) -> Option<Period> {
    if matches!(of.state, State::Ended) {
        return None;
    }
    // Where it goes on after a pause is known when that is over.
    if of.paused_from.is_some_and(|pause| pause <= from) {
        return None;
    }
    let period = calendar.rest(from);
    let cut =
        |until: NaiveDate, day: Option<NaiveDate>| day.filter(|day| *day > from).map_or(until, |day| until.min(day));
    let until = cut(cut(cut(period.until, of.paused_from), of.ends_on), begins);
    let is_over = of.ends_on.is_some_and(|end| end <= from);
    (!is_over).then_some(Period { from, until })
}

/// The share of a period that is asked for.
#[derive(Debug, Clone, Copy)]
struct Share {
    days: i64,
    of: i64,
    rounding: i64,
}

impl Share {
    fn of(part: Period, whole: Period, rounding: i64) -> Self {
        Self { days: part.days(), of: whole.days(), rounding }
    }

    fn whole() -> Self {
        Self { days: 1, of: 1, rounding: 1 }
    }

    fn nothing() -> Self {
        Self { days: 0, of: 1, rounding: 1 }
    }

    /// Days of an add-on that begins or ends within the period are its own.
    fn of_addon(self, addon: &Addon, period: Period, calendar: Calendar) -> (Period, Self) {
        let from = addon.from.max(period.from);
        let own = Period { from, until: addon.until.map_or(period.until, |until| until.min(period.until)) };
        if own == period {
            return (period, self);
        }
        (own, Self::of(own, calendar.around(period.from), self.rounding))
    }

    fn is_part(self) -> bool {
        self.days < self.of
    }

    fn take(self, price: Money) -> Result<Money, MoneyError> {
        prorated(price, self.days, self.of, self.rounding)
    }

    /// Costs are only counted: they are not rounded to what is handed over.
    fn cost(self, cost: Money) -> Result<Money, MoneyError> {
        prorated(cost, self.days, self.of, 1)
    }
}

/// Package, monthly add-ons and discount of a period.
fn lines(
    of: &Subscription,
    addons: &[Addon],
    (period, share, calendar): (Period, Share, Calendar),
) -> Result<Vec<NewLine>, MoneyError> {
    let nothing = Money::new(0, of.price.currency());
    let kind = if share.is_part() { LineKind::Proration } else { LineKind::Package };
    let days = |line: NewLine| NewLine { from: Some(period.from), until: Some(period.until), ..line };
    let mut lines = Vec::new();
    let price = share.take(of.price)?;
    if price.minor() > 0 {
        let cost = share.cost(of.cost.unwrap_or(nothing))?;
        let package = Some(of.package_id);
        let text = of.package.clone();
        lines.push(days(NewLine { kind, text, cost, is_taxed: of.is_taxed, package, ..line(price) }));
    }
    let running = |addon: &&Addon| {
        let ends_before = addon.until.is_some_and(|until| until <= period.from);
        !addon.is_one_off && addon.from < period.until && !ends_before
    };
    for addon in addons.iter().filter(running) {
        let count = i64::from(addon.quantity);
        let (own, share) = share.of_addon(addon, period, calendar);
        let amount = share.take(of_period(addon.price.times(count)?, calendar.step(), share.rounding)?)?;
        if amount.minor() > 0 {
            let cost = addon.cost.unwrap_or(nothing).times(count)?;
            let cost = share.cost(of_period(cost, calendar.step(), 1)?)?;
            let line = addon_line(addon, (amount, cost));
            lines.push(NewLine { kind: LineKind::Addon, from: Some(own.from), until: Some(own.until), ..line });
        }
    }
    let discount = of.discount.as_ref().filter(|discount| discount.until.is_none_or(|last| period.from <= last));
    if let Some(Discount { amount, reason, .. }) = discount {
        // Never more than the package costs: a discount is off it.
        let off = share.take(*amount)?.minor().min(price.minor());
        if off > 0 {
            let off = Money::new(-off, price.currency());
            let text = reason.clone();
            lines.push(NewLine { kind: LineKind::Discount, text, is_taxed: of.is_taxed, ..line(off) });
        }
    }
    Ok(lines)
}

/// What is said by the month, for a whole period.
pub(super) fn of_period(monthly: Money, step: Step, rounding: i64) -> Result<Money, MoneyError> {
    match step {
        Step::BillDay(_) => Ok(monthly),
        Step::Months(months) => monthly.times(i64::from(months)),
        Step::Days(days) => parts(monthly, i64::from(days), DAYS_OF_MONTH, rounding),
    }
}

fn addon_line(addon: &Addon, (amount, cost): (Money, Money)) -> NewLine {
    NewLine {
        kind: if addon.addon_id.is_some() { LineKind::Addon } else { LineKind::Proration },
        text: addon.name.clone(),
        quantity: addon.quantity,
        unit_price: addon.price,
        cost,
        is_taxed: addon.is_taxed,
        addon: addon.addon_id,
        // What is asked for once may be for days.
        from: addon.until.filter(|_| addon.is_one_off).map(|_| addon.from),
        until: addon.until.filter(|_| addon.is_one_off),
        ..line(amount)
    }
}

/// A line of an amount.
fn line(amount: Money) -> NewLine {
    NewLine {
        kind: LineKind::Other,
        text: String::new(),
        quantity: 1,
        unit_price: amount,
        amount,
        cost: Money::new(0, amount.currency()),
        is_taxed: false,
        package: None,
        addon: None,
        from: None,
        until: None,
    }
}

impl Bill {
    /// What a period comes to, of a subscription as it is then.
    fn period(
        &mut self,
        (of, then): (&Subscription, &Subscription),
        addons: &[Addon],
        (calendar, period): (Calendar, Period),
        (today, rounding): (NaiveDate, i64),
    ) -> Result<(), MoneyError> {
        let share = Share::of(period, calendar.around(period.from), rounding);
        let mut lines = lines(then, addons, (period, share, calendar))?;
        self.once(addons, period, &mut lines)?;
        self.put(of, (Kind::Period, period, due_made_on(of, period.from, today)), lines)?;
        self.billed_until = Some(period.until);
        Ok(())
    }

    /// What is asked for once and was not yet, where no period comes any more.
    ///
    /// # Errors
    /// Amounts beyond what fits.
    pub(super) fn settle_once(
        &mut self,
        of: &Subscription,
        addons: &[Addon],
        day: NaiveDate,
    ) -> Result<(), MoneyError> {
        let mut lines = Vec::new();
        let all = Period { from: day, until: NaiveDate::MAX };
        self.once(addons, all, &mut lines)?;
        if let Some(last) = self.proposals.last_mut() {
            last.lines.extend(lines);
            return Ok(());
        }
        let period = Period { from: day, until: day.succ_opt().unwrap_or(day) };
        self.put(of, (Kind::Final, period, day), lines)
    }

    /// One-off add-ons that are due and were not invoiced.
    fn once(&mut self, addons: &[Addon], period: Period, lines: &mut Vec<NewLine>) -> Result<(), MoneyError> {
        for addon in addons.iter().filter(|addon| addon.is_one_off && addon.billed_at.is_none()) {
            if addon.from >= period.until || self.addons.contains(&addon.id) {
                continue;
            }
            let count = i64::from(addon.quantity);
            let amount = addon.price.times(count)?;
            let cost = addon.cost.unwrap_or(Money::new(0, amount.currency())).times(count)?;
            if amount.minor() > 0 {
                lines.push(addon_line(addon, (amount, cost)));
            }
            self.addons.push(addon.id);
        }
        Ok(())
    }

    fn put(
        &mut self,
        of: &Subscription,
        (kind, period, due_on): (Kind, Period, NaiveDate),
        lines: Vec<NewLine>,
    ) -> Result<(), MoneyError> {
        let nothing = Money::new(0, of.price.currency());
        let total = lines.iter().try_fold(nothing, |sum, line| sum.plus(line.amount))?;
        if total.minor() <= 0 {
            return Ok(());
        }
        // Days that were given back are invoiced under a key of their own.
        let key = match of.edition {
            0 => format!("sub/{}/{}", of.id, period.from),
            edition => format!("sub/{}/{}/{edition}", of.id, period.from),
        };
        self.proposals.push(Proposal {
            proposal: key,
            customer: of.customer_id,
            site: of.site_id,
            subscription: Some(of.id),
            kind,
            period: Some((period.from, period.until)),
            due_on,
            lines,
            notes: String::new(),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::sample, *};
    use crate::ids::AddonId;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn terms(horizon: &str) -> Terms {
        Terms { horizon: day(horizon), today: day("2026-11-24"), rounding: 100 }
    }

    fn setup(period: FirstPeriod) -> First {
        First { period, setup_fee: Money::idr(200_000), due_on: day("2026-11-27") }
    }

    fn addon(id: i64, is_one_off: bool, price: i64) -> Addon {
        Addon {
            id,
            addon_id: Some(AddonId(id)),
            name: format!("addon {id}"),
            is_one_off,
            quantity: 2,
            price: Money::idr(price),
            cost: Some(Money::idr(price / 2)),
            is_taxed: false,
            from: day("2026-11-24"),
            until: None,
            billed_at: None,
        }
    }

    fn total(proposal: &Proposal) -> i64 {
        proposal.lines.iter().map(|line| line.amount.minor()).sum()
    }

    /// First days and totals.
    fn told(bill: &Bill) -> Vec<(String, i64)> {
        let from = |proposal: &Proposal| proposal.period.unwrap().0.to_string();
        bill.proposals.iter().map(|proposal| (from(proposal), total(proposal))).collect()
    }

    #[test]
    fn the_first_invoice_is_that_of_the_workflow() {
        // W2: seven of thirty days, and the installation.
        let found = first(&sample(), &[], &setup(FirstPeriod::Prorate), terms("2026-11-24")).unwrap();
        let [proposal] = found.proposals.as_slice() else { panic!("{found:?}") };
        assert_eq!((total(proposal), proposal.due_on, proposal.kind), (238_500, day("2026-11-27"), Kind::First));
        assert_eq!(proposal.proposal, "sub/456/2026-11-24");
        assert_eq!(found.billed_until, Some(day("2026-12-01")));
        let kinds: Vec<_> = proposal.lines.iter().map(|line| (line.kind, line.amount.minor())).collect();
        assert_eq!(kinds, [(LineKind::Proration, 38_500), (LineKind::Setup, 200_000)]);
        for (choice, expected) in [(FirstPeriod::Full, 365_000), (FirstPeriod::Free, 200_000)] {
            let found = first(&sample(), &[], &setup(choice), terms("2026-11-24")).unwrap();
            assert_eq!(total(&found.proposals[0]), expected, "{choice:?}");
        }
        let free = First { setup_fee: Money::idr(0), ..setup(FirstPeriod::Free) };
        let found = first(&sample(), &[], &free, terms("2026-11-24")).unwrap();
        assert!(found.proposals.is_empty() && found.billed_until == Some(day("2026-12-01")));
    }

    #[test]
    fn periods_are_proposed_up_to_the_horizon_and_only_once() {
        let mut of = sample();
        let found = until(&of, &[], None, terms("2027-02-01")).unwrap();
        let expected = ["2026-12-01", "2027-01-01", "2027-02-01"].map(|from| (from.to_owned(), 165_000));
        assert_eq!(told(&found), expected);
        assert_eq!(found.proposals[0].due_on, day("2026-12-10"));
        of.billed_until = found.billed_until;
        assert_eq!(until(&of, &[], None, terms("2027-02-01")).unwrap(), Bill::default());
        // Nobody waits for a run that never comes to an end.
        let daily = Subscription { cycle: "days_1".into(), ..sample() };
        assert_eq!(until(&daily, &[], None, terms("2030-01-01")).unwrap().proposals.len(), MOST);
    }

    #[test]
    fn prepaid_service_is_asked_for_one_period_at_a_time_and_before_it() {
        let of = Subscription { is_prepaid: true, due_days: 0, ..sample() };
        let found = until(&of, &[], None, terms("2027-02-01")).unwrap();
        assert_eq!(told(&found), [("2026-12-01".to_owned(), 165_000)]);
        assert_eq!(found.proposals[0].due_on, day("2026-11-30"));
        let waits = Subscription { billed_until: found.billed_until, ..of };
        assert_eq!(until(&waits, &[], None, terms("2027-02-01")).unwrap(), Bill::default());
    }

    #[test]
    fn who_pays_ahead_is_asked_for_as_many_periods_as_he_wants() {
        let of = Subscription { is_prepaid: true, due_days: 0, ..sample() };
        let found = ahead(&of, &[addon(2, true, 50_000)], None, (3, day("2026-11-24"), 100)).unwrap();
        // What is asked for once is asked for once.
        let expected = [("2026-12-01", 265_000), ("2027-01-01", 165_000), ("2027-02-01", 165_000)];
        assert_eq!(told(&found), expected.map(|(from, sum)| (from.to_owned(), sum)));
        assert_eq!((found.billed_until, found.addons.as_slice()), (Some(day("2027-03-01")), [2].as_slice()));
        // The night finds nothing more before that, and then goes on behind it.
        let ahead_of = Subscription { billed_until: found.billed_until, covered_until: found.billed_until, ..of };
        assert_eq!(until(&ahead_of, &[], None, terms("2027-02-28")).unwrap(), Bill::default());
        assert_eq!(told(&until(&ahead_of, &[], None, terms("2027-03-01")).unwrap()), [("2027-03-01".into(), 165_000)]);
        // Not what is behind the end.
        let ends = Subscription { ends_on: Some(day("2027-01-11")), ..ahead_of.clone() };
        assert_eq!(ahead(&ends, &[], None, (3, day("2026-11-24"), 100)).unwrap(), Bill::default());
        let ends = Subscription { ends_on: Some(day("2027-04-11")), ..ahead_of };
        assert_eq!(ahead(&ends, &[], None, (3, day("2026-11-24"), 100)).unwrap().proposals.len(), 2);
    }

    #[test]
    fn days_of_a_pause_and_after_the_end_are_not_invoiced() {
        // W11: 15 December to 14 January.
        let paused =
            Subscription { paused_from: Some(day("2026-12-15")), paused_until: Some(day("2027-01-15")), ..sample() };
        let found = until(&paused, &[], None, terms("2027-02-01")).unwrap();
        // 14 of 31 days; and 17 of 31 days when he is back.
        assert_eq!(told(&found), [("2026-12-01".to_owned(), 74_500)]);
        let back = Subscription { billed_until: Some(day("2027-01-15")), ..sample() };
        let found = until(&back, &[], None, terms("2027-02-01")).unwrap();
        let expected = [("2027-01-15", 90_500), ("2027-02-01", 165_000)];
        assert_eq!(told(&found), expected.map(|(from, sum)| (from.to_owned(), sum)));
        let ends = Subscription { ends_on: Some(day("2027-01-11")), ..sample() };
        let found = until(&ends, &[], None, terms("2027-03-01")).unwrap();
        // 10 of 31 days.
        let expected = [("2026-12-01", 165_000), ("2027-01-01", 53_200)];
        assert_eq!(told(&found), expected.map(|(from, sum)| (from.to_owned(), sum)));
        let ended = Subscription { state: State::Ended, ..ends };
        assert_eq!(until(&ended, &[], None, terms("2027-03-01")).unwrap(), Bill::default());
    }

    #[test]
    fn what_was_never_invoiced_has_its_days_from_the_day_it_is_made() {
        // Paid elsewhere until the end of September; taken over on 24 November.
        let late =
            Subscription { billed_until: Some(day("2026-10-01")), covered_until: Some(day("2026-10-01")), ..sample() };
        let found = until(&late, &[], None, terms("2026-12-01")).unwrap();
        let due: Vec<String> = found.proposals.iter().map(|proposal| proposal.due_on.to_string()).collect();
        assert_eq!(due, ["2026-12-03", "2026-12-03", "2026-12-10"]);
        // Prepaid customers pay on the day they are asked.
        let prepaid = Subscription { is_prepaid: true, due_days: 0, ..late };
        assert_eq!(until(&prepaid, &[], None, terms("2026-12-01")).unwrap().proposals[0].due_on, day("2026-11-24"));
        let away = Subscription { state: State::Isolated, ..prepaid };
        assert_eq!(until(&away, &[], None, terms("2026-12-01")).unwrap().proposals[0].due_on, day("2026-09-30"));
        // The usual day stays while it can be kept.
        assert_eq!(due_made_on(&sample(), day("2026-11-15"), day("2026-11-24")), day("2026-11-24"));
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_due_before_it_is_made(
            is_prepaid in proptest::bool::ANY,
            due_days in 0i32..28,
            bill_day in 1i32..=28,
            paid_until in 0u64..800,
            today in 0u64..800,
            ahead in 0u64..40,
        ) {
            let first = day("2026-01-01");
            let (paid_until, today) = (first + Days::new(paid_until), first + Days::new(today));
            let of = Subscription {
                is_prepaid,
                due_days,
                bill_day: Some(bill_day),
                started_on: Some(paid_until),
                billed_until: Some(paid_until),
                covered_until: Some(paid_until),
                ..sample()
            };
            let terms = Terms { horizon: today + Days::new(ahead), today, rounding: 100 };
            for proposal in until(&of, &[], None, terms).unwrap().proposals {
                proptest::prop_assert!(proposal.due_on >= today, "{:?}", proposal);
            }
        }
    }

    #[test]
    fn addons_and_discounts_are_lines_of_their_own() {
        let discount =
            Discount { amount: Money::idr(15_000), reason: "tetangga".into(), until: Some(day("2026-12-31")) };
        let of = Subscription { discount: Some(discount), ..sample() };
        let addons = [addon(1, false, 30_000), addon(2, true, 50_000)];
        let found = until(&of, &addons, None, terms("2027-01-01")).unwrap();
        // 165.000 + 2×30.000 + 2×50.000 − 15.000, then without what is once and what is over.
        let expected = [("2026-12-01", 310_000), ("2027-01-01", 225_000)];
        assert_eq!(told(&found), expected.map(|(from, sum)| (from.to_owned(), sum)));
        assert_eq!(found.addons, [2]);
        let quarter = Subscription { cycle: "months_3".into(), anchor: Some(day("2026-12-01")), ..sample() };
        let found = until(&quarter, &addons[..1], None, terms("2026-12-01")).unwrap();
        assert_eq!(told(&found), [("2026-12-01".to_owned(), 165_000 + 2 * 3 * 30_000)]);
        let weekly = Subscription { cycle: "weeks_2".into(), anchor: Some(day("2026-12-01")), ..sample() };
        let found = until(&weekly, &addons[..1], None, terms("2026-12-01")).unwrap();
        assert_eq!(told(&found), [("2026-12-01".to_owned(), 165_000 + 28_000)]);
        let over = Discount { amount: Money::idr(900_000), reason: "vip".into(), until: None };
        let free = Subscription { discount: Some(over), ..sample() };
        let found = until(&free, &[], None, terms("2026-12-01")).unwrap();
        assert!(found.proposals.is_empty() && found.billed_until == Some(day("2027-01-01")));
    }
}
