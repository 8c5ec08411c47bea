//! Why a backup was not restored.

use std::path::Path;

use crate::store::engine::error::{OpenError, StoreError};
use crate::store::upkeep::backup::BackupError;

/// Why a backup was not restored. The database is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The data directory cannot be used, or somebody uses it.
    #[error(transparent)]
    Place(#[from] OpenError),
    /// The file is no backup that this binary can restore.
    #[error("{path} cannot be restored: {reason}")]
    Source {
        /// The file.
        path: String,
        /// Why not, and what to do.
        reason: String,
    },
    /// A program that is no server has the database open.
    #[error("another program has {0} open; stop it first")]
    InUse(String),
    /// The copy of the backup could not be made.
    #[error("the backup cannot be copied into the data directory: {0}")]
    Copy(BackupError),
    /// SQLite failed.
    #[error("the backup cannot be made ready: {0}")]
    Store(StoreError),
    /// Files could not be moved.
    #[error("{path} cannot be put in place: {reason}")]
    Files {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
}

impl From<StoreError> for RestoreError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl RestoreError {
    pub(super) fn files(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |error| Self::Files { path, reason: error.to_string() }
    }
}

impl From<rusqlite::Error> for RestoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}
