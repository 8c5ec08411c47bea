//! A restore that is killed after any of its steps leaves the old database or the new one, complete and never mixed.

use std::path::Path;
use std::process::Command;

use muster::clock::Clock;
use muster::store::{Actor, RESTORE_STEPS, Restore, RestoreStep, unobserved};

use crate::support::{Directory, add_contact, make_backup};

/// Tell the child process where to work, and after which step to end.
const DATA_DIR_VARIABLE: &str = "MUSTER_TEST_RESTORE_INTO";
const FILE_VARIABLE: &str = "MUSTER_TEST_RESTORE_FROM";
const STEP_VARIABLE: &str = "MUSTER_TEST_RESTORE_UNTIL";

/// Contacts of the old database; the last one is only in its WAL.
const OLD_CONTACTS: u64 = 3;

/// A database as a killed server leaves it, with its newest write only in the WAL, and a backup without contacts.
fn crashed() -> (Directory, Directory) {
    let (directory, backups) = (Directory::in_memory(), Directory::in_memory());
    let served = Directory::in_memory();
    let store = served.open();
    store.write_people();
    make_backup(served.path(), &backups.path().join("x.db")).unwrap();
    for number in 0..OLD_CONTACTS {
        store.write(move |tx| add_contact(tx, "u1", &format!("n{number}"))).unwrap();
    }
    for entry in std::fs::read_dir(served.path()).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, directory.path().join(path.file_name().unwrap())).unwrap();
    }
    (directory, backups)
}

/// Restores in a child process, which aborts after a step as in a power cut.
fn killed_after(step: RestoreStep, data_dir: &Path, file: &Path) {
    let status = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "restore_killed::child_process_that_aborts_a_restore_after_a_step",
            "--ignored",
            "--nocapture",
        ])
        .env(DATA_DIR_VARIABLE, data_dir)
        .env(FILE_VARIABLE, file)
        .env(STEP_VARIABLE, format!("{step:?}"))
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(!status.success() && status.code().is_none(), "it was not killed after {step:?}: {status}");
}

#[test]
#[ignore = "the other half of the test below, which starts it"]
fn child_process_that_aborts_a_restore_after_a_step() {
    let Ok(data_dir) = std::env::var(DATA_DIR_VARIABLE) else { return };
    let (file, last) = (std::env::var(FILE_VARIABLE).unwrap(), std::env::var(STEP_VARIABLE).unwrap());
    let mut end = |step: RestoreStep| {
        if format!("{step:?}") == last {
            std::process::abort();
        }
    };
    let prepared =
        Restore::prepare(data_dir.as_ref(), file.as_ref(), &Clock::system(), &unobserved(), &mut end).unwrap();
    prepared.commit(&Actor::command_line(), &mut end).unwrap();
}

#[test]
fn killed_after_any_step_a_restore_leaves_the_old_database_or_the_new_one() {
    let (served, backups) = crashed();
    let file = backups.path().join("x.db");
    for step in RESTORE_STEPS {
        let directory = Directory::in_memory();
        for entry in std::fs::read_dir(served.path()).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, directory.path().join(path.file_name().unwrap())).unwrap();
        }
        killed_after(step, directory.path(), &file);
        let is_new = matches!(step, RestoreStep::Swapped | RestoreStep::Synced);
        {
            let store = directory.open();
            assert_eq!(store.contacts_of_acme(), if is_new { 0 } else { OLD_CONTACTS }, "after {step:?}");
            store.assert_clean();
            // It accepts writes, which change no other file.
            store.write(|tx| add_contact(tx, "u2", "afterwards")).unwrap();
        }
        let names: Vec<String> = std::fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !["muster.db", "muster.lock", "home"].contains(&name.as_str()))
            .collect();
        // The replaced database is kept; otherwise there is no second name and no partial file.
        assert_eq!(names.len(), usize::from(is_new), "after {step:?}: {names:?}");
        assert!(names.iter().all(|name| name.starts_with("muster-replaced-")), "{names:?}");
        // The next restore succeeds.
        let prepared = Restore::prepare(directory.path(), &file, &Clock::system(), &unobserved(), &mut |_| {}).unwrap();
        prepared.commit(&Actor::command_line(), &mut |_| {}).unwrap();
        assert_eq!(directory.open().contacts_of_acme(), 0, "after {step:?}");
    }
}

/// A database that cannot be read, and a WAL that cannot be applied to it since its pages have another size.
fn damaged() -> Directory {
    let directory = Directory::in_memory();
    let other = Directory::in_memory();
    let log = other.path().join("other.db-wal");
    let connection = rusqlite::Connection::open(other.path().join("other.db")).unwrap();
    connection
        .execute_batch(
            "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1);
             PRAGMA wal_checkpoint(TRUNCATE); UPDATE t SET x = 2",
        )
        .unwrap();
    std::fs::copy(log, directory.path().join("muster.db-wal")).unwrap();
    std::fs::write(directory.path().join("muster.db"), [b'?'; 12_000]).unwrap();
    directory
}

#[test]
fn killed_after_any_step_a_restore_leaves_a_damaged_database_with_its_log() {
    let backups = Directory::in_memory();
    let served = Directory::in_memory();
    served.open().write_people();
    let file = backups.path().join("x.db");
    make_backup(served.path(), &file).unwrap();
    for step in RESTORE_STEPS {
        let directory = damaged();
        let log = std::fs::read(directory.path().join("muster.db-wal")).unwrap();
        assert!(!log.is_empty());
        killed_after(step, directory.path(), &file);
        let is_new = matches!(step, RestoreStep::Swapped | RestoreStep::Synced);
        // The next process takes the lock and gives up before it changes anything.
        let cut = backups.path().join("cut.db");
        std::fs::write(&cut, &std::fs::read(&file).unwrap()[..8_192]).unwrap();
        let given_up = Restore::prepare(directory.path(), &cut, &Clock::system(), &unobserved(), &mut |_| {});
        assert!(given_up.is_err(), "after {step:?}");
        let names: Vec<String> = std::fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with("-wal"))
            .collect();
        let [name] = &names[..] else { panic!("after {step:?}: {names:?}") };
        assert!(std::fs::read(directory.path().join(name)).unwrap() == log, "after {step:?}");
        let database = directory.path().join(name.strip_suffix("-wal").unwrap());
        assert_eq!(name == "muster.db-wal", !is_new, "after {step:?}: {name}");
        assert!(std::fs::read(database).unwrap() == [b'?'; 12_000], "after {step:?}");
    }
}
