//! The access log: one line for each request.
//!
//! A line has the route's template and never the query or a header, where secrets may be.

use std::time::Duration;

use axum::extract::MatchedPath;
use axum::http::{Method, StatusCode};
use tracing::field;

use super::request_id::RequestId;
use super::route_meters::NO_ROUTE;
use crate::server::ClientAddress;

/// Writes the line of a request: at info if the server failed, else at debug, so that the default level costs nothing.
/// The filter `info,muster::access=debug` shows all.
pub(super) fn log_access(
    method: &Method,
    route: Option<&MatchedPath>,
    status: StatusCode,
    took: Duration,
    (id, client): (&RequestId, Option<ClientAddress>),
) {
    let route = route.map_or(NO_ROUTE, MatchedPath::as_str);
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let (status, request_id) = (status.as_u16(), id.as_str());
    let address = client.map(|ClientAddress(address)| field::display(address));
    // 503 is what a busy server says to many; what is more than that has a line of its own, with its cause.
    if status >= 500 && status != StatusCode::SERVICE_UNAVAILABLE {
        tracing::info!(target: "muster::access", %method, route, status, micros, request_id, address);
    } else {
        tracing::debug!(target: "muster::access", %method, route, status, micros, request_id, address);
    }
}
