//! Why a backup was not made.

use std::path::Path;

use crate::domain::backup::Size;
use crate::store::engine::error::{OpenError, StoreError};

/// Why a backup was not made. Nothing of it is left, and nothing else has changed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no database that could be backed up.
    #[error(transparent)]
    Source(#[from] OpenError),
    /// The file cannot be written there.
    #[error("cannot write {path}: {reason}")]
    Destination {
        /// The file.
        path: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// There is such a file already.
    #[error("{0} exists already; name another file, or replace it with --force")]
    Exists(String),
    /// Another process writes the same file.
    #[error("another backup to {0} is under way")]
    UnderWay(String),
    /// The copy does not fit, or would take the last of the disk.
    #[error("there is no room in {folder}: the copy takes {needed}, and {free} are free")]
    NoRoom {
        /// Where it would be written.
        folder: String,
        /// What it takes, with something to spare for others.
        needed: Size,
        /// What there is.
        free: Size,
    },
    /// The disk filled up meanwhile.
    #[error("the disk filled up meanwhile; make room on it, or choose another folder")]
    Full,
    /// Somebody ended it.
    #[error("it was cancelled")]
    Cancelled,
    /// The write-ahead log grew too long meanwhile.
    #[error("it was given up, because the write-ahead log grew by {0} meanwhile; is the place of the backup too slow?")]
    LogTooLong(Size),
    /// The write-ahead log would have taken the last of the database's disk.
    #[error(
        "it was given up, because the write-ahead log grew by {grown} meanwhile and only {free} are free on the disk of the \
         database; make room on it"
    )]
    LogFillsDisk {
        /// By how much the log grew.
        grown: Size,
        /// What is free.
        free: Size,
    },
    /// The copy is not what it should be.
    #[error("the copy is not sound: {0}")]
    Unsound(String),
    /// SQLite or the disk failed.
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
    /// Whether there was no room for it.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::NoRoom { .. } | Self::LogFillsDisk { .. } | Self::Full)
    }

    pub(in crate::store) fn destination(path: &Path, reason: impl Into<String>) -> Self {
        Self::Destination { path: path.display().to_string(), reason: reason.into() }
    }
}
