//! Reading employees.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::employee_answer::{EmployeeAnswer, EmployeeBody, EmployeePath};
use crate::domain::access::Reach;
use crate::domain::ids::{DepartmentId, EnterpriseId};
use crate::domain::page::NameCursor;
use crate::http::answer::{Answer, Paging};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{ArchivedParams, Json, PageParams, PageQuery, PathId, PathIds};
use crate::http::state::AppState;
use crate::store::StoreError;

/// A page of employees.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmployeeList {
    /// The employees, ordered by name.
    employees: Vec<EmployeeBody>,
    #[serde(flatten)]
    paging: Paging,
}

/// List the employees of an enterprise
///
/// Those of all its departments, as far as they are within reach. With `archived=true`, the archived ones of departments that are not archived themselves.
#[utoipa::path(
    get, path = "/enterprise/{enterpriseId}/employees",
    tag = "directory", operation_id = "listEmployeesOfEnterprise", params(PageParams, ArchivedParams),
    responses((status = 200, body = Answer<EmployeeList>))
)]
pub async fn list_all(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(enterprise): PathIds<EnterpriseId>,
    PageQuery { page, archived }: PageQuery<NameCursor>,
) -> Result<Json<Answer<EmployeeList>>, ApiError> {
    let read = state.read_page(page, move |tx, page| tx.employees(caller.reach(), &enterprise, None, archived, page));
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
    caller: Caller,
    PathIds((enterprise, department)): PathIds<(EnterpriseId, DepartmentId)>,
    PageQuery { page, archived }: PageQuery<NameCursor>,
) -> Result<Json<Answer<EmployeeList>>, ApiError> {
    let read = state
        .read_page(page, move |tx, page| tx.employees(caller.reach(), &enterprise, Some(&department), archived, page));
    let (employees, paging) = read.await?;
    Ok(state.success(EmployeeList { employees, paging }))
}

/// One employee
#[utoipa::path(
    get, path = "/enterprise/{enterpriseId}/departments/{departmentId}/employees/{employeeId}",
    tag = "directory", operation_id = "getEmployee",
    responses((status = 200, body = Answer<EmployeeAnswer>))
)]
pub async fn get(
    State(state): State<AppState>,
    caller: Caller,
    PathIds((enterprise, department, id)): EmployeePath,
) -> Result<Json<Answer<EmployeeAnswer>>, ApiError> {
    let read = state.store.read(move |tx| tx.employee(&enterprise, &department, &id)).await;
    let employee = match (read, caller.reach()) {
        // Who reaches the employee alone must not learn which other departments there are.
        (Err(StoreError::NotFound(_)), Reach::Employees(..)) => return Err(ApiError::not_found(DepartmentId::WHAT)),
        (read, _) => read?,
    };
    Ok(state.success(EmployeeAnswer { message: None, employee: employee.into() }))
}
