//! Changing an employee, and moving one to another department.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::audited::audit_of_change;
use super::employee_answer::{EmployeeAnswer, EmployeePath};
use super::second_names::one_of;
use crate::domain::FieldError;
use crate::domain::directory::{EmployeeFields, EmployeeInfo, EmployeeRole};
use crate::domain::ids::{DepartmentId, EmployeeId};
use crate::http::answer::Answer;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{Json, PathId, PathIds, nullable};
use crate::http::field_types::{DirectoryEmail, DirectoryText, Id};
use crate::http::routes::id_and_name::{checked_id, must_stay};
use crate::http::state::AppState;
use crate::store::StoreError;

/// What is to change of an employee; what is absent stays as it is. Where a field has two names, either will do; both must
/// say the same.
// `Some(None)` is an explicit null.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::option_option, reason = "absent, null and a value are three things in a change")]
pub struct EmployeeChanges {
    /// Cannot be changed: if given, it must be the id in the path.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(nullable = false)]
    employee_id: Option<Option<Id>>,
    /// The same as `employeeId`.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(nullable = false)]
    user_id: Option<Option<Id>>,
    /// The same as `employeeId`.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(nullable = false)]
    id: Option<Option<Id>>,
    /// Given name.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(nullable = false)]
    first_name: Option<Option<DirectoryText>>,
    /// The same as `firstName`.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(nullable = false)]
    name: Option<Option<DirectoryText>>,
    /// Family name.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(nullable = false)]
    last_name: Option<Option<DirectoryText>>,
    /// The same as `lastName`.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(nullable = false)]
    surname: Option<Option<DirectoryText>>,
    /// E-mail address; null clears it.
    #[serde(default, deserialize_with = "nullable")]
    email: Option<Option<DirectoryEmail>>,
    /// Phone number; null clears it.
    #[serde(default, deserialize_with = "nullable")]
    phone: Option<Option<DirectoryText>>,
    /// Position in the company; null clears it.
    #[serde(default, deserialize_with = "nullable")]
    position: Option<Option<DirectoryText>>,
    /// Role in the company.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(nullable = false)]
    role: Option<Option<EmployeeRole>>,
    /// Whether the employee is at work.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(nullable = false)]
    is_active: Option<Option<bool>>,
    /// The department to move to, with all contacts.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(nullable = false)]
    department_id: Option<Option<Id>>,
}

impl EmployeeChanges {
    /// Refuses ids other than the path's, null where it is not allowed, and fields with two names that differ. Returns
    /// the department to move to, if one is given.
    fn check(&self, id: &EmployeeId) -> Result<Option<DepartmentId>, ApiError> {
        let mut errors = Vec::new();
        for (field, given) in [("employeeId", &self.employee_id), ("userId", &self.user_id), ("id", &self.id)] {
            let given = given.as_ref().map(|given| given.as_deref().unwrap_or_default());
            errors.extend(must_stay(field, given, id.as_str()).err());
        }
        let is_null = [
            ("firstName", matches!(self.first_name, Some(None))),
            ("name", matches!(self.name, Some(None))),
            ("lastName", matches!(self.last_name, Some(None))),
            ("surname", matches!(self.surname, Some(None))),
            ("departmentId", matches!(self.department_id, Some(None))),
        ];
        errors.extend(null_errors(is_null));
        for names in [
            [("firstName", &self.first_name), ("name", &self.name)],
            [("lastName", &self.last_name), ("surname", &self.surname)],
        ] {
            one_of(&mut errors, names.map(|(field, name)| (field, name.as_ref().and_then(Option::as_deref))));
        }
        let is_null = [("role", matches!(self.role, Some(None))), ("isActive", matches!(self.is_active, Some(None)))];
        errors.extend(null_errors(is_null));
        let department = checked_id("departmentId", self.department_id.as_ref().and_then(Option::as_deref));
        match department {
            Ok(department) if errors.is_empty() => Ok(department),
            department => {
                errors.extend(department.err());
                Err(ApiError::invalid(errors))
            }
        }
    }

    /// The fields after the change, once it is checked.
    fn apply(self, fields: EmployeeFields) -> EmployeeFields {
        let name = |first: Option<DirectoryText>, second: Option<DirectoryText>| first.or(second).map(String::from);
        EmployeeFields {
            first_name: name(self.first_name.flatten(), self.name.flatten()).unwrap_or(fields.first_name),
            last_name: name(self.last_name.flatten(), self.surname.flatten()).unwrap_or(fields.last_name),
            email: self.email.map_or(fields.email, |email| email.map(String::from).unwrap_or_default()),
            phone: self.phone.map_or(fields.phone, |phone| phone.map(String::from).unwrap_or_default()),
            position: self.position.map_or(fields.position, |position| position.map(String::from).unwrap_or_default()),
            role: self.role.flatten().unwrap_or(fields.role),
            is_active: self.is_active.flatten().unwrap_or(fields.is_active),
        }
    }
}

/// An error for each of these fields that is null.
fn null_errors<const N: usize>(is_null: [(&'static str, bool); N]) -> impl Iterator<Item = FieldError> {
    let null = is_null.into_iter().filter(|(_, is_null)| *is_null);
    null.map(|(field, _)| FieldError::new(field, "must not be null"))
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
    Json(change): Json<EmployeeChanges>,
) -> Result<Json<Answer<EmployeeAnswer>>, ApiError> {
    let move_to = change.check(&id)?;
    if move_to.as_ref().is_some_and(|target| !caller.reach().covers_department(&enterprise, target)) {
        return Err(ApiError::not_found(DepartmentId::WHAT));
    }
    let actor = caller.actor();
    let work = state.store.write(move |tx| {
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
