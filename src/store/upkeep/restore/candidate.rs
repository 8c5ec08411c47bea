//! The copy of a backup that is to become the database: verified, and given a history of its own.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error::RestoreError;
use super::replaced::{OldFacts, tokens_revoked};
use crate::clock::Clock;
use crate::domain::backup::RowCounts;
use crate::domain::time::Timestamp;
use crate::store::engine::connection;
use crate::store::engine::error::OpenError;
use crate::store::engine::home::Successor;
use crate::store::engine::known_schema;
use crate::store::engine::migrate::{self, APPLICATION_ID, DetectedSchema, SCHEMA_VERSION};
use crate::store::engine::renewal::{self, Seen};
use crate::store::upkeep::actor::Actor;
use crate::store::upkeep::audit::{AuditEntry, insert};
use crate::store::upkeep::audit_action::AuditAction;
use crate::store::upkeep::backup::{
    BackupError, BackupObserver, BackupProgress, BackupStage, KEPT_FILE_TABLE, KeptFiles, Pace, Partial, make_single,
    read_kept_files, remove_kept_files, require_room, side_files, verify, with_suffix,
};

/// The copy's final name before it replaces the database.
const CANDIDATE_FILE: &str = "muster-restoring.db";

/// Bytes that are copied at a time.
const PIECE_BYTES: usize = 1_024 * 1_024;

/// The header of a SQLite file (<https://sqlite.org/fileformat2.html#database_header>).
const HEADER_BYTES: usize = 100;
const MAGIC: &[u8] = b"SQLite format 3\0";
const USER_VERSION_AT: usize = 60;
const APPLICATION_ID_AT: usize = 68;

/// The copy of a backup in the data directory.
pub(super) struct Candidate {
    partial: Partial,
    rows: RowCounts,
    schema_version: i64,
    kept: KeptFiles,
}

/// The result of giving the copy a history of its own.
pub(super) struct Renewed {
    pub(super) rows: RowCounts,
    pub(super) sessions_ended: usize,
    pub(super) tokens_kept_revoked: usize,
    pub(super) tokens_lost: usize,
    /// By what the data directory will recognise it.
    pub(super) successor: Successor,
}

fn refuse(source: &Path, reason: impl Into<String>) -> RestoreError {
    RestoreError::Source { path: source.display().to_string(), reason: reason.into() }
}

/// Reads the header of a file, and refuses what is clearly not a backup. Changes nothing.
pub(super) fn check_header(source: &Path, database: &Path) -> Result<(), RestoreError> {
    let metadata = fs::metadata(source).map_err(|error| match error.kind() {
        ErrorKind::NotFound => refuse(source, "there is no such file"),
        _ => refuse(source, error.to_string()),
    })?;
    if metadata.is_dir() {
        return Err(refuse(source, "it is a directory; name the file of a backup"));
    }
    if !metadata.is_file() {
        return Err(refuse(source, "it is no regular file"));
    }
    if fs::metadata(database).is_ok_and(|live| (live.dev(), live.ino()) == (metadata.dev(), metadata.ino())) {
        return Err(refuse(source, "it is the database itself"));
    }
    let log = with_suffix(source, "-wal");
    if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        let reason = format!(
            "{} stands beside it, so it is the file of a database that was in use and lacks what is in that log; \
             make a backup of it with `muster backup` and its --data-dir",
            log.display()
        );
        return Err(refuse(source, reason));
    }
    let mut header = [0; HEADER_BYTES];
    let read = File::open(source).and_then(|mut file| file.read_exact(&mut header));
    match read {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(refuse(source, "it is no SQLite file")),
        Err(error) => return Err(refuse(source, error.to_string())),
        Ok(()) if !header.starts_with(MAGIC) => return Err(refuse(source, "it is no SQLite file")),
        Ok(()) => {}
    }
    let number = |at: usize| {
        let bytes = header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        i64::from(bytes.map_or(0, i32::from_be_bytes))
    };
    if number(APPLICATION_ID_AT) != APPLICATION_ID {
        return Err(refuse(source, "it is a SQLite file of another program"));
    }
    let found = number(USER_VERSION_AT);
    if found > SCHEMA_VERSION {
        return Err(newer(source, found));
    }
    Ok(())
}

fn newer(source: &Path, found: i64) -> RestoreError {
    let reason = format!(
        "it has schema version {found}, but this Muster knows only versions up to {SCHEMA_VERSION}; use the Muster \
         that wrote it, or a newer one"
    );
    refuse(source, reason)
}

impl Candidate {
    /// Copies the file into the data directory, readable by its owner alone.
    pub(super) fn copy(
        data_dir: &Path,
        source: &Path,
        observer: &Arc<dyn BackupObserver>,
    ) -> Result<Self, RestoreError> {
        let partial = Partial::create(&data_dir.join(CANDIDATE_FILE), true).map_err(RestoreError::Copy)?;
        let mut from = File::open(source).map_err(|error| refuse(source, error.to_string()))?;
        let bytes_total = from.metadata().map_err(|error| refuse(source, error.to_string()))?.len();
        require_room(partial.path(), bytes_total).map_err(RestoreError::Copy)?;
        let mut piece = vec![0; PIECE_BYTES];
        let mut bytes_done = 0;
        loop {
            let read = from.read(&mut piece).map_err(|error| refuse(source, error.to_string()))?;
            let Some(piece) = piece.get(..read).filter(|piece| !piece.is_empty()) else { break };
            partial.file().write_all(piece).map_err(|error| RestoreError::Copy(partial.failed(&error)))?;
            bytes_done += read as u64;
            observer.progressed(BackupProgress { stage: BackupStage::Copying, bytes_done, bytes_total });
            if observer.is_cancelled() {
                return Err(RestoreError::Copy(BackupError::Cancelled));
            }
        }
        Ok(Self { partial, rows: RowCounts::default(), schema_version: 0, kept: KeptFiles::default() })
    }

    /// Verifies that the copy is a sound database of Muster's.
    pub(super) fn verified(
        mut self,
        source: &Path,
        clock: &Clock,
        observer: &Arc<dyn BackupObserver>,
    ) -> Result<Self, RestoreError> {
        let bytes = self.partial.bytes().map_err(RestoreError::Copy)?;
        observer.progressed(BackupProgress { stage: BackupStage::Verifying, bytes_done: bytes, bytes_total: bytes });
        let explain = |error: BackupError| match error {
            BackupError::Unsound(reason) => refuse(source, format!("it is damaged: {reason}")),
            BackupError::Store(error) if error.is_damage() => refuse(source, format!("it is damaged: {error}")),
            error => RestoreError::Copy(error),
        };
        make_single(self.partial.path()).map_err(explain)?;
        let connection = self.connect()?;
        self.schema_version = match migrate::detect_schema(&connection, source, true) {
            Ok(DetectedSchema::Version(version)) if version > 0 => version,
            Ok(_) => return Err(refuse(source, "it holds no database of Muster")),
            Err(OpenError::Newer { found, .. }) => return Err(newer(source, found)),
            Err(OpenError::Foreign { reason, .. }) => return Err(refuse(source, reason)),
            Err(error) => return Err(error.into()),
        };
        let altered = known_schema::find_difference(&connection, self.schema_version, &[KEPT_FILE_TABLE])?;
        if let Some(difference) = altered {
            let reason =
                format!("{difference}, so somebody has changed it; nothing of it was run. Use a backup that you trust");
            return Err(refuse(source, reason));
        }
        self.rows = verify(self.partial.path(), Pace::Full, clock, observer).map_err(explain)?.rows();
        self.kept = read_kept_files(&connection).map_err(explain)?;
        Ok(self)
    }

    pub(super) fn rows(&self) -> RowCounts {
        self.rows
    }

    pub(super) fn schema_version(&self) -> i64 {
        self.schema_version
    }

    /// The files of the machine that the backup keeps.
    pub(super) fn kept(&self) -> &KeptFiles {
        &self.kept
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        connection::connect(self.partial.path(), flags)
    }

    /// Gives the copy a history of its own: a new epoch, revisions above all that clients may have seen, no sessions
    /// and links, no tokens that were revoked since, and the restore in its audit log.
    pub(super) fn renew(
        &self,
        old: Option<&OldFacts>,
        seen: Option<Seen>,
        actor: &Actor,
        act: &AuditEntry,
        now: Timestamp,
    ) -> Result<Renewed, RestoreError> {
        let connection = self.connect()?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // Deleted sessions and tokens must not remain in the file.
        let _: i64 = connection.pragma_update_and_check(None, "secure_delete", "ON", |row| row.get(0))?;
        let transaction = rusqlite::Transaction::new_unchecked(&connection, TransactionBehavior::Immediate)?;
        remove_kept_files(&transaction)?;
        renewal::renew(&transaction, seen)?;
        let sessions_ended = renewal::end_sessions(&transaction)?;
        let mut tokens_kept_revoked = 0;
        let written_down: HashSet<String> = tokens_revoked(&transaction)?;
        for id in old.map_or(&[][..], |old| &old.tokens_revoked) {
            tokens_kept_revoked += transaction.execute("DELETE FROM token WHERE id = ?1", [id])?;
            // The next restore relies on this log, and its backup may have the token.
            if !written_down.contains(id) {
                insert(&transaction, now, actor, &AuditEntry::of(AuditAction::TokenRevoke, id.as_str()))?;
            }
        }
        let mut tokens_lost = 0;
        for id in old.map_or(&[][..], |old| &old.tokens) {
            let known: bool =
                transaction.query_row("SELECT EXISTS (SELECT 1 FROM token WHERE id = ?1)", [id], |row| row.get(0))?;
            tokens_lost += usize::from(!known);
        }
        insert(&transaction, now, actor, act)?;
        let mark = renew_home(&transaction)?;
        transaction.commit()?;
        // So that the first process to open it need not switch the mode, which would exclude others. A file system
        // without WAL support leaves it unchanged.
        let _: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        connection.close().map_err(|(_, error)| error)?;
        self.require_single()?;
        let revoked = u64::try_from(tokens_kept_revoked).unwrap_or(0);
        let rows = RowCounts { tokens: self.rows.tokens.saturating_sub(revoked), ..self.rows };
        let inode =
            self.partial.file().metadata().map_err(|error| RestoreError::Copy(self.partial.failed(&error)))?.ino();
        let successor = Successor { mark, inode };
        Ok(Renewed { rows, sessions_ended, tokens_kept_revoked, tokens_lost, successor })
    }

    /// Verifies that the copy has no files beside it, which a rename would leave behind.
    fn require_single(&self) -> Result<(), RestoreError> {
        let Some(side) = side_files(self.partial.path()).into_iter().find(|side| side.exists()) else { return Ok(()) };
        Err(RestoreError::InUse(side.display().to_string()))
    }

    /// Flushes the copy to the disk, and gives it to the database's owner: a restore by root must not lock out the
    /// server's user.
    pub(super) fn flush_for_owner(&self, database: &Path, data_dir: &Path) -> Result<(), RestoreError> {
        let failed = |error| RestoreError::Copy(self.partial.failed(&error));
        let model = fs::metadata(database).or_else(|_| fs::metadata(data_dir)).map_err(failed)?;
        let own = self.partial.file().metadata().map_err(failed)?;
        if (model.uid(), model.gid()) != (own.uid(), own.gid()) {
            // Without the privilege, the file keeps its owner, who may be allowed to write there all the same.
            let _ = chown(self.partial.path(), Some(model.uid()), Some(model.gid()));
        }
        if model.is_file() {
            self.partial.file().set_permissions(model.permissions()).map_err(failed)?;
        }
        self.partial.file().sync_all().map_err(failed)
    }

    pub(super) fn replace(&mut self, database: &Path) -> std::io::Result<()> {
        self.partial.replace(database)
    }
}

/// Gives the copy a mark and a lineage of its own; returns the mark, which is empty where the schema has none yet.
fn renew_home(connection: &Connection) -> rusqlite::Result<String> {
    const KNOWN: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'home')";
    const RENEW: &str = "UPDATE home SET mark = lower(hex(randomblob(8))), lineage = lower(hex(randomblob(8))),
            generation = 1, base_generation = 0, tag_key = lower(hex(randomblob(16))) RETURNING mark";
    let known: bool = connection.query_row(KNOWN, [], |row| row.get(0))?;
    if known { connection.query_row(RENEW, [], |row| row.get(0)) } else { Ok(String::new()) }
}

/// Whether an unfinished file was left by a killed restore.
pub(in crate::store) fn is_leftover(name: &str) -> bool {
    name == CANDIDATE_FILE
}
