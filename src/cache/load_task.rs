//! The task that runs the loads of a key.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::cache::Inner;
use super::interface::{Body, Key};
use super::lru::Lru;
use super::observer::Observer;
use super::single_flight::{FinishedLoad, LoadError, Loaded, PendingLoad};
use super::sync::within;

/// Runs the loads of one key, one after the other. If it is dropped before, its loads end as abandoned, so that no key
/// is ever stuck.
pub(super) struct LoadTask<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K>> {
    cache: Arc<Inner<K, V, E, O>>,
    current: Option<PendingLoad<K, V, E>>,
}

impl<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K>> LoadTask<K, V, E, O> {
    pub(super) fn new(cache: Arc<Inner<K, V, E, O>>, load: PendingLoad<K, V, E>) -> Self {
        Self { cache, current: Some(load) }
    }

    /// Runs the load, and then the one that waits, until none waits.
    pub(super) async fn run(mut self) {
        while let Some(loader) = self.current.as_mut().and_then(|load| load.loader.take()) {
            let deadline = self.cache.load_deadline();
            // A panic is an error for the waiting requests, not for the runtime. The loader is consumed, so no state
            // that the panic left inconsistent is used again.
            let loading = AssertUnwindSafe(async move { loader().await }).catch_unwind();
            let loaded = match within(deadline, loading).await {
                None => Err(LoadError::TooSlow(deadline)),
                Some(Err(_)) => Err(LoadError::Panicked),
                Some(Ok(loaded)) => loaded.map_err(|error| LoadError::Failed(Arc::new(error))),
            };
            self.finish(loaded);
        }
    }

    fn finish(&mut self, loaded: Result<Loaded<V>, LoadError<E>>) {
        if let Some(load) = self.current.take() {
            let FinishedLoad { result, next } = self.cache.finish_load(&load, loaded);
            self.current = next;
            load.sender.send_replace(Some(result));
        }
    }
}

impl<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K>> Drop for LoadTask<K, V, E, O> {
    fn drop(&mut self) {
        while self.current.is_some() {
            self.finish(Err(LoadError::Abandoned));
        }
    }
}

impl<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K>> Inner<K, V, E, O> {
    fn load_deadline(&self) -> Duration {
        self.with(|state| state.settings.load_deadline)
    }

    /// Ends a load. The work that depends on the size of the body, or calls foreign code, is done before the lock is
    /// taken.
    fn finish_load(
        &self,
        load: &PendingLoad<K, V, E>,
        loaded: Result<Loaded<V>, LoadError<E>>,
    ) -> FinishedLoad<K, V, E> {
        let loaded = loaded.map(|Loaded { as_of, day, value }| Loaded { as_of, day, value: value.map(Arc::new) });
        let bytes = match &loaded {
            Ok(Loaded { value: Some(value), .. }) => Lru::entry_bytes(&*load.key, &**value),
            _ => 0,
        };
        let now = self.now();
        self.with(|state| state.finish_load(load, loaded, bytes, now))
    }
}
