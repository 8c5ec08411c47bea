//! A revision-checked LRU and TTL cache with single-flight, generic over key and body.
//!
//! It does not know contacts, SQLite or HTTP. A body is loaded by a closure of the caller. A *revision* is a number
//! that the source increments with each change; a *scope* is what has revisions.
//!
//! # Guarantees
//!
//! A load reads `as_of`, the source's newest revision, in the same read transaction as the data. *published(scope)* is
//! the newest revision that was published for the scope.
//!
//! > An entry is fresh if its `as_of` is not older than published(scope), it was computed on the current UTC day, and
//! > its
//! > TTL has not expired. Only fresh entries are hits. A write is acknowledged only after its revisions are published.
//!
//! Therefore a read that starts after the acknowledgement of a write never gets older data, whatever else runs
//! concurrently: a load that started before the write has the `as_of` of its own snapshot, so its value is not fresh.
//! The usual race, an invalidation during a load, cannot occur.
//!
//! published(scope) is `max(floor, map[scope])`. At the start, when the map is full ([`PUBLISHED_SCOPES_MAX`]), and
//! after a reset, the map is emptied and the floor is set to the newest revision. This costs recomputations, never a
//! stale answer. An entry is never replaced by one with a smaller `as_of`.
//!
//! - **Single-flight.** A request may join a running load only if the load started after the revision that was
//!   published for its scope at the time of the request, and on the same UTC day. An answer whose `as_of` is older than
//!   the request requires is never returned to it. A key has at most one running load, and one waiting load that starts
//!   when the first ends; requests that may not join the first join the second. Waiting is not polling. A load runs on
//!   its own task, so the request that started it may be cancelled. If a load fails or panics, all waiting requests get
//!   the error, nothing is stored, and the next request loads again. A load has a deadline.
//! - **Bounds.** Entries and bytes; the least recently used entry is evicted first, unless one owner has more than its
//!   share (`shares.rs`). A body that exceeds the bound by itself is served and not stored. A changed bound applies at
//!   once.
//! - **TTL.** A function of the key, part of the [`CacheSettings`]. An entry has the time of its load and its UTC day
//!   instead of a deadline, and both are evaluated at each read. So a changed TTL applies to existing entries and
//!   running loads.
//! - **Clear.** A clear or removal supersedes the running loads of its keys: their values are returned to the requests
//!   that came before, and not stored.
//! - **Stale if error.** If a load fails, an entry whose TTL or day has ended, but whose `as_of` is not older than
//!   published(scope), is served for at most `stale_if_error`, as [`CacheStatus::Stale`]. An entry that is older than
//!   published(scope) is never served. The sweep keeps an expired entry until it could not be served stale any more.
//!   While publications may be missing ([`Cache::suspend`]), every entry counts as expired from that moment at the
//!   latest.
//!
//! The floor decreases in one case: [`Cache::reset_to`] a revision below a published one. Then the database was
//! replaced, or a publication overtook the reset. No entry and no running load survives a reset, so every answer comes
//! from a load that starts later and sees everything that was published.
//!
//! # Layout
//!
//! `read_through.rs` serves requests, `invalidation.rs` removes entries, `inspection.rs` lists and counts them. They
//! use the one lock of `cache.rs` around the state of `state.rs`, which consists of the entries (`lru.rs`, `shares.rs`), the
//! published revisions (`published_revisions.rs`), the loads (`single_flight.rs`) and the counters (`stats.rs`).
//! `freshness.rs` defines what is fresh, `load_task.rs` runs loads, and `observer.rs` lets other modules follow what
//! happens.

#[expect(clippy::module_inception, reason = "the file of the struct Cache")]
mod cache;
mod freshness;
mod inspection;
mod interface;
mod invalidation;
mod load_task;
mod lru;
mod observer;
mod published_revisions;
mod read_through;
mod settings;
mod shares;
mod single_flight;
mod state;
mod stats;
mod sync;
#[cfg(test)]
mod tests;

pub use self::cache::Cache;
pub use self::inspection::{EntryTotals, EntryView, Occupancy};
pub use self::interface::{Body, CacheStatus, EntryShare, Key, Served, WarmLoad};
pub use self::observer::Observer;
pub use self::settings::{CacheSettings, LOAD_DEADLINE, PUBLISHED_SCOPES_MAX, Ttl};
pub use self::single_flight::{LoadError, Loaded};
pub use self::stats::{DurationHistogram, Removals, Stats};
