//! Summaries as they are served: from the cache, and into it from one read transaction.
//!
//! In reading order:
//!
//! - `key`: what an answer is found by; `body`: the bytes that are kept; `entity_tag`: what names them.
//! - `read_through`: [`Summaries`], the way of a request; `load`: how an answer is computed; `error`: why there is none.
//! - `configuration`: what an administrator has tuned, as it is stored; `configure`: changing and applying it.
//! - `ttl_policy`, `write_activity`: from there to the TTL of each key, by how much is written to its enterprise.
//! - `cache_invalidation`: the store's change feed, applied to the cache.
//! - `warm`: loads before the first request.
//! - `live`: the event stream; `cache_counters`: the cache's counters as they leave the program.
//! - `minute_samples`, `analytics`: what the cache counts, minute by minute, and what that amounts to.
//! - `what_if`: the hit ratio that another setting would have had.

mod analytics;
mod body;
mod cache_counters;
mod cache_invalidation;
mod configuration;
mod configure;
mod entity_tag;
mod error;
mod key;
mod live;
mod load;
mod minute_samples;
mod read_through;
mod summary_cache;
mod ttl_policy;
mod warm;
mod what_if;
mod write_activity;

pub use self::analytics::{Analytics, Percentiles, PeriodStats, TargetState};
pub use self::body::{AnswerHead, SummaryBody};
pub use self::cache_counters::{Counts, DurationCounts, Micros};
pub use self::configuration::{ConfigurationEdit, Configured, VersionedConfiguration};
pub use self::error::SummaryError;
pub use self::key::{SummaryKey, SummaryKind};
pub use self::live::{EventName, Listener, Live, LiveEvent, LiveSample, ResetReason};
pub use self::read_through::{ConditionalAnswer, KnownTag, Summaries};
pub use self::summary_cache::{ServedSummary, SummaryCache};
pub use self::warm::{WarmError, WarmOutcome, WarmReport, WarmRequest};
pub use self::what_if::{SettingValue, TriedSetting, WhatIf, WhatIfPoint};
