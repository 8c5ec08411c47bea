//! A restored backup replaces the database: complete, with a new epoch, and without access that was revoked since.

use std::path::{Path, PathBuf};

use muster::clock::Clock;
use muster::domain::access::Role;
use muster::store::{Before, DATABASE_FILE, Restore, database_path, unobserved};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{CommandOutput, Directory, TestApp, WorkDir, add_contact, enterprise, make_backup, scope};

/// A working directory with `acme`, `sales`, `u1` and one contact, and a backup of it in `x.db`.
fn backed_up_place() -> WorkDir {
    let dir = WorkDir::new();
    dir.write("seed.csv", "name\nGrace\n");
    let owner = ["--enterprise", "acme", "--department", "sales", "--employee", "u1", "--create-missing"];
    dir.muster_ok(&[&["import", "seed.csv"], &owner[..]].concat());
    dir.muster_ok(&["backup", "x.db"]);
    dir
}

fn import(dir: &WorkDir, names: &str) {
    dir.write("more.csv", format!("name\n{names}"));
    dir.muster_ok(&["import", "more.csv", "--enterprise", "acme", "--employee", "u1"]);
}

fn contacts(dir: &WorkDir) -> u64 {
    dir.database().query_row("SELECT count(*) FROM contact", [], |row| row.get(0)).unwrap()
}

/// Every file of the data directory with its content, except for the lock file, whose text names its holder.
fn state(dir: &WorkDir) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(dir.data_dir())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.ends_with("muster.lock"))
        .map(|path| (path.clone(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

fn replaced_databases(dir: &WorkDir) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(dir.data_dir()).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("muster-replaced-")).collect()
}

fn assert_refused(ended: &CommandOutput, expected: &str) {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
    assert!(ended.stderr.starts_with("muster: nothing was restored: "), "{}", ended.stderr);
    assert!(ended.stderr.contains(expected) && ended.stderr.lines().count() == 1, "{expected}: {}", ended.stderr);
}

#[test]
fn a_restore_replaces_the_database_and_keeps_the_old_one() {
    let dir = backed_up_place();
    import(&dir, "Ada\nEdsger\n");
    let report: Value = serde_json::from_str(&dir.muster_ok(&["restore", "x.db", "--yes", "--json"])).unwrap();
    assert_eq!((&report["before"]["contacts"], &report["after"]["contacts"]), (&json!(3), &json!(1)));
    assert_eq!(contacts(&dir), 1);
    dir.muster_ok(&["check"]);
    // The replaced database is complete, in one file, and can be restored in turn.
    let [old] = &replaced_databases(&dir)[..] else { panic!("{:?}", replaced_databases(&dir)) };
    assert_eq!(report["kept"], old.display().to_string().replace(dir.path("").to_str().unwrap(), ""));
    let ended = dir.muster(&["restore", old.to_str().unwrap(), "-y"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("before: 1 enterprise, 1 department, 1 employee, 1 contact"), "{}", ended.stderr);
    assert!(ended.stderr.contains("after:  1 enterprise, 1 department, 1 employee, 3 contacts"), "{}", ended.stderr);
    assert_eq!(contacts(&dir), 3);
    dir.muster_ok(&["check"]);
    // The restore is in the audit log of the restored database.
    let client = dir.serve();
    let audit = client.client().get("/audit?action=backup.restore");
    let act = &audit["audit"][0];
    assert_eq!((&act["actor"], &act["address"]), (&"command line".into(), &"local".into()));
    assert_eq!((&act["before"]["rows"]["contacts"], &act["after"]["rows"]["contacts"]), (&json!(1), &json!(3)));
    assert_eq!(act["target"], old.canonicalize().unwrap().display().to_string());
}

#[test]
fn a_backup_is_restored_into_a_new_data_directory() {
    let dir = backed_up_place();
    let ended = dir.muster(&["restore", "x.db", "--data-dir", "new/place"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("before: no database\n") && !ended.stderr.contains("is kept as"), "{}", ended.stderr);
    assert_eq!(dir.muster_ok(&["check", "--data-dir", "new/place"]), "clean: 1 contacts, 2 scopes\n");
}

#[test]
fn a_restore_is_refused_while_the_database_is_in_use_and_without_confirmation() {
    let dir = backed_up_place();
    let server = dir.serve();
    assert_refused(&dir.muster(&["restore", "x.db", "--yes"]), "is in use by `muster serve` (process ");
    drop(server);
    // Read first: closing a file releases all locks that this process has on it.
    let before = state(&dir);
    let other = dir.database();
    other.execute_batch("BEGIN; SELECT * FROM installation").unwrap();
    let ended = dir.muster(&["restore", "x.db", "--yes"]);
    assert_refused(&ended, "another program has muster-data/muster.db open; stop it first");
    drop(other);
    assert!(state(&dir) == before, "something was changed");
    let ended = dir.muster(&["restore", "x.db"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("say so with --yes"), "{}", ended.stderr);
    assert_eq!(replaced_databases(&dir), Vec::<PathBuf>::new());
}

#[test]
fn an_invalid_backup_is_refused_and_nothing_is_changed() {
    let dir = backed_up_place();
    let good = dir.read("x.db");
    let before = state(&dir);
    let check = |file: &str, content: &[u8], expected: &str| {
        dir.write(file, content);
        assert_refused(&dir.muster(&["restore", file, "--yes"]), expected);
        assert!(state(&dir) == before, "{file} changed something");
    };
    let changed = |at: usize, bytes: &[u8]| {
        let mut content = good.clone();
        content[at..at + bytes.len()].copy_from_slice(bytes);
        content
    };
    check("short.db", b"SQLite", "short.db cannot be restored: it is no SQLite file");
    check("text.db", &[b'x'; 4_096], "it is no SQLite file");
    check("foreign.db", &changed(68, b"OTHR"), "it is a SQLite file of another program");
    check("newer.db", &changed(60, &99_i32.to_be_bytes()), "it has schema version 99, but this Muster knows only");
    check("cut.db", &good[..good.len() - 8_192], "it is damaged: ");
    check("damaged.db", &changed(4_096 * 3, &[0xff; 4_096]), "it is damaged: ");
    let count = good.len() / 4_096;
    assert!(count > 8, "the backup is too small for this test");
    assert_refused(&dir.muster(&["restore", "missing.db", "--yes"]), "there is no such file");
    assert_refused(&dir.muster(&["restore", "muster-data", "--yes"]), "it is a directory");
    assert_refused(&dir.muster(&["restore", "muster-data/muster.db", "--yes"]), "it is the database itself");
    dir.write("logged.db", &good);
    dir.write("logged.db-wal", "something");
    assert_refused(&dir.muster(&["restore", "logged.db", "--yes"]), "logged.db-wal stands beside it");
    assert!(state(&dir) == before, "something was changed");
}

#[test]
fn a_foreign_key_without_its_row_is_found_in_a_backup() {
    let dir = backed_up_place();
    let loose = Connection::open(dir.path("x.db")).unwrap();
    loose.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM employee").unwrap();
    drop(loose);
    assert_refused(&dir.muster(&["restore", "x.db", "--yes"]), "refers to a row of employee that is not there");
}

#[test]
fn writes_that_are_only_in_the_old_wal_are_kept_and_never_reach_the_new_database() {
    let directory = Directory::new();
    let backups = Directory::new();
    let file = backups.path().join("x.db");
    let crashed = Directory::new();
    {
        let store = directory.open();
        store.write_people();
        make_backup(directory.path(), &file).unwrap();
        store.write(|tx| add_contact(tx, "u1", "only in the log")).unwrap();
        // The files as they are now are what a killed server leaves.
        for entry in std::fs::read_dir(directory.path()).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, crashed.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    assert!(std::fs::metadata(crashed.path().join("muster.db-wal")).unwrap().len() > 0);
    let restored = restore(crashed.path(), &file);
    assert!(matches!(restored.before, Before::Rows(rows) if rows.contacts == 1), "{restored:?}");
    assert_eq!(restored.after.contacts, 0);
    assert!(!crashed.path().join("muster.db-wal").exists());
    assert_eq!(crashed.open().contacts_of_acme(), 0);
    let again = restore(crashed.path(), &restored.kept.unwrap());
    assert_eq!(again.after.contacts, 1);
    assert_eq!(crashed.open().contacts_of_acme(), 1);
}

fn restore(data_dir: &Path, file: &Path) -> muster::store::Restored {
    let prepared = Restore::prepare(data_dir, file, &Clock::system(), &unobserved(), &mut |_| {}).unwrap();
    prepared.commit(&muster::store::Actor::command_line(), &mut |_| {}).unwrap()
}

#[test]
fn a_damaged_database_is_replaced_and_kept_as_it_is() {
    let dir = backed_up_place();
    let broken = vec![b'?'; 20_000];
    std::fs::write(dir.data_dir().join(DATABASE_FILE), &broken).unwrap();
    let ended = dir.muster(&["restore", "x.db", "--yes"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("before: nothing that can be read"), "{}", ended.stderr);
    assert!(ended.stderr.contains("which were revoked since cannot be told"), "{}", ended.stderr);
    dir.muster_ok(&["check"]);
    let [old] = &replaced_databases(&dir)[..] else { panic!("{:?}", replaced_databases(&dir)) };
    assert!(std::fs::read(old).unwrap() == broken, "it was changed");
}

#[test]
fn a_database_whose_schema_alone_is_damaged_is_replaced_and_kept() {
    let dir = backed_up_place();
    let file = dir.data_dir().join(DATABASE_FILE);
    let mut broken = std::fs::read(&file).unwrap();
    // The unchanged header identifies the file as a database of Muster.
    broken[100..4_096].fill(0xff);
    std::fs::write(&file, &broken).unwrap();
    let ended = dir.muster(&["restore", "x.db", "--yes"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("before: nothing that can be read"), "{}", ended.stderr);
    dir.muster_ok(&["check"]);
    let [old] = &replaced_databases(&dir)[..] else { panic!("{:?}", replaced_databases(&dir)) };
    assert!(std::fs::read(old).unwrap() == broken, "it was changed");
}

#[test]
fn a_database_of_another_program_is_not_replaced() {
    let dir = backed_up_place();
    let file = dir.data_dir().join(DATABASE_FILE);
    let check = |sql: &str| {
        std::fs::remove_file(&file).unwrap();
        Connection::open(&file).unwrap().execute_batch(sql).unwrap();
        let before = state(&dir);
        assert_refused(&dir.muster(&["restore", "x.db", "--yes"]), "it is a SQLite file of another program");
        assert!(state(&dir) == before, "something was changed");
    };
    check("CREATE TABLE theirs (x)");
    check("CREATE TABLE theirs (x); PRAGMA application_id = 1");
}

#[test]
fn the_first_start_changes_nothing_in_a_restored_file_and_waits_for_no_reader() {
    let directory = Directory::new();
    let file = directory.path().join("x.db");
    directory.open().write_people();
    make_backup(directory.path(), &file).unwrap();
    restore(directory.path(), &file);
    let database = database_path(directory.path());
    let content = std::fs::read(&database).unwrap();
    // SQLite's versions for writing and reading the file; 2 is the write-ahead log.
    assert_eq!(content[18..20], [2, 2]);
    for side in ["muster.db-wal", "muster.db-shm", "muster.db-journal"] {
        assert!(!directory.path().join(side).exists(), "{side}");
    }
    // The read transaction of a backup that began before the server.
    let reader = directory.raw_reader();
    reader.execute_batch("BEGIN; SELECT * FROM installation").unwrap();
    drop(directory.open());
    assert!(std::fs::read(&database).unwrap() == content, "the start changed it");
    drop(reader);
}

#[test]
fn an_older_backup_is_restored_and_migrated_when_it_is_opened() {
    let dir = WorkDir::new();
    let old = Connection::open(dir.path("old.db")).unwrap();
    old.execute_batch(include_str!("../src/store/engine/schema_v1.sql")).unwrap();
    old.execute_batch(
        "PRAGMA application_id = 0x4d555354; PRAGMA user_version = 1;
         INSERT INTO installation (id, epoch, revision) VALUES (1, 'first', 7)",
    )
    .unwrap();
    drop(old);
    let ended = dir.muster(&["restore", "old.db"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("it has schema version 1 and is migrated when it is next opened"),
        "{}",
        ended.stderr
    );
    drop(dir.serve());
    dir.muster_ok(&["check"]);
}

#[test]
fn a_restored_database_has_a_new_epoch_and_new_revisions() {
    let directory = Directory::new();
    let backups = Directory::new();
    let file = backups.path().join("x.db");
    let (epoch, seen, newest) = {
        let store = directory.open();
        store.write_people();
        make_backup(directory.path(), &file).unwrap();
        for number in 0..50 {
            store.write(move |tx| add_contact(tx, "u1", &format!("n{number}"))).unwrap();
        }
        let newest: i64 =
            directory.raw_reader().query_row("SELECT max(id) FROM contact", [], |row| row.get(0)).unwrap();
        (store.read(|tx| tx.epoch()), store.counter(), newest)
    };
    restore(directory.path(), &file);
    let store = directory.open();
    assert_ne!(store.read(|tx| tx.epoch()), epoch);
    // A client that reconnects with the revision it saw last receives every scope.
    let counter = store.counter();
    assert!(counter > seen, "{counter} after {seen}");
    let mut drawn = store.read(|tx| tx.scopes_drawn(seen, counter, 100));
    drawn.sort();
    let scopes: Vec<_> = drawn.into_iter().map(|(scope, _)| scope).collect();
    assert_eq!(scopes, [scope("acme"), scope("acme/lab"), scope("acme/sales")]);
    // The id of a contact that no longer exists is not reused, even if the clock was set back.
    let floor: i64 =
        directory.raw_reader().query_row("SELECT contact_id_floor FROM installation", [], |row| row.get(0)).unwrap();
    assert_eq!(floor, newest);
    assert!(store.read(|tx| tx.enterprise(&enterprise("acme"))).id == enterprise("acme"));
}

#[tokio::test]
async fn a_restore_ends_every_session_and_keeps_revoked_tokens_revoked() {
    let mut app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let make = async |name: &str| {
        let made = admin.post("/tokens", json!({"name": name, "role": "viewer"})).await.expect(201);
        (made["token"]["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
    };
    let (leaked, leaked_secret) = make("leaked").await;
    let (_, good_secret) = make("good").await;
    let browser = admin.browser().await;
    let directory = app.store.directory().clone();
    let file = directory.path().join("x.db");
    make_backup(directory.path(), &file).unwrap();
    admin.delete(&format!("/tokens/{leaked}")).await.expect(200);
    let (_, later_secret) = make("later").await;
    app.stop();
    app.store.close();

    let restored = restore(directory.path(), &file);
    assert_eq!((restored.tokens_kept_revoked, restored.tokens_lost, restored.sessions_ended), (1, 1, 1));
    let app = TestApp::start_in(&directory, Clock::system(), |_| {});
    let anonymous = app.anonymous();
    anonymous.with_token(&good_secret).get("/enterprise").await.expect(200);
    anonymous.with_token(admin.token()).get("/enterprise").await.expect(200);
    anonymous.with_token(&leaked_secret).get("/enterprise").await.problem(401);
    anonymous.with_token(&later_secret).get("/enterprise").await.problem(401);
    anonymous.as_signed_in(&browser).get("/enterprise").await.problem(401);
}

#[tokio::test]
async fn revoked_tokens_stay_revoked_after_repeated_restores() {
    let mut app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let leaked = admin.post("/tokens", json!({"name": "leaked", "role": "viewer"})).await.expect(201);
    let limited = app.enterprise_client(Role::Viewer, "globex").await;
    let directory = app.store.directory().clone();
    let file = directory.path().join("x.db");
    make_backup(directory.path(), &file).unwrap();
    let id = leaked["token"]["id"].as_str().unwrap();
    admin.delete(&format!("/tokens/{id}")).await.expect(200);
    // A purge of an enterprise revokes the tokens that are limited to it, and a backup that contains them does not
    // restore them.
    admin.delete("/enterprise/globex?purge=true").await.expect(202);
    app.stop();
    app.store.close();

    for round in 1..=3 {
        assert_eq!(restore(directory.path(), &file).tokens_kept_revoked, 2, "restore {round}");
    }
    let app = TestApp::start_in(&directory, Clock::system(), |_| {});
    let leaked = app.anonymous().with_token(leaked["secret"].as_str().unwrap());
    leaked.get("/enterprise").await.problem(401);
    app.anonymous().with_token(limited.token()).get("/enterprise").await.problem(401);
    // Each revocation is audited once, with the command that restored as its actor.
    let log = app.anonymous().with_token(admin.token()).get("/audit?action=token.revoke").await.expect(200);
    assert_eq!(log["totalCount"], 2, "{log}");
    assert!(log["audit"].as_array().unwrap().iter().all(|act| act["actor"] == "command line"), "{log}");
}

#[test]
fn a_new_lock_file_belongs_to_the_owner_of_the_data_directory() {
    use std::os::unix::fs::{MetadataExt, chown};
    let directory = Directory::new();
    if chown(directory.path(), Some(65_534), Some(65_534)).is_err() {
        println!("skipped: this user may not give files away");
        return;
    }
    let source = Directory::new();
    let file = source.path().join("x.db");
    drop(source.open());
    make_backup(source.path(), &file).unwrap();
    restore(directory.path(), &file);
    for name in ["muster.lock", DATABASE_FILE] {
        let owner = std::fs::metadata(directory.path().join(name)).unwrap();
        assert_eq!((owner.uid(), owner.gid()), (65_534, 65_534), "{name}");
    }
    // An existing lock file keeps its owner.
    let lock = directory.path().join("muster.lock");
    chown(&lock, Some(0), Some(0)).unwrap();
    restore(directory.path(), &file);
    assert_eq!(std::fs::metadata(&lock).unwrap().uid(), 0);
}

#[test]
fn a_restore_keeps_the_owner_and_the_permissions_of_the_database() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let directory = Directory::new();
    let file = directory.path().join("x.db");
    drop(directory.open());
    make_backup(directory.path(), &file).unwrap();
    let database = database_path(directory.path());
    std::fs::set_permissions(&database, std::fs::Permissions::from_mode(0o640)).unwrap();
    let may_give_away = std::os::unix::fs::chown(&database, Some(1_234), Some(1_235)).is_ok();
    let owner = std::fs::metadata(&database).unwrap();
    restore(directory.path(), &file);
    let now = std::fs::metadata(&database).unwrap();
    assert_eq!((now.uid(), now.gid(), now.mode() & 0o777), (owner.uid(), owner.gid(), 0o640));
    if !may_give_away {
        println!("only permissions were tried: this user may not give files away");
    }
}
