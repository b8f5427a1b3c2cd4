//! What a payment settles: the oldest due first, unless the payer chose; what is left becomes credit. Pure.

use chrono::NaiveDate;

use super::draft::RuleError;
use crate::{ids::InvoiceId, money::Money};

/// Something a customer owes: an invoice, or what he owed without one when he was taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub invoice: Option<InvoiceId>,
    pub due_on: NaiveDate,
    /// What is left of it.
    pub remaining: Money,
}

/// What the payer wants settled, and at most how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub invoice: Option<InvoiceId>,
    pub at_most: Option<Money>,
}

/// A part of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub invoice: Option<InvoiceId>,
    pub amount: Money,
}

/// Where a payment goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    pub shares: Vec<Share>,
    /// What is left for the customer's credit.
    pub rest: Money,
}

impl Settlement {
    /// Everything to the customer's credit.
    #[must_use]
    pub fn to_credit(amount: Money) -> Self {
        Self { shares: Vec::new(), rest: amount }
    }

    /// Everything to one invoice.
    #[must_use]
    pub fn of_invoice(invoice: InvoiceId, amount: Money) -> Self {
        let rest = Money::new(0, amount.currency());
        Self { shares: vec![Share { invoice: Some(invoice), amount }], rest }
    }

    /// What was paid in all.
    ///
    /// # Errors
    /// [`RuleError`] on overflow or mixed currencies.
    pub fn total(&self) -> Result<Money, RuleError> {
        self.shares.iter().try_fold(self.rest, |sum, share| Ok(sum.plus(share.amount)?))
    }
}

/// Spreads an amount over what is due. Without choices the oldest due comes first, of the same day the lower number;
/// with choices only those are settled, in their order.
///
/// # Errors
/// [`RuleError::Amount`] when the amount is not positive, [`RuleError::NotDue`] when a choice is not due or made twice,
/// [`RuleError::Unbalanced`] on mixed currencies.
pub fn allocate(amount: Money, due: &[Due], chosen: &[Choice]) -> Result<Settlement, RuleError> {
    if amount.minor() <= 0 {
        return Err(RuleError::Amount);
    }
    let mut settlement = Settlement { shares: Vec::new(), rest: amount };
    if chosen.is_empty() {
        let mut oldest: Vec<&Due> = due.iter().collect();
        oldest.sort_by_key(|due| (due.due_on, due.invoice));
        for due in oldest {
            take(&mut settlement, due, None)?;
        }
        return Ok(settlement);
    }
    for (at, choice) in chosen.iter().enumerate() {
        if chosen.iter().take(at).any(|earlier| earlier.invoice == choice.invoice) {
            return Err(RuleError::NotDue);
        }
        let due = due.iter().find(|due| due.invoice == choice.invoice).ok_or(RuleError::NotDue)?;
        take(&mut settlement, due, choice.at_most)?;
    }
    Ok(settlement)
}

fn take(settlement: &mut Settlement, due: &Due, at_most: Option<Money>) -> Result<(), RuleError> {
    let limit = at_most.unwrap_or(due.remaining);
    if limit.currency() != due.remaining.currency() || limit.minor() < 0 {
        return Err(RuleError::Amount);
    }
    let minor = due.remaining.minor().min(limit.minor()).min(settlement.rest.minor());
    if minor <= 0 {
        return Ok(());
    }
    let amount = Money::new(minor, due.remaining.currency());
    settlement.rest = settlement.rest.minus(amount)?;
    settlement.shares.push(Share { invoice: due.invoice, amount });
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn due(invoice: i64, day: u32, remaining: i64) -> Due {
        let due_on = NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
        Due { invoice: Some(InvoiceId(invoice)), due_on, remaining: Money::idr(remaining) }
    }

    fn choice(invoice: i64, at_most: Option<i64>) -> Choice {
        Choice { invoice: Some(InvoiceId(invoice)), at_most: at_most.map(Money::idr) }
    }

    fn shares(settlement: &Settlement) -> Vec<(i64, i64)> {
        settlement.shares.iter().map(|share| (share.invoice.unwrap().0, share.amount.minor())).collect()
    }

    #[test]
    fn the_oldest_due_is_settled_first_and_what_is_left_becomes_credit() {
        let dues = [due(3, 20, 100), due(1, 20, 50), due(2, 5, 70)];
        for (paid, expected, rest) in [
            (60, vec![(2, 60)], 0),
            (100, vec![(2, 70), (1, 30)], 0),
            (220, vec![(2, 70), (1, 50), (3, 100)], 0),
            (300, vec![(2, 70), (1, 50), (3, 100)], 80),
        ] {
            let settlement = allocate(Money::idr(paid), &dues, &[]).unwrap();
            assert_eq!((shares(&settlement), settlement.rest.minor()), (expected, rest), "{paid}");
        }
    }

    #[test]
    fn a_choice_settles_only_what_was_chosen() {
        let dues = [due(1, 5, 100), due(2, 20, 100)];
        let settlement = allocate(Money::idr(150), &dues, &[choice(2, None)]).unwrap();
        assert_eq!((shares(&settlement), settlement.rest.minor()), (vec![(2, 100)], 50));
        let settlement = allocate(Money::idr(150), &dues, &[choice(2, Some(30)), choice(1, None)]).unwrap();
        assert_eq!((shares(&settlement), settlement.rest.minor()), (vec![(2, 30), (1, 100)], 20));
        assert_eq!(allocate(Money::idr(1), &dues, &[choice(9, None)]), Err(RuleError::NotDue));
        assert_eq!(allocate(Money::idr(1), &dues, &[choice(1, None), choice(1, None)]), Err(RuleError::NotDue));
    }

    #[test]
    fn nothing_and_less_is_no_payment() {
        for minor in [0, -1] {
            assert_eq!(allocate(Money::idr(minor), &[], &[]), Err(RuleError::Amount));
        }
        assert_eq!(allocate(Money::idr(5), &[], &[]).unwrap(), Settlement::to_credit(Money::idr(5)));
    }

    proptest! {
        #[test]
        fn no_share_exceeds_what_is_due_and_the_sum_is_what_was_paid(
            paid in 1i64..2_000_000,
            remaining in prop::collection::vec((1u32..29, 0i64..500_000), 0..12),
        ) {
            let dues: Vec<Due> = (1..).zip(&remaining).map(|(id, (day, left))| due(id, *day, *left)).collect();
            let settlement = allocate(Money::idr(paid), &dues, &[]).unwrap();
            prop_assert_eq!(settlement.total().unwrap(), Money::idr(paid));
            for share in &settlement.shares {
                let of = dues.iter().find(|due| due.invoice == share.invoice).unwrap();
                prop_assert!(share.amount.minor() > 0 && share.amount.minor() <= of.remaining.minor());
            }
            let owed: i64 = remaining.iter().map(|(_, left)| left).sum();
            prop_assert_eq!(settlement.rest.minor(), (paid - owed).max(0));
        }
    }
}
