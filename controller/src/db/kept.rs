//! Values that take long to read, kept in memory while nothing changes them: each with a version that is read in no time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Duration, Utc};

/// Values of one kind that are kept; beyond it all are read anew.
const MAX_KEPT: usize = 200;
/// Older than this a value is read anew although its version stands: on PostgreSQL what began earlier may be committed
/// later.
const MAX_AGE: Duration = Duration::seconds(10);
/// Until then it is still shown to those who come while it is read anew.
const MAX_SHOWN: Duration = Duration::seconds(20);

/// Grows whenever a value may change: the last ids of what it is made of.
pub type Version = (i64, i64, i64);

#[derive(Debug, Clone)]
struct Known<T> {
    version: Version,
    read_at: DateTime<Utc>,
    value: T,
}

#[derive(Debug)]
struct Place<T> {
    known: Option<Known<T>>,
    /// Held by the one who reads.
    reading: Arc<tokio::sync::Mutex<()>>,
}

impl<T> Default for Place<T> {
    fn default() -> Self {
        Self { known: None, reading: Arc::default() }
    }
}

impl<T: Clone> Place<T> {
    fn value(&self, version: Version, now: DateTime<Utc>, max_age: Duration) -> Option<T> {
        let is_fresh = |known: &&Known<T>| known.version == version && now - known.read_at < max_age;
        self.known.as_ref().filter(is_fresh).map(|known| known.value.clone())
    }
}

/// Values by what they are of. Clones share them.
#[derive(Debug, Clone)]
pub struct Shelf<T>(Arc<Mutex<HashMap<String, Place<T>>>>);

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Shelf<T> {
    /// The value of `key` if nothing can have changed it since it was read, else as `read` reads it. Many who ask at the
    /// same time make one read: the others wait for it, or take what is only old.
    ///
    /// `version` was read before, at `now`.
    ///
    /// # Errors
    /// Those of `read`.
    pub async fn get_or_read<E>(
        &self,
        key: String,
        version: Version,
        now: DateTime<Utc>,
        read: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let reading = {
            let mut places = self.places();
            if places.len() >= MAX_KEPT && !places.contains_key(&key) {
                places.clear();
            }
            let place = places.entry(key.clone()).or_default();
            let max_age = if place.reading.try_lock().is_ok() { MAX_AGE } else { MAX_SHOWN };
            if let Some(value) = place.value(version, now, max_age) {
                return Ok(value);
            }
            Arc::clone(&place.reading)
        };
        let _reading = reading.lock().await;
        if let Some(value) = self.places().get(&key).and_then(|place| place.value(version, now, MAX_AGE)) {
            return Ok(value);
        }
        let value = read().await?;
        if let Some(place) = self.places().get_mut(&key) {
            place.known = Some(Known { version, read_at: now, value: value.clone() });
        }
        Ok(value)
    }

    fn places(&self) -> MutexGuard<'_, HashMap<String, Place<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    /// What a shelf answers when the value is `value` by now.
    async fn ask(shelf: &Shelf<i64>, key: &str, version: i64, now: DateTime<Utc>, value: i64) -> i64 {
        let read = async || Ok::<_, std::convert::Infallible>(value);
        shelf.get_or_read(key.to_owned(), (1, 2, version), now, read).await.unwrap()
    }

    #[tokio::test]
    async fn a_value_is_kept_while_its_version_stands_and_never_for_long() {
        let (shelf, now) = (Shelf::<i64>::default(), DateTime::UNIX_EPOCH);
        assert_eq!(ask(&shelf, "a", 3, now, 7).await, 7);
        assert_eq!(ask(&shelf.clone(), "a", 3, now, 8).await, 7);
        assert_eq!(ask(&shelf, "b", 3, now, 9).await, 9);
        assert_eq!(ask(&shelf, "a", 4, now, 10).await, 10);
        assert_eq!(ask(&shelf, "a", 4, now + MAX_AGE, 11).await, 11);
    }

    #[tokio::test]
    async fn a_read_that_fails_keeps_nothing() {
        let (shelf, now) = (Shelf::<i64>::default(), DateTime::UNIX_EPOCH);
        let failed = shelf.get_or_read("a".to_owned(), (0, 0, 0), now, async || Err::<i64, _>("locked")).await;
        assert_eq!(failed, Err("locked"));
        assert_eq!(ask(&shelf, "a", 0, now, 7).await, 7);
    }

    #[tokio::test]
    async fn it_never_grows_beyond_its_size() {
        let (shelf, now) = (Shelf::<i64>::default(), DateTime::UNIX_EPOCH);
        for nth in 0..=MAX_KEPT {
            ask(&shelf, &nth.to_string(), 0, now, 1).await;
        }
        assert!(shelf.places().len() <= MAX_KEPT);
        assert_eq!(ask(&shelf, "0", 0, now, 2).await, 2, "it was let go");
    }

    #[tokio::test]
    async fn many_at_once_make_one_read() {
        let (shelf, reads, now) = (Shelf::<i64>::default(), AtomicI64::new(0), DateTime::UNIX_EPOCH);
        let one = async || {
            let read = async || {
                tokio::task::yield_now().await;
                Ok::<_, std::convert::Infallible>(reads.fetch_add(1, Ordering::Relaxed))
            };
            shelf.get_or_read("a".to_owned(), (0, 0, 0), now, read).await
        };
        let (a, b, c) = tokio::join!(one(), one(), one());
        assert_eq!((a, b, c), (Ok(0), Ok(0), Ok(0)));
    }

    #[tokio::test]
    async fn what_is_only_old_is_shown_while_it_is_read_anew() {
        let (shelf, now) = (Shelf::<i64>::default(), DateTime::UNIX_EPOCH);
        ask(&shelf, "a", 0, now, 7).await;
        let later = now + MAX_AGE;
        let slow = shelf.get_or_read("a".to_owned(), (1, 2, 0), later, async || {
            // Somebody else asks meanwhile.
            let shown = ask(&shelf, "a", 0, later, 99).await;
            Ok::<_, std::convert::Infallible>(shown + 1)
        });
        assert_eq!(slow.await, Ok(8));
        assert_eq!(ask(&shelf, "a", 0, later, 99).await, 8);
    }
}
