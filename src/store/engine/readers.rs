//! The pool of connections that cannot write, and the bounded queue before it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use r2d2::Pool;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use super::connection::{configure_reader, connect_reader, forget_pages, plain};
use super::error::StoreError;
use super::open_files::OpenFiles;

/// How long a thread waits for a connection. Callers on the runtime hold a permit before they take a thread and never
/// wait here; the program's own threads do.
const CHECKOUT_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct Readers {
    /// Guards only the handle, which is cloned out for each use; `close` takes it, so that no reader outlives the
    /// writer.
    pool: Mutex<Option<Pool<SqliteConnectionManager>>>,
    /// As many permits as connections, so that waiting for one costs a task and not a thread.
    permits: Arc<Semaphore>,
    connections: usize,
    /// How many wait for a permit, and how many may.
    waiting: AtomicUsize,
    waiting_max: usize,
    /// How many were refused because too many wait.
    refused: AtomicU64,
    /// How many reads began.
    begun: AtomicU64,
}

/// Counts a waiting caller until it is dropped, also when it gives up.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Readers {
    /// Opens a pool of at most `connections`, made as they are needed, for which at most `waiting_max` requests wait.
    /// None is opened where the path leads to another file than those that are open.
    pub(in crate::store) fn open(
        path: &Path,
        files: &OpenFiles,
        connections: u32,
        waiting_max: usize,
    ) -> rusqlite::Result<Self> {
        // One connection by hand first: the pool would hide why it cannot be opened.
        drop(connect_reader(path)?);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let files = files.clone();
        let manager = SqliteConnectionManager::file(plain(path)).with_flags(flags).with_init(move |connection| {
            configure_reader(connection)?;
            files.check().map_err(|error| {
                let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
                rusqlite::Error::SqliteFailure(code, Some(error.to_string()))
            })
        });
        let pool = Pool::builder()
            .max_size(connections.max(1))
            .min_idle(Some(0))
            .idle_timeout(None)
            .max_lifetime(None)
            .test_on_check_out(false)
            .connection_timeout(CHECKOUT_TIMEOUT)
            .error_handler(Box::new(PoolErrors))
            .build_unchecked(manager);
        let connections = usize::try_from(connections.max(1)).unwrap_or(1);
        Ok(Self {
            pool: Mutex::new(Some(pool)),
            permits: Arc::new(Semaphore::new(connections)),
            connections,
            waiting: AtomicUsize::new(0),
            waiting_max,
            refused: AtomicU64::new(0),
            begun: AtomicU64::new(0),
        })
    }

    /// Waits until a connection is free for the holder of the permit, unless too many wait already.
    pub(super) async fn permit(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => return Ok(permit),
            Err(TryAcquireError::Closed) => return Err(StoreError::Closed),
            Err(TryAcquireError::NoPermits) => {}
        }
        // Counted before it is compared, so that concurrent callers cannot exceed the limit.
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.waiting_max {
            drop(Waiting(&self.waiting));
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(StoreError::ReadQueueFull);
        }
        let _waiting = Waiting(&self.waiting);
        self.permit_beyond_limit().await
    }

    /// Waits in the same queue, however many wait already.
    pub(super) async fn permit_beyond_limit(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        Arc::clone(&self.permits).acquire_owned().await.map_err(|_| StoreError::Closed)
    }

    /// How many reads run at once.
    pub(super) fn len(&self) -> usize {
        self.connections
    }

    /// How many wait, how many may, and how many were refused.
    pub(in crate::store) fn queue(&self) -> (usize, usize, u64) {
        (self.waiting.load(Ordering::Relaxed), self.waiting_max, self.refused.load(Ordering::Relaxed))
    }

    /// Runs work with a connection on this thread.
    pub(super) fn with_connection<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let pool = self.pool.lock().clone().ok_or(StoreError::Closed)?;
        let connection = pool.get().map_err(|_| StoreError::DeadlinePassed)?;
        self.begun.fetch_add(1, Ordering::Relaxed);
        let result = work(&connection);
        if matches!(&result, Err(error) if error.is_damage()) {
            forget_pages(&connection);
        }
        result
    }

    /// How many reads began. Only the writer and the watcher read the database otherwise.
    pub(in crate::store) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    /// Refuses further reads.
    pub(in crate::store) fn close(&self) {
        self.permits.close();
        self.pool.lock().take();
    }
}

/// Logs the pool's own failures.
#[derive(Debug)]
struct PoolErrors;

impl r2d2::HandleError<rusqlite::Error> for PoolErrors {
    fn handle_error(&self, error: rusqlite::Error) {
        tracing::error!(%error, "cannot open a read connection");
    }
}
