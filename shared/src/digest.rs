//! The digest of a mirrored kind: order-free, updated in O(1) a row, equal on both sides or something is missing.
//!
//! 256 buckets by the first byte of SHA-256(key); a bucket is the wrapping sum of the first 16 bytes of
//! SHA-256(canonical row); the root is SHA-256 over all buckets.

use sha2::{Digest as _, Sha256};

use crate::device::Row;

/// First 16 bytes of the SHA-256 of a row's canonical JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowHash(pub u128);

/// Running digest of one kind.
#[derive(Clone, PartialEq, Eq)]
pub struct Digest {
    count: u64,
    buckets: Box<[u128; 256]>,
}

/// The hash of a row: of its JSON with fields in their declared order and empty ones left out.
#[must_use]
pub fn row_hash(row: &Row) -> RowHash {
    let json = serde_json::to_vec(row).unwrap_or_default();
    let hash = Sha256::digest(&json);
    RowHash(first_16(&hash))
}

impl RowHash {
    /// 32 hex characters, as stored.
    #[must_use]
    pub fn to_hex(self) -> String {
        format!("{:032x}", self.0)
    }

    /// Reads what [`Self::to_hex`] wrote.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        u128::from_str_radix(text, 16).ok().map(Self)
    }
}

impl Default for Digest {
    fn default() -> Self {
        Self { count: 0, buckets: Box::new([0; 256]) }
    }
}

impl Digest {
    /// Adds a row that was not there.
    pub fn add(&mut self, key: &str, hash: RowHash) {
        let bucket = &mut self.buckets[bucket_of(key)];
        *bucket = bucket.wrapping_add(hash.0);
        self.count = self.count.saturating_add(1);
    }

    /// Takes a row away that was there.
    pub fn remove(&mut self, key: &str, hash: RowHash) {
        let bucket = &mut self.buckets[bucket_of(key)];
        *bucket = bucket.wrapping_sub(hash.0);
        self.count = self.count.saturating_sub(1);
    }

    /// Rows in it.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// 64 hex characters over all buckets.
    #[must_use]
    pub fn root(&self) -> String {
        let mut hasher = Sha256::new();
        for bucket in self.buckets.iter() {
            hasher.update(bucket.to_be_bytes());
        }
        hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Digest").field("count", &self.count).field("root", &self.root()).finish()
    }
}

fn bucket_of(key: &str) -> usize {
    usize::from(Sha256::digest(key.as_bytes())[0])
}

fn first_16(hash: &[u8]) -> u128 {
    hash.iter().take(16).fold(0, |sum, byte| (sum << 8) | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::device::RouterUser;

    fn row(name: &str, profile: &str) -> Row {
        Row::User(RouterUser { name: name.into(), profile: profile.into(), ..RouterUser::default() })
    }

    proptest! {
        #[test]
        fn order_does_not_matter_and_removal_undoes(names in proptest::collection::btree_set("[a-z]{1,8}", 1..40)) {
            let (mut forward, mut backward) = (Digest::default(), Digest::default());
            for name in &names {
                forward.add(name, row_hash(&row(name, "p")));
            }
            for name in names.iter().rev() {
                backward.add(name, row_hash(&row(name, "p")));
            }
            prop_assert_eq!(forward.root(), backward.root());
            for name in &names {
                forward.remove(name, row_hash(&row(name, "p")));
            }
            prop_assert_eq!(forward, Digest::default());
        }
    }

    #[test]
    fn one_changed_field_changes_the_root() {
        let (mut a, mut b) = (Digest::default(), Digest::default());
        a.add("x", row_hash(&row("x", "gold")));
        b.add("x", row_hash(&row("x", "silver")));
        assert_ne!(a.root(), b.root());
        let hash = row_hash(&row("x", "gold"));
        assert_eq!(RowHash::from_hex(&hash.to_hex()), Some(hash));
    }
}
