//! Small writes that are deferred while the database cannot be written, for want of room or of time. They record what
//! has happened all the same, and are done as soon as it can be written again.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::error::StoreError;
use super::queue::WriteQueue;
use super::tx::WriteTx;

/// Writes that may be deferred at once: a day of administrators' acts. Acts beyond that are only logged.
const DEFERRED_WRITES_MAX: usize = 1_000;

/// Of these, what one token may leave with all its sessions, so that no client fills the list for all others.
const DEFERRED_WRITES_PER_HOLDER_MAX: usize = 100;

/// Deferred writes that are done in one transaction.
const DEFERRED_WRITES_AT_ONCE_MAX: usize = 100;

/// A small write that can be tried more than once.
type RepeatableWrite = Arc<dyn Fn(&WriteTx<'_>) -> Result<(), StoreError> + Send + Sync>;

struct DeferredWrite {
    /// On whose behalf.
    holder: String,
    write: RepeatableWrite,
}

#[derive(Default)]
pub(in crate::store) struct DeferredWrites {
    /// Guards the list alone; no write is done under it.
    waiting: Mutex<VecDeque<DeferredWrite>>,
}

impl DeferredWrites {
    fn lock(&self) -> MutexGuard<'_, VecDeque<DeferredWrite>> {
        self.waiting.lock()
    }

    /// Takes a write; false when too many wait, of this holder or of all.
    pub(super) fn push(&self, holder: &str, write: RepeatableWrite) -> bool {
        let mut waiting = self.lock();
        let has_room = waiting.len() < DEFERRED_WRITES_MAX
            && waiting.iter().filter(|deferred| deferred.holder == holder).count() < DEFERRED_WRITES_PER_HOLDER_MAX;
        if has_room {
            waiting.push_back(DeferredWrite { holder: holder.to_owned(), write });
        }
        has_room
    }

    /// Does the deferred writes in their order. One that fails for another reason than want of space is dropped with a
    /// warning.
    pub(in crate::store) fn catch_up(
        &self,
        queue: impl Fn() -> Result<WriteQueue, StoreError>,
    ) -> Result<(), StoreError> {
        loop {
            let batch: Vec<_> = self
                .lock()
                .iter()
                .take(DEFERRED_WRITES_AT_ONCE_MAX)
                .map(|deferred| Arc::clone(&deferred.write))
                .collect();
            if batch.is_empty() {
                return Ok(());
            }
            let len = batch.len();
            queue()?.write_blocking(move |tx| {
                for write in batch {
                    match tx.attempt(|tx| write(tx)) {
                        Err(error) if error.ends_group() => return Err(error),
                        Err(error) => tracing::warn!(%error, "what happened while nothing could be written is lost"),
                        Ok(()) => {}
                    }
                }
                Ok(())
            })?;
            // Only this thread takes any out.
            self.lock().drain(..len);
        }
    }
}
