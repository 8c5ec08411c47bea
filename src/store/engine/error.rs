//! Errors of the store, independent of HTTP.

use std::sync::Arc;

use rusqlite::ErrorCode;
use rustix::process::{Resource, getrlimit};

use crate::domain::FieldError;
use crate::domain::trouble::TroubleKind;

/// Why a read or a write failed. A failed write has changed nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Something does not exist, is archived, or is outside the caller's reach.
    #[error("{0} not found")]
    NotFound(Subject),
    /// The write conflicts with existing data; the sentence says with what.
    #[error("{0}")]
    Conflict(String),
    /// The write expected another version; the sentence says which is current.
    #[error("{0}")]
    Outdated(String),
    /// A value was refused.
    #[error("{}", first_message(.0))]
    Invalid(Vec<FieldError>),
    #[error("too many writes are waiting")]
    QueueFull,
    #[error("too many reads are waiting")]
    ReadQueueFull,
    /// Too much of the same client's waits already.
    #[error("too many requests of the same client are waiting")]
    NoTurn(TurnKind),
    /// The deadline passed before the work began: a long queue, or another process holds the write lock.
    #[error("the database was busy until the request's deadline")]
    DeadlinePassed,
    /// The disk is full, or the user's quota on it.
    #[error("no space is left on the disk")]
    Full,
    /// The database has grown to the limit that is set for it.
    #[error("no space is left within the database's limit, database-max")]
    LimitReached,
    /// A file has the largest size that the system allows this process.
    #[error(
        "a file has the largest size that the system allows this process (LimitFSIZE= of a systemd unit, ulimit -f of a \
         shell)"
    )]
    FileSizeLimit(Arc<rusqlite::Error>),
    /// The file system is read-only, or the files may not be written.
    #[error("the database is read-only at the moment: {0}")]
    ReadOnly(Arc<rusqlite::Error>),
    /// The disk reports errors.
    #[error("the disk reports an error: {0}")]
    DiskFailing(Arc<rusqlite::Error>),
    /// A file of the database no longer has its name, so that what is written would be gone at the next start.
    #[error("{0} was moved, removed or replaced while it was in use")]
    FileReplaced(Arc<str>),
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
    /// The work panicked; its changes are rolled back.
    #[error("the work panicked")]
    Panicked,
    /// SQLite failed in a way that callers cannot handle.
    #[error("database error: {0}")]
    Sqlite(Arc<rusqlite::Error>),
    /// The database holds something that this program never writes.
    #[error("database holds an impossible value: {0}")]
    Corrupt(String),
}

/// What a client's turn is for ([`StoreError::NoTurn`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnKind {
    /// A read transaction.
    Read,
    /// A write job.
    Write,
}

/// What a [`StoreError::NotFound`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Enterprise,
    Department,
    /// An employee, named as part of the directory.
    Employee,
    /// An employee, named as the collector of contacts.
    User,
    Contact,
    Token,
    ConfigurationVersion,
    /// A signed-in browser.
    Session,
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Enterprise => "Enterprise",
            Self::Department => "Department",
            Self::Employee => "Employee",
            Self::User => "User",
            Self::Contact => "Contact",
            Self::Token => "Token",
            Self::ConfigurationVersion => "Configuration version",
            Self::Session => "Session",
        })
    }
}

/// The first of several reasons, for a message.
pub(in crate::store) fn first_message(errors: &[FieldError]) -> String {
    errors.first().map_or_else(|| "a value was refused".to_owned(), ToString::to_string)
}

impl StoreError {
    /// Whether nothing in the same transaction can be relied on to reach the disk.
    pub(super) fn ends_group(&self) -> bool {
        match self {
            Self::Corrupt(_) => true,
            Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::OutOfMemory) => true,
            error => error.trouble().is_some(),
        }
    }

    /// The trouble with the disk or the database's file that this shows, if any.
    #[must_use]
    pub fn trouble(&self) -> Option<TroubleKind> {
        match self {
            Self::Full => Some(TroubleKind::DiskFull),
            Self::LimitReached => Some(TroubleKind::LimitReached),
            Self::FileSizeLimit(_) => Some(TroubleKind::FileSizeLimit),
            Self::ReadOnly(_) => Some(TroubleKind::ReadOnly),
            Self::DiskFailing(_) => Some(TroubleKind::DiskFailing),
            Self::FileReplaced(_) => Some(TroubleKind::FileReplaced),
            error => error.is_damage().then_some(TroubleKind::Damaged),
        }
    }

    /// Whether the database's file is broken, so that only a backup helps.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        let Self::Sqlite(error) = self else { return false };
        matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
    }

    /// The error for a file that was found damaged earlier.
    pub(super) fn damage() -> Self {
        let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        Self::Sqlite(Arc::new(rusqlite::Error::SqliteFailure(error, None)))
    }

    /// The error for a file that has become too large earlier.
    pub(super) fn file_too_large() -> Self {
        let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_WRITE);
        Self::FileSizeLimit(Arc::new(rusqlite::Error::SqliteFailure(error, None)))
    }

    /// Whether another connection holds a lock that this one needs.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::DeadlinePassed)
    }
}

impl From<rusqlite::Error> for StoreError {
    /// Distinguishes the failures that callers can act on. Constraint violations appear here only when a concurrent
    /// change overtook a check, so their kind is enough.
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ffi;
        match error.sqlite_error().map(|error| (error.code, error.extended_code)) {
            // SQLite does not say why a write failed. The store's condition looks at the files, too.
            Some((_, ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_SHMSIZE)) if file_size_max().is_some() => {
                Self::FileSizeLimit(Arc::new(error))
            }
            // A full disk refuses to extend the WAL index in this way.
            Some((ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_SHMSIZE)) => Self::Full,
            Some((ErrorCode::ReadOnly, _)) => Self::ReadOnly(Arc::new(error)),
            Some((ErrorCode::SystemIoFailure | ErrorCode::CannotOpen, _)) => Self::DiskFailing(Arc::new(error)),
            Some((ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _)) => Self::DeadlinePassed,
            Some((_, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY)) => {
                Self::Conflict("the same id exists already".to_owned())
            }
            Some((_, ffi::SQLITE_CONSTRAINT_FOREIGNKEY)) => {
                Self::Conflict("something that this belongs to has just gone".to_owned())
            }
            _ => Self::Sqlite(Arc::new(error)),
        }
    }
}

/// How large the files may become that this process writes; `None` without a limit.
pub(super) fn file_size_max() -> Option<u64> {
    getrlimit(Resource::Fsize).current
}

/// Why a database could not be opened. Each message is one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data directory is missing or cannot be used.
    #[error("cannot use the data directory {path}: {reason}")]
    DataDir {
        path: String,
        /// The fault, and what to do.
        reason: String,
    },
    /// Another process serves or restores the same data directory.
    #[error("the data directory {path} is in use by {holder}; stop that first, or choose another --data-dir")]
    InUse {
        path: String,
        holder: String,
        /// Whether the other process is a command, which gives the directory up when it is done.
        ends_by_itself: bool,
    },
    /// A file that another user left, most likely by a command that root ran.
    #[error(
        "{path} belongs to another user (uid {owner}) and cannot be written; give it to the owner of the directory: \
         chown --reference={directory} {path}"
    )]
    OfAnotherUser { path: String, owner: u32, directory: String },
    /// The file is no Muster database.
    #[error("{path} is not a Muster database: {reason}; move it away or choose another --data-dir")]
    Foreign { path: String, reason: String },
    /// The file defines something that Muster does not.
    #[error(
        "{path} was changed by somebody: {difference}; nothing of it was run. Restore a backup that you trust with `muster \
         restore`"
    )]
    Altered { path: String, difference: String },
    /// SQLite finds the file, or the file with the log beside it, damaged.
    #[error(
        "{path} is damaged, or the log beside it is not its own; put the right files back, or restore a backup with `muster \
         restore`, which keeps these under other names"
    )]
    Damaged { path: String },
    /// A file that came from elsewhere is damaged.
    #[error(
        "{path} came from elsewhere and is not sound: {reason}. It was perhaps copied while it was written; put a whole copy \
         in place, or restore a backup with `muster restore`"
    )]
    Unsound { path: String, reason: String },
    /// The file was written by a newer Muster.
    #[error(
        "{path} has schema version {found}, but this Muster knows only versions up to {known}; \
         use the Muster that wrote it, or a newer one"
    )]
    Newer { path: String, found: i64, known: i64 },
    /// The file is of an older version and a server has it open, so that it cannot be migrated now.
    #[error("{path} has schema version {found}, this Muster writes {known}; stop the running server and try again")]
    Older { path: String, found: i64, known: i64 },
    /// The file is of an older version, and who only reads does not migrate it.
    #[error(
        "{path} has schema version {found}, and this Muster reads {known}; start `muster serve` once, which backs it up and \
         migrates it, or use the Muster that wrote it"
    )]
    ReadsNewer { path: String, found: i64, known: i64 },
    /// The file is of an older version, and cannot be backed up before it is migrated.
    #[error(
        "{path} has schema version {found} and was not migrated to {known}, because the backup before that cannot be \
         made: {reason}"
    )]
    NotBackedUp { path: String, found: i64, known: i64, reason: String },
    /// The mark of this start could not be stored.
    #[error("cannot begin to use {path}: {reason}")]
    Mark { path: String, reason: String },
    /// SQLite could not open it.
    #[error("cannot open {path}: {error}")]
    Sqlite { path: String, error: rusqlite::Error },
    /// A thread or another resource of the operating system could not be created.
    #[error("cannot start the store: {0}")]
    System(#[from] std::io::Error),
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn what_sqlite_says_of_a_disk_is_told_apart() {
        let check = |code: i32, expected: Option<TroubleKind>| {
            let error = StoreError::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
            assert_eq!(error.trouble(), expected, "{error:?}");
            assert_eq!(error.ends_group(), expected.is_some(), "{error:?}");
        };
        check(ffi::SQLITE_FULL, Some(TroubleKind::DiskFull));
        check(ffi::SQLITE_IOERR_SHMSIZE, Some(TroubleKind::DiskFull));
        check(ffi::SQLITE_IOERR_WRITE, Some(TroubleKind::DiskFailing));
        check(ffi::SQLITE_IOERR_FSYNC, Some(TroubleKind::DiskFailing));
        check(ffi::SQLITE_IOERR_READ, Some(TroubleKind::DiskFailing));
        check(ffi::SQLITE_CANTOPEN, Some(TroubleKind::DiskFailing));
        check(ffi::SQLITE_READONLY, Some(TroubleKind::ReadOnly));
        check(ffi::SQLITE_READONLY_DBMOVED, Some(TroubleKind::ReadOnly));
        check(ffi::SQLITE_CORRUPT, Some(TroubleKind::Damaged));
        check(ffi::SQLITE_CORRUPT_INDEX, Some(TroubleKind::Damaged));
        check(ffi::SQLITE_NOTADB, Some(TroubleKind::Damaged));
        check(ffi::SQLITE_BUSY, None);
        check(ffi::SQLITE_CONSTRAINT_UNIQUE, None);
        check(ffi::SQLITE_ERROR, None);
    }
}
