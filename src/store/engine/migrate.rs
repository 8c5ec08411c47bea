//! From any schema to this binary's: `schema.sql` for a new database, step by step for an older one.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::connection::explain_sqlite;
use super::error::OpenError;

/// The whole schema as it is today.
pub const SCHEMA: &str = include_str!("../../../schema.sql");

/// One entry per schema version after the first: the statements that lead from the version before to it. A step that
/// can change a summary ends by drawing a new revision for every scope.
const MIGRATIONS: &[&str] = &[
    // 2: the cache's configuration and its samples.
    "CREATE TABLE cache_configuration (
        version       INTEGER PRIMARY KEY,
        at            INTEGER NOT NULL,
        actor         TEXT    NOT NULL,
        address       TEXT    NOT NULL,
        configuration TEXT    NOT NULL
    ) STRICT;
    CREATE TABLE cache_sample (
        minute         INTEGER PRIMARY KEY,
        counters       TEXT    NOT NULL,
        hit_durations  BLOB    NOT NULL,
        load_durations BLOB    NOT NULL
    ) STRICT;",
    // 3: sessions, and the links that open them.
    "CREATE TABLE session (
        id           TEXT    PRIMARY KEY,
        token_id     TEXT    REFERENCES token (id) ON DELETE CASCADE,
        secret_hash  BLOB    NOT NULL CHECK (length(secret_hash) = 32),
        created_at   INTEGER NOT NULL,
        expires_at   INTEGER NOT NULL,
        last_used_at INTEGER,
        address      TEXT    NOT NULL
    ) STRICT;
    CREATE INDEX session_by_token ON session (token_id, created_at);
    CREATE INDEX session_by_creation ON session (created_at);
    CREATE INDEX session_by_expiry ON session (expires_at);
    CREATE TRIGGER session_inserted AFTER INSERT ON session BEGIN
        UPDATE installation SET access_version = access_version + 1;
    END;
    CREATE TRIGGER session_changed AFTER UPDATE OF token_id, secret_hash, expires_at ON session BEGIN
        UPDATE installation SET access_version = access_version + 1;
    END;
    CREATE TRIGGER session_deleted AFTER DELETE ON session BEGIN
        UPDATE installation SET access_version = access_version + 1;
    END;
    CREATE TABLE sign_in_link (
        id         TEXT    PRIMARY KEY,
        code_hash  BLOB    NOT NULL CHECK (length(code_hash) = 32),
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        used_at    INTEGER
    ) STRICT;
    CREATE INDEX sign_in_link_by_expiry ON sign_in_link (expires_at);",
    // 4: how the file recognises its data directory and its log.
    "CREATE TABLE home (
        id              INTEGER PRIMARY KEY CHECK (id = 1),
        mark            TEXT    NOT NULL,
        lineage         TEXT    NOT NULL,
        generation      INTEGER NOT NULL,
        base_generation INTEGER NOT NULL,
        tag_key         TEXT    NOT NULL
    ) STRICT;
    INSERT INTO home VALUES (1, '', lower(hex(randomblob(8))), 1, 0, lower(hex(randomblob(16))));",
    // 5: walls between callers. Each part has a file of its own.
    concat!(
        include_str!("schema_v5_reach.sql"),
        include_str!("schema_v5_idempotency.sql"),
        include_str!("schema_v5_draws.sql")
    ),
];

/// The schema of version 1, from which the steps lead to every later one. It stays as it is.
const FIRST_SCHEMA: &str = include_str!("schema_v1.sql");

/// An empty database in memory with the schema of a version that this binary knows.
pub(super) fn schema_of_version(version: i64) -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch(FIRST_SCHEMA)?;
    for (_, step) in (2..).zip(MIGRATIONS).take_while(|(step_version, _)| *step_version <= version) {
        connection.execute_batch(step)?;
    }
    Ok(connection)
}

/// The version of [`SCHEMA`], kept in the file's `user_version`.
#[expect(clippy::cast_possible_wrap, reason = "a handful of steps")]
pub const SCHEMA_VERSION: i64 = 1 + MIGRATIONS.len() as i64;

/// Marks a file as Muster's (`PRAGMA application_id`): the letters `MUST`.
pub(in crate::store) const APPLICATION_ID: i64 = 0x4d55_5354;

/// What a database file contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum DetectedSchema {
    /// A new file.
    Empty,
    /// Muster's database, of this schema version.
    Version(i64),
}

/// Determines what a file contains, without changing it. Refuses files that are not Muster's and those of a newer
/// Muster; without `may_change` also those that would have to be created or migrated first.
pub(in crate::store) fn detect_schema(
    connection: &Connection,
    path: &Path,
    may_change: bool,
) -> Result<DetectedSchema, OpenError> {
    let sqlite = |error| explain_sqlite(path, error);
    let text = || path.display().to_string();
    if is_empty(connection).map_err(sqlite)? {
        let still_made = || OpenError::DataDir {
            path: path.parent().unwrap_or(path).display().to_string(),
            reason: "its database is still being made; try again in a moment".to_owned(),
        };
        return if may_change { Ok(DetectedSchema::Empty) } else { Err(still_made()) };
    }
    if pragma(connection, "application_id").map_err(sqlite)? != APPLICATION_ID {
        return Err(OpenError::Foreign { path: text(), reason: "it is a SQLite file of another program".to_owned() });
    }
    let found = schema_version(connection).map_err(sqlite)?;
    match found {
        _ if found > SCHEMA_VERSION => Err(OpenError::Newer { path: text(), found, known: SCHEMA_VERSION }),
        _ if found < SCHEMA_VERSION && !may_change => {
            Err(OpenError::Older { path: text(), found, known: SCHEMA_VERSION })
        }
        _ => Ok(DetectedSchema::Version(found)),
    }
}

/// Migrates a database of this version to today's schema.
pub(super) fn migrate_from(connection: &Connection, version: i64) -> rusqlite::Result<()> {
    migrate(connection, version, MIGRATIONS)
}

pub(in crate::store) fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))
}

/// The schema version that is recorded in a file.
pub(in crate::store) fn schema_version(connection: &Connection) -> rusqlite::Result<i64> {
    pragma(connection, "user_version")
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// Creates the schema in an empty file, before that is switched to a write-ahead log: so a file in that mode without a
/// schema is one that lost its log.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    let transaction = rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    transaction.execute_batch(SCHEMA)?;
    transaction.execute("INSERT INTO installation (id, epoch) VALUES (1, lower(hex(randomblob(8))))", [])?;
    transaction
        .execute("INSERT INTO home VALUES (1, '', lower(hex(randomblob(8))), 1, 0, lower(hex(randomblob(16))))", [])?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()
}

/// Runs every step after version `found`, each in a transaction of its own, so that a step that fails leaves the
/// version before it.
fn migrate(connection: &Connection, found: i64, steps: &[&str]) -> rusqlite::Result<()> {
    for (version, step) in (2..).zip(steps).filter(|(version, _)| *version > found) {
        tracing::info!(version, "migrating the database");
        let transaction = rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::engine::known_schema::objects;

    fn memory() -> Connection {
        Connection::open_in_memory().unwrap()
    }

    #[test]
    fn an_old_database_migrates_to_the_schema_of_a_fresh_one() {
        let fresh = memory();
        create(&fresh).unwrap();
        let old = memory();
        old.execute_batch(FIRST_SCHEMA).unwrap();
        migrate(&old, 1, MIGRATIONS).unwrap();
        assert_eq!(objects(&old).unwrap(), objects(&fresh).unwrap());
    }

    #[test]
    fn steps_run_once_each_in_order_and_a_failed_one_leaves_the_version_before() {
        let connection = memory();
        let steps = ["CREATE TABLE a (x) STRICT", "CREATE TABLE a (x)", "CREATE TABLE c (x)"];
        let steps = [steps[0].replace(" STRICT", ""), steps[1].to_owned(), steps[2].to_owned()];
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        assert!(migrate(&connection, 1, &steps).is_err());
        assert_eq!(schema_version(&connection).unwrap(), 2);
        let mended = [steps[0], "CREATE TABLE b (x)", steps[2]];
        migrate(&connection, 2, &mended).unwrap();
        assert_eq!(schema_version(&connection).unwrap(), 4);
        let names: Vec<String> = objects(&connection).unwrap().into_iter().map(|((_, name, _), _)| name).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn newer_and_foreign_files_are_refused_with_what_to_do() {
        let check = |prepare: &str, expected: &str| {
            let connection = memory();
            connection.execute_batch(prepare).unwrap();
            let error = detect_schema(&connection, Path::new("x.db"), true).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("CREATE TABLE t (x)", "another program");
        let newer = format!("CREATE TABLE t (x); PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version=99");
        check(&newer, &format!("version 99, but this Muster knows only versions up to {SCHEMA_VERSION}"));
    }

    #[test]
    fn every_foreign_key_is_indexed_and_every_table_strict() {
        let connection = memory();
        create(&connection).unwrap();
        let loose: Vec<String> = query(
            &connection,
            "SELECT name FROM pragma_table_list WHERE schema = 'main' \
            AND type = 'table' AND name NOT LIKE 'sqlite_%' AND NOT strict",
        );
        assert_eq!(loose, Vec::<String>::new());
        let unindexed = query(
            &connection,
            "SELECT t.name || '.' || f.\"from\" FROM pragma_table_list t, pragma_foreign_key_list(t.name) f
              WHERE NOT EXISTS (SELECT 1 FROM pragma_index_list(t.name) i, pragma_index_info(i.name) c
                                 WHERE c.seqno = 0 AND c.name = f.\"from\" AND NOT i.partial)
                AND NOT EXISTS (SELECT 1 FROM pragma_table_info(t.name) p WHERE p.pk = 1 AND p.name = f.\"from\")",
        );
        assert_eq!(unindexed, Vec::<String>::new());
    }

    fn query(connection: &Connection, sql: &str) -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<rusqlite::Result<_>>().unwrap()
    }
}
