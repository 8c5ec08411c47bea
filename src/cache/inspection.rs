//! Read access to the cache for statistics, listings and tests.

use std::sync::Arc;
use std::time::Duration;

use super::cache::{Cache, Inner};
use super::freshness::Freshness;
use super::interface::{Body, Key};
use super::lru::Entry;
use super::observer::Observer;
use super::state::CacheState;
use super::stats::Stats;
use crate::clock::Moment;
use crate::domain::time::Timestamp;

/// An entry expires soon if the rest of its TTL is shorter than this.
const SOON: Duration = Duration::from_mins(5);

/// An entry expires later if the rest of its TTL is at least this.
const LATER: Duration = Duration::from_hours(1);

/// Totals over the entries at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryTotals {
    /// Fresh entries.
    pub entries: usize,
    /// Entries that are not fresh any more, and are removed by the sweep or served when a load fails.
    pub expired: usize,
    /// Bytes of all entries, expired ones included.
    pub bytes: usize,
    /// Running and waiting loads.
    pub loads: usize,
    /// The sum of the ages of the fresh entries.
    pub age_total: Duration,
    /// The requests that the fresh entries answered.
    pub accesses_total: u64,
    /// Fresh entries that expire within five minutes.
    pub expiring_soon: usize,
    /// Fresh entries that expire within an hour, but not soon.
    pub expiring_within_hour: usize,
    /// Fresh entries that expire in an hour or later.
    pub expiring_later: usize,
    /// The time of the last sweep, by the wall clock.
    pub last_sweep: Option<Timestamp>,
}

/// How full the cache is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// All entries, expired ones included.
    pub entries: usize,
    /// The most entries.
    pub entries_max: usize,
    /// Bytes of all entries.
    pub bytes: usize,
    /// The most bytes.
    pub bytes_max: usize,
    /// Running and waiting loads.
    pub loads: usize,
}

/// One entry at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryView<K> {
    /// Its key.
    pub key: Arc<K>,
    /// Its size.
    pub bytes: usize,
    /// How long ago its load started.
    pub age: Duration,
    /// The rest of its TTL; zero if it is not fresh.
    pub ttl_left: Duration,
    /// The requests that it answered.
    pub accesses: u64,
    /// The revision up to which it includes everything.
    pub as_of: i64,
    /// The version of its body.
    pub version: i64,
    /// Whether a request would be a hit.
    pub fresh: bool,
}

impl<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K>> Cache<K, V, E, O> {
    /// The counters since the cache was created.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.with(|state| Stats { removals: state.lru.removals, ..state.stats.clone() })
    }

    /// How full the cache is. Unlike [`Self::entry_totals`] it does not iterate over the entries.
    #[must_use]
    pub fn occupancy(&self) -> Occupancy {
        self.0.with(|state| Occupancy {
            entries: state.lru.len(),
            entries_max: state.settings.entries_max,
            bytes: state.lru.bytes(),
            bytes_max: state.settings.bytes_max,
            loads: state.loads.values().map(|load| load.count()).sum(),
        })
    }

    /// The newest published revision of a scope. Whatever is served of the scope includes everything up to it.
    #[must_use]
    pub fn published(&self, scope: &K::Scope) -> i64 {
        self.0.with(|state| state.published.of(scope))
    }

    /// Totals over the entries. Iterates over all of them under the lock.
    #[must_use]
    pub fn entry_totals(&self) -> EntryTotals {
        let now = self.0.now();
        self.0.with(|state| {
            let mut totals = EntryTotals {
                bytes: state.lru.bytes(),
                loads: state.loads.values().map(|load| load.count()).sum(),
                last_sweep: state.last_sweep,
                ..EntryTotals::default()
            };
            for (key, entry) in state.lru.iter() {
                totals.count(&state.view(key, entry, now));
            }
            totals
        })
    }

    /// The entries whose keys fulfil the condition, ordered by key: at most `limit` of those after the key `after`. The
    /// condition is evaluated under the cache's lock and must not call the cache.
    #[must_use]
    pub fn entries(&self, after: Option<&K>, limit: usize, condition: impl Fn(&K) -> bool) -> Vec<EntryView<K>> {
        let is_listed = |view: &EntryView<K>| after.is_none_or(|after| *view.key > *after) && condition(&view.key);
        let mut views = self.0.views(is_listed);
        views.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        views.truncate(limit);
        views
    }

    /// The fresh entries that answered the most requests, at most `limit`.
    #[must_use]
    pub fn most_accessed(&self, limit: usize) -> Vec<EntryView<K>> {
        let mut views = self.0.views(|view| view.fresh);
        views.sort_unstable_by(|a, b| b.accesses.cmp(&a.accesses).then_with(|| a.key.cmp(&b.key)));
        views.truncate(limit);
        views
    }

    /// Checks the invariants of the cache, for tests.
    ///
    /// # Errors
    ///
    /// The invariant that does not hold.
    pub fn check(&self) -> Result<(), String> {
        self.0.with(|state| {
            state.lru.check()?;
            let (entries, bytes) = (state.lru.len(), state.lru.bytes());
            let settings = &state.settings;
            if entries > settings.entries_max || bytes > settings.bytes_max {
                return Err(format!("{entries} entries of {bytes} bytes exceed {settings:?}"));
            }
            if state.published.len() > settings.published_scopes_max {
                return Err(format!("{} scopes are in the map of published revisions", state.published.len()));
            }
            let lacks = |key: &K, entry: &Entry<V>| entry.stamp.as_of < state.published.of(key.scope());
            if state.lru.iter().any(|(key, entry)| lacks(key, entry)) {
                return Err("an entry lacks what was published for its scope".to_owned());
            }
            if state.stats.coalesced + state.stats.revalidated > state.stats.misses
                || state.stats.load_failures > state.stats.loads
            {
                return Err(format!("a part is greater than its whole: {:?}", state.stats));
            }
            Ok(())
        })
    }
}

impl EntryTotals {
    fn count<K>(&mut self, view: &EntryView<K>) {
        if !view.fresh {
            self.expired += 1;
            return;
        }
        self.entries += 1;
        self.age_total += view.age;
        self.accesses_total += view.accesses;
        if view.ttl_left < SOON {
            self.expiring_soon += 1;
        } else if view.ttl_left < LATER {
            self.expiring_within_hour += 1;
        } else {
            self.expiring_later += 1;
        }
    }
}

impl<K: Key, V: Body, E, O: Observer<K>> Inner<K, V, E, O> {
    fn views(&self, condition: impl Fn(&EntryView<K>) -> bool) -> Vec<EntryView<K>> {
        let now = self.now();
        self.with(|state| {
            state.lru.iter().map(|(key, entry)| state.view(key, entry, now)).filter(|view| condition(view)).collect()
        })
    }
}

impl<K: Key, V: Body, E, O: Observer<K>> CacheState<K, V, E, O> {
    fn view(&self, key: &Arc<K>, entry: &Entry<V>, now: Moment) -> EntryView<K> {
        let ttl_left = match self.freshness(key, &entry.stamp, now) {
            Freshness::Fresh { ttl_left } => Some(ttl_left),
            Freshness::Expired(_) | Freshness::Outdated => None,
        };
        EntryView {
            key: Arc::clone(key),
            bytes: entry.bytes,
            age: entry.stamp.age(now),
            ttl_left: ttl_left.unwrap_or_default(),
            accesses: entry.accesses,
            as_of: entry.stamp.as_of,
            version: entry.value.version(),
            fresh: ttl_left.is_some(),
        }
    }
}
