//! The cache's configuration: reading, changing and going back.

mod patch;

use std::time::Duration;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use self::patch::ConfigurationPatch;
use super::summaries::KnownTags;
use crate::domain::cache_configuration::{CacheConfiguration, ConfigurationJson, Refusal, Ttls};
use crate::domain::page::RowCursor;
use crate::domain::time::Timestamp;
use crate::http::answer::{Answer, Paging};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{Json, PageParams, PageQuery};
use crate::http::negotiation::{PRIVATE_NO_CACHE, none_match_lists};
use crate::http::state::AppState;
use crate::store::StoredConfiguration;
use crate::summaries::{ConfigurationEdit, VersionedConfiguration};

/// The configuration that holds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CacheConfigurationAnswer)]
pub struct CurrentBody {
    /// The configuration.
    configuration: ConfigurationJson,
    /// Its durations as people write them.
    humanized: DurationsInWords,
    /// Its version; 0 as long as nobody has changed the defaults.
    #[schema(example = 3)]
    version: u64,
}

impl CurrentBody {
    fn of(current: &VersionedConfiguration) -> Self {
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
pub struct DurationsInWords {
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

/// The configuration that holds, beside what it began as.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CacheConfigurationState)]
pub struct StateBody {
    #[serde(flatten)]
    current: CurrentBody,
    /// What version 0 says, before anybody changed anything.
    defaults: ConfigurationJson,
}

/// What came of a change.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CacheConfigurationChanged)]
pub struct ChangedBody {
    /// What happened.
    #[schema(example = "Cache configuration updated successfully")]
    message: String,
    /// Whether anything is other than before; if not, the version is the same, too.
    #[schema(example = true)]
    changed: bool,
    /// How long entries live, in milliseconds.
    current_settings: Ttls<u64>,
    #[serde(flatten)]
    current: CurrentBody,
}

/// One change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CacheConfigurationVersion)]
pub struct VersionBody {
    /// The version that it made.
    #[schema(example = 3)]
    version: u64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who made it.
    #[schema(example = "ops (token 01k5n8w3q7r2v)")]
    actor: String,
    /// From where.
    #[schema(example = "127.0.0.1")]
    address: String,
    /// The whole configuration after it.
    #[schema(value_type = ConfigurationJson)]
    configuration: Value,
}

impl From<StoredConfiguration> for VersionBody {
    fn from(stored: StoredConfiguration) -> Self {
        let StoredConfiguration { version, at, actor, address, json } = stored;
        Self { version, at, actor, address, configuration: json }
    }
}

/// A page of changes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CacheConfigurationHistory)]
pub struct HistoryBody {
    /// The changes, newest first.
    history: Vec<VersionBody>,
    #[serde(flatten)]
    paging: Paging,
}

/// Where to go back to.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CacheConfigurationRevert)]
pub struct RevertBody {
    /// A version of the history; 0 for the defaults.
    #[schema(example = 1)]
    version: u64,
}

/// What the client believes to be changing.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it only describes a header")]
pub struct ExpectedTags {
    /// The entity tag of the configuration that this change is meant for; 412 if another holds by now.
    #[param(rename = "If-Match", value_type = String, required = false)]
    if_match: Option<String>,
}

/// The tags of `If-Match` (RFC 9110, section 13.1.1); none if it is absent or says `*`, since there always is a
/// configuration. What is no strong tag equals none of ours.
fn expected_tags(headers: &HeaderMap) -> Option<Vec<String>> {
    let fields = headers.get_all(IF_MATCH);
    headers.contains_key(IF_MATCH).then_some(())?;
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let fields: Vec<String> = fields.iter().map(text).collect();
    let tags: Vec<String> = fields.iter().flat_map(|field| field.split(',')).map(|tag| tag.trim().to_owned()).collect();
    (!tags.iter().any(|tag| tag == "*")).then_some(tags)
}

/// An answer that carries the configuration's entity tag.
fn tagged(current: &VersionedConfiguration, answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    let headers = response.headers_mut();
    // The tag is of letters, digits and quotation marks.
    if let Ok(tag) = HeaderValue::try_from(current.tag()) {
        headers.insert(ETAG, tag);
    }
    headers.insert(CACHE_CONTROL, PRIVATE_NO_CACHE);
    response
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::invalid_saying(refusal.sentence, refusal.errors)
    }
}

/// The cache's configuration
///
/// How long entries live, how many are kept, and what is aimed at. Durations are in milliseconds.
#[utoipa::path(
    get, path = "/cache/config", tag = "cache", operation_id = "getCacheConfiguration", params(KnownTags),
    responses(
        (status = 200, body = Answer<StateBody>, headers(("ETag" = String, description = "Names this version"))),
        (status = 304, description = "The client has it already"),
    )
)]
pub async fn get(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let current = state.summaries.configuration_changes().borrow().clone();
    let tag = current.tag();
    if none_match_lists(&headers, tag.as_bytes()) {
        return tagged(&current, StatusCode::NOT_MODIFIED);
    }
    let defaults = CacheConfiguration::default().to_json();
    tagged(&current, state.success(StateBody { current: CurrentBody::of(&current), defaults }))
}

/// Change the cache's configuration
///
/// Takes any part of it, and changes all of that or nothing. A duration is a number of milliseconds or a text such as
/// `2h 30m`. The change holds at once, also for entries that are there, and after a restart; it is written to the audit log.
/// What changes nothing makes no version.
#[utoipa::path(
    put, path = "/cache/config", tag = "cache", operation_id = "changeCacheConfiguration", params(ExpectedTags),
    request_body(content = ConfigurationPatch, example = json!({
        "ttlSettings": {"enterprise": "2h 30m", "department": 900_000}, "maxCacheSize": 2_000
    })),
    responses(
        (status = 200, body = Answer<ChangedBody>, headers(("ETag" = String, description = "Names the version"))),
    )
)]
pub async fn change(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    Json(patch): Json<ConfigurationPatch>,
) -> Result<Response, ApiError> {
    let change = ConfigurationEdit::Set(patch.check()?);
    let message = "Cache configuration updated successfully".to_owned();
    configure(&state, &caller, &headers, change, message).await
}

/// List the changes of the cache's configuration
///
/// Newest first. Version 0 is not among them: it is the defaults, which nobody made.
#[utoipa::path(
    get, path = "/cache/config/history", tag = "cache", operation_id = "listCacheConfigurations", params(PageParams),
    responses((status = 200, body = Answer<HistoryBody>))
)]
pub async fn history(
    State(state): State<AppState>,
    PageQuery { page, .. }: PageQuery<RowCursor>,
) -> Result<Json<Answer<HistoryBody>>, ApiError> {
    let (history, paging) = state.read_page(page, |tx, page| tx.cache_configurations(page)).await?;
    Ok(state.success(HistoryBody { history, paging }))
}

/// Go back to an earlier configuration of the cache
///
/// Makes a new version that says what the earlier one said, so that this can be undone, too.
#[utoipa::path(
    post, path = "/cache/config/revert", tag = "cache", operation_id = "revertCacheConfiguration", params(ExpectedTags),
    request_body(content = RevertBody, example = json!({"version": 1})),
    responses(
        (status = 200, body = Answer<ChangedBody>, headers(("ETag" = String, description = "Names the version"))),
        (status = 404), (status = 409)
    )
)]
pub async fn revert(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    Json(RevertBody { version }): Json<RevertBody>,
) -> Result<Response, ApiError> {
    let message = format!("Cache configuration reverted to version {version}");
    configure(&state, &caller, &headers, ConfigurationEdit::Revert(version), message).await
}

async fn configure(
    state: &AppState,
    caller: &Caller,
    headers: &HeaderMap,
    change: ConfigurationEdit,
    message: String,
) -> Result<Response, ApiError> {
    let configured = state.summaries.configure(caller.actor(), change, expected_tags(headers)).await?;
    let (current, changed) = (configured.now, configured.changed);
    let current_settings = current.configuration.ttl_millis();
    let body = ChangedBody { message, changed, current_settings, current: CurrentBody::of(&current) };
    Ok(tagged(&current, state.success(body)))
}
