//! Requests: answered from a fresh entry, or by a load.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use super::cache::{Cache, Inner};
use super::interface::{Body, CacheStatus, Key, Served, WarmLoad};
use super::load_task::LoadTask;
use super::observer::Observer;
use super::single_flight::{LoadError, LoadReceiver, LoadResult, Loaded, LoadedValue, Loader, PendingLoad};
use super::state::Lookup;
use super::sync::spawn;

impl<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K>> Cache<K, V, E, O> {
    /// The fresh entry of a key, counted as a hit. Without one nothing is counted, so that the request can continue
    /// with [`Self::get_or_load`] or end with [`Self::count_revalidated`].
    #[must_use]
    pub fn get(&self, key: &K) -> Option<Served<V>> {
        let now = self.0.now();
        self.0.with(|state| state.hit(key, now, &self.0.clock))
    }

    /// The fresh entry of a key, or the value of a load; `None` if the load found that the key does not exist.
    ///
    /// The loader runs on its own task, and only if this request can join no other load. It must read `as_of` in the
    /// snapshot that the data comes from. Dropping the future does not cancel the load.
    ///
    /// # Errors
    ///
    /// The error of the load, unless an expired entry can be served instead.
    pub async fn get_or_load<L, F>(&self, key: &K, load: L) -> Result<Option<Served<V>>, LoadError<E>>
    where
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
    {
        let now = self.0.now();
        let lookup = self.0.with(|state| {
            if let Some(served) = state.hit(key, now, &self.0.clock) {
                return Lookup::Hit(served);
            }
            let lookup = state.join_or_start(key, now, || boxed(load));
            let fingerprint = state.observer.fingerprint(key);
            state.observer.accessed(key, fingerprint, now);
            state.stats.misses += 1;
            state.stats.coalesced += u64::from(matches!(lookup, Lookup::Wait { joined: true, .. }));
            lookup
        });
        let (receiver, joined) = match lookup {
            Lookup::Hit(served) => return Ok(Some(served)),
            Lookup::Wait { receiver, joined, pending } => {
                self.spawn_load(pending);
                (receiver, joined)
            }
        };
        match wait(receiver).await {
            Ok(loaded) => Ok(self.0.serve(loaded, joined, now.instant)),
            Err(error) => {
                let requested = now.instant;
                let now = self.0.now();
                self.0.with(|state| state.serve_after_failure(key, requested, now)).map(Some).ok_or(error)
            }
        }
    }

    /// Loads a key unless it has a fresh entry. Counts neither a hit nor a miss; a load is counted as a load.
    ///
    /// # Errors
    ///
    /// The error of the load.
    pub async fn warm<L, F>(&self, key: &K, load: L) -> Result<WarmLoad, LoadError<E>>
    where
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
    {
        let now = self.0.now();
        let lookup = self.0.with(|state| {
            state.observer.warmed(key, now);
            if state.is_fresh(key, now) {
                return None;
            }
            Some(state.join_or_start(key, now, || boxed(load)))
        });
        let Some(Lookup::Wait { receiver, pending, .. }) = lookup else { return Ok(WarmLoad::AlreadyFresh) };
        self.spawn_load(pending);
        let loaded = wait(receiver).await?;
        Ok(match loaded.value {
            Some(_) => WarmLoad::Loaded { stored: loaded.stored },
            None => WarmLoad::Absent,
        })
    }

    /// Counts a request that was answered 304 without an entry and without a load: a miss, revalidated.
    pub fn count_revalidated(&self, key: &K) {
        let now = self.0.now();
        self.0.with(|state| {
            state.observer.revalidated(key, now);
            state.stats.misses += 1;
            state.stats.revalidated += 1;
        });
    }

    fn spawn_load(&self, pending: Option<PendingLoad<K, V, E>>) {
        if let Some(load) = pending {
            spawn(LoadTask::new(Arc::clone(&self.0), load).run());
        }
    }
}

impl<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K>> Inner<K, V, E, O> {
    fn serve(&self, loaded: LoadedValue<V>, joined: bool, requested: Instant) -> Option<Served<V>> {
        let now = self.now();
        let (age, took) = (loaded.stamp.age(now), now.instant.saturating_duration_since(requested));
        let status = if joined { CacheStatus::Coalesced } else { CacheStatus::Miss { stored: loaded.stored } };
        let ttl_left = loaded.ttl.saturating_sub(age);
        loaded.value.map(|value| Served { value, status, age, ttl_left, as_of: loaded.stamp.as_of, took })
    }
}

fn boxed<L, F, V, E>(load: L) -> Loader<V, E>
where
    L: FnOnce() -> F + Send + 'static,
    F: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
{
    Box::new(move || Box::pin(load()))
}

async fn wait<V, E>(mut receiver: LoadReceiver<V, E>) -> LoadResult<V, E> {
    let result = receiver.wait_for(Option::is_some).await;
    result.ok().and_then(|result| result.clone()).unwrap_or(Err(LoadError::Abandoned))
}
