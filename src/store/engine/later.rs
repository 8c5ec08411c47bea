//! Small writes that are done later when the database cannot be written now, for want of room or of time: what happened all
//! the same is written down as soon as it can be.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::error::StoreError;
use super::queue::WriteQueue;
use super::store::Store;
use super::tx::WriteTx;
use crate::domain::time::Timestamp;
use crate::store::upkeep::audit::{Actor, AuditEntry};

/// Writes that wait for room, at most: a day of administrators' acts. What comes then stands in the log alone.
const LATER_MAX: usize = 1_000;

/// Of these, what one token may leave with all its sessions, so that nobody fills the list for all others.
const LATER_PER_HOLDER_MAX: usize = 100;

/// Writes that are done in one transaction.
const LATER_AT_ONCE_MAX: usize = 100;

/// How long an act that has been done waits for its entry in the audit log. Longer than another process holds the write
/// lock, short enough that whoever clears a cache in trouble is answered.
const AUDIT_TIME_MAX: Duration = Duration::from_secs(5);

/// A small write that can be tried more than once.
type LateWrite = Arc<dyn Fn(&WriteTx<'_>) -> Result<(), StoreError> + Send + Sync>;

/// A write that waits.
struct Late {
    /// On whose behalf.
    holder: String,
    write: LateWrite,
}

/// What waits for room, oldest first.
#[derive(Default)]
pub(in crate::store) struct Later {
    /// Guards the list alone; nothing is written under it.
    waiting: Mutex<VecDeque<Late>>,
}

/// Who acts, whichever session it is with: what stands for a token in its actor's name, before the session.
fn holder(actor: &Actor) -> &str {
    actor.name.rsplit_once(", session ").map_or(actor.name.as_str(), |(token, _)| token)
}

impl Later {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Late>> {
        self.waiting.lock()
    }

    /// Takes a write, unless too many wait.
    fn push(&self, holder: &str, write: LateWrite) -> bool {
        let mut waiting = self.lock();
        let has_room = waiting.len() < LATER_MAX
            && waiting.iter().filter(|late| late.holder == holder).count() < LATER_PER_HOLDER_MAX;
        if has_room {
            waiting.push_back(Late { holder: holder.to_owned(), write });
        }
        has_room
    }

    /// Does what waits, in its order. What cannot be done for another reason than want of room is given up, with a warning.
    pub(in crate::store) fn catch_up(
        &self,
        queue: impl Fn() -> Result<WriteQueue, StoreError>,
    ) -> Result<(), StoreError> {
        loop {
            let batch: Vec<_> =
                self.lock().iter().take(LATER_AT_ONCE_MAX).map(|late| Arc::clone(&late.write)).collect();
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
    /// Leaves a write for when the database can be written again; false when too many wait, of this actor or of all. It is
    /// done in its turn, unless the process ends before.
    pub fn write_later(
        &self,
        actor: &Actor,
        work: impl Fn(&WriteTx<'_>) -> Result<(), StoreError> + Send + Sync + 'static,
    ) -> bool {
        let is_taken = self.inner.later.push(holder(actor), Arc::new(work));
        if is_taken {
            self.inner.wake_keeper();
        }
        is_taken
    }

    /// Records an act that was done outside of any transaction. While the database cannot be written, or too much is, the
    /// act stands in the log, and goes into the audit log later, with the time at which it was done.
    pub async fn audit_done(&self, actor: Actor, entry: AuditEntry) {
        let (at, act) = (self.clock().now(), Arc::new((actor, entry)));
        let (store, shared) = (self.clone(), Arc::clone(&act));
        // On a task of its own, which hears what becomes of the write: one that nobody waits for any more may be done all
        // the same, and would be done twice if it were left for later then.
        let written = tokio::spawn(async move {
            if let Err(error) = store.write(move |tx| tx.audit_at(at, &shared.0, &shared.1)).await {
                store.audit_failed(at, &act, &error);
            }
        });
        let _ = tokio::time::timeout(AUDIT_TIME_MAX, written).await;
    }

    /// The same for threads that may block.
    pub fn audit_done_blocking(&self, actor: Actor, entry: AuditEntry) {
        let (at, act) = (self.clock().now(), Arc::new((actor, entry)));
        let shared = Arc::clone(&act);
        if let Err(error) = self.write_blocking(move |tx| tx.audit_at(at, &shared.0, &shared.1)) {
            self.audit_failed(at, &act, &error);
        }
    }

    fn audit_failed(&self, at: Timestamp, act: &Arc<(Actor, AuditEntry)>, error: &StoreError) {
        let (actor, entry) = &**act;
        let (before, after) = (entry.before.clone().unwrap_or_default(), entry.after.clone().unwrap_or_default());
        // In each of these cases nothing of the write has happened.
        let may_pass = error.trouble().is_some() || matches!(error, StoreError::QueueFull | StoreError::DeadlinePassed);
        let late = Arc::clone(act);
        let is_left = may_pass && self.write_later(actor, move |tx| tx.audit_at(at, &late.0, &late.1));
        tracing::warn!(
            reason = %error, actor = actor.name, address = actor.address, action = entry.action, target = entry.target,
            %before, %after, is_left_for_later = is_left, "done, and not in the audit log"
        );
    }
}
