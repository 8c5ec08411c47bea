//! Which rows a transaction has changed so far, as SQLite's update hook reports them.
//!
//! The hook also reports rows whose savepoint is rolled back later, so a rollback must restore the record as it was
//! when the savepoint began.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use rusqlite::Connection;
use rusqlite::hooks::Action;

/// The changed rows of the scope table, and whether certain other tables were changed.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct ChangedRows {
    /// Rows of the scope table, each with the number of jobs that changed it.
    pub(in crate::store) scopes: BTreeMap<i64, u32>,
    /// Any token or session.
    pub(in crate::store) access: bool,
    /// A purge was accepted.
    pub(in crate::store) purge: bool,
}

impl ChangedRows {
    pub(super) fn absorb(&mut self, other: Self) {
        for (scope, jobs) in other.scopes {
            *self.scopes.entry(scope).or_default() += jobs;
        }
        self.access |= other.access;
        self.purge |= other.purge;
    }
}

/// The record that the hook of one connection keeps.
///
/// Filled while statements run, read and restored between them, all on the writer's thread, so the mutex is never
/// contended; it is here because SQLite's hook must be `Send`.
#[derive(Debug)]
pub(in crate::store) struct ChangeRecorder(Arc<Mutex<ChangedRows>>);

impl ChangeRecorder {
    /// Installs the hook on a connection.
    pub(in crate::store) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let recorder = Self(Arc::default());
        let hook = Self(Arc::clone(&recorder.0));
        connection.update_hook(Some(move |action: Action, _: &str, table: &str, row: i64| {
            let mut changed = hook.lock();
            match table {
                "scope" => {
                    // Counts jobs, not rows: the record is of one job.
                    changed.scopes.insert(row, 1);
                }
                // Recording a token's last use changes no access rule. Distinguishing it is not worth the code: it
                // happens once a minute.
                "token" | "session" => changed.access = true,
                "purge" if action == Action::SQLITE_INSERT => changed.purge = true,
                _ => {}
            }
        }))?;
        Ok(recorder)
    }

    /// The record as it is now.
    pub(super) fn current(&self) -> ChangedRows {
        self.lock().clone()
    }

    /// Replaces the record; returns what it was.
    pub(in crate::store) fn replace(&self, to: ChangedRows) -> ChangedRows {
        std::mem::replace(&mut *self.lock(), to)
    }

    fn lock(&self) -> MutexGuard<'_, ChangedRows> {
        self.0.lock()
    }
}
