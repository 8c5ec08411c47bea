//! API tokens as they are stored: hashed, each with its role and reach.

use rusqlite::params;

use super::access_list::{StoredToken, TOKEN_COLUMNS, load_access_list, read_token};
use crate::domain::access::{Reach, Role, Token};
use crate::domain::ids::EnterpriseId;
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
        const SQL: &str = "INSERT INTO token (id, name, role, enterprise, secret_hash, created_at, expires_at)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let enterprise = match &token.reach {
            Reach::Installation => None,
            Reach::Enterprise(id) => {
                self.enterprise_row(id)?;
                Some(id.as_str())
            }
        };
        let expires_at = token.expires_at.map(Timestamp::millis);
        let role = token.role.as_str();
        let now = self.now().millis();
        self.execute(SQL, params![token.id, token.name, role, enterprise, token.secret_hash, now, expires_at])?;
        self.token(&token.id)?.map(|stored| stored.token).ok_or(StoreError::NotFound(Subject::Token))
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
