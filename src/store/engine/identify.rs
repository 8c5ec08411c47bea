//! Opening as the holder of the data directory's lock: whether the database is the one that was here, and a new mark.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};
use serde_json::json;

use super::connection::explain_sqlite;
use super::data_dir::DATABASE_FILE;
use super::error::{OpenError, StoreError};
use super::files_at_rest::{DatabaseFile, FilesAtRest, refusal};
use super::home::{self, Arrival, Counters, Difference, Found, HOME_FILE, Home, HomeRecord, database_inode};
use super::log_generation::{BareFile, LogGeneration, LogPosition};
use super::migrate::SCHEMA_VERSION;
use super::renewal;
use crate::clock::Clock;
use crate::store::upkeep::actor::Actor;
use crate::store::upkeep::audit::{AuditEntry, insert};
use crate::store::upkeep::audit_action::AuditAction;

/// Compares an existing database with what the data directory remembers, before anything is changed. Returns by what it
/// shows that it came from elsewhere, if it did.
pub(super) fn recognise(
    connection: &Connection,
    path: &Path,
    schema_version: i64,
    files: &FilesAtRest,
    home: Option<&HomeRecord>,
) -> Result<Option<Difference>, OpenError> {
    let data_dir = path.parent().unwrap_or(path);
    let sqlite = |error| explain_sqlite(path, error);
    let is_current = schema_version == SCHEMA_VERSION;
    let (mark, counters, position) = if is_current {
        let mark = read_mark(connection).map_err(sqlite)?;
        (mark, Counters::read(connection).map_err(sqlite)?, LogPosition::read(connection).ok())
    } else {
        // It keeps no marks yet.
        (String::new(), Counters::default(), None)
    };
    let file_generation = if files.log_bytes == 0 {
        position.map(|position| position.generation)
    } else {
        BareFile::read(path).and_then(|file| file.generation())
    };
    let found = Found {
        mark,
        inode: database_inode(data_dir)?,
        counters,
        expects_log: files.database == DatabaseFile::Content { expects_log: true },
        file_generation,
    };
    match home::compare(home, &found) {
        Arrival::Known => Ok(None),
        Arrival::Elsewhere(difference) => Ok(Some(difference)),
        Arrival::LogLost => Err(refusal(
            data_dir,
            format!(
                "{DATABASE_FILE} lacks changes that were acknowledged: they were in its log, {DATABASE_FILE}-wal, which was \
                 removed or damaged; put the log back, or restore a backup with `muster restore`; or, to go on with what \
                 {DATABASE_FILE} holds, remove the file {HOME_FILE}"
            ),
        )),
    }
}

fn read_mark(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("SELECT mark FROM home", [], |row| row.get(0))
}

/// Begins a new history for a database that came from elsewhere, says so, and records it in the audit log.
pub(super) fn renew(
    connection: &Connection,
    difference: Difference,
    home: Option<&HomeRecord>,
    clock: &Clock,
) -> Result<(), StoreError> {
    let transaction = rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let seen = home.map(HomeRecord::seen);
    renewal::renew(&transaction, seen)?;
    let sessions = if difference.ends_sessions() { renewal::end_sessions(&transaction)? } else { 0 };
    let act = AuditEntry::of(AuditAction::DatabaseRenew, DATABASE_FILE)
        .after(json!({"reason": difference.what(), "sessionsEnded": sessions}));
    insert(&transaction, clock.now(), &Actor::of_program("start"), &act)?;
    transaction.commit()?;
    tracing::warn!(
        reason = difference.what(),
        sessions_ended = sessions,
        "{DATABASE_FILE} came from elsewhere: its revisions and entity tags begin anew, so that none from before is taken for \
         current"
    );
    Ok(())
}

/// Gives the database and the data directory a new mark. On a full disk both keep the old one.
pub(super) fn begin_use(
    connection: &Connection,
    data_dir: &Path,
    before: Option<&HomeRecord>,
    generation: &mut LogGeneration,
) -> Result<Option<Home>, OpenError> {
    let path = super::data_dir::database_path(data_dir);
    let sqlite = |error| explain_sqlite(&path, error);
    let previous = read_mark(connection).map_err(sqlite)?;
    let mark: String =
        connection.query_row("SELECT lower(hex(randomblob(8)))", [], |row| row.get(0)).map_err(sqlite)?;
    let position = LogPosition::read(connection).map_err(sqlite)?;
    let inode = database_inode(data_dir)?;
    let known = before.filter(|home| home.is_of(inode, &previous));
    let known_base = known.map_or(0, HomeRecord::base_generation);
    let previous_marks = known.map_or_else(|| vec![previous.clone()], |home| home.marks_until_checkpoint(&previous));
    let counters = Counters::read(connection).map_err(sqlite)?;
    let record = HomeRecord::of_start(&mark, previous_marks, inode, known_base.max(position.base), counters);
    let Some(mut home) = Home::create(data_dir, record)? else { return Ok(None) };
    match store_mark(connection, &mark, generation) {
        Ok(()) => {}
        Err(error) if error.trouble().is_some() => {
            tracing::warn!(%error, "the database keeps the mark of the start before");
            home.change(|record| record.keep_mark(&previous));
        }
        Err(StoreError::DeadlinePassed) => {
            tracing::warn!("another program writes the database, which keeps the mark of the start before");
            home.change(|record| record.keep_mark(&previous));
        }
        Err(error) => return Err(OpenError::Mark { path: path.display().to_string(), reason: error.to_string() }),
    }
    Ok(Some(home))
}

fn store_mark(connection: &Connection, mark: &str, generation: &mut LogGeneration) -> Result<(), StoreError> {
    let transaction = rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    transaction.execute("UPDATE home SET mark = ?1", [mark])?;
    generation.advance(&transaction)?;
    transaction.commit()?;
    generation.committed();
    Ok(())
}
