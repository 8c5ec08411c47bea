//! Read and write transactions, and the query helpers that the rest of the store uses.
//!
//! Methods of a topic are in its file: enterprises in `facts/enterprises.rs`, contacts in `facts/contacts.rs`, and so
//! on.

use std::ops::Deref;

use rusqlite::config::DbConfig;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row};

use super::changed_rows::ChangeRecorder;
use super::connection::limit_size;
use super::error::StoreError;
use crate::domain::ids::TimeOrderedId;
use crate::domain::made_ids::{make_another_id, make_id};
use crate::domain::time::Timestamp;

/// How many time-ordered ids are made before a write gives up: two clash in a case in a million.
const IDS_MADE_MAX: usize = 8;

/// One read transaction: everything read in it comes from one committed snapshot.
pub struct ReadTx<'a> {
    pub(in crate::store) connection: &'a Connection,
    now: Timestamp,
}

impl<'a> ReadTx<'a> {
    pub(in crate::store) fn new(connection: &'a Connection, now: Timestamp) -> Self {
        Self { connection, now }
    }

    /// When the transaction began; every timestamp that it writes.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The revision counter of this snapshot: the `asOf` of what is computed from it.
    pub fn revision(&self) -> Result<i64, StoreError> {
        self.one("SELECT revision FROM installation", [], |row| row.get(0))
    }

    pub fn epoch(&self) -> Result<String, StoreError> {
        self.one("SELECT epoch FROM installation", [], |row| row.get(0))
    }

    /// The secret key that entity tags are sealed with.
    pub fn tag_key(&self) -> Result<String, StoreError> {
        self.one("SELECT tag_key FROM home", [], |row| row.get(0))
    }

    pub(in crate::store) fn prepare(&self, sql: &str) -> Result<CachedStatement<'a>, StoreError> {
        Ok(self.connection.prepare_cached(sql)?)
    }

    /// The row of a query that always returns one.
    pub(in crate::store) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        Ok(self.prepare(sql)?.query_row(params, read)?)
    }

    /// The first row of a query, if it has one.
    pub(in crate::store) fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.prepare(sql)?.query_row(params, |row| Ok(read(row))).optional()?.transpose()
    }

    /// Every row of a query.
    pub(in crate::store) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.prepare(sql)?;
        let rows = statement.query_and_then(params, read)?;
        rows.collect()
    }
}

/// One write under its own savepoint: it happens whole or not at all.
pub struct WriteTx<'a> {
    read: ReadTx<'a>,
    recorder: &'a ChangeRecorder,
}

impl<'a> WriteTx<'a> {
    pub(in crate::store) fn new(connection: &'a Connection, now: Timestamp, recorder: &'a ChangeRecorder) -> Self {
        Self { read: ReadTx::new(connection, now), recorder }
    }

    /// Runs a statement and returns how many rows it changed.
    pub(in crate::store) fn execute(&self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        Ok(self.prepare(sql)?.execute(params)?)
    }

    /// A fresh time-ordered id.
    pub(in crate::store) fn time_ordered_id(&self) -> TimeOrderedId {
        make_id(self.now)
    }

    /// The first of these ids that is not taken, and otherwise a time-ordered one: another process, or a clock that was
    /// set back, may have made the same.
    pub(in crate::store) fn free_id(
        &self,
        candidates: impl Iterator<Item = String>,
        is_taken: impl Fn(&str) -> Result<bool, StoreError>,
    ) -> Result<String, StoreError> {
        let first = std::iter::once_with(|| self.time_ordered_id().to_string());
        let others = std::iter::repeat_with(|| make_another_id(self.now).to_string()).take(IDS_MADE_MAX);
        for id in candidates.chain(first).chain(others) {
            if !is_taken(&id)? {
                return Ok(id);
            }
        }
        Err(StoreError::Conflict("no free id was found; try again".to_owned()))
    }

    /// Draws a new revision for a scope, for changes whose triggers are off.
    pub(in crate::store) fn draw(&self, scope: i64) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE scope SET revision = (SELECT revision FROM installation), draws = draws + 1
            WHERE id = ?1";
        self.execute("UPDATE installation SET revision = revision + 1", [])?;
        self.execute(SQL, [scope])?;
        Ok(())
    }

    /// Runs work, rolls it back and returns its result: a dry run.
    pub(in crate::store) fn rehearse<T>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.under_savepoint(work, false)
    }

    /// Runs work and undoes it if it fails.
    pub(in crate::store) fn attempt<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.under_savepoint(work, true)
    }

    fn under_savepoint<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, E>,
        keeps_success: bool,
    ) -> Result<T, E> {
        let changes_before = self.recorder.current();
        self.execute("SAVEPOINT attempt", [])?;
        let result = work(self);
        if !self.connection.is_autocommit() {
            if result.is_err() || !keeps_success {
                self.execute("ROLLBACK TO attempt", [])?;
                self.recorder.replace(changes_before);
            }
            self.execute("RELEASE attempt", [])?;
        }
        result
    }

    /// Bounds the size of the database from now on, until the store is closed. `None` leaves it to the disk.
    pub fn limit_size(&self, bytes: Option<u64>) -> Result<(), StoreError> {
        Ok(limit_size(self.connection, bytes.unwrap_or(u64::MAX))?)
    }

    /// Fails as long as the database has no space: allocates pages, which a size limit refuses, and writes one row,
    /// which a full disk refuses. Changes nothing.
    pub(super) fn test_space(&self) -> Result<(), StoreError> {
        self.test_growth()?;
        self.execute("UPDATE installation SET epoch = epoch", [])?;
        Ok(())
    }

    /// Fails as long as a limit keeps the database from growing. Changes nothing.
    pub(super) fn test_growth(&self) -> Result<(), StoreError> {
        const GROW: &str = "INSERT INTO idempotency (token_id, key, number, request_hash, status, ids, created_at)
            VALUES ('', '', 0, zeroblob(8192), 0, '', 0)";
        self.rehearse(|tx| tx.execute(GROW, []))?;
        Ok(())
    }

    /// Runs work with the triggers switched off. The caller keeps the rollups and draws the revisions.
    ///
    /// The setting belongs to the connection and is not undone by a rollback, so a guard resets it on every way out.
    pub(in crate::store) fn without_triggers<T>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let _guard = TriggersOff::begin(self.connection)?;
        work(self)
    }
}

impl<'a> Deref for WriteTx<'a> {
    type Target = ReadTx<'a>;

    fn deref(&self) -> &ReadTx<'a> {
        &self.read
    }
}

struct TriggersOff<'a>(&'a Connection);

impl<'a> TriggersOff<'a> {
    fn begin(connection: &'a Connection) -> Result<Self, StoreError> {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        Ok(Self(connection))
    }
}

impl Drop for TriggersOff<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, true) {
            tracing::error!(%error, "cannot switch triggers on again");
        }
    }
}
