//! What removes entries: publications, resets, suspension, clears and sweeps.

use super::cache::Cache;
use super::interface::{Body, Key};
use super::observer::Observer;

impl<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K>> Cache<K, V, E, O> {
    /// Publishes the new revisions of scopes; `counter` is the newest revision of the source. Removes the entries that
    /// are older, and lets no load of these scopes that started before be stored or joined. Must be called before the
    /// change is acknowledged.
    pub fn publish<'a>(&self, counter: i64, scopes: impl IntoIterator<Item = (&'a K::Scope, i64)>) {
        self.0.with(|state| {
            state.published.raise_highest(counter);
            for (scope, revision) in scopes {
                state.publish(scope, revision);
            }
        });
    }

    /// Starts again from this counter, because any scope may have changed up to it, or the database was replaced.
    /// Removes every entry, and lets no load that started before be stored or joined. Ends [`Self::suspend`].
    pub fn reset_to(&self, counter: i64) {
        self.0.with(|state| state.reset_to(counter));
    }

    /// Stops serving hits, because publications may be missing from now on. Nothing is fresh until [`Self::reset_to`];
    /// entries are served only when a load fails, and count as expired from now on at the latest.
    pub fn suspend(&self) {
        let now = self.0.now();
        self.0.with(|state| state.suspend(now));
    }

    /// Removes every entry and returns how many there were.
    #[expect(clippy::must_use_candidate, reason = "the number is incidental")]
    pub fn clear(&self) -> usize {
        self.clear_where(|_| true)
    }

    /// Removes the entries whose keys fulfil the condition and returns how many there were. The values of running loads
    /// of such keys go to the requests that wait for them and are not stored. The condition is evaluated under the
    /// cache's lock and must not call the cache.
    pub fn clear_where(&self, condition: impl FnMut(&K) -> bool) -> usize {
        self.0.with(|state| state.clear(condition))
    }

    /// Removes one entry, and returns whether there was one.
    pub fn remove(&self, key: &K) -> bool {
        self.0.with(|state| state.remove(key))
    }

    /// Removes the entries that may not even be served stale any more, and returns how many. To be called regularly.
    #[expect(clippy::must_use_candidate, reason = "the number is incidental")]
    pub fn sweep(&self) -> usize {
        let now = self.0.now();
        self.0.with(|state| state.sweep(now))
    }
}
