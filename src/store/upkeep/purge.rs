//! Purges: deleting an enterprise, department or employee with all that belongs to it.
//!
//! A purge archives its subject in the transaction that accepts it, so nothing counts the subject from then on. Its
//! rows are deleted in small transactions, with triggers off, since its rollups are no longer kept. Accepted purges
//! continue after a restart.

use rusqlite::params;

use super::actor::Actor;
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use crate::store::access::tokens::RemovedFromReach;
use crate::store::engine::error::StoreError;
use crate::store::engine::tx::WriteTx;

/// Rows that are deleted between two checks of the clock.
const PURGE_BATCH_ROWS: u32 = 200;

/// What is purged, with all that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum PurgeSubject {
    Enterprise,
    Department,
    Employee,
}

impl PurgeSubject {
    const ALL: [Self; 3] = [Self::Enterprise, Self::Department, Self::Employee];

    /// The name in the database.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Enterprise => "enterprise",
            Self::Department => "department",
            Self::Employee => "employee",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        let subject = Self::ALL.into_iter().find(|subject| subject.as_str() == text);
        subject.ok_or_else(|| StoreError::Corrupt(format!("purge of a {text:?}")))
    }
}

/// What an accepted purge deletes, without what an earlier one deletes already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    pub contacts: u64,
    /// Employees, archived ones included.
    pub employees: u64,
    /// Departments, archived ones included.
    pub departments: u64,
}

impl WriteTx<'_> {
    /// Accepts the purge of an enterprise, archived or not: it is invisible from this transaction on, and the tokens
    /// that are limited to it are revoked, each with its entry in the audit log.
    pub fn purge_enterprise(&self, id: &EnterpriseId, actor: &Actor) -> Result<Purged, StoreError> {
        const COUNT: &str = "SELECT coalesce(sum(contacts), 0), count(*),
                (SELECT count(*) FROM department WHERE enterprise_id = ?1
                    AND id NOT IN (SELECT subject_id FROM purge WHERE kind = 'department'))
           FROM employee WHERE enterprise_id = ?1
            AND id NOT IN (SELECT subject_id FROM purge WHERE kind = 'employee')
            AND department_id NOT IN (SELECT subject_id FROM purge WHERE kind = 'department')";
        let found = self.any_enterprise_row(id)?;
        self.refuse_while_purged(PurgeSubject::Enterprise, found.row)?;
        if !found.archived {
            self.archive_enterprise(id)?;
        }
        self.revoke_tokens_of(id, actor)?;
        self.accept_purge(PurgeSubject::Enterprise, found.row)?;
        self.count(COUNT, found.row)
    }

    /// Accepts the purge of a department, archived or not, of a visible enterprise. No token reaches it any more.
    pub fn purge_department(
        &self,
        enterprise: &EnterpriseId,
        id: &DepartmentId,
        actor: &Actor,
    ) -> Result<Purged, StoreError> {
        const COUNT: &str = "SELECT coalesce(sum(contacts), 0), count(*), 1 FROM employee WHERE department_id = ?1
            AND id NOT IN (SELECT subject_id FROM purge WHERE kind = 'employee')";
        let found = self.any_department_row(enterprise, id)?;
        self.refuse_while_purged(PurgeSubject::Department, found.row)?;
        if !found.archived {
            self.set_department_visible(found, false)?;
        }
        self.remove_from_reaches(enterprise, RemovedFromReach::Department(id, found.row), actor)?;
        self.accept_purge(PurgeSubject::Department, found.row)?;
        self.count(COUNT, found.row)
    }

    /// Accepts the purge of an employee, archived or not, of a visible department. No token reaches them any more.
    pub fn purge_employee(
        &self,
        enterprise: &EnterpriseId,
        department: &DepartmentId,
        id: &EmployeeId,
        actor: &Actor,
    ) -> Result<Purged, StoreError> {
        const COUNT: &str = "SELECT contacts, 1, 0 FROM employee WHERE id = ?1";
        let found = self.any_employee_row(enterprise, department, id)?;
        self.refuse_while_purged(PurgeSubject::Employee, found.row)?;
        if !found.archived {
            self.set_employee_visible(found, false)?;
        }
        self.remove_from_reaches(enterprise, RemovedFromReach::Employee(id), actor)?;
        self.accept_purge(PurgeSubject::Employee, found.row)?;
        self.count(COUNT, found.row)
    }

    /// Fails if a purge of the subject is in progress.
    pub(in crate::store) fn refuse_while_purged(&self, subject: PurgeSubject, row: i64) -> Result<(), StoreError> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM purge WHERE kind = ?1 AND subject_id = ?2)";
        if self.one(SQL, params![subject.as_str(), row], |row| row.get(0))? {
            return Err(StoreError::Conflict(format!("this {} is being destroyed", subject.as_str())));
        }
        Ok(())
    }

    fn accept_purge(&self, subject: PurgeSubject, row: i64) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO purge (kind, subject_id, requested_at) VALUES (?1, ?2, ?3)";
        // The rows are deleted without triggers.
        const KEEP_IDS: &str = "UPDATE installation
            SET contact_id_floor = max(contact_id_floor, coalesce((SELECT max(id) FROM contact), 0))";
        self.execute(KEEP_IDS, [])?;
        self.execute(SQL, params![subject.as_str(), row, self.now().millis()])?;
        Ok(())
    }

    fn count(&self, sql: &str, subject: i64) -> Result<Purged, StoreError> {
        self.one(sql, [subject], |row| {
            Ok(Purged { contacts: row.get(0)?, employees: row.get(1)?, departments: row.get(2)? })
        })
    }

    /// Continues the oldest accepted purge until it is finished or the time is up; false when there is none.
    pub(super) fn purge_step(&self, time_is_up: impl Fn() -> bool) -> Result<bool, StoreError> {
        const OLDEST: &str = "SELECT id, kind, subject_id FROM purge ORDER BY id LIMIT 1";
        const FINISHED: &str = "DELETE FROM purge WHERE id = ?1";
        let oldest =
            self.first(OLDEST, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?)))?;
        let Some((id, subject, subject_row)) = oldest else { return Ok(false) };
        let subject = PurgeSubject::parse(&subject)?;
        self.without_triggers(|tx| {
            loop {
                let outcome = match subject {
                    PurgeSubject::Employee => tx.purge_employee_rows(subject_row)?,
                    PurgeSubject::Department => tx.purge_department_rows(subject_row)?,
                    PurgeSubject::Enterprise => tx.purge_enterprise_rows(subject_row)?,
                };
                if outcome == BatchOutcome::Finished {
                    // In the transaction that deletes the subject: its row number is free from then on, and a namesake
                    // created before the next step must not be purged.
                    tx.execute(FINISHED, [id])?;
                    return Ok(true);
                }
                if time_is_up() {
                    return Ok(true);
                }
            }
        })
    }

    /// Deletes some rows of an employee that is being purged, the employee's own last.
    fn purge_employee_rows(&self, employee: i64) -> Result<BatchOutcome, StoreError> {
        const CONTACTS: &str = "DELETE FROM contact WHERE id IN
            (SELECT id FROM contact WHERE employee_id = ?1 LIMIT ?2)";
        const SCOPES: &str = "SELECT department_id, enterprise_id FROM employee WHERE id = ?1";
        if self.execute(CONTACTS, params![employee, PURGE_BATCH_ROWS])? > 0 {
            return Ok(BatchOutcome::More);
        }
        let scopes = self.first(SCOPES, [employee], |row| Ok([row.get(0)?, row.get(1)?]))?;
        for scope in scopes.into_iter().flatten() {
            self.draw(scope)?;
        }
        self.execute("DELETE FROM employee WHERE id = ?1", [employee])?;
        Ok(BatchOutcome::Finished)
    }

    /// Deletes some rows of a department that is being purged, the department's own last.
    fn purge_department_rows(&self, department: i64) -> Result<BatchOutcome, StoreError> {
        const EMPLOYEE: &str = "SELECT id FROM employee WHERE department_id = ?1 LIMIT 1";
        const ENTERPRISE: &str = "SELECT enterprise_id FROM department WHERE id = ?1";
        if let Some(employee) = self.first(EMPLOYEE, [department], |row| Ok(row.get(0)?))? {
            self.purge_employee_rows(employee)?;
            return Ok(BatchOutcome::More);
        }
        if self.purge_rollup_rows(department)? > 0 {
            return Ok(BatchOutcome::More);
        }
        if let Some(enterprise) = self.first(ENTERPRISE, [department], |row| Ok(row.get(0)?))? {
            self.leave_tombstone(department)?;
            self.draw(enterprise)?;
            self.execute("DELETE FROM department WHERE id = ?1", [department])?;
        }
        Ok(BatchOutcome::Finished)
    }

    /// Deletes some rows of an enterprise that is being purged, the enterprise's own last.
    fn purge_enterprise_rows(&self, enterprise: i64) -> Result<BatchOutcome, StoreError> {
        const DEPARTMENT: &str = "SELECT id FROM department WHERE enterprise_id = ?1 LIMIT 1";
        const COMPANIES: &str = "DELETE FROM company WHERE id IN
            (SELECT id FROM company WHERE enterprise_id = ?1 LIMIT ?2)";
        // Purges of its parts were accepted earlier and are finished: only visible things can be purged, and the oldest
        // purge runs first.
        if let Some(department) = self.first(DEPARTMENT, [enterprise], |row| Ok(row.get(0)?))? {
            self.purge_department_rows(department)?;
            return Ok(BatchOutcome::More);
        }
        if self.purge_rollup_rows(enterprise)? > 0
            || self.execute(COMPANIES, params![enterprise, PURGE_BATCH_ROWS])? > 0
        {
            return Ok(BatchOutcome::More);
        }
        self.leave_tombstone(enterprise)?;
        self.execute("DELETE FROM enterprise WHERE id = ?1", [enterprise])?;
        Ok(BatchOutcome::Finished)
    }

    /// Deletes some of a scope's rollup rows; 0 when all are gone.
    fn purge_rollup_rows(&self, scope: i64) -> Result<usize, StoreError> {
        const PEOPLE: &str = "DELETE FROM rollup_person WHERE scope_id = ?1 AND person_key IN
            (SELECT person_key FROM rollup_person WHERE scope_id = ?1 LIMIT ?2)";
        const COMPANIES: &str = "DELETE FROM rollup_company WHERE scope_id = ?1 AND company_id IN
            (SELECT company_id FROM rollup_company WHERE scope_id = ?1 LIMIT ?2)";
        const DAYS: &str = "DELETE FROM rollup_day WHERE scope_id = ?1 AND day IN
            (SELECT day FROM rollup_day WHERE scope_id = ?1 LIMIT ?2)";
        for sql in [PEOPLE, COMPANIES, DAYS] {
            let deleted = self.execute(sql, params![scope, PURGE_BATCH_ROWS])?;
            if deleted > 0 {
                return Ok(deleted);
            }
        }
        Ok(0)
    }

    /// Leaves an empty scope with a new revision as a tombstone.
    fn leave_tombstone(&self, scope: i64) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE scope SET contacts = 0, people = 0, employees = 0, active_employees = 0 WHERE id = ?1";
        self.execute(SQL, [scope])?;
        self.draw(scope)
    }
}

/// The progress of one batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BatchOutcome {
    /// Some rows were deleted; there may be others.
    More,
    /// The last row was deleted, the subject's own.
    Finished,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::domain::access::Reach;
    use crate::domain::contacts::{ContactFields, ContactInfo};
    use crate::domain::directory::{EmployeeFields, EmployeeInfo, Name};
    use crate::store::{Mode, Store, StoreOptions};

    /// What is being purged, what of it is left, and whether the purge is.
    const STATE: &str = "SELECT (SELECT count(*) FROM purge), (SELECT count(*) FROM enterprise),
        (SELECT count(*) FROM department), (SELECT count(*) FROM employee)";

    type Accept = fn(&WriteTx<'_>, &EnterpriseId, &DepartmentId, &EmployeeId) -> Result<Purged, StoreError>;

    #[test]
    fn a_purge_ends_in_the_transaction_in_which_its_subject_goes() {
        let acme = EnterpriseId::parse("acme").unwrap();
        let sales = DepartmentId::parse("sales").unwrap();
        let user = EmployeeId::parse("u1").unwrap();
        let check = |accept: Accept, subject: usize| {
            // A command's store has no maintenance thread, so the test takes the steps.
            let dir = tempfile::tempdir().unwrap();
            let options = StoreOptions { create: true, ..StoreOptions::new(dir.path(), Mode::Command, "a test") };
            let store = Store::open(&options, Clock::system()).unwrap();
            let (acme, sales, user) = (acme.clone(), sales.clone(), user.clone());
            let accepted = store.write_blocking(move |tx| {
                let name = Name::parse("name", "A").unwrap();
                let staff = EmployeeFields { first_name: "A".to_owned(), ..EmployeeFields::default() };
                let contact = ContactFields { name: "B".to_owned(), ..ContactFields::default() };
                tx.create_enterprise(Some(acme.clone()), &name)?;
                tx.create_department(&acme, Some(sales.clone()), &name)?;
                tx.create_employee(&acme, &sales, Some(user.clone()), &EmployeeInfo::parse(staff).unwrap())?;
                tx.add_contact(&Reach::Installation, &user, &ContactInfo::parse(contact).unwrap(), "AddContact")?;
                accept(tx, &acme, &sales, &user)
            });
            assert_eq!(accepted.unwrap().contacts, 1);
            // The time is up after each batch.
            while store.write_blocking(|tx| tx.purge_step(|| true)).unwrap() {
                let state: [i64; 4] = store
                    .read_blocking(|tx| {
                        tx.one(STATE, [], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))
                    })
                    .unwrap();
                assert_eq!(state[0], state[subject], "a purge without its subject, or the reverse");
                assert_eq!(store.read_blocking(|tx| tx.check()).unwrap().differences, []);
            }
        };
        check(|tx, acme, _, _| tx.purge_enterprise(acme, &Actor::command_line()), 1);
        check(|tx, acme, sales, _| tx.purge_department(acme, sales, &Actor::command_line()), 2);
        check(|tx, acme, sales, user| tx.purge_employee(acme, sales, user, &Actor::command_line()), 3);
    }

    #[test]
    fn a_purge_counts_nothing_that_an_earlier_one_destroys() {
        let (acme, sales) = (EnterpriseId::parse("acme").unwrap(), DepartmentId::parse("sales").unwrap());
        // A command's store has no maintenance thread, so the first purges are still in progress.
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions { create: true, ..StoreOptions::new(dir.path(), Mode::Command, "a test") };
        let store = Store::open(&options, Clock::system()).unwrap();
        let counted = store.write_blocking(move |tx| {
            let name = Name::parse("name", "A").unwrap();
            tx.create_enterprise(Some(acme.clone()), &name)?;
            for (department, users) in [("sales", ["u1", "u2"]), ("lab", ["u3", "u4"])] {
                let department = DepartmentId::parse(department).unwrap();
                tx.create_department(&acme, Some(department.clone()), &name)?;
                for user in users.map(|user| EmployeeId::parse(user).unwrap()) {
                    let staff = EmployeeFields { first_name: "A".to_owned(), ..EmployeeFields::default() };
                    let contact = ContactFields { name: "B".to_owned(), ..ContactFields::default() };
                    tx.create_employee(&acme, &department, Some(user.clone()), &EmployeeInfo::parse(staff).unwrap())?;
                    tx.add_contact(&Reach::Installation, &user, &ContactInfo::parse(contact).unwrap(), "AddContact")?;
                }
            }
            let purged = [
                tx.purge_employee(&acme, &sales, &EmployeeId::parse("u1").unwrap(), &Actor::command_line())?,
                tx.purge_department(&acme, &sales, &Actor::command_line())?,
                tx.purge_enterprise(&acme, &Actor::command_line())?,
            ];
            Ok(purged.map(|purged| (purged.contacts, purged.employees, purged.departments)))
        });
        assert_eq!(counted.unwrap(), [(1, 1, 0), (1, 1, 1), (2, 2, 1)]);
    }
}
