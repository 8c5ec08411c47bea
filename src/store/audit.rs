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
