//! How the server is doing, for Prometheus.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;
use crate::http::metrics;
use crate::http::negotiation;
use crate::http::state::AppState;

/// Metrics for Prometheus
///
/// Requests, the cache, the writer and the process as counters, gauges and histograms, in the `OpenMetrics` format; in the
/// older text format of Prometheus for a client that accepts that alone or prefers it. Labels hold route templates, methods, statuses and causes, and nothing of what is stored.
#[utoipa::path(
    get, path = "/metrics", tag = "service", operation_id = "getMetrics",
    responses((
        status = 200, description = "Every metric with its help",
        content((String = "application/openmetrics-text"), (String = "text/plain"))
    ))
)]
pub async fn scrape(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, ApiError> {
    // The sizes of files come from a disk that may hang.
    let written = tokio::task::spawn_blocking(move || metrics::exposition(&state)).await;
    let text = written.map_err(ApiError::internal)?.map_err(ApiError::internal)?;
    let (media_type, text) = if negotiation::prefers(&headers, metrics::TEXT, metrics::OPENMETRICS) {
        (metrics::TEXT, metrics::text_of(&text))
    } else {
        (metrics::OPENMETRICS, text)
    };
    Ok(([(CONTENT_TYPE, media_type), (VARY, ACCEPT.as_str())], text).into_response())
}
