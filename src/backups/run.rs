//! One backup under way: how far it is, and what became of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::domain::time::Timestamp;
use crate::store::{Actor, BackupObserver, BackupProgress, BackupRecord, BackupStage};

/// How far a backup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunProgress {
    /// Whether it is being verified already.
    pub is_verifying: bool,
    /// Bytes that are copied.
    pub bytes_done: u64,
    /// Bytes that are to be copied; 0 as long as that is not known.
    pub bytes_total: u64,
}

/// What became of it: the backup, or why there is none and whether for want of room.
type RunOutcome = Result<BackupRecord, (String, bool)>;

/// One backup under way.
pub struct BackupRun {
    actor: Actor,
    started_at: Timestamp,
    observer: Arc<RunObserver>,
    outcome: watch::Sender<Option<RunOutcome>>,
}

struct RunObserver {
    cancelled: AtomicBool,
    /// Guards the numbers, which belong together.
    progress: Mutex<RunProgress>,
    /// Another observer, of tests.
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

    /// Who asked for it.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// When it began.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> RunProgress {
        *self.observer.progress.lock()
    }

    /// Waits until it has ended: with the backup, or with why there is none, and whether for want of room.
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

    pub(super) fn end(&self, outcome: Result<BackupRecord, String>, for_want_of_room: bool) {
        self.outcome.send_replace(Some(outcome.map_err(|reason| (reason, for_want_of_room))));
    }
}
