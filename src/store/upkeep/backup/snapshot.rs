//! The snapshot that a backup copies: one read transaction on a connection of its own.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::verify::TableCounts;
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::store::engine::connection::{self, explain_sqlite};
use crate::store::engine::error::OpenError;
use crate::store::engine::migrate::{self, DetectedSchema};
use crate::store::engine::readable::ReadableDatabase;

/// How long the first read waits for a lock. A reader waits only while the log is recovered or the file is opened.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A snapshot of the database for as long as this value lives.
pub(super) struct Snapshot {
    /// With the read transaction open.
    pub(super) connection: Connection,
    pub(super) counts: TableCounts,
    pub(super) schema_version: i64,
    pub(super) page_bytes: u64,
    /// The size of the copy.
    pub(super) bytes: u64,
    pub(super) at: Timestamp,
    /// Dropped after the connection: it may be a copy.
    pub(super) source: ReadableDatabase,
}

impl Snapshot {
    /// Opens the database, of any schema version that this binary knows, and begins the transaction.
    pub(super) fn take(data_dir: &Path, clock: &Clock) -> Result<Self, OpenError> {
        let source = ReadableDatabase::find(data_dir)?;
        let path = source.path().to_owned();
        let sqlite = |error| explain_sqlite(&path, error);
        let connection = connect(&path).map_err(sqlite)?;
        let DetectedSchema::Version(schema_version) = migrate::detect_schema(&connection, &path, true)? else {
            let reason = "its database is empty, so there is nothing to back up".to_owned();
            return Err(OpenError::DataDir { path: data_dir.display().to_string(), reason });
        };
        let begun = || -> rusqlite::Result<_> {
            connection.execute_batch("BEGIN")?;
            // The first statement that reads fixes the snapshot.
            let pages: u64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
            let at = clock.now();
            let page_bytes: u64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
            Ok((pages, at, page_bytes, TableCounts::read(&connection)?))
        };
        let (pages, at, page_bytes, counts) = begun().map_err(sqlite)?;
        Ok(Self { connection, counts, schema_version, page_bytes, bytes: pages * page_bytes, at, source })
    }
}

/// May write, and does not: the last connection to close removes the log, which requires write access.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = connection::connect(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}
