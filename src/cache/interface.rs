//! What users of the cache implement, and what they receive.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// The key of an entry. It is hashed, compared and ordered under the cache's lock, so none of these may panic.
pub trait Key: Clone + Ord + Hash + Send + Sync + 'static {
    /// What has revisions.
    type Scope: Clone + Eq + Hash + Send + Sync + 'static;

    /// Whose entries share a full cache.
    type Owner: Clone + Eq + Hash + Send + Sync + 'static;

    /// The scope whose revisions invalidate the entry; the same for equal keys.
    fn scope(&self) -> &Self::Scope;

    /// Bytes on the heap that the key owns.
    fn bytes(&self) -> usize;

    /// In whose share the entry is; the same for equal keys.
    fn share(&self) -> EntryShare<'_, Self::Owner>;
}

/// In whose share of a full cache an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryShare<'a, O> {
    /// In nobody's.
    None,
    /// This owner's, as a page: clients can ask for any number of them.
    Page(&'a O),
    /// This owner's, as one of the others, of which there are only so many.
    Other(&'a O),
}

/// What is cached, in all its forms.
pub trait Body: Send + Sync + 'static {
    /// Bytes on the heap that the body owns. When they grow, [`Cache::update_bytes`](super::Cache::update_bytes) must
    /// be called.
    fn bytes(&self) -> usize;

    /// A number that grows with each change of what it was computed from, for lists of entries.
    fn version(&self) -> i64 {
        0
    }
}

/// How a request was answered (compare RFC 9211, the `Cache-Status` field).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheStatus {
    /// From a fresh entry.
    Hit,
    /// By a load that this request started.
    Miss {
        /// Whether the value was stored.
        stored: bool,
    },
    /// By a load that another request had started.
    Coalesced,
    /// From an expired entry, because the load failed.
    Stale,
}

/// A value that the cache serves.
#[derive(Debug)]
pub struct Served<V> {
    /// The shared body.
    pub value: Arc<V>,
    /// Where it comes from.
    pub status: CacheStatus,
    /// How long ago its load started.
    pub age: Duration,
    /// The rest of its TTL. It may expire earlier with the UTC day, or be invalidated by a publication.
    pub ttl_left: Duration,
    /// The revision up to which it includes everything.
    pub as_of: i64,
    /// The duration from the request to the shared body.
    pub took: Duration,
}

/// The result of warming a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarmLoad {
    /// There was a fresh entry.
    AlreadyFresh,
    /// It was loaded.
    Loaded {
        /// Whether it was stored; not if it is too large, or changed meanwhile.
        stored: bool,
    },
    /// The key does not exist.
    Absent,
}
