//! The settings of the cache, which can be changed while it runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::interface::Key;

/// Scopes in the map of published revisions. A thousand entries need few of them; an import that changes more scopes
/// than this empties the map, which costs only recomputations. About 3 MB of short ids.
pub const PUBLISHED_SCOPES_MAX: usize = 20_000;

/// The longest duration of a load. Longer than any read of rollups takes, shorter than users wait.
pub const LOAD_DEADLINE: Duration = Duration::from_secs(10);

/// The TTL of a key's entry. Called under the cache's lock at each read, so it must be quick, must not panic and must
/// not call the cache.
pub type Ttl<K> = Arc<dyn Fn(&K) -> Duration + Send + Sync>;

/// The settings of the cache. A change applies at once, to entries and to running loads.
pub struct CacheSettings<K> {
    /// The most entries.
    pub entries_max: usize,
    /// The most bytes: keys, bodies in all their forms, overhead.
    pub bytes_max: usize,
    /// The TTL of each key.
    pub ttl: Ttl<K>,
    /// How long after its TTL or its day an entry may still be served when a load fails.
    pub stale_if_error: Duration,
    /// The longest duration of a load; [`LOAD_DEADLINE`] outside tests.
    pub load_deadline: Duration,
    /// Scopes in the map of published revisions; [`PUBLISHED_SCOPES_MAX`] outside tests.
    pub published_scopes_max: usize,
}

/// The bounds of a cache.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) entries_max: usize,
    pub(super) bytes_max: usize,
}

impl<K> CacheSettings<K> {
    pub(super) fn bounds(&self) -> Bounds {
        Bounds { entries_max: self.entries_max, bytes_max: self.bytes_max }
    }
}

impl<K: Key> CacheSettings<K> {
    /// Settings with the default deadline and without stale answers.
    pub fn new(entries_max: usize, bytes_max: usize, ttl: impl Fn(&K) -> Duration + Send + Sync + 'static) -> Self {
        Self {
            entries_max,
            bytes_max,
            ttl: Arc::new(ttl),
            stale_if_error: Duration::ZERO,
            load_deadline: LOAD_DEADLINE,
            published_scopes_max: PUBLISHED_SCOPES_MAX,
        }
    }
}

// Not derived, because that would require `K: Clone` and `K: Debug`.
impl<K> Clone for CacheSettings<K> {
    fn clone(&self) -> Self {
        Self { ttl: Arc::clone(&self.ttl), ..*self }
    }
}

impl<K> fmt::Debug for CacheSettings<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheSettings")
            .field("entries_max", &self.entries_max)
            .field("bytes_max", &self.bytes_max)
            .field("stale_if_error", &self.stale_if_error)
            .field("load_deadline", &self.load_deadline)
            .field("published_scopes_max", &self.published_scopes_max)
            .finish_non_exhaustive()
    }
}
