//! One newtype per table, so that ids of different tables cannot be mixed up; and the random texts strangers see.

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

ids! {
    /// A site.
    SiteId,
    /// A router.
    RouterId,
    /// A package.
    PackageId,
    /// A price of a package.
    PriceId,
    /// A seller.
    SellerId,
    /// A price rule.
    RuleId,
    /// A voucher batch.
    BatchId,
    /// A voucher.
    VoucherId,
    /// A voucher sold over the counter.
    SaleId,
    /// An admin.
    AdminId,
    /// A print layout.
    LayoutId,
    /// A job.
    JobId,
    /// A customer.
    CustomerId,
    /// Many subscriptions on their way in.
    IntakeId,
    /// An invoice.
    InvoiceId,
    /// An account of the ledger.
    AccountId,
    /// An attempt to pay.
    AttemptId,
    /// An entry of the ledger's journal.
    EntryId,
    /// A subscription.
    SubscriptionId,
    /// Something sold beside a package.
    AddonId,
    /// A rate of PPN.
    TaxRateId,
    /// A payment.
    PaymentId,
    /// A credit note.
    CreditNoteId,
    /// A debt given up.
    WriteOffId,
    /// A nightly run.
    RunId,
    /// An isolation plan.
    PlanId,
    /// A message to a customer.
    MessageId,
    /// A list of customers on its way in.
    CustomerImportId,
}

/// Bytes of the operating system's randomness.
///
/// # Panics
/// When the operating system has none to give: nothing secret can be made then.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// A random token of 128 bits, 32 hex characters.
#[must_use]
pub fn token() -> String {
    hiji_shared::signed::hex(&random::<16>())
}

/// A ULID: sorts by time, unique by 80 random bits. `now_ms` is unix ms.
#[must_use]
pub fn ulid(now_ms: i64) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let time = u128::try_from(now_ms.max(0)).unwrap_or(0) & ((1 << 48) - 1);
    let tail = random::<10>().iter().fold(0u128, |sum, byte| (sum << 8) | u128::from(*byte));
    let value = (time << 80) | tail;
    (0..26).rev().map(|place| char::from(ALPHABET[usize::try_from((value >> (place * 5)) & 31).unwrap_or(0)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ulids_sort_by_time() {
        assert_eq!(ulid(1).len(), 26);
        assert!(ulid(1_000) < ulid(2_000));
        assert_ne!(ulid(5), ulid(5));
    }
}
