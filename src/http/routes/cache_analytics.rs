//! What the cache's numbers amount to over a window of time.

use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::cache::{EntryTotals, EntryView};
use crate::domain::cache::{RemovalCounters, RequestCounters, Window};
use crate::domain::time::Timestamp;
use crate::http::answer::Answer;
use crate::http::error::ApiError;
use crate::http::extract::Query;
use crate::http::gzip_json::gzip_json;
use crate::http::state::AppState;
use crate::summaries::{Analytics, DurationCounts, Percentiles, PeriodStats, SummaryKey, TargetState};

/// Milliseconds of a minute.
const MINUTE_MILLIS: i64 = 60_000;

/// Which window.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AnalyticsParams {
    /// How far back; the last hour unless given.
    #[param(inline)]
    window: Option<Window>,
}

/// The cache over a window of time.
#[derive(Serialize, ToSchema)]
pub struct CacheAnalytics {
    /// All of it.
    analytics: WindowAnalytics,
}

/// The entries of this moment, and what was counted in a window of time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WindowAnalytics {
    /// The cache of this moment, and since the server's start.
    #[serde(flatten)]
    entries: EntryAnalytics,
    /// The window that everything below is of.
    window: Window,
    /// When the window begins. It ends now; its last step is the one that still runs.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T06:32:00.000Z")]
    since: Timestamp,
    /// How long each point of the series is.
    #[schema(example = 60)]
    step_seconds: i64,
    /// What was counted in the window.
    totals: WindowTotals,
    /// Entries that went in the window, by cause.
    removals: RemovalCounters,
    /// How long hits took.
    hit_micros: Latency,
    /// How long loads took.
    load_micros: Latency,
    /// How often they took how long: who listens to `/cache/events` adds up with what comes there.
    buckets: WindowBuckets,
    /// Load time that hits avoided in the window.
    #[schema(example = 412.73)]
    saved_millis: f64,
    /// Entries that went because what they show was changed by writes, which is normal, and clears of many at once, which
    /// have a target.
    invalidations: Invalidations,
    /// What is aimed at, and how it stands.
    #[schema(value_type = Vec<CacheTarget>, example = json!([
        {"name": "hitRate", "target": "> 80%", "value": 0.95, "unit": "ratio", "met": true},
        {"name": "hitMillis", "target": "< 100 ms", "value": 0.004, "unit": "ms", "met": true},
        {"name": "memoryBytes", "target": "< 100 MB", "value": 1_258_291.0, "unit": "bytes", "met": true},
        {"name": "invalidationsPerHour", "target": "< 5 per hour", "value": 1.0, "unit": "per hour", "met": true}
    ]))]
    targets: [CacheTarget; 4],
    /// The window step by step, oldest first, without gaps: sixty points of a minute, 144 of ten minutes, 168 of an hour,
    /// or 180 of four hours.
    series: Vec<SeriesPoint>,
}

/// The entries of this moment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EntryAnalytics {
    /// Entries that would be served now.
    #[schema(example = 42)]
    total_entries: u64,
    /// The part of the hits in all requests since the server's start, as in `/cache/stats`.
    #[schema(example = "95.12%")]
    hit_rate: String,
    /// The same as a number; null before the first request.
    #[schema(required, example = 0.9512)]
    hit_ratio: Option<f64>,
    /// The ten entries that answered most requests.
    most_accessed_entries: Vec<AccessedEntry>,
    /// How long the entries still live.
    ttl_distribution: TtlDistribution,
    /// How many requests an entry answered, on average.
    #[schema(example = "1.50")]
    avg_access_count: String,
    /// When it was looked at.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T07:31:37.860Z")]
    timestamp: Timestamp,
}

/// An entry that is asked for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AccessedEntry {
    /// What it is found by.
    #[schema(example = "enterprise:acme:contacts")]
    key: String,
    /// How many requests it answered.
    #[schema(example = 97)]
    access_count: u64,
    /// How long ago it was loaded.
    #[schema(example = "1.2 minutes")]
    age: String,
}

/// Entries by how long they still live.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names that clients read")]
struct TtlDistribution {
    /// Less than five minutes.
    #[schema(example = 2)]
    expiring_soon: u64,
    /// Less than an hour.
    #[schema(rename = "expiring1Hour", example = 30)]
    #[serde(rename = "expiring1Hour")]
    expiring_1_hour: u64,
    /// An hour or longer.
    #[schema(example = 10)]
    expiring_later: u64,
}

/// What was counted.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WindowTotals {
    #[serde(flatten)]
    requests: RequestCounters,
    /// The part of the hits in hits and misses; null when there was neither.
    #[schema(required, example = 0.95)]
    hit_ratio: Option<f64>,
}

/// How long something took, in microseconds; nulls when it never happened.
#[derive(Serialize, ToSchema)]
struct Latency {
    /// The median.
    #[schema(required, example = 1.2)]
    p50: Option<f64>,
    /// Nine of ten took no longer.
    #[schema(required, example = 2.1)]
    p90: Option<f64>,
    /// Ninety-nine of a hundred took no longer.
    #[schema(required, example = 4.3)]
    p99: Option<f64>,
    /// The longest.
    #[schema(required, example = 40.1)]
    max: Option<f64>,
}

/// Counts of durations, of which percentiles are made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WindowBuckets {
    /// Hits of the window.
    hits: DurationCounts,
    /// Loads of the window.
    loads: DurationCounts,
    /// Hits of the last point of the series, the one that still runs.
    running_hits: DurationCounts,
    /// Loads of that point.
    running_loads: DurationCounts,
}

impl WindowBuckets {
    fn of(analytics: &Analytics) -> Self {
        let [hits, loads] = analytics.whole_buckets.clone();
        let [running_hits, running_loads] = analytics.running_buckets.clone();
        Self { hits, loads, running_hits, running_loads }
    }
}

/// Why entries were invalidated.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Invalidations {
    /// Entries that writes invalidated.
    #[schema(example = 21)]
    by_writes: u64,
    /// The same in an hour, on average; the first hour counts as a whole one.
    #[schema(example = 21.0)]
    by_writes_per_hour: f64,
    /// Clears of more than one entry, and times when everything went because anything might have changed.
    #[schema(example = 1)]
    mass: u64,
    /// The same in an hour, on average: what has a target.
    #[schema(example = 1.0)]
    mass_per_hour: f64,
    /// The hours that these averages are of: those of the window of which anything is known, one at least.
    #[schema(example = 1.0)]
    hours: f64,
}

/// Something that is aimed at.
#[derive(Serialize, ToSchema)]
struct CacheTarget {
    /// Its name, as in the configuration's `targets`.
    #[schema(example = "hitRate")]
    name: &'static str,
    /// What is aimed at.
    #[schema(example = "> 80%")]
    target: String,
    /// How it stands in the window; null when there is nothing to judge yet.
    #[schema(required, example = 0.95)]
    value: Option<f64>,
    /// The unit of the value.
    #[schema(example = "ratio")]
    unit: &'static str,
    /// Whether it is met; null when there is nothing to judge yet.
    #[schema(required, example = true)]
    met: Option<bool>,
}

/// One step of the window. What was counted is zero when nothing happened; what cannot be known then is null.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SeriesPoint {
    /// When it begins.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T07:31:00.000Z")]
    start: Timestamp,
    #[serde(flatten)]
    totals: WindowTotals,
    /// Entries that went, by cause.
    removals: RemovalCounters,
    /// How long hits took.
    hit_micros: Latency,
    /// How long loads took.
    load_micros: Latency,
    /// Load time that hits avoided.
    #[schema(example = 7.25)]
    saved_millis: f64,
    /// Entries at its end; null when the server did not run, or had nothing to tell before it was started again.
    #[schema(required, example = 42)]
    entries: Option<u64>,
    /// Bytes of the cache at its end.
    #[schema(required, example = 1_258_291)]
    bytes: Option<u64>,
    /// Memory of the process at its end, where the system tells it.
    #[schema(required, example = 33_030_144)]
    rss_bytes: Option<u64>,
}

/// The cache over a window of time
///
/// Counters, percentiles and removals of the last hour, day, week or thirty days, as a whole and step by step, and whether
/// the targets are met. Kept per minute and through restarts; the numbers are exact, the minute that still runs included.
#[utoipa::path(
    get, path = "/cache/analytics", tag = "cache", operation_id = "getCacheAnalytics", params(AnalyticsParams),
    responses((status = 200, body = Answer<CacheAnalytics>))
)]
pub async fn get(
    State(state): State<AppState>,
    headers: HeaderMap,
    Query(params): Query<AnalyticsParams>,
) -> Result<Response, ApiError> {
    let window = params.window.unwrap_or_default();
    let analytics = state.summaries.analytics(window).await?;
    gzip_json(&headers, &state.success(CacheAnalytics { analytics: WindowAnalytics::of(&analytics, window) }))
}

impl WindowAnalytics {
    fn of(analytics: &Analytics, window: Window) -> Self {
        let whole = &analytics.whole;
        Self {
            window,
            since: whole.start,
            step_seconds: window.step_minutes() * MINUTE_MILLIS / 1_000,
            totals: WindowTotals::of(whole.requests),
            removals: whole.removals,
            hit_micros: Latency::of(whole.hits),
            load_micros: Latency::of(whole.loads),
            buckets: WindowBuckets::of(analytics),
            saved_millis: millis(whole.saved),
            invalidations: Invalidations {
                by_writes: whole.removals.invalidated,
                by_writes_per_hour: analytics.invalidated_per_hour,
                mass: whole.requests.mass_invalidations,
                mass_per_hour: analytics.mass_invalidations_per_hour,
                hours: analytics.known_hours,
            },
            entries: EntryAnalytics::of(analytics),
            series: analytics.series.iter().map(SeriesPoint::of).collect(),
            targets: analytics.targets.clone().map(CacheTarget::from),
        }
    }
}

impl EntryAnalytics {
    fn of(analytics: &Analytics) -> Self {
        let hit_ratio = analytics.since_start.hit_ratio();
        let totals = &analytics.totals;
        Self {
            total_entries: totals.entries as u64,
            hit_rate: hit_ratio.map_or_else(|| "0%".to_owned(), |ratio| format!("{:.2}%", ratio * 100.0)),
            hit_ratio,
            most_accessed_entries: analytics.most_accessed.iter().map(AccessedEntry::of).collect(),
            ttl_distribution: TtlDistribution {
                expiring_soon: totals.expiring_soon as u64,
                expiring_1_hour: totals.expiring_within_hour as u64,
                expiring_later: totals.expiring_later as u64,
            },
            avg_access_count: average_accesses(totals),
            timestamp: analytics.now,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "an average of two digits is read by people")]
fn average_accesses(totals: &EntryTotals) -> String {
    format!("{:.2}", totals.accesses_total as f64 / totals.entries.max(1) as f64)
}

impl AccessedEntry {
    fn of(entry: &EntryView<SummaryKey>) -> Self {
        let minutes = entry.age.as_secs_f64() / 60.0;
        Self { key: entry.key.to_string(), access_count: entry.accesses, age: format!("{minutes:.1} minutes") }
    }
}

impl WindowTotals {
    fn of(requests: RequestCounters) -> Self {
        Self { hit_ratio: requests.hit_ratio(), requests }
    }
}

impl Latency {
    fn of(percentiles: Option<Percentiles>) -> Self {
        let micros = |part: fn(Percentiles) -> Duration| percentiles.map(|all| part(all).as_secs_f64() * 1e6);
        Self {
            p50: micros(|all| all.p50),
            p90: micros(|all| all.p90),
            p99: micros(|all| all.p99),
            max: micros(|all| all.max),
        }
    }
}

impl From<TargetState> for CacheTarget {
    fn from(TargetState { name, target, unit, value, met }: TargetState) -> Self {
        Self { name, target, value, unit, met }
    }
}

impl SeriesPoint {
    fn of(figures: &PeriodStats) -> Self {
        let gauges = figures.gauges;
        Self {
            start: figures.start,
            totals: WindowTotals::of(figures.requests),
            removals: figures.removals,
            hit_micros: Latency::of(figures.hits),
            load_micros: Latency::of(figures.loads),
            saved_millis: millis(figures.saved),
            entries: gauges.map(|gauges| gauges.entries),
            bytes: gauges.map(|gauges| gauges.bytes),
            rss_bytes: gauges.and_then(|gauges| gauges.rss_bytes),
        }
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
