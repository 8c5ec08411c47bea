//! Limits and cursors of lists.
//!
//! A cursor is the sort key of the last row of a page, so the next page begins with a seek: it costs what the first one
//! costs, and rows that stay are neither skipped nor repeated while others come and go.

use data_encoding::BASE64URL_NOPAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::FieldError;

/// Longest cursor that is accepted, in bytes of its encoded form.
pub const CURSOR_LEN_MAX: usize = 4_096;

/// Highest page number for clients that count pages.
pub const PAGE_NUMBER_MAX: u32 = 1_000_000;

/// Which part of a list is wanted, for lists ordered by `C`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest<C> {
    /// At most so many rows.
    pub limit: u32,
    /// Where the page begins.
    pub start: PageStart<C>,
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageStart<C> {
    /// With the first row.
    First,
    /// After the row with this sort key.
    After(C),
    /// With row `(number - 1) * limit`, for clients that count pages from 1.
    Number(u32),
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, C> {
    /// The rows.
    pub items: Vec<T>,
    /// How many rows the whole list has.
    pub total: u64,
    /// Where the next page begins; `None` at the end of the list.
    pub next: Option<C>,
}

/// How to go on with a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    /// At most so many rows to a page; null when the list is whole.
    #[schema(required, example = 100)]
    pub limit: Option<u32>,
    /// What to send as `?cursor=` for the next page; null at the end.
    #[schema(required, example = json!(null))]
    pub next_cursor: Option<String>,
}

/// The sort key of lists ordered by name: folded name, then bytes, then id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameCursor {
    /// Folded name.
    #[serde(rename = "f")]
    pub folded: String,
    /// The name itself.
    #[serde(rename = "n")]
    pub name: String,
    /// Public id.
    #[serde(rename = "i")]
    pub id: String,
}

/// The sort key of lists ordered by time of creation, then by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TimeCursor {
    /// Unix milliseconds.
    #[serde(rename = "t")]
    pub created_at: i64,
    /// Row number.
    #[serde(rename = "r")]
    pub row: i64,
}

/// The sort key of lists ordered by row, the newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCursor {
    /// Row number.
    #[serde(rename = "o")]
    pub row: i64,
}

impl TimeCursor {
    /// Before the newest row of a list that begins with the newest.
    pub const NEWEST: Self = Self { created_at: i64::MAX, row: i64::MAX };
}

impl RowCursor {
    /// Before the newest row of a list that begins with the newest.
    pub const NEWEST: Self = Self { row: i64::MAX };
}

impl<C: Clone> PageRequest<C> {
    /// The sort key after which the page begins, and how many rows it skips from there. `first` lies before every row.
    #[must_use]
    pub fn seek(&self, first: C) -> (C, i64) {
        match &self.start {
            PageStart::First => (first, 0),
            PageStart::After(cursor) => (cursor.clone(), 0),
            PageStart::Number(number) => (first, i64::from(number.saturating_sub(1)) * i64::from(self.limit)),
        }
    }

    /// How many rows to read: one more than the page has, so that its end is known.
    #[must_use]
    pub fn rows_to_read(&self) -> i64 {
        i64::from(self.limit) + 1
    }
}

impl<T, C> Page<T, C> {
    /// A page of rows of which [`PageRequest::rows_to_read`] were read; `key` is the sort key of a row.
    #[must_use]
    pub fn of(mut items: Vec<T>, total: u64, request: &PageRequest<C>, key: impl FnOnce(&T) -> C) -> Self {
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(key);
        Self { items, total, next }
    }

    /// The same page with other items.
    #[must_use]
    pub fn map<U>(self, other: impl FnMut(T) -> U) -> Page<U, C> {
        Page { items: self.items.into_iter().map(other).collect(), total: self.total, next: self.next }
    }
}

/// A sort key that travels through a client as an opaque text.
pub trait Cursor: Sized + Serialize + DeserializeOwned {
    /// The text for the client.
    fn encode(&self) -> String {
        // Structs of texts and numbers always serialise.
        BASE64URL_NOPAD.encode(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads a text that [`encode`](Self::encode) wrote.
    fn decode(text: &str) -> Result<Self, FieldError> {
        let invalid = || FieldError::new("cursor", "is not a cursor that this list has given out");
        if text.len() > CURSOR_LEN_MAX {
            return Err(invalid());
        }
        let json = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| invalid())?;
        let cursor: Self = serde_json::from_slice(&json).map_err(|_| invalid())?;
        // Another spelling of the same key was never handed out.
        if cursor.encode() == text { Ok(cursor) } else { Err(invalid()) }
    }
}

impl Cursor for NameCursor {}
impl Cursor for TimeCursor {}
impl Cursor for RowCursor {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_where_the_list_does_and_says_where_the_next_begins() {
        let check = |start: PageStart<RowCursor>, seek: (i64, i64), rows: &[i64], items: &[i64], next: Option<i64>| {
            let request = PageRequest { limit: 2, start };
            let (cursor, offset) = request.seek(RowCursor::NEWEST);
            assert_eq!((cursor.row, offset), seek);
            assert_eq!(request.rows_to_read(), 3);
            let page = Page::of(rows.to_vec(), 9, &request, |row| RowCursor { row: *row });
            assert_eq!(page, Page { items: items.to_vec(), total: 9, next: next.map(|row| RowCursor { row }) });
        };
        check(PageStart::First, (i64::MAX, 0), &[9, 8, 7], &[9, 8], Some(8));
        check(PageStart::After(RowCursor { row: 3 }), (3, 0), &[2, 1], &[2, 1], None);
        check(PageStart::Number(3), (i64::MAX, 4), &[], &[], None);
    }

    #[test]
    fn cursors_survive_the_journey_and_nothing_else_is_one() {
        let name = NameCursor { folded: "émile".into(), name: "Émile".into(), id: "e.1".into() };
        assert_eq!(NameCursor::decode(&name.encode()), Ok(name.clone()));
        let time = TimeCursor { created_at: 1_763_800_000_000, row: -1 };
        assert_eq!(TimeCursor::decode(&time.encode()), Ok(time));
        assert!(TimeCursor::decode(&name.encode()).is_err());
        for text in ["", "x", "AAAA", "💥", &"A".repeat(CURSOR_LEN_MAX + 1)] {
            assert!(NameCursor::decode(text).is_err(), "{text:?}");
        }
        for json in [r#"{"o": 1}"#, r#"{"o":1,"x":2}"#, r#"{"o":01}"#, "[1]"] {
            let text = BASE64URL_NOPAD.encode(json.as_bytes());
            assert!(RowCursor::decode(&text).is_err(), "{json}");
        }
    }
}
