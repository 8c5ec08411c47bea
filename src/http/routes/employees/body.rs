//! Employees as the API reads and writes them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::FieldError;
use crate::domain::directory::{Employee, EmployeeFields, EmployeeRole};
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;
use crate::http::extract::nullable;
use crate::http::routes::id_and_name::{checked_id, must_stay};
use crate::http::schemas::{DirectoryEmail, DirectoryText, Id};

/// An employee.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Employee)]
pub struct EmployeeBody {
    /// The id, unique in the installation.
    #[schema(value_type = String, example = "u1")]
    id: EmployeeId,
    /// The same.
    #[schema(value_type = String, example = "u1")]
    employee_id: EmployeeId,
    /// The same.
    #[schema(value_type = String, example = "u1")]
    user_id: EmployeeId,
    /// Given name.
    #[schema(example = "Ada")]
    first_name: String,
    /// The same.
    #[schema(example = "Ada")]
    name: String,
    /// Family name.
    #[schema(example = "Lovelace")]
    last_name: String,
    /// The same.
    #[schema(example = "Lovelace")]
    surname: String,
    /// E-mail address; empty without one.
    #[schema(example = "ada@acme.example")]
    email: String,
    /// Phone number; empty without one.
    phone: String,
    /// Position in the company; empty without one.
    position: String,
    /// The enterprise the employee belongs to.
    #[schema(value_type = String, example = "acme")]
    enterprise_id: EnterpriseId,
    /// The department the employee belongs to.
    #[schema(value_type = String, example = "sales")]
    department_id: DepartmentId,
    /// That department's name.
    #[schema(example = "Sales")]
    department_name: String,
    /// Role in the company; it grants nothing in Muster.
    role: EmployeeRole,
    /// Whether the employee is at work.
    #[schema(example = true)]
    is_active: bool,
    /// How many contacts the employee has collected.
    #[schema(example = 97)]
    contact_count: u64,
    /// When the employee was created.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the employee last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// When the employee was archived; absent unless so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    archived_at: Option<Timestamp>,
}

impl From<Employee> for EmployeeBody {
    fn from(employee: Employee) -> Self {
        let fields = employee.fields;
        Self {
            employee_id: employee.id.clone(),
            user_id: employee.id.clone(),
            id: employee.id,
            name: fields.first_name.clone(),
            first_name: fields.first_name,
            surname: fields.last_name.clone(),
            last_name: fields.last_name,
            email: fields.email,
            phone: fields.phone,
            position: fields.position,
            enterprise_id: employee.enterprise_id,
            department_id: employee.department_id,
            department_name: employee.department_name,
            role: fields.role,
            is_active: fields.is_active,
            contact_count: employee.contact_count,
            created_at: employee.created_at,
            updated_at: employee.updated_at,
            archived_at: employee.archived_at,
        }
    }
}

/// What can be said of an employee. Where a field has two names, either will do; both must say the same.
// `Some(None)` is an explicit null.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EmployeeInput)]
#[expect(clippy::option_option, reason = "absent, null and a value are three things in a change")]
pub struct EmployeeInput {
    /// 1 to 64 characters of `A-Z a-z 0-9 . _ -`; without one an id is made. It cannot be changed.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Id>)]
    employee_id: Option<Option<String>>,
    /// The same as `employeeId`.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Id>)]
    user_id: Option<Option<String>>,
    /// The same as `employeeId`.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Id>)]
    id: Option<Option<String>>,
    /// Given name. A given or a family name is needed.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<DirectoryText>)]
    first_name: Option<Option<String>>,
    /// The same as `firstName`.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<DirectoryText>)]
    name: Option<Option<String>>,
    /// Family name.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<DirectoryText>)]
    last_name: Option<Option<String>>,
    /// The same as `lastName`.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<DirectoryText>)]
    surname: Option<Option<String>>,
    /// E-mail address.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<DirectoryEmail>)]
    email: Option<Option<String>>,
    /// Phone number.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<DirectoryText>)]
    phone: Option<Option<String>>,
    /// Position in the company.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<DirectoryText>)]
    position: Option<Option<String>>,
    /// Role in the company; `employee` without one.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<EmployeeRole>)]
    role: Option<Option<EmployeeRole>>,
    /// Whether the employee is at work; true unless said otherwise.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<bool>)]
    is_active: Option<Option<bool>>,
    /// In a change: the department to move to, with all contacts.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(ignore)]
    department_id: Option<Option<String>>,
}

/// What is to change of an employee; what is absent stays as it is. Where a field has two names, either will do; both must
/// say the same.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it only describes what `EmployeeInput` reads")]
pub struct EmployeeChanges {
    /// Cannot be changed: if given, it must be the id in the path.
    #[schema(nullable = false)]
    employee_id: Option<Id>,
    /// The same as `employeeId`.
    #[schema(nullable = false)]
    user_id: Option<Id>,
    /// The same as `employeeId`.
    #[schema(nullable = false)]
    id: Option<Id>,
    /// Given name.
    #[schema(nullable = false)]
    first_name: Option<DirectoryText>,
    /// The same as `firstName`.
    #[schema(nullable = false)]
    name: Option<DirectoryText>,
    /// Family name.
    #[schema(nullable = false)]
    last_name: Option<DirectoryText>,
    /// The same as `lastName`.
    #[schema(nullable = false)]
    surname: Option<DirectoryText>,
    /// E-mail address; null clears it.
    email: Option<DirectoryEmail>,
    /// Phone number; null clears it.
    phone: Option<DirectoryText>,
    /// Position in the company; null clears it.
    position: Option<DirectoryText>,
    /// Role in the company.
    #[schema(nullable = false)]
    role: Option<EmployeeRole>,
    /// Whether the employee is at work.
    #[schema(nullable = false)]
    is_active: Option<bool>,
    /// The department to move to, with all contacts.
    #[schema(nullable = false)]
    department_id: Option<Id>,
}

impl EmployeeInput {
    /// What a new employee is to be called and to be; null counts as absent.
    pub fn creation(self) -> Result<(Option<EmployeeId>, EmployeeFields), ApiError> {
        let mut errors = Vec::new();
        let ids = [("employeeId", self.employee_id), ("userId", self.user_id), ("id", self.id)];
        let id = one_of(&mut errors, ids.map(|(field, id)| (field, id.flatten())));
        let id = id.and_then(|(field, id)| refused(&mut errors, checked_id(field, Some(id))).flatten());
        let first_names = [("firstName", self.first_name), ("name", self.name)];
        let last_names = [("lastName", self.last_name), ("surname", self.surname)];
        let mut text = |names: [(&'static str, Option<Option<String>>); 2]| {
            one_of(&mut errors, names.map(|(field, name)| (field, name.flatten()))).map(|(_, text)| text)
        };
        let fields = EmployeeFields {
            first_name: text(first_names).unwrap_or_default(),
            last_name: text(last_names).unwrap_or_default(),
            email: self.email.flatten().unwrap_or_default(),
            phone: self.phone.flatten().unwrap_or_default(),
            position: self.position.flatten().unwrap_or_default(),
            role: self.role.flatten().unwrap_or_default(),
            is_active: self.is_active.flatten().unwrap_or(true),
        };
        if errors.is_empty() { Ok((id, fields)) } else { Err(ApiError::invalid(errors)) }
    }

    /// What is to change of an employee. Null clears e-mail address, phone and position, and is refused elsewhere.
    pub fn change(self, id: &EmployeeId) -> Result<EmployeeChange, ApiError> {
        let mut errors = Vec::new();
        for (field, given) in [("employeeId", &self.employee_id), ("userId", &self.user_id), ("id", &self.id)] {
            let given = given.as_ref().map(|given| given.as_deref().unwrap_or_default());
            let _: Option<()> = refused(&mut errors, must_stay(field, given, id.as_str()));
        }
        let first_names = [
            ("firstName", not_null(&mut errors, "firstName", self.first_name)),
            ("name", not_null(&mut errors, "name", self.name)),
        ];
        let last_names = [
            ("lastName", not_null(&mut errors, "lastName", self.last_name)),
            ("surname", not_null(&mut errors, "surname", self.surname)),
        ];
        let department = not_null(&mut errors, "departmentId", self.department_id);
        let change = EmployeeChange {
            first_name: one_of(&mut errors, first_names).map(|(_, text)| text),
            last_name: one_of(&mut errors, last_names).map(|(_, text)| text),
            email: self.email.map(Option::unwrap_or_default),
            phone: self.phone.map(Option::unwrap_or_default),
            position: self.position.map(Option::unwrap_or_default),
            role: not_null(&mut errors, "role", self.role),
            is_active: not_null(&mut errors, "isActive", self.is_active),
            department: refused(&mut errors, checked_id("departmentId", department)).flatten(),
        };
        if errors.is_empty() { Ok(change) } else { Err(ApiError::invalid(errors)) }
    }
}

/// What is to change of an employee; what is `None` stays as it is.
#[derive(Debug, Default)]
pub struct EmployeeChange {
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    position: Option<String>,
    role: Option<EmployeeRole>,
    is_active: Option<bool>,
    /// Where the employee moves.
    pub department: Option<DepartmentId>,
}

impl EmployeeChange {
    /// The fields as they are after the change.
    #[must_use]
    pub fn apply(self, fields: EmployeeFields) -> EmployeeFields {
        EmployeeFields {
            first_name: self.first_name.unwrap_or(fields.first_name),
            last_name: self.last_name.unwrap_or(fields.last_name),
            email: self.email.unwrap_or(fields.email),
            phone: self.phone.unwrap_or(fields.phone),
            position: self.position.unwrap_or(fields.position),
            role: self.role.unwrap_or(fields.role),
            is_active: self.is_active.unwrap_or(fields.is_active),
        }
    }
}

/// The value, or `None` and a note of why it was refused.
fn refused<T>(errors: &mut Vec<FieldError>, outcome: Result<T, FieldError>) -> Option<T> {
    outcome.map_err(|error| errors.push(error)).ok()
}

#[expect(clippy::option_option, reason = "absent, null and a value are three things in a change")]
fn not_null<T>(errors: &mut Vec<FieldError>, field: &str, given: Option<Option<T>>) -> Option<T> {
    let value = given?;
    if value.is_none() {
        errors.push(FieldError::new(field, "must not be null"));
    }
    value
}

/// What was given under one of several names for the same thing, with that name; different values are refused.
fn one_of<const N: usize>(
    errors: &mut Vec<FieldError>,
    given: [(&'static str, Option<String>); N],
) -> Option<(&'static str, String)> {
    let mut first: Option<(&'static str, String)> = None;
    for (field, text) in given.into_iter().filter_map(|(field, text)| Some((field, text?))) {
        match &first {
            None => first = Some((field, text)),
            Some((other, same)) if *same != text => {
                errors.push(FieldError::new(field, format!("is not the same as {other}")));
            }
            Some(_) => {}
        }
    }
    first
}
