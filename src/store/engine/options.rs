//! How a store is to be opened, and the limits that hold unless configured.

use std::path::PathBuf;
use std::time::Duration;

/// How a store is to be opened.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    pub data_dir: PathBuf,
    pub mode: Mode,
    /// How the lock file describes this process, such as `muster serve`.
    pub holder: String,
    pub create: bool,
    pub readers: u32,
    /// Reads that may wait for a connection at most.
    pub read_queue_len_max: usize,
    pub write_queue_len_max: usize,
    /// Size up to which the database file may grow, in bytes; a write that needs more fails with
    /// [`StoreError::LimitReached`]. `None` leaves it to the disk.
    pub size_bytes_max: Option<u64>,
    /// How long a read or write may take, waiting included, before it fails.
    pub time_limit: Duration,
}

impl StoreOptions {
    /// Default options for a data directory; a server creates what is missing, a command does not.
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

/// Reads that may wait unless configured: at ten thousand reads a second, a tenth of a second of waiting. Callers
/// beyond that do better to retry.
pub const READ_QUEUE_LEN_MAX: usize = 1_024;

/// Writes that may wait unless configured: at thousands of writes a second, well under a second of waiting.
pub const WRITE_QUEUE_LEN_MAX: usize = 1_024;

/// How a process uses the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The only server of the directory: takes the lock and watches for writes of other processes.
    Server,
    /// A command that may write beside a server: takes the lock when it is free, otherwise writes in short turns.
    Command,
}
