//! The owners of imported contacts: employees found by a person's spelling of them, or created where that is allowed.

use std::fmt;

use rusqlite::{Row, params};

use super::employees::EmployeeRow;
use super::reach_filter::{department_within, employee_within};
use crate::domain::FieldError;
use crate::domain::access::Reach;
use crate::domain::directory::{EmployeeFields, EmployeeInfo, Name};
use crate::domain::identity::normalise_email;
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use crate::domain::made_ids::ids_from_name;
use crate::domain::text::fold;
use crate::store::engine::error::{StoreError, first_message};
use crate::store::engine::row::id_from_database;
use crate::store::engine::tx::{ReadTx, WriteTx};

/// The owner of imported rows, as options or columns name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OwnerRow {
    /// `None` leaves it to the employee.
    pub department: Option<DepartmentName>,
    /// The employee's id or full name, or an e-mail address.
    pub employee: EmployeeName,
}

/// How a department is named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DepartmentName {
    /// By id, or by the name.
    IdOrName(String),
    /// By the name, as people write it into a file. An id counts where it was given, and not made from another name:
    /// `sales` is not 東京 Sales, although that has the id.
    Name(String),
}

impl DepartmentName {
    fn text(&self) -> &str {
        match self {
            Self::IdOrName(text) | Self::Name(text) => text,
        }
    }
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
    /// The department does not exist within reach, where none may be created.
    #[error("department {0:?} is not within the token's reach")]
    DepartmentBeyondReach(String),
    /// The employee does not exist within reach, where none may be created.
    #[error("employee {0} is not within the token's reach")]
    EmployeeBeyondReach(EmployeeName),
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
    /// The import has created as many departments and employees as it may.
    #[error(
        "the import may create {0} departments and employees (import-new-owners-max, new-owners-per-hour), and this row \
         needs one more; create it first, or import the row later or with `muster import`"
    )]
    TooManyNew(u64),
    /// An employee with the id exists, archived or beyond reach.
    #[error("employee {0} exists already, archived or beyond the token's reach")]
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
    /// Finds an owner within reach, or creates one where that is allowed: departments only by who reaches the whole
    /// enterprise, employees only in departments within reach. A failed creation leaves nothing behind.
    pub(super) fn find_or_create_owner(
        &self,
        reach: &Reach,
        enterprise: &EnterpriseId,
        owner: &OwnerRow,
        may_create: bool,
    ) -> Result<Owner, OwnerError> {
        let enterprise_row = self.enterprise_row(enterprise)?;
        let name = || owner.employee.clone();
        let is_whole = reach.covers_enterprise(enterprise);
        let department = match &owner.department {
            None => None,
            Some(name) => Some((name, self.find_department(reach, enterprise_row, name)?)),
        };
        match (self.find_employee(reach, enterprise_row, &owner.employee)?, department) {
            (Some(employee), None) => Ok(Owner::known(employee)),
            (Some(employee), Some((_, Some((row, _))))) if employee.department == row => Ok(Owner::known(employee)),
            (Some(_), Some((text, Some(_)))) => {
                Err(OwnerRefusal::OtherDepartment { employee: name(), department: text.text().to_owned() }.into())
            }
            (_, Some((text, None))) if !is_whole => {
                Err(OwnerRefusal::DepartmentBeyondReach(text.text().to_owned()).into())
            }
            (Some(_), Some((text, None))) => Err(OwnerRefusal::UnknownDepartment(text.text().to_owned()).into()),
            (None, _) if matches!(reach, Reach::Employees(..)) => Err(OwnerRefusal::EmployeeBeyondReach(name()).into()),
            (None, Some((text, None))) if !may_create => {
                Err(OwnerRefusal::MissingDepartment(text.text().to_owned()).into())
            }
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
        name: &DepartmentName,
        department: Option<DepartmentId>,
        employee: &EmployeeName,
    ) -> Result<Owner, OwnerError> {
        let (department, department_created) = if let Some(department) = department {
            (department, None)
        } else {
            let created = self.create_named_department(enterprise, name)?;
            (created.clone(), Some(created))
        };
        let employee = self.create_named_employee(enterprise, &department, employee)?;
        let row = self.employee_row(enterprise, &department, &employee)?;
        Ok(Owner { row, department_created, employee_created: Some(employee) })
    }

    fn create_named_department(
        &self,
        enterprise: &EnterpriseId,
        name: &DepartmentName,
    ) -> Result<DepartmentId, OwnerError> {
        let text = name.text();
        let parsed = Name::parse("department", text).map_err(|error| OwnerRefusal::Invalid(vec![error]))?;
        // A text that can be an id is taken as one, unless another department has it and the text is but a name.
        let id = DepartmentId::parse(text).ok();
        let id = match (id, name) {
            (Some(id), DepartmentName::Name(_)) if self.is_taken_by_another(enterprise, &id, &parsed)? => None,
            (id, _) => id,
        };
        match self.create_department(enterprise, id, &parsed) {
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
    fn find_department(
        &self,
        reach: &Reach,
        enterprise: i64,
        name: &DepartmentName,
    ) -> Result<Option<(i64, DepartmentId)>, OwnerError> {
        let within = department_within(reach, "id");
        let by_id_sql = format!(
            "SELECT id, public_id, name FROM department
              WHERE enterprise_id = ?1 AND public_id = ?2 AND archived_at IS NULL AND {within}"
        );
        let by_name_sql = format!(
            "SELECT id, public_id FROM department
              WHERE enterprise_id = ?1 AND name_folded = ?2 AND archived_at IS NULL AND {within} LIMIT 2"
        );
        let text = name.text();
        let read = |row: &Row<'_>| Ok((row.get(0)?, id_from_database::<DepartmentId>(row.get(1)?)?));
        let by_id =
            self.first(&by_id_sql, params![enterprise, text], |row| Ok((read(row)?, row.get::<_, String>(2)?)))?;
        let by_id = match (by_id, name) {
            (Some((found, _)), DepartmentName::IdOrName(_)) => return Ok(Some(found)),
            (by_id, _) => by_id,
        };
        match Matches::of(self.all(&by_name_sql, params![enterprise, fold(text)], read)?) {
            Matches::None => {
                let is_given = |own: &str| !ids_from_name(own).any(|made| made == text);
                Ok(by_id.filter(|(_, own)| is_given(own)).map(|(found, _)| found))
            }
            Matches::One(found) => Ok(Some(found)),
            Matches::Several => match by_id {
                Some((found, own)) if fold(&own) == fold(text) => Ok(Some(found)),
                _ => Err(OwnerRefusal::AmbiguousDepartment(text.to_owned()).into()),
            },
        }
    }

    /// Whether a department of another name has the id.
    fn is_taken_by_another(
        &self,
        enterprise: &EnterpriseId,
        id: &DepartmentId,
        name: &Name,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM department
            WHERE enterprise_id = ?1 AND public_id = ?2 AND name_folded <> ?3)";
        let enterprise = self.enterprise_row(enterprise)?;
        self.one(SQL, params![enterprise, id.as_str(), name.folded()], |row| row.get(0))
    }

    fn find_employee(
        &self,
        reach: &Reach,
        enterprise: i64,
        name: &EmployeeName,
    ) -> Result<Option<EmployeeRow>, OwnerError> {
        let within = employee_within(reach, "id", "department_id");
        let sql_by = |column: &str| {
            format!(
                "SELECT id, department_id FROM employee WHERE enterprise_id = ?1 AND {column} = ?2
                    AND archived_at IS NULL AND department_archived = 0 AND {within} LIMIT 2"
            )
        };
        let read =
            |row: &Row<'_>| Ok(EmployeeRow { row: row.get(0)?, department: row.get(1)?, enterprise, archived: false });
        let (sql, key) = match name {
            EmployeeName::IdOrName(text) => {
                if let Some(found) = self.first(&sql_by("public_id"), params![enterprise, text], read)? {
                    return Ok(Some(found));
                }
                (sql_by("name_folded"), fold(text))
            }
            EmployeeName::Email(text) => (
                sql_by("email_normalised"),
                normalise_email(text).ok_or_else(|| OwnerRefusal::NotAnEmail(text.clone()))?,
            ),
        };
        match Matches::of(self.all(&sql, params![enterprise, key], read)?) {
            Matches::None => Ok(None),
            Matches::One(found) => Ok(Some(found)),
            Matches::Several => Err(OwnerRefusal::AmbiguousEmployee(name.clone()).into()),
        }
    }
}
