//! The current configuration in responses, with its entity tag.

use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, ETAG};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::cache_configuration::{CacheConfiguration, ConfigurationJson, Ttls};
use crate::http::negotiation::PRIVATE_NO_CACHE;
use crate::summaries::VersionedConfiguration;

/// The configuration that holds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CacheConfigurationAnswer)]
pub(super) struct CurrentBody {
    /// The configuration.
    configuration: ConfigurationJson,
    /// Its durations as people write them.
    humanized: DurationsInWords,
    /// Its version; 0 as long as nobody has changed the defaults.
    #[schema(example = 3)]
    version: u64,
}

impl CurrentBody {
    pub(super) fn of(current: &VersionedConfiguration) -> Self {
        let configuration = &current.configuration;
        Self {
            configuration: configuration.to_json(),
            humanized: DurationsInWords::of(configuration),
            version: current.version,
        }
    }
}

/// The configuration's durations as people write them: `1h`, `2h 30m`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DurationsInWords {
    /// How long entries live.
    ttl_settings: Ttls<String>,
    /// The same as `ttlSettings.default`.
    #[serde(rename = "defaultTTL")]
    #[schema(example = "30m")]
    default_ttl: String,
    /// How long an entry may be served after its TTL or its day while the database cannot be read.
    #[schema(example = "10m")]
    stale_if_error: String,
}

impl DurationsInWords {
    fn of(configuration: &CacheConfiguration) -> Self {
        let words = |duration: &Duration| humantime::format_duration(*duration).to_string();
        Self {
            ttl_settings: configuration.ttl.map(words),
            default_ttl: words(&configuration.ttl.default),
            stale_if_error: words(&configuration.stale_if_error),
        }
    }
}

/// An answer that carries the configuration's entity tag.
pub(super) fn tagged(current: &VersionedConfiguration, answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    let headers = response.headers_mut();
    // The tag is of letters, digits and quotation marks.
    if let Ok(tag) = HeaderValue::try_from(current.tag()) {
        headers.insert(ETAG, tag);
    }
    headers.insert(CACHE_CONTROL, PRIVATE_NO_CACHE);
    response
}
