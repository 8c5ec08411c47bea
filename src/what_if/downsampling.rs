//! Keeps the sample within its bytes: drops old records, or halves the sampling rate.

use std::mem;

use super::keys::{NONE, SampledKey, highest_hash};
use super::record::{RecordKind, SEGMENT_RECORDS, Segment};
use super::recorder::Recorder;
use super::trace::TRACE_TTLS;

/// With fewer keys than this, half of the sample would predict too little about the keys outside it. Old records are
/// dropped instead.
const SAMPLED_KEYS_MIN: usize = 256;

/// A rate of one in 2^63 samples nothing, and a hash has no more bits.
const HALVINGS_MAX: u32 = 63;

impl<K: SampledKey> Recorder<K> {
    /// Holds the bound: drops records that are older than needed, then half of the keys, or older records if there are
    /// few keys.
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

    /// Drops the oldest segment, and the keys that have no other record.
    fn drop_oldest(&mut self) {
        let Some(segment) = self.sealed.pop_front() else { return };
        self.sealed_bytes -= segment.bytes();
        self.truncated = true;
        for record in &segment.records {
            if let RecordKind::Key(id) = record.kind {
                self.keys.release_record(id);
            }
        }
        if self.keys.slots() > 2 * self.keys.len() + SAMPLED_KEYS_MIN {
            self.compact();
        }
    }

    /// Rewrites keys and segments without gaps and without the keys that are not sampled at the current rate.
    fn compact(&mut self) {
        let accesses = self.accesses_by_id();
        let average = self.average_accesses(&accesses);
        let halvings = self.halvings;
        let level =
            |id: usize, before: u32| before.max(halvings.saturating_sub(halvings_spared(accesses[id], average)));
        let (keys, new_ids) = self.keys.compacted(level);
        self.keys = keys;
        self.threshold = highest_hash(halvings);
        self.hot_keys.clear();
        for hash in self.keys.hashes().filter(|hash| *hash > self.threshold) {
            self.hot_keys.insert(hash);
        }
        let old = mem::take(&mut self.sealed);
        let open = mem::replace(&mut self.open, Segment::new(0, false));
        self.sealed_bytes = 0;
        let mut last = None;
        for segment in old.iter().map(|segment| &**segment).chain([&open]) {
            let segment = self.renumbered(segment, &new_ids);
            last = Some(match last {
                None => segment,
                Some(last) => self.join_or_seal(last, segment),
            });
        }
        if let Some(last) = last {
            self.open = last;
        }
        self.open.records.reserve_exact(SEGMENT_RECORDS - self.open.records.len().min(SEGMENT_RECORDS));
        self.next_merge_group();
    }

    fn accesses_by_id(&self) -> Vec<u64> {
        let mut accesses = vec![0; self.keys.slots()];
        for record in self.sealed.iter().flat_map(|segment| &segment.records).chain(&self.open.records) {
            if let RecordKind::Key(id) = record.kind {
                accesses[id as usize] += u64::from(record.accesses);
            }
        }
        accesses
    }

    /// Accesses per key, estimated for all keys from those of the sample.
    fn average_accesses(&self, accesses: &[u64]) -> u64 {
        let (mut keys, mut all) = (0_u64, 0_u64);
        for id in self.keys.all_ids() {
            let weight = 1 << self.keys.level(id);
            keys = keys.saturating_add(weight);
            all = all.saturating_add(accesses[id as usize].saturating_mul(weight));
        }
        all / keys.max(1)
    }

    /// A segment with new ids, without the records of keys that have none.
    fn renumbered(&mut self, segment: &Segment, new_ids: &[u32]) -> Segment {
        let mut records = Vec::new();
        for record in &segment.records {
            let RecordKind::Key(old) = record.kind else {
                records.push(*record);
                continue;
            };
            let id = new_ids[old as usize];
            if id != NONE {
                self.keys.state(id).records += 1;
                records.push(record.with_id(id));
            }
        }
        records.shrink_to_fit();
        Segment { records, ..*segment }
    }

    /// Joins two adjacent segments if they fit into one, otherwise seals the older one. Returns the newest.
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

/// How many halvings do not apply to a key: one if it had as many accesses as the average key, two if twice as many,
/// three if four times as many. So the hottest keys, which would distort a prediction by being in the sample or not,
/// are all in it.
fn halvings_spared(accesses: u64, average: u64) -> u32 {
    (2 * accesses / average.max(1)).checked_ilog2().unwrap_or(0)
}
