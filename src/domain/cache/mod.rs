//! What the cache counts, minute by minute.

mod duration_buckets;
mod sample;

pub use duration_buckets::DurationBuckets;
pub use sample::{
    CacheGauges, CacheSample, DAY_MINUTES, HOUR_MINUTES, Minute, RemovalCounters, RequestCounters, Window,
};
