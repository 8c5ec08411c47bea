//! The audit log: administrative acts, written in the transaction of the act.

use rusqlite::params;
use serde_json::Value;

use super::error::StoreError;
use super::tx::WriteTx;

/// Who acts, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// A token's name and id, or `command line`.
    pub name: String,
    /// The address it came from, or `local`.
    pub address: String,
}

impl Actor {
    /// Whoever can run commands on the machine itself.
    #[must_use]
    pub fn command_line() -> Self {
        Self { name: "command line".to_owned(), address: "local".to_owned() }
    }
}

/// One act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// What was done, as a word with its kind: `token.create`, `department.purge`.
    pub action: &'static str,
    /// To what, by its public id.
    pub target: String,
    /// How it was before, where that says something; never a secret.
    pub before: Option<Value>,
    /// How it is after.
    pub after: Option<Value>,
}

impl AuditEntry {
    /// An act that says all by its name and target.
    #[must_use]
    pub fn of(action: &'static str, target: impl Into<String>) -> Self {
        Self { action, target: target.into(), before: None, after: None }
    }

    /// The same, with how it was before.
    #[must_use]
    pub fn before(self, before: impl Into<Value>) -> Self {
        Self { before: Some(before.into()), ..self }
    }

    /// The same, with how it is after.
    #[must_use]
    pub fn after(self, after: impl Into<Value>) -> Self {
        Self { after: Some(after.into()), ..self }
    }
}

impl WriteTx<'_> {
    /// Records an act; it is undone with the transaction if the act is.
    pub fn audit(&self, actor: &Actor, entry: &AuditEntry) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO audit (at, actor, address, action, target, before, after)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let json = |value: &Option<Value>| value.as_ref().map(ToString::to_string);
        self.execute(
            SQL,
            params![
                self.now().millis(),
                actor.name,
                actor.address,
                entry.action,
                entry.target,
                json(&entry.before),
                json(&entry.after)
            ],
        )?;
        Ok(())
    }
}

#[cfg(test)]
impl super::tx::ReadTx<'_> {
    /// Every act with how things were after it, oldest first.
    pub(crate) fn audited_acts(&self) -> Result<Vec<(String, String)>, StoreError> {
        const SQL: &str = "SELECT action, coalesce(after, '') FROM audit ORDER BY id";
        self.all(SQL, [], |row| Ok((row.get(0)?, row.get(1)?)))
    }
}
