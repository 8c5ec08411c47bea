//! The samples in memory, and those that are not in the database yet.

use std::collections::BTreeMap;
use std::mem;
use std::ops::RangeInclusive;

use super::clock_jumps::ClockJumpDetector;
use super::from_counters::sample_of;
use super::timeline::{KEPT_DAYS, Timeline};
use crate::cache::Stats;
use crate::clock::Clock;
use crate::domain::cache::{CacheSample, DAY_MINUTES, Minute};
use crate::summaries::summary_cache::SummaryCache;

/// The most minutes that wait to be written: a day with a full disk. After that the two oldest are merged.
pub(super) const UNWRITTEN_MAX: usize = 1_440;

/// Minutes per write job: a few milliseconds under the write lock.
const MINUTES_PER_WRITE_MAX: usize = 100;

/// The samples, and the counters that the next sample starts from.
pub(super) struct History {
    /// The cache's counters at the last sample.
    pub(super) counted: Stats,
    /// The current minute.
    pub(super) running: Minute,
    pub(super) timeline: Timeline,
    /// The samples that are not in the database yet.
    pub(super) unwritten: BTreeMap<Minute, CacheSample>,
    /// Whether the last write failed.
    pub(super) failing: bool,
    pub(super) jumps: ClockJumpDetector,
    pub(super) is_deletion_due: bool,
}

impl History {
    /// The history of a cache whose counters are zero.
    pub(super) fn new(clock: &Clock) -> Self {
        Self {
            counted: Stats::default(),
            running: Minute::of(clock.now()),
            timeline: Timeline::default(),
            unwritten: BTreeMap::new(),
            failing: false,
            jumps: ClockJumpDetector::new(clock),
            is_deletion_due: false,
        }
    }

    /// Ends the current minute if another one has started, and returns whether it has.
    pub(super) fn end_minute(&mut self, cache: &SummaryCache, now: Minute) -> bool {
        let is_over = now != self.running;
        if is_over {
            self.take_sample(cache);
            self.running = now;
        }
        is_over
    }

    /// Adds the counts since the last sample to the current minute.
    pub(super) fn take_sample(&mut self, cache: &SummaryCache) {
        // The counters are read under the lock, so that samples are taken in the order of their counters.
        let stats = cache.stats();
        let sample = sample_of(&stats.since(&self.counted), &cache.entry_totals());
        self.counted = stats;
        self.timeline.add(self.running, &sample, self.running);
        if !sample.is_quiet() {
            self.keep_unwritten(self.running, &sample);
        }
    }

    pub(super) fn keep_unwritten(&mut self, minute: Minute, sample: &CacheSample) {
        *self.unwritten.entry(minute).or_default() += sample;
        if self.unwritten.len() > UNWRITTEN_MAX
            && let Some((_, oldest)) = self.unwritten.pop_first()
            && let Some(mut next) = self.unwritten.first_entry()
        {
            let later = mem::replace(next.get_mut(), oldest);
            *next.get_mut() += &later;
        }
    }

    pub(super) fn take_unwritten(&mut self) -> Vec<(Minute, CacheSample)> {
        let take = |_| self.unwritten.pop_first();
        (0..MINUTES_PER_WRITE_MAX).map_while(take).collect()
    }
}

/// The minutes whose samples are kept. Samples further in the future were taken with a wrong clock.
pub(super) fn kept_minutes(now: Minute) -> RangeInclusive<Minute> {
    now.plus(-KEPT_DAYS * DAY_MINUTES)..=now.plus(KEPT_DAYS * DAY_MINUTES)
}
