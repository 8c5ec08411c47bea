//! A token or an address, with what it holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::Semaphore;

use super::Totals;
use super::debt::Debt;
use super::new_owners::Hour;
use super::places::PLACE_KINDS;
use super::turns::WRITES_AT_ONCE;

/// A part of everything.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portion {
    percent: usize,
    /// Processors that requests may use; as many again may work in the database.
    processors: f64,
}

impl Portion {
    /// A portion in percent on a machine with so many processors.
    pub(super) fn new(percent: u32, processors: usize) -> Self {
        let all = u32::try_from(processors).map_or(f64::MAX, f64::from);
        // Half of the time is for requests, half for work in the database, so that neither delays the other.
        Self { percent: usize::try_from(percent).unwrap_or(100), processors: all * f64::from(percent) / 200.0 }
    }

    /// Seconds of processor time within a second.
    pub(super) fn processors(self) -> f64 {
        self.processors
    }

    /// Seconds to wait for a second of processor time.
    pub(super) fn wait_per_time(self) -> f64 {
        1.0 / self.processors
    }

    /// A number that stands for another portion, in the proportion of this one to it.
    pub(super) fn in_proportion(self, to: Self, number: u64) -> u64 {
        let percent = |portion: Self| u64::try_from(portion.percent).unwrap_or(100);
        number.saturating_mul(percent(self)) / percent(to).max(1)
    }

    /// The portion of a number, at least one of it where there are any.
    pub(super) fn of(self, all: usize) -> usize {
        (all.saturating_mul(self.percent) / 100).max(all.min(1))
    }
}

/// A token or an address, with what it holds and owes.
pub(super) struct Holder {
    /// Its number among those of its kind.
    pub(super) number: u64,
    /// Processor time of requests.
    pub(super) requests: Debt,
    /// Time of work in the database.
    pub(super) work: Debt,
    pub(super) reads: TurnQueue,
    pub(super) writes: TurnQueue,
    /// Places that it holds, of each kind.
    pub(super) places: [AtomicUsize; PLACE_KINDS],
    pub(super) new_owners: Hour,
}

impl Holder {
    pub(super) fn new(number: u64, totals: &Totals, now: Instant) -> Self {
        Self {
            number,
            requests: Debt::new(now),
            work: Debt::new(now),
            reads: TurnQueue::new(totals.reads),
            writes: TurnQueue::new(WRITES_AT_ONCE),
            places: Default::default(),
            new_owners: Hour::new(now),
        }
    }

    /// Whether nothing would be lost by forgetting it, provided that nobody has it.
    pub(super) fn is_idle(&self, portion: Portion, now: Instant) -> bool {
        self.requests.is_paid(portion, now)
            && self.work.is_paid(portion, now)
            && self.new_owners.is_over(now)
            && self.places.iter().all(|held| held.load(Ordering::Relaxed) == 0)
    }
}

/// The turns of one holder: how many it has at once, and how many wait.
pub(super) struct TurnQueue {
    /// As many permits as all have turns; a turn takes so many that the holder's portion of turns takes all of them.
    pub(super) turns: Arc<Semaphore>,
    pub(super) all: usize,
    pub(super) waiting: AtomicUsize,
}

impl TurnQueue {
    fn new(all: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(all)), all, waiting: AtomicUsize::new(0) }
    }
}
