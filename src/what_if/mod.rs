//! *What if*: predicts the hit ratio that a cache would have had with other TTLs and bounds.
//!
//! A [`Recorder`] keeps a bounded sample of the access history of a cache. [`Recorder::snapshot`] is a [`Trace`] of it,
//! and [`Trace::predict`] replays the trace under a [`Scenario`]. This module does not know the cache that it records;
//! `src/summaries` connects the two.
//!
//! # Sampling
//!
//! Sampling is spatial, as in SHARDS (Waldspurger, Park, Garthwaite, Ahmad: "Efficient MRC Construction with SHARDS",
//! FAST 2015): a key is in the sample if its hash lies below a threshold, and then with everything that happens to it.
//! So the sample is the complete history of a small cache, from which that of the large one is extrapolated. When the
//! sample exceeds its memory, the threshold is halved, and the keys above it are removed with all their records. The
//! hash has a seed of its own in each process, so that no client can choose ids that are always or never sampled.
//!
//! In contrast to SHARDS, a halving does not apply to a hot key, as often as the key was requested more than the
//! average key. A handful of keys can have a large part of all accesses, and a sample that lacks one of them, or has
//! one too many, is wrong by that part. A key that was sampled with a probability of one in eight represents eight
//! keys, and has the weight of eight in the simulation.
//!
//! # What is recorded
//!
//! Every request: hits, misses, coalesced and stale answers, 304s. Besides those: warming, invalidations, clears,
//! suspensions, resets and sweeps, loads that failed or found nothing, and changes of the UTC day. One record holds
//! what happened to one key within one second.
//!
//! # Cost
//!
//! The recorder is called under the cache's lock. For a key outside the sample, a hit costs an addition, a comparison
//! and a bit test, since the cache keeps the key's fingerprint in its entry; a miss hashes the key. For a key in the
//! sample, it costs a hash look-up and a few writes, some nanoseconds. An invalidation costs a look-up by scope. A full
//! sample is reduced in one step that takes a millisecond or two; this happens once for each halving of the rate, or
//! for each thousand records that are dropped. A snapshot shares the sealed segments and copies at most one open
//! segment, which takes a few microseconds.
//!
//! # Layout
//!
//! `recorder.rs` records, into the records and segments of `record.rs` and the key table of `keys.rs`;
//! `downsampling.rs` keeps it within its memory, with the filter for hot keys of `hot_keys.rs`. `trace.rs` is the
//! snapshot. `scenario.rs` has the question and the answer, `simulation.rs` the prediction, and `miniature_cache.rs`
//! the simulated cache.

mod downsampling;
mod hot_keys;
mod keys;
mod miniature_cache;
mod record;
mod recorder;
mod scenario;
mod simulation;
mod trace;

pub use self::keys::SampledKey;
pub use self::recorder::{LONGEST_TTL, Recorder, TRACE_BYTES_MAX};
pub use self::scenario::{Prediction, Scenario};
pub use self::trace::{TRACE_TTLS, Trace};
