//! The state of backups as the API, the dashboard and the metrics show it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::folder::KeptBackup;
use super::run::BackupRun;
use crate::config::InstallationName;
use crate::domain::time::Timestamp;
use crate::store::BackupRecord;

/// Whether an administrator has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupHealth {
    /// The last backup succeeded, and the next is not late.
    Good,
    /// There is no backup yet, and the first is not late.
    Waiting,
    /// The next backup is late.
    Overdue,
    /// The last attempt failed, or the folder cannot be used.
    Failed,
    /// There is no schedule.
    Off,
}

/// The failure of the last attempt; or of the next one, where the folder cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupFailure {
    pub at: Timestamp,
    pub reason: String,
    /// Failed attempts since the last successful backup; 0 where none was made yet.
    pub attempts: u64,
}

/// The state of backups for the API.
#[derive(Clone)]
pub struct BackupStatus {
    pub health: BackupHealth,
    /// The interval of the schedule; `None` without one.
    pub every: Option<Duration>,
    /// The number of backups to keep.
    pub keep: usize,
    pub folder: PathBuf,
    /// What the installation is called.
    pub installation: InstallationName,
    /// When the next scheduled backup is due.
    pub next_at: Option<Timestamp>,
    /// The newest successful backup, by any process.
    pub last: Option<BackupRecord>,
    /// The failure of the last attempt, if it failed.
    pub failure: Option<BackupFailure>,
    pub running: Option<Arc<BackupRun>>,
    /// The backups in the folder, newest first, when it last answered.
    pub kept: Vec<KeptBackup>,
    /// The time of this status.
    pub now: Timestamp,
}

/// The state of backups for the metrics.
#[derive(Clone, Debug, Default)]
pub struct BackupFigures {
    /// The newest successful backup, by any process.
    pub last: Option<BackupRecord>,
    /// Backups that this process made.
    pub made: u64,
    /// Attempts that failed in this process.
    pub failed: u64,
    /// Whether the last attempt failed.
    pub is_failing: bool,
    pub is_running: bool,
    /// The interval of the schedule; `None` without one.
    pub every: Option<Duration>,
}
