//! Backups that the server makes: by itself as often as it is configured, and when an administrator requests one.
//!
//! One runs at a time. The schedule goes by the last good backup in the folder, as the audit log knows it, so it
//! survives a restart. A failed one is tried again, sooner at first and then more rarely, and is reported until one
//! succeeds.
//!
//! - `coordinator`: [`Backups`], which puts the parts below together;
//! - `schedule`: when the next one is due;
//! - `folder`: the files, and which of them go;
//! - `listing`: what is there, also where the folder hangs;
//! - `run`: one backup under way;
//! - `status`: how it stands.

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
