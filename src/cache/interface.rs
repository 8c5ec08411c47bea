//! What callers implement for the cache, and what they get from it.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// What an entry is found by. Hashing, comparing and ordering happen under the cache's lock and must not panic.
pub trait Key: Clone + Ord + Hash + Send + Sync + 'static {
    /// What draws revisions.
    type Scope: Clone + Eq + Hash + Send + Sync + 'static;

    /// The scope whose revisions the entry follows; the same for equal keys.
    fn scope(&self) -> &Self::Scope;

    /// Bytes that the key owns outside of itself.
    fn bytes(&self) -> usize;
}

/// What is cached, with all its forms.
pub trait Body: Send + Sync + 'static {
    /// Bytes that the body owns outside of itself. When they grow, tell the cache: [`Cache::weigh_again`].
    fn bytes(&self) -> usize;
}

/// How an answer came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// From a fresh entry.
    Hit,
    /// By a load that this request asked for.
    Miss {
        /// Whether the answer is kept.
        stored: bool,
    },
    /// By a load that another request had asked for.
    Coalesced,
    /// From an overdue entry, because the load failed.
    Stale,
}

/// An answer.
#[derive(Debug)]
pub struct Served<V> {
    /// The shared body.
    pub value: Arc<V>,
    /// How it came to be.
    pub outcome: Outcome,
    /// How long ago its load began.
    pub age: Duration,
    /// How long its TTL still runs; it may end earlier with the day, or when a revision is published.
    pub ttl_left: Duration,
    /// The revision up to which it lacks nothing.
    pub as_of: i64,
    /// How long it took, from the question to the shared body.
    pub took: Duration,
}

/// What came of warming a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warmed {
    /// There was a fresh entry.
    AlreadyFresh,
    /// It was loaded.
    Loaded {
        /// Whether it is kept; not when it is too large, or when it changed meanwhile.
        stored: bool,
    },
    /// There is nothing of that name.
    Absent,
}
