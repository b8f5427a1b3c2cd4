//! Pure decisions about subscriptions that are there: whether something can be done with one, and what it makes of its
//! row. What money moves for it is in `quote.rs`; where it stands afterwards in `standing.rs`.

use std::net::Ipv4Addr;

use chrono::{DateTime, Days, Months, NaiveDate, Utc};
use chrono_tz::Tz;
use hiji_shared::device::Service;
use serde::Serialize;

use super::super::{Discount, Period, State, Step, Subscription, SubscriptionError};
use crate::{
    http::form::FieldError,
    ids::{PackageId, RouterId},
    ledger::aging::{day_end, day_start, local_day},
    money::Money,
    packages::{Cycle, OnExpiry, rules::MAX_GRACE_DAYS},
};

/// Longest reason or note, characters.
pub const MAX_REASON: usize = 200;
/// Days that something may be planned ahead.
const MAX_AHEAD_DAYS: i64 = 366;
/// Of a month, where prices of different periods are compared.
const MONTH_DAYS: i128 = 30;
/// Days of the longest pause.
const MAX_PAUSE_DAYS: i64 = 366;

/// A package as somebody changes to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    pub id: PackageId,
    pub name: String,
    pub service: Service,
    /// Its name on routers.
    pub profile: String,
    /// On the router of the subscription, now.
    pub price: Money,
    pub cost: Money,
    pub is_taxed: bool,
    pub on_expiry: OnExpiry,
    pub cycle: Cycle,
    /// 1 to 28, of the cycle on a day of the month.
    pub bill_day: Option<i32>,
    /// Sold as subscriptions, on that router, and not archived.
    pub is_offered: bool,
}

/// From when another package holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// From today on.
    Now,
    /// With the next period.
    NextPeriod,
}

impl When {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Now, Self::NextPeriod];

    /// As in forms and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::NextPeriod => "next_period",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|when| when.as_str() == text)
    }

    /// What is usual: more at once, less with the next period (W11.2).
    #[must_use]
    pub fn usual(old: Money, new: Money) -> Self {
        if new.minor() < old.minor() { Self::NextPeriod } else { Self::Now }
    }
}

/// How what is asked for is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Paying {
    /// By an invoice of its own.
    Now,
    /// With the invoice of the next period.
    NextInvoice,
}

impl Paying {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Now, Self::NextInvoice];

    /// As in forms and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::NextInvoice => "next_invoice",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|paying| paying.as_str() == text)
    }
}

/// The day it is at a subscription.
#[must_use]
pub fn today(now: DateTime<Utc>, zone: Tz) -> NaiveDate {
    local_day(now, zone)
}

fn wrong(of: &Subscription) -> SubscriptionError {
    SubscriptionError::WrongState(of.state)
}

fn refused(field: &str, code: &str) -> SubscriptionError {
    SubscriptionError::field(field, FieldError::new(code))
}

fn within(field: &str, day: NaiveDate, (from, until): (NaiveDate, NaiveDate)) -> Result<(), SubscriptionError> {
    if (from..=until).contains(&day) {
        return Ok(());
    }
    let error = FieldError::new("day_out_of_range").arg("from", from.to_string()).arg("until", until.to_string());
    Err(SubscriptionError::field(field, error))
}

/// Whether a day lies within a year of today, behind or ahead.
///
/// # Errors
/// [`SubscriptionError::Refused`].
pub fn within_a_year(field: &str, day: NaiveDate, today: NaiveDate) -> Result<(), SubscriptionError> {
    let first = today.checked_sub_days(Days::new(MAX_AHEAD_DAYS.unsigned_abs())).unwrap_or(today);
    within(field, day, (first, days_on(today, MAX_AHEAD_DAYS)))
}

/// So many days later.
#[must_use]
pub fn days_on(day: NaiveDate, days: i64) -> NaiveDate {
    day.checked_add_days(Days::new(days.unsigned_abs())).unwrap_or(day)
}

/// Whether two cycles have periods of the same length, so that prices of one can stand for the other.
#[must_use]
pub fn same_length(a: Cycle, b: Cycle) -> bool {
    let month = |cycle: Cycle| matches!(cycle, Cycle::Monthly | Cycle::Anniversary | Cycle::Months(1));
    let days = |cycle: Cycle| match cycle {
        Cycle::Days(days) => Some(u32::from(days)),
        Cycle::Weeks(weeks) => Some(u32::from(weeks) * 7),
        Cycle::Monthly | Cycle::Anniversary | Cycle::Months(_) => None,
    };
    a == b || (month(a) && month(b)) || (days(a).is_some() && days(a) == days(b))
}

/// Whether periods of the package are of another length than those there are: then they begin anew with it.
#[must_use]
pub fn begins_anew(of: &Subscription, to: &Offered) -> bool {
    Cycle::parse(&of.cycle).is_none_or(|cycle| !same_length(cycle, to.cycle))
}

/// What is usual of packages whose periods have different lengths: more a day at once, less with the next period.
#[must_use]
pub fn usual_when(of: &Subscription, to: &Offered) -> When {
    let days = |cycle: Cycle| match cycle {
        Cycle::Monthly | Cycle::Anniversary => MONTH_DAYS,
        Cycle::Months(months) => i128::from(months) * MONTH_DAYS,
        Cycle::Weeks(weeks) => i128::from(weeks) * 7,
        Cycle::Days(days) => i128::from(days),
    };
    let old = Cycle::parse(&of.cycle).map_or(MONTH_DAYS, days);
    let less = i128::from(to.price.minor()) * old < i128::from(of.price.minor()) * days(to.cycle);
    if less { When::NextPeriod } else { When::Now }
}

/// Whether another package can take the place of the one there is.
///
/// # Errors
/// [`SubscriptionError::WrongState`], [`SubscriptionError::Refused`].
pub fn may_change(of: &Subscription, to: &Offered) -> Result<(), SubscriptionError> {
    match of.state {
        State::Pending | State::Active | State::Grace | State::Isolated => {}
        State::Paused | State::Ended => return Err(wrong(of)),
    }
    if of.next_package_id.is_some() {
        return Err(refused("package_id", "change_is_planned"));
    }
    if to.id == of.package_id {
        return Err(refused("package_id", "package_same"));
    }
    if !to.is_offered || to.service != of.service || to.price.currency() != of.price.currency() {
        return Err(refused("package_id", "package_not_sold_there"));
    }
    if of.discount.as_ref().is_some_and(|discount| discount.amount.minor() > to.price.minor()) {
        return Err(refused("package_id", "package_below_discount"));
    }
    Ok(())
}

/// The first day of another package.
#[must_use]
pub fn change_day(of: &Subscription, when: When, today: NaiveDate) -> NaiveDate {
    let day = of.started_on.map_or(today, |start| start.max(today));
    match (when, of.calendar()) {
        (When::NextPeriod, Some(calendar)) => calendar.around(day).until,
        (When::Now, _) | (When::NextPeriod, None) => day,
    }
}

/// The first day of periods of another length: today, or when the period that runs is over, and all that is paid for.
#[must_use]
pub fn renewal_day(of: &Subscription, when: When, today: NaiveDate) -> NaiveDate {
    let day = change_day(of, when, today);
    match when {
        When::Now => day,
        When::NextPeriod => of.covered_until.map_or(day, |paid| paid.max(day)),
    }
}

/// Days from one on are not invoiced any more, and can be anew.
pub fn take_back(of: &mut Subscription, from: NaiveDate) {
    if of.billed_until.is_some_and(|until| until > from) {
        of.billed_until = Some(from);
        of.covered_until = of.covered_until.map(|until| until.min(from));
        of.edition = of.edition.saturating_add(1);
    }
}

/// The days from one on that are invoiced already.
#[must_use]
pub fn invoiced_from(of: &Subscription, day: NaiveDate) -> Option<Period> {
    let until = of.billed_until?;
    (day < until).then_some(Period { from: day, until })
}

/// Plans another package.
pub fn plan_change(of: &mut Subscription, to: PackageId, from: Option<NaiveDate>) {
    of.next_package_id = Some(to);
    of.next_package_from = from;
}

/// Waits for the payment of a change: planned, and of no day.
#[must_use]
pub fn waits_for_payment(of: &Subscription) -> bool {
    of.next_package_id.is_some() && of.next_package_from.is_none()
}

/// Takes another package; where its periods have another length they are counted from the day it was planned for.
pub fn take_package(of: &mut Subscription, to: &Offered) {
    if let Some(from) = of.next_package_from.filter(|_| begins_anew(of, to)) {
        count_from(of, to, from);
    }
    of.package_id = to.id;
    of.package.clone_from(&to.name);
    of.price = to.price;
    of.cost = Some(to.cost);
    of.is_taxed = to.is_taxed;
    of.on_expiry = to.on_expiry;
    forget_change(of);
}

/// Counts periods as a package does, from a day on.
pub fn count_from(of: &mut Subscription, to: &Offered, from: NaiveDate) {
    of.cycle = to.cycle.name();
    of.bill_day = to.bill_day.filter(|_| to.cycle == Cycle::Monthly);
    of.anchor = Some(Step::of(to.cycle, of.bill_day).anchor(from));
}

/// Takes what its package costs by now, and nothing else of it.
pub fn take_price(of: &mut Subscription, to: &Offered) {
    of.price = to.price;
    of.cost = Some(to.cost);
    of.is_taxed = to.is_taxed;
    forget_change(of);
}

/// Takes the package that was planned; the same one: what it costs.
pub fn take_planned(of: &mut Subscription, to: &Offered) {
    if to.id == of.package_id { take_price(of, to) } else { take_package(of, to) }
}

/// Nothing is planned any more.
pub fn forget_change(of: &mut Subscription) {
    (of.next_package_id, of.next_package_from) = (None, None);
}

/// Plans a pause, or another last day of the one there is.
///
/// # Errors
/// [`SubscriptionError::WrongState`], [`SubscriptionError::Refused`].
pub fn plan_pause(
    of: &mut Subscription,
    (from, until): (NaiveDate, Option<NaiveDate>),
    today: NaiveDate,
) -> Result<(), SubscriptionError> {
    let from = match of.state {
        // What an isolated customer owes he owes through his pause.
        State::Active | State::Grace | State::Isolated => {
            within("from", from, (today, days_on(today, MAX_AHEAD_DAYS)))?;
            from
        }
        // It has begun: only its end can be another.
        State::Paused => of.paused_from.unwrap_or(from),
        State::Pending | State::Ended => return Err(wrong(of)),
    };
    if let Some(until) = until {
        within("until", until, (days_on(from.max(today), 1), days_on(from, MAX_PAUSE_DAYS)))?;
    }
    if of.ends_on.is_some_and(|end| end <= from) {
        return Err(refused("from", "pause_after_end"));
    }
    (of.paused_from, of.paused_until) = (Some(from), until);
    Ok(())
}

/// Whether the pause that is planned begins.
#[must_use]
pub fn pause_is_due(of: &Subscription, today: NaiveDate) -> bool {
    let may_pause = matches!(of.state, State::Active | State::Grace | State::Isolated);
    may_pause && of.paused_from.is_some_and(|from| from <= today)
}

/// Begins the pause that is planned. It begins today, also when its day has gone by: what was served is not paused.
pub fn begin_pause(of: &mut Subscription, today: NaiveDate) {
    of.paused_from = Some(of.paused_from.map_or(today, |from| from.max(today)));
    of.state = State::Paused;
    of.promise_until = None;
    // Where it stands afterwards is looked at anew, with what is owed then.
    of.is_held = false;
}

/// What a pause was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paused {
    pub days: Period,
    /// Service goes on so many days later than it would have; 0 where its periods begin on a fixed day.
    pub moved_days: i64,
    /// Days that were invoiced, and are given back in money.
    pub given_back: Option<Period>,
}

/// Ends a pause on a day, which is served again. What was paid for and not served is not lost: it follows now, or, where
/// periods begin on a fixed day, it is given back in money.
///
/// # Errors
/// [`SubscriptionError::WrongState`].
pub fn resume(of: &mut Subscription, on: NaiveDate) -> Result<Paused, SubscriptionError> {
    let (State::Paused, Some(from)) = (of.state, of.paused_from) else { return Err(wrong(of)) };
    let days = Period { from, until: on.max(from) };
    let mut paused = Paused { days, moved_days: 0, given_back: None };
    let is_fixed = of.calendar().is_none_or(|calendar| calendar.step().is_fixed());
    if is_fixed {
        paused.given_back = of.billed_until.and_then(|until| days.within(Period { from, until }));
        // What was not invoiced begins today, with a part of a period.
        of.billed_until = of.billed_until.map(|until| until.max(days.until));
        of.covered_until = of.covered_until.map(|until| if until >= from { until.max(days.until) } else { until });
        // What was planned for a day of the pause begins behind it.
        of.next_package_from = of.next_package_from.map(|day| if day >= from { day.max(days.until) } else { day });
    } else {
        paused.moved_days = days.days();
        for day in [&mut of.billed_until, &mut of.covered_until, &mut of.next_package_from] {
            *day = day.map(|day| if day >= from { days_on(day, paused.moved_days) } else { day });
        }
        // Days before the pause that are not invoiced are served by the days right behind it.
        of.billed_until = of.billed_until.map(|day| if day < from { days_on(day, paused.moved_days) } else { day });
        of.anchor = of.billed_until.or(of.anchor);
    }
    (of.paused_from, of.paused_until) = (None, None);
    of.state = State::Active;
    Ok(paused)
}

/// Forgets a pause that has not begun.
///
/// # Errors
/// [`SubscriptionError::WrongState`].
pub fn forget_pause(of: &mut Subscription) -> Result<(), SubscriptionError> {
    if of.state == State::Paused || of.paused_from.is_none() {
        return Err(wrong(of));
    }
    (of.paused_from, of.paused_until) = (None, None);
    Ok(())
}

/// Plans the end.
///
/// # Errors
/// [`SubscriptionError::WrongState`], [`SubscriptionError::Refused`].
pub fn plan_end(of: &mut Subscription, on: NaiveDate, reason: &str, today: NaiveDate) -> Result<(), SubscriptionError> {
    if of.state == State::Ended {
        return Err(wrong(of));
    }
    within("ends_on", on, (today, days_on(today, MAX_AHEAD_DAYS)))?;
    of.ends_on = Some(on);
    reason.clone_into(&mut of.end_reason);
    Ok(())
}

/// The days that are invoiced and not served when service ends before a day. A pause has ended it already; what never
/// began was not served.
#[must_use]
pub fn unused_at(of: &Subscription, ends_on: NaiveDate) -> Option<Period> {
    let last = match (of.state, of.paused_from, of.started_on) {
        (State::Pending, _, Some(start)) => start,
        (State::Paused, Some(from), _) => from.min(ends_on),
        (_, _, Some(start)) => ends_on.max(start),
        (_, _, None) => ends_on,
    };
    invoiced_from(of, last)
}

/// Ends it.
pub fn end(of: &mut Subscription, on: NaiveDate, now: DateTime<Utc>) {
    of.state = State::Ended;
    of.ends_on = Some(on);
    of.ended_at = Some(now);
    (of.paused_from, of.paused_until, of.promise_until) = (None, None, None);
    (of.lapses_at, of.acts_at) = (None, None);
    (of.is_held, of.is_auto_renewed) = (false, false);
    forget_change(of);
}

/// What a promise hangs on.
#[derive(Debug, Clone, Copy)]
pub struct Promising {
    pub today: NaiveDate,
    /// Days, today not counted.
    pub max_days: i64,
    /// One was given this month.
    pub was_given: bool,
    /// Something is owed.
    pub owes: bool,
}

/// Opens service until the end of a day.
///
/// # Errors
/// [`SubscriptionError::WrongState`], [`SubscriptionError::Refused`].
pub fn promise(of: &mut Subscription, until: NaiveDate, facts: Promising) -> Result<(), SubscriptionError> {
    match of.state {
        // What is not late needs no promise.
        State::Active => return Err(refused("until", "promise_nothing_late")),
        State::Grace | State::Isolated if facts.owes => {}
        State::Grace | State::Isolated => return Err(refused("until", "promise_nothing_owed")),
        State::Pending | State::Paused | State::Ended => return Err(wrong(of)),
    }
    if of.is_held {
        return Err(refused("until", "promise_held"));
    }
    if facts.was_given {
        return Err(refused("until", "promise_this_month"));
    }
    within("until", until, (facts.today, days_on(facts.today, facts.max_days)))?;
    of.promise_until = Some(day_end(until, of.zone()));
    if of.state == State::Isolated {
        of.state = State::Grace;
    }
    Ok(())
}

/// The local month of a day: its first day, and that of the next.
#[must_use]
pub fn month_of(day: NaiveDate, zone: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
    use chrono::Datelike as _;
    let first = day.with_day(1).unwrap_or(day);
    let next = first.checked_add_months(Months::new(1)).unwrap_or(first);
    (day_start(first, zone), day_start(next, zone))
}

/// Sets or takes away the discount on each period.
///
/// # Errors
/// [`SubscriptionError::WrongState`], [`SubscriptionError::Refused`].
pub fn set_discount(
    of: &mut Subscription,
    discount: Option<Discount>,
    today: NaiveDate,
) -> Result<(), SubscriptionError> {
    living(of)?;
    if let Some(discount) = &discount {
        if discount.amount.currency() != of.price.currency() {
            return Err(refused("amount", "currency"));
        }
        if !(1..=of.price.minor()).contains(&discount.amount.minor()) {
            let max = of.price.minor();
            let error = FieldError::new("out_of_range").arg("min", 1).arg("max", max);
            return Err(SubscriptionError::field("amount", error));
        }
        if discount.until.is_some_and(|until| until < today) {
            return Err(refused("until", "in_the_past"));
        }
    }
    of.discount = discount;
    Ok(())
}

/// Whether anything may still be agreed.
///
/// # Errors
/// [`SubscriptionError::WrongState`].
pub fn living(of: &Subscription) -> Result<(), SubscriptionError> {
    if of.state == State::Ended { Err(wrong(of)) } else { Ok(()) }
}

/// What may be said anew of a user and his terms; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    pub grace_days: Option<i64>,
    pub server: Option<String>,
    /// Empty: no longer static.
    pub remote_address: Option<String>,
    /// Empty: any device.
    pub mac: Option<String>,
}

/// Which details differ, by their names; the row has them afterwards.
///
/// # Errors
/// [`SubscriptionError::WrongState`], [`SubscriptionError::Refused`].
pub fn set_details(of: &mut Subscription, details: &Details) -> Result<Vec<&'static str>, SubscriptionError> {
    living(of)?;
    let mut changed = Vec::new();
    if let Some(days) = details.grace_days {
        if !(0..=MAX_GRACE_DAYS).contains(&days) {
            let error = FieldError::new("out_of_range").arg("min", 0).arg("max", MAX_GRACE_DAYS);
            return Err(SubscriptionError::field("grace_days", error));
        }
        let days = i32::try_from(days).unwrap_or(of.grace_days);
        if days != of.grace_days {
            of.grace_days = days;
            changed.push("grace_days");
        }
    }
    // One who was taken over may have another pool than his profile's: what stays need not be an address.
    if let Some(address) = details.remote_address.as_ref().filter(|address| **address != of.remote_address) {
        if !address.is_empty() && of.service != Service::Pppoe {
            return Err(refused("remote_address", "only_of_pppoe"));
        }
        if !address.is_empty() && address.parse::<Ipv4Addr>().is_err() {
            return Err(refused("remote_address", "bad_static_address"));
        }
    }
    let texts = [
        ("server", &details.server, &mut of.server),
        ("remote_address", &details.remote_address, &mut of.remote_address),
        ("mac", &details.mac, &mut of.mac),
    ];
    for (name, new, old) in texts {
        if let Some(new) = new.as_ref().filter(|new| *new != old) {
            old.clone_from(new);
            changed.push(name);
        }
    }
    if changed.contains(&"mac") {
        of.is_mac_freed = of.mac.is_empty();
    }
    Ok(changed)
}

/// Moves the user to another router, where nothing is known of him.
pub fn move_to(of: &mut Subscription, (router, name): (RouterId, &str)) {
    of.router_id = router;
    name.clone_into(&mut of.router);
}
