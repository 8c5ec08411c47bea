//! A snapshot of the recorded history.

use std::sync::Arc;

use super::keys::KeySlot;
use super::record::Segment;

/// How many times the longest TTL the trace reaches back, if there is room. Older records are dropped before the
/// sampling rate is halved.
pub const TRACE_TTLS: u32 = 4;

/// The sampled access history as it was at one moment. [`Self::predict`] replays it.
#[derive(Debug)]
pub struct Trace<K> {
    pub(super) slots: Vec<Arc<Vec<KeySlot<K>>>>,
    pub(super) segments: Vec<Arc<Segment>>,
    pub(super) halvings: u32,
    /// When the snapshot was taken, in seconds since the recording began.
    pub(super) until: u32,
    /// Whether older segments were dropped.
    pub(super) truncated: bool,
}

impl<K> Trace<K> {
    /// The fraction of the keys that is in the sample, hot keys not counted.
    #[must_use]
    pub fn rate(&self) -> f64 {
        0.5_f64.powf(f64::from(self.halvings))
    }

    /// The index of the first segment that is counted. A truncated trace does not tell which entries existed at its
    /// start, so its first part, as long as the longest TTL, only fills the cache.
    pub(super) fn counted_from(&self) -> usize {
        if !self.truncated {
            return 0;
        }
        let from = self.segments.first().map_or(0, |segment| segment.from);
        let filled = from + self.until.saturating_sub(from) / TRACE_TTLS;
        let last = self.segments.len().saturating_sub(1);
        self.segments.partition_point(|segment| segment.from < filled).min(last)
    }
}
