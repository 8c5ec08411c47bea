//! What a transaction has touched so far, as SQLite's update hook tells it.
//!
//! The hook also tells of rows whose savepoint is rolled back later, so whoever rolls one back puts the account back to
//! where it stood when the savepoint began.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use rusqlite::Connection;
use rusqlite::hooks::Action;

/// The rows of one table that matter, and whether rows of others were changed.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Touched {
    /// Rows of the scope table, each with the number of jobs that touched it.
    pub(in crate::store) scopes: BTreeMap<i64, u32>,
    /// Any token or session.
    pub(in crate::store) access: bool,
    /// A purge was accepted.
    pub(in crate::store) purge: bool,
}

impl Touched {
    pub(in crate::store) fn absorb(&mut self, other: Self) {
        for (scope, jobs) in other.scopes {
            *self.scopes.entry(scope).or_default() += jobs;
        }
        self.access |= other.access;
        self.purge |= other.purge;
    }
}

/// The account that the hook of one connection keeps.
///
/// Filled while statements run, read and put back between them, all on the writer's thread, so nobody ever waits for this
/// mutex; it is here because SQLite's hook must be `Send`.
#[derive(Debug)]
pub(in crate::store) struct TouchAccount(Arc<Mutex<Touched>>);

impl TouchAccount {
    /// Begins an account of what happens on this connection.
    pub(in crate::store) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let account = Self(Arc::default());
        let hook = Self(Arc::clone(&account.0));
        connection.update_hook(Some(move |action: Action, _: &str, table: &str, row: i64| {
            let mut touched = hook.lock();
            match table {
                "scope" => {
                    // The account is of one job, however many rows it changes.
                    touched.scopes.insert(row, 1);
                }
                // Recording a token's last use changes nobody's access, but telling it apart is not worth the trouble:
                // it happens once a minute.
                "token" | "session" => touched.access = true,
                "purge" if action == Action::SQLITE_INSERT => touched.purge = true,
                _ => {}
            }
        }))?;
        Ok(account)
    }

    /// How the account stands.
    pub(in crate::store) fn stand(&self) -> Touched {
        self.lock().clone()
    }

    /// Puts the account back to how it stood, or starts it anew; gives what it was.
    pub(in crate::store) fn reset(&self, to: Touched) -> Touched {
        std::mem::replace(&mut *self.lock(), to)
    }

    fn lock(&self) -> MutexGuard<'_, Touched> {
        self.0.lock()
    }
}
