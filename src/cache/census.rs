//! What can be seen of the cache: counters, sums over the entries, the entries.

use std::sync::Arc;
use std::time::Duration;

use super::cache::{Cache, Inner};
use super::freshness::Verdict;
use super::interface::{Body, Key};
use super::lru::Entry;
use super::observer::Observer;
use super::state::State;
use super::stats::Stats;
use crate::clock::Moment;
use crate::domain::time::Timestamp;

/// An entry whose TTL runs shorter than this expires soon.
const SOON: Duration = Duration::from_mins(5);

/// An entry whose TTL runs as long as this expires later.
const LATER: Duration = Duration::from_hours(1);

/// Sums over the entries at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Fresh entries.
    pub entries: usize,
    /// Entries that are not fresh any more and wait for the sweep, or stand in when a load fails.
    pub expired: usize,
    /// Bytes of all entries, expired ones included.
    pub bytes: usize,
    /// Loads running and waiting to run.
    pub loads: usize,
    /// The ages of the fresh entries, added up.
    pub age_total: Duration,
    /// How many requests the fresh entries answered.
    pub accesses_total: u64,
    /// Fresh entries whose TTL runs less than five minutes.
    pub expiring_soon: usize,
    /// Fresh entries whose TTL runs less than an hour, those that expire soon excluded.
    pub expiring_within_hour: usize,
    /// Fresh entries whose TTL runs an hour or longer.
    pub expiring_later: usize,
    /// When the last sweep was, by the wall clock.
    pub last_sweep: Option<Timestamp>,
}

/// How full the cache is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// Entries, those included that are not fresh any more.
    pub entries: usize,
    /// Entries that there may be.
    pub entries_max: usize,
    /// Bytes of all entries.
    pub bytes: usize,
    /// Bytes that all entries may have.
    pub bytes_max: usize,
    /// Loads running and waiting to run.
    pub loads: usize,
}

/// One entry as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryView<K> {
    /// What it is found by.
    pub key: Arc<K>,
    /// What it weighs.
    pub bytes: usize,
    /// How long ago its load began.
    pub age: Duration,
    /// How long its TTL still runs; zero when it is not fresh.
    pub ttl_left: Duration,
    /// How many requests it answered.
    pub accesses: u64,
    /// The revision up to which it lacks nothing.
    pub as_of: i64,
    /// Whether it would be served.
    pub fresh: bool,
}

impl<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K>> Cache<K, V, E, O> {
    /// Everything that was counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.with(|state| Stats { removals: state.lru.removals, ..state.stats.clone() })
    }

    /// How full the cache is; unlike [`census`](Self::census) it looks at no entry, so it costs the same however many there
    /// are.
    #[must_use]
    pub fn occupancy(&self) -> Occupancy {
        self.0.with(|state| Occupancy {
            entries: state.lru.len(),
            entries_max: state.settings.entries_max,
            bytes: state.lru.bytes(),
            bytes_max: state.settings.bytes_max,
            loads: state.flights.values().map(|flight| flight.loads()).sum(),
        })
    }

    /// The newest revision that was published for a scope: what is served of it lacks nothing up to there.
    #[must_use]
    pub fn published(&self, scope: &K::Scope) -> i64 {
        self.0.with(|state| state.published.of(scope))
    }

    /// Sums over the entries; walks over all of them under the lock.
    #[must_use]
    pub fn census(&self) -> Census {
        let now = self.0.now();
        self.0.with(|state| {
            let mut census = Census {
                bytes: state.lru.bytes(),
                loads: state.flights.values().map(|flight| flight.loads()).sum(),
                last_sweep: state.last_sweep,
                ..Census::default()
            };
            for (key, entry) in state.lru.iter() {
                census.count(&state.view(key, entry, now));
            }
            census
        })
    }

    /// The entries of which `wanted` is true, ordered by key: at most `limit` of those after the key `after`. `wanted` is
    /// called under the cache's lock and must not call the cache.
    #[must_use]
    pub fn entries(&self, after: Option<&K>, limit: usize, wanted: impl Fn(&K) -> bool) -> Vec<EntryView<K>> {
        let is_wanted = |view: &EntryView<K>| after.is_none_or(|after| *view.key > *after) && wanted(&view.key);
        let mut views = self.0.views(is_wanted);
        views.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        views.truncate(limit);
        views
    }

    /// The fresh entries that answered most requests, at most `limit`.
    #[must_use]
    pub fn most_accessed(&self, limit: usize) -> Vec<EntryView<K>> {
        let mut views = self.0.views(|view| view.fresh);
        views.sort_unstable_by(|a, b| b.accesses.cmp(&a.accesses).then_with(|| a.key.cmp(&b.key)));
        views.truncate(limit);
        views
    }

    /// Checks what must be true at any moment, for tests.
    ///
    /// # Errors
    ///
    /// What is not true.
    pub fn check(&self) -> Result<(), String> {
        self.0.with(|state| {
            state.lru.check()?;
            let (entries, bytes) = (state.lru.len(), state.lru.bytes());
            let settings = &state.settings;
            if entries > settings.entries_max || bytes > settings.bytes_max {
                return Err(format!("{entries} entries of {bytes} bytes exceed {settings:?}"));
            }
            if state.published.len() > settings.published_scopes_max {
                return Err(format!("{} scopes are known by name", state.published.len()));
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

impl Census {
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
    fn views(&self, wanted: impl Fn(&EntryView<K>) -> bool) -> Vec<EntryView<K>> {
        let now = self.now();
        self.with(|state| {
            state.lru.iter().map(|(key, entry)| state.view(key, entry, now)).filter(|view| wanted(view)).collect()
        })
    }
}

impl<K: Key, V: Body, E, O: Observer<K>> State<K, V, E, O> {
    fn view(&self, key: &Arc<K>, entry: &Entry<V>, now: Moment) -> EntryView<K> {
        let ttl_left = match self.judge(key, &entry.stamp, now) {
            Verdict::Fresh { ttl_left } => Some(ttl_left),
            Verdict::Overdue(_) | Verdict::Outdated => None,
        };
        EntryView {
            key: Arc::clone(key),
            bytes: entry.bytes,
            age: entry.stamp.age(now),
            ttl_left: ttl_left.unwrap_or_default(),
            accesses: entry.accesses,
            as_of: entry.stamp.as_of,
            fresh: ttl_left.is_some(),
        }
    }
}
