//! The audit log: administrative acts, recorded in the transaction of the act.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Row, TransactionBehavior, params};
use serde_json::Value;

use super::actor::Actor;
use super::audit_action::AuditAction;
use crate::domain::page::{Page, PageRequest, RowCursor};
use crate::domain::time::Timestamp;
use crate::store::engine::connection::connect_writer;
use crate::store::engine::data_dir::{database_path, refuse_while_restored};
use crate::store::engine::error::StoreError;
use crate::store::engine::log_generation::LogGeneration;
use crate::store::engine::migrate::{self, SCHEMA_VERSION};
use crate::store::engine::row::timestamp;
use crate::store::engine::store::Store;
use crate::store::engine::tx::{ReadTx, WriteTx};

/// How long a completed act waits for its entry in the audit log: longer than another process holds the write lock, and
/// short enough for a request that clears a cache in trouble.
const AUDIT_TIME_MAX: Duration = Duration::from_secs(5);

/// How long the entry of a command that only reads waits for other writers.
const RECORD_BUSY_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    pub action: AuditAction,
    /// The public id of what was changed.
    pub target: String,
    /// How it was before, where that is informative; never a secret.
    pub before: Option<Value>,
    pub after: Option<Value>,
}

impl AuditEntry {
    /// An entry with neither state.
    #[must_use]
    pub fn of(action: AuditAction, target: impl Into<String>) -> Self {
        Self { action, target: target.into(), before: None, after: None }
    }

    #[must_use]
    pub fn before(self, before: impl Into<Value>) -> Self {
        Self { before: Some(before.into()), ..self }
    }

    #[must_use]
    pub fn after(self, after: impl Into<Value>) -> Self {
        Self { after: Some(after.into()), ..self }
    }
}

/// One act as it was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord {
    /// Its number; later acts have higher ones.
    pub id: i64,
    pub at: Timestamp,
    /// Who did it, as [`Actor`] is written.
    pub actor: String,
    /// The address that it was done from, or `local`.
    pub address: String,
    /// What was done: the name of an [`AuditAction`], which a newer Muster may have that this one does not know.
    pub action: String,
    pub target: String,
    pub before: Option<Value>,
    /// How it is after.
    pub after: Option<Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Acts of this name, such as `token.create`, or of this kind, such as `token`.
    pub action: Option<String>,
    /// Acts of this actor, as [`Actor`] is written.
    pub actor: Option<String>,
}

impl ReadTx<'_> {
    /// The acts that pass a filter, newest first. A filter reads every act; they are few.
    pub fn audit_log(
        &self,
        filter: &AuditFilter,
        request: &PageRequest<RowCursor>,
    ) -> Result<Page<AuditRecord, RowCursor>, StoreError> {
        const FILTER: &str = "(?1 IS NULL OR action = ?1 OR substr(action, 1, length(?1) + 1) = ?1 || '.')
                          AND (?2 IS NULL OR actor = ?2)";
        let count = format!("SELECT count(*) FROM audit WHERE {FILTER}");
        let page = format!(
            "SELECT id, at, actor, address, action, target, before, after FROM audit
              WHERE {FILTER} AND id < ?3 ORDER BY id DESC LIMIT ?4 OFFSET ?5"
        );
        let total = self.one(&count, params![filter.action, filter.actor], |row| row.get(0))?;
        let (before, offset) = request.seek(RowCursor::NEWEST);
        let bound = params![filter.action, filter.actor, before.row, request.rows_to_read(), offset];
        let items = self.all(&page, bound, read_record)?;
        Ok(Page::of(items, total, request, |record| RowCursor { row: record.id }))
    }
}

fn read_record(row: &Row<'_>) -> Result<AuditRecord, StoreError> {
    let json = |index: usize| -> Result<Option<Value>, StoreError> {
        let text: Option<String> = row.get(index)?;
        Ok(text.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text))))
    };
    Ok(AuditRecord {
        id: row.get(0)?,
        at: timestamp(row, 1)?,
        actor: row.get(2)?,
        address: row.get(3)?,
        action: row.get(4)?,
        target: row.get(5)?,
        before: json(6)?,
        after: json(7)?,
    })
}

impl WriteTx<'_> {
    /// Records an act; it is rolled back with the act.
    pub fn audit(&self, actor: &Actor, entry: &AuditEntry) -> Result<(), StoreError> {
        self.audit_at(self.now(), actor, entry)
    }

    /// Records an act that was done at this time.
    pub fn audit_at(&self, at: Timestamp, actor: &Actor, entry: &AuditEntry) -> Result<(), StoreError> {
        Ok(insert(self.connection, at, actor, entry)?)
    }
}

impl Store {
    /// Records an act that was done outside of any transaction. While the database cannot be written, or is overloaded,
    /// the act is logged, and entered into the audit log later with its own time.
    pub async fn audit_done(&self, actor: Actor, entry: AuditEntry) {
        let (at, act) = (self.clock().now(), Arc::new((actor, entry)));
        let (store, shared) = (self.clone(), Arc::clone(&act));
        // On a task of its own, which gets the outcome of the write: one that is no longer waited for may be done all
        // the same, and would be done twice if it were deferred then.
        let written = tokio::spawn(async move {
            if let Err(error) = store.write(move |tx| tx.audit_at(at, &shared.0, &shared.1)).await {
                store.audit_failed(at, &act, &error);
            }
        });
        let _ = tokio::time::timeout(AUDIT_TIME_MAX, written).await;
    }

    /// The same for threads that may block.
    pub fn audit_done_blocking(&self, actor: Actor, entry: AuditEntry) {
        let (at, act) = (self.clock().now(), Arc::new((actor, entry)));
        let shared = Arc::clone(&act);
        if self.is_reader() {
            if let Err(error) = record(self.data_dir(), &shared.0, &shared.1, at) {
                self.audit_failed(at, &act, &error);
            }
            return;
        }
        if let Err(error) = self.write_blocking(move |tx| tx.audit_at(at, &shared.0, &shared.1)) {
            self.audit_failed(at, &act, &error);
        }
    }

    fn audit_failed(&self, at: Timestamp, act: &Arc<(Actor, AuditEntry)>, error: &StoreError) {
        let (actor, entry) = &**act;
        let (before, after) = (entry.before.clone().unwrap_or_default(), entry.after.clone().unwrap_or_default());
        // In each of these cases the write has not been done.
        let may_pass = error.trouble().is_some() || matches!(error, StoreError::QueueFull | StoreError::DeadlinePassed);
        let deferred = Arc::clone(act);
        let is_left = may_pass && self.defer_write(actor, move |tx| tx.audit_at(at, &deferred.0, &deferred.1));
        tracing::warn!(
            reason = %error, %actor, address = actor.address, action = entry.action.as_str(), target = entry.target,
            %before, %after, is_left_for_later = is_left, "done, and not in the audit log"
        );
    }
}

/// Records an act of a command that only reads. Beside a server this is one short write, and without one the data
/// directory stays free for a server that starts.
pub(in crate::store) fn record(
    data_dir: &Path,
    actor: &Actor,
    entry: &AuditEntry,
    at: Timestamp,
) -> Result<(), StoreError> {
    refuse_while_restored(data_dir).map_err(|error| StoreError::Conflict(error.to_string()))?;
    let connection = connect_writer(&database_path(data_dir), false)?;
    connection.busy_timeout(RECORD_BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = rusqlite::Transaction::new_unchecked(&connection, TransactionBehavior::Immediate)?;
    insert(&transaction, at, actor, entry)?;
    if migrate::schema_version(&transaction)? == SCHEMA_VERSION {
        LogGeneration::default().advance(&transaction)?;
    }
    Ok(transaction.commit()?)
}

/// Records an act on a connection that is no store's, in a file that no store has open.
pub(in crate::store) fn insert(
    connection: &Connection,
    now: Timestamp,
    actor: &Actor,
    entry: &AuditEntry,
) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO audit (at, actor, address, action, target, before, after)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let json = |value: &Option<Value>| value.as_ref().map(ToString::to_string);
    let (before, after) = (json(&entry.before), json(&entry.after));
    let bound =
        params![now.millis(), actor.to_string(), actor.address, entry.action.as_str(), entry.target, before, after];
    connection.prepare_cached(SQL)?.execute(bound)?;
    Ok(())
}

#[cfg(test)]
impl ReadTx<'_> {
    /// Every act with its state afterwards, oldest first.
    pub(crate) fn audited_acts(&self) -> Result<Vec<(String, String)>, StoreError> {
        const SQL: &str = "SELECT action, coalesce(after, '') FROM audit ORDER BY id";
        self.all(SQL, [], |row| Ok((row.get(0)?, row.get(1)?)))
    }
}
