//! The cache's counters minute by minute: in memory for reading, and in the database for the time after a restart.
//!
//! A sample is the difference between two states of the cache's counters, so no event is lost or counted twice: the sum
//! of all samples and the current minute equals the counters since the start. The minute of a sample is that of the
//! wall clock, even if the clock jumps.

mod clock_jumps;
mod from_counters;
mod history;
mod sampler;
#[cfg(test)]
mod tests;
mod timeline;

pub(super) use self::sampler::{Sampler, WindowSamples};
