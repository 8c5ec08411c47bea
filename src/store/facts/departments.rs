//! Departments: finding, listing, creating, renaming, archiving and restoring them.

use rusqlite::{Row, params};

use super::reach_filter::department_within;
use crate::domain::access::Reach;
use crate::domain::directory::{Department, Name};
use crate::domain::ids::{DepartmentId, EnterpriseId};
use crate::domain::made_ids::ids_from_name;
use crate::domain::page::{NameCursor, Page, PageRequest};
use crate::domain::time::Timestamp;
use crate::store::engine::error::{StoreError, Subject};
use crate::store::engine::row::{NameList, exists, id_from_database, null_test, timestamp};
use crate::store::engine::tx::{ReadTx, WriteTx};
use crate::store::rollups::merge::Source;
use crate::store::upkeep::purge::PurgeSubject;

/// A department of a visible enterprise.
#[derive(Clone, Copy)]
pub(in crate::store) struct DepartmentRow {
    pub(in crate::store) row: i64,
    pub(in crate::store) enterprise: i64,
    pub(in crate::store) archived: bool,
}

const COLUMNS: &str = "public_id, (SELECT public_id FROM enterprise WHERE enterprise.id = enterprise_id), name,
    (SELECT employees FROM scope WHERE scope.id = department.id), created_at, updated_at, archived_at";

impl ReadTx<'_> {
    /// A visible department.
    pub fn department(&self, enterprise: &EnterpriseId, id: &DepartmentId) -> Result<Department, StoreError> {
        let row = self.department_row(enterprise, id)?.row;
        self.one(&format!("SELECT {COLUMNS} FROM department WHERE id = ?1"), [row], |row| Ok(read_department(row)))?
    }

    /// The departments of a visible enterprise that lie within reach, ordered by name: the visible ones, or the archived
    /// ones.
    pub fn departments(
        &self,
        reach: &Reach,
        enterprise: &EnterpriseId,
        archived: bool,
        request: &PageRequest<NameCursor>,
    ) -> Result<Page<Department, NameCursor>, StoreError> {
        let owner = self.enterprise_row(enterprise)?;
        let within = match reach {
            // The department of an employee does not lie within.
            Reach::Employees(..) => "FALSE".to_owned(),
            reach => department_within(reach, "id"),
        };
        let filter = format!("enterprise_id = ?1 AND archived_at {} AND {within}", null_test(archived));
        let total = self.one(&format!("SELECT count(*) FROM department WHERE {filter}"), [owner], |row| row.get(0))?;
        let list = NameList { columns: COLUMNS, from: "department", filter: &filter };
        list.page(self, owner, request, total, read_department, |department| (&department.name, department.id.as_str()))
    }

    /// The row of a visible department.
    pub(in crate::store) fn department_row(
        &self,
        enterprise: &EnterpriseId,
        id: &DepartmentId,
    ) -> Result<DepartmentRow, StoreError> {
        let found = self.any_department_row(enterprise, id)?;
        if found.archived { Err(StoreError::NotFound(Subject::Department)) } else { Ok(found) }
    }

    /// The row of a department, archived or not, of a visible enterprise.
    pub(in crate::store) fn any_department_row(
        &self,
        enterprise: &EnterpriseId,
        id: &DepartmentId,
    ) -> Result<DepartmentRow, StoreError> {
        const SQL: &str =
            "SELECT id, archived_at IS NOT NULL FROM department WHERE enterprise_id = ?1 AND public_id = ?2";
        let enterprise = self.enterprise_row(enterprise)?;
        self.first(SQL, params![enterprise, id.as_str()], |row| {
            Ok(DepartmentRow { row: row.get(0)?, enterprise, archived: row.get(1)? })
        })?
        .ok_or(StoreError::NotFound(Subject::Department))
    }
}

impl WriteTx<'_> {
    /// Creates a department; without an id, one is made from the name.
    pub fn create_department(
        &self,
        enterprise: &EnterpriseId,
        id: Option<DepartmentId>,
        name: &Name,
    ) -> Result<Department, StoreError> {
        const SQL: &str =
            "INSERT INTO department (id, enterprise_id, public_id, name, name_folded, created_at, updated_at)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)";
        let owner = self.enterprise_row(enterprise)?;
        let id = match id {
            Some(id) => id,
            None => self.department_id_for(owner, name)?,
        };
        if exists(self.any_department_row(enterprise, &id))? {
            return Err(StoreError::Conflict(format!("a department with the id {id} exists already in {enterprise}")));
        }
        let scope = self.scope_row(enterprise.as_str(), id.as_str())?;
        let now = self.now().millis();
        self.execute(SQL, params![scope, owner, id.as_str(), name.as_str(), name.folded(), now])?;
        self.department(enterprise, &id)
    }

    /// The id for a new department of this name; that of one with the same name, which it conflicts with.
    fn department_id_for(&self, enterprise: i64, name: &Name) -> Result<DepartmentId, StoreError> {
        const NAME: &str = "SELECT name_folded FROM department WHERE enterprise_id = ?1 AND public_id = ?2";
        let id = self.free_id(ids_from_name(name.as_str()), |id| {
            let taken: Option<String> = self.first(NAME, params![enterprise, id], |row| Ok(row.get(0)?))?;
            Ok(taken.is_some_and(|taken| taken != name.folded()))
        })?;
        id_from_database(id)
    }

    /// Renames a visible department.
    pub fn rename_department(
        &self,
        enterprise: &EnterpriseId,
        id: &DepartmentId,
        name: &Name,
    ) -> Result<Department, StoreError> {
        const SQL: &str = "UPDATE department SET name = ?2, name_folded = ?3, updated_at = ?4
                            WHERE id = ?1 AND name <> ?2";
        let found = self.department_row(enterprise, id)?;
        self.execute(SQL, params![found.row, name.as_str(), name.folded(), self.now().millis()])?;
        self.department(enterprise, id)
    }

    /// Archives a department: its contacts and employees leave the enterprise's rollups and stay in its own.
    pub fn archive_department(&self, enterprise: &EnterpriseId, id: &DepartmentId) -> Result<(), StoreError> {
        let found = self.department_row(enterprise, id)?;
        self.set_department_visible(found, false)
    }

    /// Restores an archived department; does nothing to a visible one.
    pub fn restore_department(&self, enterprise: &EnterpriseId, id: &DepartmentId) -> Result<Department, StoreError> {
        let found = self.any_department_row(enterprise, id)?;
        if found.archived {
            self.refuse_while_purged(PurgeSubject::Department, found.row)?;
            self.set_department_visible(found, true)?;
        }
        self.department(enterprise, id)
    }

    /// Adds a department to its enterprise's rollups, or removes it.
    pub(in crate::store) fn set_department_visible(
        &self,
        department: DepartmentRow,
        visible: bool,
    ) -> Result<(), StoreError> {
        const EMPLOYEES: &str = "UPDATE scope
            SET employees = scope.employees + ?3 * own.employees,
                active_employees = scope.active_employees + ?3 * own.active_employees
           FROM scope AS own WHERE scope.id = ?1 AND own.id = ?2";
        // With `counted >= 1` the planner uses the partial index.
        const CONTACTS: &str = "UPDATE contact SET counted = ?2 WHERE department_id = ?1 AND counted >= 1";
        const CARRIED: &str = "UPDATE employee SET department_archived = ?2 WHERE department_id = ?1";
        const ARCHIVE: &str = "UPDATE department SET archived_at = ?2 WHERE id = ?1";
        let step = if visible { 1 } else { -1 };
        self.merge_rollups(department.enterprise, Source::Department(department.row), step)?;
        self.execute(EMPLOYEES, params![department.enterprise, department.row, step])?;
        self.execute(CONTACTS, params![department.row, if visible { 2 } else { 1 }])?;
        self.execute(CARRIED, params![department.row, !visible])?;
        let archived_at = if visible { None } else { Some(self.now().millis()) };
        self.execute(ARCHIVE, params![department.row, archived_at])?;
        Ok(())
    }
}

fn read_department(row: &Row<'_>) -> Result<Department, StoreError> {
    Ok(Department {
        id: id_from_database(row.get(0)?)?,
        enterprise_id: id_from_database(row.get(1)?)?,
        name: row.get(2)?,
        member_count: row.get(3)?,
        created_at: timestamp(row, 4)?,
        updated_at: timestamp(row, 5)?,
        archived_at: row.get::<_, Option<i64>>(6)?.map(Timestamp::from_millis),
    })
}
