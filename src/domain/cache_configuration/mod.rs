//! What an administrator tunes while Muster runs: how long summaries are kept, how many, and what is aimed at.
//!
//! - `configuration`: [`CacheConfiguration`] and its defaults.
//! - `ranges`: the table of what can be set, and within which range.
//! - `change`: [`ConfigurationChange`], some of these fields with values that can be set.
//! - `json`: the configuration as the API shows it and the database keeps it.

mod change;
mod configuration;
mod json;
mod ranges;

pub use change::{ConfigurationChange, Refusal};
pub use configuration::{ActivityLimits, CacheConfiguration, Targets, TtlSettings, Ttls};
pub use json::ConfigurationJson;
pub use ranges::{
    BYTES_MAX, BYTES_MIN, DURATION_MAX, DURATION_MIN, ENTRIES_MAX, FIELDS, FieldRange, Given, HIT_MILLIS_MAX,
    INVALIDATIONS_MAX, WRITES_MAX,
};
