//! How the server is doing, for Prometheus.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;
use crate::http::metrics;
use crate::http::state::AppState;

/// Metrics for Prometheus
///
/// Requests, the cache, the writer and the process as counters, gauges and histograms, in the text format that Prometheus
/// reads. Labels hold route templates, methods, statuses and causes, and nothing of what is stored.
#[utoipa::path(
    get, path = "/metrics", tag = "service", operation_id = "getMetrics",
    responses((
        status = 200, description = "Every metric with its help",
        body = String, content_type = "application/openmetrics-text"
    ))
)]
pub async fn scrape(State(state): State<AppState>) -> Result<Response, ApiError> {
    // The sizes of files come from a disk that may hang.
    let written = tokio::task::spawn_blocking(move || metrics::exposition(&state)).await;
    let text = written.map_err(ApiError::internal)?.map_err(ApiError::internal)?;
    Ok(([(CONTENT_TYPE, metrics::OPENMETRICS)], text).into_response())
}
