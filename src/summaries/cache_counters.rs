//! The cache's counters in the form in which the API and the event stream show them.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use crate::cache::{DurationHistogram, Removals, Stats};
use crate::domain::cache::{RemovalCounters, RequestCounters};

/// What was counted since the start or in a span of time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Requests and loads.
    #[serde(flatten)]
    pub requests: RequestCounters,
    /// The part of the hits in hits and misses; null when there was neither.
    #[schema(required, value_type = Option<f64>, example = 0.9512)]
    pub hit_ratio: Option<f64>,
    /// Entries that went, by cause.
    pub removals: RemovalCounters,
}

impl From<&Stats> for Counts {
    fn from(stats: &Stats) -> Self {
        let requests = requests(stats);
        Self { requests, hit_ratio: requests.hit_ratio(), removals: removals(&stats.removals) }
    }
}

/// The counters of requests and loads, as they are stored and shown.
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

/// The removed entries by cause, as they are stored and shown.
pub(super) fn removals(counted: &Removals) -> RemovalCounters {
    let Removals { expired, replaced, size, bytes, invalidated, cleared } = *counted;
    RemovalCounters { expired, replaced, size, bytes, invalidated, cleared }
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

impl From<&DurationHistogram> for Micros {
    fn from(durations: &DurationHistogram) -> Self {
        let quantile = |part| micros(durations.quantile(part));
        Self { p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99), max: micros(durations.max()) }
    }
}

/// How many durations lie in which bucket: pairs of the bucket's upper end in microseconds and a count, by rising
/// duration. Counts of the same bucket can be added up, which percentiles cannot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[schema(value_type = Vec<Vec<f64>>, example = json!([[1.1, 40.0], [2.4, 2.0]]))]
pub struct DurationCounts(Vec<(f64, u64)>);

impl DurationCounts {
    /// From buckets with increasing upper ends.
    pub fn of(buckets: impl Iterator<Item = (Duration, u64)>) -> Self {
        Self(buckets.map(|(end, count)| (micros(end), count)).collect())
    }
}

impl From<&DurationHistogram> for DurationCounts {
    fn from(durations: &DurationHistogram) -> Self {
        Self::of(durations.buckets())
    }
}

/// Microseconds with three decimal places.
fn micros(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e9).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_exact_and_the_hit_ratio_is_null_without_requests() {
        let mut stats = Stats::default();
        let nothing = Counts::from(&stats);
        assert_eq!((nothing.hit_ratio, nothing.requests.hits), (None, 0));
        assert_eq!(Micros::from(&stats.hit_durations), Micros::default());
        stats.hits = 3;
        stats.misses = 1;
        stats.hit_durations.record(Duration::from_nanos(750), 4);
        assert_eq!(Counts::from(&stats).hit_ratio, Some(0.75));
        let micros = Micros::from(&stats.hit_durations);
        assert!((0.75..0.76).contains(&micros.p50) && micros.max >= micros.p99, "{micros:?}");
        stats.hit_durations.record(Duration::from_micros(40), 1);
        let DurationCounts(counts) = (&stats.hit_durations).into();
        assert_eq!(counts.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [4, 1]);
        let p99 = Micros::from(&stats.hit_durations).p99;
        assert!((counts[1].0 - p99).abs() < f64::EPSILON, "percentiles are ends of buckets: {counts:?}, {p99}");
    }
}
