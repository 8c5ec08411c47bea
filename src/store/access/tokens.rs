//! API tokens as the database keeps them: hashed, each with its role and reach.

use rusqlite::{Connection, Row, params};

use super::sessions::{StoredSession, load_sessions};
use crate::domain::access::{Reach, Role, Token};
use crate::domain::ids::EnterpriseId;
use crate::domain::time::Timestamp;
use crate::store::engine::error::{StoreError, Subject};
use crate::store::engine::tx::{ReadTx, WriteTx};
use crate::store::facts::enterprises::timestamp;
use crate::store::id_from_database;
use crate::store::upkeep::audit::{Actor, AuditEntry};

/// Every token and session there is, at one version of the access rules.
#[derive(Clone, Debug, Default)]
pub struct TokenList {
    /// Grows with each change; a list with a lower version is older.
    pub version: i64,
    /// The tokens.
    pub tokens: Vec<StoredToken>,
    /// The sessions.
    pub sessions: Vec<StoredSession>,
}

/// A token and the SHA-256 of its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredToken {
    /// What is known of it.
    pub token: Token,
    /// The hash of what its holder sends.
    pub secret_hash: [u8; 32],
}

/// A token that is about to be stored.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its public id.
    pub id: String,
    /// What its maker calls it.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// How far it reaches.
    pub reach: Reach,
    /// When it stops working, if ever.
    pub expires_at: Option<Timestamp>,
    /// The hash of its secret.
    pub secret_hash: [u8; 32],
}

const COLUMNS: &str = "id, name, role, enterprise, created_at, expires_at, last_used_at, secret_hash";

pub(in crate::store) fn load_tokens(connection: &Connection) -> Result<TokenList, StoreError> {
    let tx = ReadTx::new(connection, Timestamp::default());
    Ok(TokenList {
        version: tx.one("SELECT access_version FROM installation", [], |row| row.get(0))?,
        tokens: tx.all(&format!("SELECT {COLUMNS} FROM token ORDER BY created_at, id"), [], read_token)?,
        sessions: load_sessions(&tx)?,
    })
}

impl ReadTx<'_> {
    /// Every token, oldest first.
    pub fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        Ok(load_tokens(self.connection)?.tokens.into_iter().map(|stored| stored.token).collect())
    }

    /// One token with its hash.
    pub fn token(&self, id: &str) -> Result<Option<StoredToken>, StoreError> {
        self.first(&format!("SELECT {COLUMNS} FROM token WHERE id = ?1"), [id], read_token)
    }
}

impl WriteTx<'_> {
    /// Stores a token; the enterprise that limits it must be visible.
    pub fn create_token(&self, token: &NewToken) -> Result<Token, StoreError> {
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

    /// Destroys a token and gives back what it was.
    pub fn revoke_token(&self, id: &str) -> Result<Token, StoreError> {
        let stored = self.token(id)?.ok_or(StoreError::NotFound(Subject::Token))?;
        self.execute("DELETE FROM token WHERE id = ?1", [id])?;
        Ok(stored.token)
    }

    /// Destroys the tokens that are limited to an enterprise, and writes each down: a restore goes by that.
    pub(in crate::store) fn revoke_tokens_of(
        &self,
        enterprise: &EnterpriseId,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let limited = format!("SELECT {COLUMNS} FROM token WHERE enterprise = ?1 ORDER BY created_at, id");
        for StoredToken { token, .. } in self.all(&limited, [enterprise.as_str()], read_token)? {
            self.execute("DELETE FROM token WHERE id = ?1", [&token.id])?;
            self.audit(actor, &AuditEntry::of("token.revoke", &token.id).before(token.described()))?;
        }
        Ok(())
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

fn read_token(row: &Row<'_>) -> Result<StoredToken, StoreError> {
    read_token_at(row, 0)
}

/// Reads a token from the columns of [`COLUMNS`], the first of which is number `first`.
pub(in crate::store) fn read_token_at(row: &Row<'_>, first: usize) -> Result<StoredToken, StoreError> {
    let role: String = row.get(first + 2)?;
    let reach = match row.get::<_, Option<String>>(first + 3)? {
        None => Reach::Installation,
        Some(enterprise) => Reach::Enterprise(id_from_database(enterprise)?),
    };
    Ok(StoredToken {
        token: Token {
            id: row.get(first)?,
            name: row.get(first + 1)?,
            role: Role::parse(&role).ok_or_else(|| StoreError::Corrupt(format!("token role {role:?}")))?,
            reach,
            created_at: timestamp(row, first + 4)?,
            expires_at: row.get::<_, Option<i64>>(first + 5)?.map(Timestamp::from_millis),
            last_used_at: row.get::<_, Option<i64>>(first + 6)?.map(Timestamp::from_millis),
        },
        secret_hash: row.get(first + 7)?,
    })
}
