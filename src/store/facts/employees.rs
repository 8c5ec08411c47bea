//! Employees: finding, listing, creating, changing, moving, archiving and restoring them.

use rusqlite::{Row, params};

use super::departments::DepartmentRow;
use super::reach_filter::employee_within;
use crate::domain::access::Reach;
use crate::domain::directory::{Employee, EmployeeFields, EmployeeInfo, EmployeeRole};
use crate::domain::identity::normalise_email;
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use crate::domain::page::{NameCursor, Page, PageRequest};
use crate::domain::text::fold;
use crate::domain::time::Timestamp;
use crate::store::engine::error::{StoreError, Subject};
use crate::store::engine::row::{NameList, id_from_database, null_test, timestamp};
use crate::store::engine::tx::{ReadTx, WriteTx};
use crate::store::rollups::merge::Source;
use crate::store::upkeep::purge::PurgeSubject;

/// An employee of a visible department and enterprise.
#[derive(Clone, Copy)]
pub(in crate::store) struct EmployeeRow {
    pub(in crate::store) row: i64,
    pub(in crate::store) department: i64,
    pub(in crate::store) enterprise: i64,
    pub(in crate::store) archived: bool,
}

const COLUMNS: &str = "public_id,
    (SELECT public_id FROM enterprise WHERE enterprise.id = enterprise_id),
    (SELECT public_id FROM department WHERE department.id = department_id),
    (SELECT name FROM department WHERE department.id = department_id),
    first_name, last_name, email, phone, position, role, is_active, contacts, created_at, updated_at, archived_at";

/// How many enterprises a refusal names that have an employee with the same id.
const ENTERPRISES_NAMED_MAX: usize = 10;

impl ReadTx<'_> {
    /// A visible employee of a department.
    pub fn employee(
        &self,
        enterprise: &EnterpriseId,
        department: &DepartmentId,
        id: &EmployeeId,
    ) -> Result<Employee, StoreError> {
        self.employee_at(self.employee_row(enterprise, department, id)?.row)
    }

    /// A visible employee within reach, found by the id alone.
    pub fn user(&self, reach: &Reach, id: &EmployeeId) -> Result<Employee, StoreError> {
        self.employee_at(self.user_row(reach, id)?.row)
    }

    /// The employees within reach of a visible enterprise or of one of its departments, ordered by name: the visible
    /// ones, or the archived ones of visible departments.
    pub fn employees(
        &self,
        reach: &Reach,
        enterprise: &EnterpriseId,
        department: Option<&DepartmentId>,
        archived: bool,
        request: &PageRequest<NameCursor>,
    ) -> Result<Page<Employee, NameCursor>, StoreError> {
        let null_test = null_test(archived);
        let (owner, filter) = if let Some(department) = department {
            let row = self.department_row(enterprise, department)?.row;
            (row, format!("department_id = ?1 AND archived_at {null_test}"))
        } else {
            let within = employee_within(reach, "id", "department_id");
            let visible = format!("archived_at {null_test} AND department_archived = 0");
            (self.enterprise_row(enterprise)?, format!("enterprise_id = ?1 AND {visible} AND {within}"))
        };
        let is_whole = department.is_some() || reach.covers_enterprise(enterprise);
        let total = if archived || !is_whole {
            self.one(&format!("SELECT count(*) FROM employee WHERE {filter}"), [owner], |row| row.get(0))?
        } else {
            self.one("SELECT employees FROM scope WHERE id = ?1", [owner], |row| row.get(0))?
        };
        let list = NameList { columns: COLUMNS, from: "employee", filter: &filter };
        // The list is ordered by the full name, of which the fields have two parts.
        let read = |row: &Row<'_>| read_employee(row).map(|employee| (employee.fields.full_name(), employee));
        let page = list.page(self, owner, request, total, read, |(name, employee)| (name, employee.id.as_str()))?;
        Ok(page.map(|(_, employee)| employee))
    }

    fn employee_at(&self, row: i64) -> Result<Employee, StoreError> {
        self.one(&format!("SELECT {COLUMNS} FROM employee WHERE id = ?1"), [row], |row| Ok(read_employee(row)))?
    }

    pub(super) fn employee_row(
        &self,
        enterprise: &EnterpriseId,
        department: &DepartmentId,
        id: &EmployeeId,
    ) -> Result<EmployeeRow, StoreError> {
        let found = self.any_employee_row(enterprise, department, id)?;
        if found.archived { Err(StoreError::NotFound(Subject::Employee)) } else { Ok(found) }
    }

    /// The row of an employee, archived or not, of a visible department.
    pub(in crate::store) fn any_employee_row(
        &self,
        enterprise: &EnterpriseId,
        department: &DepartmentId,
        id: &EmployeeId,
    ) -> Result<EmployeeRow, StoreError> {
        // Without the plus sign SQLite may look through all of the department.
        const SQL: &str = "SELECT id, archived_at IS NOT NULL FROM employee
            WHERE public_id = ?1 AND enterprise_id = ?2 AND +department_id = ?3";
        let DepartmentRow { row: department, enterprise, .. } = self.department_row(enterprise, department)?;
        self.first(SQL, params![id.as_str(), enterprise, department], |row| {
            Ok(EmployeeRow { row: row.get(0)?, department, enterprise, archived: row.get(1)? })
        })?
        .ok_or(StoreError::NotFound(Subject::Employee))
    }

    /// The row of a visible employee within reach, found by the id alone. Where several enterprises within reach have one
    /// with the id, the caller has to say which is meant: a contact would go to another company.
    pub(in crate::store) fn user_row(&self, reach: &Reach, id: &EmployeeId) -> Result<EmployeeRow, StoreError> {
        const VISIBLE: &str = "m.archived_at IS NULL AND m.department_archived = 0 AND e.archived_at IS NULL";
        const COLUMNS: &str = "m.id, m.department_id, m.enterprise_id, e.public_id, d.public_id";
        // Two plans: the one enterprise leads to its employee without a look at those of others.
        let from = match reach.enterprise() {
            None => "employee m CROSS JOIN enterprise e CROSS JOIN department d",
            Some(_) => "enterprise e CROSS JOIN employee m CROSS JOIN department d",
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM {from}
              WHERE e.id = m.enterprise_id AND d.id = m.department_id AND m.public_id = ?1 AND {VISIBLE}
                AND (e.public_id = ?2 {}) LIMIT {}",
            if reach.enterprise().is_none() { "OR ?2 IS NULL" } else { "" },
            ENTERPRISES_NAMED_MAX + 1
        );
        let own = reach.enterprise().map(EnterpriseId::as_str);
        let found = self.all(&sql, params![id.as_str(), own], |row| {
            let employee =
                EmployeeRow { row: row.get(0)?, department: row.get(1)?, enterprise: row.get(2)?, archived: false };
            let enterprise: EnterpriseId = id_from_database(row.get(3)?)?;
            let department: DepartmentId = id_from_database(row.get(4)?)?;
            Ok((employee, enterprise, department))
        })?;
        let within: Vec<_> = found
            .into_iter()
            .filter(|(_, enterprise, department)| reach.covers_employee(enterprise, department, id))
            .collect();
        match within.as_slice() {
            [] => Err(StoreError::NotFound(Subject::User)),
            [(employee, ..)] => Ok(*employee),
            several => {
                let named = several.iter().take(ENTERPRISES_NAMED_MAX).map(|(_, enterprise, _)| enterprise.as_str());
                let mut named = named.collect::<Vec<_>>().join(", ");
                if several.len() > ENTERPRISES_NAMED_MAX {
                    named.push_str(" and others");
                }
                Err(StoreError::Conflict(format!(
                    "several enterprises have an employee with the id {id}: {named}; say with enterpriseId which is meant"
                )))
            }
        }
    }
}

impl WriteTx<'_> {
    /// Creates an employee in a visible department; without an id, a time-ordered one is made.
    pub fn create_employee(
        &self,
        enterprise: &EnterpriseId,
        department: &DepartmentId,
        id: Option<EmployeeId>,
        info: &EmployeeInfo,
    ) -> Result<Employee, StoreError> {
        const EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM employee WHERE public_id = ?1 AND enterprise_id = ?2)";
        const SQL: &str = "INSERT INTO employee (public_id, enterprise_id, department_id, first_name, last_name, name,
                name_folded, email, email_normalised, phone, position, role, is_active, created_at, updated_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14)";
        let DepartmentRow { row: department_row, enterprise: enterprise_row, .. } =
            self.department_row(enterprise, department)?;
        let id = if let Some(id) = id {
            id
        } else {
            let taken = |id: &str| self.one(EXISTS, params![id, enterprise_row], |row| row.get(0));
            id_from_database(self.free_id(std::iter::empty(), taken)?)?
        };
        if self.one(EXISTS, params![id.as_str(), enterprise_row], |row| row.get(0))? {
            return Err(StoreError::Conflict(format!("an employee with the id {id} exists already in {enterprise}")));
        }
        let fields = info.fields();
        let name = fields.full_name();
        self.execute(
            SQL,
            params![
                id.as_str(),
                enterprise_row,
                department_row,
                fields.first_name,
                fields.last_name,
                name,
                fold(&name),
                fields.email,
                normalise_email(&fields.email),
                fields.phone,
                fields.position,
                fields.role.as_str(),
                fields.is_active,
                self.now().millis()
            ],
        )?;
        self.employee(enterprise, department, &id)
    }

    /// Changes a visible employee's fields, and the department if another is given.
    pub fn change_employee(
        &self,
        enterprise: &EnterpriseId,
        department: &DepartmentId,
        id: &EmployeeId,
        info: &EmployeeInfo,
        move_to: Option<&DepartmentId>,
    ) -> Result<Employee, StoreError> {
        const SQL: &str =
            "UPDATE employee SET first_name = ?2, last_name = ?3, name = ?4, name_folded = ?5, email = ?6,
                email_normalised = ?7, phone = ?8, position = ?9, role = ?10, is_active = ?11, updated_at = ?12
            WHERE id = ?1 AND (first_name, last_name, email, phone, position, role, is_active)
                        <> (?2, ?3, ?6, ?8, ?9, ?10, ?11)";
        let found = self.employee_row(enterprise, department, id)?;
        let fields = info.fields();
        let name = fields.full_name();
        self.execute(
            SQL,
            params![
                found.row,
                fields.first_name,
                fields.last_name,
                name,
                fold(&name),
                fields.email,
                normalise_email(&fields.email),
                fields.phone,
                fields.position,
                fields.role.as_str(),
                fields.is_active,
                self.now().millis()
            ],
        )?;
        let department = move_to.unwrap_or(department);
        let target = self.department_row(enterprise, department)?;
        if target.row != found.department {
            self.move_employee(found, target.row)?;
        }
        self.employee(enterprise, department, id)
    }

    /// Moves an employee with all contacts. The enterprise's rollups do not change, since both departments are visible.
    fn move_employee(&self, employee: EmployeeRow, target: i64) -> Result<(), StoreError> {
        const CONTACTS: &str = "UPDATE contact SET department_id = ?2 WHERE employee_id = ?1";
        const SQL: &str = "UPDATE employee SET department_id = ?2, updated_at = ?3 WHERE id = ?1";
        self.merge_rollups(employee.department, Source::Employee(employee.row), -1)?;
        self.merge_rollups(target, Source::Employee(employee.row), 1)?;
        self.execute(CONTACTS, [employee.row, target])?;
        self.execute(SQL, params![employee.row, target, self.now().millis()])?;
        Ok(())
    }

    /// Archives an employee; the contacts leave every rollup.
    pub fn archive_employee(
        &self,
        enterprise: &EnterpriseId,
        department: &DepartmentId,
        id: &EmployeeId,
    ) -> Result<(), StoreError> {
        let found = self.employee_row(enterprise, department, id)?;
        self.set_employee_visible(found, false)
    }

    /// Restores an archived employee of a visible department; does nothing to a visible one.
    pub fn restore_employee(
        &self,
        enterprise: &EnterpriseId,
        department: &DepartmentId,
        id: &EmployeeId,
    ) -> Result<Employee, StoreError> {
        let found = self.any_employee_row(enterprise, department, id)?;
        if found.archived {
            self.refuse_while_purged(PurgeSubject::Employee, found.row)?;
            self.set_employee_visible(found, true)?;
        }
        self.employee(enterprise, department, id)
    }

    /// Adds an employee of a visible department to the rollups of department and enterprise, or removes it.
    pub(in crate::store) fn set_employee_visible(
        &self,
        employee: EmployeeRow,
        visible: bool,
    ) -> Result<(), StoreError> {
        const CONTACTS: &str = "UPDATE contact SET counted = ?2 WHERE employee_id = ?1";
        const ARCHIVE: &str = "UPDATE employee SET archived_at = ?2 WHERE id = ?1";
        let step = if visible { 1 } else { -1 };
        self.merge_rollups(employee.department, Source::Employee(employee.row), step)?;
        self.merge_rollups(employee.enterprise, Source::Employee(employee.row), step)?;
        self.execute(CONTACTS, params![employee.row, if visible { 2 } else { 0 }])?;
        let archived_at = if visible { None } else { Some(self.now().millis()) };
        self.execute(ARCHIVE, params![employee.row, archived_at])?;
        Ok(())
    }
}

fn read_employee(row: &Row<'_>) -> Result<Employee, StoreError> {
    let role: String = row.get(9)?;
    Ok(Employee {
        id: id_from_database(row.get(0)?)?,
        enterprise_id: id_from_database(row.get(1)?)?,
        department_id: id_from_database(row.get(2)?)?,
        department_name: row.get(3)?,
        fields: EmployeeFields {
            first_name: row.get(4)?,
            last_name: row.get(5)?,
            email: row.get(6)?,
            phone: row.get(7)?,
            position: row.get(8)?,
            role: EmployeeRole::parse(&role).ok_or_else(|| StoreError::Corrupt(format!("employee role {role:?}")))?,
            is_active: row.get(10)?,
        },
        contact_count: row.get(11)?,
        created_at: timestamp(row, 12)?,
        updated_at: timestamp(row, 13)?,
        archived_at: row.get::<_, Option<i64>>(14)?.map(Timestamp::from_millis),
    })
}
