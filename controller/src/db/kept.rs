//! Values that take long to read, kept in memory while nothing changes them: each with a version that is read in no time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Duration, Utc};

/// Values of one kind that are kept; beyond it all are read anew.
const MAX_KEPT: usize = 200;
/// Longer than this none is trusted: on PostgreSQL what began earlier may be committed later.
const MAX_AGE: Duration = Duration::seconds(10);

/// Grows whenever a value may change: the last ids of what it is made of.
pub type Version = (i64, i64, i64);

#[derive(Debug, Clone)]
struct Known<T> {
    version: Version,
    read_at: DateTime<Utc>,
    value: T,
}

/// Values by what they are of. Clones share them.
#[derive(Debug, Clone)]
pub struct Shelf<T>(Arc<Mutex<HashMap<String, Known<T>>>>);

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Shelf<T> {
    /// The value as it is kept, if nothing can have changed it.
    #[must_use]
    pub fn get(&self, key: &str, version: Version, now: DateTime<Utc>) -> Option<T> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |known: &&Known<T>| known.version == version && now - known.read_at < MAX_AGE;
        kept.get(key).filter(is_fresh).map(|known| known.value.clone())
    }

    /// Keeps a value that was read after its version.
    pub fn put(&self, key: String, version: Version, now: DateTime<Utc>, value: T) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(key, Known { version, read_at: now, value });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_kept_while_its_version_stands_and_never_for_long() {
        let (shelf, now) = (Shelf::<i64>::default(), DateTime::UNIX_EPOCH);
        shelf.put("a".to_owned(), (1, 2, 3), now, 7);
        let same = shelf.clone();
        assert_eq!(same.get("a", (1, 2, 3), now), Some(7));
        assert_eq!(shelf.get("b", (1, 2, 3), now), None);
        assert_eq!(shelf.get("a", (1, 2, 4), now), None);
        assert_eq!(shelf.get("a", (1, 2, 3), now + MAX_AGE), None);
    }

    #[test]
    fn it_never_grows_beyond_its_size() {
        let (shelf, now) = (Shelf::<usize>::default(), DateTime::UNIX_EPOCH);
        for nth in 0..=MAX_KEPT {
            shelf.put(nth.to_string(), (0, 0, 0), now, nth);
        }
        assert_eq!(shelf.get("0", (0, 0, 0), now), None);
        assert_eq!(shelf.get(&MAX_KEPT.to_string(), (0, 0, 0), now), Some(MAX_KEPT));
    }
}
