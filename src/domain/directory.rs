//! Enterprises, departments and employees.

use serde::{Deserialize, Serialize};

use super::FieldError;
use super::contact::check_text;
use super::ids::{DepartmentId, EmployeeId, EnterpriseId};
use super::person::normalise_email;
use super::text::fold;
use super::time::Timestamp;

/// Longest name of an enterprise, department or employee part, in characters.
pub const NAME_LEN_MAX: usize = 200;

/// The name of an enterprise or department: not blank, at most [`NAME_LEN_MAX`] characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Takes a text as a name, white space around it removed; `field` is named in the error.
    pub fn parse(field: &str, text: &str) -> Result<Self, FieldError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(FieldError::new(field, "must not be empty"));
        }
        let mut errors = Vec::new();
        check_text(&mut errors, field, text, NAME_LEN_MAX);
        errors.pop().map_or_else(|| Ok(Self(text.to_owned())), Err)
    }

    /// The name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that orders it.
    #[must_use]
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

/// An enterprise as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enterprise {
    /// Its id.
    pub id: EnterpriseId,
    /// Its name.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was archived, if it is.
    pub archived_at: Option<Timestamp>,
}

/// A department as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Department {
    /// Its id, unique within its enterprise.
    pub id: DepartmentId,
    /// The enterprise it belongs to.
    pub enterprise_id: EnterpriseId,
    /// Its name.
    pub name: String,
    /// How many unarchived employees it has.
    pub member_count: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was archived, if it is.
    pub archived_at: Option<Timestamp>,
}

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

/// What a summary is about: an enterprise, or one department of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The enterprise.
    pub enterprise: EnterpriseId,
    /// The department; `None` for the enterprise as a whole.
    pub department: Option<DepartmentId>,
}

impl Scope {
    /// An enterprise as a whole.
    #[must_use]
    pub fn enterprise(enterprise: EnterpriseId) -> Self {
        Self { enterprise, department: None }
    }

    /// One department.
    #[must_use]
    pub fn department(enterprise: EnterpriseId, department: DepartmentId) -> Self {
        Self { enterprise, department: Some(department) }
    }
}
