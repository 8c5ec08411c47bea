//! Makes a sample from the cache's counters.

use crate::cache::{EntryTotals, Stats};
use crate::domain::cache::{CacheGauges, CacheSample, DurationBuckets};
use crate::summaries::cache_counters::{removals, requests};
use crate::telemetry::resident_bytes;

/// The counts of a span of time, and the contents of the cache at its end.
pub(super) fn sample_of(counted: &Stats, totals: &EntryTotals) -> CacheSample {
    CacheSample {
        requests: requests(counted),
        removals: removals(&counted.removals),
        saved: counted.saved,
        hit_durations: DurationBuckets::of(counted.hit_durations.buckets()),
        load_durations: DurationBuckets::of(counted.load_durations.buckets()),
        gauges: Some(CacheGauges {
            entries: totals.entries as u64,
            expired_entries: totals.expired as u64,
            bytes: totals.bytes as u64,
            rss_bytes: resident_bytes(),
        }),
    }
}
