//! Restoring: a backup in the place of the database, in one step that is done whole or not at all.
//!
//! Everything that can fail happens to a copy of the backup beside the database; then one rename puts it in its place. What
//! must never happen is that a log of the old database stands beside the new one, since SQLite would take it for the new
//! one's and write the old pages into it. So the old database is brought into a single file first, and held under an
//! exclusive lock from then until it has lost its name.
//!
//! - `candidate`: the copy of the backup, verified and made ready;
//! - `replaced`: the old database, brought to rest, and what is to be learnt from it.

mod candidate;
mod replaced;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

pub(in crate::store) use candidate::is_leftover;
pub(in crate::store) use replaced::remove_aliases;

use candidate::Candidate;
use replaced::Replaced;

use super::audit::{Actor, AuditEntry};
use super::backup::{BackupError, BackupObserver, side_files, sync_dir};
use crate::clock::Clock;
use crate::domain::backup::RowCounts;
use crate::store::engine::data_dir::{DirLock, RESTORE_HOLDER, database_path, prepare_dir, refuse_directory};
use crate::store::engine::error::{OpenError, StoreError};
use crate::store::engine::migrate::SCHEMA_VERSION;

/// What a restore has done so far. Ended after any of these, it leaves the old database or the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreStep {
    /// The data directory is locked.
    Locked,
    /// The backup is copied into the data directory.
    Copied,
    /// The copy is verified.
    Verified,
    /// The old database is a single file, and nobody can use it.
    BroughtToRest,
    /// The copy has an epoch and revisions of its own, and is on the disk.
    Renewed,
    /// The old database has a second name, under which it stays.
    Kept,
    /// Nothing that belongs to the old database stands beside it.
    Cleared,
    /// The copy is the database.
    Swapped,
    /// The disk knows it.
    Synced,
}

/// Every step, in order.
pub const RESTORE_STEPS: [RestoreStep; 9] = [
    RestoreStep::Locked,
    RestoreStep::Copied,
    RestoreStep::Verified,
    RestoreStep::BroughtToRest,
    RestoreStep::Renewed,
    RestoreStep::Kept,
    RestoreStep::Cleared,
    RestoreStep::Swapped,
    RestoreStep::Synced,
];

/// Somebody who is told of each step as soon as it is done.
pub type StepObserver<'a> = &'a mut dyn FnMut(RestoreStep);

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
    fn files(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |error| Self::Files { path, reason: error.to_string() }
    }
}

impl From<rusqlite::Error> for RestoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What the database held before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// There was none.
    Nothing,
    /// So much.
    Rows(RowCounts),
    /// Nobody can say: it cannot be read.
    Unreadable,
}

/// What came of a restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What the database held before.
    pub before: Before,
    /// What it holds now.
    pub after: RowCounts,
    /// Where the database that was replaced is kept; none where there was none.
    pub kept: Option<PathBuf>,
    /// The schema version of the backup; an older one is migrated when it is next opened.
    pub schema_version: i64,
    /// Sessions that were ended.
    pub sessions_ended: usize,
    /// Tokens of the backup that were revoked after it was made, and stay so.
    pub tokens_kept_revoked: usize,
    /// Tokens of the database before that the backup does not know.
    pub tokens_lost: usize,
}

/// A restore that has been prepared: the backup is copied and verified, and nothing is replaced yet. Dropping it leaves
/// everything as it was.
pub struct Restore {
    data_dir: PathBuf,
    source: PathBuf,
    clock: Clock,
    candidate: Candidate,
    before: Before,
    // Given up last.
    _lock: DirLock,
}

impl Restore {
    /// Locks the data directory, copies the backup into it and verifies the copy. Blocks.
    pub fn prepare(
        data_dir: &Path,
        source: &Path,
        clock: &Clock,
        observer: &Arc<dyn BackupObserver>,
        step: StepObserver<'_>,
    ) -> Result<Self, RestoreError> {
        // Before anything is touched: what is plainly no backup must not even make a data directory.
        candidate::look_at(source, &database_path(data_dir))?;
        prepare_dir(data_dir)?;
        refuse_directory(data_dir)?;
        let lock = DirLock::acquire(data_dir, RESTORE_HOLDER)?;
        step(RestoreStep::Locked);
        replaced::refuse_foreign(&database_path(data_dir))?;
        remove_aliases(data_dir);
        let candidate = Candidate::copy(data_dir, source, observer)?;
        step(RestoreStep::Copied);
        let candidate = candidate.verified(source, clock, observer)?;
        step(RestoreStep::Verified);
        let before = replaced::look_at(&database_path(data_dir));
        let (data_dir, source) = (data_dir.to_owned(), source.to_owned());
        Ok(Self { data_dir, source, clock: clock.clone(), candidate, before, _lock: lock })
    }

    /// What the database holds now.
    #[must_use]
    pub fn before(&self) -> Before {
        self.before
    }

    /// What the backup holds.
    #[must_use]
    pub fn after(&self) -> RowCounts {
        self.candidate.rows()
    }

    /// The schema version of the backup, where it is older than this binary's.
    #[must_use]
    pub fn older_schema(&self) -> Option<i64> {
        Some(self.candidate.schema_version()).filter(|version| *version < SCHEMA_VERSION)
    }

    /// Puts the backup in the place of the database. Blocks.
    pub fn commit(mut self, actor: &Actor, step: StepObserver<'_>) -> Result<Restored, RestoreError> {
        let database = database_path(&self.data_dir);
        let replaced = Replaced::bring_to_rest(&database)?;
        step(RestoreStep::BroughtToRest);
        let kept = replaced.is_there().then(|| replaced::kept_path(&self.data_dir, self.clock.now()));
        // What the exclusive lock now holds still may be more than what was read before it.
        let before = replaced.before().unwrap_or(self.before);
        let told = self.told(before, kept.as_deref());
        let renewed = self.candidate.renew(replaced.facts(), actor, &told, self.clock.now())?;
        self.candidate.settle(&database, &self.data_dir)?;
        step(RestoreStep::Renewed);
        let replaced = match &kept {
            Some(kept) => replaced.keep(&database, kept)?,
            None => replaced,
        };
        step(RestoreStep::Kept);
        replaced.clear(&database, kept.as_deref()).map_err(RestoreError::files(&database))?;
        sync_dir(&self.data_dir).map_err(RestoreError::files(&self.data_dir))?;
        if let Some(stale) = side_files(&database).iter().find(|path| path.exists()) {
            // Never seen; and the swap would make one database of two.
            return Err(RestoreError::InUse(stale.display().to_string()));
        }
        step(RestoreStep::Cleared);
        self.candidate.take_the_place_of(&database).map_err(RestoreError::files(&database))?;
        step(RestoreStep::Swapped);
        sync_dir(&self.data_dir).map_err(RestoreError::files(&self.data_dir))?;
        step(RestoreStep::Synced);
        // Only now may anybody have the old file again; it is called otherwise.
        drop(replaced);
        Ok(Restored {
            before,
            after: renewed.rows,
            kept,
            schema_version: self.candidate.schema_version(),
            sessions_ended: renewed.sessions_ended,
            tokens_kept_revoked: renewed.tokens_kept_revoked,
            tokens_lost: renewed.tokens_lost,
        })
    }

    /// The act as the audit log of the restored database tells it.
    fn told(&self, before: Before, kept: Option<&Path>) -> AuditEntry {
        let source = fs::canonicalize(&self.source).unwrap_or_else(|_| self.source.clone());
        let before = match before {
            Before::Nothing => json!(null),
            Before::Rows(rows) => json!({"rows": rows}),
            Before::Unreadable => json!({"rows": null, "unreadable": true}),
        };
        let kept = kept.map(|path| path.display().to_string());
        let after = json!({"rows": self.after(), "schemaVersion": self.candidate.schema_version(), "kept": kept});
        let entry = AuditEntry::of("backup.restore", source.display().to_string()).after(after);
        if before.is_null() { entry } else { entry.before(before) }
    }
}
