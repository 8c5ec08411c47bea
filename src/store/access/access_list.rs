//! Every token and session as stored, and the list of them that the change feed carries.

use rusqlite::{Connection, Row};

use crate::domain::access::{Reach, Role, Session, Token};
use crate::domain::ids::InvalidId;
use crate::domain::time::Timestamp;
use crate::store::engine::error::StoreError;
use crate::store::engine::row::{id_from_database, timestamp};
use crate::store::engine::tx::ReadTx;

/// Every token and session, at one version of the access rules.
#[derive(Clone, Debug, Default)]
pub struct AccessList {
    /// Increases with each change.
    pub version: i64,
    pub tokens: Vec<StoredToken>,
    pub sessions: Vec<StoredSession>,
}

/// A token and the SHA-256 of its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredToken {
    pub token: Token,
    pub secret_hash: [u8; 32],
}

/// A session and the SHA-256 of its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    pub session: Session,
    pub secret_hash: [u8; 32],
}

pub(super) const TOKEN_COLUMNS: &str =
    "id, name, role, enterprise, departments, employees, created_at, expires_at, last_used_at,
    secret_hash";

/// A session's columns followed by its token's, as `read_token_at` reads them.
pub(super) const SESSION_SELECT: &str =
    "SELECT s.id, s.created_at, s.expires_at, s.last_used_at, s.address, s.secret_hash, s.rowid,
        t.id, t.name, t.role, t.enterprise, t.departments, t.employees, t.created_at, t.expires_at, t.last_used_at, t.secret_hash
   FROM session s LEFT JOIN token t ON t.id = s.token_id";

/// The column of [`SESSION_SELECT`] that has the token's id.
const TOKEN_COLUMN: usize = 7;

pub(in crate::store) fn load_access_list(connection: &Connection) -> Result<AccessList, StoreError> {
    let tx = ReadTx::new(connection, Timestamp::default());
    Ok(AccessList {
        version: tx.one("SELECT access_version FROM installation", [], |row| row.get(0))?,
        tokens: tx.all(&format!("SELECT {TOKEN_COLUMNS} FROM token ORDER BY created_at, id"), [], read_token)?,
        sessions: tx.all(SESSION_SELECT, [], read_session)?,
    })
}

pub(super) fn read_token(row: &Row<'_>) -> Result<StoredToken, StoreError> {
    read_token_at(row, 0)
}

/// Reads a token from the columns of [`TOKEN_COLUMNS`], starting at column `first`.
fn read_token_at(row: &Row<'_>, first: usize) -> Result<StoredToken, StoreError> {
    let role: String = row.get(first + 2)?;
    let reach = read_reach(row, first + 3)?;
    Ok(StoredToken {
        token: Token {
            id: row.get(first)?,
            name: row.get(first + 1)?,
            role: Role::parse(&role).ok_or_else(|| StoreError::Corrupt(format!("token role {role:?}")))?,
            reach,
            created_at: timestamp(row, first + 6)?,
            expires_at: row.get::<_, Option<i64>>(first + 7)?.map(Timestamp::from_millis),
            last_used_at: row.get::<_, Option<i64>>(first + 8)?.map(Timestamp::from_millis),
        },
        secret_hash: row.get(first + 9)?,
    })
}

/// Reads a reach from the columns of the enterprise, the departments and the employees.
fn read_reach(row: &Row<'_>, first: usize) -> Result<Reach, StoreError> {
    let enterprise = row.get::<_, Option<String>>(first)?.map(id_from_database).transpose()?;
    let departments = read_ids(row.get(first + 1)?)?;
    let employees = read_ids(row.get(first + 2)?)?;
    // An empty list would be read as no limit at all.
    if departments.as_ref().is_some_and(Vec::is_empty) || employees.as_ref().is_some_and(Vec::is_empty) {
        return Err(StoreError::Corrupt("a token is limited to nothing".to_owned()));
    }
    Reach::of_ids(enterprise, departments.unwrap_or_default(), employees.unwrap_or_default())
        .map_err(|error| StoreError::Corrupt(format!("the reach of a token: {error}")))
}

/// Reads a list of ids, which is kept as a JSON array.
fn read_ids<I: TryFrom<String, Error = InvalidId>>(column: Option<String>) -> Result<Option<Vec<I>>, StoreError> {
    let Some(text) = column else { return Ok(None) };
    let ids: Vec<String> = serde_json::from_str(&text)
        .map_err(|error| StoreError::Corrupt(format!("the ids {text:?} of a token: {error}")))?;
    ids.into_iter().map(id_from_database).collect::<Result<_, _>>().map(Some)
}

pub(super) fn read_session(row: &Row<'_>) -> Result<StoredSession, StoreError> {
    let token = match row.get::<_, Option<String>>(TOKEN_COLUMN)? {
        Some(_) => Some(read_token_at(row, TOKEN_COLUMN)?.token),
        None => None,
    };
    Ok(StoredSession {
        session: Session {
            id: row.get(0)?,
            token,
            created_at: timestamp(row, 1)?,
            expires_at: timestamp(row, 2)?,
            last_used_at: row.get::<_, Option<i64>>(3)?.map(Timestamp::from_millis),
            address: row.get(4)?,
        },
        secret_hash: row.get(5)?,
    })
}
