//! What the cache's lock guards, and the few things that are done under it. Nothing here waits, loads or frees a body.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::flight::{Arrival, Departure, Flight, Gate, Landed, LoadError, Loaded, Loader};
use super::freshness::{Stamp, Verdict};
use super::interface::{Body, Key, Outcome, Served};
use super::lru::{Entry, Lru};
use super::observer::Observer;
use super::published::Published;
use super::settings::Settings;
use super::stats::{Cause, Stats};
use crate::clock::{Clock, Moment};
use crate::domain::time::Timestamp;

pub(super) struct State<K: Key, V: Body, E, O> {
    pub(super) settings: Settings<K>,
    pub(super) lru: Lru<K, V>,
    pub(super) published: Published<K::Scope>,
    pub(super) flights: HashMap<Arc<K>, Flight<V, E>>,
    pub(super) stats: Stats,
    pub(super) observer: O,
    /// Since when publications may be missing: nothing is fresh until somebody says where the counter stands.
    pub(super) distrusted: Option<Instant>,
    pub(super) last_sweep: Option<Timestamp>,
}

/// Judges one entry. It takes the parts of the state apart, so that a hit can hold its entry meanwhile.
fn judge<K: Key>(
    settings: &Settings<K>,
    published: &Published<K::Scope>,
    distrusted: Option<Instant>,
    key: &K,
    stamp: &Stamp,
    now: Moment,
) -> Verdict {
    let verdict = stamp.judge(published.of(key.scope()), (settings.ttl)(key), now);
    let Some(since) = distrusted else { return verdict };
    let distrusted_for = now.instant.saturating_duration_since(since);
    match verdict {
        Verdict::Fresh { .. } => Verdict::Overdue(distrusted_for),
        Verdict::Overdue(since) => Verdict::Overdue(since.max(distrusted_for)),
        Verdict::Outdated => Verdict::Outdated,
    }
}

/// What a request found.
pub(super) enum Seat<K, V, E> {
    /// A fresh entry.
    Hit(Served<V>),
    /// A load to wait for, and the load to begin if there was none.
    Wait { gate: Gate<V, E>, joined: bool, departure: Option<Departure<K, V, E>> },
}

impl<K: Key, V: Body, E, O: Observer<K>> State<K, V, E, O> {
    pub(super) fn new(settings: Settings<K>, counter: i64, observer: O) -> Self {
        Self {
            settings,
            lru: Lru::new(),
            published: Published::new(counter),
            flights: HashMap::new(),
            stats: Stats::default(),
            observer,
            distrusted: None,
            last_sweep: None,
        }
    }

    /// What may be done with an entry, by the settings of this moment.
    pub(super) fn judge(&self, key: &K, stamp: &Stamp, now: Moment) -> Verdict {
        judge(&self.settings, &self.published, self.distrusted, key, stamp, now)
    }

    /// The entry if it is fresh; from now on the most recently used.
    pub(super) fn hit(&mut self, key: &K, now: Moment, clock: &Clock) -> Option<Served<V>> {
        let entry = self.lru.use_entry(key)?;
        let verdict = judge(&self.settings, &self.published, self.distrusted, key, &entry.stamp, now);
        let Verdict::Fresh { ttl_left } = verdict else { return None };
        entry.accesses += 1;
        self.observer.accessed(key, entry.fingerprint, now);
        let (age, as_of) = (entry.stamp.age(now), entry.stamp.as_of);
        let (value, load_took) = (Arc::clone(&entry.value), entry.took);
        let took = clock.instant().saturating_duration_since(now.instant);
        self.stats.count_hit(took, load_took);
        Some(Served { value, outcome: Outcome::Hit, age, ttl_left, as_of, took })
    }

    /// Whether a request would be a hit; counts nothing and leaves the order as it is.
    pub(super) fn is_fresh(&self, key: &K, now: Moment) -> bool {
        let verdict = self.lru.peek(key).map(|entry| self.judge(key, &entry.stamp, now));
        matches!(verdict, Some(Verdict::Fresh { .. }))
    }

    /// Takes a place in a load of the key, beginning one if none is running.
    pub(super) fn board(&mut self, key: &K, now: Moment, loader: impl FnOnce() -> Loader<V, E>) -> Seat<K, V, E> {
        let published = self.published.of(key.scope());
        if let Some(flight) = self.flights.get_mut(key) {
            let (gate, joined) = flight.join(published, now.wall.day(), loader);
            return Seat::Wait { gate, joined, departure: None };
        }
        let key = Arc::new(key.clone());
        let (flight, gate, departure) = Flight::begin(Arc::clone(&key), published, now, loader());
        self.flights.insert(key, flight);
        Seat::Wait { gate, joined: false, departure: Some(departure) }
    }

    /// Ends a load: counts it, keeps what is fresh, begins the load that waits.
    pub(super) fn land(
        &mut self,
        departure: &Departure<K, V, E>,
        outcome: Result<Loaded<Arc<V>>, LoadError<E>>,
        bytes: usize,
        now: Moment,
    ) -> Arrival<K, V, E> {
        let Some(flight) = self.flights.remove(&departure.key) else {
            return Arrival { landing: Err(LoadError::Abandoned), next: None };
        };
        let took = now.instant.saturating_duration_since(departure.begun);
        let fingerprint = self.observer.fingerprint(&departure.key);
        let is_value = |loaded: &Loaded<_>| loaded.as_of >= flight.required && loaded.value.is_some();
        let observed_bytes = outcome.as_ref().is_ok_and(is_value).then_some(bytes);
        self.observer.loaded(&departure.key, fingerprint, observed_bytes, now);
        let landing = match outcome {
            Ok(loaded) if loaded.as_of < flight.required => {
                self.lru.gone.extend(loaded.value);
                Err(LoadError::Outdated { as_of: loaded.as_of, required: flight.required })
            }
            Ok(loaded) => {
                let stamp = Stamp { as_of: loaded.as_of, day: loaded.day, loaded_at: departure.begun };
                let ttl = (self.settings.ttl)(&departure.key);
                let stored = !flight.superseded
                    && loaded.value.as_ref().is_some_and(|value| {
                        let entry = Entry { value: Arc::clone(value), stamp, took, accesses: 0, bytes, fingerprint };
                        self.keep(&departure.key, entry, now)
                    });
                Ok(Landed { value: loaded.value, stamp, ttl, stored })
            }
            Err(error) => Err(error),
        };
        self.stats.count_load(took, landing.is_err());
        let published = self.published.of(departure.key.scope());
        let next = flight.succeed(Arc::clone(&departure.key), published, now).map(|(flight, next)| {
            self.flights.insert(Arc::clone(&departure.key), flight);
            next
        });
        Arrival { landing, next }
    }

    /// Keeps an entry if it is fresh, newer than what is there, and not larger than everything together may be.
    fn keep(&mut self, key: &Arc<K>, entry: Entry<V>, now: Moment) -> bool {
        let fresh = matches!(self.judge(key, &entry.stamp, now), Verdict::Fresh { .. });
        let behind = self.lru.peek(key).is_some_and(|there| there.stamp.as_of > entry.stamp.as_of);
        let too_large = entry.bytes > self.settings.bytes_max || self.settings.entries_max == 0;
        if !fresh || behind || too_large {
            return false;
        }
        self.lru.insert(Arc::clone(key), entry);
        self.fit();
        true
    }

    /// Holds the bounds of this moment.
    pub(super) fn fit(&mut self) {
        self.lru.fit(self.settings.entries_max, self.settings.bytes_max);
    }

    /// The entry that may stand in for a load that failed, for a request that asked then.
    pub(super) fn stand_in(&mut self, key: &K, asked: Instant, now: Moment) -> Option<Served<V>> {
        let entry = self.lru.use_entry(key)?;
        let (value, stamp) = (Arc::clone(&entry.value), entry.stamp);
        let (outcome, ttl_left) = match self.judge(key, &stamp, now) {
            // Another load of the key has landed meanwhile.
            Verdict::Fresh { ttl_left } => (Outcome::Coalesced, ttl_left),
            Verdict::Overdue(since) if since <= self.settings.stale_if_error => {
                self.stats.stale += 1;
                (Outcome::Stale, Duration::ZERO)
            }
            Verdict::Overdue(_) | Verdict::Outdated => return None,
        };
        let took = now.instant.saturating_duration_since(asked);
        Some(Served { value, outcome, age: stamp.age(now), ttl_left, as_of: stamp.as_of, took })
    }

    /// A scope drew this revision.
    pub(super) fn publish(&mut self, scope: &K::Scope, revision: i64) {
        let before = self.published.of(scope);
        if self.published.raise(scope, revision, self.settings.published_scopes_max) {
            let floor = self.published.floor();
            self.lru.remove_where(Cause::Invalidated, |_, entry| entry.stamp.as_of < floor);
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

    /// Nothing that is known of revisions is certain any more. What is there and what is under way may be from another
    /// history, in which the same number meant something else: none of it is kept.
    pub(super) fn doubt(&mut self, counter: i64) {
        self.supersede(|_| true);
        let removed = self.lru.remove_where(Cause::Invalidated, |_, _| true);
        // Whoever begins by doubting what nobody knows yet raises nothing.
        self.stats.mass_invalidations += u64::from(removed > 0 || self.published.floor() != counter);
        self.published.doubt(counter);
        self.distrusted = None;
        self.observer.reset();
    }

    /// Publications may be missing from now on. Whoever says it again does not say that it began again.
    pub(super) fn distrust(&mut self, now: Moment) {
        self.distrusted.get_or_insert(now.instant);
        self.observer.suspended();
    }

    /// Takes out entries, and what is being loaded meanwhile is kept for nobody.
    pub(super) fn clear(&mut self, mut doomed: impl FnMut(&K) -> bool) -> usize {
        self.supersede(&mut doomed);
        self.observer.removed_where(&mut doomed);
        let removed = self.lru.remove_where(Cause::Cleared, |key, _| doomed(key));
        self.stats.mass_invalidations += u64::from(removed > 1);
        removed
    }

    /// Takes out one entry.
    pub(super) fn remove(&mut self, key: &K) -> bool {
        if let Some(flight) = self.flights.get_mut(key) {
            flight.superseded = true;
        }
        self.observer.removed(key);
        self.lru.remove(key, Cause::Cleared)
    }

    /// Makes running loads those of an older generation.
    fn supersede(&mut self, mut doomed: impl FnMut(&K) -> bool) {
        for (key, flight) in &mut self.flights {
            if doomed(key) {
                flight.superseded = true;
            }
        }
    }

    /// Takes out what may not even be served stale any more.
    pub(super) fn sweep(&mut self, now: Moment) -> usize {
        let expired: Vec<Arc<K>> = self
            .lru
            .iter()
            .filter(|(key, entry)| match self.judge(key, &entry.stamp, now) {
                Verdict::Overdue(since) => since > self.settings.stale_if_error,
                Verdict::Fresh { .. } | Verdict::Outdated => false,
            })
            .map(|(key, _)| Arc::clone(key))
            .collect();
        for key in &expired {
            self.lru.remove(key, Cause::Expired);
        }
        self.last_sweep = Some(now.wall);
        self.observer.swept(now);
        expired.len()
    }
}
