//! Makes a backup: copies the pages of a snapshot into one file, and verifies it before it gets its name.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::OpenFlags;
use rusqlite::backup::{Backup, StepResult};

use super::error::BackupError;
use super::kept_files::{self, KeptKind};
use super::partial::{Partial, free_bytes, require_room};
use super::request::{BackupObserver, BackupProgress, BackupRequest, BackupStage, PAUSE_MAX, Pace};
use super::single_file::{make_single, with_suffix};
use super::snapshot::Snapshot;
use super::verify::verify;
use crate::clock::Clock;
use crate::domain::backup::{RowCounts, Size};
use crate::domain::time::Timestamp;
use crate::store::engine::connection;
use crate::store::engine::data_dir::database_path;
use crate::store::engine::error::StoreError;

/// Pages that are copied at a time: 1 MiB, some milliseconds of reading and writing.
const PAGES_AT_A_TIME: i32 = 256;

/// Portions between two flushes: 16 MiB. Otherwise the last fsync would write everything at once, and commits would
/// wait behind it.
const PORTIONS_PER_SYNC: u32 = 16;

/// Growth of the log beyond which the copy no longer pauses, in bytes.
const LOG_GROWTH_CALM_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// Growth of the log at which the copy is given up, in bytes, or the size of the database where that is more: the log
/// must not fill the disk because the destination is slow.
const LOG_GROWTH_BYTES_MAX: u64 = 1_024 * 1_024 * 1_024;

/// What the growing log must leave free on the database's disk, in bytes, or a tenth of the database where that is
/// less: many times what is written between two checks. A small database may be on a small disk.
const LOG_ROOM_SPARED_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// How often a portion that met a lock is retried, at [`LOCK_STEP`]. No other process opens the file, so this is for
/// file systems that release locks late.
const LOCKED_TRIES_MAX: u32 = 500;
const LOCK_STEP: Duration = Duration::from_millis(10);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupMade {
    pub path: PathBuf,
    pub bytes: u64,
    pub rows: RowCounts,
    pub schema_version: i64,
    /// The moment of its snapshot.
    pub at: Timestamp,
    pub took: Duration,
    /// What the installation is called; empty where the backup does not tell.
    pub installation: String,
    /// The files of the machine that are in it.
    pub kept: Vec<(KeptKind, String)>,
}

/// Backs up the database of a data directory into one file, with or without a server. Blocks.
///
/// The file gets its name only once it is complete, verified and on the disk.
pub fn back_up(
    request: &BackupRequest,
    clock: &Clock,
    observer: &Arc<dyn BackupObserver>,
) -> Result<BackupMade, BackupError> {
    let begun = clock.instant();
    // The destination is checked first: it is the most likely mistake.
    let partial = Partial::create(&request.destination, request.overwrite)?;
    let snapshot = Snapshot::take(&request.data_dir, clock)?;
    let kept_bytes: u64 = request.kept.files.iter().map(|file| file.content.len() as u64).sum();
    require_room(&request.destination, snapshot.bytes + kept_bytes)?;
    let copying = Copying { request, clock, observer, partial: &partial, snapshot: &snapshot };
    copying.run()?;
    // From here on the log may start over.
    let Snapshot { counts, schema_version, at, connection, source, .. } = snapshot;
    drop((connection, source));
    observer.progressed(BackupProgress {
        stage: BackupStage::Verifying,
        bytes_done: partial.bytes()?,
        bytes_total: partial.bytes()?,
    });
    make_single(partial.path())?;
    kept_files::write(partial.path(), &request.kept)?;
    let found = verify(partial.path(), request.pace, clock, observer)?;
    if let Some(difference) = counts.difference(&found) {
        return Err(BackupError::Unsound(difference));
    }
    let copy = connection::connect(partial.path(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    if kept_files::read(&copy)?.files != request.kept.files {
        return Err(BackupError::Unsound("the files of the machine are not in it as they were".to_owned()));
    }
    drop(copy);
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
        installation: request.kept.installation.clone(),
        kept: request.kept.files.iter().map(|file| (file.kind, file.path.clone())).collect(),
    })
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
        let mut target = connection::connect(self.partial.path(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // An unfinished copy is deleted, and a finished one is flushed at the end.
        target.pragma_update(None, "journal_mode", "MEMORY")?;
        target.pragma_update(None, "synchronous", "OFF")?;
        let backup = Backup::new(&self.snapshot.connection, &mut target)?;
        let mut locked_tries = 0;
        for portion in 1_u32.. {
            let begun = self.clock.instant();
            let step = backup.step(PAGES_AT_A_TIME)?;
            let progress = backup.progress();
            self.observer.progressed(self.progress_of(progress));
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

    fn progress_of(&self, progress: rusqlite::backup::Progress) -> BackupProgress {
        let count = |pages: i32| u64::try_from(pages).unwrap_or(0);
        let (total, remaining) = (count(progress.pagecount), count(progress.remaining));
        BackupProgress {
            stage: BackupStage::Copying,
            bytes_done: total.saturating_sub(remaining) * self.snapshot.page_bytes,
            bytes_total: total * self.snapshot.page_bytes,
        }
    }

    /// Reads the size alone: opening the file would release the locks that this process holds on it.
    fn log_bytes(&self) -> u64 {
        let log = with_suffix(&database_path(&self.request.data_dir), "-wal");
        fs::metadata(log).map_or(0, |metadata| metadata.len())
    }
}
