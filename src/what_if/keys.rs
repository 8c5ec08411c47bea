//! The keys of the sample: found by hash, by id and by scope.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::iter;
use std::mem;
use std::sync::Arc;

/// A key whose accesses can be recorded.
pub trait SampledKey: Clone + Hash + Send + Sync + 'static {
    /// What is invalidated as a whole when its source changes.
    type Scope: Hash;

    /// The scope that the key belongs to; the same for equal keys.
    fn scope(&self) -> &Self::Scope;

    /// Bytes on the heap that the key owns.
    fn bytes(&self) -> usize;
}

/// Keys in a chunk. Snapshots share chunks; changing a shared chunk copies it first, which takes a microsecond.
const CHUNK_KEYS: usize = 256;

/// No id, no merge group, no clear.
pub(super) const NONE: u32 = u32::MAX;

/// The part of a key that the simulation needs.
#[derive(Debug)]
pub(super) struct KeySlot<K> {
    /// `None` if the id is free.
    pub(super) key: Option<Arc<K>>,
    /// The last known size of its entry.
    pub(super) bytes: usize,
    /// The rate at which the key was sampled is one in 2^level, so it represents 2^level keys.
    pub(super) level: u32,
}

// Not derived, because that would require `K: Clone`.
impl<K> Clone for KeySlot<K> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), ..*self }
    }
}

/// The part of a key that the recorder needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyState {
    pub(super) hash: u64,
    scope: u64,
    /// The neighbours in the linked list of the keys of one scope.
    previous: u32,
    next: u32,
    /// How many records refer to the key. The key is removed with the last of them.
    pub(super) records: u32,
    /// The merge group of the key's newest record, and the index of that record in the open segment.
    pub(super) merge_group: u32,
    pub(super) record_index: u32,
    /// How many clears there had been when the key was last requested or warmed; [`NONE`] if it was invalidated since.
    /// Tells whether an entry of it can exist, under any settings.
    pub(super) filled_after_clear: u32,
}

/// Fibonacci hashing. The hashes of sampled keys have equal upper bits, which a plain table would sort by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FibonacciHasher(u64);

impl Hasher for FibonacciHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

type IdsByHash = HashMap<u64, u32, BuildHasherDefault<FibonacciHasher>>;

/// The largest hash that is sampled at a level: each level halves the keys.
pub(super) fn highest_hash(level: u32) -> u64 {
    u64::MAX.checked_shr(level).unwrap_or(0)
}

/// The keys of the sample. A key is identified by its 64-bit hash. The probability that two of a few thousand keys
/// share one is 10^-10, and the effect would be an error of one key in a prediction.
#[derive(Debug)]
pub(super) struct KeyTable<K> {
    ids: IdsByHash,
    /// The first key of each scope, by the scope's hash.
    scopes: IdsByHash,
    states: Vec<KeyState>,
    chunks: Vec<Arc<Vec<KeySlot<K>>>>,
    free: Vec<u32>,
    /// Bytes on the heap that the keys own.
    owned: usize,
}

impl<K: SampledKey> KeyTable<K> {
    pub(super) fn new() -> Self {
        Self {
            ids: IdsByHash::default(),
            scopes: IdsByHash::default(),
            states: Vec::new(),
            chunks: Vec::new(),
            free: Vec::new(),
            owned: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The number of ids, free ones included.
    pub(super) fn slots(&self) -> usize {
        self.states.len()
    }

    /// The memory of the whole table.
    pub(super) fn bytes(&self) -> usize {
        // A hash table keeps an eighth of its buckets empty and has one control byte for each.
        let table = |table: &IdsByHash| table.capacity() * 8 / 7 * (mem::size_of::<(u64, u32)>() + 1);
        let shared = mem::size_of::<K>() + 2 * mem::size_of::<usize>();
        let chunk = CHUNK_KEYS * mem::size_of::<KeySlot<K>>() + 6 * mem::size_of::<usize>();
        table(&self.ids)
            + table(&self.scopes)
            + self.states.capacity() * mem::size_of::<KeyState>()
            + self.free.capacity() * mem::size_of::<u32>()
            + self.chunks.len() * chunk
            + self.len() * shared
            + self.owned
    }

    pub(super) fn id(&self, hash: u64) -> Option<u32> {
        self.ids.get(&hash).copied()
    }

    pub(super) fn state(&mut self, id: u32) -> &mut KeyState {
        &mut self.states[id as usize]
    }

    /// The ids of all keys, in no particular order.
    pub(super) fn all_ids(&self) -> Vec<u32> {
        self.ids.values().copied().collect()
    }

    pub(super) fn ids_of_scope(&self, scope: u64) -> Vec<u32> {
        let first = self.scopes.get(&scope).copied();
        let next = |id: &u32| Some(self.states[*id as usize].next).filter(|id| *id != NONE);
        iter::successors(first, next).collect()
    }

    pub(super) fn hashes(&self) -> impl Iterator<Item = u64> {
        self.ids.keys().copied()
    }

    pub(super) fn level(&self, id: u32) -> u32 {
        self.slot(id).level
    }

    pub(super) fn key(&self, id: u32) -> Option<&Arc<K>> {
        self.slot(id).key.as_ref()
    }

    fn slot(&self, id: u32) -> &KeySlot<K> {
        &self.chunks[id as usize / CHUNK_KEYS][id as usize % CHUNK_KEYS]
    }

    fn slot_mut(&mut self, id: u32) -> &mut KeySlot<K> {
        &mut Arc::make_mut(&mut self.chunks[id as usize / CHUNK_KEYS])[id as usize % CHUNK_KEYS]
    }

    /// Sets the size of a key's entry. A hash that is not in the sample is ignored.
    pub(super) fn set_bytes(&mut self, hash: u64, bytes: usize) {
        if let Some(id) = self.id(hash)
            && self.slot(id).bytes != bytes
        {
            self.slot_mut(id).bytes = bytes;
        }
    }

    /// Adds a key that is not in the table, and returns its id.
    pub(super) fn add(&mut self, key: Arc<K>, hash: u64, scope: u64, level: u32) -> u32 {
        self.owned += key.bytes();
        let next = self.scopes.get(&scope).copied().unwrap_or(NONE);
        let state = KeyState {
            hash,
            scope,
            previous: NONE,
            next,
            records: 0,
            merge_group: NONE,
            record_index: 0,
            filled_after_clear: NONE,
        };
        let slot = KeySlot { key: Some(key), bytes: 0, level };
        let id = if let Some(id) = self.free.pop() {
            *self.state(id) = state;
            *self.slot_mut(id) = slot;
            id
        } else {
            let id = u32::try_from(self.states.len()).unwrap_or(NONE);
            self.states.push(state);
            match self.chunks.last_mut() {
                Some(chunk) if chunk.len() < CHUNK_KEYS => {
                    let chunk = Arc::make_mut(chunk);
                    // `make_mut` may have copied the chunk, and a copy has no spare capacity.
                    chunk.reserve_exact(CHUNK_KEYS - chunk.len());
                    chunk.push(slot);
                }
                _ => {
                    let mut chunk = Vec::with_capacity(CHUNK_KEYS);
                    chunk.push(slot);
                    self.chunks.push(Arc::new(chunk));
                }
            }
            id
        };
        if next != NONE {
            self.state(next).previous = id;
        }
        self.scopes.insert(scope, id);
        self.ids.insert(hash, id);
        id
    }

    /// Counts one record less for a key, and removes the key with its last record.
    pub(super) fn release_record(&mut self, id: u32) {
        let state = self.state(id);
        state.records -= 1;
        if state.records > 0 {
            return;
        }
        let KeyState { hash, scope, previous, next, .. } = *state;
        if next != NONE {
            self.state(next).previous = previous;
        }
        if previous != NONE {
            self.state(previous).next = next;
        } else if next != NONE {
            self.scopes.insert(scope, next);
        } else {
            self.scopes.remove(&scope);
        }
        self.ids.remove(&hash);
        let slot = mem::replace(self.slot_mut(id), KeySlot { key: None, bytes: 0, level: 0 });
        self.owned -= slot.key.map_or(0, |key| key.bytes());
        self.free.push(id);
    }

    /// A copy without free ids in which each key has the level that `level` returns for its id and current level. Keys
    /// whose hash is too large for their level are left out. Also returns the new ids by the old ones.
    pub(super) fn compacted(&self, level: impl Fn(usize, u32) -> u32) -> (Self, Vec<u32>) {
        let mut keys = Self::new();
        let mut new_ids = vec![NONE; self.states.len()];
        for (old, state) in self.states.iter().enumerate() {
            let KeySlot { key: Some(key), bytes, level: before } = &self.chunks[old / CHUNK_KEYS][old % CHUNK_KEYS]
            else {
                continue;
            };
            let level = level(old, *before);
            if state.hash <= highest_hash(level) {
                let id = keys.add(Arc::clone(key), state.hash, state.scope, level);
                keys.slot_mut(id).bytes = *bytes;
                keys.state(id).filled_after_clear = state.filled_after_clear;
                new_ids[old] = id;
            }
        }
        (keys, new_ids)
    }

    /// The slots by id, as they are now.
    pub(super) fn snapshot(&self) -> Vec<Arc<Vec<KeySlot<K>>>> {
        self.chunks.clone()
    }

    /// Checks that the indexes and counters agree with the keys.
    pub(super) fn check(&self) -> Result<(), String> {
        let listed: usize = self.scopes.keys().map(|scope| self.ids_of_scope(*scope).len()).sum();
        let kept: Vec<&Arc<K>> =
            self.chunks.iter().flat_map(|chunk| chunk.iter()).filter_map(|slot| slot.key.as_ref()).collect();
        let owned: usize = kept.iter().map(|key| key.bytes()).sum();
        if listed != self.len()
            || kept.len() != self.len()
            || kept.len() + self.free.len() != self.slots()
            || owned != self.owned
        {
            return Err(format!(
                "{} keys, {listed} by scope, {} kept, {} free",
                self.len(),
                kept.len(),
                self.free.len()
            ));
        }
        Ok(())
    }
}
