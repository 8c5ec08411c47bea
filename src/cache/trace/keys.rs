//! The keys of the sample: found by hash, by id and by scope.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::mem;
use std::sync::Arc;

use crate::cache::interface::Key;

/// Keys in a chunk. A snapshot shares chunks; who changes a shared one copies it first, which takes a microsecond.
const CHUNK_KEYS: usize = 256;

/// No key.
pub(super) const NONE: u32 = u32::MAX;

/// A key as the simulator needs it.
#[derive(Debug)]
pub(super) struct Slot<K> {
    /// Empty when no record speaks of the id any more.
    pub(super) key: Option<Arc<K>>,
    /// What its entry weighed last.
    pub(super) bytes: usize,
    /// It stands for this many powers of two of keys: with level 3 it is one of eight, of which the others were not kept.
    pub(super) level: u32,
}

// Not derived, because that would ask for `K: Clone`.
impl<K> Clone for Slot<K> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), ..*self }
    }
}

/// A key as the recording needs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meta {
    pub(super) hash: u64,
    scope: u64,
    /// The keys of the same scope are a list.
    before: u32,
    after: u32,
    /// How many records speak of the key. When none does any more, it is forgotten.
    pub(super) records: u32,
    /// In which run of mergeable records the newest of them is, and where in the open segment.
    pub(super) run: u32,
    pub(super) at: u32,
    /// After which clear the key was last asked for or warmed; [`NONE`] if it was invalidated since. Says whether there
    /// can be an entry of it, under whatever settings.
    pub(super) filled: u32,
}

/// Spreads hashes whose upper bits are all alike, as those of sampled keys are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
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

type Table = HashMap<u64, u32, BuildHasherDefault<Spread>>;

/// The largest hash of a key that is sampled at a level: half of the keys of the level below.
pub(super) fn highest_hash(level: u32) -> u64 {
    u64::MAX.checked_shr(level).unwrap_or(0)
}

/// The keys of the sample. A key is known by its 64-bit hash; that two of the few thousand keys share one is as likely as
/// one in 10^10, and would blur a prediction by one key.
#[derive(Debug)]
pub(super) struct Keys<K> {
    ids: Table,
    /// The first key of each scope, by the scope's hash.
    scopes: Table,
    metas: Vec<Meta>,
    chunks: Vec<Arc<Vec<Slot<K>>>>,
    free: Vec<u32>,
    /// Bytes that the keys own outside of themselves.
    owned: usize,
}

impl<K: Key> Keys<K> {
    pub(super) fn new() -> Self {
        Self {
            ids: Table::default(),
            scopes: Table::default(),
            metas: Vec::new(),
            chunks: Vec::new(),
            free: Vec::new(),
            owned: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// How many ids there are, those that belong to no key included.
    pub(super) fn slots(&self) -> usize {
        self.metas.len()
    }

    /// Every byte that the keys and what finds them take.
    pub(super) fn bytes(&self) -> usize {
        // A hash table keeps an eighth of its places free and a byte of its own for each place.
        let table = |table: &Table| table.capacity() * 8 / 7 * (mem::size_of::<(u64, u32)>() + 1);
        let shared = mem::size_of::<K>() + 2 * mem::size_of::<usize>();
        let chunk = CHUNK_KEYS * mem::size_of::<Slot<K>>() + 6 * mem::size_of::<usize>();
        table(&self.ids)
            + table(&self.scopes)
            + self.metas.capacity() * mem::size_of::<Meta>()
            + self.free.capacity() * mem::size_of::<u32>()
            + self.chunks.len() * chunk
            + self.len() * shared
            + self.owned
    }

    pub(super) fn id(&self, hash: u64) -> Option<u32> {
        self.ids.get(&hash).copied()
    }

    pub(super) fn meta(&mut self, id: u32) -> &mut Meta {
        &mut self.metas[id as usize]
    }

    /// The ids of all keys.
    pub(super) fn all(&self) -> Vec<u32> {
        self.ids.values().copied().collect()
    }

    /// The ids of the keys of a scope.
    pub(super) fn of_scope(&self, scope: u64) -> Vec<u32> {
        let first = self.scopes.get(&scope).copied();
        let after = |id: &u32| Some(self.metas[*id as usize].after).filter(|id| *id != NONE);
        std::iter::successors(first, after).collect()
    }

    /// The hashes of all keys.
    pub(super) fn hashes(&self) -> impl Iterator<Item = u64> {
        self.ids.keys().copied()
    }

    pub(super) fn level(&self, id: u32) -> u32 {
        self.slot(id).level
    }

    pub(super) fn key(&self, id: u32) -> Option<&Arc<K>> {
        self.slot(id).key.as_ref()
    }

    fn slot(&self, id: u32) -> &Slot<K> {
        &self.chunks[id as usize / CHUNK_KEYS][id as usize % CHUNK_KEYS]
    }

    fn slot_mut(&mut self, id: u32) -> &mut Slot<K> {
        &mut Arc::make_mut(&mut self.chunks[id as usize / CHUNK_KEYS])[id as usize % CHUNK_KEYS]
    }

    /// The entry of a key weighs this now.
    pub(super) fn weigh(&mut self, hash: u64, bytes: usize) {
        if let Some(id) = self.id(hash)
            && self.slot(id).bytes != bytes
        {
            self.slot_mut(id).bytes = bytes;
        }
    }

    /// Takes in a key that is not there yet, and gives it an id.
    pub(super) fn add(&mut self, key: Arc<K>, hash: u64, scope: u64, level: u32) -> u32 {
        self.owned += key.bytes();
        let after = self.scopes.get(&scope).copied().unwrap_or(NONE);
        let meta = Meta { hash, scope, before: NONE, after, records: 0, run: NONE, at: 0, filled: NONE };
        let slot = Slot { key: Some(key), bytes: 0, level };
        let id = if let Some(id) = self.free.pop() {
            *self.meta(id) = meta;
            *self.slot_mut(id) = slot;
            id
        } else {
            let id = u32::try_from(self.metas.len()).unwrap_or(NONE);
            self.metas.push(meta);
            match self.chunks.last_mut() {
                Some(chunk) if chunk.len() < CHUNK_KEYS => {
                    let chunk = Arc::make_mut(chunk);
                    // A copy has no room to spare.
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
        if after != NONE {
            self.meta(after).before = id;
        }
        self.scopes.insert(scope, id);
        self.ids.insert(hash, id);
        id
    }

    /// One record less speaks of a key. The last one takes the key along.
    pub(super) fn forget_record(&mut self, id: u32) {
        let meta = self.meta(id);
        meta.records -= 1;
        if meta.records > 0 {
            return;
        }
        let Meta { hash, scope, before, after, .. } = *meta;
        if after != NONE {
            self.meta(after).before = before;
        }
        if before != NONE {
            self.meta(before).after = after;
        } else if after != NONE {
            self.scopes.insert(scope, after);
        } else {
            self.scopes.remove(&scope);
        }
        self.ids.remove(&hash);
        let slot = mem::replace(self.slot_mut(id), Slot { key: None, bytes: 0, level: 0 });
        self.owned -= slot.key.map_or(0, |key| key.bytes());
        self.free.push(id);
    }

    /// The same keys at the level that `level` gives them by id and level so far, without those whose hash is too large
    /// for it, and without what those took; and their new ids by the old ones.
    pub(super) fn compacted(&self, level: impl Fn(usize, u32) -> u32) -> (Self, Vec<u32>) {
        let mut keys = Self::new();
        let mut renumbered = vec![NONE; self.metas.len()];
        for (old, meta) in self.metas.iter().enumerate() {
            let Slot { key: Some(key), bytes, level: before } = &self.chunks[old / CHUNK_KEYS][old % CHUNK_KEYS] else {
                continue;
            };
            let level = level(old, *before);
            if meta.hash <= highest_hash(level) {
                let id = keys.add(Arc::clone(key), meta.hash, meta.scope, level);
                keys.slot_mut(id).bytes = *bytes;
                keys.meta(id).filled = meta.filled;
                renumbered[old] = id;
            }
        }
        (keys, renumbered)
    }

    /// Keys and weights by id, as they are now.
    pub(super) fn snapshot(&self) -> Vec<Arc<Vec<Slot<K>>>> {
        self.chunks.clone()
    }

    /// What is wrong with the account, if anything is.
    pub(super) fn check(&self) -> Result<(), String> {
        let listed: usize = self.scopes.keys().map(|scope| self.of_scope(*scope).len()).sum();
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
