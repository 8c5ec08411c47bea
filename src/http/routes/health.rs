//! Is the server alive, and is it ready.

use axum::extract::State;
use serde::Serialize;

use crate::domain::trouble::StoreTrouble;
use crate::http::answer::Answer;
use crate::http::error::{ApiError, Problem};
use crate::http::extract::Json;
use crate::http::state::AppState;
use crate::telemetry;

/// That the server is alive.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Health {
    /// Always true.
    #[schema(example = true)]
    success: bool,
    /// Always `alive`.
    #[schema(example = "alive")]
    status: &'static str,
    /// The version of Muster.
    #[schema(example = "0.2.0")]
    version: &'static str,
    /// The commit that it is built from, and its day.
    #[schema(example = "e3b0f2d 2026-11-22")]
    commit: &'static str,
    /// What keeps the database from being written, as the newest write found it; null where nothing does.
    #[schema(required)]
    trouble: Option<StoreTrouble>,
    /// Now.
    #[schema(example = "2026-11-22T07:31:37.860Z")]
    timestamp: String,
}

/// Whether the process is alive
///
/// Asks nothing of the database; `/readyz` does. What is known to be wrong with it is told all the same.
#[utoipa::path(
    get, path = "/healthz", tag = "service", operation_id = "getHealth",
    responses((status = 200, body = Health))
)]
pub async fn health(State(state): State<AppState>) -> Json<Health> {
    let timestamp = state.clock.now().to_string();
    let (version, commit) = (env!("CARGO_PKG_VERSION"), telemetry::BUILT_FROM);
    let trouble = state.store.trouble();
    Json(Health { success: true, status: "alive", version, commit, trouble, timestamp })
}

/// That the server is ready.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Ready {
    /// Always `ready`.
    #[schema(example = "ready")]
    status: &'static str,
}

/// Whether the server can do its work
///
/// The database is open, at this version's schema, and takes writes; each call tries that. A 503 says what is amiss.
#[utoipa::path(
    get, path = "/readyz", tag = "service", operation_id = "getReadiness",
    responses(
        (status = 200, body = Answer<Ready>),
        (
            status = 503, description = "Not ready; the problem says why",
            body = Problem, content_type = "application/problem+json"
        )
    )
)]
pub async fn ready(State(state): State<AppState>) -> Result<Json<Answer<Ready>>, ApiError> {
    if state.stop.is_cancelled() {
        return Err(ApiError::unavailable("The server is shutting down", 1));
    }
    state.readiness.probe(&state.store).await?;
    Ok(state.success(Ready { status: "ready" }))
}
