//! Summaries as they are served: from the cache, and into it from one read transaction.
//!
//! - `read_through`: the struct `Summaries`, which answers requests from the cache or by a load.
//! - `key`, `body`, `entity_tag`, `rollback`, `summary_cache`: the cache's types; `load` and `error`: how an answer is computed.
//! - `configuration`, `configure`: the cache's settings, stored as versions and applied.
//! - `ttl_policy`, `write_activity`: the TTL of each key, which depends on how much is written to its enterprise.
//! - `cache_invalidation`: the store's changes, applied to the cache; `warm`: loads before the first request.
//! - `live`: the event stream; `cache_counters`: the cache's counters as JSON.
//! - `minute_samples`, `analytics`: the counters minute by minute, and statistics of them.
//! - `recording`, `what_if`: the recorded access history, and the hit ratio of other settings.

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
mod recording;
mod rollback;
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
