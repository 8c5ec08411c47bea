//! What the contacts of an enterprise or a department amount to.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::ToSchema;

use crate::domain::ids::{DepartmentId, EnterpriseId};
use crate::domain::summary::{DepartmentSummary, EnterpriseSummary};
use crate::http::error::ApiError;
use crate::http::extract::PathIds;
use crate::http::state::AppState;
use crate::summaries::Computed;

/// A summary as it is answered, for the document: the answer itself is put together from bytes.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what `answer` writes")]
pub struct SummaryAnswer<T> {
    /// Always true.
    #[schema(example = true)]
    success: bool,
    /// Whether the data came from the cache.
    #[schema(example = false)]
    cached: bool,
    /// Whether the data is older than it should be, because newer could not be had.
    #[schema(example = false)]
    stale: bool,
    /// When the data was computed.
    #[schema(format = DateTime, example = "2026-11-22T07:31:37.860Z")]
    timestamp: String,
    /// The summary.
    data: T,
}

/// The summary of an enterprise
///
/// All its numbers come from one committed snapshot; none lacks a change that was acknowledged before the request.
/// Archived employees and departments, and the contacts they collected, are in none of them.
#[utoipa::path(
    get, path = "/enterprise/{enterpriseId}/contacts/summary", tag = "summaries", operation_id = "getEnterpriseSummary",
    responses((status = 200, body = SummaryAnswer<EnterpriseSummary>))
)]
pub async fn enterprise(
    State(state): State<AppState>,
    PathIds(id): PathIds<EnterpriseId>,
) -> Result<Response, ApiError> {
    Ok(answer(&state.summaries.enterprise(&id).await?))
}

/// The summary of a department
///
/// The same figures as the enterprise's, for one department, with every employee instead of departments and a leader
/// board.
#[utoipa::path(
    get, path = "/enterprise/{enterpriseId}/departments/{departmentId}/contacts/summary", tag = "summaries", operation_id = "getDepartmentSummary",
    responses((status = 200, body = SummaryAnswer<DepartmentSummary>))
)]
pub async fn department(
    State(state): State<AppState>,
    PathIds((enterprise, department)): PathIds<(EnterpriseId, DepartmentId)>,
) -> Result<Response, ApiError> {
    Ok(answer(&state.summaries.department(&enterprise, &department).await?))
}

/// Puts the envelope around data that is serialised already.
fn answer(computed: &Computed) -> Response {
    let head =
        format!(r#"{{"success":true,"cached":false,"stale":false,"timestamp":"{}","data":"#, computed.computed_at);
    let mut body = Vec::with_capacity(head.len() + computed.data.len() + 1);
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(&computed.data);
    body.push(b'}');
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], Body::from(body)).into_response()
}
