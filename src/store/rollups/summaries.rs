//! Summaries of enterprises and departments, from rollups alone: the cost depends on the size of the answer, not on the
//! number of contacts.

use rusqlite::{Row, params};

use crate::domain::directory::Scope;
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use crate::domain::summary::{
    DepartmentSummary, DepartmentTotals, EmployeeTotals, EnterpriseSummary, Growth, TOP_LEN, TopCompany, TopEmployee,
    Totals,
};
use crate::domain::time::{Day, Timestamp};
use crate::store::engine::error::{StoreError, Subject};
use crate::store::engine::row::id_from_database;
use crate::store::engine::tx::ReadTx;

const ENTERPRISE_HEAD: &str = "SELECT scope.id, enterprise.name, scope.draws, scope.contacts, scope.people,
                scope.employees, scope.active_employees
           FROM enterprise JOIN scope ON scope.id = enterprise.id
          WHERE enterprise.public_id = ?1 AND enterprise.archived_at IS NULL";
const NEWEST_IN_ENTERPRISE: &str = "SELECT created_at FROM contact WHERE enterprise_id = ?1 AND counted = 2
          ORDER BY created_at DESC LIMIT 1";
const DEPARTMENT_HEAD: &str = "SELECT scope.id, department.name, scope.draws, scope.contacts, scope.people,
                scope.employees, scope.active_employees
           FROM department JOIN scope ON scope.id = department.id WHERE department.id = ?1";
const NEWEST_IN_DEPARTMENT: &str = "SELECT created_at FROM contact WHERE department_id = ?1 AND counted >= 1
          ORDER BY created_at DESC LIMIT 1";
const DEPARTMENTS: &str = "SELECT department.public_id, department.name, scope.contacts, scope.people, scope.employees
           FROM department JOIN scope ON scope.id = department.id
          WHERE department.enterprise_id = ?1 AND department.archived_at IS NULL
          ORDER BY department.name_folded, department.name, department.public_id";
const EMPLOYEES: &str = "SELECT public_id, name, first_name, last_name, email, contacts FROM employee
          WHERE department_id = ?1 AND archived_at IS NULL ORDER BY name_folded, name, public_id";
const TOP_EMPLOYEES: &str = "SELECT public_id, name,
                (SELECT public_id FROM department WHERE department.id = employee.department_id), contacts
           FROM employee
          WHERE enterprise_id = ?1 AND archived_at IS NULL AND department_archived = 0 AND contacts > 0
          ORDER BY contacts DESC, name_folded, name, public_id LIMIT ?2";
const TOP_COMPANIES: &str = "SELECT name, contacts FROM rollup_company WHERE scope_id = ?1
          ORDER BY contacts DESC, name_folded, name, company_id LIMIT ?2";
const DAYS: &str = "SELECT day, contacts FROM rollup_day WHERE scope_id = ?1 AND day BETWEEN ?2 AND ?3";

/// The head of a summary: the scope's row and its subject's name.
struct Head {
    scope: i64,
    name: String,
    draws: i64,
    totals: Totals,
}

/// The state of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeRevision {
    /// The last revision that it drew from the installation's counter. It is shown to nobody.
    pub revision: i64,
    /// How many it has drawn.
    pub draws: i64,
}

impl ReadTx<'_> {
    /// The newest revision of a visible scope, and how many it has drawn.
    pub fn scope_revision(&self, scope: &Scope) -> Result<ScopeRevision, StoreError> {
        const SQL: &str = "SELECT revision, draws FROM scope WHERE id = ?1";
        let row = match &scope.department {
            None => self.enterprise_row(&scope.enterprise)?,
            Some(department) => self.department_row(&scope.enterprise, department)?.row,
        };
        self.one(SQL, [row], |row| Ok(ScopeRevision { revision: row.get(0)?, draws: row.get(1)? }))
    }

    /// A visible enterprise's summary. The caller, which has a clock, sets `calculation_time`.
    pub fn enterprise_summary(&self, id: &EnterpriseId) -> Result<EnterpriseSummary, StoreError> {
        let head =
            self.first(ENTERPRISE_HEAD, [id.as_str()], read_head)?.ok_or(StoreError::NotFound(Subject::Enterprise))?;
        let departments = self.department_totals(head.scope)?;
        Ok(EnterpriseSummary {
            enterprise_id: id.clone(),
            enterprise_name: head.name,
            totals: Totals { newest_contact_at: self.newest(NEWEST_IN_ENTERPRISE, head.scope)?, ..head.totals },
            total_departments: departments.len() as u64,
            departments,
            top_employees: self.top_employees(head.scope)?,
            top_companies: self.top_companies(head.scope)?,
            growth: self.growth(head.scope)?,
            revision: head.draws,
            calculation_time: 0.0,
        })
    }

    /// A visible department's summary. The caller, which has a clock, sets `calculation_time`.
    pub fn department_summary(
        &self,
        enterprise: &EnterpriseId,
        id: &DepartmentId,
    ) -> Result<DepartmentSummary, StoreError> {
        let row = self.department_row(enterprise, id)?.row;
        let head = self.first(DEPARTMENT_HEAD, [row], read_head)?.ok_or(StoreError::NotFound(Subject::Department))?;
        Ok(DepartmentSummary {
            department_id: id.clone(),
            department_name: head.name,
            enterprise_id: enterprise.clone(),
            totals: Totals { newest_contact_at: self.newest(NEWEST_IN_DEPARTMENT, head.scope)?, ..head.totals },
            employees: self.employee_totals(head.scope)?,
            top_companies: self.top_companies(head.scope)?,
            growth: self.growth(head.scope)?,
            revision: head.draws,
            calculation_time: 0.0,
        })
    }

    fn newest(&self, sql: &str, scope: i64) -> Result<Option<Timestamp>, StoreError> {
        self.first(sql, [scope], |row| Ok(Timestamp::from_millis(row.get(0)?)))
    }

    fn department_totals(&self, enterprise: i64) -> Result<Vec<DepartmentTotals>, StoreError> {
        self.all(DEPARTMENTS, [enterprise], |row| {
            Ok(DepartmentTotals {
                department_id: id_from_database(row.get(0)?)?,
                department_name: row.get(1)?,
                total_contacts: row.get(2)?,
                unique_people: row.get(3)?,
                total_employees: row.get(4)?,
            })
        })
    }

    fn employee_totals(&self, department: i64) -> Result<Vec<EmployeeTotals>, StoreError> {
        self.all(EMPLOYEES, [department], |row| {
            let id: EmployeeId = id_from_database(row.get(0)?)?;
            Ok(EmployeeTotals {
                user_id: id.clone(),
                employee_id: id,
                name: row.get(1)?,
                first_name: row.get(2)?,
                last_name: row.get(3)?,
                email: row.get(4)?,
                contact_count: row.get(5)?,
            })
        })
    }

    fn top_employees(&self, enterprise: i64) -> Result<Vec<TopEmployee>, StoreError> {
        self.all(TOP_EMPLOYEES, params![enterprise, TOP_LEN], |row| {
            let id: EmployeeId = id_from_database(row.get(0)?)?;
            Ok(TopEmployee {
                user_id: id.clone(),
                employee_id: id,
                name: row.get(1)?,
                department_id: id_from_database(row.get(2)?)?,
                contact_count: row.get(3)?,
            })
        })
    }

    fn top_companies(&self, scope: i64) -> Result<Vec<TopCompany>, StoreError> {
        self.all(TOP_COMPANIES, params![scope, TOP_LEN], |row| {
            Ok(TopCompany { company: row.get(0)?, contact_count: row.get(1)? })
        })
    }

    fn growth(&self, scope: i64) -> Result<Growth, StoreError> {
        let today = self.now().day();
        let bounds = params![scope, Growth::first_day(today).number(), today.number()];
        let days = self.all(DAYS, bounds, |row| Ok((Day::from_number(row.get(0)?), row.get(1)?)))?;
        Ok(Growth::from_days(today, days))
    }
}

fn read_head(row: &Row<'_>) -> Result<Head, StoreError> {
    Ok(Head {
        scope: row.get(0)?,
        name: row.get(1)?,
        draws: row.get(2)?,
        totals: Totals {
            total_contacts: row.get(3)?,
            unique_people: row.get(4)?,
            total_employees: row.get(5)?,
            active_employees: row.get(6)?,
            newest_contact_at: None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::engine::row::plan;

    #[test]
    fn no_statement_of_a_summary_scans_a_table_or_sorts() {
        let statements = [
            ENTERPRISE_HEAD,
            NEWEST_IN_ENTERPRISE,
            DEPARTMENT_HEAD,
            NEWEST_IN_DEPARTMENT,
            DEPARTMENTS,
            EMPLOYEES,
            TOP_EMPLOYEES,
            TOP_COMPANIES,
            DAYS,
        ];
        for sql in statements {
            for step in plan(sql) {
                assert!(!step.contains("SCAN") && !step.contains("TEMP B-TREE"), "{step}: {sql}");
            }
        }
    }
}
