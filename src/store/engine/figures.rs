//! The store's numbers for the metrics: queues, group commit, sizes on disk.

use std::fs;
use std::path::Path;

use super::data_dir::database_path;
use super::store::Store;
use crate::domain::trouble::TroubleKind;
use crate::telemetry::Counted;

/// The store at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreFigures {
    /// Write jobs that wait in the queue; those that the writer has taken are not among them.
    pub jobs_waiting: usize,
    /// Write jobs that may wait.
    pub jobs_waiting_max: usize,
    /// Write jobs that were refused because the queue was full.
    pub jobs_refused: u64,
    /// Reads that wait for a connection.
    pub reads_waiting: usize,
    /// Reads that may wait.
    pub reads_waiting_max: usize,
    /// Reads that were refused because too many waited.
    pub reads_refused: u64,
    /// How many jobs each committed group had, by group. Their sum is the number of jobs written.
    pub group_jobs: Counted,
    pub reads: u64,
    /// The current trouble, if any.
    pub trouble: Option<TroubleKind>,
    /// Writes that were refused, by the kind of trouble.
    pub refused: Vec<(TroubleKind, u64)>,
    /// Size of the database's file, without what is only in the write-ahead log.
    pub database_bytes: Option<u64>,
    /// Size of the write-ahead log's file, which does not shrink when the log starts over.
    pub wal_bytes: Option<u64>,
}

impl Store {
    /// The store's current numbers. Asks the file system for two sizes; uses neither the writer nor a reader.
    #[must_use]
    pub fn figures(&self) -> StoreFigures {
        let (reads_waiting, reads_waiting_max, reads_refused) = self.inner.readers.queue();
        let (jobs_waiting, jobs_waiting_max, jobs_refused) = self.queue().map(|queue| queue.load()).unwrap_or_default();
        let database = database_path(&self.inner.data_dir);
        let mut wal = database.clone().into_os_string();
        wal.push("-wal");
        StoreFigures {
            jobs_waiting,
            jobs_waiting_max,
            jobs_refused,
            reads_waiting,
            reads_waiting_max,
            reads_refused,
            group_jobs: self.inner.group_jobs.counted(),
            reads: self.inner.readers.begun(),
            trouble: self.trouble().map(|trouble| trouble.kind),
            refused: self.inner.condition.refused().to_vec(),
            database_bytes: file_bytes(&database),
            wal_bytes: file_bytes(wal.as_ref()),
        }
    }
}

fn file_bytes(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|metadata| metadata.len())
}
