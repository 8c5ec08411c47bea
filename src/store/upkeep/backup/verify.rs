//! Checks that a file is a sound database: SQLite's integrity check, foreign keys, and row counts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::BackupError;
use super::request::{BackupObserver, PAUSE_MAX, Pace};
use crate::clock::Clock;
use crate::domain::backup::RowCounts;
use crate::store::engine::connection;

/// Page cache while a file is verified, in KiB: it holds the inner pages of the indexes, which are searched row by row.
const CACHE_KIB: i64 = 16 * 1_024;

/// Virtual machine steps of SQLite between two checks for cancellation: a few milliseconds.
const STEPS_PER_LOOK: i32 = 10_000;

/// How many rows each table has. The files that a backup keeps are no data, and are compared one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct TableCounts(BTreeMap<String, u64>);

impl TableCounts {
    pub(in crate::store) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        const TABLES: &str = "SELECT name FROM sqlite_schema
                               WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'kept_file'";
        let mut statement = connection.prepare(TABLES)?;
        let names: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        let count = |name: String| {
            let sql = format!("SELECT count(*) FROM \"{}\"", name.replace('"', "\"\""));
            Ok((name, connection.query_row(&sql, [], |row| row.get(0))?))
        };
        names.into_iter().map(count).collect::<rusqlite::Result<_>>().map(Self)
    }

    /// The counts of the tables that are reported. A table that an older schema lacks has no rows.
    pub(in crate::store) fn rows(&self) -> RowCounts {
        let of = |table: &str| self.0.get(table).copied().unwrap_or(0);
        RowCounts {
            enterprises: of("enterprise"),
            departments: of("department"),
            employees: of("employee"),
            contacts: of("contact"),
            tokens: of("token"),
        }
    }

    /// How a copy differs, if it does.
    pub(super) fn difference(&self, copy: &Self) -> Option<String> {
        let names: std::collections::BTreeSet<&String> = self.0.keys().chain(copy.0.keys()).collect();
        names.into_iter().find_map(|name| {
            let (expected, found) = (self.0.get(name), copy.0.get(name));
            let count_text = |count: Option<&u64>| count.map_or("no table".to_owned(), |count| format!("{count} rows"));
            (expected != found)
                .then(|| format!("{name} has {} and should have {}", count_text(found), count_text(expected)))
        })
    }
}

/// Verifies a file that no other process has open, and counts its rows.
pub(in crate::store) fn verify(
    path: &Path,
    pace: Pace,
    clock: &Clock,
    observer: &Arc<dyn BackupObserver>,
) -> Result<TableCounts, BackupError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = connection::connect(path, flags)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    look_up_meanwhile(&connection, pace, clock, observer)?;
    let result = examine(&connection);
    match result {
        Err(BackupError::Store(_)) if observer.is_cancelled() => Err(BackupError::Cancelled),
        result => result,
    }
}

/// Makes long statements cancellable, and pauses them.
fn look_up_meanwhile(
    connection: &Connection,
    pace: Pace,
    clock: &Clock,
    observer: &Arc<dyn BackupObserver>,
) -> rusqlite::Result<()> {
    let (clock, observer) = (clock.clone(), Arc::clone(observer));
    let mut worked_since = clock.instant();
    connection.progress_handler(
        STEPS_PER_LOOK,
        Some(move || {
            if pace == Pace::Gentle {
                std::thread::sleep(clock.instant().duration_since(worked_since).min(PAUSE_MAX));
                worked_since = clock.instant();
            }
            observer.is_cancelled()
        }),
    )
}

fn examine(connection: &Connection) -> Result<TableCounts, BackupError> {
    const FIRST_FAULT: &str = "SELECT integrity_check FROM pragma_integrity_check LIMIT 1";
    const LOOSE_REFERENCE: &str =
        "SELECT \"table\" || ' row ' || coalesce(rowid, '?') || ' refers to a row of ' || parent || ' that is not there'
           FROM pragma_foreign_key_check LIMIT 1";
    let explain = |error: rusqlite::Error| match error.sqlite_error_code() {
        // A file that is too damaged to be checked fails in this way.
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => BackupError::Unsound(error.to_string()),
        _ => error.into(),
    };
    let fault: String = connection.query_row(FIRST_FAULT, [], |row| row.get(0)).map_err(explain)?;
    if fault != "ok" {
        return Err(BackupError::Unsound(fault));
    }
    let mut loose = connection.prepare(LOOSE_REFERENCE).map_err(explain)?;
    if let Some(row) =
        loose.query([]).and_then(|mut rows| rows.next()?.map(|row| row.get(0)).transpose()).map_err(explain)?
    {
        return Err(BackupError::Unsound(row));
    }
    TableCounts::read(connection).map_err(explain)
}
