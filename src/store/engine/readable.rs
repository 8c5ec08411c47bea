//! A database for who only reads it, also where nothing can be written: on a read-only file system SQLite cannot open a
//! database with a log, so a copy of both in a temporary folder is read. Opening it as immutable would need no copy, and
//! would silently answer without what is in the log.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::connection::{connect, connect_reader, explain_sqlite};
use super::data_dir::{
    DATABASE_FILE, database_path, is_locked, refuse_directory, refuse_while_restored, require_database,
};
use super::error::OpenError;
use super::files_at_rest::{refusal, refuse_mismatch};
use crate::domain::backup::Size;

/// How often a copy is begun again because the files changed meanwhile: another machine writes them.
const COPIES_MAX: u32 = 3;

/// How often, and how long apart, an empty log is tried to be removed. A server that has started meanwhile keeps it.
const REMOVAL_TRIES_MAX: u32 = 20;
const REMOVAL_STEP: Duration = Duration::from_millis(5);

/// The database, or a copy of it that is removed with this value.
#[derive(Debug)]
pub(in crate::store) struct ReadableDatabase {
    path: PathBuf,
    /// Whether there was no log: the empty one that readers leave behind is to be removed.
    removes_log: bool,
    copied_into: Option<PathBuf>,
}

impl Drop for ReadableDatabase {
    fn drop(&mut self) {
        if self.removes_log {
            remove_empty_log(&self.path);
        }
        if let Some(folder) = &self.copied_into
            && let Err(error) = fs::remove_dir_all(folder)
        {
            tracing::warn!(path = %folder.display(), %error, "cannot remove the copy of a database");
        }
    }
}

impl ReadableDatabase {
    /// Finds a way to read the database of a data directory. Refuses files that do not belong together.
    pub(in crate::store) fn find(data_dir: &Path) -> Result<Self, OpenError> {
        require_database(data_dir)?;
        refuse_directory(data_dir)?;
        refuse_while_restored(data_dir)?;
        let path = database_path(data_dir);
        let is_writable = rustix::fs::access(data_dir, rustix::fs::Access::WRITE_OK).is_ok();
        // A server has checked the files, and has them open.
        let removes_log = is_writable && !is_locked(data_dir) && refuse_mismatch(data_dir, None)?.log_bytes == 0;
        let opened = connect_reader(&path).and_then(|connection| read_something(&connection));
        match opened {
            Ok(()) => Ok(Self { path, removes_log, copied_into: None }),
            Err(error) if !is_writable && needs_writing(&error) => Self::copy(data_dir),
            Err(error) => Err(explain_sqlite(&path, error)),
        }
    }

    pub(in crate::store) fn path(&self) -> &Path {
        &self.path
    }

    /// Copies the database and its log into a folder of the user's own.
    fn copy(data_dir: &Path) -> Result<Self, OpenError> {
        let failed = |error: &io::Error, folder: &Path| {
            let reason =
                format!("nothing can be written there, and it cannot be copied to {}: {error}", folder.display());
            refusal(data_dir, reason)
        };
        let folder = std::env::temp_dir().join(format!(
            "muster-read-{}-{:08x}",
            std::process::id(),
            getrandom::u32().unwrap_or_default()
        ));
        DirBuilder::new().mode(0o700).create(&folder).map_err(|error| failed(&error, &folder))?;
        let copy = Self { path: folder.join(DATABASE_FILE), removes_log: false, copied_into: Some(folder.clone()) };
        let sources = ["", "-wal"].map(|suffix| data_dir.join(format!("{DATABASE_FILE}{suffix}")));
        require_room(data_dir, &folder, &sources)?;
        for _ in 0..COPIES_MAX {
            let before = sources.each_ref().map(|path| state(path));
            for source in sources.iter().filter(|source| source.exists()) {
                let name = source.file_name().unwrap_or_default();
                copy_file(source, &folder.join(name)).map_err(|error| failed(&error, &folder))?;
            }
            if sources.each_ref().map(|path| state(path)) == before {
                refuse_mismatch(&folder, None)?;
                tracing::debug!(folder = %folder.display(), "reading a copy, since nothing can be written beside the database");
                return Ok(copy);
            }
        }
        let reason =
            "nothing can be written there, and the files change while they are copied: another machine or container \
                      writes them; run the command there"
                .to_owned();
        Err(refusal(data_dir, reason))
    }
}

/// Removes the empty log that connections make which cannot write: the last to close does, if it might write. The pool
/// may close its own a moment later, so this is tried for a moment.
fn remove_empty_log(path: &Path) {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    for _ in 0..REMOVAL_TRIES_MAX {
        let closed = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).and_then(|connection| {
            connection.pragma_update(None, "query_only", true)?;
            // It uses the log only once it has read.
            read_something(&connection)
        });
        if closed.is_err() || !fs::metadata(&log).is_ok_and(|log| log.len() == 0) {
            return;
        }
        std::thread::sleep(REMOVAL_STEP);
    }
}

fn read_something(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

/// Whether SQLite failed because it cannot make the files beside the database.
fn needs_writing(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::SystemIoFailure)
    )
}

/// What changes when a file is written.
fn state(path: &Path) -> Option<(u64, i64, i64)> {
    fs::metadata(path).ok().map(|file| (file.len(), file.mtime(), file.mtime_nsec()))
}

fn require_room(data_dir: &Path, folder: &Path, sources: &[PathBuf]) -> Result<(), OpenError> {
    let needed: u64 = sources.iter().filter_map(|path| fs::metadata(path).ok()).map(|file| file.len()).sum();
    let free = rustix::fs::statvfs(folder).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    if needed < free {
        return Ok(());
    }
    let reason = format!(
        "nothing can be written there, and a copy of {} does not fit into {}, where {} are free; set TMPDIR to a folder with \
         room",
        Size(needed),
        folder.parent().unwrap_or(folder).display(),
        Size(free)
    );
    Err(refusal(data_dir, reason))
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut target = File::options().write(true).create(true).truncate(true).mode(0o600).open(to)?;
    io::copy(&mut source, &mut target).map(drop)
}
