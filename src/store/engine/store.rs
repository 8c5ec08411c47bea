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
use super::error::StoreError;
use super::queue::WriteQueue;
use super::readers::Readers;
use super::tx::{ReadTx, WriteTx};
use super::writer::GroupJobs;
use crate::clock::Clock;
use crate::domain::trouble::StoreTrouble;
use crate::store::access::access_list::load_access_list;
use crate::store::upkeep::actor::Actor;

/// An open database. Cloning is cheap; the last clone to go closes it.
#[derive(Clone)]
pub struct Store {
    pub(in crate::store) inner: Arc<StoreInner>,
}

/// What the handles of one store have in common. No thread of the store holds it, so it goes, and closes the store, with the last
/// handle that somebody else has.
pub(in crate::store) struct StoreInner {
    // These mutexes guard nothing but the values in them, which `close` takes out in the order that matters.
    pub(in crate::store) queue: Mutex<Option<WriteQueue>>,
    pub(in crate::store) threads: Mutex<Vec<JoinHandle<()>>>,
    pub(in crate::store) stop_watcher: Mutex<Option<std_mpsc::Sender<()>>>,
    pub(in crate::store) wake_maintenance: Mutex<Option<std_mpsc::SyncSender<()>>>,
    pub(in crate::store) readers: Readers,
    pub(in crate::store) feed: Arc<Feed>,
    pub(in crate::store) clock: Clock,
    pub(in crate::store) time_limit: Duration,
    pub(in crate::store) beside_server: bool,
    pub(in crate::store) alone: bool,
    pub(in crate::store) data_dir: PathBuf,
    /// Whether the database can be written.
    pub(in crate::store) condition: Arc<Condition>,
    pub(in crate::store) deferred_writes: Arc<DeferredWrites>,
    pub(in crate::store) group_jobs: Arc<GroupJobs>,
}

impl Store {
    /// Whether a server has the data directory, so that this process must write in short turns.
    #[must_use]
    pub fn is_beside_server(&self) -> bool {
        self.inner.beside_server
    }

    /// Whether no server can serve this database before this process closes it.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.inner.alone
    }

    /// The directory that holds the database.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.inner.data_dir
    }

    /// The clock that the store tells time by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Joins the change feed. The subscriber is first reset and given the tokens as they are, and then misses
    /// nothing.
    pub fn subscribe(&self, subscriber: &Arc<dyn Subscriber>) -> Result<(), StoreError> {
        self.inner.feed.subscribe(Arc::clone(subscriber));
        let (revision, tokens) =
            self.read_blocking(|tx| Ok((tx.revision()?, Arc::new(load_access_list(tx.connection)?))))?;
        subscriber.reset_to(revision);
        subscriber.access_changed(&tokens);
        Ok(())
    }

    /// Writes: runs the work on the writer's thread and answers after it is on disk and published.
    ///
    /// An error means that nothing of it happened. If the caller goes away, work that has begun is still done whole.
    pub async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let answer = self.queue()?.try_send(work)?;
        let answer = answer.await.unwrap_or(Err(StoreError::Closed));
        answer.inspect_err(|error| self.inner.condition.count(error))
    }

    /// Like [`write`](Self::write), for threads that may block; waits for a place in a full queue.
    pub fn write_blocking<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.queue()?.write_blocking(work).inspect_err(|error| self.inner.condition.count(error))
    }

    /// Defers a write until the database can be written again; false when too many wait, of this actor or of all. It is
    /// done in its turn, unless the process ends before.
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

    /// Reads: runs the work in one read transaction on a blocking thread. Where too many wait for that already, it fails at
    /// once with [`StoreError::ReadQueueFull`].
    pub async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&ReadTx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.read_with(self.inner.readers.permit(), work).await
    }

    /// Like [`read`](Self::read), for the few readers of the server itself, which no client can multiply: they wait for their
    /// turn behind however many others.
    pub async fn read_patiently<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&ReadTx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.read_with(self.inner.readers.patient_permit(), work).await
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
            tokio::time::timeout(self.inner.time_limit, permit).await.map_err(|_| StoreError::DeadlinePassed)??;
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
            Err(error) => Err(self.inner.learn_of_read(error)),
            read => {
                self.inner.condition.note_read();
                read
            }
        }
    }

    /// What keeps the database from being written, as the newest write or attempt found it. Costs nothing.
    #[must_use]
    pub fn trouble(&self) -> Option<StoreTrouble> {
        self.inner.condition.trouble()
    }

    /// Whether reads and writes work just now. Costs the disk nothing unless something was wrong lately: then it tries
    /// whether that is over.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.read_patiently(|tx| tx.revision()).await?;
        if self.trouble().is_none() {
            return self.write(|_| Ok(())).await;
        }
        let (condition, queue) = (self.inner.condition.clone(), self.queue()?);
        let trying = tokio::task::spawn_blocking(move || condition.try_again(queue));
        trying.await.unwrap_or(Err(StoreError::Panicked))?.map_or(Ok(()), Err)
    }

    /// Finishes every write that was accepted, closes the readers, and the writer last. Later calls fail with
    /// [`StoreError::Closed`]. Blocks.
    pub fn close(&self) {
        self.inner.close();
    }
}

impl StoreInner {
    /// Finds out what is wrong where something could not be read, and has the maintenance thread try again until it is over.
    fn learn_of_read(&self, error: StoreError) -> StoreError {
        let error = self.condition.learn_of_read(error);
        if error.trouble().is_some() {
            self.wake_maintenance();
        }
        error
    }

    pub(in crate::store) fn wake_maintenance(&self) {
        if let Some(wake) = &*self.wake_maintenance.lock() {
            // A full one is enough.
            let _ = wake.try_send(());
        }
    }

    fn close(&self) {
        self.wake_maintenance.lock().take();
        self.stop_watcher.lock().take();
        self.readers.close();
        // The writer's thread ends when the last sender has gone, and checkpoints with no reader in its way; the maintenance
        // thread ends after it.
        self.queue.lock().take();
        let threads = std::mem::take(&mut *self.threads.lock());
        if threads.iter().any(|thread| thread.thread().id() == thread::current().id()) {
            // A job had the last handle. Its thread goes on to end by itself, and the others with it.
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
