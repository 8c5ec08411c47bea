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
//! # Layout
//!
//! `read.rs` is the way of a request, `control.rs` what changes the cache from outside, `census.rs` what can be seen of
//! it. All three go through the one lock, which guards `state.rs`: entries (`lru.rs`), published revisions
//! (`published.rs`), loads (`flight.rs`) and counters (`stats.rs`). `freshness.rs` judges. `observer.rs` is how other
//! modules follow what happens.

#[expect(clippy::module_inception, reason = "the file of the struct Cache")]
mod cache;
mod census;
mod control;
mod flight;
mod freshness;
mod interface;
mod landing;
mod lru;
mod observer;
mod published;
mod read;
mod settings;
mod state;
mod stats;
mod sync;
#[cfg(test)]
mod tests;

pub use self::cache::Cache;
pub use self::census::{Census, EntryView, Occupancy};
pub use self::flight::{LoadError, Loaded};
pub use self::interface::{Body, Key, Outcome, Served, Warmed};
pub use self::observer::Observer;
pub use self::settings::{LOAD_DEADLINE, PUBLISHED_SCOPES_MAX, Settings, Ttl};
pub use self::stats::{Durations, Removals, Stats};
