//! What is known of the past, and what of it the database does not have yet.

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

/// Minutes that wait to be written, at most: a day of a full disk. Then the two oldest become one.
pub(super) const UNWRITTEN_MAX: usize = 1_440;

/// Minutes that one write job takes: a few milliseconds under the write lock.
const WRITTEN_AT_ONCE_MAX: usize = 100;

/// What is known, and how far it reaches.
pub(super) struct History {
    /// The cache's counters when the last sample was made.
    pub(super) counted: Stats,
    /// The minute that runs.
    pub(super) running: Minute,
    pub(super) timeline: Timeline,
    /// What the database has not got yet.
    pub(super) unwritten: BTreeMap<Minute, CacheSample>,
    /// Whether the last write failed.
    pub(super) failing: bool,
    pub(super) jumps: ClockJumpDetector,
    pub(super) is_forgetting_due: bool,
}

impl History {
    /// Of a cache that has counted nothing yet.
    pub(super) fn new(clock: &Clock) -> Self {
        Self {
            counted: Stats::default(),
            running: Minute::of(clock.now()),
            timeline: Timeline::default(),
            unwritten: BTreeMap::new(),
            failing: false,
            jumps: ClockJumpDetector::new(clock),
            is_forgetting_due: false,
        }
    }

    /// Ends the running minute if another has begun, and says whether it did.
    pub(super) fn turn(&mut self, cache: &SummaryCache, now: Minute) -> bool {
        let is_over = now != self.running;
        if is_over {
            self.sample(cache);
            self.running = now;
        }
        is_over
    }

    /// Files under the running minute what was counted since the last sample.
    pub(super) fn sample(&mut self, cache: &SummaryCache) {
        // Looked at here, under the lock: an older look must not follow a newer one.
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
        (0..WRITTEN_AT_ONCE_MAX).map_while(take).collect()
    }
}

/// The minutes whose samples are kept: so far from now that no clock which is right for once has filed any other.
pub(super) fn kept_minutes(now: Minute) -> RangeInclusive<Minute> {
    now.plus(-KEPT_DAYS * DAY_MINUTES)..=now.plus(KEPT_DAYS * DAY_MINUTES)
}
