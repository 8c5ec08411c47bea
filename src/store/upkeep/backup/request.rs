//! What a backup is asked to do, and how it is watched.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Longest pause between two portions. A pause is as long as the portion took, so that the disk has half its time for others.
pub(super) const PAUSE_MAX: Duration = Duration::from_millis(50);

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
