//! What the tests stand on: stores and servers in directories of their own, words for what goes into them, and waiting that never
//! sleeps for luck.

mod app;
mod backup;
mod events;
mod exposition;
mod held;
mod process;
mod queued;
mod random;
mod recorder;
mod store;
mod tools;
mod wire;
mod words;

use std::time::{Duration, Instant};

pub use app::{Client, Reply, TestApp, TestSettings, people};
pub use backup::{HeldBackup, Holder, backed_up, request as backup_request};
pub use events::{Events, Told};
pub use exposition::{Exposition, series};
pub use held::HeldReaders;
pub use process::{Ended, Place, Running, TestServer, assert_calm, fixture};
pub use queued::{Gate, Queued};
pub use random::Random;
pub use recorder::{Heard, Recorder};
pub use store::{Directory, TestStore, add_contact};
pub use tools::{installed, skip, tool};
pub use wire::{WireClient, WireReply, read_reply};
pub use words::*;

/// How long anything is waited for that should happen at once. Generous, since it only matters when a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a wait rests between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Within so long a server notices what another process wrote, by the design.
pub const NOTICED_WITHIN: Duration = Duration::from_millis(250);

/// How often a test puts that to the proof.
pub const NOTICE_ROUNDS: usize = 5;

/// The promise is the watcher's, not the scheduler's of a busy machine: most rounds must keep it.
pub fn assert_noticed_in_time(mut times: Vec<Duration>) {
    assert_eq!(times.len(), NOTICE_ROUNDS);
    times.sort();
    assert!(times[NOTICE_ROUNDS / 2] <= NOTICED_WITHIN, "{times:?}");
}

/// Waits until `look` finds something and gives it back; fails the test when it never does.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}
