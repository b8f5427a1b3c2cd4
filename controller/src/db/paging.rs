//! Pages of lists: limits and opaque cursors. A list is read from a key onwards, never by counting rows away.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use serde::Serialize;
use utoipa::ToSchema;

/// Rows of a page unless asked otherwise.
pub const DEFAULT_LIMIT: u64 = 50;
/// Most rows of a page.
pub const MAX_LIMIT: u64 = 200;

/// One page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Paged<T> {
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last.
    pub next_cursor: Option<String>,
}

/// Which page is wanted: at most `limit` rows after the key in `after`.
#[derive(Debug, Clone, Default)]
pub struct PageOf {
    limit: Option<u64>,
    after: Option<String>,
}

/// The cursor is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not valid; start again without it")]
pub struct BadCursor;

impl PageOf {
    /// From the query's `limit` and `cursor`.
    ///
    /// # Errors
    /// [`BadCursor`] when the cursor is not one of ours.
    pub fn new(limit: Option<u64>, cursor: Option<&str>) -> Result<Self, BadCursor> {
        let after = match cursor.filter(|cursor| !cursor.is_empty()) {
            None => None,
            Some(cursor) => {
                let bytes = B64.decode(cursor).map_err(|_bad| BadCursor)?;
                Some(String::from_utf8(bytes).map_err(|_bad| BadCursor)?)
            }
        };
        Ok(Self { limit, after })
    }

    /// Rows wanted, within the limits.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
    }

    /// The key after which the page begins.
    #[must_use]
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// The key as a number; `None` on the first page.
    ///
    /// # Errors
    /// [`BadCursor`] when the cursor belongs to another list.
    pub fn after_id(&self) -> Result<Option<i64>, BadCursor> {
        self.after().map(|after| after.parse().map_err(|_bad| BadCursor)).transpose()
    }

    /// The cursor of a key, as a query carries it.
    #[must_use]
    pub fn cursor(key: &str) -> String {
        B64.encode(key)
    }

    /// The rows of this page of a list from the newest to the oldest, and one more, for [`Self::cut`]. A cursor that is no
    /// number begins at the first; whether it is ours is checked where it comes in.
    ///
    /// # Errors
    /// The database's.
    pub async fn newest<E: EntityTrait>(
        &self,
        db: &impl ConnectionTrait,
        query: Select<E>,
        id: E::Column,
    ) -> Result<Vec<E::Model>, DbErr> {
        let query = match self.after_id() {
            Ok(Some(after)) => query.filter(id.lt(after)),
            Ok(None) | Err(BadCursor) => query,
        };
        query.order_by_desc(id).limit(self.limit() + 1).all(db).await
    }

    /// Cuts what was read with `limit() + 1` to a page; `key` names a row's place.
    #[must_use]
    pub fn cut<T>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> String) -> Paged<T> {
        let limit = usize::try_from(self.limit()).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = if more { rows.last().map(|row| B64.encode(key(row))) } else { None };
        Paged { items: rows, next_cursor }
    }
}

impl<T> Paged<T> {
    /// The same page with other rows.
    #[must_use]
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Paged<U> {
        Paged { items: self.items.into_iter().map(f).collect(), next_cursor: self.next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_to_the_row_after_the_last() {
        let page = PageOf::new(Some(2), None).unwrap();
        let first = page.cut(vec![1, 2, 3], ToString::to_string);
        assert_eq!(first.items, [1, 2]);
        let next = PageOf::new(Some(2), first.next_cursor.as_deref()).unwrap();
        assert_eq!(next.after_id(), Ok(Some(2)));
        assert!(next.cut(vec![3], ToString::to_string).next_cursor.is_none());
    }

    #[test]
    fn limits_hold_and_foreign_cursors_are_refused() {
        assert_eq!(PageOf::new(Some(1_000_000), None).unwrap().limit(), MAX_LIMIT);
        assert_eq!(PageOf::new(Some(0), None).unwrap().limit(), 1);
        assert_eq!(PageOf::new(None, Some("%%")).unwrap_err(), BadCursor);
        assert_eq!(PageOf::new(None, Some("eHg")).unwrap().after_id(), Err(BadCursor));
    }
}
