//! Connects the cache to the recorder of `what_if`; neither module knows the other.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::cache::{self, CacheSettings, Observer};
use crate::clock::Moment;
use crate::what_if::{Recorder, SampledKey, Scenario};

/// The scenario of a cache with these settings.
pub(super) fn scenario<K: cache::Key>(settings: &CacheSettings<K>) -> Scenario<K> {
    Scenario {
        ttl: Arc::clone(&settings.ttl),
        entries_max: settings.entries_max,
        bytes_max: settings.bytes_max,
        stale_if_error: settings.stale_if_error,
    }
}

impl<K: cache::Key> SampledKey for K {
    type Scope = K::Scope;

    fn scope(&self) -> &K::Scope {
        cache::Key::scope(self)
    }

    fn bytes(&self) -> usize {
        cache::Key::bytes(self)
    }
}

impl<K: cache::Key> Observer<K> for Recorder<K> {
    fn fingerprint(&self, key: &K) -> u64 {
        Recorder::fingerprint(self, key)
    }

    #[inline]
    fn accessed(&mut self, key: &K, fingerprint: u64, now: Moment) {
        self.access(key, fingerprint, now);
    }

    fn revalidated(&mut self, key: &K, now: Moment) {
        self.revalidate(key, now);
    }

    fn warmed(&mut self, key: &K, now: Moment) {
        self.warm(key, now);
    }

    fn loaded(&mut self, key: &K, fingerprint: u64, bytes: Option<usize>, now: Moment) {
        match bytes {
            Some(bytes) => self.set_bytes(fingerprint, bytes),
            None => self.load_without_value(key, fingerprint, now),
        }
    }

    fn resized(&mut self, fingerprint: u64, bytes: usize) {
        self.set_bytes(fingerprint, bytes);
    }

    fn removed(&mut self, key: &K) {
        self.invalidate(key);
    }

    fn scope_invalidated(&mut self, scope: &<K as cache::Key>::Scope) {
        self.invalidate_scope(scope);
    }

    fn removed_where(&mut self, condition: impl FnMut(&K) -> bool) {
        self.invalidate_where(condition);
    }

    fn suspended(&mut self) {
        self.suspend();
    }

    fn reset(&mut self) {
        Recorder::reset(self);
    }

    fn swept(&mut self, now: Moment) {
        self.sweep(now);
    }
}
