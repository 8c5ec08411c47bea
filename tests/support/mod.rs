//! Shared support of the tests: stores and servers in temporary directories, short constructors for values, and polling
//! with a time limit instead of fixed sleeps.

mod app;
mod backup;
mod events;
mod exposition;
mod held_readers;
mod mounts;
mod process;
mod queued_writes;
mod random;
mod recorder;
mod store;
mod tools;
mod values;
mod wire;

use std::time::{Duration, Instant};

pub use app::{Client, Reply, TestApp, TestSettings, people};
pub use backup::{PausedBackup, PausingObserver, make_backup, request as backup_request};
pub use events::{Event, Events};
pub use exposition::{Exposition, series};
pub use held_readers::HeldReaders;
pub use mounts::run_in_mount_namespace;
pub use process::{CommandOutput, RunningCommand, TestServer, WorkDir, assert_no_panic, fixture};
pub use queued_writes::{QueuedWrite, WriterGate};
pub use random::Random;
pub use recorder::{Notification, Recorder};
pub use store::{Directory, READERS, TestStore, add_contact};
pub use tools::{installed, skip, tool};
pub use values::*;
pub use wire::{WireClient, WireReply, read_reply};

/// How long to wait for a condition that should hold at once. Generous, since it only matters when a test fails.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// The interval between two checks of a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// The time within which a server detects a write of another process, by the design.
pub const NOTICED_WITHIN: Duration = Duration::from_millis(250);

/// How often a test measures that time.
pub const NOTICE_ROUNDS: usize = 5;

/// At least half of the rounds must meet the limit: it holds for the watcher, not for the scheduler of a busy machine.
pub fn assert_noticed_in_time(mut times: Vec<Duration>) {
    assert_eq!(times.len(), NOTICE_ROUNDS);
    times.sort();
    assert!(times[NOTICE_ROUNDS / 2] <= NOTICED_WITHIN, "{times:?}");
}

/// Polls until `look` returns a value, and returns it; fails the test at the time limit.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < WAIT_MAX, "not within {WAIT_MAX:?}: {what}");
        std::thread::sleep(POLL_INTERVAL);
    }
}
