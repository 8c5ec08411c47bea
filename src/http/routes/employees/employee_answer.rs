//! An employee as it is answered.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::directory::{Employee, EmployeeRole};
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use crate::domain::time::Timestamp;
use crate::http::extract::PathIds;

/// An employee.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Employee)]
pub(super) struct EmployeeBody {
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

/// One employee.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmployeeAnswer {
    /// What happened, where something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "Employee updated successfully")]
    pub(super) message: Option<&'static str>,
    /// The employee as it is now.
    pub(super) employee: EmployeeBody,
}

impl EmployeeAnswer {
    pub(super) fn new(message: &'static str, employee: Employee) -> Self {
        Self { message: Some(message), employee: employee.into() }
    }
}

/// An employee's place: enterprise, department and id.
pub(super) type EmployeePath = PathIds<(EnterpriseId, DepartmentId, EmployeeId)>;
