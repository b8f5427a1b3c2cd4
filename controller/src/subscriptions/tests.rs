//! What tests of this feature share.

use super::{Subscription, store::Held};

/// Budi's service at Kebon, paid until the end of November.
pub(super) fn sample() -> Subscription {
    super::pages::sample()
}

/// The same with its secret.
pub(super) fn held() -> Held {
    Held {
        subscription: sample(),
        password: "s3rahasia".into(),
        profile: "Rumah-10M".to_owned(),
        is_name_typed: false,
        wanted_rev: 0,
        is_adopted: false,
    }
}
