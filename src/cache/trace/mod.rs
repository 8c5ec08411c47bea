//! What was asked for: a bounded sample of the access history, from which [`Trace::predict`] answers *what if*.
//!
//! Sampling is spatial, as in SHARDS (Waldspurger, Park, Garthwaite, Ahmad: "Efficient MRC Construction with SHARDS",
//! FAST 2015): a key is in the sample when its hash lies below a threshold, and then with all that happens to it. So the
//! sample is a small cache's whole life, from which that of the large one follows. The threshold is halved when the
//! sample outgrows its bytes; keys above it leave with all their records. The hash has a seed of its own in each process,
//! so that nobody can choose ids that are always or never sampled.
//!
//! Unlike in SHARDS, a halving spares a key for as often as it was asked for more than others. A handful of keys gets a
//! large part of all requests, and a sample that misses one of them, or has one too many, is wrong by as much. A key that
//! is in the sample with a probability of one in eight stands for eight keys, and weighs as much in the replay.
//!
//! # What is recorded
//!
//! An access is every request: a hit, a miss, a coalesced or a stale answer, a 304. Beside it stand what was warmed,
//! invalidated by a publication, dropped, cleared, doubted, distrusted and swept, loads that found nothing or failed, and
//! the UTC day. One [`Record`] holds what happened to one key within one second.
//!
//! # What it costs
//!
//! It is written under the cache's lock. For a key outside the sample a hit costs an addition, a comparison and a bit
//! test, since an entry remembers its key's hash; a miss hashes its key. For a key of the sample it costs a look-up by the hash
//! and a few writes, some nanoseconds. A publication costs a look-up by scope. A full sample is thinned out at once, in a
//! millisecond or two; it happens once for each time that the rate halves, or for each thousand records that are
//! dropped. A snapshot shares what is sealed and copies [`SEGMENT_RECORDS`] at most: a few microseconds.

mod keys;
mod record;
mod replay;
mod room;

use std::collections::VecDeque;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::keys::{Keys, Meta, NONE, Slot, highest_hash};
use self::record::{About, Record, Segment};
use super::interface::Key;
use crate::clock::Moment;
use crate::domain::time::{DAY_MILLIS, Day};

pub use self::replay::{Prediction, Scenario};

/// Bytes that the sample may take: records, keys, and the tables that find them. About 150,000 records; some hundred
/// busy keys for hours, some thousand quiet ones for days. A twentieth of what the whole process may have.
pub const TRACE_BYTES_MAX: usize = 4 << 20;

/// How many times the longest TTL the sample reaches back, if there is room. Older records go before the rate is halved.
pub const TRACE_TTLS: u32 = 4;

/// Records in a segment, 20 KiB: what a snapshot copies at most, and what is dropped at once.
const SEGMENT_RECORDS: usize = 1_024;

/// Words of the filter for keys that are spared, 4 KiB: some thousand such keys are told from others by one bit.
const SPARED_WORDS: usize = 512;

/// Writes the trace.
pub(super) struct Recorder<K: Key> {
    origin: Instant,
    seed: u64,
    bytes_max: usize,
    /// How often the rate was halved.
    halvings: u32,
    /// The largest hash of a key that comes into the sample now.
    threshold: u64,
    keys: Keys<K>,
    /// Which keys may be in the sample although their hash is above the threshold.
    spared: Box<[u64; SPARED_WORDS]>,
    sealed: VecDeque<Arc<Segment>>,
    /// Bytes of the sealed segments.
    sealed_bytes: usize,
    open: Segment,
    /// The second and the day of the newest record.
    second: u32,
    day: Day,
    /// Records of the open segment may grow only within one run; whatever concerns all keys begins the next.
    run: u32,
    /// How often everything was cleared.
    clears: u32,
    distrusted: bool,
    /// Whether records were dropped for their age, so that the trace does not begin with an empty cache.
    truncated: bool,
    longest_ttl: Duration,
}

/// The access history as it was at one moment.
#[derive(Debug)]
pub struct Trace<K> {
    chunks: Vec<Arc<Vec<Slot<K>>>>,
    segments: Vec<Arc<Segment>>,
    halvings: u32,
    until: u32,
    truncated: bool,
}

impl<K: Key> Recorder<K> {
    pub(super) fn new(now: Moment, longest_ttl: Duration) -> Self {
        Self::with(now, longest_ttl, TRACE_BYTES_MAX, RandomState::new().hash_one(0))
    }

    pub(super) fn with(now: Moment, longest_ttl: Duration, bytes_max: usize, seed: u64) -> Self {
        Self {
            origin: now.instant,
            seed,
            bytes_max,
            halvings: 0,
            threshold: highest_hash(0),
            keys: Keys::new(),
            spared: Box::new([0; SPARED_WORDS]),
            sealed: VecDeque::new(),
            sealed_bytes: 0,
            open: Segment::new(0, false),
            second: 0,
            day: now.wall.day(),
            run: 0,
            clears: 0,
            distrusted: false,
            truncated: false,
            longest_ttl,
        }
    }

    pub(super) fn set_longest_ttl(&mut self, longest_ttl: Duration) {
        self.longest_ttl = longest_ttl;
    }

    /// What decides whether a key is sampled.
    pub(super) fn hash<T: Hash>(&self, of: &T) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.seed);
        of.hash(&mut hasher);
        hasher.finish()
    }

    #[inline]
    fn may_be_sampled(&self, hash: u64) -> bool {
        let (word, bit) = spared_at(hash);
        hash <= self.threshold || self.spared[word] & bit != 0
    }

    /// A request, whose key has this hash.
    pub(super) fn access(&mut self, key: &K, hash: u64, now: Moment) {
        if self.may_be_sampled(hash) {
            self.note(key, hash, now, true, Record::access);
        }
        self.open.accesses += 1;
    }

    /// A request that was answered without an entry and without a load.
    pub(super) fn revalidated(&mut self, key: &K, now: Moment) {
        let hash = self.hash(key);
        if self.may_be_sampled(hash) {
            self.note(key, hash, now, false, Record::revalidated);
        }
        self.open.accesses += 1;
    }

    /// No request, but what is not fresh is loaded.
    pub(super) fn warm(&mut self, key: &K, now: Moment) {
        let hash = self.hash(key);
        if self.may_be_sampled(hash) {
            if let Some(id) = self.keys.id(hash) {
                let Meta { run, at, .. } = *self.keys.meta(id);
                if run == self.run && !self.open.records[at as usize].may_be_warmed() {
                    self.keys.meta(id).run = NONE;
                }
            }
            self.note(key, hash, now, true, Record::warm);
        }
    }

    /// A load failed, or found nothing of that name.
    pub(super) fn brought_nothing(&mut self, key: &K, hash: u64, now: Moment) {
        if self.keys.id(hash).is_some() {
            self.note(key, hash, now, false, Record::bring_nothing);
        }
    }

    /// A key's entry weighs this now.
    pub(super) fn weigh(&mut self, hash: u64, bytes: usize) {
        if self.may_be_sampled(hash) {
            self.keys.weigh(hash, bytes);
        }
    }

    /// What is there of a key goes.
    pub(super) fn invalidate(&mut self, key: &K) {
        if let Some(id) = self.keys.id(self.hash(key)) {
            self.invalidate_id(id);
            self.make_room();
        }
    }

    /// What is there of a scope goes.
    pub(super) fn invalidate_scope(&mut self, scope: &K::Scope) {
        for id in self.keys.of_scope(self.hash(scope)) {
            self.invalidate_id(id);
        }
        self.make_room();
    }

    /// What is there of the keys of which `doomed` is true goes.
    pub(super) fn invalidate_where(&mut self, mut doomed: impl FnMut(&K) -> bool) {
        let mut ids = self.keys.all();
        ids.retain(|id| self.keys.key(*id).is_some_and(|key| doomed(key)));
        if ids.len() == self.keys.len() {
            self.clear();
        } else {
            // The table gives them in no order, but what is recorded must not depend on it.
            ids.sort_unstable();
            for id in ids {
                self.invalidate_id(id);
            }
        }
        self.make_room();
    }

    /// Everything goes.
    pub(super) fn clear(&mut self) {
        if self.clears_something() {
            self.note_for_all(About::Cleared);
            self.clears = self.clears.wrapping_add(1) % NONE;
        }
    }

    /// Nothing is fresh, until [`Self::doubt`].
    pub(super) fn distrust(&mut self) {
        if !mem::replace(&mut self.distrusted, true) {
            self.note_for_all(About::Distrusted);
        }
    }

    /// Everything goes, and what is loaded from now on is fresh.
    pub(super) fn doubt(&mut self) {
        self.clear();
        if mem::replace(&mut self.distrusted, false) {
            self.note_for_all(About::Trusted);
        }
    }

    /// What was overdue went. Sweeps between which nothing happened are one.
    pub(super) fn sweep(&mut self, now: Moment) {
        self.reach(now);
        match self.open.records.last_mut() {
            Some(last) if last.about == About::Swept => last.second = self.second,
            None | Some(Record { about: About::Cleared, .. }) => {}
            Some(_) => self.push(About::Swept),
        }
        self.make_room();
    }

    /// The history as it is now.
    pub(super) fn snapshot(&self, now: Moment) -> Trace<K> {
        let mut segments: Vec<_> = self.sealed.iter().cloned().collect();
        segments.push(Arc::new(self.open.clone()));
        Trace {
            chunks: self.keys.snapshot(),
            segments,
            halvings: self.halvings,
            until: self.second_of(now).max(self.second),
            truncated: self.truncated,
        }
    }

    /// Every byte that the sample takes.
    pub(super) fn bytes(&self) -> usize {
        let open = self.open.records.capacity() * mem::size_of::<Record>();
        self.sealed_bytes + open + self.keys.bytes() + mem::size_of_val(&*self.spared)
    }

    /// What is wrong with the sample, if anything is.
    pub(super) fn check(&mut self) -> Result<(), String> {
        self.keys.check()?;
        if self.bytes() > self.bytes_max {
            return Err(format!("the trace takes {} bytes of {}", self.bytes(), self.bytes_max));
        }
        let mut spoken_of = vec![0; self.keys.slots()];
        for record in self.sealed.iter().flat_map(|segment| &segment.records).chain(&self.open.records) {
            if let About::Key(id) = record.about {
                spoken_of[id as usize] += 1;
            }
        }
        for id in self.keys.all() {
            let meta = *self.keys.meta(id);
            if meta.records == 0
                || meta.records != spoken_of[id as usize]
                || meta.hash > highest_hash(self.keys.level(id))
            {
                return Err(format!("the trace keeps a key with {} records: {meta:?}", spoken_of[id as usize]));
            }
        }
        Ok(())
    }

    fn second_of(&self, now: Moment) -> u32 {
        u32::try_from(now.instant.saturating_duration_since(self.origin).as_secs()).unwrap_or(u32::MAX)
    }

    /// Time only goes forward, though requests may have looked at the clock in another order.
    fn reach(&mut self, now: Moment) {
        self.second = self.second.max(self.second_of(now));
        let day = now.wall.day();
        if day != self.day {
            self.day = day;
            let since = now.wall.millis().saturating_sub(day.number().saturating_mul(DAY_MILLIS)) / 1_000;
            self.note_for_all(About::Day(u32::try_from(since).unwrap_or(0)));
        }
    }

    /// Something happened to a key of the sample. `fills` says that there may be an entry of it afterwards.
    fn note(&mut self, key: &K, hash: u64, now: Moment, fills: bool, what: impl FnOnce(&mut Record)) {
        self.reach(now);
        let id = match self.keys.id(hash) {
            Some(id) => id,
            None if hash > self.threshold => return,
            None => {
                let scope = self.hash(key.scope());
                self.keys.add(Arc::new(key.clone()), hash, scope, self.halvings)
            }
        };
        if fills {
            self.keys.meta(id).filled = self.clears;
        }
        let grown = self.change(id, what);
        if grown {
            self.make_room();
        }
    }

    fn invalidate_id(&mut self, id: u32) {
        let meta = self.keys.meta(id);
        if meta.filled == self.clears {
            meta.filled = NONE;
            self.change(id, Record::invalidate);
        }
    }

    fn clears_something(&self) -> bool {
        // A clear right after a clear finds nothing.
        self.open.records.last().is_none_or(|last| last.about != About::Cleared)
    }

    /// Changes the record of a key and this second; says whether it is a new one.
    fn change(&mut self, id: u32, what: impl FnOnce(&mut Record)) -> bool {
        let meta = self.keys.meta(id);
        if meta.run == self.run {
            let record = &mut self.open.records[meta.at as usize];
            if record.second == self.second {
                what(record);
                return false;
            }
        }
        self.push(About::Key(id));
        let at = self.open.records.len() - 1;
        what(&mut self.open.records[at]);
        let meta = self.keys.meta(id);
        meta.records += 1;
        meta.run = self.run;
        meta.at = u32::try_from(at).unwrap_or(0);
        true
    }

    fn note_for_all(&mut self, about: About) {
        self.push(about);
        self.next_run();
    }

    fn next_run(&mut self) {
        self.run = self.run.wrapping_add(1) % NONE;
    }

    fn push(&mut self, about: About) {
        if self.open.records.len() >= SEGMENT_RECORDS {
            let next = Segment::new(self.second, self.distrusted);
            let full = mem::replace(&mut self.open, next);
            self.seal(full);
            self.next_run();
        }
        if self.open.records.capacity() == 0 {
            self.open.records.reserve_exact(SEGMENT_RECORDS);
        }
        self.open.records.push(Record::new(about, self.second));
    }

    fn seal(&mut self, segment: Segment) {
        self.sealed_bytes += segment.bytes();
        self.sealed.push_back(Arc::new(segment));
    }
}

/// The place of a hash in the filter of spared keys. The upper bits of sampled keys are alike, so the lowest decide.
fn spared_at(hash: u64) -> (usize, u64) {
    let word = usize::try_from(hash >> 6).unwrap_or(0) % SPARED_WORDS;
    (word, 1 << (hash % 64))
}
