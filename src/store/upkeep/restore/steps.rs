//! The steps of a restore, in order.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::candidate::{self, Candidate};
use super::error::RestoreError;
use super::outcome::{Before, Restored};
use super::replaced::{self, OldFacts, Replaced, remove_aliases};
use crate::clock::Clock;
use crate::domain::backup::RowCounts;
use crate::store::engine::data_dir::{DirLock, LockAttempt, database_path, prepare_dir, refuse_directory};
use crate::store::engine::files_at_rest;
use crate::store::engine::home::{Home, HomeRecord, read_home};
use crate::store::engine::lock_file::LockPurpose;
use crate::store::engine::migrate::SCHEMA_VERSION;
use crate::store::upkeep::actor::Actor;
use crate::store::upkeep::audit::AuditEntry;
use crate::store::upkeep::audit_action::AuditAction;
use crate::store::upkeep::backup::{BackupObserver, KeptFiles, side_files, sync_dir};

/// The completed steps of a restore. Interrupted after any of these, it leaves either the old database or the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreStep {
    /// The data directory is locked.
    Locked,
    /// The backup is copied into the data directory.
    Copied,
    Verified,
    /// The old database is a single file, locked against other processes.
    Quiesced,
    /// The copy has its own epoch and revisions, and is on the disk.
    Renewed,
    /// The old database has a second name, under which it is kept.
    Kept,
    /// No file of the old database is beside it.
    Cleared,
    /// The copy has replaced the database.
    Swapped,
    /// The new name is on the disk.
    Synced,
}

pub const RESTORE_STEPS: [RestoreStep; 9] = [
    RestoreStep::Locked,
    RestoreStep::Copied,
    RestoreStep::Verified,
    RestoreStep::Quiesced,
    RestoreStep::Renewed,
    RestoreStep::Kept,
    RestoreStep::Cleared,
    RestoreStep::Swapped,
    RestoreStep::Synced,
];

/// Is called after each step.
pub type StepObserver<'a> = &'a mut dyn FnMut(RestoreStep);

/// How the lock file describes this process.
const HOLDER: &str = "`muster restore`";

/// A prepared restore: the backup is copied and verified, and nothing is replaced yet. Dropping it changes nothing.
pub struct Restore {
    data_dir: PathBuf,
    source: PathBuf,
    clock: Clock,
    candidate: Candidate,
    before: Before,
    /// What the data directory remembers of its database.
    home: Option<HomeRecord>,
    /// Whether the files of the database that is replaced do not belong together: none of them is opened.
    is_mismatch: bool,
    // Dropped last.
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
        // First of all: a file that is clearly not a backup must not even create a data directory.
        candidate::check_header(source, &database_path(data_dir))?;
        prepare_dir(data_dir)?;
        refuse_directory(data_dir)?;
        let lock = match DirLock::acquire(data_dir, LockPurpose::Restore, HOLDER)? {
            LockAttempt::Taken(lock) => lock,
            LockAttempt::HeldBy(holder) => return Err(holder.in_use(data_dir).into()),
        };
        step(RestoreStep::Locked);
        remove_aliases(data_dir);
        let home = read_home(data_dir)?;
        let is_mismatch = match files_at_rest::refuse_mismatch(data_dir, home.as_ref()) {
            Ok(_) => false,
            Err(error) => {
                tracing::warn!(%error, "the files that are replaced are kept as they are");
                true
            }
        };
        if !is_mismatch {
            replaced::refuse_foreign(&database_path(data_dir))?;
        }
        let candidate = Candidate::copy(data_dir, source, observer)?;
        step(RestoreStep::Copied);
        let candidate = candidate.verified(source, clock, observer)?;
        step(RestoreStep::Verified);
        let before = if is_mismatch { Before::Unreadable } else { replaced::read_contents(&database_path(data_dir)) };
        let (data_dir, source) = (data_dir.to_owned(), source.to_owned());
        Ok(Self { data_dir, source, clock: clock.clone(), candidate, before, home, is_mismatch, _lock: lock })
    }

    #[must_use]
    pub fn before(&self) -> Before {
        self.before
    }

    #[must_use]
    pub fn after(&self) -> RowCounts {
        self.candidate.rows()
    }

    /// The schema version of the backup, where it is older than this binary's.
    #[must_use]
    pub fn older_schema(&self) -> Option<i64> {
        Some(self.candidate.schema_version()).filter(|version| *version < SCHEMA_VERSION)
    }

    /// The files of the machine that the backup keeps, as its verified copy has them. The database gets none of them.
    #[must_use]
    pub fn kept_files(&self) -> &KeptFiles {
        self.candidate.kept()
    }

    /// Replaces the database by the backup. Blocks.
    pub fn commit(mut self, actor: &Actor, step: StepObserver<'_>) -> Result<Restored, RestoreError> {
        let database = database_path(&self.data_dir);
        let replaced = if self.is_mismatch { Replaced::of_mismatch(&database) } else { Replaced::quiesce(&database)? };
        step(RestoreStep::Quiesced);
        let kept = replaced.is_there().then(|| replaced::kept_path(&self.data_dir, self.clock.now()));
        // Under the exclusive lock there may be more than was read before.
        let before = replaced.before().unwrap_or(self.before);
        let act = self.audit_entry(before, kept.as_deref());
        // A database that cannot be read has left in the file `home` how far it had got.
        let seen = replaced.facts().map(OldFacts::seen).or_else(|| self.home.as_ref().map(HomeRecord::seen));
        let renewed = self.candidate.renew(replaced.facts(), seen, actor, &act, self.clock.now())?;
        self.candidate.flush_for_owner(&database, &self.data_dir)?;
        step(RestoreStep::Renewed);
        let replaced = match &kept {
            Some(kept) => replaced.keep(&database, kept)?,
            None => replaced,
        };
        step(RestoreStep::Kept);
        replaced.clear(&database, kept.as_deref()).map_err(RestoreError::files(&database))?;
        sync_dir(&self.data_dir).map_err(RestoreError::files(&self.data_dir))?;
        if let Some(stale) = side_files(&database).iter().find(|path| path.exists()) {
            // Never observed; the rename would mix two databases.
            return Err(RestoreError::InUse(stale.display().to_string()));
        }
        // From here on the next start knows both.
        let record = self.home.clone().unwrap_or_default().with_successor(renewed.successor);
        Home::create(&self.data_dir, record)?;
        step(RestoreStep::Cleared);
        self.candidate.replace(&database).map_err(RestoreError::files(&database))?;
        step(RestoreStep::Swapped);
        sync_dir(&self.data_dir).map_err(RestoreError::files(&self.data_dir))?;
        step(RestoreStep::Synced);
        // The old file has another name now, so it can be unlocked.
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

    /// The entry in the audit log of the restored database.
    fn audit_entry(&self, before: Before, kept: Option<&Path>) -> AuditEntry {
        let source = fs::canonicalize(&self.source).unwrap_or_else(|_| self.source.clone());
        let before = match before {
            Before::Nothing => json!(null),
            Before::Rows(rows) => json!({"rows": rows}),
            Before::Unreadable => json!({"rows": null, "unreadable": true}),
        };
        let kept = kept.map(|path| path.display().to_string());
        let after = json!({"rows": self.after(), "schemaVersion": self.candidate.schema_version(), "kept": kept});
        let entry = AuditEntry::of(AuditAction::BackupRestore, source.display().to_string()).after(after);
        if before.is_null() { entry } else { entry.before(before) }
    }
}
