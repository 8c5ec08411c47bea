//! The database that is replaced: brought into a single file, kept under another name, removed.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::error::RestoreError;
use super::outcome::Before;
use crate::domain::backup::{RowCounts, stamp};
use crate::domain::time::Timestamp;
use crate::store::engine::connection;
use crate::store::engine::data_dir::{database_path, give_to};
use crate::store::engine::error::OpenError;
use crate::store::engine::migrate::{self, APPLICATION_ID};
use crate::store::engine::renewal::Seen;
use crate::store::upkeep::audit_action::AuditAction;
use crate::store::upkeep::backup::{TableCounts, side_files, sync_dir, with_suffix};

/// How the names of replaced databases begin and end.
const KEPT_START: &str = "muster-replaced-";
const KEPT_END: &str = ".db";

/// How long another program may keep the database open. A server would have the lock, so this is a shell or a command
/// that ends.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);

/// What the new database takes over from the old one.
#[derive(Clone, Debug, Default)]
pub(super) struct OldFacts {
    pub(super) revision: i64,
    pub(super) access_version: i64,
    /// The highest contact id of the old database.
    pub(super) contact_id_floor: i64,
    pub(super) tokens: Vec<String>,
    pub(super) tokens_revoked: Vec<String>,
}

/// The old database when no process can change it.
pub(super) enum Replaced {
    Nothing,
    /// A single file, locked as long as this value lives.
    QuiescedDatabase(Box<QuiescedDatabase>),
    /// Files that SQLite cannot read, or that do not belong together.
    Damaged,
}

pub(super) struct QuiescedDatabase {
    rows: Option<RowCounts>,
    facts: Option<OldFacts>,
    /// In an exclusive transaction that writes nothing.
    _held: Connection,
}

/// What the database holds, if it can be read without preparation.
pub(super) fn read_contents(database: &Path) -> Before {
    if !database.exists() {
        return Before::Nothing;
    }
    let counted = connect(database).and_then(|connection| {
        connection.pragma_update(None, "query_only", true)?;
        TableCounts::read(&connection)
    });
    counted.map_or(Before::Unreadable, |counts| Before::Rows(counts.rows()))
}

fn connect(database: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = connection::connect(database, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

impl Replaced {
    /// Files that do not belong together are kept as they are, and not opened.
    pub(super) fn of_mismatch(database: &Path) -> Self {
        let has_any = database.exists() || side_files(database).iter().any(|side| side.exists());
        if has_any { Self::Damaged } else { Self::Nothing }
    }

    /// Moves the log into the database, removes the log, and locks other processes out.
    pub(super) fn quiesce(database: &Path) -> Result<Self, RestoreError> {
        if !database.exists() {
            return Ok(Self::Nothing);
        }
        let in_use = || RestoreError::InUse(database.display().to_string());
        match rest(database) {
            Ok(Some(connection)) => {
                let rows = TableCounts::read(&connection).ok().map(|counts| counts.rows());
                let facts = OldFacts::read(&connection).ok();
                Ok(Self::QuiescedDatabase(Box::new(QuiescedDatabase { rows, facts, _held: connection })))
            }
            Ok(None) => Err(in_use()),
            Err(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Err(in_use()),
                _ if is_damage(&error) => {
                    tracing::warn!(%error, "the database that is replaced is damaged; it is kept as it is");
                    Ok(Self::Damaged)
                }
                _ => Err(error.into()),
            },
        }
    }

    pub(super) fn is_there(&self) -> bool {
        !matches!(self, Self::Nothing)
    }

    /// What it holds, read under the lock.
    pub(super) fn before(&self) -> Option<Before> {
        match self {
            Self::QuiescedDatabase(old) => old.rows.map(Before::Rows),
            _ => None,
        }
    }

    /// What the new database takes over; none where there was no database or it cannot be read.
    pub(super) fn facts(&self) -> Option<&OldFacts> {
        match self {
            Self::QuiescedDatabase(old) => old.facts.as_ref(),
            _ => None,
        }
    }

    /// Gives it a second name (a hard link), under which it is kept.
    pub(super) fn keep(self, database: &Path, kept: &Path) -> Result<Self, RestoreError> {
        let failed = || RestoreError::files(kept);
        let replaced = match fs::hard_link(database, kept) {
            Ok(()) => self,
            // Only a log lies there.
            Err(error) if error.kind() == ErrorKind::NotFound && matches!(self, Self::Damaged) => self,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(failed()(error)),
            // A file system without hard links.
            Err(_) => self.keep_copy(database, kept)?,
        };
        sync_dir(database.parent().unwrap_or(Path::new("."))).map_err(failed())?;
        Ok(replaced)
    }

    /// Copies the file. Reading it with other means than SQLite releases every lock of this process on it, so it is
    /// locked again, and must be unchanged.
    fn keep_copy(self, database: &Path, kept: &Path) -> Result<Self, RestoreError> {
        let failed = || RestoreError::files(kept);
        let state = || fs::metadata(database).map(|file| (file.len(), file.mtime(), file.mtime_nsec(), file.ino()));
        let before = state().map_err(failed())?;
        let was_at_rest = matches!(self, Self::QuiescedDatabase(_));
        drop(self);
        copy_whole(database, kept).map_err(failed())?;
        let replaced = if was_at_rest { Self::quiesce(database)? } else { Self::Damaged };
        if state().map_err(failed())? != before {
            let _ = fs::remove_file(kept);
            return Err(RestoreError::InUse(database.display().to_string()));
        }
        Ok(replaced)
    }

    /// Removes the files beside it. One at rest has none; those of a damaged or missing one move along with the kept
    /// file.
    pub(super) fn clear(&self, database: &Path, kept: Option<&Path>) -> io::Result<()> {
        if matches!(self, Self::QuiescedDatabase(_)) {
            return Ok(());
        }
        let kept_sides = kept.map(side_files);
        for (position, side) in side_files(database).iter().enumerate() {
            let moved = match kept_sides.as_ref().and_then(|sides| sides.get(position)) {
                Some(kept) => fs::rename(side, kept),
                None => fs::remove_file(side),
            };
            match moved {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether the file or the disk is damaged. Errors of locks and their space do not count.
fn is_damage(error: &rusqlite::Error) -> bool {
    const OF_LOCKS: [i32; 10] = [
        ffi::SQLITE_IOERR_LOCK,
        ffi::SQLITE_IOERR_RDLOCK,
        ffi::SQLITE_IOERR_UNLOCK,
        ffi::SQLITE_IOERR_CHECKRESERVEDLOCK,
        ffi::SQLITE_IOERR_BLOCKED,
        ffi::SQLITE_IOERR_NOMEM,
        ffi::SQLITE_IOERR_SHMOPEN,
        ffi::SQLITE_IOERR_SHMSIZE,
        ffi::SQLITE_IOERR_SHMLOCK,
        ffi::SQLITE_IOERR_SHMMAP,
    ];
    let Some(error) = error.sqlite_error() else { return false };
    match error.code {
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => true,
        ErrorCode::SystemIoFailure => !OF_LOCKS.contains(&error.extended_code),
        _ => false,
    }
}

/// An exclusive connection to the database as a single file; none where another process has it open.
fn rest(database: &Path) -> rusqlite::Result<Option<Connection>> {
    let connection = connect(database)?;
    let blocked: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if blocked {
        return Ok(None);
    }
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("delete") {
        return Ok(None);
    }
    connection.execute_batch("BEGIN EXCLUSIVE")?;
    Ok(Some(connection))
}

impl OldFacts {
    /// How far clients may have seen its history.
    pub(super) fn seen(&self) -> Seen {
        Seen { revision: self.revision, access_version: self.access_version, contact_id: self.contact_id_floor }
    }

    /// Fails for a database that is not Muster's, or has other tables.
    fn read(connection: &Connection) -> rusqlite::Result<Self> {
        const FLOOR: &str =
            "SELECT max(contact_id_floor, coalesce((SELECT max(id) FROM contact), 0)) FROM installation";
        let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        if application != APPLICATION_ID {
            return Err(rusqlite::Error::QueryReturnedNoRows);
        }
        let (revision, access_version) =
            connection.query_row("SELECT revision, access_version FROM installation", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let contact_id_floor = connection.query_row(FLOOR, [], |row| row.get(0))?;
        Ok(Self {
            revision,
            access_version,
            contact_id_floor,
            tokens: connection
                .prepare("SELECT id FROM token")?
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?,
            tokens_revoked: tokens_revoked(connection)?,
        })
    }
}

/// The tokens that a database's audit log records as revoked, whether or not it ever had them.
pub(super) fn tokens_revoked<C: FromIterator<String>>(connection: &Connection) -> rusqlite::Result<C> {
    let mut statement = connection.prepare("SELECT DISTINCT target FROM audit WHERE action = ?1")?;
    statement.query_map([AuditAction::TokenRevoke.as_str()], |row| row.get(0))?.collect()
}

/// Refuses to replace a file of another program. An unreadable file may have been Muster's.
pub(super) fn refuse_foreign(database: &Path) -> Result<(), RestoreError> {
    let Ok(connection) = connect(database) else { return Ok(()) };
    let application = connection.pragma_query_value(None, "application_id", |row| row.get::<_, i64>(0));
    let is_foreign = match application {
        Err(_) | Ok(APPLICATION_ID) => false,
        // No program has marked it. An empty file may be replaced.
        Ok(0) => migrate::is_empty(&connection).is_ok_and(|is_empty| !is_empty),
        Ok(_) => true,
    };
    if is_foreign {
        let path = database.display().to_string();
        let reason = "it is a SQLite file of another program".to_owned();
        return Err(OpenError::Foreign { path, reason }.into());
    }
    Ok(())
}

/// A copy with the same owner and permissions, which gets its name only once it is complete and on the disk.
fn copy_whole(from: &Path, to: &Path) -> io::Result<()> {
    let unfinished = with_suffix(to, ".partial");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut original = File::open(from)?;
    let model = original.metadata()?;
    // A new file: an existing one under this name is neither written to nor given away.
    let mut copy = File::options().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    io::copy(&mut original, &mut copy)?;
    give_to(&copy, &model);
    copy.set_permissions(model.permissions())?;
    copy.sync_all()?;
    fs::rename(&unfinished, to)
}

/// The path at which a database that is replaced now is kept.
pub(super) fn kept_path(data_dir: &Path, now: Timestamp) -> PathBuf {
    let name = format!("{KEPT_START}{}", stamp(now));
    let first = data_dir.join(format!("{name}{KEPT_END}"));
    let others = (2..1_000).map(|number| data_dir.join(format!("{name}-{number}{KEPT_END}")));
    std::iter::once(first.clone()).chain(others).find(|path| !path.exists()).unwrap_or(first)
}

/// Removes second names of the database that an interrupted restore left: opening the file by two names would corrupt
/// it. For the holder of the data directory's lock.
pub(in crate::store) fn remove_aliases(data_dir: &Path) {
    let Ok(database) = fs::metadata(database_path(data_dir)) else { return };
    if database.nlink() < 2 {
        return;
    }
    let Ok(entries) = fs::read_dir(data_dir) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let is_kept = name.to_str().is_some_and(|name| name.starts_with(KEPT_START) && name.ends_with(KEPT_END));
        let is_alias = is_kept
            && entry.metadata().is_ok_and(|other| (other.dev(), other.ino()) == (database.dev(), database.ino()));
        if !is_alias {
            continue;
        }
        if let Err(error) = take_back_side_files(data_dir, &entry.path()).and_then(|()| fs::remove_file(entry.path())) {
            tracing::warn!(path = %entry.path().display(), %error, "cannot remove a second name of the database");
        }
    }
}

/// Moves back the files that were moved along with its second name: the database depends on its log. Newer files of its
/// own stay.
fn take_back_side_files(data_dir: &Path, alias: &Path) -> io::Result<()> {
    let mut moved = false;
    for (own, aside) in side_files(&database_path(data_dir)).iter().zip(side_files(alias)) {
        if aside.exists() && !own.exists() {
            fs::rename(aside, own)?;
            moved = true;
        }
    }
    // Before the name is removed that shows where they belong.
    if moved { sync_dir(data_dir) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_cannot_be_read_is_damage_and_a_lock_that_cannot_be_had_is_not() {
        let check = |code: i32, expected: bool| {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(is_damage(&error), expected, "{error}");
        };
        check(ffi::SQLITE_CORRUPT, true);
        check(ffi::SQLITE_NOTADB, true);
        check(ffi::SQLITE_IOERR, true);
        check(ffi::SQLITE_IOERR_READ, true);
        check(ffi::SQLITE_IOERR_SHORT_READ, true);
        check(ffi::SQLITE_IOERR_LOCK, false);
        check(ffi::SQLITE_IOERR_SHMSIZE, false);
        check(ffi::SQLITE_FULL, false);
        check(ffi::SQLITE_BUSY, false);
    }

    #[test]
    fn a_copy_of_a_database_belongs_to_whoever_owns_it_and_nobody_else_may_read_it() {
        use std::os::unix::fs::{PermissionsExt, chown, symlink};
        let dir = tempfile::tempdir().unwrap();
        let [from, to, other] = ["a.db", "b.db", "other"].map(|name| dir.path().join(name));
        fs::write(&from, "content").unwrap();
        fs::write(&other, "other").unwrap();
        symlink(&other, with_suffix(&to, ".partial")).unwrap();
        fs::set_permissions(&from, fs::Permissions::from_mode(0o640)).unwrap();
        if chown(&from, Some(65_534), Some(65_534)).is_err() {
            println!("only permissions were tried: this user may not give files away");
        }
        copy_whole(&from, &to).unwrap();
        let (original, copy) = (fs::metadata(&from).unwrap(), fs::metadata(&to).unwrap());
        assert_eq!((copy.uid(), copy.gid(), copy.mode()), (original.uid(), original.gid(), original.mode()));
        assert_eq!(fs::read(&to).unwrap(), b"content");
        assert_eq!(fs::read(&other).unwrap(), b"other");
    }
}
