//! Why a backup failed.

use std::path::Path;

use crate::domain::backup::Size;
use crate::store::engine::error::{OpenError, StoreError};

/// Why a backup failed. Nothing of it is left, and nothing else has changed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Source(#[from] OpenError),
    /// The destination cannot be written.
    #[error("cannot write {path}: {reason}")]
    Destination {
        path: String,
        /// The fault, and what to do.
        reason: String,
    },
    /// The destination exists.
    #[error("{0} exists already; name another file, or replace it with --force")]
    Exists(String),
    /// Another process writes the same destination.
    #[error("another backup to {0} is under way")]
    UnderWay(String),
    /// The copy does not fit, or would leave too little for others.
    #[error("there is no room in {folder}: the copy takes {needed}, and {free} are free")]
    NoRoom {
        folder: String,
        /// The copy's size, with a reserve for others.
        needed: Size,
        free: Size,
    },
    /// The disk filled up during the copy.
    #[error("the disk filled up meanwhile; make room on it, or choose another folder")]
    Full,
    #[error("it was cancelled")]
    Cancelled,
    /// The write-ahead log grew too long during the copy.
    #[error("it was given up, because the write-ahead log grew by {0} meanwhile; is the place of the backup too slow?")]
    LogTooLong(Size),
    /// The write-ahead log would have filled the database's disk.
    #[error(
        "it was given up, because the write-ahead log grew by {grown} meanwhile and only {free} are free on the disk of \
         the database; make room on it"
    )]
    LogFillsDisk { grown: Size, free: Size },
    #[error("the copy is not sound: {0}")]
    Unsound(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        match StoreError::from(error) {
            StoreError::Full => Self::Full,
            error => Self::Store(error),
        }
    }
}

impl BackupError {
    /// Whether there was too little space for it.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(
            self,
            Self::NoRoom { .. } | Self::LogFillsDisk { .. } | Self::Full | Self::Store(StoreError::FileSizeLimit(_))
        )
    }

    pub(in crate::store) fn destination(path: &Path, reason: impl Into<String>) -> Self {
        Self::Destination { path: path.display().to_string(), reason: reason.into() }
    }
}
