//! What the contacts of an enterprise or a department amount to.

use axum::extract::State;
use axum::response::Response;
use utoipa::{IntoParams, ToSchema};

use crate::domain::directory::Scope;
use crate::domain::ids::{DepartmentId, EnterpriseId};
use crate::domain::summary::{DepartmentSummary, EnterpriseSummary};
use crate::http::cached_response::{self, TakenHeaders};
use crate::http::error::ApiError;
use crate::http::extract::PathIds;
use crate::http::state::AppState;
use crate::summaries::SummaryKey;

/// A summary as it is answered, for the document: the answer itself is put together from bytes.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what the cache keeps")]
pub struct SummaryAnswer<T> {
    /// Always true.
    #[schema(example = true)]
    success: bool,
    /// Whether the data came from the cache.
    #[schema(example = true)]
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

/// What a client has already.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it only describes what the cache reads")]
pub struct KnownTags {
    /// Entity tags of answers that the client has; 304 if one of them still holds.
    #[param(rename = "If-None-Match", example = "W/\"1c2d-1-4711-20779\"")]
    if_none_match: Option<String>,
}

/// The summary of an enterprise
///
/// All its numbers come from one committed snapshot; none lacks a change that was acknowledged before the request.
/// Archived employees and departments, and the contacts they collected, are in none of them.
#[utoipa::path(
    get, path = "/enterprise/{enterpriseId}/contacts/summary", tag = "summaries", operation_id = "getEnterpriseSummary",
    params(KnownTags),
    responses(
        (status = 200, body = SummaryAnswer<EnterpriseSummary>, headers(
            ("ETag" = String, description = "Changes exactly when the body could"),
            ("Cache-Status" = String, description = "Hit or miss, by RFC 9211"),
            ("Age" = u64, description = "Seconds since the data was computed"),
        )),
        (status = 304, description = "The client has it already"),
    )
)]
pub async fn enterprise(
    State(state): State<AppState>,
    PathIds(id): PathIds<EnterpriseId>,
    headers: TakenHeaders,
) -> Result<Response, ApiError> {
    cached_response::answer(&state, &SummaryKey::summary(Scope::enterprise(id)), headers).await
}

/// The summary of a department
///
/// The same figures as the enterprise's, for one department, with every employee instead of departments and a leader
/// board.
#[utoipa::path(
    get, path = "/enterprise/{enterpriseId}/departments/{departmentId}/contacts/summary",
    tag = "summaries", operation_id = "getDepartmentSummary",
    params(KnownTags),
    responses(
        (status = 200, body = SummaryAnswer<DepartmentSummary>, headers(
            ("ETag" = String, description = "Changes exactly when the body could"),
            ("Cache-Status" = String, description = "Hit or miss, by RFC 9211"),
            ("Age" = u64, description = "Seconds since the data was computed"),
        )),
        (status = 304, description = "The client has it already"),
    )
)]
pub async fn department(
    State(state): State<AppState>,
    PathIds((enterprise, department)): PathIds<(EnterpriseId, DepartmentId)>,
    headers: TakenHeaders,
) -> Result<Response, ApiError> {
    cached_response::answer(&state, &SummaryKey::summary(Scope::department(enterprise, department)), headers).await
}
