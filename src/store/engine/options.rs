//! How a store is to be opened.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::StoreSettings;

/// Time for a read or write that no request waits for, waiting included: a command that takes longer is stuck.
const COMMAND_TIME_MAX: Duration = Duration::from_secs(30);

/// How a store is to be opened.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    pub settings: StoreSettings,
    pub mode: Mode,
    /// How the lock file describes this process, such as `muster serve`.
    pub holder: String,
    pub create: bool,
    /// How long a read or write may take, waiting included, before it fails.
    pub time_max: Duration,
}

impl StoreOptions {
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>, mode: Mode, holder: impl Into<String>) -> Self {
        let settings = StoreSettings { data_dir: data_dir.into(), ..StoreSettings::default() };
        Self { settings, mode, holder: holder.into(), create: mode == Mode::Server, time_max: COMMAND_TIME_MAX }
    }
}

/// How a process uses the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The only server of the directory: takes the lock and watches for writes of other processes.
    Server,
    /// A command that may write beside a server: takes the lock when it is free, otherwise writes in short turns.
    Command,
    /// A command that only reads: takes no lock, changes nothing, and works on a read-only file system.
    Reader,
}
