//! An employee: name, role in the company and the limits of each field.

use serde::{Deserialize, Serialize};

use super::name::NAME_LEN_MAX;
use crate::domain::FieldError;
use crate::domain::identity::normalise_email;
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use crate::domain::text::check_text;
use crate::domain::time::Timestamp;

/// What an employee is in the company; it grants nothing in Muster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EmployeeRole {
    /// Anybody.
    #[default]
    Employee,
    /// Leads a team.
    Manager,
    /// Leads several.
    Director,
    /// Administers the company's systems.
    Admin,
}

impl EmployeeRole {
    /// The role's name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Employee => "employee",
            Self::Manager => "manager",
            Self::Director => "director",
            Self::Admin => "admin",
        }
    }

    /// Reads a role's name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Employee, Self::Manager, Self::Director, Self::Admin].into_iter().find(|role| role.as_str() == text)
    }
}

/// What is known of an employee, as somebody typed it; an absent text is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmployeeFields {
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// E-mail address.
    pub email: String,
    /// Phone number.
    pub phone: String,
    /// Position in the company.
    pub position: String,
    /// Role in the company.
    pub role: EmployeeRole,
    /// Whether the employee is at work; an inactive one keeps the collected contacts.
    pub is_active: bool,
}

impl Default for EmployeeFields {
    fn default() -> Self {
        Self {
            first_name: String::new(),
            last_name: String::new(),
            email: String::new(),
            phone: String::new(),
            position: String::new(),
            role: EmployeeRole::Employee,
            is_active: true,
        }
    }
}

/// Employee fields that keep every limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmployeeInfo(EmployeeFields);

impl EmployeeInfo {
    /// Checks every limit; names every field that breaks one. A first or last name is needed, and an e-mail address, if
    /// given, must be one.
    pub fn parse(fields: EmployeeFields) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let texts = [
            ("firstName", &fields.first_name),
            ("lastName", &fields.last_name),
            ("email", &fields.email),
            ("phone", &fields.phone),
            ("position", &fields.position),
        ];
        for (field, text) in texts {
            check_text(&mut errors, field, text, NAME_LEN_MAX);
        }
        if fields.first_name.trim().is_empty() && fields.last_name.trim().is_empty() {
            errors.push(FieldError::new("firstName", "a first or last name is needed"));
        }
        if !fields.email.is_empty() && normalise_email(&fields.email).is_none() {
            errors.push(FieldError::new("email", "must be an e-mail address"));
        }
        if errors.is_empty() { Ok(Self(fields)) } else { Err(errors) }
    }

    /// The fields as typed.
    #[must_use]
    pub fn fields(&self) -> &EmployeeFields {
        &self.0
    }
}

impl EmployeeFields {
    /// First and last name as one, the name that lists show and order by.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first_name.trim(), self.last_name.trim()).trim().to_owned()
    }
}

/// An employee as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Employee {
    /// The id, unique in the installation.
    pub id: EmployeeId,
    /// The enterprise the employee belongs to.
    pub enterprise_id: EnterpriseId,
    /// The department the employee belongs to.
    pub department_id: DepartmentId,
    /// That department's name.
    pub department_name: String,
    /// What is known of the employee.
    pub fields: EmployeeFields,
    /// How many contacts the employee has collected.
    pub contact_count: u64,
    /// When the employee was created.
    pub created_at: Timestamp,
    /// When the employee last changed.
    pub updated_at: Timestamp,
    /// When the employee was archived, if so.
    pub archived_at: Option<Timestamp>,
}
