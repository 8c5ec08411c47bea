//! Whether the database can be written, and since when not, as failed operations and new attempts show.
//!
//! SQLite reports what failed, and not always why: a quota looks like an I/O error, and so does a file that may not
//! become larger; SQLite's own limit looks like a full disk. So the files and their system are examined, too. Service resumes by itself: while there is trouble, the maintenance thread
//! tests for free space each second, and a readiness probe tests at once.
//!
//! Trouble of a read is not about free space. It is over when the database is written again, a later read has
//! succeeded, and none has failed for [`READS_QUIET`].
//!
//! Damage may be that of a read that the disk got wrong, so the file is verified again from time to time, and is sound
//! when that or a backup, which is verified, succeeds.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use super::error::{StoreError, file_size_max};
use super::open_files::OpenFiles;
use super::queue::WriteQueue;
use crate::clock::Clock;
use crate::domain::trouble::{StoreTrouble, TroubleKind};

/// How long the maintenance thread waits between two attempts while there is trouble.
pub(in crate::store) const RECHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How long no read may have failed before reading counts as repaired: on a disk with a bad sector most reads succeed,
/// and each of them would end the trouble until the next bad one.
pub(super) const READS_QUIET: Duration = Duration::from_secs(10);

/// How long after damage was found the file is verified again, and the longest pause between two attempts: each doubles
/// it, since a verification reads the whole file.
const VERIFY_AFTER: Duration = Duration::from_secs(5);
const VERIFY_PAUSE_MAX: Duration = Duration::from_mins(10);

/// Bytes that must be free on a disk that was full before service resumes; less would let it fail again with every
/// other write.
const ROOM_BYTES: usize = 256 * 1_024;

/// How long a probe relies on an earlier one's test of the disk: a quota and a read-only file system show only when a file
/// is written, and anybody may probe.
const DISK_TEST_INTERVAL: Duration = Duration::from_secs(5);

/// A file in the data directory that takes [`ROOM_BYTES`] for a moment. It is unlinked before it is written, so a
/// killed process leaves nothing behind.
const ROOM_FILE: &str = "muster.room";

/// The condition of the database as failed reads and writes show it.
pub(in crate::store) struct Condition {
    clock: Clock,
    dir: PathBuf,
    files: OpenFiles,
    /// Whether the database's size is limited, besides by the disk.
    has_limit: bool,
    /// Whether trouble is logged here. A command reports it itself when it fails.
    logs_trouble: bool,
    /// Guards the value alone; the disk is never used under it.
    trouble: Mutex<Option<StoreTrouble>>,
    /// The newest read that failed because of the disk, until reading is repaired.
    failed_read: Mutex<Option<FailedRead>>,
    /// When a damaged file is verified next.
    verification: Mutex<Option<Verification>>,
    /// When a probe last tested the disk.
    disk_tested: Mutex<Option<Instant>>,
    /// Whether a read has failed and none has succeeded since: all that a successful read checks.
    unread: AtomicBool,
    /// Writes that were refused for each kind of trouble.
    refused: [AtomicU64; TroubleKind::ALL.len()],
}

/// The next verification of a damaged file, and the pause after it.
struct Verification {
    due: Instant,
    pause: Duration,
}

/// A read that failed because of the disk.
struct FailedRead {
    at: Instant,
    error: StoreError,
}

impl Condition {
    pub(in crate::store) fn new(
        clock: Clock,
        dir: PathBuf,
        files: OpenFiles,
        has_limit: bool,
        logs_trouble: bool,
    ) -> Self {
        Self {
            clock,
            dir,
            files,
            has_limit,
            logs_trouble,
            trouble: Mutex::new(None),
            failed_read: Mutex::new(None),
            verification: Mutex::new(None),
            disk_tested: Mutex::new(None),
            unread: AtomicBool::new(false),
            refused: Default::default(),
        }
    }

    /// The current trouble, if any.
    pub(in crate::store) fn trouble(&self) -> Option<StoreTrouble> {
        self.lock().clone()
    }

    /// Determines why an operation failed, records that, and returns the error that says so. Errors that are not about
    /// the disk or the file pass unchanged.
    pub(super) fn note_failure(&self, error: StoreError) -> StoreError {
        if error.trouble().is_none() {
            return error;
        }
        // The disk is examined once per outage; later errors are translated by what is known.
        let known = self.lock().as_ref().map(|trouble| trouble.kind);
        let error = match error {
            StoreError::FileSizeLimit(cause) if !self.is_file_at_limit() => StoreError::DiskFailing(cause),
            error => error,
        };
        let error = match (error, known) {
            (StoreError::Full, Some(TroubleKind::LimitReached)) => StoreError::LimitReached,
            (StoreError::DiskFailing(_), Some(TroubleKind::DiskFull)) => StoreError::Full,
            (StoreError::DiskFailing(cause), Some(TroubleKind::ReadOnly)) => StoreError::ReadOnly(cause),
            (error, None) => self.explain(error),
            (error, Some(_)) => error,
        };
        if let Some(kind) = error.trouble() {
            self.remember(kind, &error);
        }
        error
    }

    /// The same for a read. A successful write does not prove that reading works, except where the read failed for want
    /// of space.
    pub(super) fn note_failed_read(&self, error: StoreError) -> StoreError {
        let error = self.note_failure(error);
        if let StoreError::DiskFailing(_) = error {
            *self.lock_failed_read() = Some(FailedRead { at: self.clock.instant(), error: error.clone() });
            self.unread.store(true, Ordering::Relaxed);
        }
        error
    }

    /// Records that a read succeeded.
    pub(super) fn note_successful_read(&self) {
        // A plain load first, since every read comes here.
        if self.unread.load(Ordering::Relaxed) {
            self.unread.store(false, Ordering::Relaxed);
        }
    }

    /// Whether reads work: an error while the last failure is recent or no read has succeeded since.
    fn check_reads(&self) -> Result<(), StoreError> {
        let mut failed = self.lock_failed_read();
        let Some(read) = &*failed else { return Ok(()) };
        let quiet = self.clock.instant().saturating_duration_since(read.at);
        if quiet < READS_QUIET || self.unread.load(Ordering::Relaxed) {
            return Err(read.error.clone());
        }
        *failed = None;
        Ok(())
    }

    /// Examines the disk where SQLite's error is ambiguous.
    fn explain(&self, error: StoreError) -> StoreError {
        match &error {
            StoreError::Full if self.has_limit && self.test_disk().is_ok() => StoreError::LimitReached,
            StoreError::DiskFailing(cause) => match self.test_disk().map_err(|error| error.kind()) {
                Err(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => StoreError::Full,
                Err(ErrorKind::ReadOnlyFilesystem) => StoreError::ReadOnly(cause.clone()),
                _ => error,
            },
            _ => error,
        }
    }

    /// Whether a file of the database has the largest size that the system allows.
    fn is_file_at_limit(&self) -> bool {
        let Some(size_max) = file_size_max() else { return false };
        self.files.sizes().any(|bytes| bytes + ROOM_BYTES as u64 > size_max)
    }

    /// Whether the database itself has it. Its log may start over at any time, and have room again.
    fn is_database_at_limit(&self) -> bool {
        let Some(size_max) = file_size_max() else { return false };
        self.files.sizes().next().is_some_and(|bytes| bytes + ROOM_BYTES as u64 > size_max)
    }

    fn remember(&self, kind: TroubleKind, error: &StoreError) {
        let mut trouble = self.lock();
        match &mut *trouble {
            // These two are not over because something else fails, too.
            Some(known) if known.kind == kind || known.kind == TroubleKind::FileReplaced => return,
            Some(known) if known.kind == TroubleKind::Damaged && kind != TroubleKind::FileReplaced => return,
            Some(known) => *known = StoreTrouble::new(kind, known.since),
            none => *none = Some(StoreTrouble::new(kind, self.clock.now())),
        }
        drop(trouble);
        if kind == TroubleKind::Damaged {
            let due = self.clock.instant() + VERIFY_AFTER;
            *self.verification.lock() = Some(Verification { due, pause: 2 * VERIFY_AFTER });
        }
        if self.logs_trouble {
            tracing::error!(%error, trouble = kind.as_str(), "{}: {}", kind.what(), kind.advice());
        }
    }

    /// Counts a write that was refused.
    pub(in crate::store) fn count(&self, error: &StoreError) {
        if let Some(kind) = error.trouble() {
            self.refused[kind as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many writes were refused for each kind of trouble.
    pub(super) fn refused(&self) -> [(TroubleKind, u64); TroubleKind::ALL.len()] {
        TroubleKind::ALL.map(|kind| (kind, self.refused[kind as usize].load(Ordering::Relaxed)))
    }

    /// Whether the disk accepts a write.
    fn test_disk(&self) -> io::Result<()> {
        let path = self.dir.join(ROOM_FILE);
        let mut file = File::create(&path)?;
        fs::remove_file(&path)?;
        file.write_all(&vec![0; ROOM_BYTES])?;
        // A file system that allocates lazily reports a lack of space only here.
        file.sync_data()
    }

    /// Looks for trouble that no operation has met yet, since another process may have filled the disk. Blocks.
    pub(super) fn examine_disk(&self, queue: WriteQueue) -> Result<(), StoreError> {
        let free = rustix::fs::statvfs(&self.dir).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        if free.is_ok_and(|free| free < ROOM_BYTES as u64) {
            return Err(self.note_failure(StoreError::Full));
        }
        if self.is_database_at_limit() {
            return Err(self.note_failure(StoreError::file_too_large()));
        }
        if !self.is_disk_test_due() {
            return Ok(());
        }
        // Other failures show in the database's own error.
        if let Err(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) = self.test_disk().map_err(|error| error.kind()) {
            return Err(self.note_failure(StoreError::Full));
        }
        if self.has_limit { queue.write_blocking(|tx| tx.test_growth()) } else { Ok(()) }
    }

    fn is_disk_test_due(&self) -> bool {
        let mut tested = self.disk_tested.lock();
        let now = self.clock.instant();
        let is_due = tested.is_none_or(|at| now.saturating_duration_since(at) >= DISK_TEST_INTERVAL);
        if is_due {
            *tested = Some(now);
        }
        is_due
    }

    /// Tests whether the database can be written, and whether that ends the trouble: if not, returns what remains of
    /// it. Blocks.
    pub(in crate::store) fn recheck(&self, queue: WriteQueue) -> Result<Option<StoreError>, StoreError> {
        let Some(trouble) = self.trouble() else { return Ok(None) };
        if trouble.kind == TroubleKind::Damaged {
            // A damaged file may accept a write, which proves nothing.
            return Ok(Some(StoreError::damage()));
        }
        self.files.check()?;
        let disk = self.test_disk().map_err(|error| error.kind());
        if let Err(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) = disk {
            self.remember(TroubleKind::DiskFull, &StoreError::Full);
            return Err(StoreError::Full);
        }
        if trouble.kind == TroubleKind::FileSizeLimit && self.is_database_at_limit() {
            return Err(StoreError::file_too_large());
        }
        // Other failures of the disk show in the database's own error.
        if let Err(error) = queue.write_blocking(|tx| tx.test_space()) {
            if matches!(error, StoreError::Full) && self.has_limit && disk.is_ok() {
                self.remember(TroubleKind::LimitReached, &StoreError::LimitReached);
                return Err(StoreError::LimitReached);
            }
            return Err(error);
        }
        if let Err(error) = self.check_reads() {
            return Ok(Some(error));
        }
        if self.lock().take().is_some() {
            let seconds = self.clock.now().millis().saturating_sub(trouble.since.millis()) / 1_000;
            tracing::info!(trouble = trouble.kind.as_str(), seconds, "the database is written again");
        }
        Ok(None)
    }

    /// Whether a damaged file is to be verified now; the next time is later.
    pub(in crate::store) fn is_verification_due(&self) -> bool {
        let mut verification = self.verification.lock();
        let now = self.clock.instant();
        match &mut *verification {
            Some(next) if now >= next.due => {
                next.due = now + next.pause;
                next.pause = VERIFY_PAUSE_MAX.min(2 * next.pause);
                true
            }
            _ => false,
        }
    }

    /// Records that every page of the database was read, and is sound.
    pub(in crate::store) fn note_verified(&self) {
        *self.verification.lock() = None;
        let trouble = self.lock().take_if(|trouble| trouble.kind == TroubleKind::Damaged);
        if trouble.is_some() {
            tracing::info!("the database was verified and is sound: a read had failed for a while");
        }
    }

    /// Fails where a file of the database no longer has its name.
    pub(in crate::store) fn check_files(&self) -> Result<(), StoreError> {
        self.files.check().map_err(|error| self.note_failure(error))
    }

    fn lock_failed_read(&self) -> MutexGuard<'_, Option<FailedRead>> {
        self.failed_read.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Option<StoreTrouble>> {
        self.trouble.lock()
    }
}
