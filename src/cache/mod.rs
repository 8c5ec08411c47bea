//! A revision-checked LRU and TTL cache with single-flight, generic over key and body.
//!
//! It knows nothing of contacts, SQLite or HTTP. A body is loaded by a closure of whoever asks; a *revision* is a
//! number that its source draws at each change, and a *scope* is what draws.
//!
//! # The promise
//!
//! A load reads, in its one read transaction, `as_of` (the counter) beside the data. *published(scope)* is the newest
//! revision that was published for the scope; it only rises.
//!
//! > An entry is fresh if its `as_of` is not older than published(scope), it was computed on today's UTC day, and its
//! > TTL runs. Only fresh entries are served. A write is acknowledged only after its revisions are published.
//!
//! It follows that a read which begins after this server acknowledged a write never sees older data, whatever else runs
//! at the same time: a load that began before the write carries the `as_of` that its own snapshot showed, so it is
//! simply not fresh afterwards. The race that caches get wrong, invalidating while loading, is impossible by
//! construction.
//!
//! published(scope) is `max(floor, map[scope])`. At start, when the map is full ([`PUBLISHED_SCOPES_MAX`]) or in doubt,
//! the map is emptied and the floor becomes the counter: doubt costs recomputations, never a stale answer. An entry is
//! never replaced by one with a smaller `as_of`.
//!
//! - **Single-flight.** A request may join a running load only if the load began after the request's published revision
//!   was published, and on the same UTC day; an answer whose `as_of` is below what its asker must see is never given to
//!   it. A key has at most one running load and one more that starts when it ends; who may not join the first joins the
//!   second. Waiting is not polling. The load runs on its own task: whoever asked first may go away. A load that fails
//!   or panics gives every waiter the error, caches nothing, and the next request tries again. A load has a deadline.
//! - **Bounds.** Entries and bytes; the least recently used goes first. A body larger than the whole bound is served
//!   and not kept. Changing a bound takes effect at once.
//! - **TTL.** A function of the key, part of the [`Settings`]. An entry stores when it was loaded and its UTC day, not
//!   a deadline: both are judged at each read, so a changed TTL also holds for what is there and what lands later.
//! - **Clear.** A clear or a drop makes running loads those of an older generation: what they bring is given to those
//!   who asked before and kept for nobody after.
//! - **Failure.** If a load fails, an entry past its TTL or day, whose `as_of` is still not older than
//!   published(scope), is served for at most `stale_if_error`, as [`Outcome::Stale`]. One that is older than published
//!   is never served, not even then. For the same reason the sweep leaves an expired entry alone until it could not be
//!   served stale any more. While publications may be missing ([`Cache::distrust`]) every entry counts as expired, at the
//!   latest since then.
//!
//! The floor falls in one case: [`Cache::doubt`] with a counter below what was published, which means that the database
//! is another one, or that a publication overtook the doubt. Then nothing that is there or under way is kept, so every
//! answer comes from a load that began later, and that sees everything that was published.
//!
//! # What if
//!
//! A bounded sample of the access history answers what the hit ratio would have been with other TTLs and bounds:
//! [`Cache::trace`] takes a snapshot, [`Trace::predict`] replays it without the lock. A key is sampled by its hash, with
//! all that happens to it; how, and what that costs a hit, says `trace/mod.rs`.
//!
//! # Layout
//!
//! `read.rs` is the way of a request, `control.rs` what changes the cache from outside, `census.rs` what can be seen of
//! it. All three go through the one lock, which guards `state.rs`: entries (`lru.rs`), published revisions
//! (`published.rs`), loads (`flight.rs`), counters (`stats.rs`) and the sampled history (`trace/`). `freshness.rs`
//! judges.

mod census;
mod control;
mod flight;
mod freshness;
mod lru;
mod published;
mod read;
mod settings;
mod state;
mod stats;
mod sync;
#[cfg(test)]
mod tests;
mod trace;

use std::hash::Hash;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use self::state::State;
use self::sync::Mutex;
use self::trace::Recorder;
use crate::clock::{Clock, Moment};

pub use self::census::{Census, EntryView, Occupancy};
pub use self::flight::{LoadError, Loaded};
pub use self::read::Warmed;
pub use self::settings::{LOAD_DEADLINE, PUBLISHED_SCOPES_MAX, Settings, TTL_EFFECTIVE_MAX, Ttl};
pub use self::stats::{Durations, Removals, Stats};
pub use self::trace::{Prediction, Scenario, TRACE_BYTES_MAX, TRACE_TTLS, Trace};

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

/// The cache. Cloning it is cheap, and every clone is the same cache.
pub struct Cache<K: Key, V: Body, E: Send + Sync + 'static>(Arc<Inner<K, V, E>>);

struct Inner<K: Key, V: Body, E> {
    clock: Clock,
    /// One lock, because a request's question concerns entries, revisions, loads and counters at one moment: between
    /// "what was published" and "which load may be joined" no publication may slip in. Held for a few hash look-ups by
    /// requests, and for one walk over the entries by sweeps, clears and listings. Nothing is loaded, awaited, woken or
    /// freed under it.
    state: Mutex<State<K, V, E>>,
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

impl<K: Key, V: Body, E: Send + Sync + 'static> Cache<K, V, E> {
    /// An empty cache. The counter is where the source's revisions stand now.
    #[must_use]
    pub fn new(settings: Settings<K>, clock: Clock, counter: i64) -> Self {
        let trace = Recorder::new(clock.moment(), settings.longest_ttl);
        Self::recording(settings, clock, counter, trace)
    }

    fn recording(settings: Settings<K>, clock: Clock, counter: i64, trace: Recorder<K>) -> Self {
        Self(Arc::new(Inner { clock, state: Mutex::new(State::new(settings, counter, trace)) }))
    }
}

impl<K: Key, V: Body, E: Send + Sync + 'static> Clone for Cache<K, V, E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Key, V: Body, E> Inner<K, V, E> {
    fn now(&self) -> Moment {
        self.clock.moment()
    }

    /// Does something under the lock. What it throws away is freed after it.
    fn with<R>(&self, act: impl FnOnce(&mut State<K, V, E>) -> R) -> R {
        let mut state = self.state.lock();
        let result = act(&mut state);
        let gone = mem::take(&mut state.lru.gone);
        drop(state);
        drop(gone);
        result
    }
}
