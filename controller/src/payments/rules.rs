//! Pure decisions about payments: what of the money handed over is booked, when a part of a debt opens a service again,
//! until when the rest is promised.

use chrono::{DateTime, Days, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    http::form::{Check, FieldError, FormErrors, MAX_NOTE, MAX_PRICE},
    ledger::{
        aging::{day_end, local_day},
        allocation::{Choice, Due, Settlement, allocate},
        draft::RuleError,
    },
    money::{Currency, Money},
};

/// Invoices that one payment may be spread over by hand.
pub const MAX_CHOICES: usize = 50;
/// Characters of a reason.
pub const MAX_REASON: usize = 200;

/// What a row tells: money that came, balance that was used, balance that was paid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Payment,
    CreditUsed,
    Refund,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Payment, Self::CreditUsed, Self::Refund];

    /// As stored; its text is `payment-kind-<kind>` with dashes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::CreditUsed => "credit_used",
            Self::Refund => "refund",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// How money went from hand to hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    Cash,
    /// Seen on the operator's bank account.
    BankTransfer,
    /// None went: the customer's balance was used.
    Credit,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 3] = [Self::Cash, Self::BankTransfer, Self::Credit];
    /// Those by which money comes and goes.
    pub const OF_MONEY: [Self; 2] = [Self::Cash, Self::BankTransfer];

    /// As stored; its text is `payment-method-<method>` with dashes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cash => "cash",
            Self::BankTransfer => "bank_transfer",
            Self::Credit => "credit",
        }
    }

    /// The method of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }

    /// The method of a name, of those by which money comes and goes.
    #[must_use]
    pub fn of_money(text: &str) -> Option<Self> {
        Self::OF_MONEY.into_iter().find(|method| method.as_str() == text)
    }
}

/// What becomes of money handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booked {
    /// What is settled; its rest becomes balance.
    pub settlement: Settlement,
    /// What is booked in all.
    pub amount: Money,
    /// What is handed back.
    pub change: Money,
}

/// Spreads money handed over: over what was chosen, else the oldest due first. What is left is handed back or kept as
/// balance; only cash can be handed back.
///
/// # Errors
/// What is wrong, by field.
pub fn spread(
    (given, method): (Money, Method),
    due: &[Due],
    (choices, keeps_rest): (&[Choice], bool),
) -> Result<Booked, FormErrors> {
    let settlement = allocate(given, due, choices).map_err(refused)?;
    let none = Money::new(0, given.currency());
    let keeps_rest = keeps_rest || method != Method::Cash;
    if keeps_rest || settlement.rest == none {
        return Ok(Booked { settlement, amount: given, change: none });
    }
    let change = settlement.rest;
    let amount = given.minus(change).map_err(|error| refused(error.into()))?;
    if amount.minor() == 0 {
        // Nothing would be booked: the cashier is to say whether it shall be balance.
        return Err(FormErrors::of("keep", FieldError::new("nothing_due")));
    }
    Ok(Booked { settlement: Settlement { rest: none, ..settlement }, amount, change })
}

/// What a balance settles: at most what there is, and what was asked for; nothing is left over.
///
/// # Errors
/// What is wrong, by field.
pub fn settle_from_credit(
    credit: Money,
    at_most: Option<Money>,
    due: &[Due],
    choices: &[Choice],
) -> Result<Settlement, FormErrors> {
    if credit.minor() <= 0 {
        return Err(FormErrors::of("", FieldError::new("no_balance")));
    }
    let amount = at_most.unwrap_or(credit);
    if amount.currency() != credit.currency() || amount.minor() > credit.minor() {
        return Err(FormErrors::of("amount", FieldError::new("more_than_credit").arg("credit", credit.to_string())));
    }
    let settlement = allocate(amount, due, choices).map_err(refused)?;
    if settlement.shares.is_empty() {
        return Err(FormErrors::of("", FieldError::new("nothing_due")));
    }
    Ok(Settlement { rest: Money::new(0, credit.currency()), ..settlement })
}

/// Why an amount or a choice is refused.
fn refused(error: RuleError) -> FormErrors {
    match error {
        RuleError::NotDue => FormErrors::of("invoice", FieldError::new("not_due")),
        RuleError::Amount | RuleError::Empty => out_of_range(),
        RuleError::Unbalanced | RuleError::TooMany | RuleError::WrongPlace | RuleError::Source => {
            FormErrors::of("given", FieldError::new("not_bookable"))
        }
    }
}

fn out_of_range() -> FormErrors {
    FormErrors::of("given", FieldError::new("out_of_range").arg("min", 1).arg("max", MAX_PRICE))
}

/// Checks an amount and a note, as typed; answers the note.
///
/// # Errors
/// What is wrong, by field.
pub fn check(amount: Money, currency: Currency, note: &str, choices: usize) -> Result<String, FormErrors> {
    if amount.currency() != currency {
        let error = FieldError::new("other_currency").arg("currency", currency.code());
        return Err(FormErrors::of("given", error));
    }
    if !(1..=MAX_PRICE).contains(&amount.minor()) {
        return Err(out_of_range());
    }
    if choices > MAX_CHOICES {
        let max = i64::try_from(MAX_CHOICES).unwrap_or(i64::MAX);
        return Err(FormErrors::of("invoice", FieldError::new("too_many_chosen").arg("max", max)));
    }
    let mut check = Check::default();
    check.optional("note", note, MAX_NOTE).ok_or_else(|| check.into_errors())
}

/// A debt that is due, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Debt {
    pub total: i64,
    /// What was left before a payment.
    pub before: i64,
    /// And after it.
    pub after: i64,
}

/// What a part payment does for the promise of the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earned {
    Nothing,
    /// The promise that runs is this payment's as well, and no longer for it.
    Kept,
    /// A promise from today.
    Anew,
}

/// Whether what was paid of the debts that are due opens a service on the promise of the rest. While a promise runs, only
/// the payment that reaches the share makes it longer, not every small one after it.
#[must_use]
pub fn earned(debts: &[Debt], percent: i32, is_promised: bool) -> Earned {
    let after = debts.iter().filter(|debt| debt.after > 0).map(|debt| (debt.total, debt.after));
    let before = debts.iter().map(|debt| (debt.total, debt.before));
    match is_share_enough(after, percent) {
        true if is_promised && is_share_enough(before, percent) => Earned::Kept,
        true => Earned::Anew,
        false => Earned::Nothing,
    }
}

/// Of each debt the total and what is left. Debts that are paid in full need no promise.
fn is_share_enough(debts: impl Iterator<Item = (i64, i64)>, percent: i32) -> bool {
    let (mut total, mut left) = (0_i128, 0_i128);
    for (of, remaining) in debts {
        total += i128::from(of);
        left += i128::from(remaining);
    }
    left > 0 && (total - left) * 100 >= total * i128::from(percent)
}

/// Until when the rest is promised: the end of the day so many days from now.
#[must_use]
pub fn promised_until(now: DateTime<Utc>, zone: Tz, days: i32) -> DateTime<Utc> {
    let today = local_day(now, zone);
    let day = today.checked_add_days(Days::new(u64::try_from(days).unwrap_or(0))).unwrap_or(today);
    day_end(day, zone)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::InvoiceId;

    fn due(id: i64, day: u32, remaining: i64) -> Due {
        let due_on = chrono::NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
        Due { invoice: Some(InvoiceId(id)), due_on, remaining: Money::idr(remaining) }
    }

    fn cash(given: i64, due: &[Due], keeps: bool) -> Result<(i64, i64, i64), String> {
        let booked = spread((Money::idr(given), Method::Cash), due, (&[], keeps));
        let code =
            |errors: FormErrors| errors.iter().map(|(field, error)| format!("{field} {}", error.code())).collect();
        let parts = |booked: Booked| (booked.amount.minor(), booked.change.minor(), booked.settlement.rest.minor());
        booked.map(parts).map_err(code)
    }

    #[test]
    fn change_is_handed_back_unless_it_is_kept() {
        // W5: 200,000 for 50,000 of November and 165,000 of December.
        let w5 = [due(1, 10, 50_000), due(2, 20, 165_000)];
        let booked = spread((Money::idr(200_000), Method::Cash), &w5, (&[], false)).unwrap();
        let shares: Vec<i64> = booked.settlement.shares.iter().map(|share| share.amount.minor()).collect();
        assert_eq!((shares, booked.change.minor()), (vec![50_000, 150_000], 0));
        assert_eq!(cash(250_000, &w5, false), Ok((215_000, 35_000, 0)));
        assert_eq!(cash(250_000, &w5, true), Ok((250_000, 0, 35_000)));
        assert_eq!(cash(5_000, &[], true), Ok((5_000, 0, 5_000)));
        assert_eq!(cash(5_000, &[], false), Err("keep nothing_due".to_owned()));
        assert_eq!(cash(0, &w5, false), Err("given out_of_range".to_owned()));
        // A transfer has no change.
        let booked = spread((Money::idr(250_000), Method::BankTransfer), &w5, (&[], false)).unwrap();
        assert_eq!((booked.amount.minor(), booked.settlement.rest.minor()), (250_000, 35_000));
    }

    #[test]
    fn a_balance_settles_no_more_than_it_is_and_leaves_nothing_over() {
        let open = [due(1, 10, 50_000)];
        let settle = |credit, at_most: Option<i64>, due: &[Due]| {
            settle_from_credit(Money::idr(credit), at_most.map(Money::idr), due, &[])
                .map(|settlement| settlement.total().unwrap().minor())
                .map_err(|errors| errors.iter().next().unwrap().1.code().to_owned())
        };
        assert_eq!(settle(70_000, None, &open), Ok(50_000));
        assert_eq!(settle(20_000, None, &open), Ok(20_000));
        assert_eq!(settle(70_000, Some(10_000), &open), Ok(10_000));
        assert_eq!(settle(70_000, Some(80_000), &open), Err("more_than_credit".to_owned()));
        assert_eq!(settle(70_000, None, &[]), Err("nothing_due".to_owned()));
        assert_eq!(settle(0, None, &open), Err("no_balance".to_owned()));
    }

    #[test]
    fn a_share_opens_from_its_percentage_on() {
        let is_enough = |debts: &[(i64, i64)], percent| {
            let debts: Vec<Debt> = debts.iter().map(|&(total, after)| Debt { total, before: total, after }).collect();
            earned(&debts, percent, false) == Earned::Anew
        };
        // W5: 150 of 165 are 91 %.
        for (percent, enough) in [(80, true), (90, true), (91, false), (100, false)] {
            assert_eq!(is_enough(&[(165_000, 15_000)], percent), enough, "{percent}");
        }
        // Exactly the share is enough; a debt beside it counts too.
        assert!(is_enough(&[(100, 20)], 80));
        assert!(!is_enough(&[(100, 21)], 80));
        assert!(!is_enough(&[(100, 20), (100, 100)], 80));
        // What is paid in full is no promise.
        assert!(!is_enough(&[(100, 0)], 80));
        assert!(!is_enough(&[], 80));
    }

    #[test]
    fn a_running_promise_is_made_longer_by_the_payment_that_reaches_the_share_only() {
        let earns = |debts: &[(i64, i64, i64)], is_promised| {
            let debts: Vec<Debt> = debts.iter().map(|&(total, before, after)| Debt { total, before, after }).collect();
            earned(&debts, 80, is_promised)
        };
        assert_eq!(earns(&[(100, 50, 20)], true), Earned::Anew, "the share is reached while somebody promised");
        assert_eq!(earns(&[(100, 20, 19)], true), Earned::Kept, "a little more");
        assert_eq!(earns(&[(100, 20, 19)], false), Earned::Anew, "the promise is over");
        assert_eq!(earns(&[(100, 50, 21)], true), Earned::Nothing);
        // The older debt is settled whole, and was what held the share down.
        assert_eq!(earns(&[(40, 40, 0), (165, 15, 15)], true), Earned::Anew);
        assert_eq!(earns(&[(40, 5, 0), (165, 15, 15)], true), Earned::Kept);
    }

    #[test]
    fn a_promise_ends_with_a_day_of_the_site() {
        let now = "2026-12-14T10:12:00Z".parse().unwrap();
        let until = promised_until(now, Tz::Asia__Jakarta, 7);
        assert_eq!(until.to_rfc3339(), "2026-12-21T17:00:00+00:00");
        assert_eq!(promised_until(now, Tz::UTC, 0).to_rfc3339(), "2026-12-15T00:00:00+00:00");
    }

    proptest! {
        #[test]
        fn what_is_handed_over_is_booked_or_handed_back(
            given in 1i64..2_000_000,
            remaining in prop::collection::vec((1u32..29, 0i64..500_000), 0..8),
            keeps in any::<bool>(),
        ) {
            let open: Vec<Due> = (1..).zip(&remaining).map(|(id, (day, left))| due(id, *day, *left)).collect();
            if let Ok(booked) = spread((Money::idr(given), Method::Cash), &open, (&[], keeps)) {
                prop_assert_eq!(booked.amount.minor() + booked.change.minor(), given);
                prop_assert_eq!(booked.settlement.total().unwrap(), booked.amount);
                prop_assert!(booked.change.minor() == 0 || booked.settlement.rest.minor() == 0);
            } else {
                prop_assert!(!keeps && remaining.iter().all(|(_, left)| *left == 0));
            }
        }
    }
}
