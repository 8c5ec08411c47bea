//! The maintenance thread: continues purges, deletes what has expired, and resumes service after trouble.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::clock::Clock;
use crate::store::engine::condition::{Condition, RECHECK_INTERVAL};
use crate::store::engine::deferred_writes::DeferredWrites;
use crate::store::engine::error::StoreError;
use crate::store::engine::queue::WeakWriteQueue;
use crate::store::upkeep::backup::{BackupError, BackupObserver, BackupProgress, Pace, verify};

/// How long one transaction of a purge runs, so that no other write waits longer for it.
const PURGE_STEP_TIME_MAX: Duration = Duration::from_millis(30);

/// How often expired idempotency keys, sessions and sign-in links are deleted.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_mins(1);

/// Rows of each kind that one housekeeping transaction deletes at most.
const FORGOTTEN_ROWS_MAX: u32 = 1_000;

/// How long the maintenance thread waits after a failed step, a full disk for example, before it tries again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Runs on a thread of its own until the store closes.
pub(in crate::store) struct Maintenance {
    pub(in crate::store) queue: WeakWriteQueue,
    pub(in crate::store) clock: Clock,
    /// Signalled for every accepted purge and every failure of the disk; disconnected when the writer has ended.
    pub(in crate::store) woken: Receiver<()>,
    pub(in crate::store) condition: Arc<Condition>,
    pub(in crate::store) deferred_writes: Arc<DeferredWrites>,
    /// The database's file.
    pub(in crate::store) path: PathBuf,
}

/// Ends a verification when the store closes.
struct UntilClosed(WeakWriteQueue);

impl BackupObserver for UntilClosed {
    fn progressed(&self, _: BackupProgress) {}

    fn is_cancelled(&self) -> bool {
        self.0.upgrade().is_err()
    }
}

impl Maintenance {
    pub(in crate::store) fn run(self) {
        let mut wait = Duration::ZERO;
        loop {
            match self.woken.recv_timeout(wait) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let (kept, recovered) = (self.keep_once(), self.recover());
            wait = match (kept, recovered) {
                (Err(StoreError::Closed), _) | (_, Err(StoreError::Closed)) => return,
                (Ok(true), Ok(())) => Duration::ZERO,
                (Ok(false), Ok(())) => HOUSEKEEPING_INTERVAL,
                // It was logged when it began. Signals that arrive meanwhile wait for the next attempt.
                (_, Err(error)) | (Err(error), _) if error.trouble().is_some() => {
                    if !self.rest(RECHECK_INTERVAL) {
                        return;
                    }
                    Duration::ZERO
                }
                (_, Err(error)) | (Err(error), _) => {
                    tracing::error!(%error, "cannot go on with a purge; trying again");
                    RETRY_AFTER
                }
            };
        }
    }

    /// Waits for the whole time in spite of signals, which its own attempts cause. False when the writer has ended.
    fn rest(&self, time: Duration) -> bool {
        let until = self.clock.instant() + time;
        loop {
            match self.woken.recv_timeout(until.saturating_duration_since(self.clock.instant())) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Tests whether trouble is over, and then does the deferred writes.
    fn recover(&self) -> Result<(), StoreError> {
        if self.condition.is_verification_due() {
            self.verify_again();
        }
        let left = match self.condition.trouble() {
            Some(_) => self.condition.recheck(self.queue.upgrade()?)?,
            None => None,
        };
        // Trouble with reading does not prevent writing.
        self.deferred_writes.catch_up(|| self.queue.upgrade())?;
        left.map_or(Ok(()), Err)
    }

    /// Verifies a file that was found damaged: the disk may have got a read wrong for a while.
    fn verify_again(&self) {
        tracing::info!("verifying the database, which was found damaged");
        let observer: Arc<dyn BackupObserver> = Arc::new(UntilClosed(self.queue.clone()));
        match verify(&self.path, Pace::Gentle, &self.clock, &observer) {
            Ok(_) => self.condition.note_verified(),
            Err(BackupError::Cancelled) => {}
            Err(error) => tracing::error!(%error, "the database is still damaged"),
        }
    }

    /// Does one small step; returns whether there is more to do.
    fn keep_once(&self) -> Result<bool, StoreError> {
        let clock = self.clock.clone();
        let purging = self.queue.upgrade()?.write_blocking(move |tx| {
            let begun = clock.instant();
            tx.purge_step(|| clock.instant().duration_since(begun) >= PURGE_STEP_TIME_MAX)
        })?;
        if purging {
            return Ok(true);
        }
        let forgotten = self.queue.upgrade()?.write_blocking(|tx| {
            let answers = tx.delete_expired_answers(FORGOTTEN_ROWS_MAX)?;
            let sign_ins = tx.delete_expired_sign_ins(FORGOTTEN_ROWS_MAX)?;
            Ok(answers.max(sign_ins))
        })?;
        Ok(forgotten >= FORGOTTEN_ROWS_MAX as usize)
    }
}
