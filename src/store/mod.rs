//! The store: facts, rollups and revisions in SQLite. The only module that names rusqlite or r2d2.
//!
//! One thread owns the one writing connection; reads run on pooled connections that cannot write. Whoever is told that a
//! write is done can be sure that it is on disk and that every subscriber of the change feed knows of it.
//!
//! - `schema.sql` at the top of the repository: tables, rollups, triggers;
//! - `engine`: opening, connections, transactions, the writer, the change feed;
//! - `facts`: enterprises, departments, employees and their contacts;
//! - `rollups`: what the facts amount to, and the proof that the sums are right;
//! - `access`: tokens, signed-in browsers, and retries made harmless;
//! - `upkeep`: purges, the audit log, the cache's history, backup and restore.

mod access;
mod engine;
mod facts;
mod rollups;
mod upkeep;

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc as std_mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;

pub use access::idempotency::{IdempotentRequest, StoredAnswer};
pub use access::sessions::{NewSession, NewSignInLink, StoredSession, StoredSignInLink};
pub use access::tokens::{NewToken, StoredToken, TokenList};
pub use engine::changes::{Publication, Subscriber, WATCH_INTERVAL};
pub use engine::error::{OpenError, StoreError, Subject};
pub use engine::figures::Figures;
pub use engine::migrate::{SCHEMA, SCHEMA_VERSION};
pub use engine::open::{DATABASE_FILE, LOCK_FILE, Mode, database_path};
pub use engine::tx::{ReadTx, WriteTx};
pub use facts::contacts::ContactExport;
pub use facts::import::{EmployeeName, ImportChunk, ImportOutcome, ImportRow, ImportedRow, MayCreate, OwnerRow};
pub use rollups::check::{CheckReport, Difference};
pub use upkeep::audit::{Actor, AuditEntry, AuditFilter, AuditRecord};
pub use upkeep::backup::{
    BACKUP_CREATED, BACKUP_FAILED, BackupError, BackupMade, BackupObserver, BackupProgress, BackupRecord,
    BackupRequest, BackupStage, LoggedBackup, Pace, back_up, record_backup, remove_leftovers, unobserved,
};
pub use upkeep::cache_configuration::StoredConfiguration;
pub use upkeep::cache_samples::SamplePage;
pub use upkeep::purge::Purged;
pub use upkeep::restore::{Before, RESTORE_STEPS, Restore, RestoreError, RestoreStep, Restored, StepObserver};

use engine::changes::{Feed, Position, Watcher};
use engine::condition::Condition;
use engine::figures::GroupJobs;
use engine::later::Later;
use engine::queue::WriteQueue;
use engine::readers::Readers;
use engine::writer::{Writer, WriterParts};
use engine::{figures, migrate, open};
use upkeep::purge::Keeper;
use upkeep::{backup, restore};

use crate::clock::Clock;

/// How a store is to be opened.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The directory that holds the database.
    pub data_dir: PathBuf,
    /// Server or command.
    pub mode: Mode,
    /// What the lock file says of this process, such as `muster serve`.
    pub holder: String,
    /// Whether a missing database is created.
    pub create: bool,
    /// Read connections at most.
    pub readers: u32,
    /// Reads that may wait for a connection at most.
    pub read_queue_len_max: usize,
    /// Writes that may wait at most.
    pub write_queue_len_max: usize,
    /// Size up to which the database file may grow, in bytes; a write that needs more is told
    /// [`StoreError::LimitReached`]. `None` leaves it to the disk.
    pub size_bytes_max: Option<u64>,
    /// How long a read or write may take, waiting included, before its caller is told that it failed.
    pub time_limit: Duration,
}

impl StoreOptions {
    /// Sane options for a data directory; a server creates what is missing, a command does not.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>, mode: Mode, holder: impl Into<String>) -> Self {
        Self {
            data_dir: data_dir.into(),
            mode,
            holder: holder.into(),
            create: mode == Mode::Server,
            readers: READERS_DEFAULT,
            read_queue_len_max: READ_QUEUE_LEN_MAX,
            write_queue_len_max: WRITE_QUEUE_LEN_MAX,
            size_bytes_max: None,
            time_limit: Duration::from_secs(30),
        }
    }
}

/// Read connections unless configured. A read takes well under a millisecond, so a few serve any number of clients.
pub const READERS_DEFAULT: u32 = 4;

/// Reads that may wait unless configured: at ten thousand reads a second, a tenth of a second of waiting. Whoever came behind
/// them would be better off trying again.
pub const READ_QUEUE_LEN_MAX: usize = 1_024;

/// Writes that may wait unless configured: at thousands of writes a second, well under a second of waiting.
pub const WRITE_QUEUE_LEN_MAX: usize = 1_024;

/// An open database. Cloning is cheap; the last clone to go closes it.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

/// What the handles of one store share. No thread of the store holds it, so it goes, and closes the store, with the last
/// handle that somebody else has.
struct Shared {
    // These mutexes guard nothing but the values in them, which `close` takes out in the order that matters.
    queue: Mutex<Option<WriteQueue>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    stop_watcher: Mutex<Option<std_mpsc::Sender<()>>>,
    wake_keeper: Mutex<Option<std_mpsc::SyncSender<()>>>,
    readers: Readers,
    feed: Arc<Feed>,
    clock: Clock,
    time_limit: Duration,
    beside_server: bool,
    alone: bool,
    data_dir: PathBuf,
    /// Whether the database can be written.
    condition: Arc<Condition>,
    /// What is to be written once it can be.
    later: Arc<Later>,
    group_jobs: Arc<GroupJobs>,
}

impl Store {
    /// Opens, and where the options allow it creates or migrates, the database of a data directory.
    pub fn open(options: &StoreOptions, clock: Clock) -> Result<Self, OpenError> {
        let path = open::database_path(&options.data_dir);
        if options.create {
            open::prepare_dir(&options.data_dir)?;
        } else {
            open::require_database(&options.data_dir)?;
        }
        open::refuse_directory(&options.data_dir)?;
        let lock = match open::DirLock::acquire(&options.data_dir, &options.holder) {
            Ok(lock) => Some(lock),
            Err(OpenError::InUse { holder, .. })
                if options.mode == Mode::Command && path.exists() && !holder.contains(restore::HOLDER) =>
            {
                None
            }
            Err(error) => return Err(error),
        };
        let exclusive = lock.is_some();
        if exclusive {
            restore::remove_aliases(&options.data_dir);
            backup::remove_leftovers(&options.data_dir, |name| restore::is_leftover(name) || migrate::is_backup(name));
        }
        let alone = exclusive && options.mode == Mode::Command;
        let connection = open::writer(&path, exclusive, alone, &clock)?;
        let sqlite = |source| open::explain_sqlite(&path, source);
        if let Some(bytes) = options.size_bytes_max {
            open::limit_size(&connection, bytes).map_err(sqlite)?;
        }
        let seen = Position::read(&connection).map_err(sqlite)?;
        let feed = Arc::new(Feed::default());
        // One word that waits is enough: whoever is woken looks at everything.
        let (wake_keeper, keeper_woken) = std_mpsc::sync_channel(1);
        let (has_limit, is_server) = (options.size_bytes_max.is_some(), options.mode == Mode::Server);
        let condition = Arc::new(Condition::new(clock.clone(), options.data_dir.clone(), has_limit, is_server));
        let later = Arc::new(Later::default());
        let group_jobs = Arc::new(figures::no_groups());
        let writer = Writer::new(WriterParts {
            connection,
            clock: clock.clone(),
            feed: Arc::clone(&feed),
            lock,
            wake_keeper: wake_keeper.clone(),
            condition: Arc::clone(&condition),
            group_jobs: Arc::clone(&group_jobs),
        })
        .map_err(sqlite)?;
        let readers = Readers::open(&path, options.readers, options.read_queue_len_max).map_err(sqlite)?;
        let (queue, jobs) = WriteQueue::new(options.write_queue_len_max, clock.clone(), options.time_limit);
        let mut threads = vec![spawn("muster-writer", move || writer.run(jobs))?];
        let mut stop_watcher = None;
        if options.mode == Mode::Server {
            let watcher = Watcher { path, feed: Arc::clone(&feed), seen, failed: false };
            let (stop, stopped) = std_mpsc::channel();
            threads.push(spawn("muster-watcher", move || watcher.run(&stopped))?);
            stop_watcher = Some(stop);
            let keeper = Keeper {
                queue: queue.downgrade(),
                clock: clock.clone(),
                woken: keeper_woken,
                condition: Arc::clone(&condition),
                later: Arc::clone(&later),
            };
            threads.push(spawn("muster-keeper", move || keeper.run())?);
        }
        Ok(Self {
            shared: Arc::new(Shared {
                queue: Mutex::new(Some(queue)),
                threads: Mutex::new(threads),
                stop_watcher: Mutex::new(stop_watcher),
                wake_keeper: Mutex::new(Some(wake_keeper)),
                readers,
                feed,
                clock,
                time_limit: options.time_limit,
                beside_server: !exclusive,
                alone,
                data_dir: options.data_dir.clone(),
                condition,
                later,
                group_jobs,
            }),
        })
    }

    /// Whether a server has the data directory, so that this process must write in short turns.
    #[must_use]
    pub fn is_beside_server(&self) -> bool {
        self.shared.beside_server
    }

    /// Whether no server can serve this database before this process closes it.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.shared.alone
    }

    /// The directory that holds the database.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.shared.data_dir
    }

    /// The clock that the store tells time by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Joins the change feed. The subscriber is first told to doubt everything and given the tokens as they are, and then
    /// misses nothing.
    pub fn subscribe(&self, subscriber: &Arc<dyn Subscriber>) -> Result<(), StoreError> {
        self.shared.feed.subscribe(Arc::clone(subscriber));
        let (revision, tokens) =
            self.read_blocking(|tx| Ok((tx.revision()?, Arc::new(access::tokens::load_tokens(tx.connection)?))))?;
        subscriber.doubted(revision);
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
        answer.inspect_err(|error| self.shared.condition.count(error))
    }

    /// Like [`write`](Self::write), for threads that may block; waits for a place in a full queue.
    pub fn write_blocking<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.queue()?.write_blocking(work).inspect_err(|error| self.shared.condition.count(error))
    }

    fn queue(&self) -> Result<WriteQueue, StoreError> {
        self.shared.queue.lock().clone().ok_or(StoreError::Closed)
    }

    /// Reads: runs the work in one read transaction on a blocking thread. Where too many wait for that already, it fails at
    /// once with [`StoreError::ReadQueueFull`].
    pub async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&ReadTx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.read_with(self.shared.readers.permit(), work).await
    }

    /// Like [`read`](Self::read), for the few readers of the server itself, which no client can multiply: they wait for their
    /// turn behind however many others.
    pub async fn read_patiently<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&ReadTx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.read_with(self.shared.readers.patient_permit(), work).await
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
            tokio::time::timeout(self.shared.time_limit, permit).await.map_err(|_| StoreError::DeadlinePassed)??;
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
        let result = self.shared.readers.with_connection(|connection| {
            let transaction = connection.unchecked_transaction()?;
            work(&ReadTx::new(&transaction, self.shared.clock.now()))
        });
        match result {
            Err(error) => Err(self.shared.learn_of_read(error)),
            read => {
                self.shared.condition.note_read();
                read
            }
        }
    }

    /// Finishes every write that was accepted, closes the readers, and the writer last. Later calls fail with
    /// [`StoreError::Closed`]. Blocks.
    pub fn close(&self) {
        self.shared.close();
    }
}

impl Shared {
    /// Finds out what is wrong where something could not be read, and has the keeper try again until it is over.
    fn learn_of_read(&self, error: StoreError) -> StoreError {
        let error = self.condition.learn_of_read(error);
        if error.trouble().is_some() {
            self.wake_keeper();
        }
        error
    }

    fn wake_keeper(&self) {
        if let Some(keeper) = &*self.wake_keeper.lock() {
            // A full one is enough.
            let _ = keeper.try_send(());
        }
    }

    fn close(&self) {
        self.wake_keeper.lock().take();
        self.stop_watcher.lock().take();
        self.readers.close();
        // The writer's thread ends when the last sender has gone, and checkpoints with no reader in its way; the keeper's
        // ends after it.
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

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, std::io::Error> {
    thread::Builder::new().name(name.to_owned()).spawn(work)
}

/// Reads an id that the database holds; one that breaks the rules was not written by Muster.
fn id_from_database<T: TryFrom<String>>(text: String) -> Result<T, StoreError> {
    T::try_from(text).map_err(|_| StoreError::Corrupt("a malformed id".to_owned()))
}

/// The steps by which SQLite would run a statement on a fresh database.
#[cfg(test)]
fn plan(sql: &str) -> Vec<String> {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch(SCHEMA).unwrap();
    let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let steps = plan.raw_query().mapped(|step| step.get(3));
    steps.map(Result::unwrap).collect()
}
