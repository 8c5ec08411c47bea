//! Statistics of the cache over a window of time, and whether its targets are met.

use std::sync::Arc;
use std::time::Duration;

use super::cache_counters::DurationCounts;
use super::key::SummaryKey;
use super::minute_samples::WindowSamples;
use super::read_through::Summaries;
use crate::cache::{DurationHistogram, EntryTotals, EntryView};
use crate::domain::cache::{
    CacheGauges, CacheSample, DurationBuckets, HOUR_MINUTES, Minute, RemovalCounters, RequestCounters, Window,
};
use crate::domain::cache_configuration::Targets;
use crate::domain::time::Timestamp;
use crate::store::StoreError;

/// How many of the most accessed entries are listed.
const MOST_ACCESSED_MAX: usize = 10;

/// The statistics of a window.
#[derive(Clone, Debug)]
pub struct Analytics {
    /// The time of the statistics.
    pub now: Timestamp,
    /// Requests and loads since the server's start, whatever the window.
    pub since_start: RequestCounters,
    /// Totals over the current entries.
    pub totals: EntryTotals,
    /// The entries that answered the most requests.
    pub most_accessed: Vec<EntryView<SummaryKey>>,
    /// The window as a whole.
    pub whole: PeriodStats,
    /// The steps of the window, oldest first; the last one is not over.
    pub series: Vec<PeriodStats>,
    /// The durations of the hits and of the loads in the window, by buckets.
    pub whole_buckets: [DurationCounts; 2],
    /// The same for the last step.
    pub running_buckets: [DurationCounts; 2],
    /// The hours of the window with known samples, at least one. Averages per hour are of these.
    pub known_hours: f64,
    /// Mass invalidations per hour, on average over the known hours.
    pub mass_invalidations_per_hour: f64,
    /// Entries invalidated by writes per hour, on average over the known hours.
    pub invalidated_per_hour: f64,
    /// The targets, and whether they are met.
    pub targets: [TargetState; 4],
}

/// The statistics of a span of time.
#[derive(Clone, Debug, PartialEq)]
pub struct PeriodStats {
    /// The start of the span.
    pub start: Timestamp,
    /// Requests and loads.
    pub requests: RequestCounters,
    /// Removed entries.
    pub removals: RemovalCounters,
    /// Load time that hits saved.
    pub saved: Duration,
    /// The durations of hits; `None` if there were none.
    pub hits: Option<Percentiles>,
    /// The durations of loads; `None` if there were none.
    pub loads: Option<Percentiles>,
    /// The contents of the cache at the last sample; `None` without a sample.
    pub gauges: Option<CacheGauges>,
}

/// Percentiles of durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentiles {
    /// The median.
    pub p50: Duration,
    /// The 90th percentile.
    pub p90: Duration,
    /// The 99th percentile.
    pub p99: Duration,
    /// The maximum.
    pub max: Duration,
}

/// A target, and whether it is met.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetState {
    /// Its name, as in the configuration.
    pub name: &'static str,
    /// The target as text for users.
    pub target: String,
    /// The unit of the value.
    pub unit: &'static str,
    /// The current value; `None` if there are no data yet.
    pub value: Option<f64>,
    /// Whether the target is met; `None` if there are no data yet.
    pub met: Option<bool>,
}

impl Summaries {
    /// The statistics of the cache over a window.
    ///
    /// # Errors
    ///
    /// If the samples from before the start cannot be read.
    pub async fn analytics(&self, window: Window) -> Result<Analytics, StoreError> {
        let known = self.sampler.window(window).await?;
        let most_accessed = self.cache.most_accessed(MOST_ACCESSED_MAX);
        let targets = self.configuration().1.targets;
        // Takes some milliseconds for a day of a busy server.
        let adding_up = tokio::task::spawn_blocking(move || Analytics::of(known, most_accessed, &targets));
        adding_up.await.map_err(|_| StoreError::Panicked)
    }
}

impl Analytics {
    fn of(known: WindowSamples, most_accessed: Vec<EntryView<SummaryKey>>, targets: &Targets) -> Self {
        let window = known.window;
        let minute = Minute::of(known.now);
        let first = window.first_minute(minute);
        let starts = (0..).map(|step| first.plus(step * window.step_minutes()).start());
        let series = starts.zip(&known.steps).map(|(start, samples)| PeriodStats::of(start, samples)).collect();
        let all = known.steps.concat();
        let durations = durations(&all);
        let whole = PeriodStats::with(first.start(), &all, &durations);
        let running = self::durations(known.steps.last().map_or(&[], |step| &**step));
        // At least one hour, so that the first minute after the start is not extrapolated.
        let minutes = (minute.number() - known.since.number() + 1).clamp(HOUR_MINUTES, window.minutes());
        let hours = as_float(minutes.unsigned_abs()) / as_float(HOUR_MINUTES.unsigned_abs());
        let mass_invalidations_per_hour = as_float(whole.requests.mass_invalidations) / hours;
        Self {
            now: known.now,
            since_start: known.since_start,
            most_accessed,
            invalidated_per_hour: as_float(whole.removals.invalidated) / hours,
            targets: target_states(targets, &whole, known.totals.bytes as u64, mass_invalidations_per_hour),
            whole,
            series,
            whole_buckets: durations.each_ref().map(DurationCounts::from),
            running_buckets: running.each_ref().map(DurationCounts::from),
            known_hours: hours,
            mass_invalidations_per_hour,
            totals: known.totals,
        }
    }
}

impl PeriodStats {
    fn of(start: Timestamp, samples: &[Arc<CacheSample>]) -> Self {
        Self::with(start, samples, &durations(samples))
    }

    fn with(start: Timestamp, samples: &[Arc<CacheSample>], [hits, loads]: &[DurationHistogram; 2]) -> Self {
        let mut sum = CacheSample::default();
        for sample in samples {
            sum.requests += sample.requests;
            sum.removals += sample.removals;
            sum.saved = sum.saved.saturating_add(sample.saved);
            sum.gauges = sample.gauges.or(sum.gauges);
        }
        Self {
            start,
            requests: sum.requests,
            removals: sum.removals,
            saved: sum.saved,
            hits: Percentiles::of(hits),
            loads: Percentiles::of(loads),
            gauges: sum.gauges,
        }
    }
}

/// The durations of the hits and of the loads in these samples.
fn durations(samples: &[Arc<CacheSample>]) -> [DurationHistogram; 2] {
    let (mut hits, mut loads) = (DurationHistogram::default(), DurationHistogram::default());
    for sample in samples {
        record(&mut hits, &sample.hit_durations);
        record(&mut loads, &sample.load_durations);
    }
    [hits, loads]
}

fn record(durations: &mut DurationHistogram, buckets: &DurationBuckets) {
    buckets.iter().for_each(|(duration, count)| durations.record(duration, count));
}

impl Percentiles {
    /// The percentiles of these durations; `None` if there are none.
    #[must_use]
    pub fn of(durations: &DurationHistogram) -> Option<Self> {
        let at = |part| durations.quantile(part);
        (!durations.is_empty()).then(|| Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: durations.max() })
    }
}

/// Compares the statistics with the targets.
fn target_states(
    targets: &Targets,
    window: &PeriodStats,
    cache_bytes: u64,
    mass_invalidations_per_hour: f64,
) -> [TargetState; 4] {
    /// Sizes are shown in this unit.
    const MEGABYTE: f64 = 1_048_576.0;
    let above = |name, target, unit, value: Option<f64>, aim: f64| TargetState {
        name,
        target,
        unit,
        value,
        met: value.map(|value| value > aim),
    };
    let below = |name, target, unit, value: Option<f64>, aim: f64| TargetState {
        met: value.map(|value| value < aim),
        ..above(name, target, unit, value, aim)
    };
    let Targets { hit_rate, hit_millis, memory_bytes, invalidations_per_hour } = *targets;
    let memory = as_float(memory_bytes);
    let p99 = window.hits.map(|hits| hits.p99.as_secs_f64() * 1_000.0);
    [
        above("hitRate", format!("> {}%", rounded(hit_rate * 100.0)), "ratio", window.requests.hit_ratio(), hit_rate),
        below("hitMillis", format!("< {} ms", rounded(hit_millis)), "ms", p99, hit_millis),
        below(
            "memoryBytes",
            format!("< {} MB", rounded(memory / MEGABYTE)),
            "bytes",
            Some(as_float(cache_bytes)),
            memory,
        ),
        below(
            "invalidationsPerHour",
            format!("< {} per hour", rounded(invalidations_per_hour)),
            "per hour",
            Some(mass_invalidations_per_hour),
            invalidations_per_hour,
        ),
    ]
}

/// Rounds to two decimal places, so that the number is printed without the noise of floating point.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[expect(clippy::cast_precision_loss, reason = "ratios and rates are read by people")]
fn as_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cache_configuration::CacheConfiguration;

    fn period(requests: RequestCounters, hits: Option<Percentiles>) -> PeriodStats {
        PeriodStats {
            start: Timestamp::from_millis(0),
            requests,
            removals: RemovalCounters::default(),
            saved: Duration::ZERO,
            hits,
            loads: None,
            gauges: None,
        }
    }

    fn states(
        targets: &Targets,
        figures: &PeriodStats,
        bytes: u64,
        per_hour: f64,
    ) -> Vec<(String, Option<f64>, Option<bool>)> {
        target_states(targets, figures, bytes, per_hour).map(|state| (state.target, state.value, state.met)).to_vec()
    }

    #[test]
    fn a_target_is_met_beyond_its_bound_and_unknown_without_data() {
        let targets = CacheConfiguration::default().targets;
        let quiet = period(RequestCounters::default(), None);
        let texts = ["> 80%", "< 100 ms", "< 100 MB", "< 5 per hour"].map(str::to_owned);
        let results = states(&targets, &quiet, 0, 0.0);
        let expected = [None, None, Some((0.0, true)), Some((0.0, true))];
        for ((state, text), expected) in results.into_iter().zip(texts).zip(expected) {
            assert_eq!(state, (text, expected.map(|(value, _)| value), expected.map(|(_, met)| met)));
        }
        let millis = Duration::from_millis;
        let at_bounds = period(
            RequestCounters { hits: 80, misses: 20, ..RequestCounters::default() },
            Some(Percentiles { p50: millis(1), p90: millis(2), p99: millis(100), max: millis(101) }),
        );
        let met = |states: Vec<(String, Option<f64>, Option<bool>)>| states.into_iter().map(|state| state.2);
        assert!(met(states(&targets, &at_bounds, 100 << 20, 5.0)).all(|met| met == Some(false)));
        let better = period(
            RequestCounters { hits: 81, misses: 19, ..RequestCounters::default() },
            Some(Percentiles { p50: millis(1), p90: millis(2), p99: millis(99), max: millis(101) }),
        );
        assert!(met(states(&targets, &better, (100 << 20) - 1, 4.9)).all(|met| met == Some(true)));
    }

    #[test]
    fn targets_are_printed_without_the_noise_of_floating_point() {
        let targets =
            Targets { hit_rate: 0.07, hit_millis: 0.5, memory_bytes: 1_572_864, invalidations_per_hour: 1.0 / 3.0 };
        let results = states(&targets, &period(RequestCounters::default(), None), 0, 0.0);
        let texts: Vec<String> = results.into_iter().map(|state| state.0).collect();
        assert_eq!(texts, ["> 7%", "< 0.5 ms", "< 1.5 MB", "< 0.33 per hour"]);
    }
}
