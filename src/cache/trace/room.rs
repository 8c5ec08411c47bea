//! Room in a trace: the oldest goes, or the rate is halved and what is left is written anew.

use std::mem;

use super::keys::{NONE, highest_hash};
use super::record::{About, Segment};
use super::{Recorder, SEGMENT_RECORDS, TRACE_TTLS, spared_at};
use crate::cache::interface::Key;

/// Below this many keys a halved sample says more about its keys than about the others. Then the past goes instead.
const SAMPLED_KEYS_MIN: usize = 256;

/// A rate of one in 2^63 samples nothing; more bits a hash does not have.
const HALVINGS_MAX: u32 = 63;

impl<K: Key> Recorder<K> {
    /// Holds the bound: first what is older than it need be goes, then half of the keys, or the past if they are few.
    pub(super) fn make_room(&mut self) {
        if self.bytes() <= self.bytes_max {
            return;
        }
        let horizon = self.longest_ttl.saturating_mul(TRACE_TTLS).as_secs();
        let oldest = self.second.saturating_sub(u32::try_from(horizon).unwrap_or(u32::MAX));
        while self.sealed.get(1).is_some_and(|second| second.from < oldest) && self.bytes() > self.bytes_max {
            self.drop_oldest();
        }
        while self.bytes() > self.bytes_max && self.halvings < HALVINGS_MAX {
            if self.keys.len() > SAMPLED_KEYS_MIN || self.sealed.is_empty() {
                self.halvings += 1;
                self.compact();
            } else {
                self.drop_oldest();
            }
        }
    }

    /// Drops the oldest segment, and the keys of which no record is left.
    fn drop_oldest(&mut self) {
        let Some(segment) = self.sealed.pop_front() else { return };
        self.sealed_bytes -= segment.bytes();
        self.truncated = true;
        for record in &segment.records {
            if let About::Key(id) = record.about {
                self.keys.forget_record(id);
            }
        }
        if self.keys.slots() > 2 * self.keys.len() + SAMPLED_KEYS_MIN {
            self.compact();
        }
    }

    /// Writes everything anew, without the keys that are not sampled any more and without gaps.
    fn compact(&mut self) {
        let accesses = self.accesses_by_id();
        let average = self.average(&accesses);
        let halvings = self.halvings;
        let level = |id: usize, before: u32| before.max(halvings.saturating_sub(sparing(accesses[id], average)));
        let (keys, renumbered) = self.keys.compacted(level);
        self.keys = keys;
        self.threshold = highest_hash(halvings);
        self.spared.fill(0);
        for hash in self.keys.hashes().filter(|hash| *hash > self.threshold) {
            let (word, bit) = spared_at(hash);
            self.spared[word] |= bit;
        }
        let old = mem::take(&mut self.sealed);
        let open = mem::replace(&mut self.open, Segment::new(0, false));
        self.sealed_bytes = 0;
        let mut last = None;
        for segment in old.iter().map(|segment| &**segment).chain([&open]) {
            let segment = self.renumber(segment, &renumbered);
            last = Some(match last {
                None => segment,
                Some(last) => self.join_or_seal(last, segment),
            });
        }
        if let Some(last) = last {
            self.open = last;
        }
        self.open.records.reserve_exact(SEGMENT_RECORDS - self.open.records.len().min(SEGMENT_RECORDS));
        self.next_run();
    }

    /// How often the trace saw each key asked for.
    fn accesses_by_id(&self) -> Vec<u64> {
        let mut accesses = vec![0; self.keys.slots()];
        for record in self.sealed.iter().flat_map(|segment| &segment.records).chain(&self.open.records) {
            if let About::Key(id) = record.about {
                accesses[id as usize] += u64::from(record.accesses);
            }
        }
        accesses
    }

    /// How often the average key was asked for, those outside the sample included.
    fn average(&self, accesses: &[u64]) -> u64 {
        let (mut keys, mut asked) = (0_u64, 0_u64);
        for id in self.keys.all() {
            let weight = 1 << self.keys.level(id);
            keys = keys.saturating_add(weight);
            asked = asked.saturating_add(accesses[id as usize].saturating_mul(weight));
        }
        asked / keys.max(1)
    }

    /// A segment without the records of keys that have no id any more.
    fn renumber(&mut self, segment: &Segment, renumbered: &[u32]) -> Segment {
        let mut records = Vec::new();
        for record in &segment.records {
            let About::Key(old) = record.about else {
                records.push(*record);
                continue;
            };
            let id = renumbered[old as usize];
            if id != NONE {
                self.keys.meta(id).records += 1;
                records.push(record.with_id(id));
            }
        }
        records.shrink_to_fit();
        Segment { records, ..*segment }
    }

    /// Two neighbours are one if they are small enough; otherwise the older is sealed. Gives back the newest.
    fn join_or_seal(&mut self, mut older: Segment, newer: Segment) -> Segment {
        if older.records.len() + newer.records.len() > SEGMENT_RECORDS {
            self.seal(older);
            return newer;
        }
        older.records.reserve_exact(newer.records.len());
        older.records.extend(&newer.records);
        older.accesses += newer.accesses;
        older
    }
}

/// How many halvings a key is spared: one if it was asked for as often as the average key, two if twice as often, three
/// if four times. So the busiest keys, whose presence or absence would sway any prediction, are all in the sample.
fn sparing(accesses: u64, average: u64) -> u32 {
    (2 * accesses / average.max(1)).checked_ilog2().unwrap_or(0)
}
