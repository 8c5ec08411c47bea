//! The parameters of a backup, and its progress.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::kept_files::KeptFiles;

/// Longest pause between two portions. A pause takes as long as the portion did, which leaves half of the disk's time
/// to others.
pub(super) const PAUSE_MAX: Duration = Duration::from_millis(50);

#[derive(Clone, Debug)]
pub struct BackupRequest {
    pub data_dir: PathBuf,
    pub destination: PathBuf,
    /// Whether an existing file may be replaced.
    pub overwrite: bool,
    pub pace: Pace,
    /// The files of the machine that it keeps beside the data.
    pub kept: KeptFiles,
}

/// How much of the machine a backup may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// At most half of the time of disk and processor; the rest is for requests.
    Gentle,
    /// All of it, since a person waits.
    Full,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupStage {
    Copying,
    Verifying,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupProgress {
    pub stage: BackupStage,
    pub bytes_done: u64,
    pub bytes_total: u64,
}

/// Is notified of a backup's progress, and may cancel it.
pub trait BackupObserver: Send + Sync {
    /// Called on the backup's thread after each portion, within the read transaction, and when verification begins.
    fn progressed(&self, progress: BackupProgress);

    /// Called repeatedly; once true, the backup ends and leaves nothing behind.
    fn is_cancelled(&self) -> bool;
}

/// Ignores progress and never cancels.
struct Unobserved;

impl BackupObserver for Unobserved {
    fn progressed(&self, _: BackupProgress) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}

/// An observer that ignores progress and never cancels.
#[must_use]
pub fn unobserved() -> Arc<dyn BackupObserver> {
    Arc::new(Unobserved)
}
