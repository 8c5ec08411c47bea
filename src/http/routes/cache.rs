//! The cache as a whole: its figures, and taking out what is in it.
//!
//! A clear is done before it is written down, and stands when it cannot be: `write_down` says why.

use axum::extract::State;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::cache::EntryTotals;
use crate::domain::cache::RemovalCounters;
use crate::domain::ids::EnterpriseId;
use crate::domain::time::Timestamp;
use crate::http::answer::Answer;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{Json, PathIds};
use crate::http::state::AppState;
use crate::store::{AuditAction, AuditEntry, StoreError};
use crate::summaries::{Counts, Micros, SummaryKey};
use crate::telemetry;

/// The audit log's name for the cache as a whole.
pub(super) const WHOLE_CACHE: &str = "cache";

/// Bytes in what the figures call a megabyte.
#[expect(clippy::cast_precision_loss, reason = "a small power of two is exact")]
const MEGABYTE: f64 = (1_u64 << 20) as f64;

/// The cache's figures.
#[derive(Debug, Serialize, ToSchema)]
pub struct CacheStats {
    /// The figures.
    cache: CacheFigures,
}

/// The cache's figures: texts for people, numbers for programs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CacheFigures {
    /// Entries that would be served now.
    #[schema(example = 42)]
    total_entries: u64,
    /// Loads under way.
    #[schema(example = 0)]
    warming_flags: u64,
    /// Entries at most.
    #[schema(example = 1_000)]
    max_cache_size: u64,
    /// Requests answered from a fresh entry.
    #[schema(example = 39)]
    hit_count: u64,
    /// Requests not answered from a fresh entry.
    #[schema(example = 2)]
    miss_count: u64,
    /// The part of the hits in both.
    #[schema(example = "95.12%")]
    hit_rate: String,
    /// The same with one digit after the point.
    #[schema(example = "95.1%")]
    cache_efficiency: String,
    /// How old the entries are, on average.
    #[schema(example = "12.00s")]
    avg_cache_age: String,
    /// Entries whose time is over within five minutes.
    #[schema(example = 0)]
    entries_expiring_soon: u64,
    /// Memory.
    memory_usage: MemoryUsage,
    /// When expired entries were last looked for: a time, or `Never`.
    #[schema(example = "2026-11-22T07:31:30.002Z")]
    last_cleanup: String,
    /// Seconds since the server started.
    #[schema(example = 3_600)]
    uptime: u64,
    /// When these figures were taken.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T07:31:37.860Z")]
    timestamp: Timestamp,
    /// The part of the hits in hits and misses; 0 when there was neither.
    #[schema(example = 0.9512)]
    hit_ratio: f64,
    /// The part of the misses that joined a load which another had asked for.
    #[schema(example = 0)]
    coalesced: u64,
    /// The part of the misses that was a 304 without a load.
    #[schema(example = 0)]
    revalidated: u64,
    /// The part of the misses that was answered from an overdue entry because the load failed.
    #[schema(example = 0)]
    stale: u64,
    /// Loads, those that found nothing or failed included.
    #[schema(example = 2)]
    loads: u64,
    /// The part of the loads that failed.
    #[schema(example = 0)]
    load_failures: u64,
    /// Entries that went, by cause.
    removals: RemovalCounters,
    /// How long hits took, in microseconds.
    hit_micros: Micros,
    /// How long loads took, in microseconds.
    load_micros: Micros,
}

/// Memory, as a text in MB (of 1,048,576 bytes) and in bytes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemoryUsage {
    /// What the cache holds.
    #[schema(example = "1.20MB")]
    heap_used: String,
    /// What the cache may hold.
    #[schema(example = "64.00MB")]
    heap_total: String,
    /// What the process takes beside the cache: the database's page caches, connections, the program.
    #[schema(example = "30.30MB")]
    external: String,
    /// What the process takes.
    #[schema(example = "31.50MB")]
    rss: String,
    /// What the cache holds.
    #[schema(example = 1_258_291)]
    cache_bytes: u64,
    /// What the cache may hold.
    #[schema(example = 67_108_864)]
    max_cache_bytes: u64,
    /// What the process takes; 0 where the system does not say.
    #[schema(example = 33_030_144)]
    rss_bytes: u64,
}

impl MemoryUsage {
    fn new(cache_bytes: u64, max_cache_bytes: u64, rss_bytes: u64) -> Self {
        Self {
            heap_used: megabytes(cache_bytes),
            heap_total: megabytes(max_cache_bytes),
            external: megabytes(rss_bytes.saturating_sub(cache_bytes)),
            rss: megabytes(rss_bytes),
            cache_bytes,
            max_cache_bytes,
            rss_bytes,
        }
    }
}

impl CacheFigures {
    fn of(state: &AppState) -> Self {
        let cache = state.summaries.cache();
        let (counters, totals, settings) = (cache.stats(), cache.entry_totals(), cache.settings());
        let Counts { requests: counted, hit_ratio, removals } = Counts::from(&counters);
        let rss_bytes = telemetry::resident_bytes().unwrap_or(0);
        Self {
            total_entries: totals.entries as u64,
            warming_flags: totals.loads as u64,
            max_cache_size: settings.entries_max as u64,
            hit_count: counted.hits,
            miss_count: counted.misses,
            hit_rate: percent(hit_ratio, 2),
            cache_efficiency: percent(hit_ratio, 1),
            avg_cache_age: average_age(&totals),
            entries_expiring_soon: totals.expiring_soon as u64,
            memory_usage: MemoryUsage::new(totals.bytes as u64, settings.bytes_max as u64, rss_bytes),
            last_cleanup: totals.last_sweep.map_or("Never".to_owned(), |at| at.to_string()),
            uptime: state.clock.instant().saturating_duration_since(state.started).as_secs(),
            timestamp: state.clock.now(),
            hit_ratio: hit_ratio.unwrap_or(0.0),
            coalesced: counted.coalesced,
            revalidated: counted.revalidated,
            stale: counted.stale,
            loads: counted.loads,
            load_failures: counted.load_failures,
            removals,
            hit_micros: (&counters.hit_durations).into(),
            load_micros: (&counters.load_durations).into(),
        }
    }
}

/// The hit ratio with so many digits after the point: `95.12%`, and `0%` before the first request.
fn percent(hit_ratio: Option<f64>, digits: usize) -> String {
    hit_ratio.map_or("0%".to_owned(), |ratio| format!("{:.digits$}%", ratio * 100.0))
}

/// `12.00s`; without an entry `0.00s`.
fn average_age(totals: &EntryTotals) -> String {
    let entries = u32::try_from(totals.entries).unwrap_or(u32::MAX);
    let average = totals.age_total.checked_div(entries).unwrap_or_default();
    format!("{:.2}s", average.as_secs_f64())
}

#[expect(clippy::cast_precision_loss, reason = "two digits after the point are shown")]
fn megabytes(bytes: u64) -> String {
    format!("{:.2}MB", bytes as f64 / MEGABYTE)
}

/// The cache's figures
///
/// What is counted, and when, is exact: the same requests give the same numbers. Warming counts as neither hit nor miss.
#[utoipa::path(
    get, path = "/cache/stats", tag = "cache", operation_id = "getCacheStats",
    responses((status = 200, body = Answer<CacheStats>))
)]
pub async fn stats(State(state): State<AppState>) -> Json<Answer<CacheStats>> {
    state.success(CacheStats { cache: CacheFigures::of(&state) })
}

/// That entries were cleared.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cleared {
    /// What happened.
    #[schema(example = "Cleared 42 cache entries")]
    message: String,
    /// How many entries there were.
    #[schema(example = 42)]
    cleared_entries: u64,
}

/// That entries of departments were taken out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DepartmentsCleared {
    /// What happened.
    #[schema(example = "Invalidated 17 department cache entries")]
    message: String,
    /// How many entries there were.
    #[schema(example = 17)]
    invalidated_entries: u64,
}

/// Clear the cache
///
/// Every entry goes, and what is being loaded at that moment is given to those who wait for it and not kept.
#[utoipa::path(
    delete, path = "/cache/clear", tag = "cache", operation_id = "clearCache",
    responses((status = 200, body = Answer<Cleared>))
)]
pub async fn clear(State(state): State<AppState>, caller: Caller) -> Json<Answer<Cleared>> {
    let cleared_entries = clear_where(&state, |_| true);
    let entry = AuditEntry::of(AuditAction::CacheClear, WHOLE_CACHE).after(json!({"clearedEntries": cleared_entries}));
    write_down(&state, &caller, entry).await;
    state.success(Cleared { message: format!("Cleared {cleared_entries} cache entries"), cleared_entries })
}

/// Clear the departments
///
/// Takes out what is kept of departments; what is kept of enterprises stays.
#[utoipa::path(
    delete, path = "/cache/departments/clear", tag = "cache", operation_id = "clearDepartments",
    responses((status = 200, body = Answer<DepartmentsCleared>))
)]
pub async fn clear_departments(State(state): State<AppState>, caller: Caller) -> Json<Answer<DepartmentsCleared>> {
    let invalidated_entries = clear_where(&state, |key| key.of().department.is_some());
    let after = json!({"invalidatedEntries": invalidated_entries});
    write_down(&state, &caller, AuditEntry::of(AuditAction::CacheClearDepartments, WHOLE_CACHE).after(after)).await;
    let message = format!("Invalidated {invalidated_entries} department cache entries");
    state.success(DepartmentsCleared { message, invalidated_entries })
}

/// Clear an enterprise
///
/// Takes out what is kept of one enterprise and of its departments.
#[utoipa::path(
    delete, path = "/cache/enterprises/{enterpriseId}/clear", tag = "cache", operation_id = "clearEnterprise",
    responses((status = 200, body = Answer<Cleared>))
)]
pub async fn clear_enterprise(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(id): PathIds<EnterpriseId>,
) -> Result<Json<Answer<Cleared>>, ApiError> {
    let cleared_entries = clear_where(&state, |key| key.of().enterprise == id);
    if cleared_entries == 0 {
        // Nothing is kept of what does not exist, nor of some that do. A database that cannot be read is no reason to
        // refuse.
        let id = id.clone();
        if let Err(missing @ StoreError::NotFound(_)) = state.store.read(move |tx| tx.enterprise(&id)).await {
            return Err(missing.into());
        }
    }
    let message = format!("Cleared {cleared_entries} cache entries for enterprise {id}");
    let after = json!({"clearedEntries": cleared_entries});
    write_down(&state, &caller, AuditEntry::of(AuditAction::CacheClearEnterprise, id.as_str()).after(after)).await;
    Ok(state.success(Cleared { message, cleared_entries }))
}

fn clear_where(state: &AppState, doomed: impl FnMut(&SummaryKey) -> bool) -> u64 {
    state.summaries.cache().clear_where(doomed) as u64
}

/// Writes down an act on the cache that has been done, also when the client has gone meanwhile.
///
/// It cannot be done in the transaction of its entry, since memory has none; and it must not depend on one, since a
/// cache is cleared when something is in trouble, a full disk perhaps. What cannot be written down is logged.
pub(super) async fn write_down(state: &AppState, caller: &Caller, entry: AuditEntry) {
    let (store, actor) = (state.store.clone(), caller.actor());
    let work = tokio::spawn(async move { store.audit_done(actor, entry).await });
    // It ends only with the runtime before its time.
    let _ = work.await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn figures_are_written_as_clients_know_them() {
        assert_eq!((percent(None, 2), percent(None, 1)), ("0%".to_owned(), "0%".to_owned()));
        let ratio = Some(39.0 / 41.0);
        assert_eq!((percent(ratio, 2), percent(ratio, 1)), ("95.12%".to_owned(), "95.1%".to_owned()));
        assert_eq!(percent(Some(1.0), 2), "100.00%");
        let mut totals = EntryTotals::default();
        assert_eq!(average_age(&totals), "0.00s");
        totals.entries = 2;
        totals.age_total = Duration::from_secs(24);
        assert_eq!(average_age(&totals), "12.00s");
        let memory = MemoryUsage::new(1_258_291, 67_108_864, 33_030_144);
        assert_eq!((memory.heap_used.as_str(), memory.heap_total.as_str()), ("1.20MB", "64.00MB"));
        assert_eq!((memory.rss.as_str(), memory.external.as_str()), ("31.50MB", "30.30MB"));
    }
}
