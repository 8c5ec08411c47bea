//! Which write-ahead log belongs to which state of the database's file.
//!
//! SQLite applies a log to whatever file it lies beside: one that was copied over the database, or an older state of the
//! database, would become a mixture of both. So the row of the table `home` has a generation, which grows in the first
//! commit after each checkpoint. Every log therefore begins by saying which generation it leads to, and which one the
//! file had after the last checkpoint that moved everything (`base_generation`). The file without its log must have one
//! of the generations from the base to the log's. The lineage distinguishes files that were made apart.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::connection::{connect, connect_without_log};

/// How long a first read waits for a lock: another process may be recovering the log.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What one row says, read with or without the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogPosition {
    pub(super) lineage: String,
    pub(super) generation: i64,
    pub(super) base: i64,
}

impl LogPosition {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        const SQL: &str = "SELECT lineage, generation, base_generation FROM home";
        connection
            .prepare_cached(SQL)?
            .query_row([], |row| Ok(Self { lineage: row.get(0)?, generation: row.get(1)?, base: row.get(2)? }))
    }
}

/// The file without its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BareFile {
    schema_version: i64,
    /// None where the schema is older, or the row cannot be read: a checkpoint was interrupted.
    position: Option<LogPosition>,
}

impl BareFile {
    /// None where the file cannot be read without its log.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let connection = connect_without_log(path).ok()?;
        let schema_version = connection.pragma_query_value(None, "user_version", |row| row.get(0)).ok()?;
        Some(Self { schema_version, position: LogPosition::read(&connection).ok() })
    }

    pub(super) fn generation(&self) -> Option<i64> {
        self.position.as_ref().map(|position| position.generation)
    }

    /// Whether a log, as the database shows it that is read through it, belongs to this file.
    pub(super) fn belongs_to(&self, log: Option<&LogPosition>, log_schema_version: i64) -> bool {
        let Some(log) = log else {
            // Written by a Muster that keeps no generations: at least it is not older than the file.
            return self.schema_version <= log_schema_version && self.position.is_none();
        };
        match &self.position {
            Some(file) => file.lineage == log.lineage && (log.base..=log.generation).contains(&file.generation),
            // A file of an older schema, to which the log has a migration; it was never moved as a whole.
            None => log.base == 0 || self.schema_version == log_schema_version,
        }
    }
}

/// Whether the log beside a database was written for the file as it is now. A file that cannot be read without the log
/// may be one whose checkpoint was interrupted. For a database that this process does not have open.
pub(in crate::store) fn log_belongs_to_file(path: &Path) -> rusqlite::Result<bool> {
    let Some(file) = BareFile::read(path) else { return Ok(true) };
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    // Otherwise the last to close would apply the log.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let schema_version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(file.belongs_to(LogPosition::read(&connection).ok().as_ref(), schema_version))
}

/// The generation of the database that this process writes.
#[derive(Debug, Default)]
pub(in crate::store) struct LogGeneration {
    /// Whether the newest generation is newer than the last checkpoint.
    advanced: bool,
    /// Set by a checkpoint that moved everything, until it is recorded.
    base: Option<i64>,
    /// Whether the last checkpoint moved only a part.
    is_partial: bool,
}

impl LogGeneration {
    /// To be called in each transaction that changes something, before its commit.
    pub(in crate::store) fn advance(&self, connection: &Connection) -> rusqlite::Result<()> {
        const SQL: &str = "UPDATE home SET generation = generation + 1, base_generation = max(base_generation, ?1)";
        if !self.advanced {
            connection.prepare_cached(SQL)?.execute([self.base.unwrap_or(0)])?;
        }
        Ok(())
    }

    /// The transaction was committed.
    pub(super) fn committed(&mut self) {
        self.advanced = true;
        self.base = None;
    }

    /// Whether the file would not differ from what an earlier checkpoint left, which moved only a part.
    pub(super) fn must_advance_before_checkpoint(&self) -> bool {
        self.is_partial && !self.advanced
    }

    /// The generation as it is before a checkpoint; none where the database keeps none.
    pub(super) fn current(connection: &Connection) -> rusqlite::Result<Option<i64>> {
        connection.prepare_cached("SELECT generation FROM home")?.query_row([], |row| row.get(0)).optional()
    }

    /// A checkpoint has run; with a generation, it has moved everything up to that.
    pub(super) fn checkpointed(&mut self, moved: Option<i64>) {
        self.advanced = false;
        self.is_partial = moved.is_none();
        self.base = moved.or(self.base);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(lineage: &str, base: i64, generation: i64) -> LogPosition {
        LogPosition { lineage: lineage.to_owned(), generation, base }
    }

    #[test]
    fn a_log_belongs_to_the_file_that_it_was_written_for() {
        let check = |file: Option<LogPosition>, log: Option<LogPosition>, expected: bool| {
            let file = BareFile { schema_version: 4, position: file };
            assert_eq!(file.belongs_to(log.as_ref(), 4), expected, "{file:?} {log:?}");
        };
        let log = || Some(position("a", 3, 5));
        for generation in 3..=5 {
            check(Some(position("a", 1, generation)), log(), true);
        }
        check(Some(position("a", 1, 2)), log(), false);
        check(Some(position("a", 5, 6)), log(), false);
        check(Some(position("b", 3, 4)), log(), false);
        check(Some(position("a", 3, 4)), None, false);
        // An interrupted checkpoint.
        check(None, log(), true);
        let older = BareFile { schema_version: 3, position: None };
        assert!(older.belongs_to(Some(&position("a", 0, 2)), 4));
        assert!(!older.belongs_to(log().as_ref(), 4));
        assert!(older.belongs_to(None, 3));
        assert!(!BareFile { schema_version: 4, position: None }.belongs_to(None, 3));
    }
}
