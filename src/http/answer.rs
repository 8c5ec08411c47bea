//! What the answers of all routes have in common: `success`, `timestamp`, and the paging of lists.

use serde::Serialize;
use utoipa::ToSchema;

use super::error::ApiError;
use super::extract::{Json, WHOLE_LIST};
use super::state::AppState;
use crate::domain::page::{Cursor, Page, PageRequest, Pagination};
use crate::domain::time::Timestamp;
use crate::store::{ReadTx, StoreError};

/// A success: what a route has to say, and when it said so.
#[derive(Debug, Serialize, ToSchema)]
pub struct Answer<T> {
    /// Always true.
    #[schema(example = true)]
    success: bool,
    #[serde(flatten)]
    body: T,
    /// When the answer was made.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T07:31:37.860Z")]
    timestamp: Timestamp,
}

impl<T> Answer<T> {
    /// A success of this moment.
    pub fn new(body: T, timestamp: Timestamp) -> Self {
        Self { success: true, body, timestamp }
    }
}

impl AppState {
    /// The answer of a handler that did what it was asked for.
    pub(super) fn success<T: Serialize>(&self, body: T) -> Json<Answer<T>> {
        Json(Answer::new(body, self.clock.now()))
    }

    /// Reads a page of a list: its rows as they are answered, and where the page is in the list.
    pub(super) async fn read_page<C, T, B, F>(
        &self,
        request: PageRequest<C>,
        read: F,
    ) -> Result<(Vec<B>, Paging), ApiError>
    where
        C: Cursor + Send + 'static,
        T: Send + 'static,
        B: From<T>,
        F: FnOnce(&ReadTx<'_>, &PageRequest<C>) -> Result<Page<T, C>, StoreError> + Send + 'static,
    {
        let limit = request.limit;
        let page = self.store.read(move |tx| read(tx, &request)).await?;
        let paging = Paging::of(&page, limit);
        Ok((page.items.into_iter().map(Into::into).collect(), paging))
    }
}

/// Where a list's page stands in the list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Paging {
    /// How many rows this page has.
    #[schema(example = 1)]
    count: u64,
    /// How many rows the whole list has.
    #[schema(example = 1)]
    total_count: u64,
    /// How to go on.
    pagination: Pagination,
}

impl Paging {
    /// Of one page with at most `limit` rows.
    pub fn of<T, C: Cursor>(page: &Page<T, C>, limit: u32) -> Self {
        Self {
            count: page.items.len() as u64,
            total_count: page.total,
            pagination: Pagination {
                limit: (limit != WHOLE_LIST).then_some(limit),
                next_cursor: page.next.as_ref().map(Cursor::encode),
            },
        }
    }

    /// Of a list that is never cut.
    #[must_use]
    pub fn whole(count: usize) -> Self {
        let count = count as u64;
        Self { count, total_count: count, pagination: Pagination { limit: None, next_cursor: None } }
    }
}
