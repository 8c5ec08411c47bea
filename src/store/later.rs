//! Small writes that are done later when the database cannot be written now: what happened all the same is written down
//! as soon as there is room.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Store;
use super::audit::{Actor, AuditEntry};
use super::error::StoreError;
use super::queue::WriteQueue;
use super::tx::WriteTx;
use crate::domain::time::Timestamp;

/// Writes that wait for room, at most: a day of administrators' acts. What comes then stands in the log alone.
const LATER_MAX: usize = 1_000;

/// Writes that are done in one transaction.
const LATER_AT_ONCE_MAX: usize = 100;

/// How long an act that has been done waits for its entry in the audit log. Longer than another process holds the write
/// lock, short enough that whoever clears a cache in trouble is answered.
const AUDIT_TIME_MAX: Duration = Duration::from_secs(5);

/// A small write that can be tried more than once.
type LateWrite = Arc<dyn Fn(&WriteTx<'_>) -> Result<(), StoreError> + Send + Sync>;

/// What waits for room, oldest first.
#[derive(Default)]
pub(super) struct Later {
    /// Guards the list alone; nothing is written under it.
    waiting: Mutex<VecDeque<LateWrite>>,
}

impl Later {
    fn lock(&self) -> MutexGuard<'_, VecDeque<LateWrite>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a write, unless too many wait.
    fn push(&self, write: LateWrite) -> bool {
        let mut waiting = self.lock();
        let has_room = waiting.len() < LATER_MAX;
        if has_room {
            waiting.push_back(write);
        }
        has_room
    }

    /// Does what waits, in its order. What cannot be done for another reason than want of room is given up, with a warning.
    pub(super) fn catch_up(&self, queue: impl Fn() -> Result<WriteQueue, StoreError>) -> Result<(), StoreError> {
        loop {
            let batch: Vec<LateWrite> = self.lock().iter().take(LATER_AT_ONCE_MAX).cloned().collect();
            if batch.is_empty() {
                return Ok(());
            }
            let len = batch.len();
            queue()?.write_blocking(move |tx| {
                for write in batch {
                    match tx.attempt(|tx| write(tx), |()| true) {
                        Err(error) if error.ends_group() => return Err(error),
                        Err(error) => tracing::warn!(%error, "what happened while nothing could be written is lost"),
                        Ok(()) => {}
                    }
                }
                Ok(())
            })?;
            // Nobody but this takes any out.
            self.lock().drain(..len);
        }
    }
}

impl Store {
    /// Leaves a write for when the database can be written again; false when too many wait. It is done in its turn, unless
    /// the process ends before.
    pub fn write_later(&self, work: impl Fn(&WriteTx<'_>) -> Result<(), StoreError> + Send + Sync + 'static) -> bool {
        self.shared.later.push(Arc::new(work))
    }

    /// Records an act that was done outside of any transaction. While the database cannot be written, the act stands in the
    /// log, and goes into the audit log later, with the time at which it was done.
    pub async fn audit_done(&self, actor: Actor, entry: AuditEntry) {
        let (at, act) = (self.clock().now(), Arc::new((actor, entry)));
        let shared = Arc::clone(&act);
        let written = self.write(move |tx| tx.audit_at(at, &shared.0, &shared.1));
        // Whoever goes away while the work is under way has it done all the same.
        let written = tokio::time::timeout(AUDIT_TIME_MAX, written).await.unwrap_or(Err(StoreError::DeadlinePassed));
        if let Err(error) = written {
            self.audit_failed(at, act, &error);
        }
    }

    /// The same for threads that may block.
    pub fn audit_done_blocking(&self, actor: Actor, entry: AuditEntry) {
        let (at, act) = (self.clock().now(), Arc::new((actor, entry)));
        let shared = Arc::clone(&act);
        if let Err(error) = self.write_blocking(move |tx| tx.audit_at(at, &shared.0, &shared.1)) {
            self.audit_failed(at, act, &error);
        }
    }

    fn audit_failed(&self, at: Timestamp, act: Arc<(Actor, AuditEntry)>, error: &StoreError) {
        let (actor, entry) = &*act;
        let (before, after) = (entry.before.clone().unwrap_or_default(), entry.after.clone().unwrap_or_default());
        tracing::warn!(
            reason = %error, actor = actor.name, address = actor.address, action = entry.action, target = entry.target,
            %before, %after, "done, and not in the audit log"
        );
        if error.trouble().is_some() {
            self.write_later(move |tx| tx.audit_at(at, &act.0, &act.1));
        }
    }
}
