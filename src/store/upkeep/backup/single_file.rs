//! A database in a single file, without the files that SQLite may put beside it.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::OpenFlags;

use super::error::BackupError;
use crate::store::engine::connection;

const SIDE_SUFFIXES: [&str; 3] = ["-journal", "-wal", "-shm"];

/// The files that SQLite may have put beside a database.
pub(in crate::store) fn side_files(path: &Path) -> [PathBuf; 3] {
    SIDE_SUFFIXES.map(|suffix| with_suffix(path, suffix))
}

/// A path with a suffix.
pub(in crate::store) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(suffix);
    path.into()
}

/// Flushes the names in a folder to the disk.
pub(in crate::store) fn sync_dir(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Switches a file out of the WAL mode, so that it can be moved and read alone.
pub(in crate::store) fn make_single(path: &Path) -> Result<(), BackupError> {
    let connection = connection::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("delete") {
        return Err(BackupError::Unsound(format!("its journal mode stays {mode}")));
    }
    connection.close().map_err(|(_, error)| error.into())
}
