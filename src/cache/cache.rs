//! The cache: a handle to the one lock and what it guards.

use std::mem;
use std::sync::Arc;

use super::interface::{Body, Key};
use super::settings::Settings;
use super::state::State;
use super::sync::Mutex;
use super::trace::Recorder;
use crate::clock::{Clock, Moment};

/// The cache. Cloning it is cheap, and every clone is the same cache.
pub struct Cache<K: Key, V: Body, E: Send + Sync + 'static>(pub(super) Arc<Inner<K, V, E>>);

pub(super) struct Inner<K: Key, V: Body, E> {
    pub(super) clock: Clock,
    /// One lock, because a request's question concerns entries, revisions, loads and counters at one moment: between
    /// "what was published" and "which load may be joined" no publication may slip in. Held for a few hash look-ups by
    /// requests, and for one walk over the entries by sweeps, clears and listings. Nothing is loaded, awaited, woken or
    /// freed under it.
    state: Mutex<State<K, V, E>>,
}

impl<K: Key, V: Body, E: Send + Sync + 'static> Cache<K, V, E> {
    /// An empty cache. The counter is where the source's revisions stand now.
    #[must_use]
    pub fn new(settings: Settings<K>, clock: Clock, counter: i64) -> Self {
        let trace = Recorder::new(clock.moment(), settings.longest_ttl);
        Self::recording(settings, clock, counter, trace)
    }

    pub(super) fn recording(settings: Settings<K>, clock: Clock, counter: i64, trace: Recorder<K>) -> Self {
        Self(Arc::new(Inner { clock, state: Mutex::new(State::new(settings, counter, trace)) }))
    }
}

impl<K: Key, V: Body, E: Send + Sync + 'static> Clone for Cache<K, V, E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Key, V: Body, E> Inner<K, V, E> {
    pub(super) fn now(&self) -> Moment {
        self.clock.moment()
    }

    /// Does something under the lock. What it throws away is freed after it.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut State<K, V, E>) -> R) -> R {
        let mut state = self.state.lock();
        let result = act(&mut state);
        let gone = mem::take(&mut state.lru.gone);
        drop(state);
        drop(gone);
        result
    }
}
