//! Importing a file of contacts.

use axum::extract::{FromRequest, Request, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::permit::{party, transfer_permit};
use super::pipe::BodyReader;
use crate::domain::FieldError;
use crate::domain::ids::EnterpriseId;
use crate::http::answer::Answer;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{Json, PathIds, Query, Upload};
use crate::http::fair_shares::NewOwners;
use crate::http::state::AppState;
use crate::intake::{self, ImportError, ImportOptions};
use crate::store::MayCreate;
use crate::transfer::TransferError;
use crate::transfer::report::ImportReport;

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

/// A file as it is, for the document: a text is a file only together with an encoding.
struct FileBytes;

impl PartialSchema for FileBytes {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for FileBytes {}

/// What came of an import.
#[derive(Debug, Serialize, ToSchema)]
pub struct Imported {
    /// The report, as `muster import` prints it.
    report: ImportReport,
}

/// Import a CSV file
///
/// The body is the file itself, of any size, as `text/csv` or `application/octet-stream`. Its layout (Google, Outlook, Thunderbird, or plain columns such as name,
/// surname, email, phone and company), encoding and delimiter are recognised. Rows go in chunk by chunk while the file
/// arrives; a row that cannot is reported with its number and the reason, and the others go in. The same file again adds
/// nothing, so an import that broke off is simply sent again. With `createMissing` it creates at most 1,000 departments and employees, unless the
/// server is set otherwise; rows that need more are rejected.
#[utoipa::path(
    post, path = "/enterprise/{enterpriseId}/contacts/import",
    tag = "contacts", operation_id = "importContacts", params(ImportParams),
    request_body(
        content(
            (String = "text/csv", example = "name,surname,email,company\nGrace,Hopper,grace@contoso.example,Contoso\n"),
            (inline(FileBytes) = "application/octet-stream")
        )
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
    let permit = transfer_permit(&state, &caller)?;
    let known = enterprise.clone();
    state.store.read(move |tx| tx.enterprise(&known)).await?;
    let upload = Upload::from_request(request, &state).await?;
    let ImportParams { department, employee, create_missing, dry_run } = params;
    let may_create = if create_missing { MayCreate::WithinEnterprise } else { MayCreate::Nothing };
    let new_owners_max = state.settings.import_new_owners_max;
    let mut leave = create_missing.then(|| state.share_of(&caller).new_owners(new_owners_max)).transpose()?;
    let new_owners_max = Some(leave.as_ref().map_or(new_owners_max, NewOwners::left));
    let reach = caller.reach().clone();
    let options =
        ImportOptions { reach, enterprise, department, employee, may_create, new_owners_max, dry_run, file: None };
    let store = state.store.clone();
    let party = party(&state, &caller);
    let runtime = Handle::current();
    let work = tokio::task::spawn_blocking(move || {
        let mut body = BodyReader::new(upload, runtime);
        let outcome = intake::open(&mut body, &options)
            .and_then(|reader| intake::import(&store, reader, &options, None, &party, &|_| {}));
        if let (Some(leave), false) = (&mut leave, dry_run) {
            // An import that broke off does not tell what it has created.
            let created = outcome.as_ref().map(|report| report.created.departments + report.created.employees);
            leave.created(created.unwrap_or(leave.left()));
        }
        drop(permit);
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
    }
}
