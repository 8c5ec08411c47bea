//! A backup is one file with everything that was acknowledged before it began. Writes continue while it is made, and a
//! backup that fails leaves no files.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use muster::domain::access::Reach;
use muster::domain::contacts::{CONTACT_NOTES_LEN_MAX, ContactFields, ContactInfo};
use muster::store::{BackupError, DATABASE_FILE, Store};
use serde_json::Value;

use crate::support::{
    Directory, PausedBackup, TestStore, WorkDir, add_contact, employee, enterprise, eventually, first_page, make_backup,
};

/// Stops the other threads when the test ends, also by a panic.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Contacts that make a database of several portions: a portion is 1 MiB.
const LARGE_CONTACTS: usize = 400;

/// A store with people whose backup takes several portions.
fn large_store() -> TestStore {
    write_large(Directory::in_memory().open())
}

/// Writes people whose backup takes several portions.
fn write_large(store: TestStore) -> TestStore {
    store.write_people();
    let notes = "n".repeat(CONTACT_NOTES_LEN_MAX);
    let write = move |tx: &muster::store::WriteTx<'_>| {
        for number in 0..LARGE_CONTACTS {
            let name = format!("large {number}");
            let fields = ContactFields { name, notes: notes.clone(), ..ContactFields::default() };
            tx.add_contact(&Reach::Installation, &employee("u1"), &ContactInfo::parse(fields).unwrap(), "AddContact")?;
        }
        Ok(())
    };
    store.write(write).unwrap();
    store
}

/// The names of the entries of a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Opens a backup as the database of a new directory. It is checked when it is dropped.
fn open_backup(backup: &Path) -> TestStore {
    let directory = Directory::in_memory();
    std::fs::copy(backup, directory.path().join(DATABASE_FILE)).unwrap();
    directory.open()
}

fn names_of_contacts(store: &Store, user: &str) -> BTreeSet<String> {
    let page = store.read_blocking(|tx| tx.contacts_of_user(&Reach::Installation, &employee(user), &first_page()));
    page.unwrap().items.into_iter().map(|contact| contact.fields.name).collect()
}

#[test]
fn a_paused_backup_blocks_no_writer_and_holds_the_snapshot_of_its_start() {
    let store = large_store();
    let folder = Directory::new();
    let file = folder.path().join("x.db");
    store.write(|tx| add_contact(tx, "u2", "before")).unwrap();
    let backup = PausedBackup::start(store.directory().path(), &file);
    // Writes are answered while the backup is paused, and they do not make it restart.
    for number in 0..200 {
        store.write(move |tx| add_contact(tx, "u2", &format!("meanwhile {number}"))).unwrap();
    }
    assert_eq!(names_of_contacts(&store, "u2").len(), 201);
    let made = backup.finish().unwrap();
    assert_eq!(made.rows.contacts, LARGE_CONTACTS as u64 + 1);
    assert_eq!((made.rows.enterprises, made.rows.departments, made.rows.employees), (1, 2, 2));
    assert_eq!(made.bytes, std::fs::metadata(&file).unwrap().len());
    // One file, accessible by its owner alone.
    assert_eq!(names(folder.path()), BTreeSet::from(["x.db".to_owned()]));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let copy = open_backup(&file);
    assert_eq!(names_of_contacts(&copy, "u2"), BTreeSet::from(["before".to_owned()]));
    copy.assert_clean();
}

#[test]
fn a_backup_under_mixed_load_holds_every_write_acknowledged_before_it_and_adds_up() {
    let store = large_store();
    let folder = Directory::in_memory();
    let stop = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let store = &store;
        for worker in 0..3 {
            scope.spawn(move || {
                for turn in 0.. {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let temp = employee(&format!("temp-{worker}-{turn}"));
                    let work = move |tx: &muster::store::WriteTx<'_>| {
                        let (acme, sales) = (enterprise("acme"), crate::support::department("sales"));
                        tx.create_employee(&acme, &sales, Some(temp.clone()), &crate::support::staff("temp"))?;
                        add_contact(tx, temp.as_str(), "somebody")?;
                        if turn % 2 == 0 { tx.archive_employee(&acme, &sales, &temp) } else { Ok(()) }
                    };
                    store.write(work).unwrap();
                }
            });
        }
        let _stop = StopOnDrop(stop);
        for round in 0..3 {
            let name = format!("acknowledged {round}");
            let acknowledged = name.clone();
            store.write(move |tx| add_contact(tx, "u2", &acknowledged)).unwrap();
            let file = folder.path().join(format!("{round}.db"));
            make_backup(store.directory().path(), &file).unwrap();
            let copy = open_backup(&file);
            assert_eq!(names_of_contacts(&copy, "u2").len(), round + 1);
            assert!(names_of_contacts(&copy, "u2").contains(&name));
            copy.assert_clean();
        }
    });
}

#[test]
fn the_wal_is_bounded_again_after_a_backup() {
    let store = large_store();
    let log = store.directory().path().join(format!("{DATABASE_FILE}-wal"));
    let folder = Directory::in_memory();
    let backup = PausedBackup::start(store.directory().path(), &folder.path().join("x.db"));
    let write_much = || {
        for _ in 0..100 {
            store.write(|tx| (0..100).try_for_each(|number| add_contact(tx, "u2", &format!("n{number}")))).unwrap();
        }
    };
    write_much();
    let held = std::fs::metadata(&log).unwrap().len();
    backup.finish().unwrap();
    write_much();
    let after = std::fs::metadata(&log).unwrap().len();
    // The WAL file keeps its size and is reused from its start after the next write, so that later writes fit into it.
    assert!(after < held + held / 4, "the log went on growing: {held} bytes while the backup stood, {after} after it");
}

#[test]
fn a_cancelled_backup_leaves_no_file() {
    let store = large_store();
    let folder = Directory::new();
    let backup = PausedBackup::start(store.directory().path(), &folder.path().join("x.db"));
    assert_eq!(names(folder.path()), BTreeSet::from(["x.db.partial".to_owned()]));
    let ended = backup.cancel();
    assert!(matches!(ended, Err(BackupError::Cancelled)), "{ended:?}");
    assert_eq!(names(folder.path()), BTreeSet::new());
}

#[test]
fn concurrent_backups_to_one_file_do_not_mix() {
    let store = large_store();
    let folder = Directory::new();
    let file = folder.path().join("x.db");
    let first = PausedBackup::start(store.directory().path(), &file);
    let second = make_backup(store.directory().path(), &file);
    assert!(matches!(second, Err(BackupError::UnderWay(_))), "{second:?}");
    first.finish().unwrap();
    let third = make_backup(store.directory().path(), &file);
    assert!(matches!(third, Err(BackupError::Exists(_))), "{third:?}");
}

#[test]
fn a_partial_file_of_a_killed_backup_is_overwritten() {
    let store = large_store();
    let folder = Directory::new();
    std::fs::write(folder.path().join("x.db.partial"), vec![7; 9 << 20]).unwrap();
    std::fs::write(folder.path().join("x.db.partial-journal"), "rubbish").unwrap();
    let made = make_backup(store.directory().path(), &folder.path().join("x.db")).unwrap();
    assert!(made.bytes < 9 << 20);
    assert_eq!(names(folder.path()), BTreeSet::from(["x.db".to_owned()]));
    drop(open_backup(&made.path));
}

#[test]
fn an_unusable_backup_destination_is_refused_with_a_remedy_and_nothing_is_changed() {
    let dir = WorkDir::new();
    dir.token("admin");
    dir.write("there.db", "precious");
    std::fs::create_dir(dir.path("folder")).unwrap();
    let before = names(&dir.path(""));
    let check = |arguments: &[&str], expected: &str| {
        let ended = dir.muster(&[&["backup"], arguments].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
        assert!(ended.stderr.starts_with("muster: no backup was made: "), "{}", ended.stderr);
        assert!(ended.stderr.contains(expected) && ended.stderr.lines().count() == 1, "{}", ended.stderr);
        assert_eq!(names(&dir.path("")), before);
    };
    check(&["there.db"], "there.db exists already; name another file, or replace it with --force");
    check(&["nowhere/x.db"], "the folder nowhere does not exist; make it first");
    check(&["there.db/x.db"], "there.db is a file, not a folder");
    check(&["folder"], "it is a directory; name a file in it");
    check(&["--force", "/dev/null"], "it is no regular file");
    check(&["x.db", "--data-dir", "folder"], "it holds no Muster database");
    assert_eq!(dir.read("there.db"), b"precious");
    dir.muster_ok(&["backup", "--force", "there.db"]);
    assert_ne!(dir.read("there.db"), b"precious");
}

#[test]
fn a_backup_on_the_command_line_works_with_and_without_a_server_and_is_audited() {
    let dir = WorkDir::new();
    dir.write("seed.csv", "name\nGrace\n");
    let owner = ["--enterprise", "acme", "--department", "sales", "--employee", "u1", "--create-missing"];
    dir.muster_ok(&[&["import", "seed.csv"], &owner[..]].concat());
    let without = dir.muster(&["backup", "without.db"]);
    assert_eq!((without.code, without.stdout.as_str()), (Some(0), ""), "{}", without.stderr);
    assert!(
        without.stderr.contains("without.db: ") && without.stderr.contains("1 contact, 0 tokens"),
        "{}",
        without.stderr
    );
    // A command that was alone with the database leaves no WAL behind.
    assert_eq!(names(&dir.data_dir()), BTreeSet::from(["home", "muster.db", "muster.lock"].map(str::to_owned)));

    let server = dir.serve();
    let mut client = server.client();
    client.post("/saveContact", &serde_json::json!({"userId": "u1", "contactInfo": {"name": "Ada"}}));
    let report: Value = serde_json::from_str(&dir.muster_ok(&["backup", "beside.db", "--json"])).unwrap();
    assert_eq!(report["rows"]["contacts"], 2);
    assert_eq!(report["bytes"], std::fs::metadata(dir.path("beside.db")).unwrap().len());
    let audit = client.get("/audit?action=backup");
    let entry = &audit["audit"][0];
    assert_eq!((&entry["action"], &entry["actor"]), (&"backup.create".into(), &"command line".into()));
    assert_eq!(entry["target"], dir.path("beside.db").canonicalize().unwrap().display().to_string());
    assert_eq!(entry["after"]["rows"]["contacts"], 2);
    assert_eq!(audit["totalCount"], 2);
}

#[test]
fn sigterm_cancels_a_backup_and_leaves_no_partial_file() {
    let dir = WorkDir::new();
    dir.write("seed.csv", format!("name,notes\n{}", format!("Grace,{}\n", "n".repeat(4_000)).repeat(20_000)));
    let owner = ["--enterprise", "acme", "--department", "sales", "--employee", "u1", "--create-missing"];
    dir.muster(&[&["import", "seed.csv"], &owner[..]].concat());
    let mut child = dir.command(&["backup", "x.db"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let partial = dir.path("x.db.partial");
    eventually("the backup is under way", || partial.exists().then_some(()));
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let status = eventually("the backup ends", || child.try_wait().unwrap());
    // The backup may have finished before the signal arrived.
    if status.code() == Some(1) {
        assert!(!dir.exists("x.db"));
    }
    assert!(!partial.exists(), "{status}");
}

#[test]
fn a_backup_without_disk_space_fails_before_it_writes_and_the_server_goes_on() {
    let dir = WorkDir::new();
    let disk = dir.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "muster-test"]).arg(&disk).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        println!("skipped: this user may not mount a file system");
        return;
    }
    let server = dir.serve();
    let ended = dir.muster(&["backup", "disk/x.db"]);
    let left = names(&disk);
    assert!(Command::new("umount").arg(&disk).status().unwrap().success());
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("there is no room in disk: the copy takes "), "{}", ended.stderr);
    assert_eq!(left, BTreeSet::new());
    server.client().post("/enterprise", &serde_json::json!({"id": "acme", "name": "Acme"}));
}

#[test]
fn a_disk_that_fills_up_during_a_backup_aborts_it_and_leaves_no_file() {
    let store = large_store();
    let folder = Directory::new();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=24m", "muster-test"]).arg(folder.path());
    if !mount.output().is_ok_and(|output| output.status.success()) {
        println!("skipped: this user may not mount a file system");
        return;
    }
    let backup = PausedBackup::start(store.directory().path(), &folder.path().join("x.db"));
    // Another program takes the remaining space.
    let _ = std::fs::write(folder.path().join("filler"), vec![1; 24 << 20]);
    let ended = backup.finish();
    let left = names(folder.path());
    assert!(Command::new("umount").arg(folder.path()).status().unwrap().success());
    assert!(matches!(ended, Err(BackupError::Full)), "{ended:?}");
    assert_eq!(left, BTreeSet::from(["filler".to_owned()]));
    store.write(|tx| add_contact(tx, "u1", "afterwards")).unwrap();
}

#[test]
fn a_backup_is_aborted_before_the_wal_fills_the_disk_of_the_database() {
    let directory = Directory::new();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=32m", "muster-test"]).arg(directory.path());
    if !mount.output().is_ok_and(|output| output.status.success()) {
        println!("skipped: this user may not mount a file system");
        return;
    }
    let store = write_large(directory.open());
    let folder = Directory::in_memory();
    let log = directory.path().join(format!("{DATABASE_FILE}-wal"));
    let bytes = |file: &Path| std::fs::metadata(file).unwrap().len();
    let backup = PausedBackup::start(directory.path(), &folder.path().join("x.db"));
    let before = bytes(&log);
    while bytes(&log) == before {
        store.write(|tx| (0..100).try_for_each(|number| add_contact(tx, "u2", &format!("n{number}")))).unwrap();
    }
    // Another program takes almost all of the remaining space.
    let filler = directory.path().join("filler");
    let _ = std::fs::write(&filler, vec![1; 32 << 20]);
    let taken = bytes(&filler);
    std::fs::OpenOptions::new().write(true).open(&filler).unwrap().set_len(taken - (64 << 10)).unwrap();
    let ended = backup.finish();
    let left = names(folder.path());
    std::fs::remove_file(&filler).unwrap();
    let written = store.write(|tx| add_contact(tx, "u1", "afterwards"));
    drop(store);
    assert!(Command::new("umount").arg(directory.path()).status().unwrap().success());
    assert!(matches!(ended, Err(BackupError::LogFillsDisk { .. })), "{ended:?}");
    assert_eq!(left, BTreeSet::new());
    written.unwrap();
}

#[test]
fn a_backup_goes_to_standard_output_verified_and_leaves_nothing_behind() {
    let dir = WorkDir::new();
    dir.write("people.csv", "name\nGrace\n");
    let owner = ["--enterprise", "acme", "--department", "sales", "--employee", "u1", "--create-missing"];
    dir.muster_ok(&[&["import", "people.csv"], &owner[..]].concat());
    std::fs::create_dir(dir.path("temporary")).unwrap();
    let backup = |stdout: Stdio| {
        let mut command = dir.command(&["backup", "-"]);
        command.env("TMPDIR", dir.path("temporary")).stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped());
        let output = command.output().unwrap();
        assert_eq!(std::fs::read_dir(dir.path("temporary")).unwrap().count(), 0);
        output
    };
    let made = backup(Stdio::piped());
    let stderr = String::from_utf8(made.stderr).unwrap();
    assert!(
        made.status.success() && stderr.starts_with("standard output: ") && stderr.contains("verified"),
        "{stderr}"
    );
    dir.write("piped.db", &made.stdout);
    dir.muster_ok(&["restore", "piped.db", "--data-dir", "restored"]);
    assert!(dir.muster_ok(&["check", "--data-dir", "restored"]).starts_with("clean: 1 contacts"));
    let targets = || {
        let sql = "SELECT count(*) FROM audit WHERE action = 'backup.create' AND target = 'standard output'";
        dir.database().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(targets(), 1);
    // A reader that has gone, or a full disk, has not got all of it.
    let full = backup(File::create("/dev/full").unwrap().into());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    for failed in [full, backup(writer.into())] {
        let stderr = String::from_utf8(failed.stderr).unwrap();
        assert_eq!(failed.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("the backup could not be written to standard output"), "{stderr}");
    }
    assert_eq!(targets(), 1);
    assert_eq!(dir.muster(&["backup", "-", "--json"]).code, Some(2));
}
