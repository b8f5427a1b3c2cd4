//! Vouchers in the ledger: sold once, used once, income when the operator's setting says. Called by the feature above at
//! the sale over the counter and at the first login.

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;

use super::{
    LedgerError, Posted,
    draft::{Fact, Kind, RuleError, Source},
    post,
    rules::{self, VoucherIncome, VoucherSale},
    store,
};
use crate::{
    audit::Actor,
    ids::{SiteId, VoucherId},
    money::Money,
};

/// Which voucher, where, when, and its money.
#[derive(Debug, Clone)]
pub struct VoucherFact {
    pub voucher: VoucherId,
    pub site: SiteId,
    pub at: DateTime<Utc>,
    /// The voucher's number or package, for people; never its code.
    pub memo: String,
    pub sale: VoucherSale,
}

impl VoucherFact {
    fn fact(&self) -> Fact {
        Fact {
            source: Source::new("voucher", self.voucher),
            occurred_at: self.at,
            site: Some(self.site),
            memo: self.memo.clone(),
        }
    }
}

/// Books the sale of a voucher. `None` when there is nothing to book: a free voucher without cost.
///
/// # Errors
/// As [`post`].
pub async fn voucher_sold(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    voucher: &VoucherFact,
    income: VoucherIncome,
) -> Result<Option<Posted>, LedgerError> {
    // The sale was booked as the setting was then: a repeat after a change of the setting is no other sale.
    let source = Source::new("voucher", voucher.voucher);
    if let Some(entry) = store::of_source(tx, &source, Kind::VoucherSold).await? {
        return Ok(Some(Posted { entry: entry.id, repeated: true }));
    }
    match rules::voucher_sold(voucher.fact(), &voucher.sale, income) {
        Ok(draft) => Ok(Some(post(tx, now, actor, &draft).await?)),
        Err(RuleError::Empty) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

/// Books the first login of a voucher. What was sold as unearned becomes income; what was never sold through hiji (printed
/// and sold by hand) is sold now; what was booked at its sale stays as it is. `None` when nothing was to be booked.
///
/// # Errors
/// As [`post`].
pub async fn voucher_used(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    voucher: &VoucherFact,
) -> Result<Option<Posted>, LedgerError> {
    let source = Source::new("voucher", voucher.voucher);
    let Some(sold) = store::of_source(tx, &source, Kind::VoucherSold).await? else {
        return voucher_sold(tx, now, actor, voucher, VoucherIncome::AtSale).await;
    };
    let unearned: i64 = sold
        .postings
        .iter()
        .filter(|posting| posting.place.code() == super::chart::Code::VoucherUnearned)
        .map(|posting| -posting.amount.minor())
        .sum();
    if unearned == 0 || sold.reversed_by.is_some() {
        return Ok(None);
    }
    // What was sold counts, not what a package costs meanwhile.
    let net = Money::new(unearned, voucher.sale.price.currency());
    let draft = rules::voucher_used(voucher.fact(), net, voucher.sale.cost)?;
    Ok(Some(post(tx, now, actor, &draft).await?))
}

/// Takes the sale of a voucher back: it was cancelled or the voucher is void. `None` when no sale was booked, or what was
/// sold has become income at a login since.
///
/// # Errors
/// As [`post`].
pub async fn voucher_unsold(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    voucher: VoucherId,
    reason: &str,
) -> Result<Option<Posted>, LedgerError> {
    let source = Source::new("voucher", voucher);
    if store::of_source(tx, &source, Kind::VoucherUsed).await?.is_some() {
        return Ok(None);
    }
    match store::of_source(tx, &source, Kind::VoucherSold).await? {
        Some(sold) => Ok(Some(super::reverse(tx, now, actor, sold.id, reason).await?)),
        None => Ok(None),
    }
}
