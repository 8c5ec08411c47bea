//! What the cache counts, minute by minute: in memory for reading, in the database for after a restart.
//!
//! A sample is the difference between two looks at the cache's counters, so samples lose nothing and count nothing twice:
//! what they amount to, with the minute that still runs, is what was counted since the start. Which minute it is says the
//! wall clock, whatever it does.

mod clock_jumps;
mod from_counters;
mod history;
mod sampler;
#[cfg(test)]
mod tests;
mod timeline;

pub(super) use self::sampler::{Sampler, WindowSamples};
