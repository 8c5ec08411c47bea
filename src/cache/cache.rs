//! The cache: a handle to the one lock and the state that it guards.

use std::mem;
use std::sync::Arc;

use super::interface::{Body, Key};
use super::lru::Lru;
use super::observer::Observer;
use super::settings::CacheSettings;
use super::state::CacheState;
use super::stats::RemovalCause;
use super::sync::Mutex;
use crate::clock::{Clock, Moment};

/// The cache. Clones are cheap and share the same entries.
pub struct Cache<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K> = ()>(pub(super) Arc<Inner<K, V, E, O>>);

pub(super) struct Inner<K: Key, V: Body, E, O> {
    pub(super) clock: Clock,
    /// One lock, because a request depends on entries, revisions, loads and counters at one moment: no publication may
    /// happen between reading what was published and deciding which load can be joined. Held for a few hash look-ups by
    /// requests, and for one iteration over the entries by sweeps, clears and listings. Nothing is loaded, awaited,
    /// woken or freed under it.
    state: Mutex<CacheState<K, V, E, O>>,
}

impl<K: Key, V: Body, E: Send + Sync + 'static> Cache<K, V, E> {
    /// An empty cache without an observer. The counter is the newest revision of the source.
    #[must_use]
    pub fn new(settings: CacheSettings<K>, clock: Clock, counter: i64) -> Self {
        Self::observed(settings, clock, counter, ())
    }
}

impl<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K>> Cache<K, V, E, O> {
    /// An empty cache with an observer. The counter is the newest revision of the source.
    #[must_use]
    pub fn observed(settings: CacheSettings<K>, clock: Clock, counter: i64, observer: O) -> Self {
        Self(Arc::new(Inner { clock, state: Mutex::new(CacheState::new(settings, counter, observer)) }))
    }

    /// Calls a function with the observer, under the cache's lock.
    pub fn with_observer<R>(&self, function: impl FnOnce(&mut O) -> R) -> R {
        self.0.with(|state| function(&mut state.observer))
    }

    /// Replaces the settings. They apply at once, to entries and to running loads.
    pub fn configure(&self, settings: CacheSettings<K>) {
        // The old settings are dropped after the lock, because their TTL function may own anything.
        let _old = self.0.with(|state| {
            let old = mem::replace(&mut state.settings, settings);
            // Entries that exceed the bound by themselves are removed first, so that no other entry is evicted for
            // them.
            let bytes_max = state.settings.bytes_max;
            state.lru.remove_where(RemovalCause::Bytes, |_, entry| entry.bytes > bytes_max);
            state.evict_excess(None);
            old
        });
    }

    /// The current settings.
    #[must_use]
    pub fn settings(&self) -> CacheSettings<K> {
        self.0.with(|state| state.settings.clone())
    }

    /// Updates the size of an entry after its body has grown, by a compressed form for example. Does nothing if the
    /// entry has another body by now.
    pub fn update_bytes(&self, key: &K, value: &Arc<V>) {
        let bytes = Lru::entry_bytes(key, &**value);
        self.0.with(|state| {
            let Some(entry) = state.lru.set_bytes(key, value, bytes) else { return };
            state.observer.resized(entry.fingerprint, bytes);
            if bytes > state.settings.bytes_max {
                state.lru.remove(key, RemovalCause::Bytes);
            }
            state.evict_excess(Some(&Arc::new(key.clone())));
        });
    }
}

impl<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K>> Clone for Cache<K, V, E, O> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Key, V: Body, E, O: Observer<K>> Inner<K, V, E, O> {
    pub(super) fn now(&self) -> Moment {
        self.clock.moment()
    }

    /// Calls a function with the state, under the lock. The bodies that it removes are freed after the lock.
    pub(super) fn with<R>(&self, function: impl FnOnce(&mut CacheState<K, V, E, O>) -> R) -> R {
        let mut state = self.state.lock();
        let result = function(&mut state);
        let removed = mem::take(&mut state.lru.removed_bodies);
        drop(state);
        drop(removed);
        result
    }
}
