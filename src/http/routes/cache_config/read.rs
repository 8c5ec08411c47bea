//! Reading the configuration and its history.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::current_answer::{CurrentBody, tagged};
use crate::domain::cache_configuration::{CacheConfiguration, ConfigurationJson};
use crate::domain::page::RowCursor;
use crate::domain::time::Timestamp;
use crate::http::answer::{Answer, Paging};
use crate::http::error::ApiError;
use crate::http::extract::{Json, PageParams, PageQuery};
use crate::http::negotiation::none_match_lists;
use crate::http::routes::summaries::KnownTags;
use crate::http::state::AppState;
use crate::store::StoredConfiguration;

/// The configuration that holds, beside what it began as.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CacheConfigurationState)]
pub struct StateBody {
    #[serde(flatten)]
    current: CurrentBody,
    /// What version 0 says, before anybody changed anything.
    defaults: ConfigurationJson,
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
