//! Creating an employee.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::audited::post_of;
use super::employee_answer::EmployeeAnswer;
use super::second_names::one_of;
use crate::domain::directory::{EmployeeFields, EmployeeInfo, EmployeeRole};
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use crate::http::answer::Answer;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::PathIds;
use crate::http::field_types::{DirectoryEmail, DirectoryName, DirectoryText, Id, add_schema, one_at_least};
use crate::http::routes::id_and_name::checked_id;
use crate::http::routes::idempotent::{IdempotencyParams, IdempotentBody};
use crate::http::state::AppState;
use crate::store::{AuditAction, AuditEntry, StoreError, Subject, WriteTx};

/// What can be said of an employee. Where a field has two names, either will do; both must say the same.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EmployeeInput)]
pub struct EmployeeInput {
    /// 1 to 64 characters of `A-Z a-z 0-9 . _ -`; without one an id is made. It cannot be changed.
    employee_id: Option<Id>,
    /// The same as `employeeId`.
    user_id: Option<Id>,
    /// The same as `employeeId`.
    id: Option<Id>,
    /// Given name. A given or a family name is needed.
    first_name: Option<DirectoryText>,
    /// The same as `firstName`.
    name: Option<DirectoryText>,
    /// Family name.
    last_name: Option<DirectoryText>,
    /// The same as `lastName`.
    surname: Option<DirectoryText>,
    /// E-mail address.
    email: Option<DirectoryEmail>,
    /// Phone number.
    phone: Option<DirectoryText>,
    /// Position in the company.
    position: Option<DirectoryText>,
    /// Role in the company; `employee` without one.
    role: Option<EmployeeRole>,
    /// Whether the employee is at work; true unless said otherwise.
    is_active: Option<bool>,
    /// The path says it; a text here is ignored.
    #[schema(ignore)]
    #[serde(rename = "departmentId")]
    _department_id: Option<String>,
}

/// What is said of a new employee, of whom one name at least is known.
#[derive(Debug, Deserialize)]
pub struct NewEmployee(EmployeeInput);

impl PartialSchema for NewEmployee {
    fn schema() -> RefOr<Schema> {
        let fields = ["firstName", "name", "lastName", "surname"];
        one_at_least::<EmployeeInput, DirectoryName>(&fields, "What is said of a new employee: a name, too")
    }
}

impl ToSchema for NewEmployee {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        add_schema::<EmployeeInput>(schemas);
        add_schema::<DirectoryName>(schemas);
    }
}

impl NewEmployee {
    /// The id, if one is given, and the fields of the new employee; null counts as absent.
    fn check(self) -> Result<(Option<EmployeeId>, EmployeeFields), ApiError> {
        let Self(input) = self;
        let mut errors = Vec::new();
        let ids = [("employeeId", &input.employee_id), ("userId", &input.user_id), ("id", &input.id)];
        let id = one_of(&mut errors, ids.map(|(field, id)| (field, id.as_deref())));
        let id = id.map_or(Ok(None), |(field, id)| checked_id(field, Some(id)));
        let id = id.unwrap_or_else(|error| {
            errors.push(error);
            None
        });
        let mut text = |names: [(&'static str, &Option<DirectoryText>); 2]| {
            one_of(&mut errors, names.map(|(field, text)| (field, text.as_deref())))
                .map_or("", |(_, text)| text)
                .to_owned()
        };
        let first_name = text([("firstName", &input.first_name), ("name", &input.name)]);
        let last_name = text([("lastName", &input.last_name), ("surname", &input.surname)]);
        let fields = EmployeeFields {
            first_name,
            last_name,
            email: input.email.map(String::from).unwrap_or_default(),
            phone: input.phone.map(String::from).unwrap_or_default(),
            position: input.position.map(String::from).unwrap_or_default(),
            role: input.role.unwrap_or_default(),
            is_active: input.is_active.unwrap_or(true),
        };
        if errors.is_empty() { Ok((id, fields)) } else { Err(ApiError::invalid(errors)) }
    }
}

/// Where an employee is who was created: what is kept for the repetition of the request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MadeEmployee {
    enterprise_id: EnterpriseId,
    employee_id: EmployeeId,
}

/// Create an employee
///
/// Employee ids are unique within their enterprise; without one an id is made. Null counts as absent. `departmentId` is the path's and need not be given.
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
    IdempotentBody { body, once }: IdempotentBody<NewEmployee>,
) -> Result<Response, ApiError> {
    let (id, fields) = body.check()?;
    let info = EmployeeInfo::parse(fields).map_err(ApiError::invalid)?;
    let actor = caller.actor();
    let mut leave = state.share_of(&caller).new_owners(1)?;
    let work = move |tx: &WriteTx<'_>| {
        let employee = tx.create_employee(&enterprise, &department, id, &info)?;
        leave.created(1);
        let entry = AuditEntry::of(AuditAction::EmployeeCreate, employee.id.as_str()).after(post_of(&employee));
        tx.audit(&actor, &entry)?;
        Ok(MadeEmployee { enterprise_id: enterprise, employee_id: employee.id })
    };
    let answer = move |tx: &WriteTx<'_>, made: &MadeEmployee| {
        // By now the employee may belong to another department, perhaps beyond reach.
        let reach = caller.reach().narrowed_to(&made.enterprise_id).ok_or(StoreError::NotFound(Subject::User))?;
        let employee = tx.user(&reach, &made.employee_id)?;
        Ok(Answer::new(EmployeeAnswer::new("Employee added successfully", employee), tx.now()))
    };
    once.write(&state.store, StatusCode::CREATED, work, answer).await
}
