//! Many contacts at once: one chunk of an import in one transaction, rollups merged set-wise.

use std::collections::HashMap;

use rusqlite::params;

use super::employees::EmployeeRow;
use crate::domain::contacts::ContactInfo;
use crate::domain::directory::{EmployeeFields, EmployeeInfo, Name};
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId, TimeOrderedId};
use crate::domain::text::fold;
use crate::domain::time::Timestamp;
use crate::store::engine::error::{StoreError, Subject};
use crate::store::engine::tx::{ReadTx, WriteTx};
use crate::store::rollups::merge::RollupBatch;

/// Whose contacts the rows of an import are, as flags or columns name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OwnerRow {
    /// The department's id or name; `None` leaves it to the employee.
    pub department: Option<String>,
    /// The employee's id or full name, or an e-mail address.
    pub employee: EmployeeName,
}

/// The way in which an employee is named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EmployeeName {
    /// By id, or by the full name.
    IdOrName(String),
    /// By e-mail address.
    Email(String),
}

/// One contact of a chunk.
#[derive(Clone, Debug)]
pub struct ImportRow {
    /// Position of its owner in the chunk's owners.
    pub owner: usize,
    /// The contact.
    pub info: ContactInfo,
    /// When it was collected, if the file says so.
    pub created_at: Option<Timestamp>,
}

/// What an import may create beside contacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MayCreate {
    /// Nothing: rows of somebody who does not exist are refused.
    #[default]
    Nothing,
    /// Departments and employees that do not exist.
    WithinEnterprise,
    /// The enterprise, too.
    Everything,
}

/// Rows that go in together.
#[derive(Clone, Debug)]
pub struct ImportChunk {
    /// The enterprise they go into.
    pub enterprise: EnterpriseId,
    /// Their owners.
    pub owners: Vec<OwnerRow>,
    /// The contacts.
    pub rows: Vec<ImportRow>,
    /// What is created when it is missing.
    pub may_create: MayCreate,
    /// Whether everything is undone in the end.
    pub dry_run: bool,
}

/// What became of a chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportOutcome {
    /// For each row in order: what became of it.
    pub rows: Vec<ImportedRow>,
    /// For each owner in order: why it cannot be found, if so.
    pub owners_refused: Vec<Option<String>>,
    /// Ids of enterprises that were created.
    pub enterprises_created: Vec<String>,
    /// Ids of departments that were created.
    pub departments_created: Vec<String>,
    /// Ids of employees that were created.
    pub employees_created: Vec<String>,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportedRow {
    /// It is in.
    Imported,
    /// The same employee has the same person with the same content already.
    Duplicate,
    /// It was refused; the sentence says why.
    Refused(String),
}

/// What to do about somebody who does not exist. Read on the command line and over HTTP alike.
const CREATE_HINT: &str =
    "; create it first, or let the import create what is missing (--create-missing, createMissing=true)";

/// What [`OwnerRow`]s come to: an employee, or why there is none.
type FoundOwner = Result<EmployeeRow, String>;

impl WriteTx<'_> {
    /// Puts a chunk in. Fails as a whole only when the enterprise is missing or the database fails; an owner that cannot
    /// be found refuses its rows.
    pub fn import(&self, chunk: &ImportChunk) -> Result<ImportOutcome, StoreError> {
        if chunk.dry_run { self.rehearse(|tx| tx.import_chunk(chunk)) } else { self.import_chunk(chunk) }
    }

    fn import_chunk(&self, chunk: &ImportChunk) -> Result<ImportOutcome, StoreError> {
        let mut outcome = ImportOutcome::default();
        match self.enterprise_row(&chunk.enterprise) {
            Err(StoreError::NotFound(Subject::Enterprise)) if chunk.may_create == MayCreate::Everything => {
                let name = Name::parse("enterprise", chunk.enterprise.as_str())
                    .map_err(|error| StoreError::Invalid(vec![error]))?;
                self.create_enterprise(Some(chunk.enterprise.clone()), &name)?;
                outcome.enterprises_created.push(chunk.enterprise.to_string());
            }
            found => drop(found?),
        }
        let mut owners = Vec::with_capacity(chunk.owners.len());
        for owner in &chunk.owners {
            owners.push(self.find_or_make_owner(chunk, owner, &mut outcome)?);
        }
        outcome.owners_refused = owners.iter().map(|owner| owner.as_ref().err().cloned()).collect();
        outcome.rows = self.without_triggers(|tx| tx.insert_rows(&chunk.rows, &owners))?;
        Ok(outcome)
    }

    fn insert_rows(&self, rows: &[ImportRow], owners: &[FoundOwner]) -> Result<Vec<ImportedRow>, StoreError> {
        const EXISTS: &str = "SELECT 1 FROM contact WHERE employee_id = ?1 AND person_key = ?2 AND content_key = ?3";
        let mut exists = self.prepare(EXISTS)?;
        let mut companies: HashMap<(i64, &str), i64> = HashMap::new();
        let mut batch = RollupBatch::default();
        let mut next_id = self.next_contact_id()?;
        let mut outcomes = Vec::with_capacity(rows.len());
        for row in rows {
            let owner = match &owners[row.owner] {
                Ok(owner) => *owner,
                Err(reason) => {
                    outcomes.push(ImportedRow::Refused(reason.clone()));
                    continue;
                }
            };
            let identity = row.info.identity();
            let person = identity.person.number();
            if exists.exists([owner.row, person, identity.content])? {
                outcomes.push(ImportedRow::Duplicate);
                continue;
            }
            let company = match identity.company.as_deref() {
                None => None,
                Some(folded) => {
                    let known = companies.get(&(owner.enterprise, folded)).copied();
                    let company = if known.is_some() { known } else { self.company_row(owner.enterprise, &row.info)? };
                    companies.extend(company.map(|company| ((owner.enterprise, folded), company)));
                    company
                }
            };
            let created_at = row.created_at.unwrap_or(self.now());
            self.insert_contact(next_id, owner, company, &row.info, "import", created_at)?;
            next_id = TimeOrderedId::from_number(next_id.number() + 1);
            let scopes = [owner.department, owner.enterprise];
            batch.add(scopes, owner.row, company, created_at.day().number(), person);
            outcomes.push(ImportedRow::Imported);
        }
        self.apply_rollups(&batch)?;
        for scope in batch.scopes() {
            self.draw(scope)?;
        }
        Ok(outcomes)
    }

    /// Finds an owner, or makes one where that is allowed: whole, or nothing of it.
    fn find_or_make_owner(
        &self,
        chunk: &ImportChunk,
        owner: &OwnerRow,
        outcome: &mut ImportOutcome,
    ) -> Result<FoundOwner, StoreError> {
        let may_create = chunk.may_create != MayCreate::Nothing;
        let enterprise = self.enterprise_row(&chunk.enterprise)?;
        let department = match &owner.department {
            None => None,
            Some(text) => match self.find_department(enterprise, text)? {
                Found::Refused(reason) => return Ok(Err(reason)),
                found => Some((text, found)),
            },
        };
        match (self.find_employee(enterprise, &owner.employee)?, department) {
            (Found::Refused(reason), _) => Ok(Err(reason)),
            (Found::One(employee), None) => Ok(Ok(employee)),
            (Found::One(employee), Some((_, Found::One((row, _))))) if employee.department == row => Ok(Ok(employee)),
            (Found::One(_), Some((text, Found::One(_)))) => {
                Ok(Err(format!("employee {} belongs to another department than {text:?}", owner.employee)))
            }
            (Found::One(_), Some((text, _))) => Ok(Err(format!("department {text:?} does not exist"))),
            (Found::None, Some((text, Found::None))) if !may_create => {
                Ok(Err(format!("department {text:?} does not exist{CREATE_HINT}")))
            }
            (Found::None, _) if !may_create => {
                Ok(Err(format!("employee {} does not exist{CREATE_HINT}", owner.employee)))
            }
            (Found::None, None) => Ok(Err(format!(
                "employee {} does not exist, and no department is named to create it in; name one with --department or \
                 in a column department",
                owner.employee
            ))),
            (Found::None, Some((text, department))) => {
                let (departments, employees) = (outcome.departments_created.len(), outcome.employees_created.len());
                let made = self.attempt(|tx| tx.make_owner(chunk, text, department, owner, outcome), Result::is_ok)?;
                if made.is_err() {
                    outcome.departments_created.truncate(departments);
                    outcome.employees_created.truncate(employees);
                }
                Ok(made)
            }
        }
    }

    fn make_owner(
        &self,
        chunk: &ImportChunk,
        text: &str,
        department: Found<(i64, DepartmentId)>,
        owner: &OwnerRow,
        outcome: &mut ImportOutcome,
    ) -> Result<FoundOwner, StoreError> {
        let department = match department {
            Found::One((_, department)) => department,
            _ => match self.make_department(&chunk.enterprise, text, outcome)? {
                Ok(department) => department,
                Err(reason) => return Ok(Err(reason)),
            },
        };
        self.make_employee(&chunk.enterprise, &department, &owner.employee, outcome)
    }

    fn make_department(
        &self,
        enterprise: &EnterpriseId,
        text: &str,
        outcome: &mut ImportOutcome,
    ) -> Result<Result<DepartmentId, String>, StoreError> {
        let name = match Name::parse("department", text) {
            Ok(name) => name,
            Err(error) => return Ok(Err(error.to_string())),
        };
        // A text that can be an id is one; any other is a name, whose slug may belong to a department already.
        let id = DepartmentId::parse(text).ok();
        match self.create_department(enterprise, id, &name) {
            Ok(department) => {
                outcome.departments_created.push(department.id.to_string());
                Ok(Ok(department.id))
            }
            Err(StoreError::Conflict(reason)) => Ok(Err(reason)),
            Err(error) => Err(error),
        }
    }

    fn make_employee(
        &self,
        enterprise: &EnterpriseId,
        department: &DepartmentId,
        name: &EmployeeName,
        outcome: &mut ImportOutcome,
    ) -> Result<FoundOwner, StoreError> {
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
        let info = match EmployeeInfo::parse(fields) {
            Ok(info) => info,
            Err(errors) => return Ok(Err(StoreError::Invalid(errors).to_string())),
        };
        match self.create_employee(enterprise, department, id, &info) {
            Ok(employee) => {
                outcome.employees_created.push(employee.id.to_string());
                Ok(Ok(self.employee_row(enterprise, department, &employee.id)?))
            }
            Err(StoreError::Conflict(_)) => {
                Ok(Err(format!("employee {name} exists already in another enterprise, or is archived")))
            }
            Err(error) => Err(error),
        }
    }
}

/// The outcome of looking for something by a text that a person typed.
enum Found<T> {
    One(T),
    None,
    Refused(String),
}

impl<T> Found<T> {
    /// Two rows at most are enough to know whether a name is ambiguous.
    fn from_rows(mut rows: Vec<T>, what: &str) -> Self {
        match (rows.pop(), rows.is_empty()) {
            (Some(_), false) => Self::Refused(format!("{what} is the name of more than one; use the id")),
            (Some(row), true) => Self::One(row),
            (None, _) => Self::None,
        }
    }
}

impl ReadTx<'_> {
    fn find_department(&self, enterprise: i64, text: &str) -> Result<Found<(i64, DepartmentId)>, StoreError> {
        const BY_ID: &str = "SELECT id, public_id FROM department
                              WHERE enterprise_id = ?1 AND public_id = ?2 AND archived_at IS NULL";
        const BY_NAME: &str = "SELECT id, public_id FROM department
                                WHERE enterprise_id = ?1 AND name_folded = ?2 AND archived_at IS NULL LIMIT 2";
        let read =
            |row: &rusqlite::Row<'_>| Ok((row.get(0)?, crate::store::engine::row::id_from_database(row.get(1)?)?));
        if let Some(found) = self.first(BY_ID, params![enterprise, text], read)? {
            return Ok(Found::One(found));
        }
        let rows = self.all(BY_NAME, params![enterprise, fold(text)], read)?;
        Ok(Found::from_rows(rows, &format!("department {text:?}")))
    }

    fn find_employee(&self, enterprise: i64, name: &EmployeeName) -> Result<Found<EmployeeRow>, StoreError> {
        const BY_ID: &str = "SELECT id, department_id FROM employee WHERE public_id = ?2 AND enterprise_id = ?1
                                AND archived_at IS NULL AND department_archived = 0";
        const BY_NAME: &str = "SELECT id, department_id FROM employee WHERE enterprise_id = ?1 AND name_folded = ?2
                                  AND archived_at IS NULL AND department_archived = 0 LIMIT 2";
        const BY_EMAIL: &str =
            "SELECT id, department_id FROM employee WHERE enterprise_id = ?1 AND email_normalised = ?2
                                   AND archived_at IS NULL AND department_archived = 0 LIMIT 2";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(EmployeeRow { row: row.get(0)?, department: row.get(1)?, enterprise, archived: false })
        };
        let (sql, key) = match name {
            EmployeeName::IdOrName(text) => {
                if let Some(found) = self.first(BY_ID, params![enterprise, text], read)? {
                    return Ok(Found::One(found));
                }
                (BY_NAME, fold(text))
            }
            EmployeeName::Email(text) => match crate::domain::identity::normalise_email(text) {
                Some(address) => (BY_EMAIL, address),
                None => return Ok(Found::Refused(format!("employee_email {text:?} is not an e-mail address"))),
            },
        };
        let rows = self.all(sql, params![enterprise, key], read)?;
        Ok(Found::from_rows(rows, &format!("employee {name}")))
    }
}

impl std::fmt::Display for EmployeeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::IdOrName(text) | Self::Email(text) => write!(f, "{text:?}"),
        }
    }
}
