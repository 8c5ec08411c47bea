//! The question and its answer: settings to try, and the predicted hit ratio.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The settings of a cache to simulate.
pub struct Scenario<K> {
    /// The TTL of a key's entry.
    pub ttl: Arc<dyn Fn(&K) -> Duration + Send + Sync>,
    /// The most entries.
    pub entries_max: usize,
    /// The most bytes. Entries have their last recorded size.
    pub bytes_max: usize,
    /// How long after its TTL or its day an entry is kept by the sweep.
    pub stale_if_error: Duration,
}

impl<K: 'static> Scenario<K> {
    /// The same with another TTL for the keys that fulfil the condition.
    #[must_use]
    pub fn with_ttl(self, ttl: Duration, condition: impl Fn(&K) -> bool + Send + Sync + 'static) -> Self {
        let others = self.ttl;
        Self { ttl: Arc::new(move |key| if condition(key) { ttl } else { others(key) }), ..self }
    }
}

// Not derived, because that would require `K: Clone` and `K: Debug`.
impl<K> Clone for Scenario<K> {
    fn clone(&self) -> Self {
        Self { ttl: Arc::clone(&self.ttl), ..*self }
    }
}

impl<K> fmt::Debug for Scenario<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scenario")
            .field("entries_max", &self.entries_max)
            .field("bytes_max", &self.bytes_max)
            .field("stale_if_error", &self.stale_if_error)
            .finish_non_exhaustive()
    }
}

/// The predicted hit ratio of a scenario, and what the prediction is based on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The fraction of the accesses that would have been hits, 0.0 to 1.0; `None` if there were no accesses.
    pub hit_ratio: Option<f64>,
    /// All accesses of the time span.
    pub accesses: u64,
    /// The accesses that were replayed.
    pub sampled: u64,
    /// The keys that were replayed.
    pub sampled_keys: usize,
    /// The time span, up to the moment of the snapshot.
    pub span: Duration,
    /// The fraction of the keys that was replayed: one, a half, a quarter, and so on. It is larger for hot keys.
    pub rate: f64,
}
