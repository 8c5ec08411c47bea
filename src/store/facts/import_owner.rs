//! The owners of imported contacts: employees found by a person's spelling of them, or created where that is allowed.

use std::fmt;

use rusqlite::{Row, params};

use super::employees::EmployeeRow;
use crate::domain::FieldError;
use crate::domain::directory::{EmployeeFields, EmployeeInfo, Name};
use crate::domain::identity::normalise_email;
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use crate::domain::text::fold;
use crate::store::engine::error::{StoreError, first_message};
use crate::store::engine::row::id_from_database;
use crate::store::engine::tx::{ReadTx, WriteTx};

/// The owner of imported rows, as options or columns name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OwnerRow {
    /// The department's id or name; `None` leaves it to the employee.
    pub department: Option<String>,
    /// The employee's id or full name, or an e-mail address.
    pub employee: EmployeeName,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EmployeeName {
    /// By id, or by the full name.
    IdOrName(String),
    Email(String),
}

impl fmt::Display for EmployeeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IdOrName(text) | Self::Email(text) => write!(f, "{text:?}"),
        }
    }
}

/// What to do about an owner that does not exist. Shown on the command line and over HTTP alike.
const CREATE_HINT: &str =
    "; create it first, or let the import create what is missing (--create-missing, createMissing=true)";

/// Why the owner of rows can neither be found nor created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnerRefusal {
    /// Several departments have the name.
    #[error("department {0:?} is the name of more than one; use the id")]
    AmbiguousDepartment(String),
    /// Several employees have the name or the address.
    #[error("employee {0} is the name of more than one; use the id")]
    AmbiguousEmployee(EmployeeName),
    /// The employee exists, and the department does not.
    #[error("department {0:?} does not exist")]
    UnknownDepartment(String),
    /// The department does not exist, and none may be created.
    #[error("department {0:?} does not exist{CREATE_HINT}")]
    MissingDepartment(String),
    /// The employee does not exist, and none may be created.
    #[error("employee {0} does not exist{CREATE_HINT}")]
    MissingEmployee(EmployeeName),
    /// The employee exists in another department than the row says.
    #[error("employee {employee} belongs to another department than {department:?}")]
    OtherDepartment {
        /// The employee.
        employee: EmployeeName,
        /// The department that the row says.
        department: String,
    },
    /// The employee does not exist, and no department is named to create one in.
    #[error(
        "employee {0} does not exist, and no department is named to create it in; name one with --department or in a \
         column department"
    )]
    NoDepartmentNamed(EmployeeName),
    /// The text in the column of addresses is none.
    #[error("employee_email {0:?} is not an e-mail address")]
    NotAnEmail(String),
    /// What would be created breaks a rule of the directory.
    #[error("{}", first_message(.0))]
    Invalid(Vec<FieldError>),
    /// The department that would be created exists, archived or by another name.
    #[error("{0}")]
    DepartmentTaken(String),
    /// An employee with the id exists in another enterprise, or archived.
    #[error("employee {0} exists already in another enterprise, or is archived")]
    EmployeeTaken(EmployeeName),
}

/// Why there is no owner: the row is wrong, or the database failed.
pub(super) enum OwnerError {
    Refused(OwnerRefusal),
    Store(StoreError),
}

impl From<OwnerRefusal> for OwnerError {
    fn from(refusal: OwnerRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for OwnerError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// An owner, with the ids of what was created for it.
pub(super) struct Owner {
    pub(super) row: EmployeeRow,
    pub(super) department_created: Option<DepartmentId>,
    pub(super) employee_created: Option<EmployeeId>,
}

impl Owner {
    fn known(row: EmployeeRow) -> Self {
        Self { row, department_created: None, employee_created: None }
    }
}

/// The rows that match a name.
enum Matches<T> {
    None,
    One(T),
    Several,
}

impl<T> Matches<T> {
    /// From two rows at most, which are enough to know whether a name is ambiguous.
    fn of(mut rows: Vec<T>) -> Self {
        match (rows.pop(), rows.is_empty()) {
            (Some(_), false) => Self::Several,
            (Some(row), true) => Self::One(row),
            (None, _) => Self::None,
        }
    }
}

impl WriteTx<'_> {
    /// Finds an owner, or creates one where that is allowed. A failed creation leaves nothing behind.
    pub(super) fn find_or_create_owner(
        &self,
        enterprise: &EnterpriseId,
        owner: &OwnerRow,
        may_create: bool,
    ) -> Result<Owner, OwnerError> {
        let enterprise_row = self.enterprise_row(enterprise)?;
        let name = || owner.employee.clone();
        let department = match &owner.department {
            None => None,
            Some(text) => Some((text, self.find_department(enterprise_row, text)?)),
        };
        match (self.find_employee(enterprise_row, &owner.employee)?, department) {
            (Some(employee), None) => Ok(Owner::known(employee)),
            (Some(employee), Some((_, Some((row, _))))) if employee.department == row => Ok(Owner::known(employee)),
            (Some(_), Some((text, Some(_)))) => {
                Err(OwnerRefusal::OtherDepartment { employee: name(), department: text.clone() }.into())
            }
            (Some(_), Some((text, None))) => Err(OwnerRefusal::UnknownDepartment(text.clone()).into()),
            (None, Some((text, None))) if !may_create => Err(OwnerRefusal::MissingDepartment(text.clone()).into()),
            (None, _) if !may_create => Err(OwnerRefusal::MissingEmployee(name()).into()),
            (None, None) => Err(OwnerRefusal::NoDepartmentNamed(name()).into()),
            (None, Some((text, department))) => {
                let department = department.map(|(_, id)| id);
                self.attempt(|tx| tx.create_owner(enterprise, text, department, &owner.employee))
            }
        }
    }

    fn create_owner(
        &self,
        enterprise: &EnterpriseId,
        text: &str,
        department: Option<DepartmentId>,
        employee: &EmployeeName,
    ) -> Result<Owner, OwnerError> {
        let (department, department_created) = if let Some(department) = department {
            (department, None)
        } else {
            let created = self.create_named_department(enterprise, text)?;
            (created.clone(), Some(created))
        };
        let employee = self.create_named_employee(enterprise, &department, employee)?;
        let row = self.employee_row(enterprise, &department, &employee)?;
        Ok(Owner { row, department_created, employee_created: Some(employee) })
    }

    fn create_named_department(&self, enterprise: &EnterpriseId, text: &str) -> Result<DepartmentId, OwnerError> {
        let name = Name::parse("department", text).map_err(|error| OwnerRefusal::Invalid(vec![error]))?;
        // A text that can be an id is taken as one; any other is a name, whose slug may already be a department's id.
        let id = DepartmentId::parse(text).ok();
        match self.create_department(enterprise, id, &name) {
            Ok(department) => Ok(department.id),
            Err(StoreError::Conflict(reason)) => Err(OwnerRefusal::DepartmentTaken(reason).into()),
            Err(error) => Err(error.into()),
        }
    }

    fn create_named_employee(
        &self,
        enterprise: &EnterpriseId,
        department: &DepartmentId,
        name: &EmployeeName,
    ) -> Result<EmployeeId, OwnerError> {
        let mut fields = EmployeeFields::default();
        let id = match name {
            EmployeeName::IdOrName(text) => {
                text.clone_into(&mut fields.first_name);
                EmployeeId::parse(text.as_str()).ok()
            }
            EmployeeName::Email(address) => {
                address.trim().clone_into(&mut fields.email);
                address.split('@').next().unwrap_or_default().trim().clone_into(&mut fields.first_name);
                None
            }
        };
        let info = EmployeeInfo::parse(fields).map_err(OwnerRefusal::Invalid)?;
        match self.create_employee(enterprise, department, id, &info) {
            Ok(employee) => Ok(employee.id),
            Err(StoreError::Conflict(_)) => Err(OwnerRefusal::EmployeeTaken(name.clone()).into()),
            Err(error) => Err(error.into()),
        }
    }
}

impl ReadTx<'_> {
    fn find_department(&self, enterprise: i64, text: &str) -> Result<Option<(i64, DepartmentId)>, OwnerError> {
        const BY_ID: &str = "SELECT id, public_id FROM department
                              WHERE enterprise_id = ?1 AND public_id = ?2 AND archived_at IS NULL";
        const BY_NAME: &str = "SELECT id, public_id FROM department
                                WHERE enterprise_id = ?1 AND name_folded = ?2 AND archived_at IS NULL LIMIT 2";
        let read = |row: &Row<'_>| Ok((row.get(0)?, id_from_database(row.get(1)?)?));
        if let Some(found) = self.first(BY_ID, params![enterprise, text], read)? {
            return Ok(Some(found));
        }
        match Matches::of(self.all(BY_NAME, params![enterprise, fold(text)], read)?) {
            Matches::None => Ok(None),
            Matches::One(found) => Ok(Some(found)),
            Matches::Several => Err(OwnerRefusal::AmbiguousDepartment(text.to_owned()).into()),
        }
    }

    fn find_employee(&self, enterprise: i64, name: &EmployeeName) -> Result<Option<EmployeeRow>, OwnerError> {
        const BY_ID: &str = "SELECT id, department_id FROM employee WHERE public_id = ?2 AND enterprise_id = ?1
                                AND archived_at IS NULL AND department_archived = 0";
        const BY_NAME: &str = "SELECT id, department_id FROM employee WHERE enterprise_id = ?1 AND name_folded = ?2
                                  AND archived_at IS NULL AND department_archived = 0 LIMIT 2";
        const BY_EMAIL: &str =
            "SELECT id, department_id FROM employee WHERE enterprise_id = ?1 AND email_normalised = ?2
                                   AND archived_at IS NULL AND department_archived = 0 LIMIT 2";
        let read =
            |row: &Row<'_>| Ok(EmployeeRow { row: row.get(0)?, department: row.get(1)?, enterprise, archived: false });
        let (sql, key) = match name {
            EmployeeName::IdOrName(text) => {
                if let Some(found) = self.first(BY_ID, params![enterprise, text], read)? {
                    return Ok(Some(found));
                }
                (BY_NAME, fold(text))
            }
            EmployeeName::Email(text) => {
                (BY_EMAIL, normalise_email(text).ok_or_else(|| OwnerRefusal::NotAnEmail(text.clone()))?)
            }
        };
        match Matches::of(self.all(sql, params![enterprise, key], read)?) {
            Matches::None => Ok(None),
            Matches::One(found) => Ok(Some(found)),
            Matches::Several => Err(OwnerRefusal::AmbiguousEmployee(name.clone()).into()),
        }
    }
}
