//! *What if*: the sampled history, replayed through a cache in which a key that stands for eight counts as eight.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::interface::Key;
use crate::cache::settings::{Settings, Ttl};
use super::keys::{NONE, Slot};
use super::record::{About, Record, Segment};
use super::{TRACE_TTLS, Trace};

/// The busiest sampled keys that together have this part of the accesses, at least, say how often the keys hit that the
/// sample has too many or too few of.
const BUSY_PART: f64 = 20.0;

/// Settings to try.
pub struct Scenario<K> {
    /// How long entries live, by key.
    pub ttl: Ttl<K>,
    /// Entries at most.
    pub entries_max: usize,
    /// Bytes at most. Each entry weighs what the entry of its key weighed last.
    pub bytes_max: usize,
    /// How long after its TTL or its day an entry is left by the sweep.
    pub stale_if_error: Duration,
}

impl<K: Key> Scenario<K> {
    /// What these settings would do.
    #[must_use]
    pub fn of(settings: &Settings<K>) -> Self {
        Self {
            ttl: Arc::clone(&settings.ttl),
            entries_max: settings.entries_max,
            bytes_max: settings.bytes_max,
            stale_if_error: settings.stale_if_error,
        }
    }

    /// The same with another TTL for the keys of which `concerned` is true.
    #[must_use]
    pub fn with_ttl(self, ttl: Duration, concerned: impl Fn(&K) -> bool + Send + Sync + 'static) -> Self {
        let others = self.ttl;
        Self { ttl: Arc::new(move |key| if concerned(key) { ttl } else { others(key) }), ..self }
    }
}

// Not derived, because that would ask for `K: Clone` and `K: Debug`.
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

/// What a scenario would have brought, and what that rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The part of the accesses that would have been hits, 0.0 to 1.0; `None` if there were no accesses to learn from.
    pub hit_ratio: Option<f64>,
    /// The accesses that it speaks of: all requests of the time span.
    pub accesses: u64,
    /// The part of them that was replayed.
    pub sampled: u64,
    /// The keys that were replayed.
    pub sampled_keys: usize,
    /// The time that it speaks of, until the trace was taken.
    pub span: Duration,
    /// The part of the keys that was replayed: one, or a half, a quarter, and so on. Of those that were asked for more
    /// often than others it is a larger one.
    pub rate: f64,
}

impl<K: Key> Trace<K> {
    /// What this scenario would have brought. Takes some milliseconds for a full trace, without any lock.
    ///
    /// Loads take no time here, so what joined a load within the second of a miss is predicted as a hit; a TTL that depends
    /// on the activity is taken as it is now.
    #[must_use]
    pub fn predict(&self, scenario: &Scenario<K>) -> Prediction {
        let mut cache = Miniature::new(self, scenario);
        let counted_from = self.counted_from();
        for segment in &self.segments[..counted_from] {
            cache.replay(segment);
        }
        cache.forget_counts();
        for segment in &self.segments[counted_from..] {
            cache.replay(segment);
        }
        let counted = &self.segments[counted_from..];
        let accesses = counted.iter().map(|segment| segment.accesses).sum();
        let from = counted.first().map_or(self.until, |segment| segment.from);
        Prediction {
            hit_ratio: cache.hit_ratio(float(accesses)),
            accesses,
            sampled: cache.nodes.iter().map(|node| node.accesses).sum(),
            sampled_keys: cache.nodes.iter().filter(|node| node.accesses > 0).count(),
            span: Duration::from_secs(u64::from(self.until.saturating_sub(from))),
            rate: self.rate(),
        }
    }

    /// The part of the keys that is in the sample, of those that were asked for seldom.
    #[must_use]
    pub fn rate(&self) -> f64 {
        0.5_f64.powf(f64::from(self.halvings))
    }

    /// The first segment that counts. A trace without its beginning does not say what was there then, so a part as long as
    /// the longest TTL only fills the cache.
    fn counted_from(&self) -> usize {
        if !self.truncated {
            return 0;
        }
        let from = self.segments.first().map_or(0, |segment| segment.from);
        let filled = from + self.until.saturating_sub(from) / TRACE_TTLS;
        let last = self.segments.len().saturating_sub(1);
        self.segments.partition_point(|segment| segment.from < filled).min(last)
    }
}

/// A cache of the sampled keys alone, without bodies. An entry fills as much of the bounds as the keys that it stands for.
struct Miniature {
    nodes: Vec<Node>,
    /// The most and the least recently used entry.
    newest: u32,
    oldest: u32,
    entries: u64,
    bytes: u64,
    entries_max: u64,
    bytes_max: u64,
    stale_millis: u64,
    second: u32,
    /// Counts UTC days, and knows when the last one began.
    day: u32,
    day_began: u32,
    distrusted: bool,
    /// A sweep changes nothing but how many entries there are, so it is made up for when that matters.
    swept: Option<SimulatedTime>,
}

#[derive(Clone, Copy)]
struct SimulatedTime {
    second: u32,
    day: u32,
    day_began: u32,
}

/// A key, and its entry if it has one.
#[derive(Clone)]
struct Node {
    /// The neighbours in order of use.
    newer: u32,
    older: u32,
    is_there: bool,
    /// Whether the last request of the key loaded the entry.
    just_loaded: bool,
    loaded_at: u32,
    day: u32,
    ttl_millis: u64,
    /// What the entry weighs; `None` if it is larger than everything may be.
    bytes: Option<usize>,
    /// How many keys it stands for.
    weight: u64,
    accesses: u64,
    hits: u64,
}

impl Miniature {
    fn new<K: Key>(trace: &Trace<K>, scenario: &Scenario<K>) -> Self {
        let node = |slot: &Slot<K>| Node {
            newer: NONE,
            older: NONE,
            is_there: false,
            just_loaded: false,
            loaded_at: 0,
            day: 0,
            ttl_millis: slot.key.as_ref().map_or(0, |key| millis((scenario.ttl)(key))),
            bytes: Some(slot.bytes).filter(|bytes| *bytes <= scenario.bytes_max && scenario.entries_max > 0),
            weight: 1 << slot.level,
            accesses: 0,
            hits: 0,
        };
        let slots = trace.chunks.iter().flat_map(|chunk| chunk.iter());
        Self {
            nodes: slots.map(node).collect(),
            newest: NONE,
            oldest: NONE,
            entries: 0,
            bytes: 0,
            entries_max: scenario.entries_max as u64,
            bytes_max: scenario.bytes_max as u64,
            stale_millis: millis(scenario.stale_if_error),
            second: 0,
            day: 0,
            day_began: 0,
            distrusted: trace.segments.first().is_some_and(|segment| segment.distrusted),
            swept: None,
        }
    }

    fn replay(&mut self, segment: &Segment) {
        for record in &segment.records {
            self.second = self.second.max(record.second);
            match record.about {
                About::Key(id) => self.happen(id, record),
                About::Cleared => self.clear(),
                About::Distrusted => self.distrusted = true,
                About::Trusted => self.distrusted = false,
                About::Day(since) => {
                    self.day += 1;
                    self.day_began = self.second.saturating_sub(since);
                }
                About::Swept => self.swept = Some(self.now()),
            }
        }
    }

    fn now(&self) -> SimulatedTime {
        SimulatedTime { second: self.second, day: self.day, day_began: self.day_began }
    }

    /// What happened to a key within a second.
    fn happen(&mut self, id: u32, record: &Record) {
        if record.began_without() || record.earlier_failed() && self.node(id).just_loaded {
            self.remove(id);
        }
        if record.warmed() && !self.is_fresh(id) {
            self.load(id);
        }
        if record.accesses > 0 {
            self.ask(id, record);
        }
        if record.ended_without() {
            self.remove(id);
        }
    }

    fn ask(&mut self, id: u32, record: &Record) {
        let (accesses, forced) = (u64::from(record.accesses), u64::from(record.forced));
        let idle = u64::from(record.idle).min(accesses);
        let was_fresh = self.is_fresh(id);
        self.touch(id);
        if accesses > idle && (!was_fresh || forced > 0) {
            self.load(id);
        }
        let is_fresh = self.is_fresh(id);
        let hits = match (was_fresh, is_fresh) {
            (true, _) => accesses.saturating_sub(forced),
            // The first that was not idle loaded.
            (false, true) => (accesses - idle - 1).saturating_sub(forced),
            (false, false) => 0,
        };
        let node = self.node(id);
        node.just_loaded = !was_fresh && is_fresh;
        node.accesses += accesses;
        node.hits += hits;
    }

    fn node(&mut self, id: u32) -> &mut Node {
        &mut self.nodes[id as usize]
    }

    fn is_fresh(&self, id: u32) -> bool {
        let node = &self.nodes[id as usize];
        node.is_there && !self.distrusted && node.day == self.day && node.age_millis(self.second) < node.ttl_millis
    }

    /// A load brings the key's body, which is kept unless it would not be fresh or is too large.
    fn load(&mut self, id: u32) {
        let (second, day) = (self.second, self.day);
        let Node { ttl_millis, bytes, .. } = self.nodes[id as usize];
        if bytes.is_none() || ttl_millis == 0 || self.distrusted {
            return;
        }
        self.remove(id);
        let node = self.node(id);
        (node.is_there, node.just_loaded, node.loaded_at, node.day) = (true, true, second, day);
        let (entries, bytes) = node.weighs();
        self.entries += entries;
        self.bytes += bytes;
        self.link(id);
        self.fit();
    }

    fn touch(&mut self, id: u32) {
        if self.nodes[id as usize].is_there {
            self.unlink(id);
            self.link(id);
        }
    }

    fn remove(&mut self, id: u32) {
        let node = self.node(id);
        node.just_loaded = false;
        if !node.is_there {
            return;
        }
        node.is_there = false;
        let (entries, bytes) = node.weighs();
        self.entries -= entries;
        self.bytes -= bytes;
        self.unlink(id);
    }

    fn clear(&mut self) {
        while self.oldest != NONE {
            self.remove(self.oldest);
        }
    }

    /// Holds the bounds. One entry is always left, though it may stand for more than there is room for.
    fn fit(&mut self) {
        if self.is_too_large() {
            self.make_up_for_sweep();
        }
        while self.is_too_large() {
            self.remove(self.oldest);
        }
    }

    fn is_too_large(&self) -> bool {
        self.oldest != self.newest && (self.entries > self.entries_max || self.bytes > self.bytes_max)
    }

    fn make_up_for_sweep(&mut self) {
        let Some(swept) = self.swept.take() else { return };
        let mut id = self.oldest;
        while id != NONE {
            let newer = self.nodes[id as usize].newer;
            if self.nodes[id as usize].was_swept(swept, self.stale_millis) {
                self.remove(id);
            }
            id = newer;
        }
    }

    fn link(&mut self, id: u32) {
        let second = std::mem::replace(&mut self.newest, id);
        let node = self.node(id);
        (node.newer, node.older) = (NONE, second);
        if second == NONE {
            self.oldest = id;
        } else {
            self.node(second).newer = id;
        }
    }

    fn unlink(&mut self, id: u32) {
        let Node { newer, older, .. } = self.nodes[id as usize];
        if newer == NONE {
            self.newest = older;
        } else {
            self.node(newer).older = older;
        }
        if older == NONE {
            self.oldest = newer;
        } else {
            self.node(older).newer = newer;
        }
    }

    fn forget_counts(&mut self) {
        for node in &mut self.nodes {
            (node.accesses, node.hits) = (0, 0);
        }
    }

    /// The hit ratio, if there were this many accesses.
    ///
    /// A sample has a few of the busier keys too many or too few, which shows in the number of accesses that it stands
    /// for. SHARDS takes the difference for accesses to such keys, and these for hits ("SHARDS-adj"). Under a short TTL
    /// busy keys miss too, so here they hit as often as the busiest of those that stand for others.
    fn hit_ratio(&self, accesses: f64) -> Option<f64> {
        let stands_for = |node: &Node| float(node.weight) * float(node.accesses);
        let sampled: f64 = self.nodes.iter().map(stands_for).sum();
        let hits: f64 = self.nodes.iter().map(|node| float(node.weight) * float(node.hits)).sum();
        if sampled <= 0.0 || accesses <= 0.0 {
            return None;
        }
        let missing = accesses - sampled;
        Some(((hits + missing * self.busy_ratio(missing.abs())) / accesses).clamp(0.0, 1.0))
    }

    /// The hit ratio of the busiest keys that stand for others, as many as stand for this many accesses, and for a
    /// twentieth of all.
    fn busy_ratio(&self, accesses: f64) -> f64 {
        let mut asked: Vec<&Node> = self.nodes.iter().filter(|node| node.accesses > 0 && node.weight > 1).collect();
        asked.sort_unstable_by_key(|node| std::cmp::Reverse(node.accesses.saturating_mul(node.weight)));
        let all: f64 = asked.iter().map(|node| float(node.weight) * float(node.accesses)).sum();
        let enough = accesses.max(all / BUSY_PART);
        let (mut seen, mut hits) = (0.0, 0.0);
        for node in asked {
            seen += float(node.weight) * float(node.accesses);
            hits += float(node.weight) * float(node.hits);
            if seen >= enough {
                break;
            }
        }
        if seen > 0.0 { hits / seen } else { 0.0 }
    }
}

impl Node {
    /// The entries and bytes that the entry stands for.
    fn weighs(&self) -> (u64, u64) {
        (self.weight, self.weight.saturating_mul(self.bytes.unwrap_or(0) as u64))
    }

    fn age_millis(&self, second: u32) -> u64 {
        u64::from(second.saturating_sub(self.loaded_at)) * 1_000
    }

    /// Whether a sweep at that moment took the entry.
    fn was_swept(&self, at: SimulatedTime, stale_millis: u64) -> bool {
        let age = self.age_millis(at.second);
        let overdue = age.checked_sub(self.ttl_millis);
        let since_day_end = match at.day.saturating_sub(self.day) {
            0 => None,
            1 => Some(u64::from(at.second.saturating_sub(at.day_began)) * 1_000),
            _ => Some(u64::MAX),
        };
        overdue.max(since_day_end).is_some_and(|since| since > stale_millis)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53, of which a ratio is made")]
fn float(count: u64) -> f64 {
    count as f64
}
