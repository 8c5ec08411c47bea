//! The handle of an open store: reading, writing, subscribing, closing.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc as std_mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;

use super::changes::{Feed, Subscriber};
use super::condition::Condition;
use super::deferred_writes::DeferredWrites;
use super::error::{StoreError, TurnKind};
use super::queue::WriteQueue;
use super::readable::ReadableDatabase;
use super::readers::Readers;
use super::turns::{HeldTurn, RunningTurn, Turns, blocking_turn, turn};
use super::tx::{ReadTx, WriteTx};
use super::writer::GroupJobs;
use crate::clock::Clock;
use crate::domain::trouble::StoreTrouble;
use crate::store::access::access_list::load_access_list;
use crate::store::upkeep::actor::Actor;

/// An open database. Cloning is cheap; the last clone to go closes it.
#[derive(Clone)]
pub struct Store {
    pub(super) inner: Arc<StoreInner>,
}

/// What the handles of one store have in common. No thread of the store holds it, so dropping the last handle drops it,
/// which closes the store.
pub(super) struct StoreInner {
    // These mutexes guard nothing but their values, which `close` takes out in the order that matters.
    pub(in crate::store) queue: Mutex<Option<WriteQueue>>,
    pub(super) threads: Mutex<Vec<JoinHandle<()>>>,
    pub(super) watcher: Mutex<Option<JoinHandle<()>>>,
    pub(super) stop_watcher: Mutex<Option<std_mpsc::Sender<()>>>,
    pub(super) wake_maintenance: Mutex<Option<std_mpsc::SyncSender<()>>>,
    pub(super) readers: Readers,
    pub(super) feed: Arc<Feed>,
    pub(in crate::store) clock: Clock,
    pub(super) time_max: Duration,
    pub(super) beside_server: bool,
    pub(super) alone: bool,
    pub(in crate::store) data_dir: PathBuf,
    /// Whether the database can be written.
    pub(in crate::store) condition: Arc<Condition>,
    pub(in crate::store) deferred_writes: Arc<DeferredWrites>,
    pub(super) group_jobs: Arc<GroupJobs>,
    /// What a store reads that has no writer; a copy is removed with it, after the readers.
    pub(super) reading: Option<ReadableDatabase>,
}

impl Store {
    /// Whether a server has the data directory, so that this process must write in short turns.
    #[must_use]
    pub fn is_beside_server(&self) -> bool {
        self.inner.beside_server
    }

    /// Whether no server can open this database before this process closes it.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.inner.alone
    }

    /// Whether this store only reads.
    pub(in crate::store) fn is_reader(&self) -> bool {
        self.inner.reading.is_some()
    }

    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.inner.data_dir
    }

    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Joins the change feed. The subscriber is first reset and given the current tokens, and then misses nothing.
    pub fn subscribe(&self, subscriber: &Arc<dyn Subscriber>) -> Result<(), StoreError> {
        self.inner.feed.subscribe(Arc::clone(subscriber));
        let (revision, tokens) =
            self.read_blocking(|tx| Ok((tx.revision()?, Arc::new(load_access_list(tx.connection)?))))?;
        subscriber.reset_to(revision);
        subscriber.access_changed(&tokens);
        Ok(())
    }

    /// Runs a write on the writer's thread and returns once it is on disk and published.
    ///
    /// An error means that nothing of it happened. If the caller goes away, work that has begun is still completed. Waits
    /// for the client's turn where the task works for one.
    pub async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let turn = turn(TurnKind::Write).await?;
        self.write_in(turn, work).await
    }

    async fn write_in<T, F>(&self, turn: Option<HeldTurn>, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let answer = self.queue()?.try_send(turn, work)?;
        let answer = answer.await.unwrap_or(Err(StoreError::Closed));
        answer.inspect_err(|error| self.inner.condition.count(error))
    }

    /// Like [`write`](Self::write), for threads that may block; waits while the queue is full.
    pub fn write_blocking<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.queue()?.write_blocking(work).inspect_err(|error| self.inner.condition.count(error))
    }

    /// Like [`write_blocking`](Self::write_blocking) in a turn of this client, if there is one; then on a thread of the
    /// runtime that may block.
    pub fn write_blocking_for<T, F>(&self, client: Option<&Arc<dyn Turns>>, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let turn = blocking_turn(client, TurnKind::Write);
        self.queue()?.write_blocking_in(turn, work).inspect_err(|error| self.inner.condition.count(error))
    }

    /// Defers a write until the database can be written again; false when too many wait, of this actor or of all. It is
    /// lost if the process ends before.
    pub fn defer_write(
        &self,
        actor: &Actor,
        work: impl Fn(&WriteTx<'_>) -> Result<(), StoreError> + Send + Sync + 'static,
    ) -> bool {
        let is_deferred = self.inner.deferred_writes.push(actor.holder(), Arc::new(work));
        if is_deferred {
            self.inner.wake_maintenance();
        }
        is_deferred
    }

    pub(in crate::store) fn queue(&self) -> Result<WriteQueue, StoreError> {
        self.inner.queue.lock().clone().ok_or(StoreError::Closed)
    }

    /// Runs a read in one transaction on a blocking thread. Fails at once with [`StoreError::ReadQueueFull`] where too
    /// many wait already. Before that it waits for the client's turn where the task works for one.
    pub async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&ReadTx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let turn = turn(TurnKind::Read).await?;
        self.read_in(turn, work).await
    }

    /// Waits for the turn to read of the client that this task works for; `None` where it works for none. For reads that
    /// several clients wait for and that therefore run on a task of their own ([`read_in`](Self::read_in)).
    pub async fn read_turn(&self) -> Result<Option<HeldTurn>, StoreError> {
        turn(TurnKind::Read).await
    }

    /// Like [`read`](Self::read), in a turn that was waited for already.
    pub async fn read_in<T, F>(&self, turn: Option<HeldTurn>, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&ReadTx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let clock = self.inner.clock.clone();
        let work = move |tx: &ReadTx<'_>| {
            let _running = RunningTurn::begin(turn.as_ref(), &clock);
            work(tx)
        };
        self.read_with(self.inner.readers.permit(), work).await
    }

    /// How many reads run at once.
    #[must_use]
    pub fn readers(&self) -> usize {
        self.inner.readers.len()
    }

    /// Like [`read`](Self::read), for the few readers of the server itself, which clients cannot multiply: they wait
    /// behind any number of others.
    pub async fn read_internal<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&ReadTx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.read_with(self.inner.readers.permit_beyond_limit(), work).await
    }

    async fn read_with<T, F>(
        &self,
        permit: impl Future<Output = Result<OwnedSemaphorePermit, StoreError>>,
        work: F,
    ) -> Result<T, StoreError>
    where
        F: FnOnce(&ReadTx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let permit =
            tokio::time::timeout(self.inner.time_max, permit).await.map_err(|_| StoreError::DeadlinePassed)??;
        let store = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let result = store.read_blocking(work);
            drop(permit);
            result
        });
        task.await.unwrap_or(Err(StoreError::Panicked))
    }

    /// Like [`read`](Self::read), for threads that may block.
    pub fn read_blocking<T>(&self, work: impl FnOnce(&ReadTx<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let result = self.inner.readers.with_connection(|connection| {
            let transaction = connection.unchecked_transaction()?;
            work(&ReadTx::new(&transaction, self.inner.clock.now()))
        });
        match result {
            Err(error) => Err(self.inner.note_failed_read(error)),
            read => {
                self.inner.condition.note_successful_read();
                read
            }
        }
    }

    /// Like [`read_blocking`](Self::read_blocking) in a turn of this client, if there is one; then on a thread of the
    /// runtime that may block.
    pub fn read_blocking_for<T>(
        &self,
        client: Option<&Arc<dyn Turns>>,
        work: impl FnOnce(&ReadTx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let turn = blocking_turn(client, TurnKind::Read);
        self.read_blocking(|tx| {
            let _running = RunningTurn::begin(turn.as_ref(), &self.inner.clock);
            work(tx)
        })
    }

    /// The current trouble, as the newest operation found it. Costs nothing.
    #[must_use]
    pub fn trouble(&self) -> Option<StoreTrouble> {
        self.inner.condition.trouble()
    }

    /// Whether reads and writes work just now. While there is trouble, tests whether it is over.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.read_internal(|tx| tx.revision()).await?;
        let (condition, queue) = (self.inner.condition.clone(), self.queue()?);
        if self.trouble().is_none() {
            let examining = tokio::task::spawn_blocking(move || condition.examine_disk(queue));
            if let Err(error) = examining.await.unwrap_or(Err(StoreError::Panicked)) {
                self.inner.wake_maintenance();
                return Err(error);
            }
            return self.write_in(None, |_| Ok(())).await;
        }
        let trying = tokio::task::spawn_blocking(move || condition.recheck(queue));
        trying.await.unwrap_or(Err(StoreError::Panicked))?.map_or(Ok(()), Err)
    }

    /// Fails where the database's file was moved, removed or replaced, so that a path no longer leads to it.
    pub fn check_files(&self) -> Result<(), StoreError> {
        self.inner.condition.check_files()
    }

    /// Records that every page of the database was read and verified.
    pub fn note_verified(&self) {
        self.inner.condition.note_verified();
    }

    /// Completes every accepted write, closes the readers, and the writer last. Later calls fail with
    /// [`StoreError::Closed`]. Blocks.
    pub fn close(&self) {
        self.inner.close();
    }
}

impl StoreInner {
    /// Determines why a read failed, and wakes the maintenance thread if that is trouble.
    fn note_failed_read(&self, error: StoreError) -> StoreError {
        let error = self.condition.note_failed_read(error);
        if error.trouble().is_some() {
            self.wake_maintenance();
        }
        error
    }

    pub(super) fn wake_maintenance(&self) {
        if let Some(wake) = &*self.wake_maintenance.lock() {
            // One pending wake-up is enough.
            let _ = wake.try_send(());
        }
    }

    fn close(&self) {
        self.wake_maintenance.lock().take();
        self.stop_watcher.lock().take();
        self.readers.close();
        // Its connection must be gone when the writer's closes: the last to close removes the log, and cannot if it only
        // reads.
        if let Some(watcher) = self.watcher.lock().take()
            && watcher.thread().id() != thread::current().id()
            && watcher.join().is_err()
        {
            tracing::error!("the watcher panicked");
        }
        // The writer's thread ends when the last sender is gone, and checkpoints without readers; the maintenance
        // thread ends after it.
        self.queue.lock().take();
        let threads = std::mem::take(&mut *self.threads.lock());
        if threads.iter().any(|thread| thread.thread().id() == thread::current().id()) {
            // The last handle was dropped in a job. Its thread ends by itself, and the others with it.
            return;
        }
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
    }
}

impl Drop for StoreInner {
    fn drop(&mut self) {
        self.close();
    }
}
