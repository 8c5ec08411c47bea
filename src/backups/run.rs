//! A running backup: its progress and its result.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::domain::time::Timestamp;
use crate::store::{Actor, BackupObserver, BackupProgress, BackupRecord, BackupStage};

/// The progress of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunProgress {
    /// Whether the copy is complete and being verified.
    pub is_verifying: bool,
    /// Bytes copied so far.
    pub bytes_done: u64,
    /// Bytes to copy; 0 while unknown.
    pub bytes_total: u64,
}

/// The backup, or the reason of its failure and whether the disk was full.
type RunOutcome = Result<BackupRecord, (String, bool)>;

/// A running backup.
pub struct BackupRun {
    actor: Actor,
    started_at: Timestamp,
    observer: Arc<RunObserver>,
    outcome: watch::Sender<Option<RunOutcome>>,
}

/// Keeps the progress and the cancellation of a run.
struct RunObserver {
    cancelled: AtomicBool,
    /// Guards the values, which must be consistent with each other.
    progress: Mutex<RunProgress>,
    /// Another observer, to which each call is forwarded.
    other: Option<Arc<dyn BackupObserver>>,
}

impl BackupObserver for RunObserver {
    fn progressed(&self, progress: BackupProgress) {
        let BackupProgress { stage, bytes_done, bytes_total } = progress;
        let is_verifying = stage == BackupStage::Verifying;
        *self.progress.lock() = RunProgress { is_verifying, bytes_done, bytes_total };
        if let Some(other) = &self.other {
            other.progressed(progress);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) || self.other.as_ref().is_some_and(|other| other.is_cancelled())
    }
}

impl BackupRun {
    pub(super) fn new(actor: Actor, started_at: Timestamp, other: Option<Arc<dyn BackupObserver>>) -> Self {
        let progress = RunProgress { is_verifying: false, bytes_done: 0, bytes_total: 0 };
        let observer = RunObserver { cancelled: AtomicBool::new(false), progress: Mutex::new(progress), other };
        Self { actor, started_at, observer: Arc::new(observer), outcome: watch::Sender::new(None) }
    }

    /// Who requested it.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    #[must_use]
    pub fn progress(&self) -> RunProgress {
        *self.observer.progress.lock()
    }

    /// Waits until it has ended; returns the backup, or the reason of its failure and whether the disk was full.
    pub async fn ended(&self) -> RunOutcome {
        let mut outcome = self.outcome.subscribe();
        let ended = outcome.wait_for(Option::is_some).await;
        let ended = ended.ok().and_then(|ended| ended.clone());
        ended.unwrap_or_else(|| Err(("it was broken off".to_owned(), false)))
    }

    pub(super) fn observer(&self) -> Arc<dyn BackupObserver> {
        Arc::<RunObserver>::clone(&self.observer)
    }

    pub(super) fn cancel(&self) {
        self.observer.cancelled.store(true, Ordering::Relaxed);
    }

    pub(super) fn end(&self, outcome: Result<BackupRecord, String>, is_disk_full: bool) {
        self.outcome.send_replace(Some(outcome.map_err(|reason| (reason, is_disk_full))));
    }
}
