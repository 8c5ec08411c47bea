//! A simulated cache of the sampled keys alone, without bodies.

use std::mem;
use std::time::Duration;

use super::keys::{KeySlot, NONE};
use super::record::{Record, RecordKind, Segment};
use super::scenario::Scenario;
use super::trace::Trace;

/// A cache with the bounds and TTLs of a scenario. An entry that represents eight keys takes the room of eight entries.
pub(super) struct MiniatureCache {
    /// By the id of the key.
    entries: Vec<SimulatedEntry>,
    /// The most and the least recently used entry.
    newest: u32,
    oldest: u32,
    /// The represented entries that are in the cache, and their bytes.
    size: u64,
    bytes: u64,
    entries_max: u64,
    bytes_max: u64,
    stale_millis: u64,
    now: SimulatedTime,
    suspended: bool,
    /// The last sweep, if it was not simulated yet. A sweep changes nothing but the size, so it is simulated only when
    /// the cache is full.
    pending_sweep: Option<SimulatedTime>,
}

/// Seconds since the recording began and UTC days, counted up.
#[derive(Clone, Copy, Default)]
struct SimulatedTime {
    second: u32,
    day: u32,
    day_began: u32,
}

/// A key, its entry if it is in the cache, and what was counted.
#[derive(Clone)]
pub(super) struct SimulatedEntry {
    /// The neighbours in order of use.
    newer: u32,
    older: u32,
    in_cache: bool,
    /// Whether the last request for the key loaded the entry.
    just_loaded: bool,
    loaded_at: u32,
    day: u32,
    ttl_millis: u64,
    /// The size of the entry; `None` if it exceeds the bounds by itself.
    bytes: Option<usize>,
    /// How many keys the entry represents.
    pub(super) weight: u64,
    pub(super) accesses: u64,
    pub(super) hits: u64,
}

impl MiniatureCache {
    pub(super) fn new<K>(trace: &Trace<K>, scenario: &Scenario<K>) -> Self {
        let entry = |slot: &KeySlot<K>| SimulatedEntry {
            newer: NONE,
            older: NONE,
            in_cache: false,
            just_loaded: false,
            loaded_at: 0,
            day: 0,
            ttl_millis: slot.key.as_ref().map_or(0, |key| millis((scenario.ttl)(key))),
            bytes: Some(slot.bytes).filter(|bytes| *bytes <= scenario.bytes_max && scenario.entries_max > 0),
            weight: 1 << slot.level,
            accesses: 0,
            hits: 0,
        };
        let slots = trace.slots.iter().flat_map(|chunk| chunk.iter());
        Self {
            entries: slots.map(entry).collect(),
            newest: NONE,
            oldest: NONE,
            size: 0,
            bytes: 0,
            entries_max: scenario.entries_max as u64,
            bytes_max: scenario.bytes_max as u64,
            stale_millis: millis(scenario.stale_if_error),
            now: SimulatedTime::default(),
            suspended: trace.segments.first().is_some_and(|segment| segment.suspended),
            pending_sweep: None,
        }
    }

    pub(super) fn entries(&self) -> &[SimulatedEntry] {
        &self.entries
    }

    pub(super) fn reset_counters(&mut self) {
        for entry in &mut self.entries {
            (entry.accesses, entry.hits) = (0, 0);
        }
    }

    pub(super) fn replay(&mut self, segment: &Segment) {
        for record in &segment.records {
            self.now.second = self.now.second.max(record.second);
            match record.kind {
                RecordKind::Key(id) => self.replay_key(id, record),
                RecordKind::Cleared => self.clear(),
                RecordKind::Suspended => self.suspended = true,
                RecordKind::Resumed => self.suspended = false,
                RecordKind::Day(since) => {
                    self.now.day += 1;
                    self.now.day_began = self.now.second.saturating_sub(since);
                }
                RecordKind::Swept => self.pending_sweep = Some(self.now),
            }
        }
    }

    /// Replays what happened to a key within a second.
    fn replay_key(&mut self, id: u32, record: &Record) {
        if record.invalidated_first() || record.earlier_load_failed() && self.entry(id).just_loaded {
            self.remove(id);
        }
        if record.warmed() && !self.is_fresh(id) {
            self.load(id);
        }
        if record.accesses > 0 {
            self.replay_accesses(id, record);
        }
        if record.invalidated_last() {
            self.remove(id);
        }
    }

    fn replay_accesses(&mut self, id: u32, record: &Record) {
        let (accesses, forced_misses) = (u64::from(record.accesses), u64::from(record.forced_misses));
        let without_load = u64::from(record.without_load).min(accesses);
        let was_fresh = self.is_fresh(id);
        self.touch(id);
        if accesses > without_load && (!was_fresh || forced_misses > 0) {
            self.load(id);
        }
        let is_fresh = self.is_fresh(id);
        let hits = match (was_fresh, is_fresh) {
            (true, _) => accesses.saturating_sub(forced_misses),
            // The first request that could load was the miss that did.
            (false, true) => (accesses - without_load - 1).saturating_sub(forced_misses),
            (false, false) => 0,
        };
        let entry = self.entry(id);
        entry.just_loaded = !was_fresh && is_fresh;
        entry.accesses += accesses;
        entry.hits += hits;
    }

    fn entry(&mut self, id: u32) -> &mut SimulatedEntry {
        &mut self.entries[id as usize]
    }

    fn is_fresh(&self, id: u32) -> bool {
        let entry = &self.entries[id as usize];
        let is_current = entry.day == self.now.day && entry.age_millis(self.now.second) < entry.ttl_millis;
        entry.in_cache && !self.suspended && is_current
    }

    /// Loads a key. Its entry is kept unless it would not be fresh or is too large.
    fn load(&mut self, id: u32) {
        let SimulatedTime { second, day, .. } = self.now;
        let SimulatedEntry { ttl_millis, bytes, .. } = self.entries[id as usize];
        if bytes.is_none() || ttl_millis == 0 || self.suspended {
            return;
        }
        self.remove(id);
        let entry = self.entry(id);
        (entry.in_cache, entry.just_loaded, entry.loaded_at, entry.day) = (true, true, second, day);
        let (size, bytes) = entry.represented_size();
        self.size += size;
        self.bytes += bytes;
        self.link(id);
        self.evict();
    }

    fn touch(&mut self, id: u32) {
        if self.entries[id as usize].in_cache {
            self.unlink(id);
            self.link(id);
        }
    }

    fn remove(&mut self, id: u32) {
        let entry = self.entry(id);
        entry.just_loaded = false;
        if !entry.in_cache {
            return;
        }
        entry.in_cache = false;
        let (size, bytes) = entry.represented_size();
        self.size -= size;
        self.bytes -= bytes;
        self.unlink(id);
    }

    fn clear(&mut self) {
        while self.oldest != NONE {
            self.remove(self.oldest);
        }
    }

    /// Holds the bounds. One entry always stays, even if it represents more than there is room for.
    fn evict(&mut self) {
        if self.is_too_large() {
            self.simulate_pending_sweep();
        }
        while self.is_too_large() {
            self.remove(self.oldest);
        }
    }

    fn is_too_large(&self) -> bool {
        self.oldest != self.newest && (self.size > self.entries_max || self.bytes > self.bytes_max)
    }

    fn simulate_pending_sweep(&mut self) {
        let Some(swept_at) = self.pending_sweep.take() else { return };
        let mut id = self.oldest;
        while id != NONE {
            let newer = self.entries[id as usize].newer;
            if self.entries[id as usize].was_swept(swept_at, self.stale_millis) {
                self.remove(id);
            }
            id = newer;
        }
    }

    fn link(&mut self, id: u32) {
        let second = mem::replace(&mut self.newest, id);
        let entry = self.entry(id);
        (entry.newer, entry.older) = (NONE, second);
        if second == NONE {
            self.oldest = id;
        } else {
            self.entry(second).newer = id;
        }
    }

    fn unlink(&mut self, id: u32) {
        let SimulatedEntry { newer, older, .. } = self.entries[id as usize];
        if newer == NONE {
            self.newest = older;
        } else {
            self.entry(newer).older = older;
        }
        if older == NONE {
            self.oldest = newer;
        } else {
            self.entry(older).newer = newer;
        }
    }
}

impl SimulatedEntry {
    /// The entries and bytes that the entry represents.
    fn represented_size(&self) -> (u64, u64) {
        (self.weight, self.weight.saturating_mul(self.bytes.unwrap_or(0) as u64))
    }

    fn age_millis(&self, second: u32) -> u64 {
        u64::from(second.saturating_sub(self.loaded_at)) * 1_000
    }

    /// Whether a sweep at that moment removed the entry.
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
