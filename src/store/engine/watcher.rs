//! Notices the commits of other processes, on a thread and a connection of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::Connection;

use super::changes::{Feed, Publication, scope_from_row};
use super::connection::connect_reader;
use super::error::StoreError;
use crate::domain::directory::Scope;
use crate::store::access::access_list::load_access_list;

/// How often the watcher looks for commits of other processes.
pub const WATCH_INTERVAL: Duration = Duration::from_millis(100);

/// What was last seen of the database's counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(in crate::store) epoch: String,
    pub(in crate::store) revision: i64,
    pub(in crate::store) access_version: i64,
}

impl Position {
    pub(in crate::store) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        const SQL: &str = "SELECT epoch, revision, access_version FROM installation";
        connection
            .prepare_cached(SQL)?
            .query_row([], |row| Ok(Self { epoch: row.get(0)?, revision: row.get(1)?, access_version: row.get(2)? }))
    }
}

/// The scopes that drew a revision after `last_seen`.
fn scopes_after(connection: &Connection, last_seen: i64) -> Result<Vec<(Scope, i64)>, StoreError> {
    const SQL: &str = "SELECT enterprise, department, revision FROM scope WHERE revision > ?1 ORDER BY revision";
    let mut statement = connection.prepare_cached(SQL)?;
    let rows = statement.query_and_then([last_seen], scope_from_row)?;
    rows.collect()
}

/// Publishes the commits of other processes.
pub(super) struct Watcher {
    pub(in crate::store) path: PathBuf,
    pub(super) feed: Arc<Feed>,
    pub(super) seen: Position,
    pub(in crate::store) failed: bool,
}

impl Watcher {
    /// Watches until `stop` is closed.
    pub(in crate::store) fn run(mut self, stop: &Receiver<()>) {
        let mut connection = None;
        let mut data_version = None;
        while stop.recv_timeout(WATCH_INTERVAL) == Err(RecvTimeoutError::Timeout) {
            if let Err(error) = self.look(&mut connection, &mut data_version) {
                // Logged once per outage.
                if !self.failed {
                    tracing::warn!(%error, "cannot look for changes of other processes");
                    self.feed.suspend();
                }
                self.failed = true;
                connection = None;
                data_version = None;
            }
        }
    }

    fn look(&mut self, slot: &mut Option<Connection>, data_version: &mut Option<i64>) -> Result<(), StoreError> {
        let connection = match slot {
            Some(connection) => connection,
            None => slot.insert(connect_reader(&self.path)?),
        };
        let now: i64 = connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if *data_version == Some(now) {
            return Ok(());
        }
        let transaction = connection.unchecked_transaction()?;
        let position = Position::read(&transaction)?;
        // What a failed reading missed is unknown.
        if self.failed || position.epoch != self.seen.epoch || position.revision < self.seen.revision {
            self.feed.reset_to(position.revision);
        } else if position.revision > self.seen.revision {
            let scopes = scopes_after(&transaction, self.seen.revision)?;
            if !scopes.is_empty() {
                self.feed.publish(&Publication { revision: position.revision, scopes, writes: None });
            }
        }
        if position.access_version != self.seen.access_version {
            self.feed.access_changed(&Arc::new(load_access_list(&transaction)?));
        }
        self.seen = position;
        self.failed = false;
        *data_version = Some(now);
        Ok(())
    }
}
