//! The cache's figures in the shape in which they leave the program.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use crate::cache::{Durations, Removals, Stats};

/// What was counted of requests and loads, since the start or in a span of time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Answered from a fresh entry.
    #[schema(example = 39)]
    pub hits: u64,
    /// Not answered from a fresh entry.
    #[schema(example = 2)]
    pub misses: u64,
    /// The part of the hits in both; null when there was neither.
    #[schema(required, value_type = Option<f64>, example = 0.9512)]
    pub hit_ratio: Option<f64>,
    /// The part of the misses that joined a load which another had asked for.
    #[schema(example = 0)]
    pub coalesced: u64,
    /// The part of the misses that was a 304 without a load.
    #[schema(example = 0)]
    pub revalidated: u64,
    /// The part of the misses that was answered from an overdue entry because the load failed.
    #[schema(example = 0)]
    pub stale: u64,
    /// Loads.
    #[schema(example = 2)]
    pub loads: u64,
    /// The part of the loads that failed.
    #[schema(example = 0)]
    pub load_failures: u64,
    /// Entries that went, by cause.
    pub removals: RemovalCounts,
}

impl From<&Stats> for Counts {
    fn from(stats: &Stats) -> Self {
        Self {
            hits: stats.hits,
            misses: stats.misses,
            hit_ratio: hit_ratio(stats),
            coalesced: stats.coalesced,
            revalidated: stats.revalidated,
            stale: stats.stale,
            loads: stats.loads,
            load_failures: stats.load_failures,
            removals: stats.removals.into(),
        }
    }
}

/// The part of the hits in all that was asked; `None` when nothing was.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 requests, and then still to sixteen digits")]
pub fn hit_ratio(stats: &Stats) -> Option<f64> {
    let asked = stats.hits + stats.misses;
    (asked > 0).then(|| stats.hits as f64 / asked as f64)
}

/// Entries that went, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Removals)]
pub struct RemovalCounts {
    /// Past their time.
    #[schema(example = 0)]
    pub expired: u64,
    /// Loaded anew.
    #[schema(example = 0)]
    pub replaced: u64,
    /// The least recently used of too many.
    #[schema(example = 0)]
    pub size: u64,
    /// The least recently used of too many bytes.
    #[schema(example = 0)]
    pub bytes: u64,
    /// Changed by a write.
    #[schema(example = 1)]
    pub invalidated: u64,
    /// Taken out by an administrator.
    #[schema(example = 0)]
    pub cleared: u64,
}

impl From<Removals> for RemovalCounts {
    fn from(removals: Removals) -> Self {
        let Removals { expired, replaced, size, bytes, invalidated, cleared } = removals;
        Self { expired, replaced, size, bytes, invalidated, cleared }
    }
}

/// Percentiles of durations in microseconds, to the nanosecond; zeros when there was none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Micros {
    /// Half took no longer.
    #[schema(example = 0.8)]
    pub p50: f64,
    /// Nine of ten took no longer.
    #[schema(example = 1.1)]
    pub p90: f64,
    /// Ninety-nine of a hundred took no longer.
    #[schema(example = 2.4)]
    pub p99: f64,
    /// None took longer.
    #[schema(example = 14.2)]
    pub max: f64,
}

impl From<&Durations> for Micros {
    fn from(durations: &Durations) -> Self {
        let quantile = |part| micros(durations.quantile(part));
        Self { p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99), max: micros(durations.max()) }
    }
}

/// Microseconds with three digits after the point.
fn micros(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e9).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_exact_and_say_when_there_is_nothing_to_say() {
        let mut stats = Stats::default();
        let nothing = Counts::from(&stats);
        assert_eq!((nothing.hit_ratio, nothing.hits), (None, 0));
        assert_eq!(Micros::from(&stats.hit_durations), Micros::default());
        stats.hits = 3;
        stats.misses = 1;
        stats.hit_durations.record(Duration::from_nanos(750), 4);
        assert_eq!(Counts::from(&stats).hit_ratio, Some(0.75));
        let micros = Micros::from(&stats.hit_durations);
        assert!((0.75..0.76).contains(&micros.p50) && micros.max >= micros.p99, "{micros:?}");
    }
}
