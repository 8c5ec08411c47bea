//! What is counted, and when. The numbers are exact: the same requests give the same numbers.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest duration that is told apart from longer ones, in nanoseconds: ten minutes, longer than any load may run.
const DURATION_NANOS_MAX: u64 = 600_000_000_000;

/// Two digits hold one percent of precision in 31 KiB a histogram.
const DURATION_DIGITS: u8 = 2;

/// Why entries went, one count per entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removals {
    /// Past the TTL or the day, and past what may be served stale; counted once, when swept.
    pub expired: u64,
    /// A load brought the same key anew.
    pub replaced: u64,
    /// The least recently used of too many.
    pub size: u64,
    /// The least recently used of too many bytes.
    pub bytes: u64,
    /// A newer revision was published for the scope, or the floor rose above the entry.
    pub invalidated: u64,
    /// Somebody asked for it.
    pub cleared: u64,
}

/// Why an entry goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Expired,
    Replaced,
    Size,
    Bytes,
    Invalidated,
    Cleared,
}

impl Removals {
    pub(super) fn count(&mut self, cause: Cause) {
        let counter = match cause {
            Cause::Expired => &mut self.expired,
            Cause::Replaced => &mut self.replaced,
            Cause::Size => &mut self.size,
            Cause::Bytes => &mut self.bytes,
            Cause::Invalidated => &mut self.invalidated,
            Cause::Cleared => &mut self.cleared,
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

/// Everything that was counted since the cache was made, or between two moments ([`Stats::since`]).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Answered from a fresh entry, a 304 from it included.
    pub hits: u64,
    /// Not answered from a fresh entry.
    pub misses: u64,
    /// The part of the misses that joined a load which another had asked for.
    pub coalesced: u64,
    /// The part of the misses that was a 304 without a load.
    pub revalidated: u64,
    /// The part of the misses that was served an overdue entry because the load failed.
    pub stale: u64,
    /// Load runs. What is not there is a load too, and no failure.
    pub loads: u64,
    /// The part of the loads that failed, panicked, was too slow, or brought less than it had to.
    pub load_failures: u64,
    /// Entries that went, by cause.
    pub removals: Removals,
    /// Clears of more than one entry, and times when the floor rose or something went by doubt.
    pub mass_invalidations: u64,
    /// Load time that hits saved: for each hit, what the load of its entry had taken.
    pub saved: Duration,
    /// How long hits took, from the question to the shared body.
    pub hit_durations: Durations,
    /// How long loads took, those that failed included.
    pub load_durations: Durations,
}

impl Stats {
    /// What was counted after an earlier look at the same cache.
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

/// Durations in an HDR histogram; takes no memory before the first one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Durations(Option<Histogram<u64>>);

impl Durations {
    /// Counts a duration `count` times.
    pub fn record(&mut self, duration: Duration, count: u64) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        if self.0.is_none() {
            self.0 = Histogram::new_with_bounds(1, DURATION_NANOS_MAX, DURATION_DIGITS).ok();
        }
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record_n(nanos, count);
        }
    }

    /// How many durations there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.as_ref().map_or(0, Histogram::len)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The duration that this part of all (0.0 to 1.0) does not exceed; zero when there is none.
    #[must_use]
    pub fn quantile(&self, part: f64) -> Duration {
        Duration::from_nanos(self.0.as_ref().map_or(0, |histogram| histogram.value_at_quantile(part)))
    }

    /// The longest; zero when there is none.
    #[must_use]
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.0.as_ref().map_or(0, Histogram::max))
    }

    /// The buckets that are not empty, each with its upper end: what is stored, and merged again with [`Self::record`].
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let recorded = self.0.iter().flat_map(Histogram::iter_recorded);
        recorded.map(|bucket| (Duration::from_nanos(bucket.value_iterated_to()), bucket.count_since_last_iteration()))
    }

    fn since(&self, earlier: &Self) -> Self {
        let mut difference = self.clone();
        if let (Some(all), Some(earlier)) = (&mut difference.0, &earlier.0)
            && all.subtract(earlier).is_err()
        {
            // Only when `earlier` is not of the same cache; then there is nothing to subtract.
            return self.clone();
        }
        difference
    }
}

#[cfg(all(test, not(muster_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_between_two_looks_is_their_difference() {
        let mut stats = Stats::default();
        stats.count_hit(Duration::from_nanos(300), Duration::from_millis(2));
        let earlier = stats.clone();
        stats.count_hit(Duration::from_nanos(700), Duration::from_millis(3));
        stats.count_load(Duration::from_millis(3), true);
        stats.removals.count(Cause::Size);
        let minute = stats.since(&earlier);
        assert_eq!((minute.hits, minute.loads, minute.load_failures, minute.removals.size), (1, 1, 1, 1));
        assert_eq!((minute.saved, minute.hit_durations.len()), (Duration::from_millis(3), 1));
        let p99 = minute.hit_durations.quantile(0.99).as_nanos();
        assert!((700..=707).contains(&p99), "{p99}");
    }

    #[test]
    fn durations_survive_being_stored_as_buckets() {
        let mut durations = Durations::default();
        assert_eq!((durations.quantile(0.5), durations.max(), durations.len()), (Duration::ZERO, Duration::ZERO, 0));
        for micros in 1..=1_000 {
            durations.record(Duration::from_micros(micros), 1);
        }
        durations.record(Duration::from_secs(100_000), 1);
        let mut restored = Durations::default();
        for (duration, count) in durations.buckets() {
            restored.record(duration, count);
        }
        assert_eq!(restored.len(), 1_001);
        for part in [0.5, 0.9, 0.99] {
            assert_eq!(restored.quantile(part), durations.quantile(part));
        }
        assert!(durations.max() >= Duration::from_nanos(DURATION_NANOS_MAX), "what is longer still counts");
    }
}
