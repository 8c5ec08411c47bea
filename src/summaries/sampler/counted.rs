//! From the cache's counters to what a sample holds.

use crate::cache::{Census, Removals, Stats};
use crate::domain::cache_sample::{CacheGauges, CacheSample, RemovalCounters, RequestCounters};
use crate::domain::duration_buckets::DurationBuckets;
use crate::telemetry::resident_bytes;

/// What was counted in some time, and what the cache holds at its end.
pub(super) fn sample(counted: &Stats, census: &Census) -> CacheSample {
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

/// What was counted of requests and loads, as samples have it.
pub(super) fn requests(counted: &Stats) -> RequestCounters {
    RequestCounters {
        hits: counted.hits,
        misses: counted.misses,
        coalesced: counted.coalesced,
        revalidated: counted.revalidated,
        stale: counted.stale,
        loads: counted.loads,
        load_failures: counted.load_failures,
        mass_invalidations: counted.mass_invalidations,
    }
}

fn removals(counted: &Removals) -> RemovalCounters {
    RemovalCounters {
        expired: counted.expired,
        replaced: counted.replaced,
        size: counted.size,
        bytes: counted.bytes,
        invalidated: counted.invalidated,
        cleared: counted.cleared,
    }
}
