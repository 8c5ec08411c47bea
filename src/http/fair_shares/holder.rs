//! A token or an address, with what it holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::Semaphore;

use super::debt::Debt;
use super::hour::Hour;
use super::portion::Portion;

/// Kinds of places that are held.
pub(super) const PLACE_KINDS: usize = 2;

/// Write jobs of all holders that would be a group of the writer's without delaying it by much: a job takes up to a
/// millisecond, and the group's one `fsync` some milliseconds.
const WRITES_AT_ONCE: usize = 16;

/// What everything is a share of.
#[derive(Clone, Copy, Debug)]
pub struct Totals {
    /// Reads that run at once.
    pub reads: usize,
    /// Reads that may wait.
    pub reads_waiting: usize,
    /// Writes that may wait.
    pub writes_waiting: usize,
}

/// A token or an address, with what it holds and owes.
pub(super) struct Holder {
    /// Processor time of requests.
    pub(super) requests: Debt,
    /// Processor time of reads.
    pub(super) reading: Debt,
    /// Time of the writer.
    pub(super) writing: Debt,
    pub(super) reads: TurnQueue,
    pub(super) writes: TurnQueue,
    /// Places that it holds, of each kind.
    pub(super) places: [AtomicUsize; PLACE_KINDS],
    pub(super) new_owners: Hour,
    pub(super) refusals_held: AtomicUsize,
}

impl Holder {
    pub(super) fn new(totals: &Totals, now: Instant) -> Self {
        Self {
            requests: Debt::new(now),
            reading: Debt::new(now),
            writing: Debt::new(now),
            reads: TurnQueue::new(totals.reads),
            writes: TurnQueue::new(WRITES_AT_ONCE),
            places: Default::default(),
            new_owners: Hour::new(now),
            refusals_held: AtomicUsize::new(0),
        }
    }

    /// Whether nothing would be lost by forgetting it, provided that nobody has it.
    pub(super) fn is_idle(&self, portion: Portion, now: Instant) -> bool {
        self.requests.is_paid(portion, now)
            && self.reading.is_paid(portion, now)
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
