//! How an administrator's configuration becomes the cache's settings: the TTL of each key.

use std::time::Duration;

use super::key::{Kind, SummaryKey};
use crate::cache::Settings;
use crate::domain::cache_configuration::{CacheConfiguration, TtlSettings};

/// The cache's settings by a configuration.
pub(super) fn settings(configuration: &CacheConfiguration) -> Settings<SummaryKey> {
    let ttl = configuration.ttl;
    let settings = Settings::new(configuration.entries_max, configuration.bytes_max, move |key| by_kind(&ttl, key));
    Settings { stale_if_error: configuration.stale_if_error, ..settings }
}

fn by_kind(ttl: &TtlSettings, key: &SummaryKey) -> Duration {
    match key.kind() {
        Kind::Enterprise => ttl.enterprise,
        Kind::Department => ttl.department,
        Kind::Details => ttl.default,
    }
}
