//! API tokens as they are stored: hashed, each with its role and reach.

use rusqlite::params;
use serde::Serialize;
use serde_json::json;

use super::access_list::{StoredToken, TOKEN_COLUMNS, load_access_list, read_token};
use crate::domain::access::{Reach, Role, Token};
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use crate::domain::time::Timestamp;
use crate::store::engine::error::{StoreError, Subject};
use crate::store::engine::tx::{ReadTx, WriteTx};
use crate::store::upkeep::actor::Actor;
use crate::store::upkeep::audit::AuditEntry;
use crate::store::upkeep::audit_action::AuditAction;

#[derive(Clone, Debug)]
pub struct NewToken {
    pub id: String,
    pub name: String,
    pub role: Role,
    pub reach: Reach,
    pub expires_at: Option<Timestamp>,
    pub secret_hash: [u8; 32],
}

impl ReadTx<'_> {
    /// Every token, oldest first.
    pub fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        Ok(load_access_list(self.connection)?.tokens.into_iter().map(|stored| stored.token).collect())
    }

    pub fn token(&self, id: &str) -> Result<Option<StoredToken>, StoreError> {
        self.first(&format!("SELECT {TOKEN_COLUMNS} FROM token WHERE id = ?1"), [id], read_token)
    }
}

impl WriteTx<'_> {
    /// Stores a token and audits it; the enterprise that limits it must be visible.
    pub fn create_token(&self, token: &NewToken, actor: &Actor) -> Result<Token, StoreError> {
        let token = self.insert_token(token)?;
        self.audit(actor, &AuditEntry::of(AuditAction::TokenCreate, &token.id).after(token.described()))?;
        Ok(token)
    }

    /// The same without an audit entry, for data that is not administered: `muster demo`.
    pub fn insert_token(&self, token: &NewToken) -> Result<Token, StoreError> {
        const SQL: &str = "INSERT INTO token (id, name, role, enterprise, departments, employees, secret_hash,
                created_at, expires_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        self.refuse_unknown_ids(&token.reach)?;
        let reach = &token.reach;
        self.execute(
            SQL,
            params![
                token.id,
                token.name,
                token.role.as_str(),
                reach.enterprise().map(EnterpriseId::as_str),
                reach.departments().map(ids_as_json),
                reach.employees().map(ids_as_json),
                token.secret_hash,
                self.now().millis(),
                token.expires_at.map(Timestamp::millis)
            ],
        )?;
        self.token(&token.id)?.map(|stored| stored.token).ok_or(StoreError::NotFound(Subject::Token))
    }

    /// A token cannot be limited to what does not exist.
    fn refuse_unknown_ids(&self, reach: &Reach) -> Result<(), StoreError> {
        match reach {
            Reach::Installation => {}
            Reach::Enterprise(enterprise) => {
                self.enterprise_row(enterprise)?;
            }
            Reach::Departments(enterprise, departments) => {
                for department in departments {
                    self.department_row(enterprise, department)?;
                }
            }
            Reach::Employees(_, employees) => {
                for employee in employees {
                    self.user_row(reach, employee)?;
                }
            }
        }
        Ok(())
    }

    /// Deletes a token and audits that; returns the token.
    pub fn revoke_token(&self, id: &str, actor: &Actor) -> Result<Token, StoreError> {
        let token = self.token(id)?.ok_or(StoreError::NotFound(Subject::Token))?.token;
        self.delete_token(&token, actor)?;
        Ok(token)
    }

    /// Revokes the tokens that are limited to an enterprise, with an audit entry for each: a restore relies on those.
    pub(in crate::store) fn revoke_tokens_of(
        &self,
        enterprise: &EnterpriseId,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let limited = format!("SELECT {TOKEN_COLUMNS} FROM token WHERE enterprise = ?1 ORDER BY created_at, id");
        for StoredToken { token, .. } in self.all(&limited, [enterprise.as_str()], read_token)? {
            self.delete_token(&token, actor)?;
        }
        Ok(())
    }

    /// Takes a department that is destroyed, or an employee, out of the tokens that are limited to it. A token that is
    /// left with nothing is revoked.
    pub(in crate::store) fn remove_from_reaches(
        &self,
        enterprise: &EnterpriseId,
        removed: RemovedFromReach<'_>,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let limited = format!("SELECT {TOKEN_COLUMNS} FROM token WHERE enterprise = ?1 ORDER BY created_at, id");
        for StoredToken { token, .. } in self.all(&limited, [enterprise.as_str()], read_token)? {
            let (column, left) = match (&token.reach, removed) {
                (Reach::Departments(_, departments), RemovedFromReach::Department(id, _)) => {
                    let left: Vec<_> = departments.iter().filter(|own| *own != id).collect();
                    ("departments", (left.len() < departments.len()).then(|| ids_as_json(&left)))
                }
                (Reach::Employees(_, employees), removed) => {
                    let mut left = Vec::with_capacity(employees.len());
                    for own in employees {
                        if !self.is_removed(enterprise, own, removed)? {
                            left.push(own);
                        }
                    }
                    ("employees", (left.len() < employees.len()).then(|| ids_as_json(&left)))
                }
                (Reach::Installation | Reach::Enterprise(_), _)
                | (Reach::Departments(..), RemovedFromReach::Employee(_)) => continue,
            };
            match left.as_deref() {
                // It reaches nothing of that.
                None => {}
                Some("[]") => self.delete_token(&token, actor)?,
                Some(left) => {
                    self.execute(&format!("UPDATE token SET {column} = ?2 WHERE id = ?1"), [token.id.as_str(), left])?;
                    let after = self.token(&token.id)?.map(|stored| stored.token.described());
                    let entry = AuditEntry::of(AuditAction::TokenNarrow, &token.id).before(token.described());
                    self.audit(actor, &after.into_iter().fold(entry, AuditEntry::after))?;
                }
            }
        }
        Ok(())
    }

    fn is_removed(
        &self,
        enterprise: &EnterpriseId,
        employee: &EmployeeId,
        removed: RemovedFromReach<'_>,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM employee m JOIN enterprise e ON e.id = m.enterprise_id
            WHERE m.public_id = ?1 AND e.public_id = ?2 AND m.department_id = ?3)";
        match removed {
            RemovedFromReach::Employee(id) => Ok(id == employee),
            RemovedFromReach::Department(_, row) => {
                self.one(SQL, params![employee.as_str(), enterprise.as_str(), row], |row| row.get(0))
            }
        }
    }

    fn delete_token(&self, token: &Token, actor: &Actor) -> Result<(), StoreError> {
        self.execute("DELETE FROM token WHERE id = ?1", [&token.id])?;
        self.audit(actor, &AuditEntry::of(AuditAction::TokenRevoke, &token.id).before(token.described()))
    }

    /// Records when tokens were last used; a later record stays.
    pub fn record_token_use(&self, uses: &[(String, Timestamp)]) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE token SET last_used_at = ?2
                            WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at < ?2)";
        for (id, at) in uses {
            self.execute(SQL, params![id, at.millis()])?;
        }
        Ok(())
    }
}

/// What is destroyed, so that no token reaches it any more.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) enum RemovedFromReach<'a> {
    /// A department, with its row.
    Department(&'a DepartmentId, i64),
    Employee(&'a EmployeeId),
}

/// Ids as the database keeps them.
fn ids_as_json<I: Serialize>(ids: &[I]) -> String {
    json!(ids).to_string()
}
