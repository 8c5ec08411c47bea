//! Departments.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::archive_purge_restore::{PurgeParams, RemovableKind, Removal, Removed};
use super::id_and_name::{audit_renaming, check_changes, check_new};
use super::idempotent::{IdempotencyParams, IdempotentBody};
use crate::domain::directory::Department;
use crate::domain::ids::{DepartmentId, EnterpriseId};
use crate::domain::page::NameCursor;
use crate::domain::time::Timestamp;
use crate::http::answer::{Answer, Paging};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{ArchivedParams, Json, PageParams, PageQuery, PathIds, Query, WHOLE_LIST, not_null};
use crate::http::field_types::{DirectoryName, Id};
use crate::http::state::AppState;
use crate::store::{AuditAction, AuditEntry, WriteTx};

const KIND: RemovableKind = RemovableKind {
    archived: "Department deleted successfully",
    purged: "Department is being destroyed",
    actions: [AuditAction::DepartmentArchive, AuditAction::DepartmentPurge, AuditAction::DepartmentRestore],
};

/// A department that is to be created.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewDepartment {
    /// 1 to 64 characters of `A-Z a-z 0-9 . _ -`; without one the name gives it.
    id: Option<Id>,
    /// Not blank, at most 200 characters.
    name: DirectoryName,
}

/// What is to change of a department; what is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
pub struct DepartmentChanges {
    /// Cannot be changed: if given, it must be the id in the path.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    id: Option<Id>,
    /// Not blank, at most 200 characters.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    name: Option<DirectoryName>,
}

/// A department.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Department)]
pub struct DepartmentBody {
    /// Its id, unique within its enterprise.
    #[schema(value_type = String, example = "sales")]
    id: DepartmentId,
    /// The same.
    #[schema(value_type = String, example = "sales")]
    department_id: DepartmentId,
    /// The enterprise it belongs to.
    #[schema(value_type = String, example = "acme")]
    enterprise_id: EnterpriseId,
    /// Its name.
    #[schema(example = "Sales")]
    name: String,
    /// How many employees it has, archived ones not counted.
    #[schema(example = 42)]
    member_count: u64,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// When it was archived; absent unless it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    archived_at: Option<Timestamp>,
}

impl From<Department> for DepartmentBody {
    fn from(department: Department) -> Self {
        let Department { id, enterprise_id, name, member_count, created_at, updated_at, archived_at } = department;
        let department_id = id.clone();
        Self { id, department_id, enterprise_id, name, member_count, created_at, updated_at, archived_at }
    }
}

/// A list of departments.
#[derive(Debug, Serialize, ToSchema)]
pub struct DepartmentList {
    /// The departments, ordered by name.
    departments: Vec<DepartmentBody>,
    #[serde(flatten)]
    paging: Paging,
}

/// One department.
#[derive(Debug, Serialize, ToSchema)]
pub struct DepartmentAnswer {
    /// What happened, where something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "Department updated successfully")]
    message: Option<&'static str>,
    /// The department as it is now.
    department: DepartmentBody,
}

impl DepartmentAnswer {
    fn new(message: &'static str, department: Department) -> Self {
        Self { message: Some(message), department: department.into() }
    }
}

/// Where a department is that was created: what is kept for the repetition of the request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MadeDepartment {
    enterprise_id: EnterpriseId,
    department_id: DepartmentId,
}

/// List the departments of an enterprise
///
/// Without `limit` the list is whole. A token that is limited to departments sees those alone.
#[utoipa::path(
    get, path = "/enterprise/{enterpriseId}/departments",
    tag = "directory", operation_id = "listDepartments", params(PageParams, ArchivedParams),
    responses((status = 200, body = Answer<DepartmentList>))
)]
pub async fn list(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(enterprise): PathIds<EnterpriseId>,
    PageQuery { page, archived }: PageQuery<NameCursor, WHOLE_LIST>,
) -> Result<Json<Answer<DepartmentList>>, ApiError> {
    let read = state.read_page(page, move |tx, page| tx.departments(caller.reach(), &enterprise, archived, page));
    let (departments, paging) = read.await?;
    Ok(state.success(DepartmentList { departments, paging }))
}

/// Create a department
///
/// Without an `id` its name gives one. An id stays taken while what has it is archived.
#[utoipa::path(
    post, path = "/enterprise/{enterpriseId}/departments",
    tag = "directory", operation_id = "createDepartment", params(IdempotencyParams),
    request_body(content = NewDepartment, example = json!({"id": "sales", "name": "Sales"})),
    responses((status = 201, body = Answer<DepartmentAnswer>))
)]
pub async fn create(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(enterprise): PathIds<EnterpriseId>,
    IdempotentBody { body, once }: IdempotentBody<NewDepartment>,
) -> Result<Response, ApiError> {
    let ((id, name), actor) = (check_new(body.id, &body.name)?, caller.actor());
    let mut leave = state.share_of(&caller).new_owners(1)?;
    let work = move |tx: &WriteTx<'_>| {
        let created = tx.create_department(&enterprise, id, &name)?;
        leave.created(1);
        let target = format!("{enterprise}/{}", created.id);
        let entry = AuditEntry::of(AuditAction::DepartmentCreate, target).after(json!({"name": created.name}));
        tx.audit(&actor, &entry)?;
        Ok(MadeDepartment { enterprise_id: enterprise, department_id: created.id })
    };
    let answer = |tx: &WriteTx<'_>, made: &MadeDepartment| {
        let created = tx.department(&made.enterprise_id, &made.department_id)?;
        Ok(Answer::new(DepartmentAnswer::new("Department added successfully", created), tx.now()))
    };
    once.write(&state.store, StatusCode::CREATED, work, answer).await
}

/// One department
#[utoipa::path(
    get, path = "/enterprise/{enterpriseId}/departments/{departmentId}",
    tag = "directory", operation_id = "getDepartment",
    responses((status = 200, body = Answer<DepartmentAnswer>))
)]
pub async fn get(
    State(state): State<AppState>,
    PathIds((enterprise, id)): PathIds<(EnterpriseId, DepartmentId)>,
) -> Result<Json<Answer<DepartmentAnswer>>, ApiError> {
    let department = state.store.read(move |tx| tx.department(&enterprise, &id)).await?;
    Ok(state.success(DepartmentAnswer { message: None, department: department.into() }))
}

/// Rename a department
#[utoipa::path(
    put, path = "/enterprise/{enterpriseId}/departments/{departmentId}",
    tag = "directory", operation_id = "changeDepartment",
    request_body(content = DepartmentChanges, example = json!({"name": "Sales and Marketing"})),
    responses((status = 200, body = Answer<DepartmentAnswer>))
)]
pub async fn change(
    State(state): State<AppState>,
    caller: Caller,
    PathIds((enterprise, id)): PathIds<(EnterpriseId, DepartmentId)>,
    Json(body): Json<DepartmentChanges>,
) -> Result<Json<Answer<DepartmentAnswer>>, ApiError> {
    let name = check_changes(body.id.as_ref(), body.name.as_ref(), id.as_str())?;
    let actor = caller.actor();
    let work = state.store.write(move |tx| {
        let before = tx.department(&enterprise, &id)?;
        let Some(name) = name else { return Ok(before) };
        let after = tx.rename_department(&enterprise, &id, &name)?;
        audit_renaming(
            tx,
            &actor,
            AuditAction::DepartmentChange,
            format!("{enterprise}/{id}"),
            [&before.name, &after.name],
        )?;
        Ok(after)
    });
    Ok(state.success(DepartmentAnswer::new("Department updated successfully", work.await?)))
}

/// Archive a department, or destroy it
///
/// What is archived is in no list and no summary and keeps its id; it can be restored. With `purge=true` the department,
/// archived or not, is gone at once, and its rows follow in the background; the answer (202) says how much that is.
#[utoipa::path(
    delete, path = "/enterprise/{enterpriseId}/departments/{departmentId}",
    tag = "directory", operation_id = "deleteDepartment", params(PurgeParams),
    responses(
        (status = 200, body = Answer<Removed>),
        (status = 202, description = "It is being destroyed", body = Answer<Removed>),
        (status = 409)
    )
)]
pub async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    PathIds((enterprise, id)): PathIds<(EnterpriseId, DepartmentId)>,
    Query(params): Query<PurgeParams>,
) -> Result<Response, ApiError> {
    let target = format!("{enterprise}/{id}");
    let answer = Removed { department_id: Some(id.clone()), ..Removed::default() };
    let (to_purge, actor) = ((enterprise.clone(), id.clone()), caller.actor());
    let archive = move |tx: &WriteTx<'_>| tx.archive_department(&enterprise, &id);
    let purge = move |tx: &WriteTx<'_>| tx.purge_department(&to_purge.0, &to_purge.1, &actor);
    Removal { kind: &KIND, target, answer, archive, purge }.run(&state, &caller, params).await
}

/// Restore an archived department
///
/// Employees that were archived on their own stay archived. Restoring what is not archived changes nothing.
#[utoipa::path(
    post, path = "/enterprise/{enterpriseId}/departments/{departmentId}/restore",
    tag = "directory", operation_id = "restoreDepartment",
    responses((status = 200, body = Answer<DepartmentAnswer>), (status = 409))
)]
pub async fn restore(
    State(state): State<AppState>,
    caller: Caller,
    PathIds((enterprise, id)): PathIds<(EnterpriseId, DepartmentId)>,
) -> Result<Json<Answer<DepartmentAnswer>>, ApiError> {
    let target = format!("{enterprise}/{id}");
    let restore = move |tx: &WriteTx<'_>| tx.restore_department(&enterprise, &id);
    let department = KIND.restore(&state, &caller, target, restore).await?;
    Ok(state.success(DepartmentAnswer::new("Department restored successfully", department)))
}
