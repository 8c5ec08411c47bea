//! Opening: the data directory, its lock, the connections and their settings.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::OpenError;
use super::migrate;
use crate::clock::Clock;
use crate::store::upkeep::audit::Actor;
use crate::store::upkeep::{audit, restore};

/// The database's file name in the data directory.
pub const DATABASE_FILE: &str = "muster.db";

/// The lock's file name in the data directory.
pub const LOCK_FILE: &str = "muster.lock";

/// How long one attempt to take the write lock waits. The writer tries again until the deadline of its jobs, so this
/// only bounds how long it is deaf to them.
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

/// Page cache of one reader, in KiB.
const READER_CACHE_KIB: i64 = 2 * 1_024;

/// Prepared statements that a connection keeps; all that Muster has fit.
const STATEMENTS_CACHED_MAX: usize = 256;

/// Largest WAL that is left on disk after a checkpoint that reset it, in bytes.
const WAL_KEPT_BYTES_MAX: i64 = 64 * 1_024 * 1_024;

/// How a process means to use the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As the one server on it: takes the lock and watches for writes of other processes.
    Server,
    /// As a command that may write beside a server: takes the lock when it is free, or else writes in short turns.
    Command,
}

/// The data directory's lock, held as long as this value lives.
#[derive(Debug)]
pub(in crate::store) struct DirLock {
    file: File,
}

impl Drop for DirLock {
    /// Closing the file would not do: a program that this process starts at the same moment has a copy of the descriptor
    /// until it runs, and the lock would live as long as that.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "cannot give up the lock of the data directory");
        }
    }
}

impl DirLock {
    /// Takes the lock, or says who has it.
    pub(in crate::store) fn acquire(dir: &Path, holder: &str) -> Result<Self, OpenError> {
        let data_dir_error =
            |error: &std::io::Error| OpenError::DataDir { path: dir.display().to_string(), reason: explain(error) };
        let mut file = open_lock(dir).map_err(|error| data_dir_error(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The text is a courtesy; without it the message is still true.
                let _ = file.read_to_string(&mut holder);
                let holder = if holder.trim().is_empty() { "another Muster" } else { holder.trim() };
                return Err(OpenError::InUse { path: dir.display().to_string(), holder: holder.to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(data_dir_error(&error)),
        }
        let text = format!("{holder} (process {})\n", std::process::id());
        let told = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
        match told {
            // The lock holds without a name in it, and a server must start on a full disk.
            Err(error) if !matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                return Err(data_dir_error(&error));
            }
            _ => {}
        }
        Ok(Self { file })
    }
}

/// Opens the lock's file. A new one goes to whoever owns the directory: a command that root runs must not shut out the user that
/// the server runs as.
fn open_lock(dir: &Path) -> std::io::Result<File> {
    let path = dir.join(LOCK_FILE);
    let open = || File::options().read(true).write(true).clone();
    match open().create_new(true).open(&path) {
        Ok(file) => {
            if let Ok(owner) = fs::metadata(dir) {
                give_to(&file, &owner);
            }
            Ok(file)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => open().create(true).truncate(false).open(&path),
        Err(error) => Err(error),
    }
}

/// Gives a file that was made just now to the owner of another, where that is somebody else. Without the right to, the file stays
/// whose it is.
pub(in crate::store) fn give_to(file: &File, model: &fs::Metadata) {
    let is_owner = file.metadata().is_ok_and(|own| own.uid() == model.uid());
    if !is_owner {
        let _ = fchown(file, Some(model.uid()), Some(model.gid()));
    }
}

/// Refuses a data directory in which a backup is being restored: who opened its database now would open the old one, and
/// write beside the new.
pub(in crate::store) fn refuse_while_restored(dir: &Path) -> Result<(), OpenError> {
    let path = dir.join(LOCK_FILE);
    // A text that a killed restore left says nothing; only then is it worth a look whether anybody has the lock.
    let Some(holder) = fs::read_to_string(&path).ok().filter(|holder| holder.contains(restore::HOLDER)) else {
        return Ok(());
    };
    match File::open(&path).map(|file| file.try_lock_shared()) {
        Ok(Err(TryLockError::WouldBlock)) => {
            Err(OpenError::InUse { path: dir.display().to_string(), holder: holder.trim().to_owned() })
        }
        _ => Ok(()),
    }
}

/// Why a file is no data directory, and what to do.
const IS_A_FILE: &str = "it is a file; choose a directory with --data-dir";

/// Refuses a place without a database, for whoever must not make one.
pub(in crate::store) fn require_database(dir: &Path) -> Result<(), OpenError> {
    let reason = match fs::metadata(dir) {
        Ok(metadata) if !metadata.is_dir() => IS_A_FILE.to_owned(),
        Err(io) if io.kind() != ErrorKind::NotFound => explain(&io),
        Ok(_) if database_path(dir).exists() => return Ok(()),
        _ => "it holds no Muster database; start `muster serve` there, or choose another with --data-dir".to_owned(),
    };
    Err(OpenError::DataDir { path: dir.display().to_string(), reason })
}

/// Makes the data directory if it is missing and checks that it can be used.
pub(in crate::store) fn prepare_dir(dir: &Path) -> Result<(), OpenError> {
    let error = |reason: String| OpenError::DataDir { path: dir.display().to_string(), reason };
    match fs::metadata(dir) {
        Ok(metadata) if !metadata.is_dir() => {
            return Err(error(IS_A_FILE.to_owned()));
        }
        Ok(_) => {}
        Err(missing) if missing.kind() == ErrorKind::NotFound => {
            fs::create_dir_all(dir).map_err(|io| error(explain(&io)))?;
            restrict_to_owner(dir).map_err(|io| error(explain(&io)))?;
        }
        Err(io) => return Err(error(explain(&io))),
    }
    Ok(())
}

/// Refuses a directory that stands where the database belongs.
pub(in crate::store) fn refuse_directory(dir: &Path) -> Result<(), OpenError> {
    if dir.join(DATABASE_FILE).is_dir() {
        let reason = format!("{DATABASE_FILE} in it is a directory; move it away");
        return Err(OpenError::DataDir { path: dir.display().to_string(), reason });
    }
    Ok(())
}

/// A new data directory holds personal data: nobody but its owner may look inside.
fn restrict_to_owner(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
}

fn explain(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => {
            "permission denied; make it writable for this user, or choose another with --data-dir".to_owned()
        }
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only; choose another with --data-dir".to_owned(),
        ErrorKind::StorageFull => "the disk is full; make room on it".to_owned(),
        ErrorKind::NotADirectory => "part of the path is a file; choose a directory with --data-dir".to_owned(),
        _ => format!("{error}; choose another with --data-dir"),
    }
}

/// The path of the database in a data directory.
#[must_use]
pub fn database_path(dir: &Path) -> PathBuf {
    dir.join(DATABASE_FILE)
}

/// Opens the one writing connection; creates or migrates the database when this process has it to itself.
pub(in crate::store) fn writer(
    path: &Path,
    exclusive: bool,
    big_cache: bool,
    clock: &Clock,
) -> Result<Connection, OpenError> {
    let sqlite = |error| explain_sqlite(path, error);
    let connection = connect_writer(path, exclusive).map_err(sqlite)?;
    // Before any setting: going over to a WAL would change a file that is not ours.
    let found = migrate::recognise(&connection, path, exclusive)?;
    // Before any step of a migration: it cannot be taken back, and a copy of what was there can.
    let backup = migrate::back_up_older(path, found, clock)?;
    let done = configure_writer(&connection, big_cache).and_then(|()| migrate::bring_up_to_date(&connection, found));
    if let Err(error) = done {
        migrate::remove_needless(backup, &connection, found);
        return Err(sqlite(error));
    }
    if let Some(backup) = backup {
        let (actor, act) = (Actor::of_program("migration"), backup.audit_entry());
        // The migration is done, and the next start would not write this down either.
        if let Err(error) = audit::insert(&connection, clock.now(), &actor, &act) {
            let file = backup.path.display();
            tracing::warn!(%file, %error, "the audit log does not tell of the backup before the migration");
        }
    }
    Ok(connection)
}

pub(in crate::store) fn connect_writer(path: &Path, create: bool) -> rusqlite::Result<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
        create_for_owner(path);
    }
    let connection = Connection::open_with_flags(path, flags)?;
    // The busy handler comes first: every later statement may meet a lock.
    connection.busy_handler(Some(|attempt| {
        std::thread::sleep(BUSY_STEP);
        BUSY_STEP * u32::try_from(attempt).unwrap_or(u32::MAX) < BUSY_SLICE
    }))?;
    Ok(connection)
}

/// Makes an empty file that nobody but its owner may look into, wherever it lies; SQLite makes it a database and gives the files
/// beside it the same mode. Where that fails, SQLite meets the same reason and tells it.
fn create_for_owner(path: &Path) {
    use std::os::unix::fs::OpenOptionsExt;
    let _ = File::options().write(true).create_new(true).mode(0o600).open(path);
}

fn configure_writer(connection: &Connection, big_cache: bool) -> rusqlite::Result<()> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        tracing::warn!(mode, "this file system does without a write-ahead log; reads and writes wait for each other");
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Whoever asks for a person's data to be destroyed means the disk, too.
    let _: i64 = connection.pragma_update_and_check(None, "secure_delete", "ON", |row| row.get(0))?;
    connection.pragma_update(None, "cache_size", -if big_cache { EXCLUSIVE_CACHE_KIB } else { WRITER_CACHE_KIB })?;
    connection.pragma_update(None, "journal_size_limit", WAL_KEPT_BYTES_MAX)?;
    // The writer checkpoints by itself, between groups, and looks at the result.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED_MAX);
    Ok(())
}

/// Bounds the size of the database file. SQLite counts in pages and knows no bound below the size that it has.
pub(in crate::store) fn limit_size(connection: &Connection, bytes: u64) -> rusqlite::Result<()> {
    let page_bytes: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page_bytes;
    connection.pragma_update(None, "max_page_count", pages.max(1))
}

/// Opens a connection that cannot write.
pub(in crate::store) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    configure_reader(&connection)?;
    Ok(connection)
}

/// The settings of a connection that cannot write.
pub(in crate::store) fn configure_reader(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(READER_BUSY_TIMEOUT)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED_MAX);
    Ok(())
}

/// What SQLite said when it could not open a file, as a sentence for the administrator.
pub(in crate::store) fn explain_sqlite(path: &Path, error: rusqlite::Error) -> OpenError {
    let text = path.display().to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::Foreign { path: text, reason: "it is no SQLite file".to_owned() },
        Some(ErrorCode::DatabaseCorrupt) => {
            OpenError::Foreign { path: text, reason: "its contents are damaged".to_owned() }
        }
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => OpenError::DataDir {
            path: path.parent().unwrap_or(path).display().to_string(),
            reason: format!("{DATABASE_FILE} cannot be opened for writing; check who owns it and its permissions"),
        },
        Some(ErrorCode::DiskFull) => disk_full(path),
        // The index of the write-ahead log finds no room.
        _ if error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE) => {
            disk_full(path)
        }
        _ => OpenError::Sqlite { path: text, source: error },
    }
}

fn disk_full(path: &Path) -> OpenError {
    let reason = explain(&ErrorKind::StorageFull.into());
    OpenError::DataDir { path: path.parent().unwrap_or(path).display().to_string(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_is_given_up_even_while_another_process_holds_a_copy_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let lock = DirLock::acquire(dir.path(), "one").unwrap();
        let copy = lock.file.try_clone().unwrap();
        assert!(matches!(DirLock::acquire(dir.path(), "two"), Err(OpenError::InUse { .. })));
        drop(lock);
        assert!(DirLock::acquire(dir.path(), "two").is_ok());
        drop(copy);
    }
}
