//! A database is backed up before it is migrated, and not migrated without the backup.

use muster::clock::Clock;
use muster::store::{DATABASE_FILE, Mode, OpenError, SCHEMA_VERSION, Store, database_path};
use rusqlite::Connection;

use crate::support::{Directory, at};

const FIRST_VERSION: &str = "PRAGMA application_id = 0x4d555354; PRAGMA user_version = 1;
    INSERT INTO installation (id, epoch, revision) VALUES (1, 'first', 7);
    INSERT INTO scope (id, enterprise, revision) VALUES (1, 'acme', 7);
    INSERT INTO enterprise (id, public_id, name, name_folded, created_at, updated_at) VALUES (1, 'acme', 'Acme', 'acme', 0, 0);";

/// A data directory with a database of the first version.
fn old() -> Directory {
    let directory = Directory::new();
    let connection = Connection::open(database_path(directory.path())).unwrap();
    connection.execute_batch(include_str!("../src/store/engine/schema_v1.sql")).unwrap();
    connection.execute_batch(FIRST_VERSION).unwrap();
    directory
}

/// The number of backups beside the database.
fn backups_in(directory: &Directory) -> usize {
    let names = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("muster-schema")).count()
}

fn version(file: &std::path::Path) -> i64 {
    Connection::open(file).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

#[test]
fn an_older_database_is_backed_up_beside_itself_under_its_schema_version() {
    let directory = old();
    let store = directory.open_with(Clock::manual(at("2026-11-22T14:30:00Z")), |_| {});
    let kept = directory.path().join("muster-schema-v1-2026-11-22T14-30-00Z.db");
    assert_eq!(version(&kept), 1);
    let audited: (String, String, String) = directory
        .raw_reader()
        .query_row("SELECT action, actor, target FROM audit", [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap();
    assert_eq!(audited, ("backup.create".to_owned(), "migration".to_owned(), kept.display().to_string()));
    drop(store);
    assert_eq!(version(&directory.path().join(DATABASE_FILE)), SCHEMA_VERSION);
    // When it is opened again, there is nothing to migrate and nothing to back up.
    drop(directory.open());
    assert_eq!(backups_in(&directory), 1);
}

#[test]
fn without_the_backup_there_is_no_migration() {
    let directory = old();
    // A folder of that name represents every reason why the file cannot be created.
    std::fs::create_dir(directory.path().join("muster-schema-v1-2026-11-22T14-30-00Z.db")).unwrap();
    let refused = Store::open(&directory.options(Mode::Server), Clock::manual(at("2026-11-22T14:30:00Z")));
    let Err(error @ OpenError::NotBackedUp { .. }) = refused else { panic!("it was opened") };
    let text = error.to_string();
    assert!(text.contains("schema version 1 and was not migrated") && text.contains("it is a directory"), "{text}");
    assert_eq!(version(&directory.path().join(DATABASE_FILE)), 1);
}

#[test]
fn a_migration_that_fails_repeatedly_leaves_no_backups() {
    let directory = old();
    let database = database_path(directory.path());
    // Another program that writes represents every reason why a step fails.
    let other = Connection::open(&database).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for second in 0..3 {
        let clock = Clock::manual(at(&format!("2026-11-22T14:30:0{second}Z")));
        assert!(matches!(Store::open(&directory.options(Mode::Server), clock), Err(OpenError::DataDir { .. })));
        assert_eq!(version(&database), 1);
    }
    assert_eq!(backups_in(&directory), 0);
    // Once the cause is removed, the database is migrated and the backup is kept.
    drop(other);
    drop(directory.open());
    assert_eq!(backups_in(&directory), 1);
}
