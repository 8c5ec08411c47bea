//! Notices the commits of other processes, on a thread and a connection of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::Connection;

use super::changes::{Feed, Publication, scope_from_row};
use super::condition::Condition;
use super::connection::connect_reader;
use super::error::StoreError;
use super::home::{Counters, SharedHome};
use super::open_files::OpenFiles;
use super::queue::WeakWriteQueue;
use super::writer::LogState;
use crate::clock::Clock;
use crate::domain::directory::Scope;
use crate::store::access::access_list::load_access_list;

/// How often the watcher looks for commits of other processes.
pub const WATCH_INTERVAL: Duration = Duration::from_millis(100);

/// How long nothing must have been committed before the log is moved into the database, however short it is: so that a
/// file that somebody copies without its log is nearly whole.
const QUIET_BEFORE_CHECKPOINT: Duration = Duration::from_secs(1);

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
    pub(super) files: OpenFiles,
    pub(super) condition: Arc<Condition>,
    pub(super) home: Option<SharedHome>,
    pub(super) log: Arc<LogState>,
    pub(super) queue: WeakWriteQueue,
    pub(super) clock: Clock,
}

impl Watcher {
    /// Watches until `stop` is closed.
    pub(in crate::store) fn run(mut self, stop: &Receiver<()>) {
        let mut connection = None;
        let mut data_version = None;
        let mut quiet_since = self.clock.instant();
        while stop.recv_timeout(WATCH_INTERVAL) == Err(RecvTimeoutError::Timeout) {
            if let Err(error) = self.files.check() {
                // Logs it once, and ends the readiness.
                self.condition.note_failure(error);
            }
            let seen_before = data_version;
            let looked = self.look(&mut connection, &mut data_version);
            if data_version != seen_before {
                quiet_since = self.clock.instant();
                self.log.pending.store(true, Ordering::Relaxed);
            } else if self.log.pending.load(Ordering::Relaxed)
                && self.clock.instant().saturating_duration_since(quiet_since) >= QUIET_BEFORE_CHECKPOINT
            {
                quiet_since = self.clock.instant();
                self.want_checkpoint();
            }
            if let Err(error) = looked {
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

    /// Lets the writer move the log into the database when it has nothing else to do.
    fn want_checkpoint(&self) {
        self.log.wanted.store(true, Ordering::Relaxed);
        // An empty write wakes the writer. A queue that is full does so, too.
        if let Ok(queue) = self.queue.upgrade() {
            let _ = queue.try_send(None, |_| Ok(()));
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
        if let Some(home) = &self.home {
            home.lock().note(&Counters::read(&transaction)?);
        }
        self.seen = position;
        self.failed = false;
        *data_version = Some(now);
        Ok(())
    }
}
