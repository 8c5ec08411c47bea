//! How the backups stand.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::folder::KeptBackup;
use super::run::BackupRun;
use crate::domain::time::Timestamp;
use crate::store::BackupRecord;

/// Whether an administrator has to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupHealth {
    /// The last one is good, and the next is not late.
    Good,
    /// There is none yet, and the first is not late.
    Waiting,
    /// The next one is late.
    Overdue,
    /// The last attempt failed.
    Failed,
    /// The server makes none by itself.
    Off,
}

/// Why the last attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupFailure {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// How many have failed since the last good one.
    pub attempts: u64,
}

/// How the backups stand.
#[derive(Clone)]
pub struct BackupStatus {
    /// Whether an administrator has to do something.
    pub health: BackupHealth,
    /// How often one is made; none where the schedule is off.
    pub every: Option<Duration>,
    /// How many are kept.
    pub keep: usize,
    /// Where.
    pub folder: PathBuf,
    /// When the next one is due.
    pub next_at: Option<Timestamp>,
    /// The newest good one, made by any process.
    pub last: Option<BackupRecord>,
    /// Why the last attempt failed, if it did.
    pub failure: Option<BackupFailure>,
    /// The one under way.
    pub running: Option<Arc<BackupRun>>,
    /// Those in the folder, newest first, as far as it answered.
    pub kept: Vec<KeptBackup>,
    /// The moment of all this.
    pub now: Timestamp,
}

/// How the backups stand, in numbers.
#[derive(Clone, Debug, Default)]
pub struct BackupFigures {
    /// The newest good one, made by any process.
    pub last: Option<BackupRecord>,
    /// Backups that this process made.
    pub made: u64,
    /// Attempts that failed in this process.
    pub failed: u64,
    /// Whether the last attempt failed.
    pub is_failing: bool,
    /// Whether one is under way.
    pub is_running: bool,
    /// How often one is made; none where the schedule is off.
    pub every: Option<Duration>,
}
