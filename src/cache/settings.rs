//! What can be tuned while the cache runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::interface::Key;

/// Scopes whose published revision is known by name. A thousand entries need few of them; an import that touches more
/// scopes than this empties the map, which costs recomputations and nothing else. About 3 MB of short ids.
pub const PUBLISHED_SCOPES_MAX: usize = 20_000;

/// How long a load may run. Longer than any read of rollups takes, shorter than people wait.
pub const LOAD_DEADLINE: Duration = Duration::from_secs(10);

/// How long entries of a key live. Called under the cache's lock at each read: it must be quick, must not panic and must
/// not call the cache.
pub type Ttl<K> = Arc<dyn Fn(&K) -> Duration + Send + Sync>;

/// The tunable settings. They hold at once, for what is there and for what lands later.
pub struct Settings<K> {
    /// Entries at most.
    pub entries_max: usize,
    /// Bytes at most: keys, bodies in all their forms, bookkeeping.
    pub bytes_max: usize,
    /// How long entries live, by key.
    pub ttl: Ttl<K>,
    /// How long after its TTL or its day an entry may still stand in for a load that failed.
    pub stale_if_error: Duration,
    /// How long a load may run; [`LOAD_DEADLINE`] if there is no reason for another.
    pub load_deadline: Duration,
    /// Scopes whose revision is known by name; [`PUBLISHED_SCOPES_MAX`] outside tests.
    pub published_scopes_max: usize,
}

impl<K: Key> Settings<K> {
    /// Bounds and TTLs, with the usual deadline and without stale answers.
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

// Not derived, because that would ask for `K: Clone` and `K: Debug`.
impl<K> Clone for Settings<K> {
    fn clone(&self) -> Self {
        Self { ttl: Arc::clone(&self.ttl), ..*self }
    }
}

impl<K> fmt::Debug for Settings<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("entries_max", &self.entries_max)
            .field("bytes_max", &self.bytes_max)
            .field("stale_if_error", &self.stale_if_error)
            .field("load_deadline", &self.load_deadline)
            .field("published_scopes_max", &self.published_scopes_max)
            .finish_non_exhaustive()
    }
}
