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
//! - `backup_name`: the names of the files;
//! - `machine`: the files of the machine that a backup keeps beside the data, and putting them back;
//! - `status`: the state of backups as the API and the metrics show it.

mod backup_name;
mod coordinator;
mod folder;
mod listing;
pub mod machine;
mod run;
mod schedule;
mod status;

pub use backup_name::BackupName;
pub use coordinator::{Backups, BeginError, installation_name};
pub use folder::{KeptBackup, folder_problem};
pub use run::{BackupRun, RunProgress};
pub use status::{BackupFailure, BackupFigures, BackupHealth, BackupStatus};
