//! Backups: the whole database as it was at one moment, in one file that was verified before it got its name.
//!
//! SQLite's backup interface copies page by page from a connection of its own that holds one read transaction throughout.
//! So the copy never begins anew because somebody writes, and nobody who writes waits for it. What waits is the log: it
//! cannot start over while the transaction is open, which is why the copy hurries when the log grows, and gives up before
//! the log fills the disk.
//!
//! - `snapshot`: the moment that is copied, and its rows counted;
//! - `partial`: the file while it is written, under another name, and how it gets its own;
//! - `verify`: the proof that a file is sound;
//! - `history`: what the audit log knows of those that were made.

mod history;
mod partial;
mod snapshot;
mod verify;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

pub use history::{BackupRecord, LoggedBackup};
pub use partial::remove_leftovers;
pub(in crate::store) use partial::{Partial, require_room, side_files, sync_dir, with_suffix};
pub(in crate::store) use verify::{TableCounts, verify};

use partial::free_bytes;
use snapshot::Snapshot;

use serde_json::json;

use super::audit::{self, Actor, AuditEntry};
use crate::clock::Clock;
use crate::domain::backup::{RowCounts, Size};
use crate::domain::time::Timestamp;
use crate::store::engine::connection::connect_writer;
use crate::store::engine::data_dir::{database_path, refuse_while_restored};
use crate::store::engine::error::{OpenError, StoreError};

/// Pages that are copied at a time: 1 MiB, some milliseconds of reading and writing.
const PAGES_AT_A_TIME: i32 = 256;

/// Portions between two times that the disk is asked to take what was written: 16 MiB. Else the last fsync would hand it
/// everything at once, and commits would wait behind that.
const PORTIONS_PER_SYNC: u32 = 16;

/// Longest pause between two portions. A pause is as long as the portion took, so that the disk has half its time for others.
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// Growth of the log beyond which the copy no longer pauses, in bytes.
const LOG_GROWTH_CALM_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// Growth of the log at which the copy is given up, in bytes, or the size of the database where that is more: the log must
/// not fill the disk because the place of the backup is slow.
const LOG_GROWTH_BYTES_MAX: u64 = 1_024 * 1_024 * 1_024;

/// What the growing log leaves free on the disk of the database, in bytes, or a tenth of the database where that is less:
/// many times what is written between two looks. A small database may live on a small disk.
const LOG_ROOM_SPARED_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// How often a portion that met a lock is tried again, at [`LOCK_STEP`]. Nobody else knows the file, so this is for a file
/// system that holds locks a little longer.
const LOCKED_TRIES_MAX: u32 = 500;
/// How long the audit log's entry waits for others who write.
const RECORD_BUSY_TIMEOUT: Duration = Duration::from_secs(10);

const LOCK_STEP: Duration = Duration::from_millis(10);

/// What is to be backed up, and where to.
#[derive(Clone, Debug)]
pub struct BackupRequest {
    /// The folder of the database.
    pub data_dir: PathBuf,
    /// The file that is to be made.
    pub destination: PathBuf,
    /// Whether a file of that name may be replaced.
    pub overwrite: bool,
    /// How much of the machine it may take.
    pub pace: Pace,
}

/// How much of the machine a backup may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Half the time of a disk and of a processor at most; the rest is for those who use the database.
    Gentle,
    /// All there is; somebody waits for it.
    Full,
}

/// What a backup is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupStage {
    /// Pages are copied.
    Copying,
    /// The copy is read and compared.
    Verifying,
}

/// How far a backup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupProgress {
    /// What it is doing.
    pub stage: BackupStage,
    /// Bytes that are copied.
    pub bytes_done: u64,
    /// Bytes that are to be copied.
    pub bytes_total: u64,
}

/// Somebody who is told how far a backup is, and may end it.
pub trait BackupObserver: Send + Sync {
    /// Called on the backup's thread after each portion, with the read transaction open, and when verifying begins.
    fn progressed(&self, progress: BackupProgress);

    /// Asked again and again; once true, the backup ends and leaves nothing behind.
    fn is_cancelled(&self) -> bool;
}

/// Lets a backup run to its end unseen.
struct Unobserved;

impl BackupObserver for Unobserved {
    fn progressed(&self, _: BackupProgress) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Nobody who would want to know, or to end it.
#[must_use]
pub fn unobserved() -> Arc<dyn BackupObserver> {
    Arc::new(Unobserved)
}

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupMade {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// What it holds.
    pub rows: RowCounts,
    /// Its schema version.
    pub schema_version: i64,
    /// The moment that it shows.
    pub at: Timestamp,
    /// How long it took to make.
    pub took: Duration,
}

impl BackupMade {
    /// How the audit log tells of it.
    #[must_use]
    pub fn audit_entry(&self) -> AuditEntry {
        let after = json!({
            "bytes": self.bytes, "rows": self.rows, "schemaVersion": self.schema_version,
            "at": self.at, "tookMillis": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
        });
        AuditEntry::of(BACKUP_CREATED, self.path.display().to_string()).after(after)
    }
}

/// The act of making a backup, as the audit log calls it.
pub const BACKUP_CREATED: &str = "backup.create";

/// A backup that was to be made and could not be, as the audit log calls it.
pub const BACKUP_FAILED: &str = "backup.fail";

/// Why a backup was not made. Nothing of it is left, and nothing else has changed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no database that could be backed up.
    #[error(transparent)]
    Source(#[from] OpenError),
    /// The file cannot be written there.
    #[error("cannot write {path}: {reason}")]
    Destination {
        /// The file.
        path: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// There is such a file already.
    #[error("{0} exists already; name another file, or replace it with --force")]
    Exists(String),
    /// Another process writes the same file.
    #[error("another backup to {0} is under way")]
    UnderWay(String),
    /// The copy does not fit, or would take the last of the disk.
    #[error("there is no room in {folder}: the copy takes {needed}, and {free} are free")]
    NoRoom {
        /// Where it would be written.
        folder: String,
        /// What it takes, with something to spare for others.
        needed: Size,
        /// What there is.
        free: Size,
    },
    /// The disk filled up meanwhile.
    #[error("the disk filled up meanwhile; make room on it, or choose another folder")]
    Full,
    /// Somebody ended it.
    #[error("it was cancelled")]
    Cancelled,
    /// The write-ahead log grew too long meanwhile.
    #[error("it was given up, because the write-ahead log grew by {0} meanwhile; is the place of the backup too slow?")]
    LogTooLong(Size),
    /// The write-ahead log would have taken the last of the database's disk.
    #[error(
        "it was given up, because the write-ahead log grew by {grown} meanwhile and only {free} are free on the disk of the \
         database; make room on it"
    )]
    LogFillsDisk {
        /// By how much the log grew.
        grown: Size,
        /// What is free.
        free: Size,
    },
    /// The copy is not what it should be.
    #[error("the copy is not sound: {0}")]
    Unsound(String),
    /// SQLite or the disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        match StoreError::from(error) {
            StoreError::Full => Self::Full,
            error => Self::Store(error),
        }
    }
}

impl BackupError {
    /// Whether there was no room for it.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::NoRoom { .. } | Self::LogFillsDisk { .. } | Self::Full)
    }

    pub(in crate::store) fn destination(path: &Path, reason: impl Into<String>) -> Self {
        Self::Destination { path: path.display().to_string(), reason: reason.into() }
    }
}

/// Backs the database of a data directory up into one file, beside a server or without one. Blocks.
///
/// The file is there under its name only once it is whole, verified and on the disk.
pub fn back_up(
    request: &BackupRequest,
    clock: &Clock,
    observer: &Arc<dyn BackupObserver>,
) -> Result<BackupMade, BackupError> {
    let begun = clock.instant();
    // First of all, and without a look at the database: where it goes is what people get wrong.
    let partial = Partial::create(&request.destination, request.overwrite)?;
    let snapshot = Snapshot::take(&request.data_dir, clock)?;
    require_room(&request.destination, snapshot.bytes)?;
    let copying = Copying { request, clock, observer, partial: &partial, snapshot: &snapshot };
    copying.run()?;
    // The log may start over from here on.
    let Snapshot { counts, schema_version, at, connection, .. } = snapshot;
    drop(connection);
    observer.progressed(BackupProgress {
        stage: BackupStage::Verifying,
        bytes_done: partial.bytes()?,
        bytes_total: partial.bytes()?,
    });
    make_single(partial.path())?;
    let found = verify(partial.path(), request.pace, clock, observer)?;
    if let Some(difference) = counts.difference(&found) {
        return Err(BackupError::Unsound(difference));
    }
    if observer.is_cancelled() {
        return Err(BackupError::Cancelled);
    }
    let bytes = partial.bytes()?;
    partial.publish()?;
    Ok(BackupMade {
        path: request.destination.clone(),
        bytes,
        rows: counts.rows(),
        schema_version,
        at,
        took: clock.instant().duration_since(begun),
    })
}

/// Writes a backup that a command made into the audit log of the database. Beside a server this is one short write, and
/// without one the data directory stays free for a server that starts.
pub fn record_backup(data_dir: &Path, actor: &Actor, made: &BackupMade, clock: &Clock) -> Result<(), BackupError> {
    refuse_while_restored(data_dir)?;
    let connection = connect_writer(&database_path(data_dir), false)?;
    connection.busy_timeout(RECORD_BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    audit::insert(&connection, clock.now(), actor, &made.audit_entry())?;
    Ok(())
}

struct Copying<'a> {
    request: &'a BackupRequest,
    clock: &'a Clock,
    observer: &'a Arc<dyn BackupObserver>,
    partial: &'a Partial,
    snapshot: &'a Snapshot,
}

impl Copying<'_> {
    /// Copies every page of the snapshot.
    fn run(&self) -> Result<(), BackupError> {
        let log_before = self.log_bytes();
        let mut target = Connection::open_with_flags(
            self.partial.path(),
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        // What is broken off is thrown away, and the disk is asked for all of it in the end.
        target.pragma_update(None, "journal_mode", "OFF")?;
        target.pragma_update(None, "synchronous", "OFF")?;
        let backup = Backup::new(&self.snapshot.connection, &mut target)?;
        let mut locked_tries = 0;
        for portion in 1_u32.. {
            let begun = self.clock.instant();
            let step = backup.step(PAGES_AT_A_TIME)?;
            let progress = backup.progress();
            self.observer.progressed(self.told(progress));
            if self.observer.is_cancelled() {
                return Err(BackupError::Cancelled);
            }
            match step {
                StepResult::Done => return Ok(()),
                StepResult::More => locked_tries = 0,
                _ if locked_tries < LOCKED_TRIES_MAX => {
                    locked_tries += 1;
                    std::thread::sleep(LOCK_STEP);
                }
                _ => return Err(StoreError::DeadlinePassed.into()),
            }
            if portion.is_multiple_of(PORTIONS_PER_SYNC) {
                self.partial.sync()?;
            }
            let grown = self.log_bytes().saturating_sub(log_before);
            if grown > LOG_GROWTH_BYTES_MAX.max(self.snapshot.bytes) {
                return Err(BackupError::LogTooLong(Size(grown)));
            }
            if grown > 0
                && let Some(free) = free_bytes(&self.request.data_dir)
                && free < LOG_ROOM_SPARED_BYTES_MAX.min(self.snapshot.bytes / 10)
            {
                return Err(BackupError::LogFillsDisk { grown: Size(grown), free: Size(free) });
            }
            if self.request.pace == Pace::Gentle && grown <= LOG_GROWTH_CALM_BYTES_MAX {
                std::thread::sleep(self.clock.instant().duration_since(begun).min(PAUSE_MAX));
            }
        }
        Ok(())
    }

    fn told(&self, progress: rusqlite::backup::Progress) -> BackupProgress {
        let count = |pages: i32| u64::try_from(pages).unwrap_or(0);
        let (total, remaining) = (count(progress.pagecount), count(progress.remaining));
        BackupProgress {
            stage: BackupStage::Copying,
            bytes_done: total.saturating_sub(remaining) * self.snapshot.page_bytes,
            bytes_total: total * self.snapshot.page_bytes,
        }
    }

    /// Asks for the file's size alone: opening it would end the locks that this process holds on it.
    fn log_bytes(&self) -> u64 {
        let log = with_suffix(&database_path(&self.request.data_dir), "-wal");
        fs::metadata(log).map_or(0, |metadata| metadata.len())
    }
}

/// Makes a file that says of itself to have a log into one that has none, so that it may be moved and read alone.
pub(in crate::store) fn make_single(path: &Path) -> Result<(), BackupError> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("delete") {
        return Err(BackupError::Unsound(format!("its journal mode stays {mode}")));
    }
    connection.close().map_err(|(_, error)| error.into())
}
