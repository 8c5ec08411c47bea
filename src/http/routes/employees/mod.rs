//! Employees.

pub mod body;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use self::body::{EmployeeBody, EmployeeChanges, EmployeeInput};
use super::idempotent::{IdempotencyParams, IdempotentBody};
use super::removal::{PurgeParams, RemovableKind, Removal, Removed};
use crate::domain::directory::{Employee, EmployeeInfo};
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use crate::domain::page::NameCursor;
use crate::http::answer::{Answer, Paging};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{ArchivedParams, Json, PageParams, PageQuery, PathIds, Query};
use crate::http::schemas::NewEmployee;
use crate::http::state::AppState;
use crate::store::{AuditAction, AuditEntry, StoreError, WriteTx};

const KIND: RemovableKind = RemovableKind {
    archived: "Employee deleted successfully",
    purged: "Employee is being destroyed",
    actions: [AuditAction::EmployeeArchive, AuditAction::EmployeePurge, AuditAction::EmployeeRestore],
};

/// A page of employees.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmployeeList {
    /// The employees, ordered by name.
    employees: Vec<EmployeeBody>,
    #[serde(flatten)]
    paging: Paging,
}

/// One employee.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmployeeAnswer {
    /// What happened, where something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "Employee updated successfully")]
    message: Option<&'static str>,
    /// The employee as it is now.
    employee: EmployeeBody,
}

impl EmployeeAnswer {
    fn new(message: &'static str, employee: Employee) -> Self {
        Self { message: Some(message), employee: employee.into() }
    }
}

/// What the audit log keeps of an employee: the place in the company and nothing personal, which a purge could not take back.
fn post_of(employee: &Employee) -> Value {
    json!({
        "enterpriseId": employee.enterprise_id,
        "departmentId": employee.department_id,
        "role": employee.fields.role,
        "isActive": employee.fields.is_active,
    })
}

/// The audit log's entry for a change, unless nothing changed. Of what is personal it says which fields are others now.
fn audit_of_change(before: &Employee, after: &Employee) -> Option<AuditEntry> {
    let (old, new) = (&before.fields, &after.fields);
    let personal = [
        ("firstName", old.first_name != new.first_name),
        ("lastName", old.last_name != new.last_name),
        ("email", old.email != new.email),
        ("phone", old.phone != new.phone),
        ("position", old.position != new.position),
    ];
    let changed: Vec<&str> = personal.into_iter().filter(|(_, changed)| *changed).map(|(field, _)| field).collect();
    let (was, mut is) = (post_of(before), post_of(after));
    if was == is && changed.is_empty() {
        return None;
    }
    if !changed.is_empty() {
        is["changed"] = json!(changed);
    }
    Some(AuditEntry::of(AuditAction::EmployeeChange, after.id.as_str()).before(was).after(is))
}

/// An employee's place: enterprise, department and id.
type EmployeePath = PathIds<(EnterpriseId, DepartmentId, EmployeeId)>;

/// List the employees of an enterprise
///
/// Those of all its departments. With `archived=true`, the archived ones of departments that are not archived themselves.
#[utoipa::path(
    get, path = "/enterprise/{enterpriseId}/employees",
    tag = "directory", operation_id = "listEmployeesOfEnterprise", params(PageParams, ArchivedParams),
    responses((status = 200, body = Answer<EmployeeList>))
)]
pub async fn list_all(
    State(state): State<AppState>,
    PathIds(enterprise): PathIds<EnterpriseId>,
    PageQuery { page, archived }: PageQuery<NameCursor>,
) -> Result<Json<Answer<EmployeeList>>, ApiError> {
    let read = state.read_page(page, move |tx, page| tx.employees(&enterprise, None, archived, page));
    let (employees, paging) = read.await?;
    Ok(state.success(EmployeeList { employees, paging }))
}

/// List the employees of a department
#[utoipa::path(
    get, path = "/enterprise/{enterpriseId}/departments/{departmentId}/employees",
    tag = "directory", operation_id = "listEmployees",
    params(PageParams, ArchivedParams),
    responses((status = 200, body = Answer<EmployeeList>))
)]
pub async fn list(
    State(state): State<AppState>,
    PathIds((enterprise, department)): PathIds<(EnterpriseId, DepartmentId)>,
    PageQuery { page, archived }: PageQuery<NameCursor>,
) -> Result<Json<Answer<EmployeeList>>, ApiError> {
    let read = state.read_page(page, move |tx, page| tx.employees(&enterprise, Some(&department), archived, page));
    let (employees, paging) = read.await?;
    Ok(state.success(EmployeeList { employees, paging }))
}

/// Create an employee
///
/// Employee ids are unique in the installation; without one an id is made. Null counts as absent. `departmentId` is the path's and need not be given.
#[utoipa::path(
    post, path = "/enterprise/{enterpriseId}/departments/{departmentId}/employees",
    tag = "directory", operation_id = "createEmployee",
    params(IdempotencyParams),
    request_body(content = NewEmployee, example = json!({
        "employeeId": "u1", "firstName": "Ada", "lastName": "Lovelace", "email": "ada@acme.example",
        "position": "Analyst", "role": "employee", "isActive": true
    })),
    responses((status = 201, body = Answer<EmployeeAnswer>))
)]
pub async fn create(
    State(state): State<AppState>,
    caller: Caller,
    PathIds((enterprise, department)): PathIds<(EnterpriseId, DepartmentId)>,
    IdempotentBody { body, once }: IdempotentBody<EmployeeInput>,
) -> Result<Response, ApiError> {
    let (id, fields) = body.creation()?;
    let info = EmployeeInfo::parse(fields).map_err(ApiError::invalid)?;
    let actor = caller.actor();
    let work = move |tx: &WriteTx<'_>| {
        let employee = tx.create_employee(&enterprise, &department, id, &info)?;
        let entry = AuditEntry::of(AuditAction::EmployeeCreate, employee.id.as_str()).after(post_of(&employee));
        tx.audit(&actor, &entry)?;
        Ok(EmployeeAnswer::new("Employee added successfully", employee))
    };
    once.write(&state.store, StatusCode::CREATED, work).await
}

/// One employee
#[utoipa::path(
    get, path = "/enterprise/{enterpriseId}/departments/{departmentId}/employees/{employeeId}",
    tag = "directory", operation_id = "getEmployee",
    responses((status = 200, body = Answer<EmployeeAnswer>))
)]
pub async fn get(
    State(state): State<AppState>,
    PathIds((enterprise, department, id)): EmployeePath,
) -> Result<Json<Answer<EmployeeAnswer>>, ApiError> {
    let employee = state.store.read(move |tx| tx.employee(&enterprise, &department, &id)).await?;
    Ok(state.success(EmployeeAnswer { message: None, employee: employee.into() }))
}

/// Change an employee
///
/// What is absent stays as it is; null clears `email`, `phone` and `position`. Another `departmentId` moves the employee
/// there with all contacts.
#[utoipa::path(
    put, path = "/enterprise/{enterpriseId}/departments/{departmentId}/employees/{employeeId}",
    tag = "directory", operation_id = "changeEmployee",
    request_body(
        content = EmployeeChanges, example = json!({"position": "Head of Sales", "departmentId": "marketing"})
    ),
    responses((status = 200, body = Answer<EmployeeAnswer>))
)]
pub async fn change(
    State(state): State<AppState>,
    caller: Caller,
    PathIds((enterprise, department, id)): EmployeePath,
    Json(body): Json<EmployeeInput>,
) -> Result<Json<Answer<EmployeeAnswer>>, ApiError> {
    let mut change = body.change(&id)?;
    let actor = caller.actor();
    let work = state.store.write(move |tx| {
        let move_to = change.department.take();
        let before = tx.employee(&enterprise, &department, &id)?;
        let info = EmployeeInfo::parse(change.apply(before.fields.clone())).map_err(StoreError::Invalid)?;
        let after = tx.change_employee(&enterprise, &department, &id, &info, move_to.as_ref())?;
        if let Some(entry) = audit_of_change(&before, &after) {
            tx.audit(&actor, &entry)?;
        }
        Ok(after)
    });
    Ok(state.success(EmployeeAnswer::new("Employee updated successfully", work.await?)))
}

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
    let (enterprise, department, id) = place.clone();
    let target = id.to_string();
    let answer =
        Removed { employee_id: Some(id.clone()), department_id: Some(department.clone()), ..Removed::default() };
    let archive = move |tx: &WriteTx<'_>| tx.archive_employee(&enterprise, &department, &id);
    let purge = move |tx: &WriteTx<'_>| tx.purge_employee(&place.0, &place.1, &place.2);
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
