//! Pages of contacts with their owners: one page from an index, and the total counts from rollups. The cost depends on
//! the size of the page, not on its position.

use rusqlite::{Row, params};

use super::contacts::{COLUMNS, COLUMNS_LEN, CURSOR, OF_DEPARTMENT, OF_ENTERPRISE, cursor_of, read_contact};
use crate::domain::contacts::Contact;
use crate::domain::contacts::{
    ContactList, ContactsByDepartment, ContactsWithBreakdown, DETAILS_TEXT_BYTES_MAX, DepartmentContacts,
    DepartmentDetails, DepartmentStats, DetailedContact, DetailsPage, DetailsRequest, DetailsView, EmployeeStats,
    EnterpriseContacts, EnterpriseDetails, ListedContact, OwnerInfo,
};
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use crate::domain::page::{Cursor, Pagination, TimeCursor};
use crate::store::engine::error::{StoreError, Subject};
use crate::store::engine::row::id_from_database;
use crate::store::engine::tx::ReadTx;

const ENTERPRISE_HEAD: &str = "SELECT enterprise.id, enterprise.name, scope.contacts
           FROM enterprise JOIN scope ON scope.id = enterprise.id
          WHERE enterprise.public_id = ?1 AND enterprise.archived_at IS NULL";
const DEPARTMENT_HEAD: &str = "SELECT enterprise.name, department.name, scope.contacts, scope.employees
           FROM department JOIN enterprise ON enterprise.id = department.enterprise_id
                           JOIN scope ON scope.id = department.id
          WHERE department.id = ?1";
const DEPARTMENTS: &str = "SELECT department.public_id, department.name, scope.contacts, scope.employees
           FROM department JOIN scope ON scope.id = department.id
          WHERE department.enterprise_id = ?1 AND department.archived_at IS NULL
          ORDER BY department.name_folded, department.name, department.public_id";
const DEPARTMENTS_LEN: &str = "SELECT count(*) FROM department WHERE enterprise_id = ?1 AND archived_at IS NULL";
const EMPLOYEES: &str = "SELECT public_id, first_name, last_name, email, position, contacts FROM employee
          WHERE department_id = ?1 AND archived_at IS NULL ORDER BY name_folded, name, public_id";

/// Contacts before a cursor, newest first, each with its collector. The joins are CROSS because SQLite keeps their
/// order: the index on contacts must lead, whatever the planner estimates of the tables' sizes.
fn page_sql(owner: &str) -> String {
    format!(
        "SELECT {COLUMNS}, m.first_name, m.last_name, m.email, m.position, d.name
           FROM contact c CROSS JOIN employee m ON m.id = c.employee_id
                          CROSS JOIN department d ON d.id = c.department_id
          WHERE {owner} AND (c.created_at, c.id) < {CURSOR}
          ORDER BY c.created_at DESC, c.id DESC LIMIT ?4"
    )
}

impl ReadTx<'_> {
    /// A page of a visible enterprise's contacts. `cache_expiry` equals `generated_at`; the caller, which caches the
    /// page, sets it.
    pub fn enterprise_details(
        &self,
        id: &EnterpriseId,
        request: &DetailsRequest,
    ) -> Result<EnterpriseDetails, StoreError> {
        let head = self.first(ENTERPRISE_HEAD, [id.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let (enterprise, enterprise_name, total_contacts) = head.ok_or(StoreError::NotFound(Subject::Enterprise))?;
        let (contacts, page) = self.details_page(OF_ENTERPRISE, enterprise, request)?;
        let (total_departments, contacts) = match request.view {
            DetailsView::Full => {
                let departments = self.department_stats(enterprise)?;
                let len = departments.len() as u64;
                (len, EnterpriseContacts::Full(ContactsByDepartment::new(departments, contacts)))
            }
            DetailsView::List => {
                let len = self.one(DEPARTMENTS_LEN, [enterprise], |row| row.get(0))?;
                (len, EnterpriseContacts::List(ContactList { contacts }))
            }
        };
        Ok(EnterpriseDetails {
            enterprise_id: id.clone(),
            enterprise_name,
            total_contacts,
            total_departments,
            contacts,
            page,
        })
    }

    /// A page of a visible department's contacts. `cache_expiry` equals `generated_at`; the caller, which caches the
    /// page, sets it.
    pub fn department_details(
        &self,
        enterprise: &EnterpriseId,
        id: &DepartmentId,
        request: &DetailsRequest,
    ) -> Result<DepartmentDetails, StoreError> {
        let department = self.department_row(enterprise, id)?.row;
        let (enterprise_name, department_name, total_contacts, total_employees) =
            self.one(DEPARTMENT_HEAD, [department], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        let (contacts, page) = self.details_page(OF_DEPARTMENT, department, request)?;
        let contacts = match request.view {
            DetailsView::Full => DepartmentContacts::Full(ContactsWithBreakdown {
                employee_contact_breakdown: self.employee_stats(department)?,
                contacts: contacts.into_iter().map(DetailedContact::from).collect(),
            }),
            DetailsView::List => DepartmentContacts::List(ContactList { contacts }),
        };
        Ok(DepartmentDetails {
            enterprise_id: enterprise.clone(),
            enterprise_name,
            department_id: id.clone(),
            department_name,
            total_contacts,
            total_employees,
            contacts,
            page,
        })
    }

    /// The contacts of a page, and the cursor of the next one if there is more.
    fn details_page(
        &self,
        owner: &str,
        owner_row: i64,
        request: &DetailsRequest,
    ) -> Result<(Vec<ListedContact>, DetailsPage), StoreError> {
        let before = request.after.unwrap_or(TimeCursor::NEWEST);
        let mut statement = self.prepare(&page_sql(owner))?;
        let bound = params![owner_row, before.created_at, before.row, i64::from(request.limit) + 1];
        let mut rows = statement.query(bound)?;
        let mut contacts = Vec::new();
        let (mut last, mut next, mut text_bytes) = (None, None, 0);
        while let Some(row) = rows.next()? {
            if contacts.len() as u64 == u64::from(request.limit) || text_bytes >= DETAILS_TEXT_BYTES_MAX {
                next = last;
                break;
            }
            let contact = read_contact(row)?;
            last = Some(cursor_of(&contact));
            text_bytes += contact.fields.text_bytes();
            contacts.push(with_owner(contact, row)?);
        }
        let page = DetailsPage {
            generated_at: self.now(),
            cache_expiry: self.now(),
            pagination: Pagination { limit: Some(request.limit), next_cursor: next.as_ref().map(Cursor::encode) },
        };
        Ok((contacts, page))
    }

    fn department_stats(&self, enterprise: i64) -> Result<Vec<(DepartmentId, DepartmentStats)>, StoreError> {
        self.all(DEPARTMENTS, [enterprise], |row| {
            let stats = DepartmentStats { name: row.get(1)?, contact_count: row.get(2)?, employee_count: row.get(3)? };
            Ok((id_from_database(row.get(0)?)?, stats))
        })
    }

    fn employee_stats(&self, department: i64) -> Result<Vec<(EmployeeId, EmployeeStats)>, StoreError> {
        self.all(EMPLOYEES, [department], |row| {
            let stats = EmployeeStats {
                first_name: row.get(1)?,
                last_name: row.get(2)?,
                email: row.get(3)?,
                job_title: row.get(4)?,
                contact_count: row.get(5)?,
            };
            Ok((id_from_database(row.get(0)?)?, stats))
        })
    }
}

fn with_owner(contact: Contact, row: &Row<'_>) -> Result<ListedContact, StoreError> {
    let owner_info = OwnerInfo {
        user_id: contact.employee_id.clone(),
        first_name: row.get(COLUMNS_LEN)?,
        last_name: row.get(COLUMNS_LEN + 1)?,
        email: row.get(COLUMNS_LEN + 2)?,
        job_title: row.get(COLUMNS_LEN + 3)?,
        department: row.get(COLUMNS_LEN + 4)?,
    };
    Ok(ListedContact { contact: contact.into(), owner_info })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::engine::row::plan;

    #[test]
    fn no_statement_of_a_page_scans_a_table_or_sorts() {
        let pages = [OF_ENTERPRISE, OF_DEPARTMENT].map(page_sql);
        let heads = [ENTERPRISE_HEAD, DEPARTMENT_HEAD, DEPARTMENTS, DEPARTMENTS_LEN, EMPLOYEES];
        for sql in pages.iter().map(String::as_str).chain(heads) {
            for step in plan(sql) {
                assert!(!step.contains("SCAN") && !step.contains("TEMP B-TREE"), "{step}: {sql}");
            }
        }
    }

    #[test]
    fn a_page_begins_with_a_seek_to_time_and_row() {
        let check = |owner: &str, expected: &str| assert_eq!(plan(&page_sql(owner))[0], expected);
        check(
            OF_ENTERPRISE,
            "SEARCH c USING INDEX contact_newest_in_enterprise (enterprise_id=? AND (created_at,rowid)<(?,?))",
        );
        check(
            OF_DEPARTMENT,
            "SEARCH c USING INDEX contact_newest_in_department (department_id=? AND (created_at,rowid)<(?,?))",
        );
    }
}
