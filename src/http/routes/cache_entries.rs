//! Single entries of the cache.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::answers::{Answer, Paging};
use super::cache::write_down;
use crate::cache::EntryView;
use crate::domain::FieldError;
use crate::domain::page::{Cursor, Page, PageRequest, PageStart};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{Json, PageParams, PageQuery, PathId, PathIds, Query};
use crate::http::state::AppState;
use crate::store::AuditEntry;
use crate::summaries::{Kind, SummaryKey};

/// The parameter by which entries are chosen.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct KindParams {
    /// Only entries of this kind, such as `enterprise` or `department`.
    kind: Option<String>,
}

impl KindParams {
    fn check(&self) -> Result<Option<Kind>, ApiError> {
        let Some(text) = &self.kind else { return Ok(None) };
        if let Some(kind) = Kind::parse(text) {
            return Ok(Some(kind));
        }
        let kinds: Vec<String> = Kind::ALL.iter().map(|kind| format!("\"{}\"", kind.as_str())).collect();
        Err(ApiError::invalid(vec![FieldError::new("kind", format!("must be one of {}", kinds.join(", ")))]))
    }
}

/// The sort key of the list of entries.
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
    /// The revision up to which it lacks nothing.
    #[schema(example = 4_711)]
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
            revision: view.as_of,
            fresh: view.fresh,
        }
    }
}

/// A page of the cache's entries.
#[derive(Debug, Serialize, ToSchema)]
pub struct CacheEntryList {
    /// The entries, ordered by key.
    entries: Vec<CacheEntry>,
    #[serde(flatten)]
    paging: Paging,
}

/// List the cache's entries
///
/// Those that are not fresh any more are in it, too, until they are swept: they stand in while the database cannot be read.
#[utoipa::path(
    get, path = "/cache/entries", tag = "cache", operation_id = "listCacheEntries", params(PageParams, KindParams),
    responses((status = 200, body = Answer<CacheEntryList>))
)]
pub async fn list(
    State(state): State<AppState>,
    PageQuery { page, .. }: PageQuery<EntryCursor>,
    Query(params): Query<KindParams>,
) -> Result<Json<Answer<CacheEntryList>>, ApiError> {
    let kind = params.check()?;
    let is_wanted = |key: &SummaryKey| kind.is_none_or(|kind| key.kind() == kind);
    // One walk gives the page and the total at the same moment; there are as many entries as the cache's bound allows.
    let entries = state.summaries.cache().entries(None, usize::MAX, is_wanted);
    let limit = page.limit;
    let page = cut(entries, &page);
    let paging = Paging::of(&page, limit);
    Ok(state.success(CacheEntryList { entries: page.items.into_iter().map(Into::into).collect(), paging }))
}

/// The page of a list that is ordered by key.
fn cut(
    entries: Vec<EntryView<SummaryKey>>,
    request: &PageRequest<EntryCursor>,
) -> Page<EntryView<SummaryKey>, EntryCursor> {
    let (total, limit) = (entries.len(), request.limit as usize);
    let begin = match &request.start {
        PageStart::First => 0,
        PageStart::After(EntryCursor(key)) => entries.partition_point(|entry| *entry.key <= *key),
        PageStart::Number(number) => (*number as usize - 1).saturating_mul(limit),
    };
    let items: Vec<_> = entries.into_iter().skip(begin).take(limit).collect();
    let is_last = begin.saturating_add(items.len()) >= total;
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
    write_down(&state, &caller, AuditEntry::of("cache.drop", &key).after(json!({"clearedEntries": 1}))).await;
    Ok(state.success(EntryDropped { message: "Cache entry removed successfully", key }))
}
