//! What an administrator tunes while Muster runs: how long summaries are kept, how many, and what is aimed at.
//!
//! `patch` reads what somebody wants changed, and refuses what cannot be; `shape` is the configuration as the API shows it
//! and the database keeps it.

mod patch;
mod shape;

use std::time::Duration;

pub use patch::{ConfigurationChange, ConfigurationPatch, Refusal};
pub use shape::{ConfigurationShape, DurationsInWords, Ttls};

/// Shortest duration that can be set: below it a cache is no cache.
pub const DURATION_MIN: Duration = Duration::from_secs(1);

/// Longest duration that can be set: 30 days. An entry ends with its day anyway.
pub const DURATION_MAX: Duration = Duration::from_hours(30 * 24);

/// Most entries that can be allowed. Clears, sweeps and lists walk over all of them under the cache's lock, which takes some
/// milliseconds for so many.
pub const ENTRIES_MAX: u64 = 100_000;

/// Fewest bytes that can be allowed: 1 KiB. Less holds not even an empty entry.
pub const BYTES_MIN: u64 = 1024;

/// Most bytes that can be allowed: 64 GiB. More than machines of this kind have, so it is a slip of the finger.
pub const BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;

/// Highest limit of activity, and highest target of invalidations. Writes are counted exactly up to some more than this, and an
/// enterprise that has so many in an hour is of high activity by any measure.
pub const WRITES_MAX: u32 = 50_000;

/// Highest target of a hit's duration, in milliseconds: a minute.
pub const HIT_MILLIS_MAX: f64 = 60_000.0;

/// The cache's configuration as a whole; its default is what holds until somebody changes it.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheConfiguration {
    /// How long entries live.
    pub ttl: TtlSettings,
    /// Entries at most.
    pub entries_max: usize,
    /// Bytes at most.
    pub bytes_max: usize,
    /// How long an entry may be served after its TTL or its day while the database cannot be read.
    pub stale_if_error: Duration,
    /// Which enterprises are of high and of low activity.
    pub activity: ActivityLimits,
    /// What is aimed at.
    pub targets: Targets,
}

/// How long entries live, by what they are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TtlSettings {
    /// Summaries of enterprises.
    pub enterprise: Duration,
    /// Summaries of departments.
    pub department: Duration,
    /// Anything else.
    pub default: Duration,
    /// Anything of an enterprise of high activity, if this is shorter.
    pub high_activity: Duration,
    /// Anything of an enterprise of low activity, if this is longer.
    pub low_activity: Duration,
}

/// Which enterprises are of high and of low activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivityLimits {
    /// High: at least so many writes in the last hour.
    pub high_per_hour: u32,
    /// Low: fewer writes than this in the last day.
    pub low_per_day: u32,
}

/// What is aimed at; the dashboard says whether it is met.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Targets {
    /// The part of all requests that is answered from a fresh entry, at least.
    pub hit_rate: f64,
    /// The 99th percentile of a hit's duration in milliseconds, at most.
    pub hit_millis: f64,
    /// The cache's bytes, at most.
    pub memory_bytes: u64,
    /// Mass invalidations in an hour, at most.
    pub invalidations_per_hour: f64,
}

impl Default for CacheConfiguration {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        Self {
            ttl: TtlSettings {
                enterprise: Duration::from_secs(60 * MINUTE),
                department: Duration::from_secs(30 * MINUTE),
                default: Duration::from_secs(30 * MINUTE),
                high_activity: Duration::from_secs(15 * MINUTE),
                low_activity: Duration::from_secs(120 * MINUTE),
            },
            entries_max: 1_000,
            bytes_max: 64 * 1024 * 1024,
            stale_if_error: Duration::from_secs(10 * MINUTE),
            activity: ActivityLimits { high_per_hour: 60, low_per_day: 1 },
            targets: Targets {
                hit_rate: 0.8,
                hit_millis: 100.0,
                memory_bytes: 100 * 1024 * 1024,
                invalidations_per_hour: 5.0,
            },
        }
    }
}
