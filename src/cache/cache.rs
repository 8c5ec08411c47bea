//! The cache: a handle to the one lock and what it guards.

use std::mem;
use std::sync::Arc;

use super::interface::{Body, Key};
use super::observer::Observer;
use super::settings::Settings;
use super::state::State;
use super::sync::Mutex;
use crate::clock::{Clock, Moment};

/// The cache. Cloning it is cheap, and every clone is the same cache.
pub struct Cache<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K> = ()>(pub(super) Arc<Inner<K, V, E, O>>);

pub(super) struct Inner<K: Key, V: Body, E, O> {
    pub(super) clock: Clock,
    /// One lock, because a request's question concerns entries, revisions, loads and counters at one moment: between
    /// "what was published" and "which load may be joined" no publication may slip in. Held for a few hash look-ups by
    /// requests, and for one walk over the entries by sweeps, clears and listings. Nothing is loaded, awaited, woken or
    /// freed under it.
    state: Mutex<State<K, V, E, O>>,
}

impl<K: Key, V: Body, E: Send + Sync + 'static> Cache<K, V, E> {
    /// An empty cache without an observer. The counter is where the source's revisions stand now.
    #[must_use]
    pub fn new(settings: Settings<K>, clock: Clock, counter: i64) -> Self {
        Self::observed(settings, clock, counter, ())
    }
}

impl<K: Key, V: Body, E: Send + Sync + 'static, O: Observer<K>> Cache<K, V, E, O> {
    /// An empty cache with an observer. The counter is where the source's revisions stand now.
    #[must_use]
    pub fn observed(settings: Settings<K>, clock: Clock, counter: i64, observer: O) -> Self {
        Self(Arc::new(Inner { clock, state: Mutex::new(State::new(settings, counter, observer)) }))
    }

    /// Calls a function with the observer, under the cache's lock.
    pub fn with_observer<R>(&self, act: impl FnOnce(&mut O) -> R) -> R {
        self.0.with(|state| act(&mut state.observer))
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

    /// Does something under the lock. What it throws away is freed after it.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut State<K, V, E, O>) -> R) -> R {
        let mut state = self.state.lock();
        let result = act(&mut state);
        let gone = mem::take(&mut state.lru.gone);
        drop(state);
        drop(gone);
        result
    }
}
