//! The entries: their order of use, their bytes, and which of them belong to a scope.
//!
//! Every entry that goes, goes through [`Lru::remove`], which counts why.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use lru::LruCache;

use super::freshness::Stamp;
use super::interface::{Body, Key};
use super::stats::{Cause, Removals};

/// One kept body.
pub(super) struct Entry<V> {
    pub(super) value: Arc<V>,
    pub(super) stamp: Stamp,
    /// How long its load took.
    pub(super) took: Duration,
    /// How many requests it answered.
    pub(super) accesses: u64,
    /// What it was weighed at.
    pub(super) bytes: usize,
    /// What the observer derived from the key, so that a hit need not derive it again.
    pub(super) fingerprint: u64,
}

/// Entries in order of use.
pub(super) struct Lru<K: Key, V> {
    /// Unbounded for the crate: the bounds are two, and [`Lru::fit`] holds them.
    order: LruCache<Arc<K>, Entry<V>>,
    /// The keys of each scope that has any, so that a publication costs what it removes.
    by_scope: HashMap<K::Scope, HashSet<Arc<K>>>,
    bytes: usize,
    pub(super) removals: Removals,
    /// Bodies that went. Whoever holds the cache's lock takes them along and frees them after it.
    pub(super) gone: Vec<Arc<V>>,
}

impl<K: Key, V: Body> Lru<K, V> {
    pub(super) fn new() -> Self {
        Self {
            order: LruCache::unbounded(),
            by_scope: HashMap::new(),
            bytes: 0,
            removals: Removals::default(),
            gone: Vec::new(),
        }
    }

    /// What an entry weighs: key, body, and the estimated bookkeeping of order, hash tables and reference counts.
    pub(super) fn weigh(key: &K, value: &V) -> usize {
        let node = mem::size_of::<Entry<V>>() + 6 * mem::size_of::<usize>();
        let shared = mem::size_of::<K>() + mem::size_of::<V>() + 4 * mem::size_of::<usize>();
        // A scope of its own is the common case: its key, a set, and the set's smallest table.
        let index = mem::size_of::<K::Scope>() + mem::size_of::<HashSet<Arc<K>>>() + 8 * mem::size_of::<usize>();
        // The scope is a part of the key, so its bytes are at most the key's.
        node + shared + index + 2 * key.bytes() + value.bytes()
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// An entry, from now on the most recently used.
    pub(super) fn use_entry(&mut self, key: &K) -> Option<&mut Entry<V>> {
        self.order.get_mut(key)
    }

    /// An entry, its place in the order left as it is.
    pub(super) fn peek(&self, key: &K) -> Option<&Entry<V>> {
        self.order.peek(key)
    }

    /// All entries, the most recently used first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<K>, &Entry<V>)> {
        self.order.iter()
    }

    /// Puts an entry in, instead of what was there. The caller calls [`Self::fit`] before the lock is given back.
    pub(super) fn insert(&mut self, key: Arc<K>, entry: Entry<V>) {
        self.remove(&key, Cause::Replaced);
        self.bytes += entry.bytes;
        self.by_scope.entry(key.scope().clone()).or_default().insert(Arc::clone(&key));
        self.order.put(key, entry);
    }

    /// Takes an entry out and counts why. False when there was none.
    pub(super) fn remove(&mut self, key: &K, cause: Cause) -> bool {
        let Some(entry) = self.order.pop(key) else { return false };
        self.bytes -= entry.bytes;
        if let Some(keys) = self.by_scope.get_mut(key.scope()) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_scope.remove(key.scope());
            }
        }
        self.removals.count(cause);
        self.gone.push(entry.value);
        true
    }

    /// Takes out every entry of which `doomed` is true, and says how many.
    pub(super) fn remove_where(&mut self, cause: Cause, mut doomed: impl FnMut(&K, &Entry<V>) -> bool) -> usize {
        let keys: Vec<Arc<K>> =
            self.order.iter().filter(|(key, entry)| doomed(key, entry)).map(|(key, _)| Arc::clone(key)).collect();
        for key in &keys {
            self.remove(key, cause);
        }
        keys.len()
    }

    /// Takes out what a scope has of before `revision`.
    pub(super) fn invalidate(&mut self, scope: &K::Scope, revision: i64) {
        let Some(keys) = self.by_scope.get(scope) else { return };
        let is_older = |key: &&Arc<K>| self.order.peek(&***key).is_some_and(|entry| entry.stamp.as_of < revision);
        let older: Vec<Arc<K>> = keys.iter().filter(is_older).cloned().collect();
        for key in &older {
            self.remove(key, Cause::Invalidated);
        }
    }

    /// Holds the bounds: the least recently used goes first.
    pub(super) fn fit(&mut self, entries_max: usize, bytes_max: usize) {
        while let Some(cause) = self.excess(entries_max, bytes_max) {
            let Some(key) = self.order.peek_lru().map(|(key, _)| Arc::clone(key)) else { return };
            self.remove(&key, cause);
        }
    }

    fn excess(&self, entries_max: usize, bytes_max: usize) -> Option<Cause> {
        if self.len() > entries_max {
            Some(Cause::Size)
        } else if self.bytes > bytes_max {
            Some(Cause::Bytes)
        } else {
            None
        }
    }

    /// Corrects an entry's weight, if it still holds this very body, and gives it back.
    pub(super) fn set_bytes(&mut self, key: &K, value: &Arc<V>, bytes: usize) -> Option<&Entry<V>> {
        let entry = self.order.peek_mut(key).filter(|entry| Arc::ptr_eq(&entry.value, value))?;
        self.bytes = self.bytes - entry.bytes + bytes;
        entry.bytes = bytes;
        Some(entry)
    }

    /// What is wrong with the account, if anything is.
    pub(super) fn check(&self) -> Result<(), String> {
        let bytes: usize = self.order.iter().map(|(_, entry)| entry.bytes).sum();
        if bytes != self.bytes {
            return Err(format!("entries weigh {bytes} bytes, the account says {}", self.bytes));
        }
        let indexed: usize = self.by_scope.values().map(HashSet::len).sum();
        if indexed != self.len() {
            return Err(format!("{} entries, of which {indexed} are found by scope", self.len()));
        }
        let is_found = |key: &Arc<K>| self.by_scope.get(key.scope()).is_some_and(|keys| keys.contains(key));
        if !self.order.iter().all(|(key, _)| is_found(key)) {
            return Err("an entry is not found by its scope".to_owned());
        }
        Ok(())
    }
}
