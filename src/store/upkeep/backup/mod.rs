//! Backups: the whole database as it was at one moment, in one file that was verified before it got its name.
//!
//! SQLite's backup interface copies page by page from a connection of its own that holds one read transaction throughout.
//! So the copy never begins anew because somebody writes, and nobody who writes waits for it. What waits is the log: it
//! cannot start over while the transaction is open, which is why the copy hurries when the log grows, and gives up before
//! the log fills the disk.
//!
//! - `request`, `error`: what a backup is asked to do, how it is watched, and why it was not made;
//! - `copy`: making one, from the first page to the verified file;
//! - `snapshot`: the moment that is copied, and its rows counted;
//! - `partial`: the file while it is written, under another name, and how it gets its own;
//! - `single_file`: a database without a log beside it;
//! - `verify`: the proof that a file is sound;
//! - `history`: what the audit log knows of those that were made.

mod copy;
mod error;
mod history;
mod partial;
mod request;
mod single_file;
mod snapshot;
mod verify;

pub use copy::{BackupMade, back_up};
pub use error::BackupError;
pub use history::{BackupRecord, LoggedBackup, record_backup};
pub use partial::remove_leftovers;
pub(super) use partial::{Partial, require_room};
pub use request::{BackupObserver, BackupProgress, BackupRequest, BackupStage, Pace, unobserved};
pub(super) use single_file::{make_single, side_files, sync_dir, with_suffix};
pub(super) use verify::{TableCounts, verify};
