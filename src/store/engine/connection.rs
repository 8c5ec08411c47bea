//! Connections to the database: how they are opened, their settings and limits, and what SQLite's errors mean.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::data_dir::{DATABASE_FILE, explain_io, give_to};
use super::error::{OpenError, file_size_max};

/// How long one attempt to take the write lock waits. The writer retries until the deadline of its jobs, so this only
/// bounds how long it ignores them.
const BUSY_SLICE: Duration = Duration::from_millis(100);

/// How long a waiting connection sleeps between two attempts. Well below the 20 ms for which writers outside the server
/// pause, so that the server gets its turn in each pause.
const BUSY_STEP: Duration = Duration::from_millis(2);

/// How long a reader waits for a lock. Readers of a WAL database wait only while it is being recovered or opened.
const READER_BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Page cache of the writer, in KiB: the inner pages of every index, so that a write touches the disk only for leaves.
const WRITER_CACHE_KIB: i64 = 16 * 1_024;

/// Page cache of a command that has the database to itself, in KiB: an import of a million rows works in it.
const EXCLUSIVE_CACHE_KIB: i64 = 192 * 1_024;

const READER_CACHE_KIB: i64 = 2 * 1_024;

/// Prepared statements that a connection caches; all of Muster's fit.
const STATEMENTS_CACHED_MAX: usize = 256;

/// Largest WAL that is left on disk after a checkpoint that reset it, in bytes.
const WAL_KEPT_BYTES_MAX: i64 = 64 * 1_024 * 1_024;

/// Opens a connection that does not trust the file: what a schema defines may not call functions with side effects, and
/// no statement may change a file's inner structure (<https://sqlite.org/security.html>). Every connection of Muster's is
/// opened here or configured by [`configure_reader`].
pub(in crate::store) fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(plain(path), flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    distrust(&connection)?;
    Ok(connection)
}

fn distrust(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    Ok(())
}

/// The same path in a form that SQLite does not take for a URI.
pub(super) fn plain(path: &Path) -> Cow<'_, Path> {
    if path.as_os_str().as_bytes().starts_with(b"file:") { Path::new(".").join(path).into() } else { path.into() }
}

/// Opens the file as it is without its log. Only for one row that says which log it belongs to: without the log the
/// content is not what was acknowledged.
pub(super) fn connect_without_log(path: &Path) -> rusqlite::Result<Connection> {
    let mut uri = "file:".to_owned();
    for byte in plain(path).as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            byte => {
                // A string can always be written to.
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri, flags)?;
    distrust(&connection)?;
    Ok(connection)
}

/// Opens a connection that can write, and changes nothing yet.
pub(in crate::store) fn connect_writer(path: &Path, create: bool) -> rusqlite::Result<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    if create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
        create_for_owner(path);
    }
    let connection = connect(path, flags)?;
    // The busy handler comes first: every later statement may meet a lock.
    connection.busy_handler(Some(|attempt| {
        std::thread::sleep(BUSY_STEP);
        BUSY_STEP * u32::try_from(attempt).unwrap_or(u32::MAX) < BUSY_SLICE
    }))?;
    Ok(connection)
}

/// Creates an empty file that only its owner, who is the owner of the directory, may read; SQLite makes it a database and
/// gives the files beside it the same owner and mode. Where that fails, SQLite fails for the same reason and reports it.
fn create_for_owner(path: &Path) {
    use std::os::unix::fs::OpenOptionsExt;
    let created = File::options().write(true).create_new(true).mode(0o600).open(path);
    if let (Ok(file), Some(Ok(owner))) = (created, path.parent().map(fs::metadata)) {
        // A command that root runs must not lock out the server's user.
        give_to(&file, &owner);
    }
}

pub(super) fn configure_writer(connection: &Connection, big_cache: bool) -> rusqlite::Result<()> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        tracing::warn!(mode, "this file system does without a write-ahead log; reads and writes wait for each other");
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Purged personal data must not remain on the disk.
    let _: i64 = connection.pragma_update_and_check(None, "secure_delete", "ON", |row| row.get(0))?;
    connection.pragma_update(None, "cache_size", -if big_cache { EXCLUSIVE_CACHE_KIB } else { WRITER_CACHE_KIB })?;
    connection.pragma_update(None, "journal_size_limit", WAL_KEPT_BYTES_MAX)?;
    // The writer checkpoints between groups and checks the result.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED_MAX);
    Ok(())
}

/// Bounds the size of the database file. SQLite counts in pages and has no bound below the current size.
pub(super) fn limit_size(connection: &Connection, bytes: u64) -> rusqlite::Result<()> {
    let page_bytes: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page_bytes;
    connection.pragma_update(None, "max_page_count", pages.max(1))
}

/// Opens a connection that cannot write.
pub(super) fn connect_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    configure_reader(&connection)?;
    Ok(connection)
}

/// Discards the pages that a connection has in memory: the disk may have got one of them wrong.
pub(super) fn forget_pages(connection: &Connection) {
    // It cannot fail in a way that matters: pages that stay are found wrong again.
    let _ = connection.execute_batch("PRAGMA shrink_memory");
}

/// The settings of a connection that cannot write.
pub(super) fn configure_reader(connection: &Connection) -> rusqlite::Result<()> {
    distrust(connection)?;
    connection.busy_timeout(READER_BUSY_TIMEOUT)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED_MAX);
    Ok(())
}

/// SQLite's error on opening a file, as a sentence for the administrator.
pub(in crate::store) fn explain_sqlite(path: &Path, error: rusqlite::Error) -> OpenError {
    let text = path.display().to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::Foreign { path: text, reason: "it is no SQLite file".to_owned() },
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path: text },
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => OpenError::DataDir {
            path: path.parent().unwrap_or(path).display().to_string(),
            reason: format!("{DATABASE_FILE} cannot be opened for writing; check who owns it and its permissions"),
        },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::DataDir {
            path: path.parent().unwrap_or(path).display().to_string(),
            reason: format!("another program has {DATABASE_FILE} open; stop that, and start again"),
        },
        // The log is shorter than its index says: it was cut while another program has both open.
        _ if error
            .sqlite_error()
            .is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHORT_READ) =>
        {
            OpenError::Damaged { path: text }
        }
        Some(ErrorCode::DiskFull) => disk_full(path),
        Some(ErrorCode::SystemIoFailure) if is_file_too_large(&error) => OpenError::DataDir {
            path: path.parent().unwrap_or(path).display().to_string(),
            reason: explain_io(&ErrorKind::FileTooLarge.into()),
        },
        // There is no space for the index of the write-ahead log.
        _ if error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE) => {
            disk_full(path)
        }
        _ => OpenError::Sqlite { path: text, error },
    }
}

/// Whether a write failed that may have met the system's limit for the size of files.
fn is_file_too_large(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_WRITE};
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(SQLITE_IOERR_SHMSIZE | SQLITE_IOERR_WRITE)) && file_size_max().is_some()
}

fn disk_full(path: &Path) -> OpenError {
    let reason = explain_io(&ErrorKind::StorageFull.into());
    OpenError::DataDir { path: path.parent().unwrap_or(path).display().to_string(), reason }
}
