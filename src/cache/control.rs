//! What changes the cache from outside: publications, clears, settings, sweeps.

use std::mem;
use std::sync::Arc;

use super::cache::Cache;
use super::interface::{Body, Key};
use super::lru::Lru;
use super::observer::Observer;
use super::settings::Settings;
use super::stats::Cause;

impl<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K>> Cache<K, V, E, O> {
    /// These scopes drew these revisions; the counter stands at `counter`. Entries that lack them go, and no load that
    /// began before is kept or joined for them. To be called before whoever changed the scopes is answered.
    pub fn publish<'a>(&self, counter: i64, scopes: impl IntoIterator<Item = (&'a K::Scope, i64)>) {
        self.0.with(|state| {
            state.published.reach(counter);
            for (scope, revision) in scopes {
                state.publish(scope, revision);
            }
        });
    }

    /// Anything may have changed up to this counter, or the database may be another one: everything goes, and no load that
    /// began before is kept or joined. Ends [`Self::distrust`].
    pub fn doubt(&self, counter: i64) {
        self.0.with(|state| state.doubt(counter));
    }

    /// Publications may be missing from now on, because whoever watches cannot look. Nothing is fresh until
    /// [`Self::doubt`] says where the counter stands; entries are served only when a load fails, and from now on no longer
    /// than entries whose TTL has ended.
    pub fn distrust(&self) {
        let now = self.0.now();
        self.0.with(|state| state.distrust(now));
    }

    /// Takes out every entry and says how many there were.
    #[expect(clippy::must_use_candidate, reason = "how many there were is by the way")]
    pub fn clear(&self) -> usize {
        self.clear_where(|_| true)
    }

    /// Takes out the entries of which `doomed` is true and says how many; what is being loaded for such a key is given to
    /// those who wait and not kept. `doomed` is called under the cache's lock and must not call the cache.
    pub fn clear_where(&self, doomed: impl FnMut(&K) -> bool) -> usize {
        self.0.with(|state| state.clear(doomed))
    }

    /// Takes out one entry, and says whether there was one.
    pub fn remove(&self, key: &K) -> bool {
        self.0.with(|state| state.remove(key))
    }

    /// Sets everything that can be tuned. Holds at once: for what is there, and for what is on its way.
    pub fn configure(&self, settings: Settings<K>) {
        // The old settings are freed after the lock: their TTL function may own anything.
        let _old = self.0.with(|state| {
            let old = mem::replace(&mut state.settings, settings);
            // What is larger than everything may be goes first, so that nothing makes room for it in vain.
            let bytes_max = state.settings.bytes_max;
            state.lru.remove_where(Cause::Bytes, |_, entry| entry.bytes > bytes_max);
            state.fit();
            old
        });
    }

    /// The settings that hold now.
    #[must_use]
    pub fn settings(&self) -> Settings<K> {
        self.0.with(|state| state.settings.clone())
    }

    /// Takes out the entries that may not even be served stale any more, and says how many. To be called from time to time.
    #[expect(clippy::must_use_candidate, reason = "how many there were is by the way")]
    pub fn sweep(&self) -> usize {
        let now = self.0.now();
        self.0.with(|state| state.sweep(now))
    }

    /// A body got another form, a compressed one for example: weighs it again. Nothing happens if the entry holds another
    /// body by now.
    pub fn weigh_again(&self, key: &K, value: &Arc<V>) {
        let bytes = Lru::weigh(key, &**value);
        self.0.with(|state| {
            let Some(entry) = state.lru.set_bytes(key, value, bytes) else { return };
            state.observer.resized(entry.fingerprint, bytes);
            if bytes > state.settings.bytes_max {
                state.lru.remove(key, Cause::Bytes);
            }
            state.fit();
        });
    }
}
