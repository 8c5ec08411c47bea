//! Records what happens to the keys of the sample.

use std::collections::VecDeque;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::hot_keys::HotKeyFilter;
use super::keys::{KeyState, KeyTable, NONE, SampledKey, highest_hash};
use super::record::{Record, RecordKind, SEGMENT_RECORDS, Segment};
use super::trace::Trace;
use crate::clock::Moment;
use crate::domain::time::{DAY_MILLIS, Day};

/// Bytes that the sample may take: records, keys, and the tables that index them. About 150,000 records; some hundred
/// hot keys for hours, some thousand cold ones for days. A twentieth of the memory of the whole process.
pub const TRACE_BYTES_MAX: usize = 4 << 20;

/// The longest TTL that has any effect on the cache, since an entry expires with its UTC day.
pub const LONGEST_TTL: Duration = Duration::from_hours(24);

/// Records the sampled access history of a cache, in the order in which things happen to it.
pub struct Recorder<K: SampledKey> {
    origin: Instant,
    seed: u64,
    pub(super) bytes_max: usize,
    /// The longest TTL that may be predicted.
    pub(super) longest_ttl: Duration,
    /// How often the sampling rate was halved.
    pub(super) halvings: u32,
    /// The largest hash of a key that is added to the sample now.
    pub(super) threshold: u64,
    pub(super) keys: KeyTable<K>,
    pub(super) hot_keys: HotKeyFilter,
    pub(super) sealed: VecDeque<Arc<Segment>>,
    pub(super) sealed_bytes: usize,
    pub(super) open: Segment,
    /// The second and the day of the newest record.
    pub(super) second: u32,
    day: Day,
    /// Events of a key are merged into its record only within one merge group. An event of all keys starts the next
    /// group.
    merge_group: u32,
    clears: u32,
    suspended: bool,
    /// Whether old records were dropped, so that the trace does not begin with an empty cache.
    pub(super) truncated: bool,
}

impl<K: SampledKey> Recorder<K> {
    /// A recorder for a cache that is empty now.
    #[must_use]
    pub fn new(now: Moment) -> Self {
        Self::with_limits(now, LONGEST_TTL, TRACE_BYTES_MAX, RandomState::new().hash_one(0))
    }

    /// A recorder of `bytes_max` bytes that drops records older than [`TRACE_TTLS`](super::TRACE_TTLS) times
    /// `longest_ttl` rather than sample fewer keys. Recorders with the same `seed` sample the same keys.
    #[must_use]
    pub fn with_limits(now: Moment, longest_ttl: Duration, bytes_max: usize, seed: u64) -> Self {
        Self {
            origin: now.instant,
            seed,
            bytes_max,
            longest_ttl,
            halvings: 0,
            threshold: highest_hash(0),
            keys: KeyTable::new(),
            hot_keys: HotKeyFilter::new(),
            sealed: VecDeque::new(),
            sealed_bytes: 0,
            open: Segment::new(0, false),
            second: 0,
            day: now.wall.day(),
            merge_group: 0,
            clears: 0,
            suspended: false,
            truncated: false,
        }
    }

    /// The hash of a key, which decides whether the key is sampled.
    #[must_use]
    pub fn fingerprint(&self, key: &K) -> u64 {
        self.hash(key)
    }

    fn hash<T: Hash>(&self, of: &T) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.seed);
        of.hash(&mut hasher);
        hasher.finish()
    }

    #[inline]
    fn may_be_sampled(&self, hash: u64) -> bool {
        hash <= self.threshold || self.hot_keys.may_contain(hash)
    }

    /// A request for a key with this fingerprint, which starts or joins a load if there is no fresh entry.
    #[inline]
    pub fn access(&mut self, key: &K, fingerprint: u64, now: Moment) {
        if self.may_be_sampled(fingerprint) {
            self.record(key, fingerprint, now, true, Record::access);
        }
        self.open.accesses += 1;
    }

    /// A request that was answered 304 without an entry and without a load.
    pub fn revalidate(&mut self, key: &K, now: Moment) {
        let hash = self.hash(key);
        if self.may_be_sampled(hash) {
            self.record(key, hash, now, false, Record::revalidate);
        }
        self.open.accesses += 1;
    }

    /// A key is loaded without a request, if it has no fresh entry.
    pub fn warm(&mut self, key: &K, now: Moment) {
        let hash = self.hash(key);
        if self.may_be_sampled(hash) {
            if let Some(id) = self.keys.id(hash) {
                let KeyState { merge_group, record_index, .. } = *self.keys.state(id);
                if merge_group == self.merge_group && !self.open.records[record_index as usize].can_be_warmed() {
                    self.keys.state(id).merge_group = NONE;
                }
            }
            self.record(key, hash, now, true, Record::warm);
        }
    }

    /// A load failed, or found nothing.
    pub fn load_without_value(&mut self, key: &K, fingerprint: u64, now: Moment) {
        if self.keys.id(fingerprint).is_some() {
            self.record(key, fingerprint, now, false, Record::load_without_value);
        }
    }

    /// The entry of a key has this size now.
    pub fn set_bytes(&mut self, fingerprint: u64, bytes: usize) {
        if self.may_be_sampled(fingerprint) {
            self.keys.set_bytes(fingerprint, bytes);
        }
    }

    /// The entry of a key was removed, if there was one.
    pub fn invalidate(&mut self, key: &K) {
        if let Some(id) = self.keys.id(self.hash(key)) {
            self.invalidate_id(id);
            self.make_room();
        }
    }

    /// The entries of a scope were removed.
    pub fn invalidate_scope(&mut self, scope: &K::Scope) {
        for id in self.keys.ids_of_scope(self.hash(scope)) {
            self.invalidate_id(id);
        }
        self.make_room();
    }

    /// The entries were removed whose keys fulfil the condition.
    pub fn invalidate_where(&mut self, mut condition: impl FnMut(&K) -> bool) {
        let mut ids = self.keys.all_ids();
        ids.retain(|id| self.keys.key(*id).is_some_and(|key| condition(key)));
        if ids.len() == self.keys.len() {
            self.clear();
        } else {
            // What is recorded must not depend on the order of a hash table.
            ids.sort_unstable();
            for id in ids {
                self.invalidate_id(id);
            }
        }
        self.make_room();
    }

    /// Nothing is fresh from now on, until [`Self::reset`].
    pub fn suspend(&mut self) {
        if !mem::replace(&mut self.suspended, true) {
            self.record_for_all(RecordKind::Suspended);
        }
    }

    /// All entries were removed, and what is loaded from now on is fresh.
    pub fn reset(&mut self) {
        self.clear();
        if mem::replace(&mut self.suspended, false) {
            self.record_for_all(RecordKind::Resumed);
        }
    }

    /// Expired entries were removed. Sweeps between which nothing happened are recorded as one.
    pub fn sweep(&mut self, now: Moment) {
        self.advance_to(now);
        match self.open.records.last_mut() {
            Some(last) if last.kind == RecordKind::Swept => last.second = self.second,
            None | Some(Record { kind: RecordKind::Cleared, .. }) => {}
            Some(_) => self.push(RecordKind::Swept),
        }
        self.make_room();
    }

    /// The history as it is now. Takes a few microseconds, since it shares nearly everything with the recorder.
    #[must_use]
    pub fn snapshot(&self, now: Moment) -> Trace<K> {
        let mut segments: Vec<_> = self.sealed.iter().cloned().collect();
        segments.push(Arc::new(self.open.clone()));
        Trace {
            slots: self.keys.snapshot(),
            segments,
            halvings: self.halvings,
            until: self.second_of(now).max(self.second),
            truncated: self.truncated,
        }
    }

    /// The memory of the sample.
    pub(super) fn bytes(&self) -> usize {
        let open = self.open.records.capacity() * mem::size_of::<Record>();
        self.sealed_bytes + open + self.keys.bytes() + self.hot_keys.bytes()
    }

    /// Checks the invariants of the sample, for tests.
    ///
    /// # Errors
    ///
    /// The invariant that does not hold.
    pub fn check(&mut self) -> Result<(), String> {
        self.keys.check()?;
        if self.bytes() > self.bytes_max {
            return Err(format!("the trace takes {} bytes of {}", self.bytes(), self.bytes_max));
        }
        let mut records = vec![0; self.keys.slots()];
        for record in self.sealed.iter().flat_map(|segment| &segment.records).chain(&self.open.records) {
            if let RecordKind::Key(id) = record.kind {
                records[id as usize] += 1;
            }
        }
        for id in self.keys.all_ids() {
            let state = *self.keys.state(id);
            if state.records == 0
                || state.records != records[id as usize]
                || state.hash > highest_hash(self.keys.level(id))
            {
                return Err(format!("the trace keeps a key with {} records: {state:?}", records[id as usize]));
            }
        }
        Ok(())
    }

    fn second_of(&self, now: Moment) -> u32 {
        u32::try_from(now.instant.saturating_duration_since(self.origin).as_secs()).unwrap_or(u32::MAX)
    }

    /// Time never goes back here, although requests may read the clock in another order than they get the lock.
    fn advance_to(&mut self, now: Moment) {
        self.second = self.second.max(self.second_of(now));
        let day = now.wall.day();
        if day != self.day {
            self.day = day;
            let since = now.wall.millis().saturating_sub(day.number().saturating_mul(DAY_MILLIS)) / 1_000;
            self.record_for_all(RecordKind::Day(u32::try_from(since).unwrap_or(0)));
        }
    }

    /// Records an event of a key, and adds the key to the sample if it belongs there. `fills` tells whether the key may
    /// have an entry after the event.
    fn record(&mut self, key: &K, hash: u64, now: Moment, fills: bool, event: impl FnOnce(&mut Record)) {
        self.advance_to(now);
        let id = match self.keys.id(hash) {
            Some(id) => id,
            None if hash > self.threshold => return,
            None => {
                let scope = self.hash(key.scope());
                self.keys.add(Arc::new(key.clone()), hash, scope, self.halvings)
            }
        };
        if fills {
            self.keys.state(id).filled_after_clear = self.clears;
        }
        let is_new = self.apply(id, event);
        if is_new {
            self.make_room();
        }
    }

    fn invalidate_id(&mut self, id: u32) {
        let state = self.keys.state(id);
        if state.filled_after_clear == self.clears {
            state.filled_after_clear = NONE;
            self.apply(id, Record::invalidate);
        }
    }

    fn clear(&mut self) {
        // A clear right after another one removes nothing.
        if self.open.records.last().is_none_or(|last| last.kind != RecordKind::Cleared) {
            self.record_for_all(RecordKind::Cleared);
            self.clears = self.clears.wrapping_add(1) % NONE;
        }
    }

    /// Applies an event to the record of a key and this second; returns whether the record is new.
    fn apply(&mut self, id: u32, event: impl FnOnce(&mut Record)) -> bool {
        let state = self.keys.state(id);
        if state.merge_group == self.merge_group {
            let record = &mut self.open.records[state.record_index as usize];
            if record.second == self.second {
                event(record);
                return false;
            }
        }
        self.push(RecordKind::Key(id));
        let index = self.open.records.len() - 1;
        event(&mut self.open.records[index]);
        let state = self.keys.state(id);
        state.records += 1;
        state.merge_group = self.merge_group;
        state.record_index = u32::try_from(index).unwrap_or(0);
        true
    }

    fn record_for_all(&mut self, kind: RecordKind) {
        self.push(kind);
        self.next_merge_group();
    }

    pub(super) fn next_merge_group(&mut self) {
        self.merge_group = self.merge_group.wrapping_add(1) % NONE;
    }

    fn push(&mut self, kind: RecordKind) {
        if self.open.records.len() >= SEGMENT_RECORDS {
            let next = Segment::new(self.second, self.suspended);
            let full = mem::replace(&mut self.open, next);
            self.seal(full);
            self.next_merge_group();
        }
        if self.open.records.capacity() == 0 {
            self.open.records.reserve_exact(SEGMENT_RECORDS);
        }
        self.open.records.push(Record::new(kind, self.second));
    }

    pub(super) fn seal(&mut self, segment: Segment) {
        self.sealed_bytes += segment.bytes();
        self.sealed.push_back(Arc::new(segment));
    }
}
