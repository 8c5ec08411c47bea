//! Backups: the whole database as of one moment, in one file that is verified before it gets its name.
//!
//! SQLite's backup interface copies page by page from a connection of its own that holds one read transaction
//! throughout. So the copy never restarts because of writers, and writers do not wait for it. But the log cannot start
//! over while the transaction is open, which is why the copy stops pausing when the log grows, and gives up before the
//! log fills the disk.
//!
//! - `request`, `error`: what a backup is asked to do, how it is watched, and why it was not made;
//! - `copy`: making one, from the first page to the verified file;
//! - `kept_files`: the files of the machine that lie in a backup beside the data;
//! - `snapshot`: the moment that is copied, and its rows counted;
//! - `partial`: the unfinished file under another name, and how it gets its own;
//! - `single_file`: a database file without a log beside it;
//! - `verify`: checks that a file is a sound database;
//! - `history`: the backups that the audit log records.

mod copy;
mod error;
mod history;
mod kept_files;
mod partial;
mod request;
mod single_file;
mod snapshot;
mod verify;

pub use copy::{BackupMade, back_up};
pub use error::BackupError;
pub use history::{BackupRecord, LoggedBackup, record_backup};
pub use kept_files::{KEPT_FILE_BYTES_MAX, KEPT_FILE_TABLE, KeptFile, KeptFiles, KeptKind};
pub(in crate::store) use kept_files::{read as read_kept_files, remove as remove_kept_files};
pub use partial::remove_leftovers;
pub(super) use partial::{Partial, require_room};
pub use request::{BackupObserver, BackupProgress, BackupRequest, BackupStage, Pace, unobserved};
pub(in crate::store) use single_file::with_suffix;
pub(super) use single_file::{make_single, side_files, sync_dir};
pub(super) use verify::TableCounts;
pub(in crate::store) use verify::verify;
