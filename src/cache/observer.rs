//! The observer of the cache: the one way in which other modules follow what happens inside it.

use super::interface::Key;
use crate::clock::Moment;

/// Follows what happens to the keys of a cache. It is called under the cache's lock, in the order in which things
/// happen, so it must be quick, must not panic and must not call the cache. The cache is generic over its observer: a
/// hit costs what [`Self::accessed`] costs, and nothing for an observer that does nothing.
pub trait Observer<K: Key>: Send + 'static {
    /// A number that the observer derives from a key. The cache keeps it in the key's entry and hands it back at each
    /// hit, so that a hit need not hash the key.
    fn fingerprint(&self, _key: &K) -> u64 {
        0
    }

    /// A request: a hit, or a miss that starts or joins a load.
    fn accessed(&mut self, _key: &K, _fingerprint: u64, _now: Moment) {}

    /// A request that was answered 304 without an entry and without a load.
    fn revalidated(&mut self, _key: &K, _now: Moment) {}

    /// A key is warmed: loaded without a request, if it has no fresh entry.
    fn warmed(&mut self, _key: &K, _now: Moment) {}

    /// A load ended, with an entry of this size or without a value.
    fn loaded(&mut self, _key: &K, _fingerprint: u64, _bytes: Option<usize>, _now: Moment) {}

    /// The size of an entry changed.
    fn resized(&mut self, _fingerprint: u64, _bytes: usize) {}

    /// The entry of a key was removed, if there was one.
    fn removed(&mut self, _key: &K) {}

    /// The entries of a scope were invalidated.
    fn scope_invalidated(&mut self, _scope: &K::Scope) {}

    /// The entries were removed whose keys fulfil the condition.
    fn removed_where(&mut self, _condition: impl FnMut(&K) -> bool) {}

    /// Nothing is fresh from now on ([`Cache::suspend`](super::Cache::suspend)).
    fn suspended(&mut self) {}

    /// All entries were removed, and what is loaded from now on is fresh ([`Cache::reset_to`](super::Cache::reset_to)).
    fn reset(&mut self) {}

    /// Expired entries were removed.
    fn swept(&mut self, _now: Moment) {}
}

/// Observes nothing.
impl<K: Key> Observer<K> for () {}
