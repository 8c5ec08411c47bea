//! Destroying an enterprise, department or employee with all that belongs to it.
//!
//! A purge archives its subject in the transaction that accepts it. From then on nothing that is served counts the
//! subject, and its rows go in small transactions of their own, with triggers off, since its rollups are no longer kept.
//! What has been accepted goes on after a restart.

use std::sync::Weak;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::params;

use super::error::StoreError;
use super::tx::WriteTx;
use super::{Shared, Store};
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};

/// How long one transaction of a purge works, so that no other write waits longer for it.
const PURGE_STEP_TIME_MAX: Duration = Duration::from_millis(30);

/// Rows that go between two looks at the clock.
const PURGE_BATCH_ROWS: u32 = 200;

/// How often old idempotency keys are looked for.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_mins(1);

/// Idempotency keys that one housekeeping transaction deletes at most.
const FORGOTTEN_ANSWERS_MAX: u32 = 1_000;

/// How long the keeper waits after a failed step, a full disk for example, before it tries again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What an accepted purge destroys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Contacts.
    pub contacts: u64,
    /// Employees, archived ones included.
    pub employees: u64,
    /// Departments, archived ones included.
    pub departments: u64,
}

impl WriteTx<'_> {
    /// Accepts the purge of an enterprise, archived or not: it is invisible from this transaction on, and the tokens that
    /// are limited to it are revoked.
    pub fn purge_enterprise(&self, id: &EnterpriseId) -> Result<Purged, StoreError> {
        const COUNT: &str = "SELECT (SELECT coalesce(sum(contacts), 0) FROM employee WHERE enterprise_id = ?1),
            (SELECT count(*) FROM employee WHERE enterprise_id = ?1),
            (SELECT count(*) FROM department WHERE enterprise_id = ?1)";
        let found = self.any_enterprise_row(id)?;
        self.refuse_while_purged("enterprise", found.row)?;
        if !found.archived {
            self.archive_enterprise(id)?;
        }
        self.execute("DELETE FROM token WHERE enterprise = ?1", [id.as_str()])?;
        self.accept_purge("enterprise", found.row)?;
        self.count(COUNT, found.row)
    }

    /// Accepts the purge of a department, archived or not, of a visible enterprise.
    pub fn purge_department(&self, enterprise: &EnterpriseId, id: &DepartmentId) -> Result<Purged, StoreError> {
        const COUNT: &str = "SELECT coalesce(sum(contacts), 0), count(*), 1 FROM employee WHERE department_id = ?1";
        let found = self.any_department_row(enterprise, id)?;
        self.refuse_while_purged("department", found.row)?;
        if !found.archived {
            self.show_department(found, false)?;
        }
        self.accept_purge("department", found.row)?;
        self.count(COUNT, found.row)
    }

    /// Accepts the purge of an employee, archived or not, of a visible department.
    pub fn purge_employee(
        &self,
        enterprise: &EnterpriseId,
        department: &DepartmentId,
        id: &EmployeeId,
    ) -> Result<Purged, StoreError> {
        const COUNT: &str = "SELECT contacts, 1, 0 FROM employee WHERE id = ?1";
        let found = self.any_employee_row(enterprise, department, id)?;
        self.refuse_while_purged("employee", found.row)?;
        if !found.archived {
            self.show_employee(found, false)?;
        }
        self.accept_purge("employee", found.row)?;
        self.count(COUNT, found.row)
    }

    /// Refuses to touch what is being destroyed.
    pub(super) fn refuse_while_purged(&self, kind: &str, subject: i64) -> Result<(), StoreError> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM purge WHERE kind = ?1 AND subject_id = ?2)";
        if self.one(SQL, params![kind, subject], |row| row.get(0))? {
            return Err(StoreError::Conflict(format!("this {kind} is being destroyed")));
        }
        Ok(())
    }

    fn accept_purge(&self, kind: &str, subject: i64) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO purge (kind, subject_id, requested_at) VALUES (?1, ?2, ?3)";
        self.execute(SQL, params![kind, subject, self.now().millis()])?;
        Ok(())
    }

    fn count(&self, sql: &str, subject: i64) -> Result<Purged, StoreError> {
        self.one(sql, [subject], |row| {
            Ok(Purged { contacts: row.get(0)?, employees: row.get(1)?, departments: row.get(2)? })
        })
    }

    /// Goes on with the oldest accepted purge for a while; false when there is none left.
    pub(super) fn purge_step(&self) -> Result<bool, StoreError> {
        const OLDEST: &str = "SELECT id, kind, subject_id FROM purge ORDER BY id LIMIT 1";
        let oldest =
            self.first(OLDEST, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?)))?;
        let Some((id, kind, subject)) = oldest else { return Ok(false) };
        let begun = Instant::now();
        let finished = self.without_triggers(|tx| {
            while begun.elapsed() < PURGE_STEP_TIME_MAX {
                let gone = match kind.as_str() {
                    "employee" => tx.purge_employee_rows(subject)?,
                    "department" => tx.purge_department_rows(subject)?,
                    _ => tx.purge_enterprise_rows(subject)?,
                };
                if gone == 0 {
                    return Ok(true);
                }
            }
            Ok(false)
        })?;
        if finished {
            self.execute("DELETE FROM purge WHERE id = ?1", [id])?;
        }
        Ok(true)
    }

    /// Deletes some rows of an employee that is being purged, the employee's own last; 0 when all are gone.
    fn purge_employee_rows(&self, employee: i64) -> Result<usize, StoreError> {
        const CONTACTS: &str = "DELETE FROM contact WHERE id IN
            (SELECT id FROM contact WHERE employee_id = ?1 LIMIT ?2)";
        let gone = self.execute(CONTACTS, params![employee, PURGE_BATCH_ROWS])?;
        if gone > 0 {
            return Ok(gone);
        }
        let scopes =
            self.first("SELECT department_id, enterprise_id FROM employee WHERE id = ?1", [employee], |row| {
                Ok([row.get(0)?, row.get(1)?])
            })?;
        for scope in scopes.into_iter().flatten() {
            self.draw(scope)?;
        }
        self.execute("DELETE FROM employee WHERE id = ?1", [employee])
    }

    fn purge_department_rows(&self, department: i64) -> Result<usize, StoreError> {
        const EMPLOYEE: &str = "SELECT id FROM employee WHERE department_id = ?1 LIMIT 1";
        if let Some(employee) = self.first(EMPLOYEE, [department], |row| Ok(row.get(0)?))? {
            return self.purge_employee_rows(employee);
        }
        let gone = self.purge_rollup_rows(department)?;
        if gone > 0 {
            return Ok(gone);
        }
        let enterprise =
            self.first("SELECT enterprise_id FROM department WHERE id = ?1", [department], |row| Ok(row.get(0)?))?;
        let Some(enterprise) = enterprise else { return Ok(0) };
        self.bury_scope(department)?;
        self.draw(enterprise)?;
        self.execute("DELETE FROM department WHERE id = ?1", [department])
    }

    fn purge_enterprise_rows(&self, enterprise: i64) -> Result<usize, StoreError> {
        const DEPARTMENT: &str = "SELECT id FROM department WHERE enterprise_id = ?1 LIMIT 1";
        const COMPANIES: &str = "DELETE FROM company WHERE id IN
            (SELECT id FROM company WHERE enterprise_id = ?1 LIMIT ?2)";
        const OTHER_PURGES: &str = "DELETE FROM purge WHERE
            (kind = 'department' AND subject_id NOT IN (SELECT id FROM department))
            OR (kind = 'employee' AND subject_id NOT IN (SELECT id FROM employee))";
        if let Some(department) = self.first(DEPARTMENT, [enterprise], |row| Ok(row.get(0)?))? {
            return self.purge_department_rows(department);
        }
        let gone = self.purge_rollup_rows(enterprise)?;
        if gone > 0 {
            return Ok(gone);
        }
        let gone = self.execute(COMPANIES, params![enterprise, PURGE_BATCH_ROWS])?;
        if gone > 0 {
            return Ok(gone);
        }
        // Purges of parts that went with the whole.
        self.execute(OTHER_PURGES, [])?;
        self.bury_scope(enterprise)?;
        self.execute("DELETE FROM enterprise WHERE id = ?1", [enterprise])
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
            let gone = self.execute(sql, params![scope, PURGE_BATCH_ROWS])?;
            if gone > 0 {
                return Ok(gone);
            }
        }
        Ok(0)
    }

    /// Leaves a scope as a tombstone: empty, with a new revision.
    fn bury_scope(&self, scope: i64) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE scope SET contacts = 0, people = 0, employees = 0, active_employees = 0 WHERE id = ?1";
        self.execute(SQL, [scope])?;
        self.draw(scope)
    }
}

/// The keeper's thread: goes on with accepted purges and forgets old idempotency keys, until the store closes.
pub(super) fn keep(shared: &Weak<Shared>, requests: &Receiver<()>) {
    let mut wait = Duration::ZERO;
    loop {
        match requests.recv_timeout(wait) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let Some(shared) = shared.upgrade() else { return };
        wait = match keep_once(&Store { shared }) {
            Ok(true) => Duration::ZERO,
            Ok(false) => HOUSEKEEPING_INTERVAL,
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::error!(%error, "cannot go on with a purge; trying again");
                RETRY_AFTER
            }
        };
    }
}

/// One small step; whether there is more to do.
fn keep_once(store: &Store) -> Result<bool, StoreError> {
    if store.write_blocking(|tx| tx.purge_step())? {
        return Ok(true);
    }
    let forgotten = store.write_blocking(|tx| tx.forget_old_answers(FORGOTTEN_ANSWERS_MAX))?;
    Ok(forgotten >= FORGOTTEN_ANSWERS_MAX as usize)
}
