//! Why the database cannot be written: kinds of trouble, with the sentence for people and the word for metrics.

use serde::Serialize;
use utoipa::ToSchema;

use super::time::Timestamp;

/// What keeps the database from being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum TroubleKind {
    /// The disk is full, or the user's quota on it.
    DiskFull,
    /// The database has grown to the limit that is set for it.
    LimitReached,
    /// A file of the database has grown to the size that the system allows this process.
    FileSizeLimit,
    /// The file system is read-only, or the files may not be written.
    ReadOnly,
    /// The disk reports errors.
    DiskFailing,
    /// The database's file is damaged.
    Damaged,
    /// The database's file, or its log, was moved, removed or replaced while it was in use.
    FileReplaced,
}

impl TroubleKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::DiskFull,
        Self::LimitReached,
        Self::FileSizeLimit,
        Self::ReadOnly,
        Self::DiskFailing,
        Self::Damaged,
        Self::FileReplaced,
    ];

    /// The kind as a word in lower case, for metrics and the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DiskFull => "disk_full",
            Self::LimitReached => "limit_reached",
            Self::FileSizeLimit => "file_size_limit",
            Self::ReadOnly => "read_only",
            Self::DiskFailing => "disk_failing",
            Self::Damaged => "damaged",
            Self::FileReplaced => "file_replaced",
        }
    }

    /// What is wrong.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::DiskFull => "There is no space left on the disk of the database",
            Self::LimitReached => "The database has grown to its limit, database-max",
            Self::FileSizeLimit => "A file of the database has grown to the system's limit for the size of files",
            Self::ReadOnly => "The disk of the database is read-only",
            Self::DiskFailing => "The disk of the database reports errors",
            Self::Damaged => "The database is damaged",
            Self::FileReplaced => "The database's file was moved, removed or replaced while it was in use",
        }
    }

    /// What an administrator can do, and what happens then.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::DiskFull => "make room on it, and changes are taken again by themselves",
            Self::LimitReached => "raise the limit and restart, or delete what is not needed",
            Self::FileSizeLimit => "raise it (LimitFSIZE= of a systemd unit, ulimit -f of a shell) and restart",
            Self::ReadOnly => "make it writable, and changes are taken again by themselves",
            Self::DiskFailing => "look into the server's log, and at the disk",
            Self::Damaged => "it is checked again by itself; if that goes on, look at the disk and restore a backup",
            Self::FileReplaced => "stop the server, put the right file in place, and start it again",
        }
    }
}

/// That the database cannot be written, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoreTrouble {
    /// What is wrong.
    pub kind: TroubleKind,
    /// When a write met it first.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// What is wrong and what to do, as a sentence.
    #[schema(
        example = "There is no space left on the disk of the database: make room on it, and changes are taken again by themselves"
    )]
    pub message: String,
}

impl StoreTrouble {
    /// Trouble of this kind since this moment.
    #[must_use]
    pub fn new(kind: TroubleKind, since: Timestamp) -> Self {
        Self { kind, since, message: format!("{}: {}", kind.what(), kind.advice()) }
    }
}
