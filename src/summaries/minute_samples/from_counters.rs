//! From the cache's counters to what a sample holds.

use crate::cache::{Census, Stats};
use crate::domain::cache_sample::{CacheGauges, CacheSample};
use crate::domain::duration_buckets::DurationBuckets;
use crate::summaries::cache_counters::{removals, requests};
use crate::telemetry::resident_bytes;

/// What was counted in some time, and what the cache holds at its end.
pub(super) fn sample_of(counted: &Stats, census: &Census) -> CacheSample {
    CacheSample {
        requests: requests(counted),
        removals: removals(&counted.removals),
        saved: counted.saved,
        hit_durations: DurationBuckets::of(counted.hit_durations.buckets()),
        load_durations: DurationBuckets::of(counted.load_durations.buckets()),
        gauges: Some(CacheGauges {
            entries: census.entries as u64,
            expired_entries: census.expired as u64,
            bytes: census.bytes as u64,
            rss_bytes: resident_bytes(),
        }),
    }
}
