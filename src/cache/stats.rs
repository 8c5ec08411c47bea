//! The counters of the cache. They are exact: the same requests give the same numbers.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest duration that a histogram distinguishes from longer ones, in nanoseconds: ten minutes, longer than any
/// load may take.
const DURATION_NANOS_MAX: u64 = 600_000_000_000;

/// Two significant digits: a precision of one percent, in 31 KiB for each histogram.
const DURATION_DIGITS: u8 = 2;

/// Removed entries by cause. Each removal is counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removals {
    /// Swept after they had expired and could not even be served stale any more.
    pub expired: u64,
    /// Replaced by a newer entry of the same key.
    pub replaced: u64,
    /// Evicted as the least recently used, because there were too many entries.
    pub size: u64,
    /// Evicted as the least recently used, because the entries had too many bytes.
    pub bytes: u64,
    /// Outdated by a publication for their scope, by a rise of the floor, or by a reset.
    pub invalidated: u64,
    /// Removed on request.
    pub cleared: u64,
}

/// Why an entry is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RemovalCause {
    Expired,
    Replaced,
    Size,
    Bytes,
    Invalidated,
    Cleared,
}

impl Removals {
    pub(super) fn count(&mut self, cause: RemovalCause) {
        let counter = match cause {
            RemovalCause::Expired => &mut self.expired,
            RemovalCause::Replaced => &mut self.replaced,
            RemovalCause::Size => &mut self.size,
            RemovalCause::Bytes => &mut self.bytes,
            RemovalCause::Invalidated => &mut self.invalidated,
            RemovalCause::Cleared => &mut self.cleared,
        };
        *counter += 1;
    }

    fn since(&self, earlier: &Self) -> Self {
        Self {
            expired: self.expired.saturating_sub(earlier.expired),
            replaced: self.replaced.saturating_sub(earlier.replaced),
            size: self.size.saturating_sub(earlier.size),
            bytes: self.bytes.saturating_sub(earlier.bytes),
            invalidated: self.invalidated.saturating_sub(earlier.invalidated),
            cleared: self.cleared.saturating_sub(earlier.cleared),
        }
    }
}

/// The counters since the cache was created, or between two moments ([`Stats::since`]).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Requests answered from a fresh entry, 304s included.
    pub hits: u64,
    /// Requests not answered from a fresh entry.
    pub misses: u64,
    /// The misses that joined a load which another request had started.
    pub coalesced: u64,
    /// The misses that were answered 304 without a load.
    pub revalidated: u64,
    /// The misses that were answered from an expired entry because the load failed.
    pub stale: u64,
    /// Loads. One that finds that its key does not exist is counted, and is no failure.
    pub loads: u64,
    /// The loads that failed, panicked, were too slow, or returned outdated data.
    pub load_failures: u64,
    /// Removed entries by cause.
    pub removals: Removals,
    /// Clears of more than one entry, rises of the floor, and resets that removed an entry or changed the floor.
    pub mass_invalidations: u64,
    /// The load time that hits saved: for each hit, the duration of the load of its entry.
    pub saved: Duration,
    /// The durations of hits, from the request to the shared body.
    pub hit_durations: DurationHistogram,
    /// The durations of loads, failed ones included.
    pub load_durations: DurationHistogram,
}

impl Stats {
    /// The difference to an earlier state of the same counters.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            hits: self.hits.saturating_sub(earlier.hits),
            misses: self.misses.saturating_sub(earlier.misses),
            coalesced: self.coalesced.saturating_sub(earlier.coalesced),
            revalidated: self.revalidated.saturating_sub(earlier.revalidated),
            stale: self.stale.saturating_sub(earlier.stale),
            loads: self.loads.saturating_sub(earlier.loads),
            load_failures: self.load_failures.saturating_sub(earlier.load_failures),
            removals: self.removals.since(&earlier.removals),
            mass_invalidations: self.mass_invalidations.saturating_sub(earlier.mass_invalidations),
            saved: self.saved.saturating_sub(earlier.saved),
            hit_durations: self.hit_durations.since(&earlier.hit_durations),
            load_durations: self.load_durations.since(&earlier.load_durations),
        }
    }

    pub(super) fn count_hit(&mut self, took: Duration, saved: Duration) {
        self.hits += 1;
        self.saved = self.saved.saturating_add(saved);
        self.hit_durations.record(took, 1);
    }

    pub(super) fn count_load(&mut self, took: Duration, failed: bool) {
        self.loads += 1;
        self.load_failures += u64::from(failed);
        self.load_durations.record(took, 1);
    }
}

/// Durations in an HDR histogram. It takes no memory before the first one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DurationHistogram(Option<Histogram<u64>>);

impl DurationHistogram {
    /// Records a duration `count` times.
    pub fn record(&mut self, duration: Duration, count: u64) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        if self.0.is_none() {
            self.0 = Histogram::new_with_bounds(1, DURATION_NANOS_MAX, DURATION_DIGITS).ok();
        }
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record_n(nanos, count);
        }
    }

    /// The number of durations.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.as_ref().map_or(0, Histogram::len)
    }

    /// Whether there are no durations.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The duration that this fraction (0.0 to 1.0) of all durations does not exceed; zero if there are none.
    #[must_use]
    pub fn quantile(&self, part: f64) -> Duration {
        Duration::from_nanos(self.0.as_ref().map_or(0, |histogram| histogram.value_at_quantile(part)))
    }

    /// The longest duration; zero if there are none.
    #[must_use]
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.0.as_ref().map_or(0, Histogram::max))
    }

    /// The upper bounds and counts of the buckets that are not empty. They can be stored, and merged with
    /// [`Self::record`].
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let recorded = self.0.iter().flat_map(Histogram::iter_recorded);
        recorded.map(|bucket| (Duration::from_nanos(bucket.value_iterated_to()), bucket.count_since_last_iteration()))
    }

    fn since(&self, earlier: &Self) -> Self {
        let mut difference = self.clone();
        if let (Some(all), Some(earlier)) = (&mut difference.0, &earlier.0)
            && all.subtract(earlier).is_err()
        {
            // Only if `earlier` is of another cache; then there is nothing to subtract.
            return self.clone();
        }
        difference
    }
}

#[cfg(all(test, not(muster_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_a_span_are_the_difference_of_two_states() {
        let mut stats = Stats::default();
        stats.count_hit(Duration::from_nanos(300), Duration::from_millis(2));
        let earlier = stats.clone();
        stats.count_hit(Duration::from_nanos(700), Duration::from_millis(3));
        stats.count_load(Duration::from_millis(3), true);
        stats.removals.count(RemovalCause::Size);
        let minute = stats.since(&earlier);
        assert_eq!((minute.hits, minute.loads, minute.load_failures, minute.removals.size), (1, 1, 1, 1));
        assert_eq!((minute.saved, minute.hit_durations.len()), (Duration::from_millis(3), 1));
        let p99 = minute.hit_durations.quantile(0.99).as_nanos();
        assert!((700..=707).contains(&p99), "{p99}");
    }

    #[test]
    fn a_histogram_restored_from_its_buckets_has_the_same_quantiles() {
        let mut durations = DurationHistogram::default();
        assert_eq!((durations.quantile(0.5), durations.max(), durations.len()), (Duration::ZERO, Duration::ZERO, 0));
        for micros in 1..=1_000 {
            durations.record(Duration::from_micros(micros), 1);
        }
        durations.record(Duration::from_secs(100_000), 1);
        let mut restored = DurationHistogram::default();
        for (duration, count) in durations.buckets() {
            restored.record(duration, count);
        }
        assert_eq!(restored.len(), 1_001);
        for part in [0.5, 0.9, 0.99] {
            assert_eq!(restored.quantile(part), durations.quantile(part));
        }
        assert!(durations.max() >= Duration::from_nanos(DURATION_NANOS_MAX), "a longer duration is counted too");
    }
}
