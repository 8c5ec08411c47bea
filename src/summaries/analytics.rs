//! What the cache's numbers amount to over a window of time, and whether they meet what is aimed at.

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

/// How many of the entries that answered most requests are told.
const MOST_ACCESSED_MAX: usize = 10;

/// Everything that is told of a window.
#[derive(Clone, Debug)]
pub struct Analytics {
    /// When it was looked at.
    pub now: Timestamp,
    /// Requests and loads since the server's start, whatever the window.
    pub since_start: RequestCounters,
    /// The entries of this moment.
    pub totals: EntryTotals,
    /// The entries that answered most requests.
    pub most_accessed: Vec<EntryView<SummaryKey>>,
    /// The window as a whole.
    pub whole: PeriodStats,
    /// The window by its steps, oldest first; the last one still runs.
    pub series: Vec<PeriodStats>,
    /// How long the hits and the loads of the window took, by buckets.
    pub whole_buckets: [DurationCounts; 2],
    /// The same of the last step, the one that still runs.
    pub running_buckets: [DurationCounts; 2],
    /// The hours of the window of which anything is known, one at least: those that averages are of.
    pub known_hours: f64,
    /// Mass invalidations in an hour, on average of the time in the window of which anything is known.
    pub mass_invalidations_per_hour: f64,
    /// Entries that writes invalidated in an hour, likewise.
    pub invalidated_per_hour: f64,
    /// What is aimed at, and how it stands.
    pub targets: [TargetState; 4],
}

/// What a span of time amounts to.
#[derive(Clone, Debug, PartialEq)]
pub struct PeriodStats {
    /// When it begins.
    pub start: Timestamp,
    /// Requests and loads.
    pub requests: RequestCounters,
    /// Entries that went.
    pub removals: RemovalCounters,
    /// Load time that hits saved.
    pub saved: Duration,
    /// How long hits took; `None` without any.
    pub hits: Option<Percentiles>,
    /// How long loads took; `None` without any.
    pub loads: Option<Percentiles>,
    /// What the cache held when it was last looked at; `None` when nobody looked.
    pub gauges: Option<CacheGauges>,
}

/// How long something took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentiles {
    /// The median.
    pub p50: Duration,
    /// Nine of ten took no longer.
    pub p90: Duration,
    /// Ninety-nine of a hundred took no longer.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

/// A target and how it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetState {
    /// Its name, as in the configuration.
    pub name: &'static str,
    /// What is aimed at, in words for people.
    pub target: String,
    /// The unit of the value.
    pub unit: &'static str,
    /// How it stands; `None` when there is nothing to judge yet.
    pub value: Option<f64>,
    /// Whether it is met.
    pub met: Option<bool>,
}

impl Summaries {
    /// What the cache's numbers amount to over a window.
    ///
    /// # Errors
    ///
    /// If what was counted before the start cannot be read.
    pub async fn analytics(&self, window: Window) -> Result<Analytics, StoreError> {
        let known = self.sampler.window(window).await?;
        let most_accessed = self.cache.most_accessed(MOST_ACCESSED_MAX);
        let targets = self.configuration().1.targets;
        // Some milliseconds for a day of a busy server.
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
        // One hour at least, so that what happened in the first minute is not taken for what happens in each.
        let minutes = (minute.number() - known.since.number() + 1).clamp(HOUR_MINUTES, window.minutes());
        let hours = as_float(minutes.unsigned_abs()) / as_float(HOUR_MINUTES.unsigned_abs());
        let mass_invalidations_per_hour = as_float(whole.requests.mass_invalidations) / hours;
        Self {
            now: known.now,
            since_start: known.since_start,
            most_accessed,
            invalidated_per_hour: as_float(whole.removals.invalidated) / hours,
            targets: judge(targets, &whole, known.totals.bytes as u64, mass_invalidations_per_hour),
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

/// How long the hits and the loads of these samples took.
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
    /// Of these durations; `None` when there is none.
    #[must_use]
    pub fn of(durations: &DurationHistogram) -> Option<Self> {
        let at = |part| durations.quantile(part);
        (!durations.is_empty()).then(|| Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: durations.max() })
    }
}

/// Says of each target how it stands.
fn judge(
    targets: &Targets,
    window: &PeriodStats,
    cache_bytes: u64,
    mass_invalidations_per_hour: f64,
) -> [TargetState; 4] {
    /// Bytes of the megabyte in which sizes are told.
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
        above("hitRate", format!("> {}%", told(hit_rate * 100.0)), "ratio", window.requests.hit_ratio(), hit_rate),
        below("hitMillis", format!("< {} ms", told(hit_millis)), "ms", p99, hit_millis),
        below("memoryBytes", format!("< {} MB", told(memory / MEGABYTE)), "bytes", Some(as_float(cache_bytes)), memory),
        below(
            "invalidationsPerHour",
            format!("< {} per hour", told(invalidations_per_hour)),
            "per hour",
            Some(mass_invalidations_per_hour),
            invalidations_per_hour,
        ),
    ]
}

/// A number as people write it: two digits behind the point, and none that is a zero at the end.
fn told(number: f64) -> f64 {
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

    fn figures(requests: RequestCounters, hits: Option<Percentiles>) -> PeriodStats {
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
        judge(targets, figures, bytes, per_hour).map(|state| (state.target, state.value, state.met)).to_vec()
    }

    #[test]
    fn a_target_is_met_beyond_its_bound_and_unjudged_without_anything_to_judge() {
        let targets = CacheConfiguration::default().targets;
        let quiet = figures(RequestCounters::default(), None);
        let texts = ["> 80%", "< 100 ms", "< 100 MB", "< 5 per hour"].map(str::to_owned);
        let told = states(&targets, &quiet, 0, 0.0);
        let expected = [None, None, Some((0.0, true)), Some((0.0, true))];
        for ((state, text), expected) in told.into_iter().zip(texts).zip(expected) {
            assert_eq!(state, (text, expected.map(|(value, _)| value), expected.map(|(_, met)| met)));
        }
        let millis = Duration::from_millis;
        let at_bounds = figures(
            RequestCounters { hits: 80, misses: 20, ..RequestCounters::default() },
            Some(Percentiles { p50: millis(1), p90: millis(2), p99: millis(100), max: millis(101) }),
        );
        let met = |states: Vec<(String, Option<f64>, Option<bool>)>| states.into_iter().map(|state| state.2);
        assert!(met(states(&targets, &at_bounds, 100 << 20, 5.0)).all(|met| met == Some(false)));
        let better = figures(
            RequestCounters { hits: 81, misses: 19, ..RequestCounters::default() },
            Some(Percentiles { p50: millis(1), p90: millis(2), p99: millis(99), max: millis(101) }),
        );
        assert!(met(states(&targets, &better, (100 << 20) - 1, 4.9)).all(|met| met == Some(true)));
    }

    #[test]
    fn targets_are_told_without_the_noise_of_floating_point() {
        let targets =
            Targets { hit_rate: 0.07, hit_millis: 0.5, memory_bytes: 1_572_864, invalidations_per_hour: 1.0 / 3.0 };
        let told = states(&targets, &figures(RequestCounters::default(), None), 0, 0.0);
        let texts: Vec<String> = told.into_iter().map(|state| state.0).collect();
        assert_eq!(texts, ["> 7%", "< 0.5 ms", "< 1.5 MB", "< 0.33 per hour"]);
    }
}
