//! Whole files of contacts, in and out, as streams.
//!
//! An import or export works on a thread that may block, and there are only so many places for them. Neither side can hold
//! one by standing still: what waits for the client waits for a piece at most as long as the settings say.

pub mod pipe;

use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::{FromRequest, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::{IntoParams, ToSchema};

use self::pipe::{BodyReader, Pieces};
use super::id_and_name::checked_id;
use crate::domain::FieldError;
use crate::domain::ids::{DepartmentId, EnterpriseId};
use crate::http::answer::Answer;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{Json, PathId, PathIds, Query, Upload};
use crate::http::state::AppState;
use crate::intake::{self, ExportError, ImportError, ImportOptions};
use crate::server::TransferTimeout;
use crate::store::MayCreate;
use crate::transfer::TransferError;
use crate::transfer::report::ImportReport;

/// Seconds after which a place for an import or export may have become free.
const BUSY_RETRY_SECS: u64 = 5;

/// How an import is to be done; the options of `muster import`.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct ImportParams {
    /// The department of the employee who collected the contacts.
    #[param(example = "sales")]
    department: Option<String>,
    /// The employee who collected the contacts; needed unless the file has a column that says so.
    #[param(example = "u1")]
    employee: Option<String>,
    /// Create departments and employees that do not exist, instead of refusing their rows.
    #[param(example = false)]
    create_missing: bool,
    /// Say what would be done, and do nothing.
    #[param(example = false)]
    dry_run: bool,
}

/// What came of an import.
#[derive(Debug, Serialize, ToSchema)]
pub struct Imported {
    /// The report, as `muster import` prints it.
    report: ImportReport,
}

/// Import a CSV file
///
/// The body is the file itself, of any size. Its layout (Google, Outlook, Thunderbird, or plain columns such as name,
/// surname, email, phone and company), encoding and delimiter are recognised. Rows go in chunk by chunk while the file
/// arrives; a row that cannot is reported with its number and the reason, and the others go in. The same file again adds
/// nothing, so an import that broke off is simply sent again.
#[utoipa::path(
    post, path = "/enterprise/{enterpriseId}/contacts/import", tag = "contacts", operation_id = "importContacts", params(ImportParams),
    request_body(
        content = String, content_type = "text/csv",
        example = "name,surname,email,company\nGrace,Hopper,grace@contoso.example,Contoso\n"
    ),
    responses((status = 200, body = Answer<Imported>))
)]
pub async fn import(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(enterprise): PathIds<EnterpriseId>,
    Query(params): Query<ImportParams>,
    request: Request,
) -> Result<Json<Answer<Imported>>, ApiError> {
    must_be_a_file(request.headers())?;
    let place = place(&state)?;
    let known = enterprise.clone();
    state.store.read(move |tx| tx.enterprise(&known)).await?;
    let upload = Upload::from_request(request, &state).await?;
    let ImportParams { department, employee, create_missing, dry_run } = params;
    let may_create = if create_missing { MayCreate::WithinEnterprise } else { MayCreate::Nothing };
    let options = ImportOptions { enterprise, department, employee, may_create, dry_run, file: None };
    let store = state.store.clone();
    let runtime = Handle::current();
    let work = tokio::task::spawn_blocking(move || {
        let mut body = BodyReader::new(upload, runtime);
        let outcome = intake::open(&mut body, &options)
            .and_then(|reader| intake::import(&store, reader, &options, None, &caller.actor(), &|_| {}));
        drop(place);
        outcome.map_err(|error| body.failure().unwrap_or_else(|| explain(error)))
    });
    let report = work.await.map_err(ApiError::internal)??;
    Ok(state.success(Imported { report }))
}

/// Refuses what is no file by its own account. Anything else is judged by its content: `curl --data-binary` calls every
/// file a form.
fn must_be_a_file(headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    let content_type = text(CONTENT_TYPE);
    let is_other = content_type.starts_with("multipart/") || content_type.starts_with("application/json");
    if is_other || !matches!(text(CONTENT_ENCODING).as_str(), "" | "identity") {
        return Err(ApiError::unsupported_media_type("text/csv, and be the file itself, not compressed"));
    }
    Ok(())
}

fn explain(error: ImportError) -> ApiError {
    match error {
        ImportError::NoOwner => {
            let message = "nothing says who collected these contacts; name the employee here, or add a column employee \
                           or employee_email to the file";
            ApiError::invalid(vec![FieldError::new("employee", message)])
        }
        error @ (ImportError::NoEnterprise(_) | ImportError::Owner(_)) => ApiError::not_found_saying(error.to_string()),
        ImportError::Transfer(TransferError::Io(error)) => ApiError::bad_request("The body broke off").caused_by(error),
        ImportError::Transfer(error) => ApiError::bad_request(format!("The file cannot be imported: {error}")),
        ImportError::Store(error) => {
            ApiError::of_trouble(error, "rows that went in before stay, and the same file can be sent again")
        }
        ImportError::Rejects(error) => ApiError::internal(error),
    }
}

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
    get, path = "/enterprise/{enterpriseId}/contacts/export", tag = "contacts", operation_id = "exportContacts", params(ExportParams),
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
    let place = place(&state)?;
    let name = match &department {
        Some(department) => format!("{enterprise}-{department}-contacts.csv"),
        None => format!("{enterprise}-contacts.csv"),
    };
    let timeout = TransferTimeout::of_download(state.server.transfer_limits, state.clock.clone());
    let (mut pieces, mut taker) = Pieces::new(timeout, Handle::current());
    let store = state.store.clone();
    tokio::task::spawn_blocking(move || {
        let outcome =
            intake::export(&store, &enterprise, department.as_ref(), &caller.actor(), &mut |piece| pieces.send(piece));
        drop(place);
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

/// A place for an import or export, or the advice to come back.
fn place(state: &AppState) -> Result<OwnedSemaphorePermit, ApiError> {
    state.transfers.clone().try_acquire_owned().map_err(|_| {
        state.meters.shed.transfers.fetch_add(1, Ordering::Relaxed);
        ApiError::unavailable("Too many imports and exports run at the moment; try again", BUSY_RETRY_SECS)
    })
}
