//! What the cache's lock guards, and what is done under it. Nothing here waits, loads or frees a body.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::freshness::{Freshness, Stamp};
use super::interface::{Body, CacheStatus, Key, Served};
use super::lru::{Entry, Lru};
use super::observer::Observer;
use super::published_revisions::PublishedRevisions;
use super::settings::CacheSettings;
use super::single_flight::{FinishedLoad, Load, LoadError, LoadReceiver, Loaded, LoadedValue, Loader, PendingLoad};
use super::stats::{RemovalCause, Stats};
use crate::clock::{Clock, Moment};
use crate::domain::time::Timestamp;

pub(super) struct CacheState<K: Key, V: Body, E, O> {
    pub(super) settings: CacheSettings<K>,
    pub(super) lru: Lru<K, V>,
    pub(super) published: PublishedRevisions<K::Scope>,
    pub(super) loads: HashMap<Arc<K>, Load<V, E>>,
    pub(super) stats: Stats,
    pub(super) observer: O,
    /// Since when publications may be missing. Nothing is fresh until a reset says which revision is the newest.
    pub(super) suspended_since: Option<Instant>,
    pub(super) last_sweep: Option<Timestamp>,
}

/// The freshness of an entry. Takes the parts of the state one by one, so that a hit can borrow its entry meanwhile.
fn freshness<K: Key>(
    settings: &CacheSettings<K>,
    published: &PublishedRevisions<K::Scope>,
    suspended_since: Option<Instant>,
    key: &K,
    stamp: &Stamp,
    now: Moment,
) -> Freshness {
    let freshness = stamp.freshness(published.of(key.scope()), (settings.ttl)(key), now);
    let Some(since) = suspended_since else { return freshness };
    let suspended_for = now.instant.saturating_duration_since(since);
    match freshness {
        Freshness::Fresh { .. } => Freshness::Expired(suspended_for),
        Freshness::Expired(since) => Freshness::Expired(since.max(suspended_for)),
        Freshness::Outdated => Freshness::Outdated,
    }
}

/// What a request found.
pub(super) enum Lookup<K, V, E> {
    /// A fresh entry.
    Hit(Served<V>),
    /// A load to wait for: whether another request had started it, and if not, the load to spawn.
    Wait { receiver: LoadReceiver<V, E>, joined: bool, pending: Option<PendingLoad<K, V, E>> },
}

impl<K: Key, V: Body, E, O: Observer<K>> CacheState<K, V, E, O> {
    pub(super) fn new(settings: CacheSettings<K>, counter: i64, observer: O) -> Self {
        Self {
            settings,
            lru: Lru::new(),
            published: PublishedRevisions::new(counter),
            loads: HashMap::new(),
            stats: Stats::default(),
            observer,
            suspended_since: None,
            last_sweep: None,
        }
    }

    /// The freshness of an entry under the current settings.
    pub(super) fn freshness(&self, key: &K, stamp: &Stamp, now: Moment) -> Freshness {
        freshness(&self.settings, &self.published, self.suspended_since, key, stamp, now)
    }

    /// The entry if it is fresh. It becomes the most recently used one.
    pub(super) fn hit(&mut self, key: &K, now: Moment, clock: &Clock) -> Option<Served<V>> {
        let entry = self.lru.use_entry(key)?;
        let freshness = freshness(&self.settings, &self.published, self.suspended_since, key, &entry.stamp, now);
        let Freshness::Fresh { ttl_left } = freshness else { return None };
        entry.accesses += 1;
        self.observer.accessed(key, entry.fingerprint, now);
        let (age, as_of) = (entry.stamp.age(now), entry.stamp.as_of);
        let (value, load_took) = (Arc::clone(&entry.value), entry.took);
        let took = clock.instant().saturating_duration_since(now.instant);
        self.stats.count_hit(took, load_took);
        Some(Served { value, status: CacheStatus::Hit, age, ttl_left, as_of, took })
    }

    /// Whether a request would be a hit. Counts nothing and leaves the order of use as it is.
    pub(super) fn is_fresh(&self, key: &K, now: Moment) -> bool {
        let freshness = self.lru.peek(key).map(|entry| self.freshness(key, &entry.stamp, now));
        matches!(freshness, Some(Freshness::Fresh { .. }))
    }

    /// Joins a load of the key, or starts one if none is running.
    pub(super) fn join_or_start(
        &mut self,
        key: &K,
        now: Moment,
        loader: impl FnOnce() -> Loader<V, E>,
    ) -> Lookup<K, V, E> {
        let published = self.published.of(key.scope());
        if let Some(load) = self.loads.get_mut(key) {
            let (receiver, joined) = load.join(published, now.wall.day(), loader);
            return Lookup::Wait { receiver, joined, pending: None };
        }
        let key = Arc::new(key.clone());
        let (load, receiver, pending) = Load::start(Arc::clone(&key), published, now, loader());
        self.loads.insert(key, load);
        Lookup::Wait { receiver, joined: false, pending: Some(pending) }
    }

    /// Ends a load: counts it, stores its value if it is fresh, and starts the load that waits.
    pub(super) fn finish_load(
        &mut self,
        pending: &PendingLoad<K, V, E>,
        loaded: Result<Loaded<Arc<V>>, LoadError<E>>,
        bytes: usize,
        now: Moment,
    ) -> FinishedLoad<K, V, E> {
        let Some(load) = self.loads.remove(&pending.key) else {
            return FinishedLoad { result: Err(LoadError::Abandoned), next: None };
        };
        let took = now.instant.saturating_duration_since(pending.started);
        let fingerprint = self.observer.fingerprint(&pending.key);
        let has_value = |loaded: &Loaded<_>| loaded.as_of >= load.required && loaded.value.is_some();
        let observed_bytes = loaded.as_ref().is_ok_and(has_value).then_some(bytes);
        self.observer.loaded(&pending.key, fingerprint, observed_bytes, now);
        let result = match loaded {
            Ok(loaded) if loaded.as_of < load.required => {
                self.lru.removed_bodies.extend(loaded.value);
                Err(LoadError::Outdated { as_of: loaded.as_of, required: load.required })
            }
            Ok(loaded) => {
                let stamp = Stamp { as_of: loaded.as_of, day: loaded.day, loaded_at: pending.started };
                let ttl = (self.settings.ttl)(&pending.key);
                let stored = !load.superseded
                    && loaded.value.as_ref().is_some_and(|value| {
                        let entry = Entry { value: Arc::clone(value), stamp, took, accesses: 0, bytes, fingerprint };
                        self.store(&pending.key, entry, now)
                    });
                Ok(LoadedValue { value: loaded.value, stamp, ttl, stored })
            }
            Err(error) => Err(error),
        };
        self.stats.count_load(took, result.is_err());
        let published = self.published.of(pending.key.scope());
        let next = load.start_waiting(Arc::clone(&pending.key), published, now).map(|(load, next)| {
            self.loads.insert(Arc::clone(&pending.key), load);
            next
        });
        FinishedLoad { result, next }
    }

    /// Stores an entry unless it is not fresh, older than the present entry, or larger than all entries together may
    /// be.
    fn store(&mut self, key: &Arc<K>, entry: Entry<V>, now: Moment) -> bool {
        let fresh = matches!(self.freshness(key, &entry.stamp, now), Freshness::Fresh { .. });
        let older = self.lru.peek(key).is_some_and(|present| present.stamp.as_of > entry.stamp.as_of);
        let too_large = entry.bytes > self.settings.bytes_max || self.settings.entries_max == 0;
        if !fresh || older || too_large {
            return false;
        }
        self.lru.insert(Arc::clone(key), entry);
        self.evict_excess(Some(key));
        // A page that finds no place among others is not kept.
        self.lru.peek(key).is_some()
    }

    /// Holds the current bounds after an entry was added or has grown, or after they have changed.
    pub(super) fn evict_excess(&mut self, new: Option<&Arc<K>>) {
        self.lru.evict_excess(self.settings.bounds(), new);
    }

    /// The entry that can be served instead of a load that failed, to a request made at `requested`.
    pub(super) fn serve_after_failure(&mut self, key: &K, requested: Instant, now: Moment) -> Option<Served<V>> {
        let entry = self.lru.use_entry(key)?;
        let (value, stamp) = (Arc::clone(&entry.value), entry.stamp);
        let (status, ttl_left) = match self.freshness(key, &stamp, now) {
            // Another load of the key has ended meanwhile.
            Freshness::Fresh { ttl_left } => (CacheStatus::Coalesced, ttl_left),
            Freshness::Expired(since) if since <= self.settings.stale_if_error => {
                self.stats.stale += 1;
                (CacheStatus::Stale, Duration::ZERO)
            }
            Freshness::Expired(_) | Freshness::Outdated => return None,
        };
        let took = now.instant.saturating_duration_since(requested);
        Some(Served { value, status, age: stamp.age(now), ttl_left, as_of: stamp.as_of, took })
    }

    /// Publishes the new revision of a scope.
    pub(super) fn publish(&mut self, scope: &K::Scope, revision: i64) {
        let before = self.published.of(scope);
        if self.published.raise(scope, revision, self.settings.published_scopes_max) {
            let floor = self.published.floor();
            self.lru.remove_where(RemovalCause::Invalidated, |_, entry| entry.stamp.as_of < floor);
            self.stats.mass_invalidations += 1;
            self.observer.removed_where(|_| true);
        } else {
            let published = self.published.of(scope);
            if published > before {
                self.observer.scope_invalidated(scope);
            }
            self.lru.invalidate(scope, published);
        }
    }

    /// Forgets every published revision. Entries and running loads may be from another history, in which the same
    /// number meant something else, so none of them is kept.
    pub(super) fn reset_to(&mut self, counter: i64) {
        self.supersede_loads(|_| true);
        let removed = self.lru.remove_where(RemovalCause::Invalidated, |_, _| true);
        // The first reset of a subscriber that joins removes nothing and changes nothing, so it is not counted.
        self.stats.mass_invalidations += u64::from(removed > 0 || self.published.floor() != counter);
        self.published.reset_to(counter);
        self.suspended_since = None;
        self.observer.reset();
    }

    /// Publications may be missing from now on, or from the first of several calls on.
    pub(super) fn suspend(&mut self, now: Moment) {
        self.suspended_since.get_or_insert(now.instant);
        self.observer.suspended();
    }

    /// Removes entries, and keeps the values of their running loads from being stored.
    pub(super) fn clear(&mut self, mut condition: impl FnMut(&K) -> bool) -> usize {
        self.supersede_loads(&mut condition);
        self.observer.removed_where(&mut condition);
        let removed = self.lru.remove_where(RemovalCause::Cleared, |key, _| condition(key));
        self.stats.mass_invalidations += u64::from(removed > 1);
        removed
    }

    /// Removes one entry, and keeps the value of its running load from being stored.
    pub(super) fn remove(&mut self, key: &K) -> bool {
        if let Some(load) = self.loads.get_mut(key) {
            load.superseded = true;
        }
        self.observer.removed(key);
        self.lru.remove(key, RemovalCause::Cleared)
    }

    fn supersede_loads(&mut self, mut condition: impl FnMut(&K) -> bool) {
        for (key, load) in &mut self.loads {
            if condition(key) {
                load.superseded = true;
            }
        }
    }

    /// Removes the entries that may not even be served stale any more.
    pub(super) fn sweep(&mut self, now: Moment) -> usize {
        let expired: Vec<Arc<K>> = self
            .lru
            .iter()
            .filter(|(key, entry)| match self.freshness(key, &entry.stamp, now) {
                Freshness::Expired(since) => since > self.settings.stale_if_error,
                Freshness::Fresh { .. } | Freshness::Outdated => false,
            })
            .map(|(key, _)| Arc::clone(key))
            .collect();
        for key in &expired {
            self.lru.remove(key, RemovalCause::Expired);
        }
        self.last_sweep = Some(now.wall);
        self.observer.swept(now);
        expired.len()
    }
}
