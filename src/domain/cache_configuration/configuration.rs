//! The cache's configuration and its parts. `fields` has the range of each field.

use std::time::Duration;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// The cache's configuration as a whole; its default holds until an administrator changes it.
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

/// How long entries live.
pub type TtlSettings = Ttls<Duration>;

/// A value for each kind of TTL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ttls<T> {
    /// Summaries of enterprises.
    pub enterprise: T,
    /// Summaries of departments.
    pub department: T,
    /// Anything else.
    pub default: T,
    /// Anything of an enterprise of high activity, if this is shorter.
    pub high_activity: T,
    /// Anything of an enterprise of low activity, if this is longer.
    pub low_activity: T,
}

impl<T> Ttls<T> {
    /// Another value for each kind, made from the one that it has.
    pub fn map<U>(&self, other: impl Fn(&T) -> U) -> Ttls<U> {
        Ttls {
            enterprise: other(&self.enterprise),
            department: other(&self.department),
            default: other(&self.default),
            high_activity: other(&self.high_activity),
            low_activity: other(&self.low_activity),
        }
    }
}

/// Which enterprises are of high and of low activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActivityLimits {
    /// High: at least so many writes in the last hour.
    #[schema(example = 60)]
    pub high_per_hour: u32,
    /// Low: fewer writes than this in the last day; 0 for never. Known once the server has run for a day.
    #[schema(example = 1)]
    pub low_per_day: u32,
}

/// What is aimed at.
// The dashboard says whether it is met.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CacheTargets)]
pub struct Targets {
    /// The part of all requests that is answered from a fresh entry, at least: 0 to 1.
    #[serde(serialize_with = "shortest")]
    #[schema(example = 0.8)]
    pub hit_rate: f64,
    /// The 99th percentile of a hit's duration in milliseconds, at most.
    #[serde(serialize_with = "shortest")]
    #[schema(example = 100)]
    pub hit_millis: f64,
    /// The cache's bytes, at most.
    #[schema(example = 104_857_600)]
    pub memory_bytes: u64,
    /// Mass invalidations in an hour, at most.
    #[serde(serialize_with = "shortest")]
    #[schema(example = 5)]
    pub invalidations_per_hour: f64,
}

impl Default for CacheConfiguration {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        Self {
            ttl: Ttls {
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
