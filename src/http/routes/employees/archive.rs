//! Archiving, destroying and restoring employees.

use axum::extract::State;
use axum::response::Response;

use super::employee_answer::{EmployeeAnswer, EmployeePath};
use crate::http::answer::Answer;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{Json, PathIds, Query};
use crate::http::routes::archive_purge_restore::{PurgeParams, RemovableKind, Removal, Removed};
use crate::http::state::AppState;
use crate::store::{AuditAction, WriteTx};

const KIND: RemovableKind = RemovableKind {
    archived: "Employee deleted successfully",
    purged: "Employee is being destroyed",
    actions: [AuditAction::EmployeeArchive, AuditAction::EmployeePurge, AuditAction::EmployeeRestore],
};

/// Archive an employee, or destroy one
///
/// What is archived is in no list and no summary and keeps its id, and so are the contacts the employee collected; it can
/// be restored. With `purge=true` the employee, archived or not, is gone at once, and the contacts follow in the
/// background; the answer (202) says how many they are.
#[utoipa::path(
    delete, path = "/enterprise/{enterpriseId}/departments/{departmentId}/employees/{employeeId}",
    tag = "directory", operation_id = "deleteEmployee",
    params(PurgeParams),
    responses(
        (status = 200, body = Answer<Removed>),
        (status = 202, description = "The employee is being destroyed", body = Answer<Removed>),
        (status = 409)
    )
)]
pub async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(place): EmployeePath,
    Query(params): Query<PurgeParams>,
) -> Result<Response, ApiError> {
    let ((enterprise, department, id), actor) = (place.clone(), caller.actor());
    let target = id.to_string();
    let answer =
        Removed { employee_id: Some(id.clone()), department_id: Some(department.clone()), ..Removed::default() };
    let archive = move |tx: &WriteTx<'_>| tx.archive_employee(&enterprise, &department, &id);
    let purge = move |tx: &WriteTx<'_>| tx.purge_employee(&place.0, &place.1, &place.2, &actor);
    Removal { kind: &KIND, target, answer, archive, purge }.run(&state, &caller, params).await
}

/// Restore an archived employee
///
/// The contacts come back with the employee. Restoring somebody who is not archived changes nothing.
#[utoipa::path(
    post, path = "/enterprise/{enterpriseId}/departments/{departmentId}/employees/{employeeId}/restore",
    tag = "directory", operation_id = "restoreEmployee",
    responses((status = 200, body = Answer<EmployeeAnswer>), (status = 409))
)]
pub async fn restore(
    State(state): State<AppState>,
    caller: Caller,
    PathIds((enterprise, department, id)): EmployeePath,
) -> Result<Json<Answer<EmployeeAnswer>>, ApiError> {
    let target = id.to_string();
    let restore = move |tx: &WriteTx<'_>| tx.restore_employee(&enterprise, &department, &id);
    let employee = KIND.restore(&state, &caller, target, restore).await?;
    Ok(state.success(EmployeeAnswer::new("Employee restored successfully", employee)))
}
