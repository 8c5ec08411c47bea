//! The task that a load runs on.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::cache::Inner;
use super::flight::{Arrival, Departure, LoadError, Loaded};
use super::interface::{Body, Key};
use super::lru::Lru;
use super::observer::Observer;
use super::sync::within;

/// The loads of one key under way, one after the other. Dropped before they have landed, they land as abandoned, so that
/// no key is ever stuck.
pub(super) struct Run<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K>> {
    cache: Arc<Inner<K, V, E, O>>,
    aboard: Option<Departure<K, V, E>>,
}

impl<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K>> Run<K, V, E, O> {
    pub(super) fn new(cache: Arc<Inner<K, V, E, O>>, departure: Departure<K, V, E>) -> Self {
        Self { cache, aboard: Some(departure) }
    }

    /// Loads and lands until nobody waits any more.
    pub(super) async fn fly(mut self) {
        while let Some(loader) = self.aboard.as_mut().and_then(|departure| departure.loader.take()) {
            let deadline = self.cache.load_deadline();
            // A panic must reach those who wait, not the runtime. The loader is gone after it, so nothing torn is seen.
            let load = AssertUnwindSafe(async move { loader().await }).catch_unwind();
            let outcome = match within(deadline, load).await {
                None => Err(LoadError::TooSlow(deadline)),
                Some(Err(_)) => Err(LoadError::Panicked),
                Some(Ok(loaded)) => loaded.map_err(|error| LoadError::Failed(Arc::new(error))),
            };
            self.land(outcome);
        }
    }

    fn land(&mut self, outcome: Result<Loaded<V>, LoadError<E>>) {
        if let Some(departure) = self.aboard.take() {
            let Arrival { landing, next } = self.cache.land(&departure, outcome);
            self.aboard = next;
            departure.landing.send_replace(Some(landing));
        }
    }
}

impl<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K>> Drop for Run<K, V, E, O> {
    fn drop(&mut self) {
        while self.aboard.is_some() {
            self.land(Err(LoadError::Abandoned));
        }
    }
}

impl<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K>> Inner<K, V, E, O> {
    fn load_deadline(&self) -> Duration {
        self.with(|state| state.settings.load_deadline)
    }

    /// Ends a load. Everything proportional to a body, or foreign, is done before the lock is taken.
    fn land(&self, departure: &Departure<K, V, E>, outcome: Result<Loaded<V>, LoadError<E>>) -> Arrival<K, V, E> {
        let outcome = outcome.map(|Loaded { as_of, day, value }| Loaded { as_of, day, value: value.map(Arc::new) });
        let bytes = match &outcome {
            Ok(Loaded { value: Some(value), .. }) => Lru::weigh(&*departure.key, &**value),
            _ => 0,
        };
        let now = self.now();
        self.with(|state| state.land(departure, outcome, bytes, now))
    }
}
