//! Other processes on the same data directory: their writes are detected and published, they cannot serve beside the
//! server, and a file that is no Muster database is refused with one sentence and left unchanged.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use muster::clock::Clock;
use muster::store::{Actor, DATABASE_FILE, Mode, Store, StoreOptions, database_path};
use rusqlite::Connection;

use crate::support::{
    Directory, NOTICE_ROUNDS, Notification, Recorder, TestStore, add_contact, assert_noticed_in_time, department,
    enterprise, eventually, name, scope,
};

/// Waits until the watcher has published exactly these scopes; returns how long that took.
fn await_publication(recorder: &Recorder, scopes: &[&str]) -> Duration {
    let begun = Instant::now();
    let watched = eventually("another process's write is published", || {
        recorder.notifications().into_iter().find_map(|notification| match notification {
            Notification::Watcher(publication) => Some(publication),
            _ => None,
        })
    });
    let mut found: Vec<_> = watched.scopes.iter().map(|(scope, _)| scope.clone()).collect();
    found.sort();
    assert_eq!(found, scopes.iter().map(|text| scope(text)).collect::<Vec<_>>());
    assert_eq!(watched.scopes.iter().map(|(_, revision)| *revision).max(), Some(watched.revision));
    let reset = recorder.take().into_iter().find(|notification| matches!(notification, Notification::Reset(_)));
    assert_eq!(reset, None);
    begun.elapsed()
}

/// A store whose watcher has caught up.
fn watched_store() -> (TestStore, std::sync::Arc<Recorder>) {
    let store = TestStore::with_people();
    let recorder = Recorder::on(&store);
    store.write(|tx| add_contact(tx, "u1", "anita")).unwrap();
    let counter = store.counter();
    eventually("the watcher has caught up", || {
        let caught_up = |one: &Notification| matches!(one, Notification::Watcher(last) if last.revision == counter);
        recorder.notifications().iter().any(caught_up).then_some(())
    });
    recorder.take();
    (store, recorder)
}

#[test]
fn a_write_of_another_store_is_published_in_a_quarter_of_a_second() {
    let (store, recorder) = watched_store();
    let command = store.directory().open_command().unwrap();
    assert!(command.is_beside_server());
    assert!(!store.is_beside_server());
    let round = |round: usize| {
        command.write_blocking(move |tx| add_contact(tx, "u2", &format!("n{round}"))).unwrap();
        await_publication(&recorder, &["acme", "acme/lab"])
    };
    assert_noticed_in_time((0..NOTICE_ROUNDS).map(round).collect());
    assert_eq!(store.contacts_of_acme(), 1 + NOTICE_ROUNDS as u64);
}

#[test]
fn a_write_of_any_sqlite_is_published_in_a_quarter_of_a_second() {
    let (store, recorder) = watched_store();
    let other = store.directory().raw_writer();
    let round = |round: usize| {
        let rename =
            format!("UPDATE department SET name = 'n{round}', name_folded = 'n{round}' WHERE public_id = 'lab'");
        assert_eq!(other.execute(&rename, []).unwrap(), 1);
        await_publication(&recorder, &["acme", "acme/lab"])
    };
    assert_noticed_in_time((0..NOTICE_ROUNDS).map(round).collect());
}

#[test]
fn a_commit_that_draws_no_revision_is_not_published() {
    let (store, recorder) = watched_store();
    let other = store.directory().raw_writer();
    other.execute_batch("PRAGMA wal_checkpoint(PASSIVE); DELETE FROM idempotency; PRAGMA user_version = 1").unwrap();
    // The watcher has processed the statements above when it publishes this one.
    other.execute("UPDATE enterprise SET name = 'Other', name_folded = 'other'", []).unwrap();
    await_publication(&recorder, &["acme", "acme/lab", "acme/sales"]);
}

#[test]
fn the_watcher_repeats_own_publications_and_adds_nothing() {
    let (store, recorder) = watched_store();
    for round in 0..20 {
        let user = if round % 2 == 0 { "u1" } else { "u2" };
        store.write(move |tx| add_contact(tx, user, &format!("n{round}"))).unwrap();
    }
    let counter = store.counter();
    let notifications = eventually("the watcher has caught up", || {
        let notifications = recorder.notifications();
        let caught_up = |one: &Notification| matches!(one, Notification::Watcher(last) if last.revision == counter);
        notifications.iter().any(caught_up).then_some(notifications)
    });
    let (mut written, mut watched) = (BTreeSet::new(), BTreeSet::new());
    for notification in notifications {
        match notification {
            Notification::Writer(publication) => written.extend(publication.scopes),
            Notification::Watcher(publication) => watched.extend(publication.scopes),
            other => panic!("{other:?}"),
        }
    }
    assert!(watched.is_subset(&written), "{watched:?} is more than {written:?}");
}

#[test]
fn a_counter_below_the_last_seen_resets_the_subscribers() {
    let (store, recorder) = watched_store();
    let other = store.directory().raw_writer();
    other.execute_batch("UPDATE installation SET revision = 1").unwrap();
    await_reset(&recorder, 1);
    other.execute_batch("UPDATE scope SET revision = 1").unwrap();
}

#[test]
fn another_epoch_resets_the_subscribers() {
    let (store, recorder) = watched_store();
    let counter = store.counter();
    let other = store.directory().raw_writer();
    other.execute_batch("UPDATE installation SET epoch = 'another'").unwrap();
    await_reset(&recorder, counter);
    // Changes in the new epoch are published as usual.
    other.execute_batch("UPDATE department SET name = 'Lab', name_folded = 'lab' WHERE public_id = 'lab'").unwrap();
    await_publication(&recorder, &["acme", "acme/lab"]);
}

fn await_reset(recorder: &Recorder, revision: i64) {
    let reset = eventually("a reset", || {
        recorder.notifications().into_iter().find_map(|notification| match notification {
            Notification::Reset(revision) => Some(revision),
            _ => None,
        })
    });
    assert_eq!(reset, revision);
    recorder.take();
}

#[test]
fn an_unreadable_database_is_reported_once_and_resets_the_subscribers_afterwards() {
    let (store, recorder) = watched_store();
    let counter = store.counter();
    let other = store.directory().raw_writer();
    for _ in 0..2 {
        other.execute_batch("ALTER TABLE installation RENAME TO elsewhere").unwrap();
        eventually("it is reported", || recorder.notifications().contains(&Notification::Suspended).then_some(()));
        other.execute_batch("ALTER TABLE elsewhere RENAME TO installation").unwrap();
        eventually("it is over", || recorder.notifications().contains(&Notification::Reset(counter)).then_some(()));
        assert_eq!(recorder.take(), [Notification::Suspended, Notification::Reset(counter)]);
    }
    other.execute_batch("UPDATE department SET name = 'Lab', name_folded = 'lab' WHERE public_id = 'lab'").unwrap();
    await_publication(&recorder, &["acme", "acme/lab"]);
}

#[test]
fn tokens_that_another_process_creates_or_revokes_are_published() {
    use muster::domain::access::{Reach, Role};
    use muster::store::NewToken;

    let (store, recorder) = watched_store();
    let command = store.directory().open_command().unwrap();
    let version_of = |recorder: &Recorder| {
        eventually("the tokens are published", || {
            recorder.take().into_iter().find_map(|notification| match notification {
                Notification::AccessChanged(version) => Some(version),
                _ => None,
            })
        })
    };
    let token = NewToken {
        id: "t1".to_owned(),
        name: "till".to_owned(),
        role: Role::Viewer,
        reach: Reach::Enterprise(enterprise("acme")),
        expires_at: None,
        secret_hash: [7; 32],
    };
    command.write_blocking(move |tx| tx.insert_token(&token)).unwrap();
    let made = version_of(&recorder);
    command.write_blocking(|tx| tx.revoke_token("t1", &Actor::command_line())).unwrap();
    assert!(version_of(&recorder) > made);
}

#[test]
fn a_purge_that_a_command_accepts_alone_is_finished_by_the_next_server() {
    let directory = Directory::new();
    {
        let store = directory.open();
        store.write_people();
        store.write(|tx| add_contact(tx, "u1", "anita")).unwrap();
    }
    let command = directory.open_command().unwrap();
    assert!(!command.is_beside_server());
    let purged = command
        .write_blocking(|tx| tx.purge_department(&enterprise("acme"), &department("sales"), &Actor::command_line()))
        .unwrap();
    assert_eq!((purged.contacts, purged.employees, purged.departments), (1, 1, 1));
    command.close();
    let store = directory.open();
    eventually("the id is free", || {
        store.write(|tx| tx.create_department(&enterprise("acme"), Some(department("sales")), &name("New"))).ok()
    });
    let employees: i64 = directory
        .raw_reader()
        .query_row("SELECT count(*) FROM employee WHERE public_id = 'u1'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(employees, 0);
}

#[test]
fn writers_in_two_processes_lose_nothing() {
    const WRITES: u64 = 60;
    let store = TestStore::with_people();
    let command = store.directory().open_command().unwrap();
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for number in 0..WRITES {
                store.write(move |tx| add_contact(tx, "u1", &format!("here {number}"))).unwrap();
            }
        });
        threads.spawn(|| {
            for number in 0..WRITES / 6 {
                command.write_blocking(move |tx| add_contact(tx, "u2", &format!("there {number}"))).unwrap();
            }
        });
    });
    assert_eq!(store.contacts_of_acme(), WRITES + WRITES / 6);
}

// Directories and files that cannot be opened.

/// The error of opening a directory, which must be one sentence.
fn refusal(dir: &Path, mode: Mode) -> String {
    let error = match Store::open(&StoreOptions::new(dir, mode, "a test"), Clock::system()) {
        Ok(_) => panic!("{} was opened", dir.display()),
        Err(error) => error.to_string(),
    };
    assert!(!error.contains('\n') && !error.contains("Error {") && !error.ends_with('.'), "no sentence: {error}");
    error
}

fn check_refusal(dir: &Path, parts: &[&str]) {
    for mode in [Mode::Server, Mode::Command] {
        let error = refusal(dir, mode);
        assert!(parts.iter().all(|part| error.contains(part)), "{mode:?}: {error}");
    }
}

#[test]
fn a_second_server_is_refused_with_the_holder_of_the_lock_named() {
    let store = TestStore::with_people();
    let error = refusal(store.directory().path(), Mode::Server);
    let process = format!("in use by a test (process {})", std::process::id());
    assert!(error.contains(&process) && error.contains("stop that first, or choose another --data-dir"), "{error}");
    let directory = store.directory().clone();
    drop(store);
    directory.open();
}

#[test]
fn a_server_waits_for_a_command_that_has_the_directory_to_itself() {
    let directory = Directory::new();
    directory.open().write_people();
    let command = directory.open_command().unwrap();
    assert!(refusal(directory.path(), Mode::Server).contains("in use by"));
    command.close();
    directory.open();
}

#[test]
fn an_unusable_data_directory_is_refused_with_a_remedy() {
    let directory = Directory::new();
    let file = directory.path().join("file");
    std::fs::write(&file, "text").unwrap();
    assert!(refusal(&file, Mode::Server).contains("it is a file; choose a directory with --data-dir"));
    check_refusal(&file.join("below"), &["cannot use the data directory", "--data-dir"]);
    // Nothing can be created there, not even by root.
    check_refusal(Path::new("/proc/muster"), &["cannot use the data directory /proc/muster", "--data-dir"]);
    let missing = refusal(&directory.path().join("missing"), Mode::Command);
    assert!(missing.contains("holds no Muster database; start `muster serve` there"), "{missing}");
    assert!(!directory.path().join("missing").exists());
}

#[test]
fn a_directory_with_the_name_of_the_database_is_refused() {
    let directory = Directory::new();
    std::fs::create_dir(directory.path().join(DATABASE_FILE)).unwrap();
    check_refusal(directory.path(), &["muster.db in it is a directory; move it away"]);
}

/// Writes a file in the place of the database, and expects it to be refused and left unchanged.
fn check_file(contents: &[u8], parts: &[&str]) {
    let directory = Directory::new();
    let path = database_path(directory.path());
    std::fs::write(&path, contents).unwrap();
    check_refusal(directory.path(), parts);
    assert!(std::fs::read(&path).unwrap() == contents, "the file was changed");
    let mut names: Vec<_> =
        std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [DATABASE_FILE, "muster.lock"]);
}

/// The SQLite file that these statements create.
fn sqlite_file(sql: &str) -> Vec<u8> {
    let directory = Directory::new();
    let path = directory.path().join("file");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    std::fs::read(path).unwrap()
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_unchanged() {
    check_file(
        b"Dear diary, this is no database but long enough to be taken for one by its size alone.",
        &["is not a Muster database: it is no SQLite file", "move it away or choose another --data-dir"],
    );
}

#[test]
fn a_damaged_file_is_refused_and_left_unchanged() {
    let mut contents = sqlite_file(muster::store::SCHEMA);
    contents.truncate(5_000);
    contents[200..4_000].fill(0xa5);
    check_file(&contents, &["muster.db is damaged, or the log beside it is not its own", "restore a backup"]);
}

#[test]
fn a_database_of_another_program_is_refused_and_left_unchanged() {
    let contents = sqlite_file("CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('about:blank')");
    check_file(&contents, &["is not a Muster database: it is a SQLite file of another program", "move it away"]);
}

#[test]
fn a_database_of_a_newer_muster_is_refused_and_left_unchanged() {
    let directory = Directory::new();
    directory.open().write_people();
    let path = database_path(directory.path());
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("PRAGMA user_version = 4711; PRAGMA journal_mode = DELETE").unwrap();
    drop(raw);
    let known = format!("this Muster knows only versions up to {}", muster::store::SCHEMA_VERSION);
    check_file(&std::fs::read(path).unwrap(), &["has schema version 4711", &known, "use the Muster that wrote it"]);
}

#[test]
fn a_command_beside_a_server_refuses_what_it_cannot_migrate() {
    let store = TestStore::with_people();
    store.directory().raw_writer().execute_batch("PRAGMA user_version = 0").unwrap();
    let error = refusal(store.directory().path(), Mode::Command);
    assert!(error.contains("stop the running server and try again"), "{error}");
}

#[test]
fn an_empty_file_is_initialised_as_a_database() {
    let directory = Directory::new();
    std::fs::write(database_path(directory.path()), "").unwrap();
    directory.open().write_people();
}

#[test]
fn a_closed_database_is_one_file_beside_the_lock_and_its_mark() {
    let directory = Directory::new();
    directory.open().write_people();
    let mut names: Vec<_> =
        std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["home", DATABASE_FILE, "muster.lock"]);
}
