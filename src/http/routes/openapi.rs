//! The OpenAPI document.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::http::error::ApiError;
use crate::http::state::AppState;

/// This document
#[utoipa::path(
    get, path = "/openapi.json", tag = "service", operation_id = "getDocument",
    responses((status = 200, description = "OpenAPI 3.1", body = Object, content_type = "application/json"))
)]
pub async fn document(State(state): State<AppState>, request: HeaderMap) -> Result<Response, ApiError> {
    let document = state.document.get().ok_or_else(|| ApiError::internal("no OpenAPI document was made"))?;
    Ok(document.answer(&request))
}
