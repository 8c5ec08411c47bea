//! Predicts the hit ratio of a scenario by simulating a miniature cache.

use std::cmp::Reverse;
use std::time::Duration;

use super::miniature_cache::{MiniatureCache, SimulatedEntry};
use super::scenario::{Prediction, Scenario};
use super::trace::Trace;

/// The hottest sampled keys that together have this part of all accesses, one in twenty, tell how often hot keys are
/// hit.
const HOT_PART: f64 = 20.0;

impl<K> Trace<K> {
    /// Predicts the hit ratio of a scenario. Takes some milliseconds for a full trace, and no lock.
    ///
    /// Simulated loads take no time, so a request that joined a load within the second of a miss is predicted as a hit.
    /// A TTL that depends on the activity is taken as it is now.
    #[must_use]
    pub fn predict(&self, scenario: &Scenario<K>) -> Prediction {
        let mut cache = MiniatureCache::new(self, scenario);
        let (filling, counted) = self.segments.split_at(self.counted_from());
        for segment in filling {
            cache.replay(segment);
        }
        cache.reset_counters();
        for segment in counted {
            cache.replay(segment);
        }
        let accesses = counted.iter().map(|segment| segment.accesses).sum();
        let from = counted.first().map_or(self.until, |segment| segment.from);
        let entries = cache.entries();
        Prediction {
            hit_ratio: hit_ratio(entries, float(accesses)),
            accesses,
            sampled: entries.iter().map(|entry| entry.accesses).sum(),
            sampled_keys: entries.iter().filter(|entry| entry.accesses > 0).count(),
            span: Duration::from_secs(u64::from(self.until.saturating_sub(from))),
            rate: self.rate(),
        }
    }
}

/// The hit ratio of this many accesses.
///
/// A sample contains too many or too few of the hotter keys, which shows in the number of accesses that it represents.
/// SHARDS attributes the difference to such keys and counts it as hits ("SHARDS-adj"). Under a short TTL hot keys have
/// misses too, so here the difference has the hit ratio of the hottest keys that represent others.
fn hit_ratio(entries: &[SimulatedEntry], accesses: f64) -> Option<f64> {
    let represented: f64 = entries.iter().map(represented_accesses).sum();
    let hits: f64 = entries.iter().map(represented_hits).sum();
    if represented <= 0.0 || accesses <= 0.0 {
        return None;
    }
    let missing = accesses - represented;
    Some(((hits + missing * hot_ratio(entries, missing.abs())) / accesses).clamp(0.0, 1.0))
}

/// The hit ratio of the hottest keys that represent others: as many keys as represent this many accesses, and a
/// twentieth of all.
fn hot_ratio(entries: &[SimulatedEntry], accesses: f64) -> f64 {
    let mut hottest: Vec<_> = entries.iter().filter(|entry| entry.accesses > 0 && entry.weight > 1).collect();
    hottest.sort_unstable_by_key(|entry| Reverse(entry.accesses.saturating_mul(entry.weight)));
    let all: f64 = hottest.iter().map(|entry| represented_accesses(entry)).sum();
    let enough = accesses.max(all / HOT_PART);
    let (mut seen, mut hits) = (0.0, 0.0);
    for entry in hottest {
        seen += represented_accesses(entry);
        hits += represented_hits(entry);
        if seen >= enough {
            break;
        }
    }
    if seen > 0.0 { hits / seen } else { 0.0 }
}

fn represented_accesses(entry: &SimulatedEntry) -> f64 {
    float(entry.weight) * float(entry.accesses)
}

fn represented_hits(entry: &SimulatedEntry) -> f64 {
    float(entry.weight) * float(entry.hits)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}
