//! Changing the configuration, and going back to an earlier one.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::current_answer::{CurrentBody, tagged};
use super::if_match::ExpectedTags;
use super::patch::ConfigurationPatch;
use crate::domain::cache_configuration::{Refusal, Ttls};
use crate::http::answer::Answer;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::Json;
use crate::http::state::AppState;
use crate::summaries::ConfigurationEdit;

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

/// Where to go back to.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CacheConfigurationRevert)]
pub struct RevertBody {
    /// A version of the history; 0 for the defaults.
    #[schema(example = 1)]
    version: u64,
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::invalid_saying(refusal.sentence, refusal.errors)
    }
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
    expected: ExpectedTags,
    Json(patch): Json<ConfigurationPatch>,
) -> Result<Response, ApiError> {
    let change = ConfigurationEdit::Set(patch.check()?);
    let message = "Cache configuration updated successfully".to_owned();
    configure(&state, &caller, expected, change, message).await
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
    expected: ExpectedTags,
    Json(RevertBody { version }): Json<RevertBody>,
) -> Result<Response, ApiError> {
    let message = format!("Cache configuration reverted to version {version}");
    configure(&state, &caller, expected, ConfigurationEdit::Revert(version), message).await
}

async fn configure(
    state: &AppState,
    caller: &Caller,
    ExpectedTags(expected): ExpectedTags,
    change: ConfigurationEdit,
    message: String,
) -> Result<Response, ApiError> {
    let configured = state.summaries.configure(caller.actor(), change, expected).await?;
    let (current, changed) = (configured.now, configured.changed);
    let current_settings = current.configuration.ttl_millis();
    let body = ChangedBody { message, changed, current_settings, current: CurrentBody::of(&current) };
    Ok(tagged(&current, state.success(body)))
}
