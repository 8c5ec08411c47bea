//! Backups that the server makes: on a schedule, and when an administrator requests one.
//!
//! One runs at a time. The schedule is based on the last successful backup in the folder according to the audit log, so
//! it survives a restart. A failed backup is retried with exponential backoff, and is reported until one succeeds.
//!
//! - `coordinator`: [`Backups`], which puts the parts below together;
//! - `schedule`: when the next backup is due;
//! - `folder`: the files, and the deletion of old ones;
//! - `listing`: the list of files with a time limit, in case the folder hangs;
//! - `run`: a running backup;
//! - `status`: the state of backups as the API and the metrics show it.

mod coordinator;
mod folder;
mod listing;
mod run;
mod schedule;
mod status;

pub use coordinator::{Backups, BeginError};
pub use folder::KeptBackup;
pub use run::{BackupRun, RunProgress};
pub use status::{BackupFailure, BackupFigures, BackupHealth, BackupStatus};
