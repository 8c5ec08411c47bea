//! A reach as conditions of SQL, which leave out the rows beyond it.

use crate::domain::access::{Reach, Role};
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use crate::domain::sharing::Sharing;
use crate::store::engine::error::StoreError;
use crate::store::engine::row::id_from_database;
use crate::store::engine::tx::ReadTx;

/// The condition on a column that holds the row of a department of the enterprise with the row `?1`. A reach that is
/// limited to employees has the departments that they belong to.
pub(super) fn department_within(reach: &Reach, column: &str) -> String {
    match reach {
        Reach::Installation | Reach::Enterprise(_) => "TRUE".to_owned(),
        Reach::Departments(_, departments) => format!(
            "{column} IN (SELECT id FROM department WHERE enterprise_id = ?1 AND public_id IN ({}))",
            id_list(departments.iter().map(DepartmentId::as_str))
        ),
        Reach::Employees(_, employees) => format!(
            "{column} IN (SELECT department_id FROM employee WHERE enterprise_id = ?1 AND public_id IN ({}))",
            id_list(employees.iter().map(EmployeeId::as_str))
        ),
    }
}

/// The condition on the columns that hold the row of an employee, and that of their department, of the enterprise with
/// the row `?1`.
pub(super) fn employee_within(reach: &Reach, employee: &str, department: &str) -> String {
    match reach {
        Reach::Installation | Reach::Enterprise(_) | Reach::Departments(..) => department_within(reach, department),
        Reach::Employees(_, employees) => format!(
            "{employee} IN (SELECT id FROM employee WHERE enterprise_id = ?1 AND public_id IN ({}))",
            id_list(employees.iter().map(EmployeeId::as_str))
        ),
    }
}

/// Ids as a list of SQL. An id has no character that would have to be escaped.
fn id_list<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    ids.map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ")
}

impl ReadTx<'_> {
    /// What a token with this role reads: for one that is limited to employees, what their enterprise shares with them;
    /// for any other its own reach. Nothing is shared by an enterprise that is archived or unknown, nor with employees
    /// who are.
    pub fn reading_reach(&self, role: Role, reach: &Reach) -> Result<Reach, StoreError> {
        const SHARING: &str = "SELECT sharing FROM enterprise WHERE public_id = ?1 AND archived_at IS NULL";
        let Reach::Employees(enterprise, employees) = reach else { return Ok(reach.clone()) };
        let chosen: Option<String> = self.first(SHARING, [enterprise.as_str()], |row| Ok(row.get(0)?))?;
        let Some(chosen) = chosen else { return Ok(reach.clone()) };
        let chosen = Sharing::parse(&chosen).ok_or_else(|| StoreError::Corrupt(format!("sharing {chosen:?}")))?;
        let departments = match chosen.for_role(role) {
            Sharing::Own => return Ok(reach.clone()),
            Sharing::Department | Sharing::Enterprise => self.departments_of_employees(enterprise, employees)?,
        };
        Ok(match chosen.for_role(role) {
            // No employee is there any more.
            _ if departments.is_empty() => reach.clone(),
            Sharing::Enterprise => Reach::Enterprise(enterprise.clone()),
            Sharing::Own | Sharing::Department => Reach::Departments(enterprise.clone(), departments),
        })
    }

    /// The visible departments that visible employees belong to.
    fn departments_of_employees(
        &self,
        enterprise: &EnterpriseId,
        employees: &[EmployeeId],
    ) -> Result<Vec<DepartmentId>, StoreError> {
        let sql = format!(
            "SELECT public_id FROM department WHERE id IN (
                SELECT department_id FROM employee WHERE enterprise_id = ?1 AND public_id IN ({})
                   AND archived_at IS NULL AND department_archived = 0)
              ORDER BY public_id",
            id_list(employees.iter().map(EmployeeId::as_str))
        );
        self.all(&sql, [self.enterprise_row(enterprise)?], |row| id_from_database(row.get(0)?))
    }
}
