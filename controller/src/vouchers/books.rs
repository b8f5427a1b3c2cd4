//! What the ledger learns of vouchers: sold over the counter, used for the first time, taken back. A voucher and those
//! that took its place are one sale.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;

use super::store::{self, Booking};
use crate::{
    audit::Actor,
    db::Tx,
    ids::VoucherId,
    ledger::{self, LedgerError, VoucherFact, chart::Place, rules::VoucherSale},
    money::Money,
    settings,
};

/// The drawer of those who keep no shift: where money of vouchers lies.
const NO_SHIFT: i64 = 0;

/// Books the sale of a voucher over the counter.
pub(super) async fn sold(tx: &Tx, now: DateTime<Utc>, actor: &Actor, voucher: VoucherId) -> Result<(), DbErr> {
    let income = settings::load(&**tx).await?.voucher_income;
    for booking in store::bookings(&**tx, &[voucher]).await? {
        ledger::voucher_sold(&**tx, now, actor, &fact(booking, now), income).await.map_err(LedgerError::into_db)?;
    }
    Ok(())
}

/// Books first logins, once their vouchers are written.
pub(super) async fn used(tx: &Tx, now: DateTime<Utc>, vouchers: &[VoucherId]) -> Result<(), DbErr> {
    if vouchers.is_empty() {
        return Ok(());
    }
    // A router's clock may be wrong; a fact lies between the voucher's making and now.
    let at = |booking: &Booking| booking.first_login_at.unwrap_or(now).max(booking.created_at).min(now);
    let facts = store::bookings(&**tx, vouchers).await?.into_iter().map(|booking| {
        let at = at(&booking);
        fact(booking, at)
    });
    let facts: Vec<VoucherFact> = facts.collect();
    ledger::vouchers_used(&**tx, now, &Actor::system("vouchers"), &facts).await.map_err(LedgerError::into_db)?;
    Ok(())
}

/// Takes the sales of vouchers back that nobody has used: they are void.
pub(super) async fn taken_back(
    tx: &Tx,
    now: DateTime<Utc>,
    actor: &Actor,
    vouchers: &[VoucherId],
    reason: &str,
) -> Result<(), DbErr> {
    let bookings = store::bookings(&**tx, vouchers).await?;
    let unused: Vec<VoucherId> =
        bookings.into_iter().filter(|booking| !booking.is_used).map(|booking| booking.origin).collect();
    ledger::vouchers_unsold(&**tx, now, actor, &unused, reason).await.map_err(LedgerError::into_db)?;
    Ok(())
}

fn fact(booking: Booking, at: DateTime<Utc>) -> VoucherFact {
    let Booking { origin, site, price, cost, name, .. } = booking;
    let tax = Money::new(0, price.currency());
    VoucherFact {
        voucher: origin,
        site,
        at,
        memo: name,
        sale: VoucherSale { into: Place::cash(NO_SHIFT), price, tax, cost },
    }
}
