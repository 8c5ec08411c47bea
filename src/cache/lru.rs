//! The entries: their order of use, their bytes, and which of them belong to a scope.
//!
//! Every removal goes through [`Lru::remove`], which counts its cause.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use lru::LruCache;

use super::freshness::Stamp;
use super::interface::{Body, Key};
use super::settings::Bounds;
use super::shares::{Shares, Victim};
use super::stats::{RemovalCause, Removals};

/// One cached body.
pub(super) struct Entry<V> {
    pub(super) value: Arc<V>,
    pub(super) stamp: Stamp,
    /// How long its load took.
    pub(super) took: Duration,
    /// How many requests it answered.
    pub(super) accesses: u64,
    pub(super) bytes: usize,
    /// What the observer derived from the key, so that a hit need not derive it again.
    pub(super) fingerprint: u64,
}

/// Entries in order of use.
pub(super) struct Lru<K: Key, V> {
    /// Unbounded, because there are two bounds, which [`Lru::evict_excess`] holds.
    order: LruCache<Arc<K>, Entry<V>>,
    /// The keys of each scope that has entries, so that the cost of a publication depends only on what it removes.
    by_scope: HashMap<K::Scope, HashSet<Arc<K>>>,
    /// Whose entries they are.
    shares: Shares<K>,
    bytes: usize,
    pub(super) removals: Removals,
    /// Bodies of removed entries. They are taken out under the cache's lock and freed after it.
    pub(super) removed_bodies: Vec<Arc<V>>,
}

impl<K: Key, V: Body> Lru<K, V> {
    pub(super) fn new() -> Self {
        Self {
            order: LruCache::unbounded(),
            by_scope: HashMap::new(),
            shares: Shares::new(),
            bytes: 0,
            removals: Removals::default(),
            removed_bodies: Vec::new(),
        }
    }

    /// The size of an entry: key, body, and the estimated overhead of the order of use, hash tables and reference
    /// counts.
    pub(super) fn entry_bytes(key: &K, value: &V) -> usize {
        let node = mem::size_of::<Entry<V>>() + 6 * mem::size_of::<usize>();
        let shared = mem::size_of::<K>() + mem::size_of::<V>() + 4 * mem::size_of::<usize>();
        // In most cases an entry is alone in its scope: the scope's key, a set, and the set's smallest table.
        let index = mem::size_of::<K::Scope>() + mem::size_of::<HashSet<Arc<K>>>() + 8 * mem::size_of::<usize>();
        // At most twice: among all pages, and among those of the owner.
        let share = 2 * 12 * mem::size_of::<usize>();
        // The scope is a part of the key, so it owns at most as many bytes.
        node + shared + index + share + 2 * key.bytes() + value.bytes()
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// An entry, which becomes the most recently used one.
    pub(super) fn use_entry(&mut self, key: &K) -> Option<&mut Entry<V>> {
        self.order.get_mut(key)
    }

    /// An entry, without changing the order of use.
    pub(super) fn peek(&self, key: &K) -> Option<&Entry<V>> {
        self.order.peek(key)
    }

    /// All entries, the most recently used first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<K>, &Entry<V>)> {
        self.order.iter()
    }

    /// Inserts or replaces an entry. The caller must call [`Self::evict_excess`] before it releases the lock.
    pub(super) fn insert(&mut self, key: Arc<K>, entry: Entry<V>) {
        self.remove(&key, RemovalCause::Replaced);
        self.bytes += entry.bytes;
        self.by_scope.entry(key.scope().clone()).or_default().insert(Arc::clone(&key));
        self.shares.add(&key, entry.bytes);
        self.order.put(key, entry);
    }

    /// Removes an entry and counts the cause. Returns whether there was one.
    pub(super) fn remove(&mut self, key: &K, cause: RemovalCause) -> bool {
        let Some(entry) = self.order.pop(key) else { return false };
        self.bytes -= entry.bytes;
        self.shares.remove(key, entry.bytes);
        if let Some(keys) = self.by_scope.get_mut(key.scope()) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_scope.remove(key.scope());
            }
        }
        self.removals.count(cause);
        self.removed_bodies.push(entry.value);
        true
    }

    /// Removes the entries that fulfil the condition, and returns how many there were.
    pub(super) fn remove_where(
        &mut self,
        cause: RemovalCause,
        mut condition: impl FnMut(&K, &Entry<V>) -> bool,
    ) -> usize {
        let keys: Vec<Arc<K>> =
            self.order.iter().filter(|(key, entry)| condition(key, entry)).map(|(key, _)| Arc::clone(key)).collect();
        for key in &keys {
            self.remove(key, cause);
        }
        keys.len()
    }

    /// Removes the entries of a scope that are older than a revision.
    pub(super) fn invalidate(&mut self, scope: &K::Scope, revision: i64) {
        let Some(keys) = self.by_scope.get(scope) else { return };
        let is_older = |key: &&Arc<K>| self.order.peek(&***key).is_some_and(|entry| entry.stamp.as_of < revision);
        let older: Vec<Arc<K>> = keys.iter().filter(is_older).cloned().collect();
        for key in &older {
            self.remove(key, RemovalCause::Invalidated);
        }
    }

    /// Holds the bounds by removing the least recently used entries; if an entry is new or larger than it was, those
    /// that have to go for it first.
    pub(super) fn evict_excess(&mut self, bounds: Bounds, new: Option<&Arc<K>>) {
        while let Some(cause) = self.excess_cause(bounds) {
            let Self { shares, order, .. } = self;
            let accesses = |key: &K| order.peek(key).map_or(0, |entry| entry.accesses);
            let victim = match new.map(|new| shares.victim(new, order.len(), bounds, cause, accesses)) {
                Some(Victim::Entry(key)) => Some(key),
                Some(Victim::LeastRecentlyUsed) | None => order.peek_lru().map(|(key, _)| Arc::clone(key)),
            };
            let Some(key) = victim else { return };
            self.remove(&key, cause);
        }
    }

    fn excess_cause(&self, bounds: Bounds) -> Option<RemovalCause> {
        if self.len() > bounds.entries_max {
            Some(RemovalCause::Size)
        } else if self.bytes > bounds.bytes_max {
            Some(RemovalCause::Bytes)
        } else {
            None
        }
    }

    /// Updates the size of an entry and returns it, if it still has this body.
    pub(super) fn set_bytes(&mut self, key: &K, value: &Arc<V>, bytes: usize) -> Option<&Entry<V>> {
        let entry = self.order.peek_mut(key).filter(|entry| Arc::ptr_eq(&entry.value, value))?;
        self.bytes = self.bytes - entry.bytes + bytes;
        self.shares.resize(key, entry.bytes, bytes);
        entry.bytes = bytes;
        Some(entry)
    }

    /// Checks that the counters and the index agree with the entries.
    pub(super) fn check(&self) -> Result<(), String> {
        let bytes: usize = self.order.iter().map(|(_, entry)| entry.bytes).sum();
        if bytes != self.bytes {
            return Err(format!("entries weigh {bytes} bytes, {} are counted", self.bytes));
        }
        let indexed: usize = self.by_scope.values().map(HashSet::len).sum();
        if indexed != self.len() {
            return Err(format!("{} entries, of which {indexed} are found by scope", self.len()));
        }
        self.shares.check(self.order.iter().map(|(key, entry)| (key, entry.bytes)))?;
        let is_found = |key: &Arc<K>| self.by_scope.get(key.scope()).is_some_and(|keys| keys.contains(key));
        if !self.order.iter().all(|(key, _)| is_found(key)) {
            return Err("an entry is not found by its scope".to_owned());
        }
        Ok(())
    }
}
