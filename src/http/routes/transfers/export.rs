//! Exporting contacts to a file.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::runtime::Handle;
use utoipa::{IntoParams, ToSchema};

use super::permit::{party, transfer_permit};
use super::pipe::Pieces;
use crate::domain::ids::{DepartmentId, EnterpriseId};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{PathId, PathIds, Query};
use crate::http::routes::id_and_name::checked_id;
use crate::http::state::AppState;
use crate::intake::{self, ExportError};
use crate::server::TransferTimeout;

/// Which contacts to export, and how.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ExportParams {
    /// The format; `csv` is the only one.
    #[param(inline, value_type = Option<ExportFormat>, example = "csv")]
    format: ExportFormat,
    /// Only the contacts of this department.
    department: Option<String>,
}

/// A format of exported files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// Comma-separated values, UTF-8, with a header.
    #[default]
    Csv,
}

/// Export contacts as CSV
///
/// All of them, oldest first, as a stream. `POST …/contacts/import` reads what this writes.
#[utoipa::path(
    get, path = "/enterprise/{enterpriseId}/contacts/export",
    tag = "contacts", operation_id = "exportContacts", params(ExportParams),
    responses((status = 200, description = "The file", body = String, content_type = "text/csv"))
)]
pub async fn export(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(enterprise): PathIds<EnterpriseId>,
    Query(ExportParams { format: ExportFormat::Csv, department }): Query<ExportParams>,
) -> Result<Response, ApiError> {
    // A text that cannot be an id names nothing.
    let department =
        checked_id::<DepartmentId>("department", department).map_err(|_| ApiError::not_found(DepartmentId::WHAT))?;
    let permit = transfer_permit(&state, &caller)?;
    let name = match &department {
        Some(department) => format!("{enterprise}-{department}-contacts.csv"),
        None => format!("{enterprise}-contacts.csv"),
    };
    let timeout = TransferTimeout::of_download(state.server.transfer_limits, state.clock.clone());
    let (mut pieces, mut taker) = Pieces::new(timeout, Handle::current());
    let store = state.store.clone();
    let party = party(&state, &caller);
    tokio::task::spawn_blocking(move || {
        let department = department.as_ref();
        let outcome =
            intake::export(&store, caller.reach(), &enterprise, department, &party, &mut |piece| pieces.send(piece));
        drop(permit);
        match outcome {
            Ok(_) => pieces.end(Ok(())),
            Err(ExportError::Store(error)) => pieces.end(Err(error)),
            Err(ExportError::Output(error)) => tracing::debug!(%error, "an export was not taken to its end"),
        }
    });
    let first = taker.first().await?;
    // Ids hold nothing that a header could not.
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")).map_err(ApiError::internal)?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present")),
        (CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, Body::from_stream(taker.stream(first))).into_response())
}
