//! How a store is to be opened, and the limits that hold unless configured.

use std::path::PathBuf;
use std::time::Duration;

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

/// How a process means to use the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As the one server on it: takes the lock and watches for writes of other processes.
    Server,
    /// As a command that may write beside a server: takes the lock when it is free, or else writes in short turns.
    Command,
}
