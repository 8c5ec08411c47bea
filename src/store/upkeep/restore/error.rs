//! Why a restore failed.

use std::path::Path;

use crate::store::engine::error::{OpenError, StoreError};
use crate::store::upkeep::backup::BackupError;

/// Why a restore failed. The database is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The data directory cannot be used, or is in use.
    #[error(transparent)]
    Place(#[from] OpenError),
    /// The file is not a backup that this binary can restore.
    #[error("{path} cannot be restored: {reason}")]
    Source {
        path: String,
        /// The reason, and what to do.
        reason: String,
    },
    /// Another program has the database open.
    #[error("another program has {0} open; stop it first")]
    InUse(String),
    /// The copy of the backup could not be made.
    #[error("the backup cannot be copied into the data directory: {0}")]
    Copy(BackupError),
    #[error("the backup cannot be made ready: {0}")]
    Store(StoreError),
    #[error("{path} cannot be put in place: {reason}")]
    Files { path: String, reason: String },
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
