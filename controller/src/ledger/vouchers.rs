//! Vouchers in the ledger: sold once, used once, income when the operator's setting says. Called by the features above:
//! at the sale over the counter, at first logins, when a sale is taken back.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use super::{
    Entry, LedgerError, Posted,
    chart::Code,
    draft::{Draft, Fact, Kind, RuleError, Source},
    post, post_many,
    rules::{self, VoucherIncome, VoucherSale},
    store,
};
use crate::{
    audit::Actor,
    ids::{SiteId, VoucherId},
    money::Money,
};

/// The type of the document.
const VOUCHER: &str = "voucher";

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
            source: Source::new(VOUCHER, self.voucher),
            occurred_at: self.at,
            site: Some(self.site),
            memo: self.memo.clone(),
        }
    }
}

/// What was booked of a voucher.
#[derive(Debug, Default)]
struct Booked {
    sold: Option<Entry>,
    is_used: bool,
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
    let booked = booked(tx, std::iter::once(voucher.voucher)).await?;
    if let Some(Booked { sold: Some(entry), .. }) = booked.get(&voucher.voucher) {
        return Ok(Some(Posted { entry: entry.id, repeated: true }));
    }
    match if_any(rules::voucher_sold(voucher.fact(), &voucher.sale, income))? {
        Some(draft) => Ok(Some(post(tx, now, actor, &draft).await?)),
        None => Ok(None),
    }
}

/// Books first logins of vouchers, thousands at once. What was sold as unearned becomes income; what was never sold
/// through hiji (printed and sold by hand) is sold now; what was booked at its sale stays as it is. Answers how many
/// were booked.
///
/// # Errors
/// As [`post_many`].
pub async fn vouchers_used(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    vouchers: &[VoucherFact],
) -> Result<usize, LedgerError> {
    let mut booked = booked(tx, vouchers.iter().map(|fact| fact.voucher)).await?;
    let mut seen = HashSet::with_capacity(vouchers.len());
    let mut drafts = Vec::with_capacity(vouchers.len());
    for voucher in vouchers.iter().filter(|fact| seen.insert(fact.voucher)) {
        drafts.extend(used(voucher, booked.remove(&voucher.voucher).unwrap_or_default())?);
    }
    let posted = post_many(tx, now, actor, &drafts).await?;
    Ok(posted.iter().filter(|posted| !posted.repeated).count())
}

/// Pure: what the first login of a voucher books.
fn used(voucher: &VoucherFact, Booked { sold, is_used }: Booked) -> Result<Option<Draft>, RuleError> {
    let Some(sold) = sold else {
        return if_any(rules::voucher_sold(voucher.fact(), &voucher.sale, VoucherIncome::AtSale));
    };
    let unearned = sold.postings.iter().filter(|posting| posting.place.code() == Code::VoucherUnearned);
    let unearned: i64 = unearned.map(|posting| -posting.amount.minor()).sum();
    if is_used || unearned == 0 || sold.reversed_by.is_some() {
        return Ok(None);
    }
    // What was sold counts, not what a package costs meanwhile.
    let net = Money::new(unearned, voucher.sale.price.currency());
    if_any(rules::voucher_used(voucher.fact(), net, voucher.sale.cost))
}

/// Takes sales of vouchers back: they were cancelled, or the vouchers are void and nobody used them. Nothing happens to
/// those of which no sale was booked, whose sale was taken back before, or whose price has become income at a login.
/// Answers how many sales were taken back.
///
/// # Errors
/// As [`post_many`].
pub async fn vouchers_unsold(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    vouchers: &[VoucherId],
    reason: &str,
) -> Result<usize, LedgerError> {
    let mut booked = booked(tx, vouchers.iter().copied()).await?;
    let mut drafts = Vec::new();
    for voucher in vouchers {
        let Booked { sold, is_used } = booked.remove(voucher).unwrap_or_default();
        let Some(sold) = sold.filter(|sold| !is_used && sold.reversed_by.is_none()) else { continue };
        let source = rules::reversal_source(sold.id);
        let fact = Fact { source, occurred_at: now, site: sold.site, memo: reason.to_owned() };
        drafts.push(rules::reversal(fact, sold.id, sold.kind, &sold.postings)?);
    }
    Ok(post_many(tx, now, actor, &drafts).await?.len())
}

async fn booked(
    tx: &impl ConnectionTrait,
    vouchers: impl Iterator<Item = VoucherId>,
) -> Result<HashMap<VoucherId, Booked>, DbErr> {
    let ids: Vec<String> = vouchers.map(|voucher| voucher.to_string()).collect();
    let mut found: HashMap<VoucherId, Booked> = HashMap::new();
    for entry in store::of_sources(tx, VOUCHER, &ids).await? {
        let Ok(id) = entry.source.id.parse() else { continue };
        let booked = found.entry(VoucherId(id)).or_default();
        if entry.kind == Kind::VoucherSold {
            booked.sold = Some(entry);
        } else {
            booked.is_used = true;
        }
    }
    Ok(found)
}

/// A free voucher without cost books nothing.
fn if_any(draft: Result<Draft, RuleError>) -> Result<Option<Draft>, RuleError> {
    match draft {
        Ok(draft) => Ok(Some(draft)),
        Err(RuleError::Empty) => Ok(None),
        Err(other) => Err(other),
    }
}
