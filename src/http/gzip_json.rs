//! JSON answers that are made anew for each request, and large enough to be compressed.

use std::io::Write;

use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use super::error::ApiError;
use super::extract::Json;
use super::negotiation::{GZIP, VARY_ACCEPT_ENCODING, accepts_gzip};

/// Answers with fewer bytes fit into a packet or two, compressed or not.
const GZIP_BYTES_MIN: usize = 2_048;

/// A JSON answer, in gzip where the client takes that. Under a millisecond for a hundred kilobytes.
pub(super) fn gzip_json<T: Serialize>(request: &HeaderMap, answer: &Json<T>) -> Result<Response, ApiError> {
    let json = serde_json::to_vec(&answer.0).map_err(ApiError::internal)?;
    let json_type = HeaderValue::from_static("application/json");
    let headers = [(CONTENT_TYPE, json_type), (VARY, VARY_ACCEPT_ENCODING)];
    if !accepts_gzip(request) || json.len() < GZIP_BYTES_MIN {
        return Ok((headers, Body::from(json)).into_response());
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(json.len() / 8), Compression::fast());
    let body = encoder.write_all(&json).and_then(|()| encoder.finish()).map_err(ApiError::internal)?;
    Ok((headers, [(CONTENT_ENCODING, GZIP)], Body::from(body)).into_response())
}
