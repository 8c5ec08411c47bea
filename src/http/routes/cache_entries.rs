//! Single entries of the cache.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::cache::write_down;
use super::cache_entry_filter::{EntryFilter, EntryParams};
use crate::cache::EntryView;
use crate::domain::page::{Cursor, Page, PageRequest, PageStart};
use crate::http::answer::{Answer, Paging};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{Json, PageParams, PageQuery, PathId, PathIds, Query};
use crate::http::state::AppState;
use crate::store::{AuditAction, AuditEntry};
use crate::summaries::SummaryKey;

/// The sort key of the list of entries by key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntryCursor(SummaryKey);

impl TryFrom<String> for EntryCursor {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        SummaryKey::parse(&text).map(Self).ok_or("no key of an entry")
    }
}

impl From<EntryCursor> for String {
    fn from(cursor: EntryCursor) -> Self {
        cursor.0.to_string()
    }
}

impl Cursor for EntryCursor {}

/// An entry of the cache.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CacheEntry {
    /// What it is found by.
    #[schema(example = "enterprise:acme:contacts")]
    key: String,
    /// What kind of answer it is.
    #[schema(example = "enterprise")]
    kind: &'static str,
    /// What it weighs: key, body in all its forms, bookkeeping.
    #[schema(example = 3_120)]
    bytes: u64,
    /// Milliseconds since its load began.
    #[schema(example = 12_000)]
    age_millis: u64,
    /// Milliseconds for which its TTL still runs; 0 when it is not fresh.
    #[schema(example = 3_588_000)]
    ttl_left_millis: u64,
    /// How many requests it has answered.
    #[schema(example = 39)]
    accesses: u64,
    /// How often its enterprise or department had changed when it was computed.
    #[schema(example = 39)]
    revision: i64,
    /// Whether it would be served.
    #[schema(example = true)]
    fresh: bool,
}

impl From<EntryView<SummaryKey>> for CacheEntry {
    fn from(view: EntryView<SummaryKey>) -> Self {
        let millis = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            key: view.key.to_string(),
            kind: view.key.kind().as_str(),
            bytes: view.bytes as u64,
            age_millis: millis(view.age),
            ttl_left_millis: millis(view.ttl_left),
            accesses: view.accesses,
            revision: view.version,
            fresh: view.fresh,
        }
    }
}

/// A page of the cache's entries.
#[derive(Debug, Serialize, ToSchema)]
pub struct CacheEntryList {
    /// The entries.
    entries: Vec<CacheEntry>,
    #[serde(flatten)]
    paging: Paging,
}

/// List the cache's entries
///
/// Those that are not fresh any more are in it, too, until they are swept: they stand in while the database cannot be read.
/// Only a list by rising key has cursors; in any other order entries change places all the time, and pages go by number.
#[utoipa::path(
    get, path = "/cache/entries", tag = "cache", operation_id = "listCacheEntries", params(PageParams, EntryParams),
    responses((status = 200, body = Answer<CacheEntryList>))
)]
pub async fn list(
    State(state): State<AppState>,
    PageQuery { page, .. }: PageQuery<EntryCursor>,
    Query(params): Query<EntryParams>,
) -> Result<Json<Answer<CacheEntryList>>, ApiError> {
    let filter = params.check(matches!(page.start, PageStart::After(_)))?;
    // One walk gives the page and the total at the same moment; there are as many entries as the cache's bound allows.
    let entries = state.summaries.cache().entries(None, usize::MAX, |key| filter.wants(key));
    let limit = page.limit;
    let page = cut(filter.ordered(entries), &page, &filter);
    let paging = Paging::of(&page, limit);
    Ok(state.success(CacheEntryList { entries: page.items.into_iter().map(Into::into).collect(), paging }))
}

/// The page of a list.
fn cut(
    entries: Vec<EntryView<SummaryKey>>,
    request: &PageRequest<EntryCursor>,
    filter: &EntryFilter,
) -> Page<EntryView<SummaryKey>, EntryCursor> {
    let (total, limit) = (entries.len(), request.limit as usize);
    let begin = match &request.start {
        PageStart::First => 0,
        PageStart::After(EntryCursor(key)) => entries.partition_point(|entry| *entry.key <= *key),
        PageStart::Number(number) => (*number as usize - 1).saturating_mul(limit),
    };
    let items: Vec<_> = entries.into_iter().skip(begin).take(limit).collect();
    let is_last = begin.saturating_add(items.len()) >= total || !filter.is_by_rising_key();
    let next = items.last().filter(|_| !is_last).map(|entry| EntryCursor(SummaryKey::clone(&entry.key)));
    Page { items, total: total as u64, next }
}

/// The key of an entry, in a path.
#[derive(Clone, Debug)]
pub struct EntryKey(SummaryKey);

impl PathId for EntryKey {
    const PARAM: &'static str = "key";
    const WHAT: &'static str = "Cache entry";

    fn read(text: &str) -> Option<Self> {
        SummaryKey::parse(text).map(Self)
    }
}

/// That an entry was taken out.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryDropped {
    /// What happened.
    #[schema(example = "Cache entry removed successfully")]
    message: &'static str,
    /// The key of the entry.
    #[schema(example = "enterprise:acme:contacts")]
    key: String,
}

/// Take out one entry
///
/// What is being loaded for it at that moment is given to those who wait for it and not kept.
#[utoipa::path(
    delete, path = "/cache/entries/{key}", tag = "cache", operation_id = "dropCacheEntry",
    responses((status = 200, body = Answer<EntryDropped>))
)]
pub async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(EntryKey(key)): PathIds<EntryKey>,
) -> Result<Json<Answer<EntryDropped>>, ApiError> {
    if !state.summaries.cache().remove(&key) {
        return Err(ApiError::not_found(EntryKey::WHAT));
    }
    let key = key.to_string();
    write_down(&state, &caller, AuditEntry::of(AuditAction::CacheDrop, &key).after(json!({"clearedEntries": 1}))).await;
    Ok(state.success(EntryDropped { message: "Cache entry removed successfully", key }))
}
