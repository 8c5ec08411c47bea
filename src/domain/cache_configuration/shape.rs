//! The configuration as the API shows it and the database keeps it.

use std::time::Duration;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::{CacheConfiguration, TtlSettings};

/// The cache's configuration; durations in milliseconds.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CacheConfiguration)]
pub struct ConfigurationShape {
    /// How long entries live, in milliseconds.
    ttl_settings: Ttls<u64>,
    /// Entries at most.
    #[schema(example = 1_000)]
    max_cache_size: u64,
    /// Bytes at most: keys, bodies in all their forms, bookkeeping.
    #[schema(example = 67_108_864)]
    max_cache_bytes: u64,
    /// The same as `ttlSettings.default`.
    #[serde(rename = "defaultTTL")]
    #[schema(example = 1_800_000)]
    default_ttl: u64,
    /// How long an entry may be served after its TTL or its day while the database cannot be read; 0 for never.
    #[schema(example = 600_000)]
    stale_if_error: u64,
    activity: ActivityShape,
    targets: TargetsShape,
}

/// A value for each kind of TTL.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ttls<T> {
    /// Summaries of enterprises.
    enterprise: T,
    /// Summaries of departments.
    department: T,
    /// Anything else.
    default: T,
    /// Anything of an enterprise of high activity, if this is shorter.
    high_activity: T,
    /// Anything of an enterprise of low activity, if this is longer.
    low_activity: T,
}

impl<T> Ttls<T> {
    fn of(ttl: &TtlSettings, show: impl Fn(Duration) -> T) -> Self {
        Self {
            enterprise: show(ttl.enterprise),
            department: show(ttl.department),
            default: show(ttl.default),
            high_activity: show(ttl.high_activity),
            low_activity: show(ttl.low_activity),
        }
    }
}

/// Which enterprises are of high and of low activity.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ActivityLimits)]
struct ActivityShape {
    /// High: at least so many writes in the last hour.
    #[schema(example = 60)]
    high_per_hour: u32,
    /// Low: fewer writes than this in the last day; 0 for never. Known once the server has run for a day.
    #[schema(example = 1)]
    low_per_day: u32,
}

/// What is aimed at.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CacheTargets)]
struct TargetsShape {
    /// The part of all requests that is answered from a fresh entry, at least: 0 to 1.
    #[serde(serialize_with = "shortest")]
    #[schema(example = 0.8)]
    hit_rate: f64,
    /// The 99th percentile of a hit's duration in milliseconds, at most.
    #[serde(serialize_with = "shortest")]
    #[schema(example = 100)]
    hit_millis: f64,
    /// The cache's bytes, at most.
    #[schema(example = 104_857_600)]
    memory_bytes: u64,
    /// Mass invalidations in an hour, at most.
    #[serde(serialize_with = "shortest")]
    #[schema(example = 5)]
    invalidations_per_hour: f64,
}

/// The configuration's durations as people write them: `1h`, `2h 30m`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DurationsInWords {
    /// How long entries live.
    ttl_settings: Ttls<String>,
    /// The same as `ttlSettings.default`.
    #[serde(rename = "defaultTTL")]
    #[schema(example = "30m")]
    default_ttl: String,
    /// How long an entry may be served after its TTL or its day while the database cannot be read.
    #[schema(example = "10m")]
    stale_if_error: String,
}

impl CacheConfiguration {
    /// The configuration as the API shows it and the database keeps it.
    #[must_use]
    pub fn shape(&self) -> ConfigurationShape {
        let targets = &self.targets;
        ConfigurationShape {
            ttl_settings: self.ttls(),
            max_cache_size: self.entries_max as u64,
            max_cache_bytes: self.bytes_max as u64,
            default_ttl: millis(self.ttl.default),
            stale_if_error: millis(self.stale_if_error),
            activity: ActivityShape {
                high_per_hour: self.activity.high_per_hour,
                low_per_day: self.activity.low_per_day,
            },
            targets: TargetsShape {
                hit_rate: targets.hit_rate,
                hit_millis: targets.hit_millis,
                memory_bytes: targets.memory_bytes,
                invalidations_per_hour: targets.invalidations_per_hour,
            },
        }
    }

    /// How long entries live, in milliseconds.
    #[must_use]
    pub fn ttls(&self) -> Ttls<u64> {
        Ttls::of(&self.ttl, millis)
    }

    /// The durations in words.
    #[must_use]
    pub fn in_words(&self) -> DurationsInWords {
        DurationsInWords {
            ttl_settings: Ttls::of(&self.ttl, words),
            default_ttl: words(self.ttl.default),
            stale_if_error: words(self.stale_if_error),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn words(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// Writes a whole number without a point: `100`, not `100.0`.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn shortest<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    /// From here on a float has no fraction left.
    const WHOLE_FROM: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && (0.0..WHOLE_FROM).contains(number) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and within the bounds")]
        serializer.serialize_u64(*number as u64)
    } else {
        serializer.serialize_f64(*number)
    }
}
